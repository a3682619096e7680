//! Refreshing, logging out, and how the end of a session is heard.

use std::time::Duration;

use base::Secret;
use base::{Rule, Time};
use bus::ControlMessage;
use domain::Actor;
use domain::users::{self, ClientContext, UserError};
use protocol::Event;
use protocol::channel::Channel;
use protocol::users::{RefreshSession, SignedIn};

use super::{rule, signed_in};
use crate::world::World;

async fn refresh(world: &World, token: &str) -> Result<SignedIn, UserError> {
    let input = RefreshSession { refresh_token: Secret::new(token) };
    users::refresh_session(world, &ClientContext::default(), input).await
}

async fn actor(world: &World, answer: &SignedIn) -> Actor {
    users::authenticate(world, &answer.access_token).await.unwrap().actor
}

#[tokio::test]
async fn a_refresh_token_is_good_for_one_new_pair() {
    let world = World::new().await;
    world.user("sara").await;
    let first = signed_in(&world, "sara").await;
    let second = refresh(&world, &first.refresh_token).await.unwrap();
    assert_ne!(first.refresh_token, second.refresh_token);
    let (one, two) = (actor(&world, &first).await, actor(&world, &second).await);
    assert_eq!(one.session_id(), two.session_id(), "the session goes on");
    assert_ne!(one.token_id(), two.token_id());
    let third = refresh(&world, &second.refresh_token).await.unwrap();
    assert_eq!(third.user.username, "sara");
    let rows = world.database.number("SELECT COUNT(*) FROM personal_access_tokens").await.unwrap();
    assert_eq!(rows, 1, "used ones are deleted");
    let abilities = world.database.text("SELECT abilities FROM personal_access_tokens").await.unwrap();
    assert_eq!(abilities.as_deref(), Some(r#"["refresh"]"#));
    let kind = world.database.text("SELECT tokenable_type FROM personal_access_tokens").await.unwrap();
    assert_eq!(kind.as_deref(), Some("App\\Models\\User"));
}

#[tokio::test]
async fn a_used_refresh_token_ends_its_whole_session() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    let stolen = signed_in(&world, "sara").await;
    let elsewhere = signed_in(&world, "sara").await;
    let newer = refresh(&world, &stolen.refresh_token).await.unwrap();
    let newest = refresh(&world, &newer.refresh_token).await.unwrap();
    let session = actor(&world, &newest).await.session_id().unwrap().to_owned();
    let mut ear = world.ear().await;

    assert_eq!(rule(refresh(&world, &stolen.refresh_token).await), Rule::REFRESH_TOKEN_REUSED);
    let heard = ear.next_control().await;
    assert_eq!(heard, ControlMessage::SessionRevoked { user_id: id, subject: session.clone() });
    for answer in [&stolen, &newer, &newest] {
        let refused = users::authenticate(&world, &answer.access_token).await;
        assert_eq!(rule(refused), Rule::UNAUTHENTICATED);
    }
    assert_eq!(rule(refresh(&world, &newest.refresh_token).await), Rule::UNAUTHENTICATED);
    let told = world.events(Channel::User(id)).await;
    assert_eq!(told.last().unwrap().event, Event::SessionRevoked { session_id: Some(session) });
    // The other session is not concerned.
    assert!(users::authenticate(&world, &elsewhere.access_token).await.is_ok());
    refresh(&world, &elsewhere.refresh_token).await.unwrap();
}

#[tokio::test]
async fn nobody_ends_a_session_by_guessing_ids() {
    let world = World::new().await;
    world.user("sara").await;
    let first = signed_in(&world, "sara").await;
    let second = refresh(&world, &first.refresh_token).await.unwrap();
    let (used_id, _) = first.refresh_token.split_once('|').unwrap();
    let (id, plain) = second.refresh_token.split_once('|').unwrap();
    for guess in [
        format!("{used_id}|{}", "x".repeat(48)),
        format!("{used_id}|{plain}"),
        format!("{id}|{}", "x".repeat(48)),
        format!("{id}|"),
        format!("|{plain}"),
        plain.to_owned(),
        String::new(),
        "999999|abc".to_owned(),
        second.access_token.clone(),
    ] {
        assert_eq!(rule(refresh(&world, &guess).await), Rule::UNAUTHENTICATED, "{guess}");
    }
    assert!(users::authenticate(&world, &second.access_token).await.is_ok());
    refresh(&world, &second.refresh_token).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_refreshes_at_once_one_is_a_reuse() {
    let world = World::new().await;
    world.user("sara").await;
    let first = signed_in(&world, "sara").await;
    let (one, two) =
        tokio::join!(refresh(&world, &first.refresh_token), refresh(&world, &first.refresh_token));
    let (won, lost): (Vec<_>, Vec<_>) = [one, two].into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 1));
    for loser in lost {
        assert_eq!(rule(loser), Rule::REFRESH_TOKEN_REUSED);
    }
}

#[tokio::test]
async fn refresh_tokens_expire() {
    let world = World::new().await;
    world.user("sara").await;
    let answer = signed_in(&world, "sara").await;
    let most = world
        .database
        .number("SELECT TIMESTAMPDIFF(SECOND, created_at, expires_at) FROM personal_access_tokens")
        .await;
    assert_eq!(most.unwrap(), 30 * 24 * 3_600);
    let past = "UPDATE personal_access_tokens SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND";
    world.database.execute(past).await.unwrap();
    assert_eq!(rule(refresh(&world, &answer.refresh_token).await), Rule::TOKEN_EXPIRED);
}

#[tokio::test]
async fn a_refresh_token_is_no_bearer() {
    let world = World::new().await;
    world.user("sara").await;
    let answer = signed_in(&world, "sara").await;
    assert_eq!(rule(users::authenticate(&world, &answer.refresh_token).await), Rule::UNAUTHENTICATED);
}

#[tokio::test]
async fn logging_out_is_heard_by_every_node() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    let answer = signed_in(&world, "sara").await;
    let other_node = world.another_node("n2").await;
    let hearer = users::authenticate(&other_node, &answer.access_token).await.unwrap().actor;
    let session = hearer.session_id().unwrap().to_owned();
    let mut ear = world.ear().await;

    users::log_out(&world, &actor(&world, &answer).await).await.unwrap();
    assert_eq!(rule(users::authenticate(&world, &answer.access_token).await), Rule::UNAUTHENTICATED);
    assert_eq!(rule(refresh(&world, &answer.refresh_token).await), Rule::UNAUTHENTICATED);
    let heard = ear.next_control().await;
    assert_eq!(heard, ControlMessage::SessionRevoked { user_id: id, subject: session });
    // A node knows from the moment that it hears …
    assert!(users::authenticate(&other_node, &answer.access_token).await.is_ok());
    users::observe_control(&other_node, &heard);
    assert_eq!(rule(users::authenticate(&other_node, &answer.access_token).await), Rule::UNAUTHENTICATED);
    // … one that starts later reads it, and one that was deaf reads it within half a minute.
    let late = world.another_node("n3").await;
    assert_eq!(rule(users::authenticate(&late, &answer.access_token).await), Rule::UNAUTHENTICATED);
    // Again, by who has the old actor still: nothing happens.
    users::log_out(&world, &hearer).await.unwrap();
    for table in ["personal_access_tokens", "hub_token_sessions", "hub_used_refresh_tokens"] {
        let count = world.database.number(&format!("SELECT COUNT(*) FROM {table}")).await.unwrap();
        assert_eq!(count, 0, "{table}");
    }
}

#[tokio::test]
async fn revocations_are_read_again_after_deafness() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    let answer = signed_in(&world, "sara").await;
    let session = actor(&world, &answer).await.session_id().unwrap().to_owned();
    let sql = format!(
        "INSERT INTO hub_revoked_tokens (subject, user_id, expires_at) VALUES \
         ('{session}', {id}, UTC_TIMESTAMP() + INTERVAL 1 HOUR)"
    );
    world.database.execute(&sql).await.unwrap();
    let who = users::authenticate(&world, &answer.access_token).await.expect("not heard of yet").actor;
    let loaded = users::watch_revocations(&world);
    assert!(!loaded.has_changed().unwrap() && !users::is_revoked(&world, &who));
    users::load_revocations(&world).await.unwrap();
    assert!(loaded.has_changed().unwrap() && users::is_revoked(&world, &who));
    assert_eq!(rule(users::authenticate(&world, &answer.access_token).await), Rule::UNAUTHENTICATED);
}

#[tokio::test]
async fn a_token_without_a_session_can_be_revoked_too() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    let token = users::mint_access_token(&world, id, Duration::from_secs(60)).await.unwrap();
    let who = users::authenticate(&world, &token).await.unwrap();
    assert_eq!((who.actor.session_id(), who.actor.can("wallet")), (None, true));
    assert!((50..=60).contains(&(who.expires_at.unwrap().unix_seconds() - Time::now().unix_seconds())));
    users::log_out(&world, &who.actor).await.unwrap();
    assert_eq!(rule(users::authenticate(&world, &token).await), Rule::UNAUTHENTICATED);
    let late = world.another_node("n2").await;
    assert_eq!(rule(users::authenticate(&late, &token).await), Rule::UNAUTHENTICATED);
    assert!(users::mint_access_token(&world, 999, Duration::from_secs(60)).await.is_err());
}

#[tokio::test]
async fn expired_deleted_and_foreign_access_tokens_are_told_apart() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    let expired = users::mint_access_token(&world, id, Duration::ZERO).await.unwrap();
    assert_eq!(rule(users::authenticate(&world, &expired).await), Rule::TOKEN_EXPIRED);
    let token = users::mint_access_token(&world, id, Duration::from_secs(60)).await.unwrap();
    for bad in [format!("{token}x"), "a.b.c".to_owned(), String::new(), "x".repeat(5_000), "..".to_owned()] {
        assert_eq!(rule(users::authenticate(&world, &bad).await), Rule::UNAUTHENTICATED);
    }
    let foreign = World::with(|settings| settings.auth.issuer = "another".to_owned()).await;
    assert_eq!(rule(users::authenticate(&foreign, &token).await), Rule::UNAUTHENTICATED);
    world.database.execute("UPDATE users SET deleted_at = UTC_TIMESTAMP()").await.unwrap();
    world.bus.cache_invalidate(&[&users::state_key(id)]).await.unwrap();
    let refused = users::authenticate(&world, &token).await.unwrap_err();
    assert!(matches!(refused, UserError::AccountDeleted), "{refused:?}");
}

#[tokio::test]
async fn an_access_token_needs_no_query_once_the_state_is_cached() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    let token = users::mint_access_token(&world, id, Duration::from_secs(60)).await.unwrap();
    users::authenticate(&world, &token).await.unwrap();
    world.store.close().await;
    let who = users::authenticate(&world, &token).await.unwrap();
    assert_eq!(who.state.name, "sara مستخدم");
    let other = users::find_state(&world, id + 1).await;
    assert!(other.is_err(), "somebody else's would be a query");
}

#[tokio::test]
async fn states_are_made_stale_by_writes_and_keep_the_order_asked() {
    let world = World::new().await;
    let (sara, _) = world.user("sara").await;
    let (omar, _) = world.user("omar").await;
    let names = async || {
        let states = users::find_states(&world, &[omar, 999, sara]).await.unwrap();
        states.into_iter().map(|state| state.username).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["omar", "sara"]);
    world.database.execute("UPDATE users SET username = 'umar' WHERE username = 'omar'").await.unwrap();
    assert_eq!(names().await, ["omar", "sara"], "from the cache");
    let mut unit = world.begin().await.unwrap();
    unit.forget_user(omar);
    unit.commit(&world).await.unwrap();
    assert_eq!(names().await, ["umar", "sara"]);
    // 999 was asked for before it was there.
    world.database.execute("ALTER TABLE users AUTO_INCREMENT = 999").await.unwrap();
    let (id, _) = world.user("huda").await;
    assert_eq!(id, 999);
    assert_eq!(names().await, ["umar", "huda", "sara"]);
}
