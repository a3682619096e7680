//! Messages with files (domain.md §5.10, §5.11).

use base::{Fault, Rule};
use domain::chat::{self, MessageWindow};
use domain::{Actor, App};
use protocol::chat::{Message, MessageType, SendMessage};
use tokio::task::JoinSet;

use crate::chat::{into, key, refused, send, to_user};
use crate::society::unlimited;
use crate::world::World;

/// A file of somebody, as it is after its upload.
async fn file(world: &World, owner: u64, kind: &str, mime: &str) -> u64 {
    let path = format!("uploads/2026/11/{}", base::id::ulid());
    world
        .execute(&format!(
            "INSERT INTO hub_uploads (user_id, kind, disk, path, original_name, mime, size, sha256, width, height, \
               status, created_at, updated_at) \
             VALUES ({owner}, '{kind}', 'local', '{path}', 'صورة.png', '{mime}', 1234, REPEAT('0', 64), 640, 480, \
               'ready', UTC_TIMESTAMP(), UTC_TIMESTAMP())"
        ))
        .await;
    u64::try_from(world.number("SELECT CAST(MAX(id) AS SIGNED) FROM hub_uploads").await).unwrap()
}

fn with(message_type: MessageType, media: Vec<u64>, place: u64) -> SendMessage {
    SendMessage { message_type, media, body: None, ..into(place, "") }
}

async fn only(app: &App, actor: &Actor, message: &Message) -> Message {
    let window = MessageWindow::Around(message.id);
    chat::list_messages(app, actor, message.conversation_id, window, 1).await.unwrap().items.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_sent_once_by_their_owner_and_shown_by_signed_addresses() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let place = send(app, &amal_acts, to_user(badr, "look")).await.conversation_id;
    let (one, two) =
        (file(&world, amal, "image", "image/png").await, file(&world, amal, "image", "image/jpeg").await);

    // In the order named, each with what is known of it.
    let input = SendMessage {
        body: Some("البحر".to_owned()),
        ..with(MessageType::Image, vec![two, one], place)
    };
    let sent = chat::send_message(app, &amal_acts, input.clone()).await.unwrap().answer.message;
    assert_eq!((sent.message_type, sent.body.as_deref()), (MessageType::Image, Some("البحر")));
    let mimes: Vec<&str> = sent.media.iter().map(|medium| medium.mime.as_str()).collect();
    assert_eq!(mimes, ["image/jpeg", "image/png"]);
    let medium = &sent.media[0];
    assert_eq!(
        (medium.size, medium.width, medium.height, medium.duration),
        (1234, Some(640), Some(480), None)
    );
    assert_eq!(medium.name.as_deref(), Some("صورة.png"));
    assert!(medium.url.contains("/files/"), "{}", medium.url);
    assert_eq!(sent.media_urls, sent.media.iter().map(|medium| medium.url.clone()).collect::<Vec<_>>());
    assert_eq!(only(app, &badr_acts, &sent).await, sent, "the other one sees the same");
    let repeated = chat::send_message(app, &amal_acts, input).await.unwrap();
    assert!(repeated.replayed && repeated.answer.message == sent, "the same key is the same message");
    let used =
        format!("SELECT COUNT(*) FROM hub_uploads WHERE status = 'attached' AND attached_id = {}", sent.id);
    assert_eq!(world.number(&used).await, 2);

    assert_eq!(
        refused(app, &amal_acts, with(MessageType::Image, vec![one], place)).await,
        Rule::UPLOAD_IN_USE
    );
    let three = file(&world, amal, "image", "image/png").await;
    let theirs = with(MessageType::Image, vec![three], place);
    assert_eq!(refused(app, &badr_acts, theirs).await, Rule::MEDIA_NOT_FOUND, "it is another's");
    assert_eq!(
        refused(app, &amal_acts, with(MessageType::Image, vec![999], place)).await,
        Rule::MEDIA_NOT_FOUND
    );
    let document = file(&world, amal, "document", "application/pdf").await;
    for (message_type, media) in [
        (MessageType::Text, vec![three]),
        (MessageType::Video, vec![three]),
        (MessageType::Audio, vec![three]),
        (MessageType::Image, vec![document]),
        (MessageType::Image, vec![three, three]),
        (MessageType::Image, Vec::new()),
        (MessageType::File, (1..=11).collect()),
    ] {
        let input = SendMessage { body: Some("x".to_owned()), ..with(message_type, media.clone(), place) };
        assert_eq!(
            refused(app, &amal_acts, input).await,
            Rule::VALIDATION_FAILED,
            "{message_type:?} {media:?}"
        );
    }
    // What was refused is still free; a picture may be sent as a file.
    let files =
        chat::send_message(app, &amal_acts, with(MessageType::File, vec![document, three], place)).await;
    assert_eq!(files.unwrap().answer.message.media.len(), 2);

    // Taken back: nothing is shown, and the files are let go.
    let gone = crate::chat_changes::delete(app, &amal_acts, sent.id).await.unwrap();
    assert!(gone.media.is_empty() && gone.media_urls.is_empty() && gone.body.is_none());
    assert!(only(app, &badr_acts, &sent).await.media_urls.is_empty());
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_uploads WHERE status = 'released'").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_messages_with_one_file_one_is_sent() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, _) = world.user("badr").await;
    let (carla, _) = world.user("carla").await;
    let id = file(&world, amal, "video", "video/mp4").await;
    let mut sends = JoinSet::new();
    for number in 0..10 {
        let (app, actor) = (app.clone(), amal_acts.clone());
        let to = if number % 2 == 0 { badr } else { carla };
        let input = SendMessage {
            client_id: key(),
            message_type: MessageType::Video,
            media: vec![id],
            body: None,
            ..to_user(to, "")
        };
        sends.spawn(async move { chat::send_message(&app, &actor, input).await.map(drop) });
    }
    let mut sent = 0;
    while let Some(outcome) = sends.join_next().await {
        match outcome.unwrap() {
            Ok(()) => sent += 1,
            Err(error) => assert_eq!(error.rule(), Rule::UPLOAD_IN_USE),
        }
    }
    assert_eq!((sent, world.number("SELECT COUNT(*) FROM messages").await), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_application_wrote_is_shown_as_it_is() {
    let world = unlimited().await;
    let app = &world.app;
    let (_, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let sent = send(app, &amal_acts, to_user(badr, "old")).await;
    let set = |members: &str| format!("UPDATE messages SET type = 'image', {members} WHERE id = {}", sent.id);
    let there = "https://cdn.example.com/a.jpg";
    for metadata in ["NULL", "'[]'", "'{\"edited_at\": 7}'", "'{\"media\": [{\"mime\": 3}]}'"] {
        world.execute(&set(&format!("media_urls = '[\"{there}\"]', metadata = {metadata}"))).await;
        let seen = only(app, &badr_acts, &sent).await;
        assert_eq!((seen.media_urls, seen.edited_at), (vec![there.to_owned()], None), "{metadata}");
        assert_eq!((seen.media[0].mime.as_str(), seen.media[0].size), ("application/octet-stream", 0));
    }
    world.execute(&set("media_urls = NULL, metadata = 'null'")).await;
    assert!(only(app, &badr_acts, &sent).await.media.is_empty());
}
