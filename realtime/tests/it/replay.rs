//! What a client hears, applied to what it knew, is what it would read (realtime.md §5): of rooms and of chat, after random
//! writes of several people.

use std::collections::BTreeMap;
use std::time::Duration;

use base::paging::PageRequest;
use domain::chat::{self, MessageWindow};
use domain::rooms;
use domain::{Actor, App};
use protocol::event::{Event, EventData};
use protocol::frame::PushBody;
use protocol::rooms::{RoomState, RoomStatus};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::client::{Client, json as read_json};
use crate::stand::{Stand, key};

fn input<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// The next event that the client hears on a channel, if one comes within a moment.
async fn heard(client: &mut Client, channel: &str) -> Option<EventData> {
    loop {
        let push = tokio::time::timeout(Duration::from_millis(700), client.push()).await.ok()?.unwrap();
        if let (PushBody::Publication(publication), true) = (push.body, push.channel == channel) {
            return Some(serde_json::from_value(read_json(&publication.data)).unwrap());
        }
    }
}

/// Applies one event to a room's state, as an app does.
fn apply_to_room(state: &mut RoomState, event: Event) {
    match event {
        Event::RoomStarted { .. } => state.status = RoomStatus::Active,
        Event::RoomSessionEnded { .. } => state.status = RoomStatus::Scheduled,
        Event::RoomEnded { .. } => state.status = RoomStatus::Completed,
        Event::RoomCancelled { .. } => state.status = RoomStatus::Cancelled,
        Event::RoomUpdated { room, .. } => state.title = room.title,
        Event::RoomSlowModeChanged { slow_mode_seconds, .. } => state.slow_mode_seconds = slow_mode_seconds,
        Event::RoomViewers { viewers, .. } => state.viewers = viewers,
        Event::RoomMessagePinned { message } => {
            state.pinned.retain(|pinned| pinned.id != message.id);
            state.pinned.push(message);
            state.pinned.sort_by_key(|pinned| pinned.id);
        }
        Event::RoomMessageUnpinned { message_id, .. } | Event::RoomMessageDeleted { message_id, .. } => {
            state.pinned.retain(|pinned| pinned.id != message_id);
        }
        Event::RoomReactionsChanged { message_id, reactions_count, .. } => {
            for pinned in state.pinned.iter_mut().filter(|pinned| pinned.id == message_id) {
                pinned.reactions_count = reactions_count;
            }
        }
        _ => {}
    }
}

/// One random write to a room.
async fn write_to_room(app: &App, dice: &mut StdRng, room: u64, people: &[Actor], messages: &mut Vec<u64>) {
    let (host, member) = (&people[0], &people[dice.random_range(1..people.len())]);
    let message = (!messages.is_empty()).then(|| messages[dice.random_range(0..messages.len())]);
    match (dice.random_range(0..12), message) {
        (0, _) => {
            let title = format!("Majlis {}", dice.random_range(0..100));
            let changes = input(json!({"title": title}));
            let any = base::conditional::IfMatch::ANY;
            drop(rooms::update_room(app, host, room, &any, changes).await);
        }
        (1, _) => {
            let seconds = if dice.random_bool(0.7) { 0 } else { 1 };
            drop(rooms::set_slow_mode(app, host, input(json!({"room_id": room, "seconds": seconds}))).await);
        }
        (2, _) => drop(rooms::end_room(app, host, room).await),
        (3, _) => drop(rooms::start_room(app, host, room).await),
        (4 | 5, Some(id)) => drop(rooms::pin_message(app, host, input(json!({"message_id": id}))).await),
        (6, Some(id)) => drop(rooms::unpin_message(app, host, input(json!({"message_id": id}))).await),
        (7, Some(id)) => {
            drop(rooms::delete_room_message(app, host, input(json!({"message_id": id}))).await);
        }
        (8 | 9, Some(id)) => {
            let kind = ["love", "wow", "sad"][dice.random_range(0..3)];
            let reaction = json!({"message_id": id, "type": kind});
            drop(rooms::react_to_message(app, member, input(reaction)).await);
        }
        _ => {
            let words = json!({"client_id": key(), "room_id": room, "body": "words"});
            if let Ok(posted) = rooms::post_message(app, member, input(words)).await {
                messages.push(posted.answer.message.id);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rooms_events_applied_to_its_state_give_the_state_that_is_read() {
    let stand = Stand::with(1, |_| {}).await;
    let app = stand.app();
    let room = stand.room().await;
    let channel = format!("room:{room}");
    let host = stand
        .database
        .number(&format!("SELECT CAST(user_id AS SIGNED) FROM live_rooms WHERE id = {room}"))
        .await
        .unwrap();
    let mut people = vec![Actor::on_behalf_of(u64::try_from(host).unwrap())];
    for name in ["amal", "badr", "camal"] {
        let actor = Actor::on_behalf_of(stand.user(name).await);
        rooms::register_for_room(app, &actor, room, None).await.unwrap();
        people.push(actor);
    }
    let mut client = stand.client(0, people[1].user_id()).await;
    let entered = client.subscribe_to(&channel).await.unwrap();
    let mut state: RoomState = serde_json::from_slice(&entered.data).unwrap();
    let seed = rand::random();
    let mut dice = StdRng::seed_from_u64(seed);
    let (mut messages, mut events) = (Vec::new(), 0);
    for round in 0..6 {
        for _ in 0..25 {
            write_to_room(app, &mut dice, room, &people, &mut messages).await;
        }
        let mut read = rooms::enter_channel(app, &people[1], room).await.unwrap();
        // Viewers and reactions are told when they have rested for a moment.
        for _ in 0..4 {
            while let Some(event) = heard(&mut client, &channel).await {
                apply_to_room(&mut state, event.event);
                events += 1;
            }
            read = rooms::enter_channel(app, &people[1], room).await.unwrap();
            if state == read {
                break;
            }
        }
        assert_eq!(state, read, "round {round}, seed {seed}");
    }
    // What is left out of a state is not told either.
    rooms::cancel_room(app, &people[0], room).await.unwrap();
    while let Some(event) = heard(&mut client, &channel).await {
        apply_to_room(&mut state, event.event);
    }
    assert_eq!(state.status, RoomStatus::Cancelled);
    println!("{events} events of 150 writes");
}

/// What matters of a message: id, words (nothing when deleted), read.
type Seen = (Option<String>, bool, bool);

/// One participant's view, kept by events alone.
#[derive(Debug, Default)]
struct Inbox {
    me: u64,
    conversations: BTreeMap<u64, Thread>,
    unread: (u32, u64),
}

#[derive(Debug, Default)]
struct Thread {
    hidden: bool,
    messages: BTreeMap<u64, protocol::chat::Message>,
}

impl Inbox {
    fn renew(&mut self, total: u32, version: u64) {
        if version > self.unread.1 {
            self.unread = (total, version);
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::ChatMessageCreated { message, unread_total, unread_version } => {
                let thread = self.conversations.entry(message.conversation_id).or_default();
                thread.hidden = false;
                thread.messages.entry(message.id).or_insert(message);
                self.renew(unread_total, unread_version);
            }
            Event::ChatMessageUpdated { message } => {
                let thread = self.conversations.entry(message.conversation_id).or_default();
                let known = thread.messages.get_mut(&message.id).expect("it was told of before");
                if !known.deleted && message.edited_at > known.edited_at {
                    *known =
                        protocol::chat::Message { read_at: known.read_at.or(message.read_at), ..message };
                }
            }
            Event::ChatMessageDeleted { conversation_id, message_id, unread_total, unread_version } => {
                let thread = self.conversations.entry(conversation_id).or_default();
                let known = thread.messages.get_mut(&message_id).expect("it was told of before");
                (known.deleted, known.body) = (true, None);
                self.renew(unread_total, unread_version);
            }
            Event::ChatConversationDeleted { conversation_id, unread_total, unread_version } => {
                self.conversations.entry(conversation_id).or_default().hidden = true;
                self.renew(unread_total, unread_version);
            }
            Event::ChatConversationRestored { conversation_id, unread_total, unread_version } => {
                self.conversations.entry(conversation_id).or_default().hidden = false;
                self.renew(unread_total, unread_version);
            }
            Event::ChatMessagesRead {
                conversation_id,
                reader_id,
                up_to,
                at,
                unread_total,
                unread_version,
            } => {
                let thread = self.conversations.entry(conversation_id).or_default();
                let read = thread.messages.values_mut().filter(|message| message.id <= up_to);
                for message in read.filter(|message| message.sender_id != reader_id) {
                    message.read_at = message.read_at.or(Some(at));
                }
                if let (Some(total), Some(version)) = (unread_total, unread_version) {
                    self.renew(total, version);
                }
            }
            _ => {}
        }
    }

    /// Conversations that are there, each with its messages and what is unread in it.
    fn summary(&self) -> BTreeMap<u64, (BTreeMap<u64, Seen>, usize)> {
        let threads = self.conversations.iter().filter(|(_, thread)| !thread.hidden);
        let seen =
            |thread: &Thread| thread.messages.values().map(|message| (message.id, seen(message))).collect();
        let unread = |thread: &Thread| {
            let others = thread.messages.values().filter(|message| message.sender_id != self.me);
            others.filter(|message| !message.deleted && message.read_at.is_none()).count()
        };
        threads.map(|(id, thread)| (*id, (seen(thread), unread(thread)))).collect()
    }
}

fn seen(message: &protocol::chat::Message) -> Seen {
    // What is left of a deleted message says no more whether it was read.
    (message.body.clone(), message.deleted, !message.deleted && message.read_at.is_some())
}

/// The same, read.
async fn read_inbox(app: &App, actor: &Actor) -> BTreeMap<u64, (BTreeMap<u64, Seen>, usize)> {
    let listed = chat::list_conversations(app, actor, PageRequest::default()).await.unwrap();
    let mut inbox = BTreeMap::new();
    for conversation in listed.items {
        let newest = MessageWindow::Before(None);
        let page = chat::list_messages(app, actor, conversation.id, newest, 100).await.unwrap();
        let messages: BTreeMap<u64, Seen> = page.items.iter().map(|one| (one.id, seen(one))).collect();
        let last = page.items.iter().rev().find(|message| !message.deleted).map(|message| message.id);
        assert_eq!(conversation.last_message.map(|message| message.id), last);
        inbox.insert(conversation.id, (messages, usize::try_from(conversation.unread_count).unwrap()));
    }
    inbox
}

async fn write_to_chat(app: &App, dice: &mut StdRng, people: &[Actor], known: &mut Vec<(u64, u64, usize)>) {
    let one = dice.random_range(0..people.len());
    let other = (one + dice.random_range(1..people.len())) % people.len();
    let (actor, to) = (&people[one], people[other].user_id());
    let pick = (!known.is_empty()).then(|| known[dice.random_range(0..known.len())]);
    match (dice.random_range(0..10), pick) {
        (0, Some((_, id, author))) => {
            let edit = json!({"message_id": id, "body": format!("edited {}", dice.random_range(0..100))});
            drop(chat::edit_message(app, &people[author], input(edit)).await);
        }
        (1, Some((_, id, author))) => {
            drop(chat::delete_message(app, &people[author], input(json!({"message_id": id}))).await);
        }
        (2 | 3, Some((conversation, id, _))) => {
            let read = json!({"conversation_id": conversation, "up_to": id});
            drop(chat::mark_read(app, actor, input(read)).await);
        }
        (4, Some((conversation, _, _))) if dice.random_bool(0.4) => {
            drop(chat::delete_conversation(app, actor, conversation).await);
        }
        (5, _) => drop(chat::open_conversation(app, actor, input(json!({"user_id": to}))).await),
        _ => {
            let words = json!({"client_id": key(), "user_id": to, "body": "words"});
            let sent = chat::send_message(app, actor, input(words)).await.unwrap().answer.message;
            known.push((sent.conversation_id, sent.id, one));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chats_events_applied_to_the_inbox_give_the_inbox_that_is_read() {
    let stand = Stand::with(1, |_| {}).await;
    let app = stand.app();
    let mut people = Vec::new();
    for name in ["amal", "badr", "camal"] {
        people.push(Actor::on_behalf_of(stand.user(name).await));
    }
    let me = people[0].user_id();
    let channel = format!("user:{me}");
    let mut client = stand.client(0, me).await;
    let mut inbox = Inbox { me, ..Inbox::default() };
    let seed = rand::random();
    let mut dice = StdRng::seed_from_u64(seed);
    let (mut known, mut events) = (Vec::new(), 0);
    for round in 0..5 {
        for _ in 0..25 {
            write_to_chat(app, &mut dice, &people, &mut known).await;
        }
        while let Some(event) = heard(&mut client, &channel).await {
            inbox.apply(event.event);
            events += 1;
        }
        let read = read_inbox(app, &people[0]).await;
        let mut kept = inbox.summary();
        // A conversation that was opened and never written to is not told of by its opening.
        kept.retain(|id, (messages, _)| !messages.is_empty() || read.contains_key(id));
        let read: BTreeMap<_, _> = read
            .into_iter()
            .filter(|(id, (messages, _))| !messages.is_empty() || kept.contains_key(id))
            .collect();
        assert_eq!(kept, read, "round {round}, seed {seed}");
        let totals = chat::count_unread(app, &people[0]).await.unwrap();
        assert_eq!(inbox.unread, (totals.unread_total, totals.unread_version), "round {round}, seed {seed}");
        let summed: usize = inbox.summary().values().map(|(_, unread)| unread).sum();
        assert_eq!(summed, usize::try_from(totals.unread_total).unwrap(), "round {round}, seed {seed}");
    }
    println!("{events} events of 125 writes");
}
