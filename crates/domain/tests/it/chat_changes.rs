//! Messages that change after they were sent, and the counts that follow (domain.md §5.10, invariant I-H1).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::paging::PageRequest;
use base::{CommonFault, Fault, Rule, Time};
use domain::chat::{self, ChatError, MessageWindow};
use domain::{Actor, App};
use protocol::Event;
use protocol::channel::Channel;
use protocol::chat::{
    DeleteMessage, EditMessage, MarkRead, Message, MessageType, OpenConversation, SendMessage, StartTyping,
};
use protocol::event::EventData;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::chat::{assert_true, into, read, refused, send, to_user, unread};
use crate::society::unlimited;
use crate::world::World;

pub(crate) async fn edit(
    app: &App,
    actor: &Actor,
    message_id: u64,
    body: &str,
) -> Result<Message, ChatError> {
    let input = EditMessage { message_id, body: body.to_owned() };
    chat::edit_message(app, actor, input).await.map(|edited| edited.message)
}

pub(crate) async fn delete(app: &App, actor: &Actor, message_id: u64) -> Result<Message, ChatError> {
    chat::delete_message(app, actor, DeleteMessage { message_id }).await.map(|deleted| deleted.message)
}

/// What was heard on a user's channel of one type.
async fn told(world: &World, user_id: u64, name: &str) -> Vec<EventData> {
    let events = world.events(Channel::User(user_id)).await;
    events.into_iter().filter(|data| data.event.name() == name).collect()
}

async fn age(world: &World, message_id: u64, seconds: u32) {
    let aged = format!(
        "UPDATE messages SET created_at = UTC_TIMESTAMP() - INTERVAL {seconds} SECOND WHERE id = {message_id}"
    );
    world.execute(&aged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sender_changes_the_words_for_a_quarter_of_an_hour() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;
    let sent = send(app, &amal_acts, to_user(badr, "salm")).await;
    assert_eq!(sent.edited_at, None);
    world
        .execute(&format!("UPDATE messages SET metadata = '{{\"laravel\": 1}}' WHERE id = {}", sent.id))
        .await;

    let before = Time::now();
    let first = edit(app, &amal_acts, sent.id, "  salam\u{0} ").await.unwrap();
    assert_eq!(first.body.as_deref(), Some("salam"), "cleaned as when sending");
    assert!(first.edited_at.unwrap().plus_seconds(1) >= before && first.edited_at.unwrap() <= Time::now());
    assert_eq!(
        Message { edited_at: None, body: sent.body.clone(), ..first.clone() },
        sent,
        "and nothing else"
    );
    // The same words: nothing is changed, and it is told again.
    assert_eq!(edit(app, &amal_acts, sent.id, "salam").await.unwrap(), first);
    let second = edit(app, &amal_acts, sent.id, "salam!").await.unwrap();
    assert!(second.edited_at > first.edited_at);
    for user_id in [amal, badr] {
        let heard: Vec<Message> = told(&world, user_id, "chat.message_updated")
            .await
            .into_iter()
            .map(|data| match data.event {
                Event::ChatMessageUpdated { message } => message,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(heard, [first.clone(), first.clone(), second.clone()]);
    }
    let window = MessageWindow::Around(sent.id);
    let seen = chat::list_messages(app, &badr_acts, sent.conversation_id, window, 5).await.unwrap().items;
    assert_eq!(seen, std::slice::from_ref(&second));
    let noted = format!(
        "SELECT COUNT(*) FROM messages WHERE id = {} AND JSON_EXTRACT(metadata, '$.laravel') = 1",
        sent.id
    );
    assert_eq!(world.number(&noted).await, 1, "what others keep there stays");
    assert_eq!(unread(app, &badr_acts).await, 1, "an edit is no new message");
    // An edit that another node's clock dated in the future: this one is later all the same.
    let future = "2999-01-01T00:00:00.000000Z";
    let set =
        format!("UPDATE messages SET metadata = '{{\"edited_at\": \"{future}\"}}' WHERE id = {}", sent.id);
    world.execute(&set).await;
    let third = edit(app, &amal_acts, sent.id, "salam!!").await.unwrap();
    assert_eq!(third.edited_at.unwrap().to_string(), "2999-01-01T00:00:00.000001Z");

    let rule =
        async |actor: &Actor, id: u64, body: &str| edit(app, actor, id, body).await.unwrap_err().rule();
    assert_eq!(rule(&badr_acts, sent.id, "mine").await, Rule::FORBIDDEN);
    assert_eq!(rule(&carla_acts, sent.id, "").await, Rule::NOT_FOUND, "a stranger learns nothing");
    assert_eq!(rule(&amal_acts, 999_999, "x").await, Rule::NOT_FOUND);
    for body in ["", " \u{202E}\t", &"ع".repeat(4001)] {
        match edit(app, &amal_acts, sent.id, body).await.unwrap_err() {
            ChatError::Common(CommonFault::Invalid(violations)) => {
                assert!(violations.sentences(base::Lang::En).contains_key("body"));
            }
            other => panic!("{other:?}"),
        }
    }

    age(&world, sent.id, 890).await;
    assert!(edit(app, &amal_acts, sent.id, "still").await.is_ok());
    age(&world, sent.id, 902).await;
    assert_eq!(rule(&amal_acts, sent.id, "too late").await, Rule::EDIT_WINDOW_OVER);
    // The repeat of an edit whose answer was lost is answered, however late.
    assert_eq!(edit(app, &amal_acts, sent.id, "still").await.unwrap().body.as_deref(), Some("still"));

    let picture = send(app, &amal_acts, into(sent.conversation_id, "look")).await;
    world.execute(&format!("UPDATE messages SET type = 'image' WHERE id = {}", picture.id)).await;
    assert_eq!(rule(&amal_acts, picture.id, "a caption").await, Rule::NOT_EDITABLE);
    let gone = send(app, &amal_acts, into(sent.conversation_id, "gone")).await;
    delete(app, &amal_acts, gone.id).await.unwrap();
    assert_eq!(rule(&amal_acts, gone.id, "back?").await, Rule::NOT_EDITABLE);
    chat::delete_conversation(app, &badr_acts, sent.conversation_id).await.unwrap();
    assert_eq!(rule(&amal_acts, sent.id, "still").await, Rule::NOT_FOUND);
    assert_true(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_message_leaves_its_place_and_the_count() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;
    let one = send(app, &amal_acts, to_user(badr, "one")).await;
    let place = one.conversation_id;
    let two = send(app, &amal_acts, into(place, "two")).await;
    let three = send(app, &amal_acts, into(place, "three")).await;
    read(app, &badr_acts, place, one.id).await;
    assert_eq!(unread(app, &badr_acts).await, 2);

    let rule = async |actor: &Actor, id: u64| delete(app, actor, id).await.unwrap_err().rule();
    assert_eq!(rule(&badr_acts, three.id).await, Rule::FORBIDDEN);
    assert_eq!(rule(&carla_acts, three.id).await, Rule::NOT_FOUND);
    assert_eq!(rule(&amal_acts, 999_999).await, Rule::NOT_FOUND);

    let tombstone = delete(app, &amal_acts, three.id).await.unwrap();
    assert!(tombstone.deleted && tombstone.body.is_none() && tombstone.media.is_empty());
    assert_eq!((tombstone.id, tombstone.sender_id, tombstone.created_at), (three.id, amal, three.created_at));
    assert_eq!(unread(app, &badr_acts).await, 1, "it was unread");
    assert_eq!(domain::users::find_state(app, badr).await.unwrap().unwrap().unread_total, 1);
    assert_true(&world).await;
    // Again is no error, changes nothing, and is told again; so it is for one who is blocked meanwhile.
    world.block(badr, amal).await;
    assert_eq!(delete(app, &amal_acts, three.id).await.unwrap(), tombstone);
    delete(app, &amal_acts, one.id).await.unwrap();
    world.unblock(badr, amal).await;
    assert_eq!(unread(app, &badr_acts).await, 1, "it was read before");
    for (user_id, totals) in [(badr, [1, 1, 1]), (amal, [0, 0, 0])] {
        let heard: Vec<(u64, u64, u32)> = told(&world, user_id, "chat.message_deleted")
            .await
            .into_iter()
            .map(|data| match data.event {
                Event::ChatMessageDeleted { conversation_id, message_id, unread_total, .. } => {
                    (conversation_id, message_id, unread_total)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        let ids = [three.id, three.id, one.id];
        assert_eq!(heard, std::array::from_fn::<_, 3, _>(|nth| (place, ids[nth], totals[nth])));
    }

    let window = MessageWindow::Before(None);
    let seen = chat::list_messages(app, &badr_acts, place, window, 10).await.unwrap().items;
    assert_eq!(
        seen.iter().map(|message| (message.id, message.body.as_deref())).collect::<Vec<_>>(),
        [(one.id, None), (two.id, Some("two")), (three.id, None)]
    );
    let answer = SendMessage { reply_to_id: Some(three.id), ..into(place, "what was it?") };
    assert_eq!(refused(app, &badr_acts, answer).await, Rule::REPLY_NOT_FOUND);
    let listed = chat::list_conversations(app, &badr_acts, PageRequest::default()).await.unwrap().items;
    assert_eq!(listed[0].last_message.as_ref().unwrap().id, two.id);
    delete(app, &amal_acts, two.id).await.unwrap();
    assert_eq!(unread(app, &badr_acts).await, 0);
    assert_eq!(world.number("SELECT COUNT(*) FROM conversations WHERE last_message_id IS NULL").await, 1);
    let alone = chat::find_conversation(app, &amal_acts, place).await.unwrap();
    assert!(alone.last_message.is_none());
    // Reading what is gone goes as far as it went.
    assert_eq!(read(app, &badr_acts, place, u64::MAX).await, (three.id, 0));
    send(app, &amal_acts, into(place, "anew")).await;
    assert_true(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_do_what_where_there_is_a_block_or_no_wish_for_messages() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let sent = send(app, &amal_acts, to_user(badr, "first")).await;
    let place = sent.conversation_id;
    let all = async || -> Vec<(&'static str, Result<(), Rule>)> {
        let open = OpenConversation { user_id: badr };
        let typing = StartTyping { conversation_id: place };
        let marking = MarkRead { conversation_id: place, up_to: u64::MAX };
        let fresh = format!("{}", rand::random::<u32>());
        vec![
            ("send", chat::send_message(app, &amal_acts, into(place, "x")).await.map(drop)),
            ("send to the user", chat::send_message(app, &amal_acts, to_user(badr, "x")).await.map(drop)),
            ("edit", edit(app, &amal_acts, sent.id, &fresh).await.map(drop)),
            ("type", chat::start_typing(app, &amal_acts, typing).await),
            ("open", chat::open_conversation(app, &amal_acts, open).await.map(drop)),
            ("read", chat::mark_read(app, &amal_acts, marking).await.map(drop)),
            (
                "list",
                chat::list_messages(app, &amal_acts, place, MessageWindow::Before(None), 5).await.map(drop),
            ),
            (
                "delete",
                delete(app, &amal_acts, send_as_friend(&world, &amal_acts, place).await).await.map(drop),
            ),
        ]
        .into_iter()
        .map(|(what, done)| (what, done.map_err(|error| error.rule())))
        .collect()
    };
    let reaching = ["send", "send to the user", "edit", "type", "open"];
    let expect = |rule: Option<Rule>, outcomes: Vec<(&'static str, Result<(), Rule>)>| {
        for (what, outcome) in outcomes {
            let expected = match rule {
                Some(rule) if reaching.contains(&what) => Err(rule),
                _ => Ok(()),
            };
            assert_eq!(outcome, expected, "{what}");
        }
    };
    expect(None, all().await);
    for (blocker, blocked) in [(amal, badr), (badr, amal)] {
        world.block(blocker, blocked).await;
        expect(Some(Rule::BLOCKED), all().await);
        world.unblock(blocker, blocked).await;
    }
    for (policy, follows, rule) in [
        ("none", false, Some(Rule::MESSAGES_NOT_ACCEPTED)),
        ("followers", false, Some(Rule::MESSAGES_NOT_ACCEPTED)),
        ("followers", true, None),
        ("none", true, Some(Rule::MESSAGES_NOT_ACCEPTED)),
        ("everyone", true, None),
    ] {
        world.accept_messages_from(badr, policy).await;
        if follows && world.number("SELECT COUNT(*) FROM followers").await == 0 {
            world.follow(amal, badr).await;
        }
        expect(rule, all().await);
    }
    // Whoever has written himself wants the answers, and so their corrections.
    world.accept_messages_from(badr, "none").await;
    send(app, &badr_acts, into(place, "but tell me")).await;
    expect(None, all().await);
    world.suspend(badr).await;
    expect(Some(Rule::NOT_FOUND), all().await);
    // None of the refused were told: one sign of typing at most, from before.
    assert!(told(&world, badr, "chat.typing_started").await.is_empty(), "it is not kept");
    assert_true(&world).await;
}

/// A message that is there whatever the receiver wishes.
async fn send_as_friend(world: &World, actor: &Actor, conversation_id: u64) -> u64 {
    let sender = actor.user_id();
    world
        .execute(&format!(
            "INSERT INTO messages (conversation_id, sender_id, body, media_urls, read_at, created_at, updated_at) \
             VALUES ({conversation_id}, {sender}, 'x', '[]', UTC_TIMESTAMP(), UTC_TIMESTAMP(), UTC_TIMESTAMP())"
        ))
        .await;
    world.execute("UPDATE conversations SET last_message_id = (SELECT MAX(id) FROM messages WHERE deleted_at IS NULL)").await;
    u64::try_from(world.number("SELECT CAST(MAX(id) AS SIGNED) FROM messages").await).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_goes_and_comes_tells_both_their_totals() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;
    let place = send(app, &amal_acts, to_user(badr, "one")).await.conversation_id;
    send(app, &badr_acts, into(place, "two")).await;
    send(app, &carla_acts, to_user(badr, "elsewhere")).await;
    chat::delete_conversation(app, &amal_acts, place).await.unwrap();
    chat::open_conversation(app, &amal_acts, OpenConversation { user_id: badr }).await.unwrap();
    for (user_id, without, with) in [(amal, 0, 1), (badr, 1, 2)] {
        let state = domain::users::find_state(app, user_id).await.unwrap().unwrap();
        let deleted = told(&world, user_id, "chat.conversation_deleted").await;
        let restored = told(&world, user_id, "chat.conversation_restored").await;
        let (deleted, restored) = (&deleted[..], &restored[..]);
        let ([deleted], [restored]) = (deleted, restored) else { panic!("{deleted:?} {restored:?}") };
        match (&deleted.event, &restored.event) {
            (
                Event::ChatConversationDeleted { conversation_id, unread_total, unread_version },
                Event::ChatConversationRestored {
                    conversation_id: same,
                    unread_total: later,
                    unread_version: later_version,
                },
            ) => {
                assert_eq!((conversation_id, same, *unread_total, *later), (&place, &place, without, with));
                assert!(unread_version < later_version);
                assert_eq!((*later, *later_version), (state.unread_total, state.unread_version));
            }
            other => panic!("{other:?}"),
        }
    }
    // Opened again while it is there: nothing to tell.
    chat::open_conversation(app, &badr_acts, OpenConversation { user_id: amal }).await.unwrap();
    assert_eq!(told(&world, amal, "chat.conversation_restored").await.len(), 1);
    assert_true(&world).await;
}

/// The totals heard on a user's channel, by their version; the same version is never heard with two totals.
async fn totals_by_version(world: &World, user_id: u64) -> BTreeMap<u64, u32> {
    let mut totals = BTreeMap::new();
    for data in world.events(Channel::User(user_id)).await {
        let (total, version) = match data.event {
            Event::ChatMessageCreated { unread_total, unread_version, .. }
            | Event::ChatMessageDeleted { unread_total, unread_version, .. }
            | Event::ChatConversationDeleted { unread_total, unread_version, .. }
            | Event::ChatConversationRestored { unread_total, unread_version, .. }
            | Event::ChatMessagesRead {
                unread_total: Some(unread_total),
                unread_version: Some(unread_version),
                ..
            } => (unread_total, unread_version),
            _ => continue,
        };
        assert_eq!(*totals.entry(version).or_insert(total), total, "version {version}");
    }
    totals
}

/// The total with the greatest version that was heard is the one that is true now.
async fn assert_totals_heard(world: &World, user_id: u64) {
    let heard = totals_by_version(world, user_id).await;
    let now = domain::users::find_state(&world.app, user_id).await.unwrap().unwrap();
    assert_eq!(heard.last_key_value(), Some((&now.unread_version, &now.unread_total)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_counts_are_true_whatever_two_people_do_at_once() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let place = send(app, &amal_acts, to_user(badr, "first")).await.conversation_id;
    send(app, &badr_acts, into(place, "second")).await;
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    // Greatest id seen, so that edits and deletions meet messages that others are just reading.
    let newest = Arc::new(AtomicU64::new(2));
    let at_once = Arc::new(Semaphore::new(8));
    let mut tasks = JoinSet::new();
    for _ in 0..250 {
        let (choice, back, mine) =
            (random.random_range(0..100), random.random_range(0..6_u64), random.random::<bool>());
        let (app, newest, at_once) = (app.clone(), Arc::clone(&newest), Arc::clone(&at_once));
        let actor = if mine { amal_acts.clone() } else { badr_acts.clone() };
        tasks.spawn(async move {
            let _turn = at_once.acquire().await.unwrap();
            let target = newest.load(Ordering::Relaxed).saturating_sub(back).max(1);
            let outcome = match choice {
                0..40 => chat::send_message(&app, &actor, into(place, "x")).await.map(|sent| {
                    newest.fetch_max(sent.answer.message.id, Ordering::Relaxed);
                }),
                40..65 => {
                    let input = MarkRead { conversation_id: place, up_to: target };
                    chat::mark_read(&app, &actor, input).await.map(drop)
                }
                65..88 => delete(&app, &actor, target).await.map(drop),
                88..97 => edit(&app, &actor, target, &format!("{back}")).await.map(drop),
                _ => chat::delete_conversation(&app, &actor, place).await,
            };
            // Of the other one, of a deleted conversation, deleted already: refusals that do no harm.
            match outcome.map_err(|error| error.rule()) {
                Ok(()) | Err(Rule::FORBIDDEN | Rule::NOT_FOUND | Rule::NOT_EDITABLE) => {}
                Err(other) => panic!("{}", other.code),
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_true(&world).await;
    for user_id in [amal, badr] {
        assert_totals_heard(&world, user_id).await;
    }
    // Once more with the conversation there: what is unread in it counts again.
    send(app, &amal_acts, into(place, "last")).await;
    assert_true(&world).await;
    for user_id in [amal, badr] {
        assert_totals_heard(&world, user_id).await;
    }
    let counted = chat::count_unread(app, &badr_acts).await.unwrap();
    assert_eq!(
        counted.unread_total,
        counted.conversations.iter().map(|place| place.unread_count).sum::<u32>()
    );
    println!(
        "{} messages, {} deleted, {} unread",
        world.number("SELECT COUNT(*) FROM messages").await,
        world.number("SELECT COUNT(*) FROM messages WHERE deleted_at IS NOT NULL").await,
        counted.unread_total
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_heard_in_any_order_lead_to_the_same_end() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let place = send(app, &amal_acts, to_user(badr, "0")).await.conversation_id;
    let newest = Arc::new(AtomicU64::new(1));
    // What every answer given so far says at least.
    let answered = Arc::new(AtomicU64::new(0));
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let at_once = Arc::new(Semaphore::new(6));
    let mut tasks = JoinSet::new();
    for number in 0..150 {
        let (app, newest, answered) = (app.clone(), Arc::clone(&newest), Arc::clone(&answered));
        let at_once = Arc::clone(&at_once);
        let (amal_acts, badr_acts) = (amal_acts.clone(), badr_acts.clone());
        let back = random.random_range(0..10_u64);
        tasks.spawn(async move {
            let _turn = at_once.acquire().await.unwrap();
            if number % 2 == 0 {
                let id = send(&app, &amal_acts, into(place, "more")).await.id;
                newest.fetch_max(id, Ordering::Relaxed);
            } else {
                let before = answered.load(Ordering::SeqCst);
                let asked = newest.load(Ordering::Relaxed).saturating_sub(back);
                let (up_to, _) = read(&app, &badr_acts, place, asked).await;
                assert!(up_to >= before, "{up_to} after {before}");
                answered.fetch_max(up_to, Ordering::SeqCst);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_true(&world).await;
    let state = read(app, &badr_acts, place, 0).await.0;
    assert!(state >= answered.load(Ordering::SeqCst));
    for user_id in [amal, badr] {
        let heard: Vec<u64> = told(&world, user_id, "chat.messages_read")
            .await
            .into_iter()
            .map(|data| match data.event {
                Event::ChatMessagesRead { up_to, .. } => up_to,
                other => panic!("{other:?}"),
            })
            .collect();
        // Each receipt is a step of its own, so none is heard twice with another meaning; the greatest is the state.
        let counts = heard.iter().fold(HashMap::new(), |mut counts: HashMap<u64, u32>, &up_to| {
            *counts.entry(up_to).or_default() += 1;
            counts
        });
        assert!(counts.values().all(|&count| count == 1), "{heard:?}");
        assert_eq!(heard.iter().max(), Some(&state));
        let backwards = heard.windows(2).filter(|pair| pair[0] > pair[1]).count();
        println!("{} receipts, {backwards} heard after a greater one", heard.len());
    }
    assert_totals_heard(&world, badr).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_counts_as_a_message_for_the_limit() {
    let world = World::new().await;
    let app = &world.app;
    let (_, amal_acts) = world.user("amal").await;
    let (badr, _) = world.user("badr").await;
    let sent = send(app, &amal_acts, to_user(badr, "first")).await;
    assert_eq!(sent.message_type, MessageType::Text);
    let mut limited = None;
    for number in 0..200 {
        if let Err(error) = edit(app, &amal_acts, sent.id, &format!("{number}")).await {
            limited = Some((number, error.rule()));
            break;
        }
    }
    let (number, rule) = limited.expect("there is a limit");
    assert!(number >= 59 && rule == Rule::RATE_LIMITED, "{number}: {}", rule.code);
    delete(app, &amal_acts, sent.id).await.expect("taking back is always possible");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_did_not_hear_of_is_told_by_the_repeat() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let sent = send(app, &amal_acts, to_user(badr, "salm")).await;
    assert_eq!(domain::users::find_state(app, badr).await.unwrap().unwrap().unread_total, 1);
    let deaf = world.without_redis().await;
    assert_eq!(edit(&deaf, &amal_acts, sent.id, "salam").await.unwrap_err().rule(), Rule::UNAVAILABLE);
    age(&world, sent.id, 1000).await;
    let edited = edit(app, &amal_acts, sent.id, "salam").await.unwrap();
    assert!(edited.edited_at.is_some(), "it was committed");
    assert_eq!(told(&world, badr, "chat.message_updated").await.len(), 1);

    assert_eq!(delete(&deaf, &amal_acts, sent.id).await.unwrap_err().rule(), Rule::UNAVAILABLE);
    assert!(delete(app, &amal_acts, sent.id).await.unwrap().deleted);
    assert_eq!(told(&world, amal, "chat.message_deleted").await.len(), 1);
    assert_eq!(domain::users::find_state(app, badr).await.unwrap().unwrap().unread_total, 0);
    // Both are durable: where no repeat comes, the relay tells. A conversation that is gone is told by it alone.
    let unpublished = "SELECT COUNT(*) FROM hub_outbox WHERE published_at IS NULL";
    assert_eq!(world.number(unpublished).await, 2);
    let gone = chat::delete_conversation(&deaf, &badr_acts, sent.conversation_id).await.unwrap_err();
    assert_eq!(gone.rule(), Rule::UNAVAILABLE);
    assert_eq!(world.number(unpublished).await, 3);
    world.execute("UPDATE hub_outbox SET created_at = created_at - INTERVAL 10 MINUTE").await;
    assert_eq!(domain::system::relay_outbox(app).await.unwrap(), 3);
    assert_eq!(told(&world, badr, "chat.message_updated").await.len(), 2);
    assert_eq!(told(&world, amal, "chat.conversation_deleted").await.len(), 1);
    assert_true(&world).await;
}
