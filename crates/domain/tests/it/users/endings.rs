//! The end of accounts (domain.md §4.4, D22): deleted, had back, purged.

use base::{Rule, Secret};
use bus::ControlMessage;
use domain::machine::{Machine, may};
use domain::users::{self, AccountStatus};
use domain::{Actor, machine};
use protocol::accounts::DeleteAccount;
use protocol::users::UpdateStanding;

use super::{fields, log_in, rule, signed_in};
use crate::society::unlimited;
use crate::stage::Stage;
use crate::world::{PASSWORD, World};

async fn delete(world: &World, actor: &Actor) -> Result<(), users::UserError> {
    users::delete_account(world, actor, DeleteAccount { password: Secret::new(PASSWORD) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_account_is_nowhere_and_can_be_had_back() {
    let world = unlimited().await;
    let (_, root) = world.user_with_role("root", "super-admin").await;
    let (id, actor) = world.user("sara").await;
    let session = signed_in(&world, "sara").await;
    let wrong = DeleteAccount { password: Secret::new("wrong") };
    assert_eq!(rule(users::delete_account(&world, &actor, wrong).await), Rule::INVALID_CREDENTIALS);
    let none = DeleteAccount { password: Secret::new("") };
    assert_eq!(fields(users::delete_account(&world, &actor, none).await), ["password"]);
    let mut ear = world.ear().await;
    delete(&world, &actor).await.unwrap();
    let mut closed = false;
    while !closed {
        closed = ear.next_control().await == ControlMessage::UserSuspended { user_id: id };
    }
    assert_eq!(rule(users::authenticate(&world, &session.access_token).await), Rule::UNAUTHENTICATED);
    assert_eq!(rule(log_in(&world, "sara", PASSWORD, "203.0.113.7").await), Rule::INVALID_CREDENTIALS);
    assert_eq!(rule(users::find_user(&world, None, "sara").await), Rule::NOT_FOUND);
    assert_eq!(world.number("SELECT COUNT(*) FROM personal_access_tokens").await, 0);
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_mails WHERE user_id IS NOT NULL").await, 1);
    assert_eq!(rule(delete(&world, &actor).await), Rule::UNAUTHENTICATED);

    // Twenty-nine days on it is still there for who may see it.
    world
        .execute("UPDATE users SET deleted_at = deleted_at - INTERVAL 29 DAY WHERE deleted_at IS NOT NULL")
        .await;
    assert_eq!(users::purge_accounts_due(&world).await.unwrap(), 0);
    assert_eq!(users::find_account(&world, &root, Some(id)).await.unwrap().status, "deleted");
    assert_eq!(rule(users::restore_account(&world, &actor, id).await), Rule::FORBIDDEN);
    assert_eq!(rule(users::restore_account(&world, &root, 999).await), Rule::NOT_FOUND);
    let back = users::restore_account(&world, &root, id).await.unwrap();
    assert_eq!((back.status.as_str(), back.deleted_at), ("active", None));
    log_in(&world, "sara", PASSWORD, "203.0.113.7").await.unwrap();
    let again = users::restore_account(&world, &root, id).await;
    assert_eq!(rule(again), Rule::ILLEGAL_TRANSITION);
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_audit_logs WHERE action = 'users.restore'").await, 1);
    // The last super-admin stays.
    assert_eq!(rule(delete(&world, &root).await), Rule::PROTECTED_ACCOUNT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_days_on_an_account_without_history_goes_and_counters_stay_right() {
    let world = unlimited().await;
    let (id, actor) = world.user("sara").await;
    let (omar, omar_acts) = world.user("omar").await;
    let (huda, _) = world.user("huda").await;
    for (follower, following) in [(id, omar), (omar, id), (huda, omar)] {
        world.follow(follower, following).await;
    }
    let sent = serde_json::json!({"client_id": uuid::Uuid::new_v4(), "user_id": omar, "body": "salam"});
    let sent: protocol::chat::SendMessage = serde_json::from_value(sent).unwrap();
    domain::chat::send_message(&world, &actor, sent).await.unwrap();
    for statement in [
        format!(
            "INSERT INTO posts (id, user_id, post_type, comments_count, reactions_count, shares_count) VALUES (1, {omar}, 'text', 3, 2, 1)"
        ),
        format!("INSERT INTO posts (id, user_id, post_type, reactions_count) VALUES (2, {id}, 'text', 1)"),
        format!(
            "INSERT INTO comments (id, post_id, user_id, content) VALUES (1, 1, {id}, 'a'), (2, 1, {huda}, 'b')"
        ),
        format!(
            "INSERT INTO comments (id, post_id, user_id, parent_id, content) VALUES (3, 1, {huda}, 1, 'c')"
        ),
        format!(
            "INSERT INTO reactions (user_id, reactable_type, reactable_id, type) VALUES ({id}, 'post', 1, 'like'), ({huda}, 'App\\\\Models\\\\Post', 1, 'like'), ({huda}, 'post', 2, 'like')"
        ),
        format!("INSERT INTO post_shares (user_id, post_id) VALUES ({id}, 1)"),
    ] {
        world.execute(&statement).await;
    }
    delete(&world, &actor).await.unwrap();
    world
        .execute("UPDATE users SET deleted_at = deleted_at - INTERVAL 31 DAY WHERE deleted_at IS NOT NULL")
        .await;
    assert_eq!(users::purge_accounts_due(&world).await.unwrap(), 1);
    assert_eq!(users::purge_accounts_due(&world).await.unwrap(), 0);
    let profile =
        |column: &str, user: u64| format!("SELECT {column} FROM user_profiles WHERE user_id = {user}");
    for (query, expected) in [
        (format!("SELECT COUNT(*) FROM users WHERE id = {id}"), 0),
        (format!("SELECT COUNT(*) FROM wallets WHERE user_id = {id}"), 0),
        (profile("followers_count * 1", omar), 1),
        (profile("following_count * 1", omar), 0),
        (profile("following_count * 1", huda), 1),
        ("SELECT comments_count * 1 FROM posts WHERE id = 1".to_owned(), 1),
        ("SELECT reactions_count * 1 FROM posts WHERE id = 1".to_owned(), 1),
        ("SELECT shares_count * 1 FROM posts WHERE id = 1".to_owned(), 0),
        ("SELECT COUNT(*) FROM reactions".to_owned(), 1),
        ("SELECT COUNT(*) FROM conversations".to_owned(), 0),
        (format!("SELECT unread_total * 1 FROM hub_chat_counters WHERE user_id = {omar}"), 0),
    ] {
        assert_eq!(world.number(&format!("SELECT CAST(({query}) AS SIGNED)")).await, expected, "{query}");
    }
    assert_eq!(users::find_me(&world, &omar_acts).await.unwrap().unread.messages, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_days_on_an_account_with_a_ledger_is_nameless_and_the_ledger_stays() {
    let stage = Stage::new().await;
    let actor = stage.rich("sara", "12.50").await;
    let id = actor.user_id();
    stage
        .run(&format!(
            "UPDATE users SET avatar = 'a.png', phone = '+966501234567', headline = 'x' WHERE id = {id}"
        ))
        .await;
    stage
        .run(&format!("UPDATE user_profiles SET bio = 'x', social_links = '{{}}' WHERE user_id = {id}"))
        .await;
    delete(&stage.world, &actor).await.unwrap();
    stage.run(&format!("UPDATE users SET deleted_at = deleted_at - INTERVAL 31 DAY WHERE id = {id}")).await;
    // Its time is over, whether the clock has come by or not.
    let root = stage.person("root").await;
    stage.appoint(&root, "super-admin").await;
    assert_eq!(rule(users::restore_account(&stage.app, &root, id).await), Rule::ILLEGAL_TRANSITION);
    assert_eq!(users::purge_accounts_due(&stage.app).await.unwrap(), 1);
    assert_eq!(users::purge_accounts_due(&stage.app).await.unwrap(), 0, "once");
    let row = stage
        .text(&format!(
            "SELECT CONCAT_WS('|', name, username, email, phone, avatar, headline) FROM users WHERE id = {id}"
        ))
        .await;
    assert_eq!(row, format!("Deleted user|deleted_{id}|deleted+{id}@invalid"));
    let left = format!(
        "SELECT COUNT(*) FROM user_profiles WHERE user_id = {id} AND (bio IS NOT NULL OR social_links IS NOT NULL)"
    );
    assert_eq!(stage.count(&left).await, 0);
    assert_eq!(stage.count(&format!("SELECT COUNT(*) FROM transactions WHERE user_id = {id}")).await, 1);
    stage.assert_ledger_holds().await;
    assert_eq!(users::find_account(&stage.app, &root, Some(id)).await.unwrap().status, "purged");
    assert_eq!(rule(users::restore_account(&stage.app, &root, id).await), Rule::ILLEGAL_TRANSITION);
}

/// A walk of random steps through the operations themselves: each does what the table says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_go_through_their_states_as_the_table_says() {
    let world = unlimited().await;
    let (_, root) = world.user_with_role("root", "super-admin").await;
    let (id, actor) = world.user("sara").await;
    let mut seed = 20_261_201_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        usize::try_from(seed >> 16).unwrap()
    };
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let from = users::find_account(&world, &root, Some(id)).await.unwrap().status;
        let from = *AccountStatus::STATES.iter().find(|one| one.name() == from).unwrap();
        let standing = |is_active| UpdateStanding { is_active: Some(is_active), ..UpdateStanding::default() };
        let (to, done) = match next() % 4 {
            0 => {
                let done = users::update_standing(&world, &root, id, standing(false)).await;
                (AccountStatus::Suspended, done.map(drop))
            }
            1 => {
                let done = users::update_standing(&world, &root, id, standing(true)).await;
                (AccountStatus::Active, done.map(drop))
            }
            2 => (AccountStatus::Deleted, delete(&world, &actor).await),
            _ => (AccountStatus::Active, users::restore_account(&world, &root, id).await.map(drop)),
        };
        let now = users::find_account(&world, &root, Some(id)).await.unwrap().status;
        match done {
            // Saying again what is so changes nothing.
            Ok(()) => assert!(now == to.name() && (from == to || may(from, to)), "{from:?} -> {to:?}: {now}"),
            Err(_refused) => assert_eq!(now, from.name(), "{to:?}"),
        }
        seen.insert(now);
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_eq!(machine::allowed(AccountStatus::Purged), [""; 0], "final");
}
