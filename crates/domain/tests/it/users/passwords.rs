//! Forgotten and changed passwords (domain.md §5.1, §7.4).

use base::{Rule, Secret};
use domain::{Actor, mails, users};
use protocol::Event;
use protocol::accounts::{ChangePassword, ForgotPassword, ResetPassword};
use protocol::channel::Channel;

use super::{fields, log_in, rule, signed_in};
use crate::society::unlimited;
use crate::world::{PASSWORD, World, client};

const NEW: &str = "a longer walk by the sea";

async fn forget(world: &World, email: &str) {
    let input = ForgotPassword { email: email.to_owned() };
    assert!(users::forgot_password(world, &client("203.0.113.7"), input).await.unwrap().accepted);
}

fn reset_input(email: &str, token: &str) -> ResetPassword {
    ResetPassword {
        email: email.to_owned(),
        token: Secret::new(token),
        password: Secret::new(NEW),
        password_confirmation: Secret::new(NEW),
    }
}

/// The token of the newest letter.
async fn token(world: &World) -> String {
    let seed = "SELECT JSON_UNQUOTE(JSON_EXTRACT(letter, '$.seed')) FROM hub_mails \
                WHERE JSON_EXTRACT(letter, '$.kind') = 'reset_password' ORDER BY id DESC LIMIT 1";
    mails::reset_token(world, &world.database.text(seed).await.unwrap().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password_is_set_anew_and_ends_everything() {
    let world = unlimited().await;
    let (id, _) = world.user("sara").await;
    let session = signed_in(&world, "sara").await;
    world
        .execute(&format!(
            "INSERT INTO sessions (id, user_id, payload, last_activity) VALUES ('web', {id}, '', 0)"
        ))
        .await;
    forget(&world, "SARA@example.com").await;
    // Neither is there an answer for who is not there, nor a second letter within a minute.
    forget(&world, "nobody@example.com").await;
    forget(&world, "sara@example.com").await;
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_mails").await, 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM password_reset_tokens").await, 1);
    let first = token(&world).await;
    world.execute("UPDATE password_reset_tokens SET created_at = created_at - INTERVAL 61 SECOND").await;
    forget(&world, "sara@example.com").await;
    let second = token(&world).await;
    assert_ne!(first, second);

    let reset =
        async |input: ResetPassword| users::reset_password(&world, &client("203.0.113.7"), input).await;
    let before_remember = world.database.text("SELECT remember_token FROM users").await.unwrap();
    assert_eq!(rule(reset(reset_input("sara@example.com", &first)).await), Rule::RESET_TOKEN_INVALID);
    assert_eq!(rule(reset(reset_input("nobody@example.com", &second)).await), Rule::RESET_TOKEN_INVALID);
    let unlike =
        ResetPassword { password_confirmation: Secret::new("x"), ..reset_input("sara@example.com", &second) };
    assert_eq!(fields(reset(unlike).await), ["password"]);
    world.execute("UPDATE password_reset_tokens SET created_at = created_at - INTERVAL 60 MINUTE").await;
    assert_eq!(rule(reset(reset_input("sara@example.com", &second)).await), Rule::RESET_TOKEN_INVALID);
    world.execute("UPDATE password_reset_tokens SET created_at = created_at + INTERVAL 59 MINUTE").await;
    reset(reset_input("sara@example.com", &second)).await.unwrap();

    assert_eq!(rule(log_in(&world, "sara", PASSWORD, "203.0.113.7").await), Rule::INVALID_CREDENTIALS);
    log_in(&world, "sara", NEW, "203.0.113.7").await.unwrap();
    assert_eq!(rule(users::authenticate(&world, &session.access_token).await), Rule::UNAUTHENTICATED);
    for nothing in ["sessions WHERE user_id IS NOT NULL", "password_reset_tokens"] {
        assert_eq!(world.number(&format!("SELECT COUNT(*) FROM {nothing}")).await, 0, "{nothing}");
    }
    assert_ne!(world.database.text("SELECT remember_token FROM users").await.unwrap(), before_remember);
    let told = world.events(Channel::User(id)).await;
    let ended = told.iter().any(|heard| heard.event == Event::SessionRevoked { session_id: None });
    let notified = told.iter().any(|heard| match &heard.event {
        Event::NotificationCreated { notification, .. } => notification.kind == "account.password_changed",
        _ => false,
    });
    assert!(ended && notified, "{told:?}");
    let letters = "SELECT COUNT(*) FROM hub_mails WHERE JSON_EXTRACT(letter, '$.kind') = 'password_changed'";
    assert_eq!(world.number(letters).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_use_one_link_at_once_one_sets_the_password() {
    let world = unlimited().await;
    world.user("sara").await;
    forget(&world, "sara@example.com").await;
    let token = token(&world).await;
    let from = client("203.0.113.7");
    let ask = || users::reset_password(&world, &from, reset_input("sara@example.com", &token));
    let (one, two) = tokio::join!(ask(), ask());
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|&&done| done).count(), 1);
}

#[tokio::test]
async fn who_locks_an_account_by_guessing_does_not_keep_its_owner_out() {
    let world = World::new().await;
    world.user("sara").await;
    for ordinal in 0..25 {
        let _refused = log_in(&world, "sara", "wrong", &format!("198.51.100.{ordinal}")).await.unwrap_err();
    }
    assert_eq!(rule(log_in(&world, "sara", PASSWORD, "203.0.113.9").await), Rule::ACCOUNT_LOCKED);
    forget(&world, "sara@example.com").await;
    let token = token(&world).await;
    users::reset_password(&world, &client("203.0.113.9"), reset_input("sara@example.com", &token))
        .await
        .unwrap();
    log_in(&world, "sara", NEW, "203.0.113.9").await.unwrap();
    // Guessing tokens is limited, too.
    let guess = async || {
        users::reset_password(&world, &client("203.0.113.9"), reset_input("sara@example.com", "x")).await
    };
    let mut last = Rule::RESET_TOKEN_INVALID;
    for _ in 0..7 {
        last = rule(guess().await);
    }
    assert_eq!(last, Rule::ACCOUNT_LOCKED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_changed_by_who_knows_it() {
    let world = unlimited().await;
    let (id, _) = world.user("sara").await;
    let here = signed_in(&world, "sara").await;
    let there = signed_in(&world, "sara").await;
    let actor = users::authenticate(&world, &here.access_token).await.unwrap().actor;
    let change = async |current: &str, new: &str, revoke_others: bool| {
        let input = ChangePassword {
            current_password: Secret::new(current),
            password: Secret::new(new),
            password_confirmation: None,
            revoke_others,
        };
        users::change_password(&world, &actor, input).await
    };
    assert_eq!(rule(change("wrong", NEW, false).await), Rule::INVALID_CREDENTIALS);
    assert_eq!(fields(change(PASSWORD, "short", false).await), ["password"]);
    assert_eq!(fields(change("", NEW, false).await), ["current_password"]);
    forget(&world, "sara@example.com").await;
    change(PASSWORD, NEW, false).await.unwrap();
    assert_eq!(world.number("SELECT COUNT(*) FROM password_reset_tokens").await, 0, "links end with it");
    users::authenticate(&world, &there.access_token).await.unwrap();
    change(NEW, PASSWORD, true).await.unwrap();
    users::authenticate(&world, &here.access_token).await.unwrap();
    assert_eq!(rule(users::authenticate(&world, &there.access_token).await), Rule::UNAUTHENTICATED);
    let read = Actor::on_behalf_of(id + 7);
    let input = ChangePassword {
        current_password: Secret::new(PASSWORD),
        password: Secret::new(NEW),
        password_confirmation: None,
        revoke_others: false,
    };
    assert_eq!(rule(users::change_password(&world, &read, input).await), Rule::UNAUTHENTICATED);
}
