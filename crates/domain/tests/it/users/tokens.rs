//! Sanctum's tokens: Laravel's and ours; the list of tokens.

use std::time::Duration;

use base::Secret;
use base::{Rule, Time};
use bus::ControlMessage;
use domain::users::{self, UserError};
use protocol::users::{CreateToken, TokenCreated};

use super::{fields, rule, signed_in};
use crate::world::{PASSWORD, World};

/// What Laravel's `createToken` leaves in the table for the plain text `PLAIN`.
const PLAIN: &str = "0123456789abcdefghijABCDEFGHIJ0123456789a9f1c2d3";

async fn laravel_token(world: &World, user_id: u64, columns: &str) -> String {
    let [morph, abilities, expires_at, created_at] =
        columns.split(';').collect::<Vec<_>>().try_into().unwrap();
    let sql = format!(
        "INSERT INTO personal_access_tokens \
         (tokenable_type, tokenable_id, name, token, abilities, expires_at, created_at, updated_at) VALUES \
         ('{morph}', {user_id}, 'laravel', SHA2('{PLAIN}', 256), {abilities}, {expires_at}, {created_at}, UTC_TIMESTAMP())"
    );
    world.database.execute("DELETE FROM personal_access_tokens").await.unwrap();
    world.database.execute(&sql).await.unwrap();
    let id =
        world.database.text("SELECT CAST(id AS CHAR) FROM personal_access_tokens").await.unwrap().unwrap();
    format!("{id}|{PLAIN}")
}

const USER: &str = "App\\\\Models\\\\User";

#[tokio::test]
async fn laravels_tokens_are_bearers() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    for morph in [USER, "user"] {
        let token = laravel_token(&world, id, &format!("{morph};'[\"*\"]';NULL;UTC_TIMESTAMP()")).await;
        let who = users::authenticate(&world, &token).await.unwrap();
        assert_eq!((who.actor.user_id(), who.actor.session_id(), who.expires_at), (id, None, None));
        assert!(who.actor.can("wallet"));
        assert_eq!(who.actor.token_id(), format!("token:{}", token.split_once('|').unwrap().0));
        // The plain text alone, as before Sanctum 3, and what only looks like it.
        assert!(users::authenticate(&world, PLAIN).await.is_ok(), "{morph}");
        let (number, _) = token.split_once('|').unwrap();
        for bad in [
            format!("{number}|{PLAIN}x"),
            format!("{number}|"),
            format!("|{PLAIN}"),
            format!("x{number}|{PLAIN}"),
            format!("{number}1|{PLAIN}"),
            format!(" {token}"),
            format!("{PLAIN}x"),
        ] {
            assert_eq!(rule(users::authenticate(&world, &bad).await), Rule::UNAUTHENTICATED, "{bad}");
        }
        world.bus.cache_invalidate(&[&format!("token-hash:{}", sha256(&world).await)]).await.unwrap();
    }
    let other = laravel_token(&world, id, "App\\\\Models\\\\Bot;'[\"*\"]';NULL;UTC_TIMESTAMP()").await;
    assert_eq!(rule(users::authenticate(&world, &other).await), Rule::UNAUTHENTICATED);
}

async fn sha256(world: &World) -> String {
    world
        .database
        .text(&format!("SELECT CONVERT(SHA2('{PLAIN}', 256) USING utf8mb4)"))
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn abilities_and_ends_are_sanctums() {
    let world = World::with(|settings| {
        settings.auth.sanctum_expiration = Some(Duration::from_secs(3_600));
    })
    .await;
    let (id, _) = world.user("sara").await;
    let token =
        laravel_token(&world, id, &format!("{USER};'[\"read\",\"realtime\"]';NULL;UTC_TIMESTAMP()")).await;
    let who = users::authenticate(&world, &token).await.unwrap();
    assert!(who.actor.can("read") && who.actor.can("realtime") && !who.actor.can("write"));
    assert!(who.actor.require("wallet").is_err());
    let left = who.expires_at.unwrap().unix_seconds() - Time::now().unix_seconds();
    assert!((3_590..=3_600).contains(&left), "by its age: {left}");

    let soon = format!("{USER};'[\"*\"]';UTC_TIMESTAMP() + INTERVAL 60 SECOND;UTC_TIMESTAMP()");
    let who = users::authenticate(&world, &laravel_token(&world, id, &soon).await).await.unwrap();
    assert!(who.expires_at.unwrap().unix_seconds() - Time::now().unix_seconds() <= 60);
    for over in [
        format!("{USER};'[\"*\"]';UTC_TIMESTAMP() - INTERVAL 1 SECOND;UTC_TIMESTAMP()"),
        format!("{USER};'[\"*\"]';NULL;UTC_TIMESTAMP() - INTERVAL 61 MINUTE"),
        format!("{USER};'[\"*\"]';NULL;NULL"),
    ] {
        let token = laravel_token(&world, id, &over).await;
        assert_eq!(rule(users::authenticate(&world, &token).await), Rule::TOKEN_EXPIRED, "{over}");
    }
    let none = laravel_token(&world, id, &format!("{USER};NULL;NULL;UTC_TIMESTAMP()")).await;
    let who = users::authenticate(&world, &none).await.unwrap();
    assert!(who.actor.abilities().is_empty());
}

#[tokio::test]
async fn tokens_of_suspended_and_deleted_users_do_not_hold() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    let token = laravel_token(&world, id, &format!("{USER};'[\"*\"]';NULL;UTC_TIMESTAMP()")).await;
    world.database.execute("UPDATE users SET is_active = 0").await.unwrap();
    assert_eq!(rule(users::authenticate(&world, &token).await), Rule::ACCOUNT_SUSPENDED);
    world.database.execute("UPDATE users SET deleted_at = UTC_TIMESTAMP()").await.unwrap();
    world.bus.cache_invalidate(&[&users::state_key(id)]).await.unwrap();
    let refused = users::authenticate(&world, &token).await;
    assert!(matches!(refused, Err(UserError::AccountDeleted)));
    assert_eq!(rule(refused), Rule::UNAUTHENTICATED);
}

#[tokio::test]
async fn the_last_use_is_written_once_a_minute_and_nobody_waits_for_it() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    let token = laravel_token(&world, id, &format!("{USER};'[\"*\"]';NULL;UTC_TIMESTAMP()")).await;
    let used = "SELECT COUNT(*) FROM personal_access_tokens WHERE last_used_at IS NOT NULL";
    // Somebody holds the row: the request does not wait for him.
    let number: u64 = token.split_once('|').unwrap().0.parse().unwrap();
    let mut holder = world.store.begin().await.unwrap();
    store::tokens::delete_tokens(&mut holder, &[number]).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(2), users::authenticate(&world, &token)).await;
    answer.expect("the row's lock is waited for").unwrap();
    assert_eq!(world.database.number(used).await.unwrap(), 0);
    drop(holder);
    let written = async {
        while world.database.number(used).await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), written).await.expect("written in the background");

    // Not again by this process, and not by another, which did not see the first use.
    let old = "UPDATE personal_access_tokens SET last_used_at = UTC_TIMESTAMP() - INTERVAL 30 SECOND";
    world.database.execute(old).await.unwrap();
    let other_node = world.another_node("n2").await;
    for app in [&world.app, &other_node] {
        for _ in 0..3 {
            users::authenticate(app, &token).await.unwrap();
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let old = "SELECT COUNT(*) FROM personal_access_tokens \
               WHERE last_used_at < UTC_TIMESTAMP() - INTERVAL 20 SECOND";
    assert_eq!(world.database.number(old).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_no_token_is_asked_of_mysql_once() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    let row = format!(
        "INSERT INTO personal_access_tokens (id, tokenable_type, tokenable_id, name, token, abilities) \
         VALUES (77, '{USER}', {id}, 'late', SHA2('{PLAIN}', 256), '[\"*\"]')"
    );
    let token = format!("77|{PLAIN}");
    assert_eq!(rule(users::authenticate(&world, &token).await), Rule::UNAUTHENTICATED);
    // Whoever asks for a number cannot have the token refused that gets it: another secret is another question.
    let other = format!("77|{}", PLAIN.replace('a', "b"));
    world.database.execute(&row.replace(PLAIN, &PLAIN.replace('a', "b"))).await.unwrap();
    assert!(users::authenticate(&world, &other).await.is_ok());
    world.database.execute("DELETE FROM personal_access_tokens").await.unwrap();
    world.database.execute(&row).await.unwrap();
    world.bus.cache_invalidate(&["token:77"]).await.unwrap();
    assert_eq!(rule(users::authenticate(&world, &token).await), Rule::UNAUTHENTICATED, "remembered");
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    // What only MySQL knows is not asked for where it must not be.
    assert!(users::authenticate_from_cache(&world, &token).await.unwrap().is_none());
    assert!(users::authenticate(&world, &token).await.is_ok(), "for 5 s only");
    assert_eq!(users::authenticate_from_cache(&world, &token).await.unwrap().unwrap().actor.user_id(), id);
}

#[tokio::test]
async fn a_cached_token_ends_when_it_is_deleted() {
    let world = World::new().await;
    let (_, actor) = world.user("sara").await;
    let made = create(&world, &actor, None).await.unwrap();
    let other_node = world.another_node("n2").await;
    users::authenticate(&other_node, &made.token).await.unwrap();
    let mut ear = world.ear().await;
    users::revoke_token(&world, &actor, made.info.id).await.unwrap();
    let subject = format!("token:{}", made.info.id);
    let heard = ear.next_control().await;
    assert_eq!(heard, ControlMessage::SessionRevoked { user_id: actor.user_id(), subject });
    for app in [&world.app, &other_node] {
        assert_eq!(rule(users::authenticate(app, &made.token).await), Rule::UNAUTHENTICATED);
    }
    assert_eq!(rule(users::revoke_token(&world, &actor, made.info.id).await), Rule::NOT_FOUND);
}

#[tokio::test]
async fn a_token_that_laravel_deletes_ends_with_its_cache_entry() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    let token = laravel_token(&world, id, &format!("{USER};'[\"*\"]';NULL;UTC_TIMESTAMP()")).await;
    users::authenticate(&world, &token).await.unwrap();
    world.database.execute("DELETE FROM personal_access_tokens").await.unwrap();
    assert!(users::authenticate(&world, &token).await.is_ok(), "at most 30 s more");
    let (number, _) = token.split_once('|').unwrap();
    world.bus.cache_invalidate(&[&format!("token:{number}")]).await.unwrap();
    assert_eq!(rule(users::authenticate(&world, &token).await), Rule::UNAUTHENTICATED);
}

async fn create(
    world: &World,
    actor: &domain::Actor,
    abilities: Option<&[&str]>,
) -> Result<TokenCreated, UserError> {
    let input = CreateToken {
        name: "Reports".to_owned(),
        password: Secret::new(PASSWORD),
        abilities: abilities.map(|all| all.iter().map(|&one| one.to_owned()).collect()),
        expires_at: None,
    };
    users::create_token(world, actor, input).await
}

#[tokio::test]
async fn api_tokens_are_made_with_the_password() {
    let world = World::new().await;
    let (id, actor) = world.user("sara").await;
    let made = create(&world, &actor, Some(&["read", "write"])).await.unwrap();
    let (number, plain) = made.token.split_once('|').unwrap();
    assert_eq!((number.parse().ok(), plain.len()), (Some(made.info.id), 48));
    let stored = world.database.text("SELECT token FROM personal_access_tokens").await.unwrap().unwrap();
    assert!(stored.len() == 64 && !stored.contains(plain), "only its SHA-256");
    let who = users::authenticate(&world, &made.token).await.unwrap();
    assert!(who.actor.user_id() == id && who.actor.can("read") && !who.actor.can("wallet"));
    // It cannot make what may do more than itself.
    assert_eq!(rule(create(&world, &who.actor, None).await), Rule::MISSING_ABILITY);
    assert_eq!(rule(create(&world, &who.actor, Some(&["read", "wallet"])).await), Rule::MISSING_ABILITY);
    let reader = create(&world, &who.actor, Some(&["read"])).await.unwrap();
    // One that only reads makes none at all.
    let reader = users::authenticate(&world, &reader.token).await.unwrap().actor;
    assert_eq!(rule(create(&world, &reader, Some(&["read"])).await), Rule::MISSING_ABILITY);

    assert_eq!(fields(create(&world, &actor, Some(&[])).await), ["abilities"]);
    assert_eq!(fields(create(&world, &actor, Some(&["refresh"])).await), ["abilities"]);
    let input = |password: &str, expires_at| CreateToken {
        name: " ".to_owned(),
        password: Secret::new(password),
        abilities: None,
        expires_at,
    };
    let bad = input(PASSWORD, Some(Time::now().plus_seconds(-5)));
    assert_eq!(fields(users::create_token(&world, &actor, bad).await), ["expires_at", "name"]);
    let mut wrong = input("not her password", Some(Time::now().plus_seconds(3_600)));
    wrong.name = "Reports".to_owned();
    for _ in 0..5 {
        let refused = users::create_token(&world, &actor, wrong.clone()).await;
        assert_eq!(rule(refused), Rule::INVALID_CREDENTIALS);
    }
    assert_eq!(rule(users::create_token(&world, &actor, wrong).await), Rule::ACCOUNT_LOCKED);
}

#[tokio::test]
async fn the_list_has_sessions_and_api_tokens_and_marks_the_current_one() {
    let world = World::new().await;
    let (_, seed) = world.user("sara").await;
    world.user("omar").await;
    signed_in(&world, "omar").await;
    let first = signed_in(&world, "sara").await;
    let second = signed_in(&world, "sara").await;
    let api = create(&world, &seed, Some(&["read"])).await.unwrap();
    let me = users::authenticate(&world, &second.access_token).await.unwrap().actor;
    let list = users::list_tokens(&world, &me).await.unwrap();
    let shown: Vec<_> =
        list.iter().map(|token| (token.kind.as_str(), token.name.as_str(), token.current)).collect();
    assert_eq!(shown, [("api", "Reports", false), ("session", "Phone", true), ("session", "Phone", false)]);
    assert_eq!(list[1].ip_hint.as_deref(), Some("203.0.113.x"));
    assert!(list[1].last_used_at.is_some() && list[1].expires_at.is_some());
    assert_eq!((list[0].abilities.as_slice(), list[0].expires_at), (["read".to_owned()].as_slice(), None));

    // Somebody else's cannot be ended.
    let omar = users::list_tokens(&world, &world.user("third").await.1).await.unwrap();
    assert!(omar.is_empty());
    let other = world.user("fourth").await.1;
    for token in &list {
        assert_eq!(rule(users::revoke_token(&world, &other, token.id).await), Rule::NOT_FOUND);
    }
    // One's own session, named by its refresh token.
    users::revoke_token(&world, &me, list[2].id).await.unwrap();
    assert_eq!(rule(users::authenticate(&world, &first.access_token).await), Rule::UNAUTHENTICATED);
    assert!(users::authenticate(&world, &second.access_token).await.is_ok());
    assert!(users::authenticate(&world, &api.token).await.is_ok());
    assert_eq!(users::list_tokens(&world, &me).await.unwrap().len(), 2);
}

#[tokio::test]
async fn all_others_are_ended_at_once() {
    let world = World::new().await;
    let (_, seed) = world.user("sara").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(signed_in(&world, "sara").await.access_token);
    }
    others.push(create(&world, &seed, None).await.unwrap().token);
    let mine = signed_in(&world, "sara").await;
    let me = users::authenticate(&world, &mine.access_token).await.unwrap().actor;
    users::revoke_other_tokens(&world, &me).await.unwrap();
    for token in &others {
        assert_eq!(rule(users::authenticate(&world, token).await), Rule::UNAUTHENTICATED);
    }
    assert!(users::authenticate(&world, &mine.access_token).await.is_ok());
    let left = users::list_tokens(&world, &me).await.unwrap();
    assert!(left.len() == 1 && left[0].current);
    // Asked with an API token, that one stays.
    let api = create(&world, &seed, None).await.unwrap();
    let by_api = users::authenticate(&world, &api.token).await.unwrap().actor;
    users::revoke_other_tokens(&world, &by_api).await.unwrap();
    assert!(users::authenticate(&world, &api.token).await.is_ok());
    assert_eq!(rule(users::authenticate(&world, &mine.access_token).await), Rule::UNAUTHENTICATED);
    // And logging out with it ends it.
    users::log_out(&world, &by_api).await.unwrap();
    assert_eq!(rule(users::authenticate(&world, &api.token).await), Rule::UNAUTHENTICATED);
    assert_eq!(world.database.number("SELECT COUNT(*) FROM personal_access_tokens").await.unwrap(), 0);
}

#[tokio::test]
async fn aliases_are_written_where_they_are_configured() {
    let world = World::with(|settings| settings.morph = config::MorphStyle::Alias).await;
    let (_, actor) = world.user("sara").await;
    let made = create(&world, &actor, None).await.unwrap();
    let kind = world.database.text("SELECT tokenable_type FROM personal_access_tokens").await.unwrap();
    assert_eq!(kind.as_deref(), Some("user"));
    users::authenticate(&world, &made.token).await.unwrap();
}

#[tokio::test]
async fn rows_that_laravel_deletes_are_found_in_bulk() {
    let world = World::new().await;
    let (_, actor) = world.user("sara").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(create(&world, &actor, None).await.unwrap().info.id);
    }
    assert_eq!(users::note_deleted_tokens(&world, &[]).await.unwrap(), 0);
    assert_eq!(users::note_deleted_tokens(&world, &ids).await.unwrap(), 0);
    let last = create(&world, &actor, None).await.unwrap();
    let who = users::authenticate(&world, &last.token).await.unwrap().actor;
    assert_eq!(users::sanctum_id(&who), Some(last.info.id));
    world
        .database
        .execute(&format!("DELETE FROM personal_access_tokens WHERE id = {}", ids[1]))
        .await
        .unwrap();
    world
        .database
        .execute(&format!("DELETE FROM personal_access_tokens WHERE id = {}", last.info.id))
        .await
        .unwrap();
    ids.push(last.info.id);
    // More than one statement's worth of ids.
    let first = ids[0];
    ids.extend((0..12_000).map(|_| first));
    assert!(!users::is_revoked(&world, &who));
    assert_eq!(users::note_deleted_tokens(&world, &ids).await.unwrap(), 2);
    assert!(users::is_revoked(&world, &who));
    // Though its row is still in the cache.
    assert_eq!(rule(users::authenticate(&world, &last.token).await), Rule::UNAUTHENTICATED);
}

#[tokio::test]
async fn a_suspension_that_another_application_wrote_counts_soon_and_so_does_its_end() {
    let world = World::new().await;
    let (online, _) = world.user("nadia").await;
    let (offline, _) = world.user("karim").await;
    for id in [online, offline] {
        assert!(users::find_state(&world, id).await.unwrap().unwrap().active, "now it is in the cache");
    }
    world.bus.enter(world.bus.node_id(), &[online]).await.unwrap();
    let mut ear = world.ear().await;
    world.database.execute("UPDATE users SET is_active = 0").await.unwrap();
    assert!(users::find_state(&world, online).await.unwrap().unwrap().active, "nobody has looked yet");

    assert_eq!(users::apply_suspensions(&world).await.unwrap(), 1, "only who is online is told");
    assert_eq!(ear.next_control().await, ControlMessage::UserSuspended { user_id: online });
    for id in [online, offline] {
        assert!(!users::find_state(&world, id).await.unwrap().unwrap().active);
    }
}
