//! Messages that are sent at the same moment are written together (domain.md §5.10, realtime.md §4): each has its own
//! outcome, and the promises are those of messages written one by one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use base::{Fault, Rule};
use domain::chat::{self, ChatError};
use domain::idempotency::Written;
use domain::users;
use domain::{Actor, App};
use protocol::Event;
use protocol::channel::Channel;
use protocol::chat::{Message, MessageSent, MessageType, SendMessage};
use tokio::task::{JoinHandle, JoinSet};

use crate::chat::{assert_true, into, newest, send, to_user, unread};
use crate::society::unlimited;
use crate::stage::statements;
use crate::world::World;

type Outcome = Result<Written<MessageSent>, ChatError>;

fn sending(app: &App, actor: &Actor, input: SendMessage) -> JoinHandle<Outcome> {
    let (app, actor) = (app.clone(), actor.clone());
    tokio::spawn(async move { chat::send_message(&app, &actor, input).await })
}

fn rule(outcome: &Outcome) -> Option<Rule> {
    outcome.as_ref().err().map(Fault::rule)
}

/// A message heard on a user's channel, with the total and the version that rode in it.
async fn heard(world: &World, user_id: u64) -> Vec<(Message, u32, u64)> {
    let events = world.events(Channel::User(user_id)).await;
    let created = |event| match event {
        Event::ChatMessageCreated { message, unread_total, unread_version } => {
            Some((message, unread_total, unread_version))
        }
        _ => None,
    };
    events.into_iter().filter_map(|data| created(data.event)).collect()
}

/// People in a ring; each has a conversation with the next.
async fn ring(world: &World, count: usize) -> (Vec<(u64, Actor)>, Vec<u64>) {
    let mut people = Vec::new();
    for number in 0..count {
        people.push(world.user(&format!("person{number}")).await);
    }
    let mut places = Vec::new();
    for number in 0..count {
        let next = people[(number + 1) % count].0;
        places.push(send(world, &people[number].1, to_user(next, "first")).await.conversation_id);
    }
    (people, places)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_sends_at_once_are_exact_ordered_and_cost_few_statements() {
    let world = World::with(|settings| {
        settings.limits.enabled = false;
        settings.database.max_connections = 4;
    })
    .await;
    let app = &world.app;
    let (people, places) = ring(&world, 10).await;
    let before = statements(app).await;
    let mut sends = JoinSet::new();
    for number in 0..500 {
        // Either of the two writes, in a fixed mix.
        let place = number % places.len();
        let writer = (place + usize::from(number % 3 == 0)) % people.len();
        let (app, actor) = (app.clone(), people[writer].1.clone());
        let input = into(places[place], &format!("number {number}"));
        sends.spawn(async move { chat::send_message(&app, &actor, input).await.unwrap() });
    }
    let mut sent: Vec<Message> = Vec::new();
    while let Some(written) = sends.join_next().await {
        let written = written.unwrap();
        assert!(!written.replayed);
        sent.push(written.answer.message);
    }
    let cost = statements(app).await - before;
    println!("{cost} statements for 500 messages");
    // A fifth of it on a machine with nothing else to do.
    assert!(cost < 500, "{cost} statements");

    assert_eq!(sent.iter().map(|message| message.id).collect::<HashSet<_>>().len(), 500);
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_idempotency_keys WHERE body IS NOT NULL").await, 510);
    for (number, place) in places.iter().enumerate() {
        let mut ids: Vec<u64> = sent
            .iter()
            .filter(|message| message.conversation_id == *place)
            .map(|message| message.id)
            .collect();
        ids.sort_unstable();
        let stored = newest(app, &people[number].1, *place).await;
        assert_eq!(stored[1..], ids);
    }
    assert_eq!(
        world
            .number(
                "SELECT COUNT(*) FROM messages a JOIN messages b ON b.conversation_id = a.conversation_id \
                   AND b.id > a.id AND b.created_at < a.created_at"
            )
            .await,
        0,
        "times follow ids"
    );
    assert_true(&world).await;

    for (user_id, actor) in &people {
        let heard = heard(&world, *user_id).await;
        let mut last = BTreeMap::new();
        for (message, ..) in &heard {
            let before = last.insert(message.conversation_id, message.id);
            assert!(
                before.is_none_or(|before| before < message.id),
                "heard in the order of the conversation"
            );
        }
        let received = heard.iter().filter(|(message, ..)| message.sender_id != *user_id);
        let mut totals: Vec<(u64, u32)> = received.map(|(_, total, version)| (*version, *total)).collect();
        totals.sort_unstable();
        let count = u32::try_from(totals.len()).unwrap();
        let expected: Vec<(u64, u32)> = (1..=count).map(|total| (u64::from(total), total)).collect();
        assert_eq!(totals, expected, "each total once, with a version of its own");
        assert_eq!(unread(app, actor).await, count);
        assert_eq!(users::find_state(app, *user_id).await.unwrap().unwrap().unread_total, count);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_leaves_its_neighbours_alone() {
    let world = unlimited().await;
    let app = &world.app;
    let (people, places) = ring(&world, 6).await;
    let (_, stranger) = world.user("stranger").await;
    let (newcomer, newcomer_acts) = world.user("newcomer").await;
    let (shy, _) = world.user("shy").await;
    world.accept_messages_from(shy, "none").await;
    world.block(people[3].0, people[2].0).await;
    let used = into(places[0], "used");
    send(app, &people[0].1, used.clone()).await;

    let twice = into(places[4], "the same, twice at once");
    let clash = into(places[0], "one content");
    let refusals = [
        (&stranger, into(places[0], "x"), Rule::NOT_FOUND),
        (&people[0].1, into(u64::MAX >> 1, "x"), Rule::NOT_FOUND),
        (&people[0].1, to_user(people[0].0, "x"), Rule::SELF_CONVERSATION),
        (&people[0].1, to_user(999_999, "x"), Rule::NOT_FOUND),
        (&people[2].1, into(places[2], "x"), Rule::BLOCKED),
        (&people[3].1, into(places[2], "x"), Rule::BLOCKED),
        (&people[0].1, to_user(shy, "x"), Rule::MESSAGES_NOT_ACCEPTED),
        (&people[0].1, into(places[0], " \n "), Rule::VALIDATION_FAILED),
        (&people[0].1, into(places[0], &"ب".repeat(4_001)), Rule::VALIDATION_FAILED),
        (
            &people[0].1,
            SendMessage { reply_to_id: Some(1 << 40), ..into(places[0], "x") },
            Rule::REPLY_NOT_FOUND,
        ),
        (
            &newcomer_acts,
            SendMessage { reply_to_id: Some(1), ..to_user(shy, "x") },
            Rule::MESSAGES_NOT_ACCEPTED,
        ),
        (
            &people[0].1,
            SendMessage { reply_to_id: Some(1 << 40), ..to_user(newcomer, "x") },
            Rule::REPLY_NOT_FOUND,
        ),
        (
            &people[0].1,
            SendMessage {
                message_type: MessageType::Image,
                body: None,
                media: vec![1 << 40],
                ..to_user(newcomer, "")
            },
            Rule::MEDIA_NOT_FOUND,
        ),
        (
            &people[0].1,
            SendMessage { body: Some("other".to_owned()), ..used.clone() },
            Rule::IDEMPOTENCY_KEY_REUSED,
        ),
    ];
    let mut fine = Vec::new();
    let mut wrong = Vec::new();
    let mut same = Vec::new();
    for round in 0..10 {
        for (actor, input, expected) in &refusals {
            let mut input = input.clone();
            if *expected != Rule::IDEMPOTENCY_KEY_REUSED {
                input.client_id = crate::chat::key();
            }
            wrong.push((sending(app, actor, input), *expected));
            let place = places[[0, 1, 3, 4, 5][round % 5]];
            let writer = &people[[0, 1, 3, 4, 5][round % 5]].1;
            fine.push(sending(app, writer, into(place, "a neighbour")));
        }
        fine.push(sending(app, &newcomer_acts, to_user(people[5].0, "I am new here")));
        fine.push(sending(app, &people[round % 6].1, to_user(newcomer, "welcome")));
        same.push(sending(app, &people[4].1, twice.clone()));
        let body = Some(if round % 2 == 0 { "one content" } else { "another content" }.to_owned());
        same.push(sending(app, &people[0].1, SendMessage { body, ..clash.clone() }));
    }
    for (outcome, expected) in wrong {
        let outcome = outcome.await.unwrap();
        assert_eq!(rule(&outcome), Some(expected), "{outcome:?}");
    }
    for outcome in fine {
        assert!(!outcome.await.unwrap().unwrap().replayed);
    }
    let mut answers: HashMap<u64, (usize, usize)> = HashMap::new();
    let mut reused = 0;
    for outcome in same {
        match outcome.await.unwrap() {
            Ok(written) => {
                let seen = answers.entry(written.answer.message.id).or_default();
                seen.0 += usize::from(!written.replayed);
                seen.1 += usize::from(written.replayed);
            }
            Err(refusal) => {
                assert_eq!(refusal.rule(), Rule::IDEMPOTENCY_KEY_REUSED);
                reused += 1;
            }
        }
    }
    let mut answers: Vec<(usize, usize)> = answers.into_values().collect();
    answers.sort_unstable();
    assert_eq!(answers, [(1, 4), (1, 9)], "one message a key");
    assert_eq!(reused, 5);
    // 6 of the ring, 10 × 16 fine ones, the used one and the two of the keys.
    assert_eq!(world.number("SELECT COUNT(*) FROM messages").await, 6 + 1 + 160 + 2);
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_idempotency_keys").await, 6 + 1 + 160 + 2);
    let opened = "SELECT COUNT(*) FROM conversations WHERE last_message_id IS NULL";
    assert_eq!(world.number(opened).await, 0, "a refusal opens no conversation");
    assert_true(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_on_two_nodes_at_once_is_one_message() {
    let world = unlimited().await;
    let other_node = world.another_node("n2").await;
    let (people, places) = ring(&world, 4).await;
    let mut outcomes = Vec::new();
    let keys: Vec<SendMessage> = (0..20).map(|number| into(places[number % 4], "once")).collect();
    for _ in 0..3 {
        for (number, input) in keys.iter().enumerate() {
            for app in [&world.app, &other_node] {
                outcomes.push((number, sending(app, &people[number % 4].1, input.clone())));
            }
        }
    }
    let mut ids: BTreeMap<usize, HashSet<u64>> = BTreeMap::new();
    let mut first = 0;
    for (number, outcome) in outcomes {
        let written = outcome.await.unwrap().unwrap();
        first += usize::from(!written.replayed);
        ids.entry(number).or_default().insert(written.answer.message.id);
    }
    assert_eq!(first, 20);
    assert!(ids.values().all(|ids| ids.len() == 1));
    assert_eq!(world.number("SELECT COUNT(*) FROM messages").await, 24);
    assert_true(&world).await;
    for (user_id, _) in &people {
        // Published with every answer, under one id, so that apps drop the repeats.
        let events = world.events(Channel::User(*user_id)).await;
        let distinct: HashSet<&String> = events.iter().map(|data| &data.id).collect();
        assert_eq!((events.len(), distinct.len()), (2 + 10 * 6, 2 + 10));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_did_not_hear_of_is_told_by_the_repeats() {
    let world = unlimited().await;
    let (people, places) = ring(&world, 4).await;
    let deaf = world.without_redis().await;
    let inputs: Vec<SendMessage> = (0..40).map(|number| into(places[number % 4], "salam")).collect();
    let mut outcomes = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        outcomes.push(sending(&deaf, &people[number % 4].1, input.clone()));
    }
    for outcome in outcomes {
        assert_eq!(rule(&outcome.await.unwrap()), Some(Rule::UNAVAILABLE));
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM messages").await, 44, "they were committed");
    let mut repeats = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        repeats.push(sending(&world.app, &people[number % 4].1, input.clone()));
    }
    for repeat in repeats {
        assert!(repeat.await.unwrap().unwrap().replayed);
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM messages").await, 44);
    for (user_id, _) in &people {
        assert_eq!(heard(&world, *user_id).await.len(), 2 + 20);
        let state = users::find_state(&world, *user_id).await.unwrap().unwrap();
        assert_eq!((state.unread_total, state.unread_version), (11, 11));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_goes_away_takes_no_message_along() {
    let world = unlimited().await;
    let (people, places) = ring(&world, 2).await;
    // The lane is busy: its first message waits for the conversation.
    let mut held = world.app.store.begin().await.unwrap();
    store::chat::lock_conversation(&mut held, places[0]).await.unwrap().unwrap();
    let mut leaving: Vec<_> = (0..10)
        .map(|number| sending(&world.app, &people[number % 2].1, into(places[0], "I must go")))
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let staying = leaving.split_off(9);
    for gone in leaving {
        gone.abort();
    }
    held.commit().await.unwrap();
    for outcome in staying {
        outcome.await.unwrap().unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    for (user_id, _) in &people {
        while heard(&world, *user_id).await.len() < 2 + 10 {
            assert!(Instant::now() < deadline, "everything is told");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM messages").await, 12);
    assert_true(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_is_held_for_long_holds_nobody_else_for_long() {
    let world = unlimited().await;
    let (people, places) = ring(&world, 4).await;
    let mut held = world.app.store.begin().await.unwrap();
    store::chat::lock_conversation(&mut held, places[0]).await.unwrap().unwrap();
    let mut stuck = Vec::new();
    let mut free = Vec::new();
    for number in 0..24 {
        let place = number % 4;
        let outcome = sending(&world.app, &people[place].1, into(places[place], "salam"));
        if place == 0 { stuck.push(outcome) } else { free.push(outcome) }
    }
    for outcome in free {
        assert!(!outcome.await.unwrap().unwrap().replayed);
    }
    held.commit().await.unwrap();
    // Those that waited too long are told to come again; the others were written.
    for outcome in stuck {
        let outcome = outcome.await.unwrap();
        assert!(outcome.is_ok() || rule(&outcome) == Some(Rule::UNAVAILABLE), "{outcome:?}");
    }
    assert_true(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_conversation_is_restored_once_with_what_was_unread_in_it() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let place = send(app, &amal_acts, to_user(badr, "one")).await.conversation_id;
    send(app, &amal_acts, into(place, "two")).await;
    send(app, &badr_acts, into(place, "three")).await;
    chat::delete_conversation(app, &amal_acts, place).await.unwrap();
    assert_eq!((unread(app, &amal_acts).await, unread(app, &badr_acts).await), (0, 0));

    let mut outcomes = Vec::new();
    for number in 0..30 {
        let input = if number % 2 == 0 { into(place, "again") } else { to_user(amal, "again") };
        outcomes.push(sending(app, &badr_acts, input));
    }
    for outcome in outcomes {
        outcome.await.unwrap().unwrap();
    }
    assert_eq!((unread(app, &amal_acts).await, unread(app, &badr_acts).await), (31, 2));
    assert_true(&world).await;
    for (user_id, total) in [(amal, 31), (badr, 2)] {
        let (_, heard_last, version) =
            heard(&world, user_id).await.into_iter().max_by_key(|heard| heard.2).unwrap();
        assert_eq!(heard_last, total);
        let counted =
            format!("SELECT CAST(version AS SIGNED) FROM hub_chat_counters WHERE user_id = {user_id}");
        assert_eq!(i64::try_from(version).unwrap(), world.number(&counted).await);
    }
}
