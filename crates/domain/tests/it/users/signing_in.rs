//! Registering and logging in.

use std::time::Duration;

use base::Secret;
use base::{Fault, Lang, Rule};
use domain::users::{self, ClientContext, UserError};

use super::{fields, log_in, log_in_input, registration, rule, signed_in};
use crate::world::{PASSWORD, World, client};

#[tokio::test]
async fn registering_makes_account_profile_wallet_and_session() {
    let world = World::new().await;
    let mut input = registration("sara");
    input.phone = Some("+966501234567".to_owned());
    input.password_confirmation = Some(input.password.clone());
    let answer = users::register(&world, &client("203.0.113.7"), input).await.unwrap().signed_in().unwrap();
    assert_eq!((answer.token_type.as_str(), answer.expires_in), ("Bearer", 900));
    assert_eq!(answer.abilities, ["*"]);
    assert_eq!(
        (answer.user.name.as_str(), answer.user.language, answer.user.timezone.as_str()),
        ("سارة العتيبي", Lang::Ar, "Asia/Riyadh")
    );
    let who = users::authenticate(&world, &answer.access_token).await.unwrap();
    assert_eq!(who.actor.user_id(), answer.user.id);
    assert!(who.actor.can("wallet") && who.actor.session_id().is_some());
    assert_eq!((who.state.username.as_str(), who.state.active, who.state.unread_total), ("sara", true, 0));
    assert!(who.expires_at.is_some());
    let id = answer.user.id;
    for table in ["user_profiles", "wallets", "hub_chat_counters"] {
        let count = format!("SELECT COUNT(*) FROM {table} WHERE user_id = {id}");
        assert_eq!(world.database.number(&count).await.unwrap(), 1, "{table}");
    }
    let hash = world.database.text(&format!("SELECT password FROM users WHERE id = {id}")).await.unwrap();
    assert!(hash.unwrap().starts_with("$2y$04$"));
    let (id_part, plain) = answer.refresh_token.split_once('|').unwrap();
    assert!(id_part.parse::<u64>().is_ok() && plain.len() == 48);
}

#[tokio::test]
async fn a_registration_names_all_fields_at_fault() {
    let world = World::new().await;
    let mut bad = registration("Sara!");
    bad.name = " \u{202E} ".to_owned();
    bad.email = "sara@localhost".to_owned();
    bad.password = Secret::new("12345678");
    bad.phone = Some("0501234567".to_owned());
    bad.timezone = Some("Mars/Olympus".to_owned());
    bad.device_name = Some("x".repeat(256));
    let found = fields(users::register(&world, &client("203.0.113.7"), bad).await);
    assert_eq!(found, ["device_name", "email", "name", "password", "phone", "timezone", "username"]);
    let mut unlike = registration("sara");
    unlike.password_confirmation = Some(Secret::new("something else"));
    assert_eq!(fields(users::register(&world, &client("203.0.113.7"), unlike).await), ["password"]);
    let mut long = registration("sara");
    long.password = Secret::new("سلام".repeat(9) + "س");
    assert_eq!(fields(users::register(&world, &client("203.0.113.7"), long).await), ["password"]);
    assert_eq!(world.database.number("SELECT COUNT(*) FROM users").await.unwrap(), 0);
}

#[tokio::test]
async fn values_are_unique_against_deleted_accounts_too() {
    let world = World::new().await;
    let mut first = registration("sara");
    first.phone = Some("+966501234567".to_owned());
    users::register(&world, &client("203.0.113.7"), first.clone()).await.unwrap();
    world.database.execute("UPDATE users SET deleted_at = UTC_TIMESTAMP(), is_active = 0").await.unwrap();
    let again = users::register(&world, &client("203.0.113.7"), first.clone()).await;
    let error = again.unwrap_err();
    let sentences = error.violations().unwrap().sentences(Lang::En);
    assert_eq!(sentences["email"], ["The email has already been taken."]);
    assert_eq!(sentences.len(), 3, "{sentences:?}");
    // The collation takes upper and lower case for the same.
    let mut other = registration("sara2");
    other.email = "SARA@example.com".to_owned();
    assert_eq!(fields(users::register(&world, &client("203.0.113.7"), other).await), ["email"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_registrations_at_once_one_gets_the_name() {
    let world = World::new().await;
    let nowhere = ClientContext::default();
    let ask = || users::register(&world, &nowhere, registration("sara"));
    let (one, two) = tokio::join!(ask(), ask());
    let (won, lost): (Vec<_>, Vec<_>) = [one, two].into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 1));
    for loser in lost {
        assert!(!fields(loser).is_empty());
    }
    for table in ["users", "wallets", "personal_access_tokens"] {
        let count = world.database.number(&format!("SELECT COUNT(*) FROM {table}")).await.unwrap();
        assert_eq!(count, 1, "{table}");
    }
}

#[tokio::test]
async fn registrations_of_an_address_are_limited() {
    let world = World::new().await;
    for number in 0..5 {
        let input = registration(&format!("person{number}"));
        users::register(&world, &client("203.0.113.7"), input).await.unwrap();
    }
    let refused = users::register(&world, &client("203.0.113.7"), registration("person5")).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::RATE_LIMITED);
    let wait = refused.retry_after().unwrap();
    assert!(wait > Duration::from_secs(200) && wait <= Duration::from_secs(360), "{wait:?}");
    users::register(&world, &client("203.0.113.8"), registration("person5")).await.unwrap();
    let world = World::with(|settings| settings.limits.enabled = false).await;
    for number in 0..7 {
        let input = registration(&format!("person{number}"));
        users::register(&world, &client("203.0.113.7"), input).await.unwrap();
    }
}

#[tokio::test]
async fn one_logs_in_by_mail_phone_or_username() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    world.database.execute("UPDATE users SET phone = '+966501234567'").await.unwrap();
    for login in ["sara", "SARA", " sara ", "sara@example.com", "Sara@Example.com", "+966501234567"] {
        let answer = log_in(&world, login, PASSWORD, "203.0.113.7").await.unwrap();
        assert_eq!(answer.user.id, id, "{login}");
    }
    // A number as another application wrote it.
    world.database.execute("UPDATE users SET phone = '0501234567'").await.unwrap();
    assert_eq!(log_in(&world, "0501234567", PASSWORD, "203.0.113.7").await.unwrap().user.id, id);
    assert_eq!(fields(log_in(&world, "", "", "203.0.113.7").await), ["login", "password"]);
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_are_told_alike() {
    let world = World::new().await;
    world.user("sara").await;
    let unknown = log_in(&world, "nobody", PASSWORD, "203.0.113.7").await.unwrap_err();
    let wrong = log_in(&world, "sara", "not her password", "203.0.113.7").await.unwrap_err();
    assert_eq!(unknown.rule(), Rule::INVALID_CREDENTIALS);
    assert_eq!((unknown.rule(), unknown.to_string()), (wrong.rule(), wrong.to_string()));
    // Deleted: as if never there.
    world.database.execute("UPDATE users SET deleted_at = UTC_TIMESTAMP()").await.unwrap();
    assert_eq!(rule(log_in(&world, "sara", PASSWORD, "203.0.113.7").await), Rule::INVALID_CREDENTIALS);
}

#[tokio::test]
async fn an_unknown_user_takes_as_long_as_a_wrong_password() {
    let world = World::with(|settings| settings.auth.bcrypt_rounds = 9).await;
    world.user("sara").await;
    let time = async |login: &str| {
        let since = std::time::Instant::now();
        assert!(log_in(&world, login, "not the password", "203.0.113.7").await.is_err());
        since.elapsed()
    };
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        known = known.min(time("sara").await);
        unknown = unknown.min(time("nobody").await);
    }
    // The quickest of three: what the machine does besides does not count.
    assert!(unknown > known / 3 && known > unknown / 3, "{known:?} {unknown:?}");
}

#[tokio::test]
async fn who_is_suspended_learns_so_with_the_right_password_only() {
    let world = World::new().await;
    world.user("sara").await;
    let before = signed_in(&world, "sara").await;
    world.database.execute("UPDATE users SET is_active = 0").await.unwrap();
    world.bus.cache_invalidate(&[&users::state_key(before.user.id)]).await.unwrap();
    assert_eq!(rule(log_in(&world, "sara", PASSWORD, "203.0.113.7").await), Rule::ACCOUNT_SUSPENDED);
    assert_eq!(rule(log_in(&world, "sara", "wrong wrong", "203.0.113.7").await), Rule::INVALID_CREDENTIALS);
    assert_eq!(rule(users::authenticate(&world, &before.access_token).await), Rule::ACCOUNT_SUSPENDED);
    let refresh = protocol::users::RefreshSession { refresh_token: Secret::new(before.refresh_token) };
    let refreshed = users::refresh_session(&world, &ClientContext::default(), refresh).await;
    assert_eq!(rule(refreshed), Rule::ACCOUNT_SUSPENDED);
}

#[tokio::test]
async fn laravels_passwords_work_and_are_hashed_anew_at_the_configured_cost() {
    let world = World::with(|settings| settings.auth.bcrypt_rounds = 8).await;
    let (id, _) = world.user("sara").await;
    let stored = format!("SELECT password FROM users WHERE id = {id}");
    // PHP's manual for password_verify(): password_hash("rasmuslerdorf", PASSWORD_BCRYPT, ["cost" => 7]).
    let php = "$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq";
    world.database.execute(&format!("UPDATE users SET password = '{php}'")).await.unwrap();
    log_in(&world, "sara", "rasmuslerdorf", "203.0.113.7").await.unwrap();
    let renewed = world.database.text(&stored).await.unwrap().unwrap();
    assert!(renewed.starts_with("$2y$08$"), "{renewed}");
    log_in(&world, "sara", "rasmuslerdorf", "203.0.113.7").await.unwrap();
    assert_eq!(world.database.text(&stored).await.unwrap().unwrap(), renewed, "hashed anew once");

    // A dearer hash than ours, as Laravel 11 writes it, stays.
    let dear = bcrypt_2y("rasmuslerdorf", 12);
    world.database.execute(&format!("UPDATE users SET password = '{dear}'")).await.unwrap();
    log_in(&world, "sara", "rasmuslerdorf", "203.0.113.7").await.unwrap();
    assert_eq!(world.database.text(&stored).await.unwrap().unwrap(), dear);
    for other in ["$argon2id$v=19$m=65536,t=4,p=1$c2FsdHNhbHQ$aGFzaA", "", "rasmuslerdorf"] {
        world.database.execute(&format!("UPDATE users SET password = '{other}'")).await.unwrap();
        let refused = log_in(&world, "sara", "rasmuslerdorf", "203.0.113.7").await;
        assert_eq!(rule(refused), Rule::INVALID_CREDENTIALS, "{other}");
    }
}

#[tokio::test]
async fn a_laravel_user_with_a_long_arabic_passphrase_gets_in() {
    let world = World::with(|settings| settings.auth.bcrypt_rounds = 5).await;
    world.user("sara").await;
    let passphrase = "في التأني السلامة وفي العجلة الندامة يا صديقي العزيز";
    assert!(passphrase.len() > 72);
    // As PHP does it: the first 72 bytes, at a lower cost than ours.
    let cut = bcrypt_2y(&passphrase.as_bytes()[..72], 4);
    world.database.execute(&format!("UPDATE users SET password = '{cut}'")).await.unwrap();
    log_in(&world, "sara", passphrase, "203.0.113.7").await.unwrap();
    let kept = world.database.text("SELECT password FROM users").await.unwrap().unwrap();
    assert_eq!(kept, cut, "what could not be set is not set");
    assert!(users::hash_password(&world, passphrase).await.is_err());
}

/// A hash as PHP writes it.
fn bcrypt_2y(password: impl AsRef<[u8]>, cost: u32) -> String {
    bcrypt::hash_with_result(password, cost).unwrap().format_for_version(bcrypt::Version::TwoY)
}

#[tokio::test]
async fn five_failures_lock_the_login_for_this_address_and_a_success_forgets_them() {
    let world = World::new().await;
    world.user("sara").await;
    let wrong = async |ip: &'static str| log_in(&world, "sara", "not her password", ip).await.unwrap_err();
    for _ in 0..4 {
        assert_eq!(wrong("203.0.113.7").await.rule(), Rule::INVALID_CREDENTIALS);
    }
    signed_in(&world, "sara").await;
    for _ in 0..5 {
        assert_eq!(wrong("203.0.113.7").await.rule(), Rule::INVALID_CREDENTIALS);
    }
    let locked = wrong("203.0.113.7").await;
    assert_eq!(locked.rule(), Rule::ACCOUNT_LOCKED);
    let wait = locked.retry_after().unwrap();
    assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
    // The right password does not help either; another address does.
    let right = log_in(&world, "sara", PASSWORD, "203.0.113.7").await;
    assert_eq!(rule(right), Rule::ACCOUNT_LOCKED);
    log_in(&world, "sara", PASSWORD, "198.51.100.9").await.unwrap();
    // Another login from the locked address is not concerned.
    world.user("omar").await;
    log_in(&world, "omar", PASSWORD, "203.0.113.7").await.unwrap();
}

#[tokio::test]
async fn an_account_is_guarded_against_many_addresses() {
    let world = World::new().await;
    world.user("sara").await;
    for number in 0..20 {
        let login = if number % 2 == 0 { "sara" } else { "sara@example.com" };
        let refused = log_in(&world, login, "not her password", &format!("198.51.100.{number}")).await;
        assert_eq!(rule(refused), Rule::INVALID_CREDENTIALS, "{number}");
    }
    let locked = log_in(&world, "sara", PASSWORD, "198.51.100.200").await.unwrap_err();
    assert_eq!(locked.rule(), Rule::ACCOUNT_LOCKED);
    let wait = locked.retry_after().unwrap();
    assert!(wait > Duration::from_secs(100) && wait <= Duration::from_secs(180), "{wait:?}");
}

#[tokio::test]
async fn an_address_is_limited_by_its_failures_never_by_its_successes() {
    let world = World::new().await;
    world.user("sara").await;
    for _ in 0..60 {
        signed_in(&world, "sara").await;
    }
    for number in 0..50 {
        let refused = log_in(&world, &format!("nobody{number}"), PASSWORD, "203.0.113.7").await;
        assert_eq!(rule(refused), Rule::INVALID_CREDENTIALS, "{number}");
    }
    let limited = log_in(&world, "sara", PASSWORD, "203.0.113.7").await.unwrap_err();
    assert_eq!(limited.rule(), Rule::RATE_LIMITED);
    assert!(limited.retry_after().unwrap() > Duration::from_secs(30));
    log_in(&world, "sara", PASSWORD, "198.51.100.9").await.unwrap();
}

#[tokio::test]
async fn without_limits_nothing_is_counted() {
    let world = World::with(|settings| settings.limits.enabled = false).await;
    world.user("sara").await;
    for _ in 0..8 {
        let refused = log_in(&world, "sara", "not her password", "203.0.113.7").await;
        assert_eq!(rule(refused), Rule::INVALID_CREDENTIALS);
    }
    signed_in(&world, "sara").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_one_gets_in() {
    let world = World::new().await;
    world.user("sara").await;
    let app = world.without_redis().await;
    let outcome: Result<_, UserError> =
        users::log_in(&app, &client("203.0.113.7"), log_in_input("sara", PASSWORD)).await;
    let answer = outcome.unwrap();
    let who = users::authenticate(&app, &answer.access_token).await.unwrap();
    assert_eq!(who.state.username, "sara");
    users::register(&app, &client("203.0.113.7"), registration("omar")).await.unwrap();
    let wrong = users::log_in(&app, &client("203.0.113.7"), log_in_input("sara", "wrong wrong")).await;
    assert_eq!(rule(wrong), Rule::INVALID_CREDENTIALS);
}
