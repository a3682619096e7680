//! What is done with the messages of a room: pins, reactions, threads, deletions, announcements.

use base::paging::{Cursor, PageRequest};
use base::{Fault, Rule};
use config::MorphStyle;
use domain::rooms::{
    announce, ban_user, delete_room_message, enter_channel, list_room_messages, list_thread, pin_message,
    post_message, react_to_message, set_slow_mode, unpin_message,
};
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::rooms::{
    Announce, BanUser, DeleteRoomMessage, PinMessage, PostMessage, ReactToMessage, ReactionType, RoomMessage,
    RoomMessageType, SetSlowMode, UnpinMessage,
};
use rand::RngExt;
use serde_json::json;
use tokio::task::JoinSet;

use crate::stage::{Stage, key, open_room, paid_room, words};

async fn say(app: &App, actor: &Actor, room: u64, text: &str) -> RoomMessage {
    post_message(app, actor, words(room, text)).await.unwrap().answer.message
}

async fn answer_to(app: &App, actor: &Actor, room: u64, parent: u64) -> Result<RoomMessage, Rule> {
    let input = PostMessage { parent_id: Some(parent), ..words(room, "an answer") };
    post_message(app, actor, input).await.map(|written| written.answer.message).map_err(|error| error.rule())
}

async fn pin(app: &App, actor: &Actor, message_id: u64) -> Result<RoomMessage, Rule> {
    let pinned = pin_message(app, actor, PinMessage { message_id }).await;
    pinned.map(|changed| changed.message).map_err(|error| error.rule())
}

/// What subscribers are told is on top.
async fn on_top(app: &App, actor: &Actor, room: u64) -> Vec<u64> {
    enter_channel(app, actor, room).await.unwrap().pinned.iter().map(|message| message.id).collect()
}

async fn react(
    app: &App,
    actor: &Actor,
    message_id: u64,
    reaction: Option<ReactionType>,
) -> (u32, Option<ReactionType>) {
    let reacted = react_to_message(app, actor, ReactToMessage { message_id, reaction }).await.unwrap();
    assert_eq!(reacted.message_id, message_id);
    (reacted.reactions_count, reacted.my_reaction)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_pins_at_once_three_hold() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let moderator = stage.person("moderator").await;
    stage.appoint(&moderator, "moderator").await;
    let mut ids = Vec::new();
    for ordinal in 0..20 {
        ids.push(say(app, &host, room, &format!("{ordinal}")).await.id);
    }
    assert!(on_top(app, &host, room).await.is_empty(), "now the cache knows it");
    let mut pins = JoinSet::new();
    for (ordinal, &id) in ids.iter().enumerate() {
        let actor = if ordinal % 2 == 0 { host.clone() } else { moderator.clone() };
        let app = app.clone();
        pins.spawn(async move { pin(&app, &actor, id).await });
    }
    let outcomes = pins.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(Rule::ROOM_TOO_MANY_PINNED))));
    assert_eq!(stage.count("SELECT COUNT(*) FROM live_room_messages WHERE is_pinned = 1").await, 3);
    assert_eq!(stage.heard_of(Channel::Room(room), "room.message_pinned").await.len(), 3);

    // The state in the subscribe reply is true after each write, whatever the cache held.
    let top = on_top(app, &host, room).await;
    assert_eq!(top.len(), 3);
    let spare = *ids.iter().find(|id| !top.contains(id)).unwrap();
    let again = pin(app, &host, top[0]).await.unwrap();
    assert!(again.pinned);
    assert_eq!(stage.heard_of(Channel::Room(room), "room.message_pinned").await.len(), 3, "nothing changed");
    let down = unpin_message(app, &moderator, UnpinMessage { message_id: top[0] }).await.unwrap();
    assert!(!down.message.pinned);
    assert_eq!(on_top(app, &host, room).await, top[1..]);
    unpin_message(app, &moderator, UnpinMessage { message_id: top[0] }).await.unwrap();
    let unpinned = stage.heard_of(Channel::Room(room), "room.message_unpinned").await;
    assert_eq!(unpinned, [json!({"room_id": room, "message_id": top[0]})], "once");
    assert_eq!(pin(app, &host, spare).await.unwrap().id, spare);
    assert_eq!(pin(app, &host, top[0]).await, Err(Rule::ROOM_TOO_MANY_PINNED));

    // A deleted message falls, and makes room.
    let gone =
        delete_room_message(app, &host, DeleteRoomMessage { message_id: spare }).await.unwrap().message;
    assert_eq!((gone.deleted, gone.pinned, gone.body), (true, false, None));
    assert_eq!(on_top(app, &host, room).await, top[1..]);
    assert_eq!(pin(app, &host, spare).await, Err(Rule::NOT_FOUND));
    assert_eq!(pin(app, &host, top[0]).await.unwrap().id, top[0]);
    assert_eq!(pin(app, &host, 999_999).await, Err(Rule::NOT_FOUND));
    assert_eq!(
        stage
            .count("SELECT COUNT(*) FROM live_room_messages WHERE is_pinned = 1 AND pinned_by IS NULL")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_reactions_at_once_the_count_is_exact() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let message = say(app, &host, room, "what do you think?").await.id;
    let mut work = JoinSet::new();
    for ordinal in 0..20 {
        let (app, actor) = (app.clone(), stage.person(&format!("user{ordinal}")).await);
        // Each person on several devices at once.
        for _ in 0..5 {
            let (app, actor) = (app.clone(), actor.clone());
            work.spawn(async move {
                let pick = rand::rng().random_range(0..9_usize);
                react(&app, &actor, message, ReactionType::ALL.get(pick).copied()).await
            });
        }
    }
    let answers = work.join_all().await;
    assert_eq!(answers.len(), 100);
    let exact = "SELECT (SELECT reactions_count FROM live_room_messages m WHERE m.id = r.id) - r.n FROM \
                 (SELECT {id} AS id, COUNT(*) AS n FROM reactions WHERE reactable_id = {id}) r"
        .replace("{id}", &message.to_string());
    assert_eq!(stage.count(&exact).await, 0, "counter = rows");
    let doubled = "SELECT COUNT(*) FROM (SELECT user_id FROM reactions GROUP BY user_id, reactable_id HAVING COUNT(*) > 1) d";
    assert_eq!(stage.count(doubled).await, 0, "one of each user");

    // One person's way: none, one, another in its place, the same again, none, none again.
    let before = u32::try_from(stage.count("SELECT COUNT(*) FROM reactions").await).unwrap();
    let user = stage.person("badr").await;
    let (love, sad) = (Some(ReactionType::Love), Some(ReactionType::Sad));
    assert_eq!(react(app, &user, message, love).await, (before + 1, love));
    assert_eq!(react(app, &user, message, sad).await, (before + 1, sad));
    assert_eq!(react(app, &user, message, sad).await, (before + 1, sad));
    let listed = list_room_messages(app, &user, room, None, 50).await.unwrap().items;
    assert_eq!((listed[0].reactions_count, listed[0].my_reaction), (before + 1, sad));
    let others = list_room_messages(app, &host, room, None, 50).await.unwrap().items;
    assert_eq!(others[0].my_reaction, None);
    assert_eq!(react(app, &user, message, None).await, (before, None));
    assert_eq!(react(app, &user, message, None).await, (before, None));
    assert_eq!(stage.count(&exact).await, 0);

    delete_room_message(app, &host, DeleteRoomMessage { message_id: message }).await.unwrap();
    let late = react_to_message(app, &user, ReactToMessage { message_id: message, reaction: love }).await;
    assert_eq!(late.unwrap_err().rule(), Rule::NOT_FOUND);
    let listed = list_room_messages(app, &user, room, None, 50).await.unwrap().items;
    assert_eq!((listed[0].reactions_count, listed[0].my_reaction), (0, None), "only the place is left");
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn both_spellings_of_a_model_are_one_reaction() {
    for (style, own, foreign) in [
        (MorphStyle::Class, r"App\Models\LiveRoomMessage", "live_room_message"),
        (MorphStyle::Alias, "live_room_message", r"App\Models\LiveRoomMessage"),
    ] {
        let stage = Stage::with(|settings| settings.morph = style).await;
        let app = &stage.app;
        let (host, room) = stage.live("host", open_room()).await;
        let message = say(app, &host, room, "salam").await.id;
        let user = stage.person("user").await;
        let spelt = async |spelling: &str| {
            let spelling = spelling.replace('\\', r"\\");
            let count = format!("SELECT COUNT(*) FROM reactions WHERE reactable_type = '{spelling}'");
            stage.count(&count).await
        };
        let by_another = format!(
            "INSERT INTO reactions (user_id, reactable_type, reactable_id, type) VALUES ({}, '{}', {message}, 'wow')",
            user.user_id(),
            foreign.replace('\\', r"\\")
        );
        stage.run(&by_another).await;
        stage.run("UPDATE live_room_messages SET reactions_count = 1").await;
        let listed = list_room_messages(app, &user, room, None, 5).await.unwrap().items;
        assert_eq!(listed[0].my_reaction, Some(ReactionType::Wow));
        assert_eq!(react(app, &user, message, Some(ReactionType::Haha)).await.0, 1, "in its place");
        assert_eq!((spelt(own).await, spelt(foreign).await), (0, 1));
        assert_eq!(react(app, &user, message, None).await.0, 0);
        assert_eq!(react(app, &host, message, Some(ReactionType::Like)).await.0, 1);
        assert_eq!((spelt(own).await, spelt(foreign).await), (1, 0), "the configured spelling is written");
        // Both there: one goes.
        stage.run(&by_another).await;
        stage.run(&by_another.replace(&foreign.replace('\\', r"\\"), &own.replace('\\', r"\\"))).await;
        stage.run("UPDATE live_room_messages SET reactions_count = 3").await;
        assert_eq!(react(app, &user, message, Some(ReactionType::Sad)).await.0, 2);
        assert_eq!(spelt(own).await + spelt(foreign).await, 2);
    }
}

#[tokio::test]
async fn threads_have_one_level_and_are_walked_from_their_beginning() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let (_, elsewhere) = stage.live("other", open_room()).await;
    let user = stage.person("user").await;
    let first = say(app, &host, room, "questions?").await;
    assert_eq!(first.parent_id, None);
    let mut answers = Vec::new();
    for _ in 0..5 {
        // Each answers the one before: all of them belong to the first.
        let answered = answers.last().copied().unwrap_or(first.id);
        let answer = answer_to(app, &user, room, answered).await.unwrap();
        assert_eq!(answer.parent_id, Some(first.id));
        answers.push(answer.id);
        say(app, &host, room, "something else").await;
    }
    let heard = stage.heard_of(Channel::Room(room), "room.message_created").await;
    assert!(
        heard
            .iter()
            .any(|event| event["message"]["id"] == answers[4] && event["message"]["parent_id"] == first.id)
    );

    let ids =
        |page: &base::paging::Page<RoomMessage>| page.items.iter().map(|one| one.id).collect::<Vec<_>>();
    let walk = async |id, cursor: Option<Cursor>| {
        list_thread(app, &user, room, id, PageRequest { cursor, per_page: 2 })
            .await
            .map_err(|error| error.rule())
    };
    let one = walk(first.id, None).await.unwrap();
    assert_eq!((ids(&one), one.previous), (answers[..2].to_vec(), None));
    let two = walk(first.id, one.next).await.unwrap();
    assert_eq!(ids(&two), answers[2..4]);
    let three = walk(first.id, two.next).await.unwrap();
    assert_eq!((ids(&three), three.next), (answers[4..].to_vec(), None));
    assert_eq!(ids(&walk(first.id, three.previous).await.unwrap()), answers[2..4]);
    assert_eq!(ids(&walk(answers[3], None).await.unwrap()), answers[..2], "an answer names its thread, too");
    assert_eq!(walk(999_999, None).await.unwrap_err(), Rule::NOT_FOUND);
    let outside = list_thread(app, &user, elsewhere, first.id, PageRequest::default()).await.unwrap_err();
    assert_eq!(outside.rule(), Rule::NOT_FOUND);

    // What another application nested deeper belongs to the first one, too.
    stage
        .run(&format!("UPDATE live_room_messages SET parent_id = {} WHERE id = {}", answers[0], answers[1]))
        .await;
    assert_eq!(answer_to(app, &user, room, answers[1]).await.unwrap().parent_id, Some(first.id));

    assert_eq!(answer_to(app, &user, elsewhere, first.id).await, Err(Rule::ROOM_PARENT_NOT_FOUND));
    delete_room_message(app, &user, DeleteRoomMessage { message_id: answers[2] }).await.unwrap();
    assert_eq!(answer_to(app, &user, room, answers[2]).await, Err(Rule::ROOM_PARENT_NOT_FOUND));
    delete_room_message(app, &host, DeleteRoomMessage { message_id: first.id }).await.unwrap();
    assert_eq!(answer_to(app, &user, room, first.id).await, Err(Rule::ROOM_PARENT_NOT_FOUND));
    assert_eq!(
        answer_to(app, &user, room, answers[3]).await.unwrap().parent_id,
        Some(first.id),
        "of a deleted message the answers stay, and go on"
    );
    assert!(!walk(first.id, None).await.unwrap().items.is_empty());
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn deleting_leaves_the_place_and_is_for_author_host_and_moderators() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let (author, member) = (stage.person("author").await, stage.person("member").await);
    let moderator = stage.person("moderator").await;
    stage.appoint(&moderator, "moderator").await;
    let delete = async |actor: &Actor, message_id| {
        let gone = delete_room_message(app, actor, DeleteRoomMessage { message_id }).await;
        gone.map(|changed| changed.message).map_err(|error| error.rule())
    };
    let mut places = Vec::new();
    for deleter in [&author, &host, &moderator] {
        let message = say(app, &author, room, "oops").await;
        assert_eq!(delete(&member, message.id).await, Err(Rule::FORBIDDEN));
        let gone = delete(deleter, message.id).await.unwrap();
        assert_eq!(
            gone,
            RoomMessage { body: None, deleted: true, ..message.clone() },
            "the place, its author and its time"
        );
        assert_eq!(delete(deleter, message.id).await.unwrap(), gone, "once more changes nothing");
        assert_eq!(delete(&member, message.id).await, Err(Rule::FORBIDDEN));
        places.push(json!({"room_id": room, "message_id": message.id, "deleted_by": deleter.user_id()}));
    }
    assert_eq!(stage.heard_of(Channel::Room(room), "room.message_deleted").await, places, "each once");
    assert_eq!(delete(&host, 999_999).await, Err(Rule::NOT_FOUND));
    let whole = "SELECT COUNT(*) FROM live_room_messages WHERE is_deleted = 1 AND deleted_by IS NOT NULL AND deleted_at IS NOT NULL";
    assert_eq!(stage.count(whole).await, 3);

    // Also when the room is over; but not from outside.
    let last = say(app, &author, room, "bye").await;
    stage
        .run(&format!(
            "UPDATE live_rooms SET status = 'completed', current_jitsi_room_id = NULL WHERE id = {room}"
        ))
        .await;
    assert!(delete(&host, last.id).await.unwrap().deleted);
    let (speaker, paid) = stage.live("speaker", paid_room("5.00")).await;
    let hidden = say(app, &speaker, paid, "for those who paid").await;
    assert_eq!(delete(&member, hidden.id).await, Err(Rule::NOT_FOUND), "not even that it is there");
    ban_user(app, &speaker, BanUser { room_id: paid, user_id: member.user_id() }).await.unwrap();
    assert_eq!(delete(&member, hidden.id).await, Err(Rule::ROOM_BANNED));
}

#[tokio::test]
async fn announcements_are_the_hosts_and_wait_for_nobody() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let member = stage.person("member").await;
    set_slow_mode(app, &host, SetSlowMode { room_id: room, seconds: 60 }).await.unwrap();
    let input = |body: &str| Announce { client_id: key(), room_id: room, body: body.to_owned() };
    let refused = async |actor: &Actor, input: Announce| {
        announce(app, actor, input).await.err().map(|error| error.rule())
    };

    let first = input(" نبدأ الآن \u{0} ");
    let announced = announce(app, &host, first.clone()).await.unwrap().answer.message;
    assert_eq!(announced.message_type, RoomMessageType::Announcement);
    assert_eq!((announced.body.as_deref(), announced.user_id), (Some("نبدأ الآن"), host.user_id()));
    let again = announce(app, &host, first.clone()).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.answer.message, announced);
    assert_eq!(
        refused(&host, Announce { body: "other".to_owned(), ..first }).await,
        Some(Rule::IDEMPOTENCY_KEY_REUSED)
    );
    assert_eq!(refused(&host, input("two")).await, None, "slow mode is for members");
    assert_eq!(stage.count("SELECT COUNT(*) FROM live_room_messages WHERE type = 'announcement'").await, 2);
    let heard = stage.heard_of(Channel::Room(room), "room.message_created").await;
    assert_eq!(
        (&heard[0]["message"]["type"], &heard[0]["message"]["id"]),
        (&json!("announcement"), &json!(announced.id))
    );

    assert_eq!(refused(&member, input("hear me")).await, Some(Rule::FORBIDDEN));
    assert_eq!(refused(&member, input("")).await, Some(Rule::FORBIDDEN), "access before the body");
    for body in ["", " \n ", &"م".repeat(501)] {
        assert_eq!(refused(&host, input(body)).await, Some(Rule::VALIDATION_FAILED));
    }
    let no_uuid = Announce { client_id: "seven".parse().unwrap(), ..input("x") };
    assert_eq!(refused(&host, no_uuid).await, Some(Rule::VALIDATION_FAILED));
    let (other, scheduled) = stage.announced("other", open_room()).await;
    let early = Announce { room_id: scheduled, ..input("soon") };
    assert_eq!(refused(&other, early).await, Some(Rule::ROOM_NOT_ACTIVE));
    assert_eq!(refused(&host, Announce { room_id: 999, ..input("x") }).await, Some(Rule::NOT_FOUND));
}
