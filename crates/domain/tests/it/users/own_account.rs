//! Name, address, number and pictures (domain.md §5.2).

use base::{Rule, Secret};
use domain::users::{self, Picture};
use protocol::Event;
use protocol::accounts::{SetPicture, UpdateAccount};
use protocol::channel::Channel;
use protocol::users::UpdateProfile;
use serde_json::{Value, json};

use super::{fields, rule};
use crate::society::unlimited;
use crate::world::PASSWORD;

fn changes(of: Value) -> UpdateAccount {
    serde_json::from_value(of).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_or_number_is_changed_with_the_password_and_confirmed_anew() {
    let world = unlimited().await;
    let (id, actor) = world.user("sara").await;
    world.user("omar").await;
    world.execute("UPDATE users SET email_verified_at = UTC_TIMESTAMP()").await;
    let update = async |of: Value| users::update_account(&world, &actor, changes(of)).await;
    let now = update(json!({"name": " سارة\u{202E} ", "headline": "معلمة"})).await.unwrap();
    assert_eq!((now.name.as_str(), now.headline.as_deref()), ("سارة", Some("معلمة")));
    assert_eq!(users::find_state(&world, id).await.unwrap().unwrap().name, "سارة", "at once");
    let heard = world.events(Channel::User(id)).await;
    assert!(matches!(&heard[0].event, Event::AccountUpdated { user } if user.name == "سارة"), "{heard:?}");
    assert!(now.email_verified_at.is_some());
    // What stays as it is needs no password.
    update(json!({"email": "sara@example.com", "phone": null})).await.unwrap();

    assert_eq!(fields(update(json!({"email": "new@example.com"})).await), ["current_password"]);
    assert_eq!(fields(update(json!({"phone": "+966501234567"})).await), ["current_password"]);
    let wrong = json!({"email": "new@example.com", "current_password": "wrong"});
    assert_eq!(rule(update(wrong).await), Rule::INVALID_CREDENTIALS);
    let taken = json!({"email": "OMAR@example.com", "current_password": PASSWORD});
    assert_eq!(fields(update(taken).await), ["email"]);
    let bad = json!({"name": " ", "email": "x", "phone": "050", "headline": "x".repeat(256), "current_password": PASSWORD});
    assert_eq!(fields(update(bad).await), ["email", "headline", "name", "phone"]);
    world
        .execute("INSERT INTO password_reset_tokens (email, token, created_at) VALUES ('sara@example.com', 'x', UTC_TIMESTAMP())")
        .await;

    let new = json!({"email": "new@example.com", "phone": "+966501234567", "current_password": PASSWORD});
    let now = update(new).await.unwrap();
    assert_eq!((now.email.as_str(), now.phone.as_deref()), ("new@example.com", Some("+966501234567")));
    assert!(now.email_verified_at.is_none());
    assert_eq!(world.number("SELECT COUNT(*) FROM password_reset_tokens").await, 0);
    for (kind, address) in [("email_changed", "sara@example.com"), ("verify_email", "new@example.com")] {
        let sent = format!(
            "SELECT COUNT(*) FROM hub_mails WHERE JSON_EXTRACT(letter, '$.kind') = '{kind}' AND address = '{address}'"
        );
        assert_eq!(world.number(&sent).await, 1, "{kind}");
    }
    let told = "SELECT COUNT(*) FROM notifications WHERE type LIKE '%AccountEmailChanged'";
    assert_eq!(world.number(told).await, 1);
    for unknown in [json!({"is_verified": true}), json!({"username": "root"}), json!({"balance": 1})] {
        assert!(serde_json::from_value::<UpdateAccount>(unknown).is_err());
    }
}

#[tokio::test]
async fn addresses_elsewhere_are_shown_to_whom_the_profile_is() {
    let world = unlimited().await;
    let (_, actor) = world.user("sara").await;
    let links = |of: Value| UpdateProfile {
        social_links: Some(serde_json::from_value(of).unwrap()),
        ..UpdateProfile::default()
    };
    let set = async |of: Value| users::update_profile(&world, &actor, links(of)).await;
    let now = set(json!({"x": "https://x.com/sara", "website": "https://sara.example"})).await.unwrap();
    assert_eq!(now.profile.social_links.len(), 2);
    assert_eq!(
        fields(set(json!({"x": "https://evil.example", "myspace": "https://m.example"})).await),
        ["social_links.myspace", "social_links.x"]
    );
    assert_eq!(users::find_user(&world, None, "sara").await.unwrap().social_links.len(), 2);
    world.execute("UPDATE user_profiles SET is_private = 1").await;
    assert!(users::find_user(&world, None, "sara").await.unwrap().social_links.is_empty());
    assert!(set(json!({})).await.unwrap().profile.social_links.is_empty());
    // What Laravel wrote with other names stays readable.
    world
        .execute("UPDATE user_profiles SET social_links = '{\"mastodon\":\"https:\\\\/\\\\/m.example\"}'")
        .await;
    let me = users::find_me(&world, &actor).await.unwrap();
    assert_eq!(me.profile.social_links["mastodon"], "https://m.example");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_are_ones_own_uploads_and_the_old_ones_go() {
    let world = unlimited().await;
    let (id, actor) = world.user("sara").await;
    let (other, _) = world.user("omar").await;
    for (upload, owner, kind, path) in [
        (1, id, "image", "a.png"),
        (2, id, "image", "b.png"),
        (3, id, "image", "c.png"),
        (4, id, "document", "d.pdf"),
        (5, other, "image", "e.png"),
    ] {
        world
            .execute(&format!(
                "INSERT INTO hub_uploads (id, user_id, kind, disk, path, mime, size, sha256, status, created_at) VALUES \
                 ({upload}, {owner}, '{kind}', 'local', '{path}', 'image/png', 1, '', 'ready', UTC_TIMESTAMP())"
            ))
            .await;
    }
    let set = async |picture, upload_id| {
        users::set_picture(&world, &actor, picture, SetPicture { upload_id }).await
    };
    for nothing in [4, 5, 99] {
        assert_eq!(fields(set(Picture::Avatar, nothing).await), ["upload_id"], "{nothing}");
    }
    let now = set(Picture::Avatar, 1).await.unwrap();
    let avatar = now.avatar.unwrap();
    assert!(avatar.starts_with("http://127.0.0.1:7400/files/") && !avatar.contains("a.png"), "{avatar}");
    set(Picture::Cover, 2).await.unwrap();
    assert_eq!(fields(set(Picture::Cover, 1).await), ["upload_id"], "one file, one use");
    assert_eq!(
        world.database.text("SELECT avatar FROM users WHERE username = 'sara'").await.unwrap().unwrap(),
        "a.png"
    );
    // Everybody sees the address, in cards and in states.
    assert_eq!(users::find_user(&world, None, "sara").await.unwrap().card.avatar, Some(avatar.clone()));
    assert_eq!(users::find_state(&world, id).await.unwrap().unwrap().avatar, Some(avatar));
    set(Picture::Avatar, 3).await.unwrap();
    let statuses = "SELECT GROUP_CONCAT(status ORDER BY id) FROM hub_uploads";
    let now = world.database.text(statuses).await.unwrap().unwrap();
    assert_eq!(now, "released,attached,attached,ready,ready", "the cover stays");
    for _ in 0..2 {
        users::remove_picture(&world, &actor, Picture::Cover).await.unwrap();
    }
    let now = world.database.text(statuses).await.unwrap().unwrap();
    assert_eq!(now, "released,released,attached,ready,ready");
    assert!(users::find_me(&world, &actor).await.unwrap().account.cover.is_none());
    let password = Secret::new(PASSWORD);
    assert!(!format!("{password:?}").contains(PASSWORD));
}
