//! Listening to a post (domain.md §6.5): whoever sees it may, as long as they see it.

use base::conditional::IfMatch;
use domain::{Actor, social, users};
use protocol::frame::PushBody;
use protocol::rooms::ReactionType;
use protocol::social::{CreateComment, CreatePost, Reactable};
use protocol::users::UpdateProfile;
use serde_json::json;

use crate::client::{Client, json};
use crate::stand::Stand;

async fn post(stand: &Stand, author: &Actor) -> u64 {
    let input = CreatePost { content: Some("salam".to_owned()), ..CreatePost::default() };
    social::create_post(stand.app(), author, input, None).await.unwrap().answer.id
}

/// Waits until a client is put out of a channel for good.
async fn put_out(client: &mut Client, channel: &str) {
    loop {
        let push = client.push().await.unwrap();
        if push.channel == channel
            && let PushBody::Unsubscribe(gone) = push.body
        {
            assert_eq!(gone.code, 2000);
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_a_post_hears_of_it_on_every_node_and_no_longer() {
    let stand = Stand::new().await;
    let app = stand.app();
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let (amal_acts, badr_acts) = (Actor::on_behalf_of(amal), Actor::on_behalf_of(badr));
    let id = post(&stand, &amal_acts).await;
    let channel = format!("post:{id}");
    let mut listeners = [stand.client(0, badr).await, stand.client(1, badr).await];
    for listener in &mut listeners {
        let entered = listener.subscribe_to(&channel).await.unwrap();
        assert!(!entered.recoverable);
        assert_eq!(json(&entered.data)["post_id"], json!(id));
    }
    let love = Some(ReactionType::Love);
    social::react(app, &badr_acts, (Reactable::Post, id), love).await.unwrap();
    let words = CreateComment { content: "x".to_owned(), image: None, parent_id: None };
    social::create_comment(app, &badr_acts, id, words, None).await.unwrap();
    for listener in &mut listeners {
        let (mut reacted, mut commented) = (false, false);
        loop {
            let (_, event) = listener.event(&channel).await;
            let data = &event["data"];
            match event["type"].as_str().unwrap() {
                "reaction.changed" => reacted = data["type"] == "love",
                "comment.created" => commented = data["comment"]["content"] == "x",
                "post.counters" if data["reactions_count"] == 1 && data["comments_count"] == 1 => break,
                other => assert_eq!(other, "post.counters"),
            }
        }
        assert!(reacted && commented);
    }

    // The account turns private: who does not follow it is put out, and does not come in again.
    let private = UpdateProfile { is_private: Some(true), ..UpdateProfile::default() };
    users::update_profile(app, &amal_acts, private).await.unwrap();
    for listener in &mut listeners {
        put_out(listener, &channel).await;
        assert_eq!(listener.subscribe_to(&channel).await.unwrap_err().code, 103);
    }
    let public = UpdateProfile { is_private: Some(false), ..UpdateProfile::default() };
    users::update_profile(app, &amal_acts, public).await.unwrap();
    // A block, and that the post is gone.
    listeners[0].subscribe_to(&channel).await.unwrap();
    users::block_user(app, &amal_acts, badr).await.unwrap();
    put_out(&mut listeners[0], &channel).await;
    users::unblock_user(app, &amal_acts, badr).await.unwrap();
    listeners[1].subscribe_to(&channel).await.unwrap();
    social::delete_post(app, &amal_acts, id, &IfMatch::ANY).await.unwrap();
    put_out(&mut listeners[1], &channel).await;
    assert_eq!(listeners[1].subscribe_to(&channel).await.unwrap_err().code, 103);
}
