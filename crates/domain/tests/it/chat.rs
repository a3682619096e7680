//! 1:1 chat on real servers (realtime.md §4, §5; domain.md §5.10, invariants I-H1 to I-H3).

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::paging::PageRequest;
use base::{CommonFault, Fault, Rule, Time};
use bus::{BusEvent, ListenerSettings};
use domain::chat::{self, ChatError, MessageWindow};
use domain::idempotency::Written;
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::chat::{
    MarkRead, Message, MessageSent, MessageType, OpenConversation, SendMessage, StartTyping,
};
use protocol::{Event, IdempotencyKey};

use crate::society::unlimited;
use crate::world::World;

pub(crate) fn key() -> IdempotencyKey {
    uuid::Uuid::new_v4().to_string().parse().unwrap()
}

pub(crate) fn words(body: &str) -> SendMessage {
    SendMessage {
        client_id: key(),
        conversation_id: None,
        user_id: None,
        message_type: MessageType::Text,
        body: Some(body.to_owned()),
        media: Vec::new(),
        reply_to_id: None,
    }
}

pub(crate) fn to_user(user_id: u64, body: &str) -> SendMessage {
    SendMessage { user_id: Some(user_id), ..words(body) }
}

pub(crate) fn into(conversation_id: u64, body: &str) -> SendMessage {
    SendMessage { conversation_id: Some(conversation_id), ..words(body) }
}

pub(crate) async fn send(app: &App, actor: &Actor, input: SendMessage) -> Message {
    chat::send_message(app, actor, input).await.unwrap().answer.message
}

pub(crate) async fn refused(app: &App, actor: &Actor, input: SendMessage) -> Rule {
    chat::send_message(app, actor, input).await.unwrap_err().rule()
}

pub(crate) async fn read(app: &App, actor: &Actor, conversation_id: u64, up_to: u64) -> (u64, u32) {
    let read = chat::mark_read(app, actor, MarkRead { conversation_id, up_to }).await.unwrap();
    (read.up_to, read.unread_total)
}

pub(crate) async fn newest(app: &App, actor: &Actor, conversation_id: u64) -> Vec<u64> {
    let window = MessageWindow::Before(None);
    let rows = chat::list_messages(app, actor, conversation_id, window, 100).await.unwrap().items;
    rows.iter().map(|message| message.id).collect()
}

pub(crate) async fn unread(app: &App, actor: &Actor) -> u32 {
    chat::count_unread(app, actor).await.unwrap().unread_total
}

/// The messages heard on a user's channel, each with the unread total that rode in it.
async fn heard(world: &World, user_id: u64) -> Vec<(Message, u32)> {
    let events = world.events(Channel::User(user_id)).await;
    events
        .into_iter()
        .filter_map(|data| match data.event {
            Event::ChatMessageCreated { message, unread_total, .. } => Some((message, unread_total)),
            _ => None,
        })
        .collect()
}

/// I-H1, I-H2, I-H3 and the unread totals, as the queries that must count nothing.
pub(crate) async fn assert_true(world: &World) {
    for wrong in [
        "SELECT COUNT(*) FROM conversations WHERE user_one_id >= user_two_id",
        "SELECT COUNT(*) FROM conversations c WHERE NOT (c.last_message_id <=> \
           (SELECT MAX(m.id) FROM messages m WHERE m.conversation_id = c.id AND m.deleted_at IS NULL))",
        "SELECT COUNT(*) FROM messages m JOIN conversations c ON c.id = m.conversation_id \
           WHERE m.sender_id NOT IN (c.user_one_id, c.user_two_id)",
        "SELECT COUNT(*) FROM messages m JOIN messages r ON r.id = m.reply_to_id \
           WHERE r.conversation_id <> m.conversation_id",
        "SELECT COUNT(*) FROM hub_chat_counters h WHERE h.unread_total <> (SELECT COUNT(*) FROM messages m \
           JOIN conversations c ON c.id = m.conversation_id WHERE h.user_id IN (c.user_one_id, c.user_two_id) \
             AND m.sender_id <> h.user_id AND m.read_at IS NULL AND m.deleted_at IS NULL \
             AND c.deleted_at IS NULL)",
    ] {
        assert_eq!(world.number(wrong).await, 0, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_sends_at_once_in_both_directions_are_exact() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;

    // All of them open the conversation, as far as they know; a third person writes to one of the two meanwhile.
    let mut sends = tokio::task::JoinSet::new();
    for number in 0..25 {
        for (actor, other) in [(&amal_acts, badr), (&badr_acts, amal), (&carla_acts, amal)] {
            let (app, actor) = (app.clone(), actor.clone());
            sends.spawn(async move { send(&app, &actor, to_user(other, &format!("{number}"))).await });
        }
    }
    // Whoever reads meanwhile never sees a message below one that was there before: ids follow commits.
    let done = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn({
        let (app, amal_acts, done) = (app.clone(), amal_acts.clone(), Arc::clone(&done));
        async move {
            let (mut known, mut looks) = (Vec::new(), 0);
            while !done.load(Ordering::Relaxed) {
                let conversations =
                    chat::list_conversations(&app, &amal_acts, PageRequest::default()).await.unwrap();
                let Some(place) = conversations.items.iter().find(|place| place.user.id == badr) else {
                    continue;
                };
                let now = newest(&app, &amal_acts, place.id).await;
                assert!(now.starts_with(&known), "{known:?} became {now:?}");
                known = now;
                looks += 1;
            }
            looks
        }
    });
    let mut sent = Vec::new();
    while let Some(message) = sends.join_next().await {
        sent.push(message.unwrap());
    }
    done.store(true, Ordering::Relaxed);
    println!("looked {} times meanwhile", watcher.await.unwrap());

    let between = sent.iter().find(|message| message.sender_id == badr).unwrap().conversation_id;
    let mut ids: Vec<u64> =
        sent.iter().filter(|message| message.conversation_id == between).map(|message| message.id).collect();
    ids.sort_unstable();
    assert_eq!(ids.len(), 50, "one conversation for both directions");
    assert_eq!(newest(app, &amal_acts, between).await, ids);
    assert_eq!((unread(app, &amal_acts).await, unread(app, &badr_acts).await), (50, 25));
    assert_eq!(world.number("SELECT COUNT(*) FROM conversations").await, 2);
    assert_true(&world).await;

    // One event a message and channel; the totals heard are the ones that were counted, each once.
    for (user_id, messages, received) in [(amal, 75, 50), (badr, 50, 25)] {
        let heard = heard(&world, user_id).await;
        assert_eq!(heard.len(), messages);
        let mut totals: Vec<u32> = heard
            .iter()
            .filter(|(message, _)| message.sender_id != user_id)
            .map(|(_, total)| *total)
            .collect();
        totals.sort_unstable();
        assert_eq!(totals, (1..=received).collect::<Vec<u32>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_client_id_is_one_message() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let input = to_user(badr, "مرحبا");
    let mut sends = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (app, actor, input) = (app.clone(), amal_acts.clone(), input.clone());
        sends.spawn(async move { chat::send_message(&app, &actor, input).await.unwrap() });
    }
    let mut answers: Vec<Written<MessageSent>> = Vec::new();
    while let Some(answer) = sends.join_next().await {
        answers.push(answer.unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.answer == answers[0].answer));
    assert_eq!(world.number("SELECT COUNT(*) FROM messages").await, 1);
    assert_eq!(unread(app, &badr_acts).await, 1);
    assert_true(&world).await;
    // Published with every answer, under one id, so that apps drop the repeats.
    let events = world.events(Channel::User(badr)).await;
    assert_eq!(events.len(), 20);
    assert_eq!(events.iter().map(|data| data.id.clone()).collect::<HashSet<_>>().len(), 1);

    let other = SendMessage { body: Some("something else".to_owned()), ..input.clone() };
    assert_eq!(refused(app, &amal_acts, other).await, Rule::IDEMPOTENCY_KEY_REUSED);
    // The key is the writer's own: the same one in another hand is another message.
    let theirs = SendMessage { user_id: Some(amal), ..input.clone() };
    assert!(!chat::send_message(app, &badr_acts, theirs).await.unwrap().replayed);
    // What was answered stays answered, even where it would be refused now.
    world.block(badr, amal).await;
    assert_eq!(chat::send_message(app, &amal_acts, input).await.unwrap().answer, answers[0].answer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_never_go_backwards() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;
    let mut ids = Vec::new();
    for body in ["one", "two", "three"] {
        ids.push(send(app, &amal_acts, to_user(badr, body)).await.id);
    }
    let elsewhere = send(app, &carla_acts, to_user(badr, "hello")).await;
    let place = newest_conversation(app, &amal_acts).await;
    let own = send(app, &badr_acts, into(place, "mine")).await.id;
    assert_eq!(unread(app, &badr_acts).await, 4);

    assert_eq!(read(app, &badr_acts, place, ids[1]).await, (ids[1], 2));
    assert_eq!(read(app, &badr_acts, place, ids[0]).await, (ids[1], 2), "not back");
    assert_eq!(read(app, &badr_acts, place, ids[1]).await, (ids[1], 2), "the same again");
    assert_eq!(read(app, &badr_acts, place, own).await, (ids[2], 1), "an own message is none that one reads");
    assert_eq!(read(app, &badr_acts, place, u64::MAX).await, (ids[2], 1), "not beyond the newest");
    assert_eq!(read(app, &badr_acts, place, 0).await.1, 1);
    assert_true(&world).await;

    let receipts = |events: Vec<protocol::event::EventData>| -> Vec<(u64, Option<u32>)> {
        events
            .into_iter()
            .filter_map(|data| match data.event {
                Event::ChatMessagesRead { reader_id, up_to, unread_total, .. } if reader_id == badr => {
                    Some((up_to, unread_total))
                }
                _ => None,
            })
            .collect()
    };
    let at_reader = receipts(world.events(Channel::User(badr)).await);
    assert_eq!(at_reader, [(ids[1], Some(2)), (ids[2], Some(1))]);
    let at_writer = receipts(world.events(Channel::User(amal)).await);
    assert_eq!(at_writer, [(ids[1], None), (ids[2], None)], "the total is the reader's own business");

    // The writer sees what was read; nobody reads their own messages.
    let window = MessageWindow::After(0);
    let seen = chat::list_messages(app, &amal_acts, place, window, 50).await.unwrap().items;
    assert_eq!(
        seen.iter().map(|message| message.read_at.is_some()).collect::<Vec<_>>(),
        [true, true, true, false]
    );
    let counts = chat::count_unread(app, &badr_acts).await.unwrap();
    assert_eq!(counts.conversations.len(), 1);
    assert_eq!(counts.conversations[0].conversation_id, elsewhere.conversation_id);
    let stranger = chat::mark_read(app, &carla_acts, MarkRead { conversation_id: place, up_to: 1 }).await;
    assert_eq!(stranger.unwrap_err().rule(), Rule::NOT_FOUND);

    // Reading and writing at the same time: nothing is counted twice, nothing is forgotten.
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (app, amal_acts, badr_acts) = (app.clone(), amal_acts.clone(), badr_acts.clone());
        tasks.spawn(async move {
            if number % 2 == 0 {
                send(&app, &amal_acts, into(place, "more")).await;
            } else {
                read(&app, &badr_acts, place, u64::MAX).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_true(&world).await;
}

async fn newest_conversation(app: &App, actor: &Actor) -> u64 {
    chat::list_conversations(app, actor, PageRequest::default()).await.unwrap().items[0].id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_write_to_whom() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;
    assert_eq!(refused(app, &amal_acts, to_user(amal, "me")).await, Rule::SELF_CONVERSATION);
    assert_eq!(refused(app, &amal_acts, to_user(999_999, "who")).await, Rule::NOT_FOUND);

    world.accept_messages_from(badr, "none").await;
    assert_eq!(refused(app, &amal_acts, to_user(badr, "hi")).await, Rule::MESSAGES_NOT_ACCEPTED);
    let open = |user_id| OpenConversation { user_id };
    let closed = chat::open_conversation(app, &amal_acts, open(badr)).await.unwrap_err();
    assert_eq!(closed.rule(), Rule::MESSAGES_NOT_ACCEPTED);
    assert_eq!(world.number("SELECT COUNT(*) FROM conversations").await, 0, "a refusal leaves nothing");
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_idempotency_keys").await, 0);

    world.accept_messages_from(badr, "followers").await;
    assert_eq!(refused(app, &amal_acts, to_user(badr, "hi")).await, Rule::MESSAGES_NOT_ACCEPTED);
    world.follow(amal, badr).await;
    let place = send(app, &amal_acts, to_user(badr, "I follow you")).await.conversation_id;

    // Whoever has written in it himself gets the answers; before that he does not.
    world.accept_messages_from(badr, "none").await;
    assert_eq!(refused(app, &amal_acts, into(place, "again")).await, Rule::MESSAGES_NOT_ACCEPTED);
    send(app, &badr_acts, into(place, "but I ask you")).await;
    send(app, &amal_acts, into(place, "and I answer")).await;

    for (blocker, blocked) in [(amal, badr), (badr, amal)] {
        world.block(blocker, blocked).await;
        assert_eq!(refused(app, &amal_acts, into(place, "x")).await, Rule::BLOCKED);
        assert_eq!(refused(app, &badr_acts, to_user(amal, "x")).await, Rule::BLOCKED);
        world.unblock(blocker, blocked).await;
    }

    // Strangers learn nothing, not even what is wrong with their words.
    assert_eq!(refused(app, &carla_acts, into(place, "")).await, Rule::NOT_FOUND);
    assert!(chat::find_conversation(app, &carla_acts, place).await.is_err());
    let window = MessageWindow::Before(None);
    assert!(chat::list_messages(app, &carla_acts, place, window, 10).await.is_err());
    assert!(chat::delete_conversation(app, &carla_acts, place).await.is_err());

    world.suspend(badr).await;
    assert_eq!(refused(app, &amal_acts, into(place, "gone?")).await, Rule::NOT_FOUND);
    assert_eq!(refused(app, &amal_acts, to_user(badr, "gone?")).await, Rule::NOT_FOUND);
    assert_true(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_message_may_be() {
    let world = unlimited().await;
    let app = &world.app;
    let (_, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;
    let full = "ع".repeat(4000);
    let message = send(app, &amal_acts, to_user(badr, &format!("  {full}\u{0}\n"))).await;
    assert_eq!(message.body.as_deref(), Some(full.as_str()), "cleaned, 4000 characters of any script");
    let place = message.conversation_id;
    assert_eq!(newest(app, &badr_acts, place).await, [message.id]);

    let at_fault = async |input: SendMessage| -> Vec<String> {
        match chat::send_message(app, &amal_acts, input).await.unwrap_err() {
            ChatError::Common(CommonFault::Invalid(violations)) => {
                violations.sentences(base::Lang::En).into_keys().collect()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(at_fault(into(place, &format!("{full}x"))).await, ["body"]);
    assert_eq!(at_fault(into(place, " \u{202E}\t ")).await, ["body"]);
    assert_eq!(at_fault(words("to nobody")).await, ["conversation_id"]);
    assert_eq!(at_fault(SendMessage { user_id: Some(badr), ..into(place, "both") }).await, ["user_id"]);
    let named = SendMessage { client_id: "order-7".parse().unwrap(), ..into(place, "not a UUID") };
    assert_eq!(at_fault(named).await, ["client_id"]);
    let empty = SendMessage { message_type: MessageType::Image, ..into(place, "look") };
    assert_eq!(at_fault(empty).await, ["media"]);
    let pictures = SendMessage { message_type: MessageType::Image, media: vec![1], ..into(place, "look") };
    assert_eq!(refused(app, &amal_acts, pictures).await, Rule::MEDIA_NOT_FOUND);

    let elsewhere = send(app, &carla_acts, to_user(badr, "another conversation")).await;
    let answer = |id| SendMessage { reply_to_id: Some(id), ..into(place, "about that") };
    assert_eq!(refused(app, &badr_acts, answer(elsewhere.id)).await, Rule::REPLY_NOT_FOUND);
    assert_eq!(refused(app, &badr_acts, answer(999_999)).await, Rule::REPLY_NOT_FOUND);
    assert_eq!(send(app, &badr_acts, answer(message.id)).await.reply_to_id, Some(message.id));

    // A deleted message keeps its place, and nothing else; it is not answered any more.
    world.execute(&format!("UPDATE messages SET deleted_at = created_at WHERE id = {}", message.id)).await;
    let window = MessageWindow::Around(message.id);
    let seen = chat::list_messages(app, &badr_acts, place, window, 10).await.unwrap().items;
    assert_eq!((seen.len(), seen[0].deleted, seen[0].body.as_deref()), (2, true, None));
    assert_eq!(refused(app, &badr_acts, answer(message.id)).await, Rule::REPLY_NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_are_opened_listed_deleted_and_restored() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;

    // Twenty requests open one conversation.
    let mut opens = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (app, actor) = (app.clone(), if number % 2 == 0 { amal_acts.clone() } else { badr_acts.clone() });
        let input = OpenConversation { user_id: if number % 2 == 0 { badr } else { amal } };
        opens.spawn(async move { chat::open_conversation(&app, &actor, input).await.unwrap() });
    }
    let mut created = 0;
    let mut ids = HashSet::new();
    while let Some(opened) = opens.join_next().await {
        let (conversation, new) = opened.unwrap();
        created += u32::from(new);
        ids.insert(conversation.id);
    }
    assert_eq!((created, ids.len()), (1, 1));
    let place = *ids.iter().next().unwrap();
    let page = |cursor, per_page| PageRequest { cursor, per_page };
    let empty = chat::list_conversations(app, &amal_acts, page(None, 10)).await.unwrap();
    assert!(empty.items.is_empty(), "without a message it is not listed");

    // Five more conversations; then one step through the list and back.
    send(app, &badr_acts, into(place, "first")).await;
    send(app, &badr_acts, into(place, "second")).await;
    for name in ["carla", "dana", "elias", "farah", "ghada"] {
        let (_, actor) = world.user(name).await;
        send(app, &actor, to_user(amal, name)).await;
    }
    let names = |page: &base::paging::Page<protocol::chat::Conversation>| -> Vec<String> {
        page.items.iter().map(|item| item.user.username.clone()).collect()
    };
    let first = chat::list_conversations(app, &amal_acts, page(None, 4)).await.unwrap();
    assert_eq!(names(&first), ["ghada", "farah", "elias", "dana"]);
    let second = chat::list_conversations(app, &amal_acts, page(first.next, 4)).await.unwrap();
    assert_eq!(names(&second), ["carla", "badr"]);
    assert!(second.next.is_none());
    let back = chat::list_conversations(app, &amal_acts, page(second.previous, 4)).await.unwrap();
    assert_eq!(names(&back), names(&first));
    let with_badr = &second.items[1];
    assert_eq!((with_badr.id, with_badr.unread_count, with_badr.online), (place, 2, Some(false)));
    assert_eq!(with_badr.last_message.as_ref().unwrap().body.as_deref(), Some("second"));
    assert_eq!(&chat::find_conversation(app, &amal_acts, place).await.unwrap(), with_badr);
    assert_eq!(unread(app, &amal_acts).await, 7);

    // Deleted for both: gone from lists and totals; the next message brings all of it back.
    chat::delete_conversation(app, &amal_acts, place).await.unwrap();
    assert_eq!(unread(app, &amal_acts).await, 5);
    assert_true(&world).await;
    assert_eq!(chat::count_unread(app, &amal_acts).await.unwrap().conversations.len(), 5);
    for actor in [&amal_acts, &badr_acts] {
        assert_eq!(chat::find_conversation(app, actor, place).await.unwrap_err().rule(), Rule::NOT_FOUND);
        let again = chat::delete_conversation(app, actor, place).await.unwrap_err();
        assert_eq!(again.rule(), Rule::NOT_FOUND);
    }
    let message = send(app, &amal_acts, to_user(badr, "third")).await;
    assert_eq!(message.conversation_id, place);
    assert_eq!((unread(app, &amal_acts).await, unread(app, &badr_acts).await), (7, 1));
    assert_true(&world).await;
    let at_amal = heard(&world, amal).await;
    assert_eq!(at_amal.last().unwrap().1, 7, "her own total rides in the event");
    chat::delete_conversation(app, &badr_acts, place).await.unwrap();
    let (restored, created) =
        chat::open_conversation(app, &amal_acts, OpenConversation { user_id: badr }).await.unwrap();
    assert_eq!((restored.id, restored.unread_count, created), (place, 2, false));
    assert_true(&world).await;
    // What every request needs of a user tells the same totals.
    assert_eq!(domain::users::find_state(app, amal).await.unwrap().unwrap().unread_total, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_is_told_to_the_other_one_once_in_a_while() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, _) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;
    let place = send(app, &amal_acts, to_user(badr, "hi")).await.conversation_id;
    let (listener, mut events) = app.bus.listener(ListenerSettings::default()).await.unwrap();
    for user_id in [amal, badr] {
        listener.subscribe(&Channel::User(user_id).to_string()).await.unwrap();
    }
    let typing = StartTyping { conversation_id: place };
    let started = Time::now();
    for _ in 0..3 {
        chat::start_typing(app, &amal_acts, typing.clone()).await.unwrap();
    }
    let stranger = chat::start_typing(app, &carla_acts, typing).await.unwrap_err();
    assert_eq!(stranger.rule(), Rule::NOT_FOUND);
    send(app, &amal_acts, into(place, "done")).await;

    // The message comes after all that was told before it.
    let mut heard = Vec::new();
    let hearing = async {
        while heard.len() < 3 {
            for event in events.recv_batch().await.unwrap() {
                if let BusEvent::Publication(publication) = event {
                    let data: protocol::event::EventData =
                        serde_json::from_slice(&publication.payload).unwrap();
                    heard.push((publication.channel.to_string(), data.event));
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), hearing).await.expect("all three are heard");
    let typed: Vec<_> = heard
        .iter()
        .filter_map(|(channel, event)| match event {
            Event::ChatTypingStarted { conversation_id, user_id, until } => {
                Some((channel.as_str(), *conversation_id, *user_id, *until))
            }
            _ => None,
        })
        .collect();
    assert_eq!(typed.len(), 1, "{heard:?}");
    let (channel, conversation_id, user_id, until) = typed[0];
    assert_eq!((channel, conversation_id, user_id), (&*format!("user:{badr}"), place, amal));
    assert!(until >= started.plus_seconds(5) && until <= Time::now().plus_seconds(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_messages_a_minute_and_repeats_for_nothing() {
    let world = World::new().await;
    let app = &world.app;
    let (_, amal_acts) = world.user("amal").await;
    let (badr, _) = world.user("badr").await;
    let first = to_user(badr, "first");
    let place = send(app, &amal_acts, first.clone()).await.conversation_id;
    let mut limited = None;
    for number in 0..200 {
        if let Err(error) = chat::send_message(app, &amal_acts, into(place, "more")).await {
            limited = Some((number, error));
            break;
        }
    }
    let (number, error) = limited.expect("there is a limit");
    println!("refused after {number} more");
    assert!(number >= 59, "the burst is 60: {number}");
    assert_eq!(error.rule(), Rule::RATE_LIMITED);
    assert!(error.retry_after().unwrap() <= Duration::from_secs(1));
    // An answer that got lost can be fetched again all the same.
    assert!(chat::send_message(app, &amal_acts, first).await.unwrap().replayed);

    // Twenty new conversations an hour.
    let (_, curious) = world.user("curious").await;
    for number in 0..21 {
        let (id, _) = world.user(&format!("person{number}")).await;
        let sent = chat::send_message(app, &curious, to_user(id, "hello")).await;
        match sent {
            Ok(_) => assert!(number < 20),
            Err(error) => assert_eq!((number, error.rule()), (20, Rule::RATE_LIMITED)),
        }
    }
}

/// realtime.md §5: a wave of reconnects after a message to each does not reach MySQL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_leaves_its_receivers_state_in_the_cache_with_the_new_total() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let total = async |user_id| {
        let state = domain::users::find_state(app, user_id).await.unwrap().unwrap();
        (state.unread_total, state.unread_version)
    };
    assert_eq!((total(amal).await.0, total(badr).await.0), (0, 0));
    let first = send(app, &amal_acts, to_user(badr, "one")).await;
    // What MySQL says now is not asked for: only the cache can still answer rightly.
    world.execute("UPDATE users SET name = 'changed behind the cache'").await;
    world.execute(&format!("UPDATE hub_chat_counters SET unread_total = 77 WHERE user_id = {badr}")).await;
    assert_eq!(total(badr).await, (1, 1));
    let name = domain::users::find_state(app, badr).await.unwrap().unwrap().name;
    assert_ne!(name, "changed behind the cache");
    world.execute(&format!("UPDATE hub_chat_counters SET unread_total = 1 WHERE user_id = {badr}")).await;
    send(app, &amal_acts, to_user(badr, "two")).await;
    read(app, &badr_acts, first.conversation_id, first.id).await;
    assert_eq!(total(badr).await, (1, 3), "two came, one was read");
    // Forgotten, it is read from MySQL again.
    app.bus.cache_invalidate(&[&domain::users::state_key(badr)]).await.unwrap();
    assert_eq!(total(badr).await, (1, 3));
    assert_true(&world).await;
}
