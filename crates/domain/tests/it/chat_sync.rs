//! What a client that was away learns (realtime.md §5).

use std::collections::BTreeMap;

use base::{Fault, Rule, Time};
use domain::chat::{self, MessageWindow};
use domain::{Actor, App};
use protocol::chat::{Message, ReadState, SyncMessages, SyncedMessages};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::chat::NewMessage;

use crate::chat::{into, read, send, to_user};
use crate::chat_changes::{delete, edit};
use crate::society::unlimited;
use crate::world::World;

async fn synced(app: &App, actor: &Actor, input: SyncMessages) -> SyncedMessages {
    chat::sync_messages(app, actor, input).await.unwrap()
}

async fn sync(app: &App, actor: &Actor, after: u64, limit: Option<u32>) -> (Vec<u64>, bool) {
    let input = SyncMessages { after_message_id: after, limit, ..SyncMessages::default() };
    let synced = synced(app, actor, input).await;
    (synced.messages.iter().map(|message| message.id).collect(), synced.has_more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sync_gives_what_was_missed() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (_, badr_acts) = world.user("badr").await;
    let (carla, carla_acts) = world.user("carla").await;
    let mut mine = Vec::new();
    for number in 0..6 {
        let body = format!("{number}");
        mine.push(send(app, &badr_acts, to_user(amal, &body)).await);
        send(app, &badr_acts, to_user(carla, &body)).await;
        mine.push(send(app, &amal_acts, to_user(carla, &body)).await);
    }
    let ids: Vec<u64> = mine.iter().map(|message| message.id).collect();
    assert_eq!(sync(app, &amal_acts, 0, None).await, (ids.clone(), false), "and nothing of others");
    assert_eq!(sync(app, &amal_acts, 0, Some(5)).await, (ids[..5].to_vec(), true));
    assert_eq!(
        sync(app, &amal_acts, ids[11], None).await,
        (ids[..11].to_vec(), false),
        "the minute before it again"
    );

    // Of what is older than a minute only the new comes; half of it is made old.
    let old = "UPDATE messages SET created_at = created_at - INTERVAL 61 SECOND, \
               updated_at = updated_at - INTERVAL 61 SECOND WHERE id <= ";
    world.execute(&format!("{old}{}", ids[5])).await;
    let but = |left_out: usize| ids.iter().copied().filter(|&id| id != ids[left_out]).collect::<Vec<_>>();
    assert_eq!(sync(app, &amal_acts, ids[8], Some(2)).await, (but(8)[6..10].to_vec(), true));
    assert_eq!(
        sync(app, &amal_acts, ids[5], Some(200)).await,
        (but(5), false),
        "the minute before an old one"
    );
    // Ids between, and ids that nobody has, are as good.
    assert_eq!(sync(app, &amal_acts, u64::MAX >> 1, None).await, (ids[6..].to_vec(), false));

    let place = mine[0].conversation_id;
    chat::delete_conversation(app, &amal_acts, place).await.unwrap();
    let left: Vec<u64> =
        mine.iter().filter(|message| message.conversation_id != place).map(|message| message.id).collect();
    assert_eq!(sync(app, &amal_acts, 0, None).await, (left, false));
    for limit in [0, 201] {
        let input = SyncMessages { limit: Some(limit), ..SyncMessages::default() };
        let refused = chat::sync_messages(app, &carla_acts, input).await.unwrap_err();
        assert_eq!(refused.rule(), Rule::VALIDATION_FAILED);
    }
}

fn ids(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|message| message.id).collect()
}

/// Makes everything that there is an hour older.
async fn an_hour_passes(world: &World) {
    for (table, columns) in [
        ("messages", &["created_at", "updated_at", "deleted_at", "read_at"][..]),
        (
            "conversations",
            &["created_at", "updated_at", "user_one_last_read_at", "user_two_last_read_at"][..],
        ),
    ] {
        let moved: Vec<String> =
            columns.iter().map(|column| format!("{column} = {column} - INTERVAL 1 HOUR")).collect();
        world.execute(&format!("UPDATE {table} SET {}", moved.join(", "))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_deletions_and_reads_that_were_missed_are_told() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (carla, carla_acts) = world.user("carla").await;
    let mut sent = Vec::new();
    for body in ["one", "two", "three"] {
        sent.push(send(app, &amal_acts, to_user(badr, body)).await);
    }
    let place = sent[0].conversation_id;
    let with_carla = send(app, &carla_acts, to_user(amal, "four")).await;
    let others = send(app, &carla_acts, to_user(badr, "five")).await;
    an_hour_passes(&world).await;
    let known = with_carla.id;
    let since = Time::now().plus_seconds(-1800);

    // A client that has all of it misses nothing.
    let asked = SyncMessages { after_message_id: known, since: Some(since), ..SyncMessages::default() };
    let nothing = synced(app, &amal_acts, asked.clone()).await;
    let empty = SyncedMessages { at: nothing.at, ..nothing.clone() };
    assert!(empty.messages.is_empty() && empty.changed.is_empty() && empty.reads.is_empty(), "{empty:?}");
    assert!(empty.deleted_conversations.is_empty() && empty.cursor.is_none() && !empty.has_more);

    world.execute("UPDATE messages SET created_at = UTC_TIMESTAMP() - INTERVAL 10 MINUTE WHERE id = 1").await;
    let edited = edit(app, &amal_acts, sent[0].id, "one, mended").await.unwrap();
    let deleted = delete(app, &amal_acts, sent[2].id).await.unwrap();
    read(app, &badr_acts, place, u64::MAX).await;
    edit(app, &carla_acts, others.id, "not for amal").await.unwrap_err();
    delete(app, &carla_acts, others.id).await.unwrap();
    for actor in [&amal_acts, &badr_acts] {
        let learnt = synced(app, actor, asked.clone()).await;
        assert_eq!(ids(&learnt.messages), [edited.id], "it was written since, as far as its time says");
        let mut expected = vec![edited.clone(), deleted.clone()];
        expected[0].read_at = learnt.changed[0].read_at;
        if actor.user_id() == badr {
            assert_eq!(ids(&learnt.changed), [edited.id, deleted.id], "the fifth is above what is asked for");
        }
        assert_eq!(learnt.changed, expected);
        assert!(learnt.changed[0].read_at.is_some());
        let seen = ReadState { conversation_id: place, reader_id: badr, up_to: deleted.id };
        assert_eq!(learnt.reads, [seen]);
        assert!(learnt.cursor.is_none() && learnt.at <= Time::now());
    }
    // Who was told when: nothing more is said to one who has heard until now, but for the minute before.
    let later = SyncMessages { since: Some(Time::now().plus_seconds(120)), ..asked.clone() };
    assert!(!synced(app, &amal_acts, later).await.changed.is_empty(), "nobody has heard what is yet to come");
    an_hour_passes(&world).await;
    let later = SyncMessages { since: Some(Time::now()), ..asked.clone() };
    let nothing = synced(app, &amal_acts, later.clone()).await;
    assert!(nothing.changed.is_empty() && nothing.reads.is_empty() && nothing.messages.is_empty());

    // Both have read, and a conversation went; restored by the next message it is there again.
    read(app, &amal_acts, with_carla.conversation_id, u64::MAX).await;
    chat::delete_conversation(app, &badr_acts, place).await.unwrap();
    let learnt = synced(app, &amal_acts, later.clone()).await;
    assert_eq!(learnt.deleted_conversations, [place]);
    let own =
        ReadState { conversation_id: with_carla.conversation_id, reader_id: amal, up_to: with_carla.id };
    assert_eq!(learnt.reads, [own], "one's own other device has read");
    let back = send(app, &badr_acts, into(place, "again")).await;
    let learnt = synced(app, &amal_acts, later).await;
    assert!(learnt.deleted_conversations.is_empty());
    assert_eq!(ids(&learnt.messages), [back.id]);
    assert_eq!(learnt.messages[0].sender_id, badr);
    assert_ne!(carla, badr);

    // Places are not invented.
    let with_cursor =
        |cursor: &str| SyncMessages { cursor: Some(cursor.to_owned()), ..SyncMessages::default() };
    for input in [
        with_cursor("nowhere"),
        SyncMessages { after_message_id: 4, ..with_cursor("1.1.1.1.1.s.s") },
        SyncMessages { since: Some(since), ..with_cursor("1.1.1.1.1.s.s") },
    ] {
        let refused = chat::sync_messages(app, &amal_acts, input).await.unwrap_err();
        assert_eq!(refused.rule(), Rule::VALIDATION_FAILED);
    }
    // One that was made up shows what is one's own, and no more.
    let made_up = synced(app, &carla_acts, with_cursor("1.1795391223456.999.0.0.s.s")).await;
    assert!(made_up.messages.iter().chain(&made_up.changed).all(|message| message.conversation_id != place));
    assert!(made_up.reads.iter().all(|state| state.conversation_id != place));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_late_with_a_smaller_id_is_found() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;
    let place = send(app, &badr_acts, to_user(amal, "first")).await.conversation_id;
    an_hour_passes(&world).await;
    // Badr's message has its id, and is not committed.
    let mut slow = app.store.begin().await.unwrap();
    store::chat::lock_conversation(&mut slow, place).await.unwrap().unwrap();
    let now = Time::now_in_seconds();
    let new = NewMessage {
        conversation_id: place,
        sender_id: badr,
        message_type: "text",
        body: Some("slow"),
        media_urls: &[],
        metadata: None,
        reply_to_id: None,
        now,
    };
    let late = store::chat::insert_messages(&mut slow, &[new]).await.unwrap()[0];
    let quick = send(app, &carla_acts, to_user(amal, "quick")).await;
    assert!(late < quick.id);
    // Amal's device hears Carla's, stops hearing, and only then the slow one is there.
    let before = synced(app, &amal_acts, SyncMessages::default()).await;
    assert!(ids(&before.messages).contains(&quick.id) && !ids(&before.messages).contains(&late));
    store::chat::update_last_messages(&mut slow, &[(place, late)], now).await.unwrap();
    slow.commit().await.unwrap();
    for since in [None, Some(before.at), Some(now)] {
        let asked = SyncMessages { after_message_id: quick.id, since, ..SyncMessages::default() };
        let learnt = synced(app, &amal_acts, asked).await;
        assert_eq!(ids(&learnt.messages), [late], "{since:?}");
        assert!(learnt.changed.is_empty());
    }
}

/// What an app keeps: messages by id, the newer of two states, the greatest receipt of each reader.
#[derive(Clone, Default)]
struct Device {
    messages: BTreeMap<u64, Message>,
    reads: BTreeMap<(u64, u64), u64>,
    heard_until: Option<Time>,
}

impl Device {
    fn take(&mut self, message: &Message) {
        let newer = self
            .messages
            .get(&message.id)
            .is_none_or(|known| (message.deleted, message.edited_at) > (known.deleted, known.edited_at));
        if newer {
            self.messages.insert(message.id, message.clone());
        }
    }

    fn newest(&self) -> u64 {
        self.messages.last_key_value().map_or(0, |(id, _)| *id)
    }

    /// Walks until there is no more; gives the pages' sizes.
    async fn catch_up(&mut self, app: &App, actor: &Actor, limit: u32) -> Vec<usize> {
        let mut input = SyncMessages {
            after_message_id: self.newest(),
            since: self.heard_until,
            limit: Some(limit),
            cursor: None,
        };
        let mut sizes = Vec::new();
        loop {
            let page = synced(app, actor, input).await;
            let most = usize::try_from(limit).unwrap();
            assert!(page.messages.len() <= 2 * most && page.changed.len() <= most, "{page:?}");
            assert!(page.reads.len() <= 2 * most);
            assert!(page.messages.is_sorted_by_key(|message| message.id));
            sizes.push(page.messages.len() + page.changed.len() + page.reads.len());
            for message in page.messages.iter().chain(&page.changed) {
                self.take(message);
            }
            for state in &page.reads {
                let known = self.reads.entry((state.conversation_id, state.reader_id)).or_default();
                *known = state.up_to.max(*known);
            }
            self.heard_until = Some(page.at);
            match page.cursor {
                Some(cursor) => {
                    input =
                        SyncMessages { cursor: Some(cursor), limit: Some(limit), ..SyncMessages::default() };
                }
                None => return sizes,
            }
        }
    }

    /// The same by a client that knows nothing of cursors and changes.
    async fn catch_up_by_ids(&mut self, app: &App, actor: &Actor, limit: u32) {
        loop {
            let after_message_id = self.newest();
            let page = synced(
                app,
                actor,
                SyncMessages { after_message_id, limit: Some(limit), ..SyncMessages::default() },
            )
            .await;
            page.messages.iter().for_each(|message| self.take(message));
            if !page.has_more {
                return;
            }
            assert!(self.newest() > after_message_id, "each page leads further");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_walks_ends_with_what_is_true() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let mut others = Vec::new();
    let mut places = Vec::new();
    for name in ["badr", "carla", "dana", "elias"] {
        let (_, actor) = world.user(name).await;
        places.push(send(app, &actor, to_user(amal, "hello")).await.conversation_id);
        others.push(actor);
    }
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (mut device, mut plain) = (Device::default(), Device::default());
    let mut own: Vec<(u64, usize)> = Vec::new();
    for round in 0..8 {
        for _ in 0..30 {
            let with = random.random_range(0..places.len());
            let mine = random.random::<bool>();
            let actor = if mine { &amal_acts } else { &others[with] };
            match random.random_range(0..10) {
                0..5 => {
                    let id = send(app, actor, into(places[with], "x")).await.id;
                    own.push((id, if mine { usize::MAX } else { with }));
                }
                5..7 => drop(read(app, actor, places[with], u64::MAX).await),
                choice if !own.is_empty() => {
                    let (id, author) = own[random.random_range(0..own.len())];
                    let author = if author == usize::MAX { &amal_acts } else { &others[author] };
                    if choice < 9 {
                        // It may be deleted already.
                        let _ = edit(app, author, id, &format!("{}", random.random::<u32>())).await;
                    } else {
                        delete(app, author, id).await.unwrap();
                    }
                }
                _ => {}
            }
        }
        let limit = random.random_range(1..12);
        let sizes = device.catch_up(app, &amal_acts, limit).await;
        plain.catch_up_by_ids(app, &amal_acts, limit).await;
        println!("round {round}: limit {limit}, pages {sizes:?}");

        let mut truth = BTreeMap::new();
        for &place in &places {
            let window = MessageWindow::Before(None);
            // Each conversation is shorter than a page.
            let page = chat::list_messages(app, &amal_acts, place, window, 100).await.unwrap();
            truth.extend(page.items.into_iter().map(|message| (message.id, message)));
        }
        let state =
            |message: &Message| (message.id, message.body.clone(), message.deleted, message.edited_at);
        let seen: Vec<_> = device.messages.values().map(state).collect();
        // What was written and deleted while nobody listened need not be known.
        let missing = |id: &u64| device.messages.contains_key(id) || !truth[id].deleted;
        let expected: Vec<_> = truth.values().filter(|message| missing(&message.id)).map(state).collect();
        assert_eq!(seen, expected);
        assert!(truth.values().all(|message| message.deleted || plain.messages.contains_key(&message.id)));
        for (&(place, reader), &up_to) in &device.reads {
            let actor = if reader == amal {
                &amal_acts
            } else {
                others.iter().find(|actor| actor.user_id() == reader).unwrap()
            };
            assert_eq!(read(app, actor, place, 0).await.0, up_to, "{place} {reader}");
        }
    }
    assert!(device.reads.len() >= 4, "{:?}", device.reads);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_is_longer_than_a_socket_takes() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (_, badr_acts) = world.user("badr").await;
    let body = "ع".repeat(4000);
    for _ in 0..80 {
        send(app, &badr_acts, to_user(amal, &body)).await;
    }
    let mut device = Device::default();
    let page = synced(app, &amal_acts, SyncMessages { limit: Some(200), ..SyncMessages::default() }).await;
    assert!(page.has_more && page.messages.len() > 20 && page.messages.len() < 80, "{}", page.messages.len());
    assert!(serde_json::to_vec(&page).unwrap().len() < 400_000);
    device.catch_up(app, &amal_acts, 200).await;
    assert_eq!(device.messages.len(), 80);
    // All of them again, as what was written since.
    let asked = SyncMessages {
        after_message_id: device.newest(),
        since: Some(Time::now().plus_seconds(-600)),
        limit: Some(200),
        cursor: None,
    };
    let page = synced(app, &amal_acts, asked).await;
    assert!(page.cursor.is_some() && !page.has_more);
    assert!(serde_json::to_vec(&page).unwrap().len() < 400_000);
}
