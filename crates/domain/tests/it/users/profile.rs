//! What users change of their own profile (domain.md §5.2).

use base::{Lang, Rule};
use bus::ControlMessage;
use domain::{Actor, users};
use protocol::Event;
use protocol::channel::Channel;
use protocol::users::{MessagesFrom, UpdateProfile};
use serde_json::{Value, json};

use super::{fields, rule};
use crate::society::unlimited;

fn changes(of: Value) -> UpdateProfile {
    serde_json::from_value(of).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_is_changed_and_the_rest_stays() {
    let world = unlimited().await;
    let (amal, acts) = world.user("amal").await;
    let (_, badr_acts) = world.user("badr").await;
    let update = async |of: Value| users::update_profile(&world, &acts, changes(of)).await;
    let mut ear = world.ear().await;

    let now =
        update(json!({"bio": "  معلمة\u{202E} فيزياء ", "location": "جدة", "language": "en"})).await.unwrap();
    assert_eq!(
        (now.profile.bio.as_deref(), now.profile.location.as_deref()),
        (Some("معلمة فيزياء"), Some("جدة"))
    );
    assert_eq!((now.language, now.timezone.as_str()), (Lang::En, "Asia/Riyadh"));
    assert_eq!(users::find_state(&world, amal).await.unwrap().unwrap().language, Lang::En, "at once");
    let now = update(json!({"bio": null, "timezone": "Africa/Cairo", "show_email": true})).await.unwrap();
    assert_eq!((now.profile.bio, now.profile.location.as_deref()), (None, Some("جدة")));
    assert!(now.profile.show_email && !now.profile.show_phone && now.timezone == "Africa/Cairo");
    let now = update(json!({"location": " "})).await.unwrap();
    assert_eq!(now.profile.location, None);
    let me = users::find_me(&world, &acts).await.unwrap();
    assert_eq!((me.profile, me.account.timezone.as_str()), (now.profile, "Africa/Cairo"));

    let now = update(json!({"allow_messages_from": "none", "show_online_status": false})).await.unwrap();
    assert_eq!(now.profile.allow_messages_from, MessagesFrom::None.as_str());
    let seen = users::find_user(&world, Some(&badr_acts), "amal").await.unwrap();
    assert!(seen.online.is_none() && !seen.relationship.unwrap().can_message && seen.email.is_some());
    // As by `presence.set_visibility`.
    let changed = ControlMessage::AccessChanged { channel: Channel::Presence(amal).to_string() };
    assert_eq!(ear.next_control().await, changed);
    update(json!({"show_online_status": false})).await.unwrap();
    update(json!({"show_online_status": true})).await.unwrap();
    let told = world.events(Channel::User(amal)).await;
    let told: Vec<bool> = told
        .iter()
        .map(|heard| match &heard.event {
            Event::PresenceVisibilityChanged(visibility) => visibility.visible,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [false, true]);
    update(json!({})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_a_value_is_named_and_nothing_is_written() {
    let world = unlimited().await;
    let (amal, acts) = world.user("amal").await;
    let long = "ص".repeat(1_001);
    let bad = changes(
        json!({"bio": long, "location": "x".repeat(256), "timezone": "Asia/Atlantis", "language": "en"}),
    );
    assert_eq!(fields(users::update_profile(&world, &acts, bad).await), ["bio", "location", "timezone"]);
    let longest = changes(json!({"bio": "ص".repeat(1_000), "location": "ج".repeat(255)}));
    users::update_profile(&world, &acts, longest).await.unwrap();
    for unknown in
        [json!({"is_verified": true}), json!({"is_private": "yes"}), json!({"allow_messages_from": "me"})]
    {
        assert!(serde_json::from_value::<UpdateProfile>(unknown).is_err());
    }
    // An account that another application made without a profile gets one.
    world.execute(&format!("DELETE FROM user_profiles WHERE user_id = {amal}")).await;
    let now = users::update_profile(&world, &acts, changes(json!({"bio": "here"}))).await.unwrap();
    assert_eq!(
        (now.profile.bio.as_deref(), now.profile.allow_messages_from.as_str()),
        (Some("here"), "everyone")
    );
    let nobody = Actor::on_behalf_of(999_999);
    assert_eq!(rule(users::update_profile(&world, &nobody, changes(json!({}))).await), Rule::INTERNAL);
}
