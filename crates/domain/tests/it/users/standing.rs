//! Suspending, verifying and signing out by staff (domain.md §3, §5.11).

use base::{Fault, Rule};
use bus::ControlMessage;
use domain::Actor;
use domain::users::{self, UserError};
use protocol::users::{CreateToken, Standing, UpdateStanding};
use serde_json::json;

use super::{fields, rule, signed_in};
use crate::society::unlimited;
use crate::world::{PASSWORD, World};

async fn suspend(world: &World, actor: &Actor, user_id: u64, active: bool) -> Result<Standing, UserError> {
    let input =
        UpdateStanding { is_active: Some(active), is_verified: None, reason: Some("spam".to_owned()) };
    users::update_standing(world, actor, user_id, input).await
}

async fn audits(world: &World, action: &str) -> i64 {
    world.number(&format!("SELECT COUNT(*) FROM hub_audit_logs WHERE action = '{action}'")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_counts_at_once_and_so_does_its_end() {
    let world = unlimited().await;
    let (_, moderator) = world.user_with_role("mod", "moderator").await;
    let (sara, _) = world.user("sara").await;
    let session = signed_in(&world, "sara").await;
    users::authenticate(&world, &session.access_token).await.unwrap();
    let mut ear = world.ear().await;
    let standing = suspend(&world, &moderator, sara, false).await.unwrap();
    assert!(!standing.is_active && standing.card.username == "sara");
    assert_eq!(ear.next_control().await, ControlMessage::UserSuspended { user_id: sara });
    let refused = users::authenticate(&world, &session.access_token).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::ACCOUNT_SUSPENDED);
    let refresh =
        protocol::users::RefreshSession { refresh_token: base::Secret::new(session.refresh_token.as_str()) };
    let refused = users::refresh_session(&world, &Default::default(), refresh).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::ACCOUNT_SUSPENDED);
    // Said again by a repeat, which changes nothing.
    assert!(!suspend(&world, &moderator, sara, false).await.unwrap().is_active);
    assert_eq!(ear.next_control().await, ControlMessage::UserSuspended { user_id: sara });
    assert_eq!(audits(&world, "users.suspend").await, 1);

    assert!(suspend(&world, &moderator, sara, true).await.unwrap().is_active);
    users::authenticate(&world, &session.access_token).await.unwrap();
    assert_eq!(audits(&world, "users.suspend").await, 2);
    let deed = "SELECT CONCAT(actor_id, ' ', subject_type, ' ', subject_id, ' ', JSON_EXTRACT(`before`, '$.is_active'), ' ', \
                JSON_EXTRACT(`after`, '$.is_active'), ' ', JSON_UNQUOTE(JSON_EXTRACT(`after`, '$.reason'))) \
                FROM hub_audit_logs ORDER BY id LIMIT 1";
    let expected = format!("{} user {sara} true false spam", moderator.user_id());
    assert_eq!(world.database.text(deed).await.unwrap(), Some(expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reaches_above_themselves_and_a_super_admin_is_always_left() {
    let world = unlimited().await;
    let (first, root) = world.user_with_role("root", "super-admin").await;
    let (admin_id, admin) = world.user_with_role("admin", "admin").await;
    let (moderator_id, moderator) = world.user_with_role("mod", "moderator").await;
    let (speaker, speaker_acts) = world.user_with_role("speaker", "speaker").await;
    let (sara, sara_acts) = world.user("sara").await;
    for stranger in [&speaker_acts, &sara_acts] {
        assert_eq!(rule(suspend(&world, stranger, sara, false).await), Rule::FORBIDDEN);
        assert_eq!(rule(suspend(&world, stranger, 999_999, false).await), Rule::FORBIDDEN);
        assert_eq!(rule(users::force_log_out(&world, stranger, sara).await), Rule::FORBIDDEN);
        // Nor what is wrong with what they ask for.
        let nothing = users::update_standing(&world, stranger, sara, UpdateStanding::default()).await;
        assert_eq!(rule(nothing), Rule::FORBIDDEN);
    }
    for (actor, above) in [
        (&moderator, admin_id),
        (&moderator, first),
        (&admin, first),
        (&moderator, moderator_id),
        (&admin, admin_id),
        (&root, first),
    ] {
        let refused = suspend(&world, actor, above, false).await;
        assert_eq!(rule(refused), Rule::PROTECTED_ACCOUNT, "{} {above}", actor.user_id());
    }
    for (actor, above) in [(&moderator, admin_id), (&admin, first)] {
        assert_eq!(rule(users::force_log_out(&world, actor, above).await), Rule::PROTECTED_ACCOUNT);
    }
    assert_eq!(rule(suspend(&world, &moderator, 999_999, false).await), Rule::NOT_FOUND);
    suspend(&world, &moderator, speaker, false).await.unwrap();
    suspend(&world, &admin, moderator_id, false).await.unwrap();
    suspend(&world, &root, admin_id, false).await.unwrap();
    assert_eq!(world.number("SELECT COUNT(*) FROM users WHERE is_active = 0").await, 3);

    // Two super-admins at once take each other away: one is left.
    let (second, other_root) = world.user_with_role("root2", "super-admin").await;
    for _round in 0..5 {
        let (one, two) =
            tokio::join!(suspend(&world, &root, second, false), suspend(&world, &other_root, first, false));
        assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
        let refused = if let Err(error) = one { error } else { two.unwrap_err() };
        assert_eq!(refused.rule(), Rule::PROTECTED_ACCOUNT);
        world.execute(&format!("UPDATE users SET is_active = 1 WHERE id IN ({first}, {second})")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verifying_takes_a_permission_of_its_own() {
    let world = unlimited().await;
    let (_, admin) = world.user_with_role("admin", "admin").await;
    let (_, moderator) = world.user_with_role("mod", "moderator").await;
    let (sara, _) = world.user("sara").await;
    let verify = |is_verified| UpdateStanding { is_verified: Some(is_verified), ..UpdateStanding::default() };
    assert_eq!(rule(users::update_standing(&world, &moderator, sara, verify(true)).await), Rule::FORBIDDEN);
    // One of the two is not enough for both, and then nothing is done.
    let both = UpdateStanding { is_active: Some(false), ..verify(true) };
    assert_eq!(rule(users::update_standing(&world, &moderator, sara, both).await), Rule::FORBIDDEN);
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_audit_logs").await, 0);
    let before = users::find_state(&world, sara).await.unwrap().unwrap();
    assert!(before.active && !before.is_verified);
    let standing = users::update_standing(&world, &admin, sara, verify(true)).await.unwrap();
    assert!(standing.card.is_verified && standing.is_active);
    assert!(users::find_state(&world, sara).await.unwrap().unwrap().is_verified, "at once");
    assert_eq!(audits(&world, "users.verify").await, 1);
    let nothing = users::update_standing(&world, &admin, sara, UpdateStanding::default()).await;
    assert_eq!(fields(nothing), ["is_active"]);
    let long = UpdateStanding { reason: Some("x".repeat(256)), ..verify(true) };
    assert_eq!(fields(users::update_standing(&world, &admin, sara, long).await), ["reason"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forced_logout_ends_everything_in_every_process_and_signing_in_works_again() {
    let world = unlimited().await;
    let (_, moderator) = world.user_with_role("mod", "moderator").await;
    let (sara, sara_acts) = world.user("sara").await;
    let (omar, _) = world.user("omar").await;
    let (one, two) = (signed_in(&world, "sara").await, signed_in(&world, "sara").await);
    let others = signed_in(&world, "omar").await;
    let input: CreateToken =
        serde_json::from_value(json!({"name": "app", "password": PASSWORD, "abilities": ["*"]})).unwrap();
    let api = users::create_token(&world, &sara_acts, input).await.unwrap().token;
    // Signed past every session, as `majlis token` does, and good for a day.
    let bare = users::mint_access_token(&world, sara, std::time::Duration::from_secs(86_400)).await.unwrap();
    let all = [&one.access_token, &two.access_token, &api, &bare];
    let elsewhere = world.another_node("n2").await;
    for token in all {
        users::authenticate(&world, token).await.unwrap();
        users::authenticate(&elsewhere, token).await.unwrap();
    }
    let mut ear = world.ear().await;
    users::force_log_out(&world, &moderator, sara).await.unwrap();
    let mut messages = Vec::new();
    for _ in 0..4 {
        messages.push(ear.next_control().await);
    }
    for message in &messages {
        assert!(matches!(message, ControlMessage::SessionRevoked { user_id, .. } if *user_id == sara));
        users::observe_control(&elsewhere, message);
    }
    // A process that heard nothing reads them.
    let deaf = world.another_node("n3").await;
    users::load_revocations(&deaf).await.unwrap();
    for token in all {
        for app in [&world.app, &elsewhere, &deaf] {
            assert_eq!(rule(users::authenticate(app, token).await), Rule::UNAUTHENTICATED);
        }
    }
    let refresh =
        protocol::users::RefreshSession { refresh_token: base::Secret::new(one.refresh_token.as_str()) };
    assert_eq!(
        rule(users::refresh_session(&world, &Default::default(), refresh).await),
        Rule::UNAUTHENTICATED
    );
    let rows = format!("SELECT COUNT(*) FROM personal_access_tokens WHERE tokenable_id = {sara}");
    assert_eq!((world.number(&rows).await, audits(&world, "users.force_log_out").await), (0, 1));
    users::authenticate(&world, &others.access_token).await.unwrap();
    users::authenticate(
        &world,
        &users::mint_access_token(&world, omar, std::time::Duration::from_secs(60)).await.unwrap(),
    )
    .await
    .unwrap();
    let again = signed_in(&world, "sara").await;
    for app in [&world.app, &elsewhere, &deaf] {
        users::authenticate(app, &again.access_token).await.unwrap();
    }
    // With nothing left to end it is no mistake.
    users::force_log_out(&world, &moderator, omar).await.unwrap();
    assert_eq!(rule(users::force_log_out(&world, &moderator, 999_999).await), Rule::NOT_FOUND);
}
