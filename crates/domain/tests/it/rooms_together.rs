//! What is posted to a room at the same moment is written together (realtime.md §4, §5): each message has its own outcome,
//! and the promises are those of messages written one by one.

use std::collections::HashSet;
use std::time::Duration;

use base::{CommonFault, Fault, Rule};
use domain::idempotency::Written;
use domain::rooms::{RoomError, ban_user, delete_room_message, mute_user, post_message, set_slow_mode};
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::rooms::{
    BanUser, DeleteRoomMessage, MessagePosted, MuteUser, PostMessage, RoomMessage, RoomMessageType,
    SetSlowMode,
};
use store::Tx;
use tokio::task::{JoinHandle, JoinSet};

use crate::stage::{Stage, key, open_room, paid_room, statements, words};

type Outcome = Result<Written<MessagePosted>, RoomError>;

/// Posts that will be written together: the room is held, and one message waits for it, so that all others wait behind it.
/// Only in a test with one thread, where they come in the order given.
struct Crowd<'a> {
    app: &'a App,
    holder: Tx,
    first: JoinHandle<Outcome>,
    posts: Vec<JoinHandle<Outcome>>,
}

impl<'a> Crowd<'a> {
    async fn before(app: &'a App, room: u64, actor: &Actor) -> Self {
        let mut holder = app.store.begin().await.unwrap();
        store::rooms::lock_room(&mut holder, room).await.unwrap().unwrap();
        let first = Self::spawn(app, actor, words(room, "the first"));
        // Its transaction has begun: it is a batch of its own.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Self { app, holder, first, posts: Vec::new() }
    }

    fn spawn(app: &App, actor: &Actor, input: PostMessage) -> JoinHandle<Outcome> {
        let (app, actor) = (app.clone(), actor.clone());
        tokio::spawn(async move { post_message(&app, &actor, input).await })
    }

    fn post(&mut self, actor: &Actor, input: PostMessage) {
        self.posts.push(Self::spawn(self.app, actor, input));
    }

    /// What became of them, without the first.
    async fn outcomes(self) -> Vec<Outcome> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(self.holder);
        self.first.await.unwrap().unwrap();
        let mut outcomes = Vec::new();
        for post in self.posts {
            outcomes.push(post.await.unwrap());
        }
        outcomes
    }
}

fn message(outcome: &Outcome) -> &RoomMessage {
    &outcome.as_ref().unwrap().answer.message
}

fn rule(outcome: &Outcome) -> Option<Rule> {
    outcome.as_ref().err().map(Fault::rule)
}

/// Ids of messages in the order of their events, repeats included.
async fn heard(stage: &Stage, room: u64) -> Vec<u64> {
    let heard = stage.heard_of(Channel::Room(room), "room.message_created").await;
    heard.iter().map(|event| event["message"]["id"].as_u64().unwrap()).collect()
}

async fn small_pool() -> Stage {
    Stage::with(|settings| {
        settings.limits.enabled = false;
        settings.database.max_connections = 4;
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_posts_at_once_are_each_acknowledged_once_in_one_order() {
    let stage = small_pool().await;
    let (_, room) = stage.live("host", open_room()).await;
    let mut people = Vec::new();
    for number in 0..30 {
        people.push(stage.person(&format!("person{number}")).await);
    }
    let mut posts = JoinSet::new();
    for number in 0..300 {
        let (app, actor) = (stage.app.clone(), people[number % 30].clone());
        posts.spawn(async move {
            let text = format!("number {number} سلام '\\");
            let posted = post_message(&app, &actor, words(room, &text)).await.unwrap();
            assert!(!posted.replayed);
            let message = posted.answer.message;
            assert_eq!((message.body.as_deref(), message.user_id), (Some(text.as_str()), actor.user_id()));
            message
        });
    }
    let mut messages = posts.join_all().await;
    messages.sort_by_key(|message| message.id);
    let ids: Vec<u64> = messages.iter().map(|message| message.id).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 300);
    assert!(messages.is_sorted_by_key(|message| message.created_at), "times follow ids");

    let events = stage.heard(Channel::Room(room)).await;
    let at = events.iter().position(|event| event["type"] == "room.message_created").unwrap();
    let told: Vec<RoomMessage> = events[at..]
        .iter()
        .map(|event| serde_json::from_value(event["data"]["message"].clone()).unwrap())
        .collect();
    assert_eq!(told, messages, "the order of offsets is that of ids, and nothing else was said");
    let event_ids: HashSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(event_ids.len(), events.len());

    assert_eq!(stage.count("SELECT COUNT(*) FROM live_room_messages").await, 300);
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_idempotency_keys WHERE scope LIKE '%:rooms.post_message' AND status = 200").await, 300);
    for message in [&messages[0], &messages[299]] {
        let sql = format!("SELECT message FROM live_room_messages WHERE id = {}", message.id);
        assert_eq!(Some(stage.text(&sql).await), message.body, "what is answered is what is kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_64_in_flight_a_message_costs_less_than_half_a_statement() {
    let stage = small_pool().await;
    let app = &stage.app;
    let (_, room) = stage.live("host", open_room()).await;
    let mut people = Vec::new();
    for number in 0..64 {
        people.push(stage.person(&format!("person{number}")).await);
    }
    let before = statements(app).await;
    let mut posts = JoinSet::new();
    for actor in people {
        let app = app.clone();
        posts.spawn(async move {
            for number in 0..10 {
                post_message(&app, &actor, words(room, &number.to_string())).await.unwrap();
            }
        });
    }
    posts.join_all().await;
    let cost = statements(app).await - before;
    println!("{cost} statements for 640 messages");
    assert!(cost < 320, "{cost} statements");
}

#[tokio::test]
async fn what_is_refused_leaves_its_neighbours_alone() {
    let stage = small_pool().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let (other_host, other_room) = stage.live("speaker", paid_room("5.00")).await;
    let [one, two, muted, banned] = ["one", "two", "muted", "banned"].map(|name| stage.person(name));
    let (one, two, muted, banned) = (one.await, two.await, muted.await, banned.await);
    let moderator = stage.person("moderator").await;
    for user in [&muted, &moderator] {
        let mute = MuteUser { room_id: room, user_id: user.user_id(), seconds: None };
        mute_user(app, &host, mute).await.unwrap();
    }
    for user in [&banned, &moderator] {
        ban_user(app, &host, BanUser { room_id: room, user_id: user.user_id() }).await.unwrap();
    }
    stage.appoint(&moderator, "moderator").await;
    let before = words(room, "before");
    let answered = post_message(app, &one, before.clone()).await.unwrap().answer.message;
    let question = PostMessage { parent_id: Some(answered.id), ..words(room, "an answer") };
    let answer = post_message(app, &two, question).await.unwrap().answer.message;
    let deleted = post_message(app, &one, words(room, "oops")).await.unwrap().answer.message;
    delete_room_message(app, &one, DeleteRoomMessage { message_id: deleted.id }).await.unwrap();
    let foreign =
        post_message(app, &other_host, words(other_room, "elsewhere")).await.unwrap().answer.message;

    let answering = |id: u64| PostMessage { parent_id: Some(id), ..words(room, "to you") };
    let nobody = Actor::on_behalf_of(999_999);
    let twice = words(room, "twice");
    let clash = words(room, "first content");
    let mut posts: Vec<(&Actor, PostMessage, Option<Rule>)> = vec![
        (&one, words(room, "a"), None),
        (&muted, words(room, "x"), Some(Rule::ROOM_MUTED)),
        (&banned, words(room, "x"), Some(Rule::ROOM_BANNED)),
        (&banned, words(room, ""), Some(Rule::ROOM_BANNED)),
        (&muted, words(room, " \n "), Some(Rule::VALIDATION_FAILED)),
        (&two, words(room, &"ب".repeat(501)), Some(Rule::VALIDATION_FAILED)),
        (&two, words(room, &"ب".repeat(500)), None),
        (
            &one,
            PostMessage { message_type: RoomMessageType::System, ..words(room, "x") },
            Some(Rule::VALIDATION_FAILED),
        ),
        (&moderator, words(room, "staff is bound by neither"), None),
        (&host, PostMessage { message_type: RoomMessageType::Emoji, ..words(room, "👋") }, None),
        (&one, answering(answered.id), None),
        (&two, answering(answer.id), None),
        (&one, answering(deleted.id), Some(Rule::ROOM_PARENT_NOT_FOUND)),
        (&one, answering(foreign.id), Some(Rule::ROOM_PARENT_NOT_FOUND)),
        (&one, answering(1 << 40), Some(Rule::ROOM_PARENT_NOT_FOUND)),
        (&one, before.clone(), None),
        (&one, PostMessage { body: "another".to_owned(), ..before }, Some(Rule::IDEMPOTENCY_KEY_REUSED)),
        (&two, twice.clone(), None),
        (&two, twice, None),
        (&one, clash.clone(), None),
        (
            &one,
            PostMessage { body: "second content".to_owned(), ..clash.clone() },
            Some(Rule::IDEMPOTENCY_KEY_REUSED),
        ),
        (&two, PostMessage { body: "of somebody else".to_owned(), ..clash }, None),
        (&nobody, words(room, "x"), Some(Rule::NOT_FOUND)),
        (&one, words(room, "z"), None),
    ];
    // With a key that a refusal has not used up.
    let refused = PostMessage { client_id: posts[1].1.client_id.clone(), ..words(room, "x") };
    posts.push((&muted, refused, Some(Rule::ROOM_MUTED)));

    let before = heard(&stage, room).await;
    let statements_before = statements(app).await;
    let mut crowd = Crowd::before(app, room, &one).await;
    for (actor, input, _) in &posts {
        crowd.post(actor, input.clone());
    }
    let outcomes = crowd.outcomes().await;
    let cost = statements(app).await - statements_before;
    for ((_, input, expected), outcome) in posts.iter().zip(&outcomes) {
        assert_eq!(rule(outcome), *expected, "{input:?} {outcome:?}");
    }
    assert!(
        cost < 45,
        "{cost} statements for 25 messages of every kind, with a repeat, for which they are run twice; the holder's and \
         the first one's are among them"
    );

    let told: Vec<u64> = heard(&stage, room).await.split_off(before.len() + 1);
    assert_eq!(message(&outcomes[10]).parent_id, Some(answered.id));
    assert_eq!(
        message(&outcomes[11]).parent_id,
        Some(answered.id),
        "an answer to an answer joins the thread"
    );
    assert_eq!((message(&outcomes[15]).id, outcomes[15].as_ref().unwrap().replayed), (answered.id, true));
    assert_eq!(message(&outcomes[17]), message(&outcomes[18]));
    assert_eq!([17, 18].map(|place| outcomes[place].as_ref().unwrap().replayed), [false, true]);
    let written: Vec<u64> =
        [0, 6, 8, 9, 10, 11, 17, 19, 21, 23].map(|place| message(&outcomes[place]).id).into();
    assert!(written.is_sorted(), "{written:?}");
    // The repeat of the one that was written before is told again.
    assert_eq!(told, [&[answered.id], &written[..]].concat());
    assert_eq!(
        stage.count(&format!("SELECT COUNT(*) FROM live_room_messages WHERE live_room_id = {room}")).await,
        14
    );
}

#[tokio::test]
async fn slow_mode_counts_the_messages_of_one_moment_one_after_the_other() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let (one, two) = (stage.person("one").await, stage.person("two").await);
    let (three, moderator) = (stage.person("three").await, stage.person("moderator").await);
    stage.appoint(&moderator, "moderator").await;
    set_slow_mode(app, &host, SetSlowMode { room_id: room, seconds: 60 }).await.unwrap();
    post_message(app, &two, words(room, "a moment ago")).await.unwrap();
    let first = words(room, "one");
    let orphan = PostMessage { parent_id: Some(1 << 40), ..words(room, "to nobody") };
    let posts = [
        (&one, orphan, Some(Rule::ROOM_PARENT_NOT_FOUND)),
        (&one, first.clone(), None),
        (&one, words(room, "two"), Some(Rule::ROOM_SLOW_MODE)),
        (&two, words(room, "too early"), Some(Rule::ROOM_SLOW_MODE)),
        (&one, first, None),
        (&host, words(room, "one"), None),
        (&host, words(room, "two"), None),
        (&moderator, words(room, "one"), None),
        (&moderator, words(room, "two"), None),
        (&three, words(room, ""), Some(Rule::VALIDATION_FAILED)),
        (&three, words(room, "one"), None),
    ];
    let mut crowd = Crowd::before(app, room, &host).await;
    for (actor, input, _) in &posts {
        crowd.post(actor, input.clone());
    }
    let outcomes = crowd.outcomes().await;
    for ((_, input, expected), outcome) in posts.iter().zip(&outcomes) {
        assert_eq!(rule(outcome), *expected, "{input:?}");
    }
    let wait = outcomes[2].as_ref().unwrap_err().retry_after().unwrap();
    assert!(wait > Duration::from_secs(55) && wait <= Duration::from_secs(60), "{wait:?}");
    assert!(outcomes[4].as_ref().unwrap().replayed, "a repeat needs no turn");
    assert_eq!(message(&outcomes[4]), message(&outcomes[1]));
}

#[tokio::test]
async fn one_that_the_store_refuses_does_not_fail_the_others() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    // Stands for whatever another application may have added to the table.
    stage.run("ALTER TABLE live_room_messages ADD CONSTRAINT unlucky CHECK (message <> 'unlucky')").await;
    let mut crowd = Crowd::before(app, room, &host).await;
    for number in 0..8 {
        let text = if number == 3 { "unlucky".to_owned() } else { number.to_string() };
        crowd.post(&host, words(room, &text));
    }
    let outcomes = crowd.outcomes().await;
    let refused: Vec<usize> =
        outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_err()).map(|(place, _)| place).collect();
    assert_eq!(refused, [3]);
    let ids: Vec<u64> = outcomes.iter().flatten().map(|written| written.answer.message.id).collect();
    assert_eq!(heard(&stage, room).await[1..], ids, "in the order in which they came, each once");
    assert_eq!(
        stage.count("SELECT COUNT(*) FROM hub_idempotency_keys WHERE scope LIKE '%post_message'").await,
        8
    );
}

/// Live rooms of one host's that are written together: of every other one the messages go another way.
async fn rooms_of_one_lane(stage: &Stage, count: usize) -> (Actor, Vec<u64>) {
    let (host, room) = stage.live("host", open_room()).await;
    let mut rooms = vec![room];
    for number in 0..count * 2 {
        let open = protocol::rooms::CreateRoom { title: format!("room {number}"), ..open_room() };
        rooms.push(domain::rooms::create_room(&stage.app, &host, open).await.unwrap().id);
    }
    stage.run("UPDATE live_rooms SET status = 'active', current_jitsi_room_id = CONCAT('j', id) WHERE status = 'scheduled'").await;
    rooms.retain(|id| (id - room) % 2 == 0);
    rooms.truncate(count);
    (host, rooms)
}

#[tokio::test]
async fn rooms_of_one_lane_share_a_transaction_and_nothing_else() {
    let stage = small_pool().await;
    let app = &stage.app;
    let (host, rooms) = rooms_of_one_lane(&stage, 12).await;
    let (quiet, slow) = (rooms[1], rooms[2]);
    set_slow_mode(app, &host, SetSlowMode { room_id: slow, seconds: 60 }).await.unwrap();
    let guest = stage.person("guest").await;
    let banned = stage.person("banned").await;
    ban_user(app, &host, BanUser { room_id: quiet, user_id: banned.user_id() }).await.unwrap();
    let asked = post_message(app, &host, words(quiet, "?")).await.unwrap().answer.message;
    let twice = words(quiet, "twice");
    let in_another_room = PostMessage { room_id: slow, ..twice.clone() };
    let answering = |room_id| PostMessage { parent_id: Some(asked.id), ..words(room_id, "!") };
    let mut posts: Vec<(&Actor, PostMessage, Option<Rule>)> = vec![
        (&guest, words(slow, "one"), None),
        (&guest, words(slow, "two"), Some(Rule::ROOM_SLOW_MODE)),
        (&guest, words(quiet, "one"), None),
        (&guest, words(quiet, "two"), None),
        (&banned, words(quiet, "x"), Some(Rule::ROOM_BANNED)),
        (&banned, words(rooms[3], "not banned here"), None),
        (&guest, answering(quiet), None),
        (&guest, answering(rooms[3]), Some(Rule::ROOM_PARENT_NOT_FOUND)),
        (&guest, words(rooms[0] + 64_000, "nowhere"), Some(Rule::NOT_FOUND)),
        (&host, twice.clone(), None),
        (&host, in_another_room, Some(Rule::IDEMPOTENCY_KEY_REUSED)),
        (&host, twice, None),
    ];
    for room in &rooms[3..] {
        posts.extend((0..4).map(|number| (&guest, words(*room, &number.to_string()), None)));
    }
    let before = statements(app).await;
    let mut crowd = Crowd::before(app, rooms[0], &host).await;
    for (actor, input, _) in &posts {
        crowd.post(actor, input.clone());
    }
    let outcomes = crowd.outcomes().await;
    let cost = statements(app).await - before;
    println!("{cost} statements for {} messages to {} rooms", posts.len() + 1, rooms.len());
    assert!(cost < 35, "{cost} statements, the holder's and the first one's among them");
    for ((_, input, expected), outcome) in posts.iter().zip(&outcomes) {
        assert_eq!(rule(outcome), *expected, "{input:?} {outcome:?}");
    }
    assert_eq!(outcomes[11].as_ref().unwrap().answer, outcomes[9].as_ref().unwrap().answer);
    assert!(outcomes[11].as_ref().unwrap().replayed);
    for room in &rooms[1..] {
        let of_room: Vec<u64> = outcomes
            .iter()
            .flatten()
            .filter(|written| written.answer.message.room_id == *room && !written.replayed)
            .map(|written| written.answer.message.id)
            .collect();
        assert!(of_room.is_sorted() && !of_room.is_empty());
        let earlier = usize::from(*room == quiet);
        assert_eq!(heard(&stage, *room).await[earlier..], of_room, "each room hears its own, in its order");
    }
}

#[tokio::test]
async fn a_room_whose_row_somebody_keeps_fails_alone() {
    let stage = small_pool().await;
    let (host, rooms) = rooms_of_one_lane(&stage, 3).await;
    let crowd = {
        let mut crowd = Crowd::before(&stage.app, rooms[0], &host).await;
        for (place, room) in [(0, rooms[1]), (1, rooms[2]), (2, rooms[1])] {
            crowd.post(&host, words(room, &place.to_string()));
        }
        crowd
    };
    let mut keeper = stage.app.store.begin().await.unwrap();
    store::rooms::lock_room(&mut keeper, rooms[2]).await.unwrap().unwrap();
    let outcomes = crowd.outcomes().await;
    drop(keeper);
    let failed: Vec<bool> = outcomes.iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, true, false], "{outcomes:?}");
    assert!(matches!(outcomes[1], Err(RoomError::Common(CommonFault::Unavailable(_)))));
    assert_eq!(heard(&stage, rooms[1]).await, [0, 2].map(|place| message(&outcomes[place]).id));
}

#[tokio::test]
async fn a_repeat_is_answered_as_before_whatever_it_would_meet_now() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let guest = stage.person("guest").await;
    let input = words(room, "before the ban");
    let first = post_message(app, &guest, input.clone()).await.unwrap();
    ban_user(app, &host, BanUser { room_id: room, user_id: guest.user_id() }).await.unwrap();
    let again = post_message(app, &guest, input.clone()).await.unwrap();
    assert_eq!((again.replayed, again.answer), (true, first.answer.clone()));
    let other = PostMessage { body: "after it".to_owned(), ..input };
    assert_eq!(rule(&post_message(app, &guest, other).await), Some(Rule::IDEMPOTENCY_KEY_REUSED));
    assert_eq!(rule(&post_message(app, &guest, words(room, "new")).await), Some(Rule::ROOM_BANNED));
    assert_eq!(heard(&stage, room).await, [first.answer.message.id; 2], "and told again");
}

#[tokio::test]
async fn without_redis_nobody_is_acknowledged_and_the_repeats_are_heard() {
    let stage = Stage::new().await;
    let (host, room) = stage.live("host", open_room()).await;
    let dead = stage.world.without_redis().await;
    let mut holder = dead.store.begin().await.unwrap();
    store::rooms::lock_room(&mut holder, room).await.unwrap().unwrap();
    let inputs: Vec<PostMessage> = (0..6).map(|number| words(room, &number.to_string())).collect();
    let posts: Vec<_> = inputs.iter().map(|input| Crowd::spawn(&dead, &host, input.clone())).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(holder);
    for post in posts {
        let refused = post.await.unwrap().unwrap_err();
        assert!(matches!(refused, RoomError::Common(CommonFault::Unavailable(_))), "{refused}");
    }
    assert_eq!(stage.count("SELECT COUNT(*) FROM live_room_messages").await, 6, "they are written");
    assert!(heard(&stage, room).await.is_empty());
    let mut ids = Vec::new();
    for input in inputs {
        let again = post_message(&stage.app, &host, input).await.unwrap();
        assert!(again.replayed);
        ids.push(again.answer.message.id);
    }
    assert!(ids.is_sorted());
    assert_eq!(heard(&stage, room).await, ids);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_on_two_nodes_at_once_is_one_message() {
    let stage = Stage::new().await;
    let (_, room) = stage.live("host", open_room()).await;
    let other_node = stage.world.another_node("n2").await;
    let person = stage.person("person").await;
    let inputs: Vec<PostMessage> =
        (0..40).map(|number| PostMessage { client_id: key(), ..words(room, &number.to_string()) }).collect();
    let mut posts = JoinSet::new();
    for (number, input) in inputs.iter().enumerate() {
        for app in [&stage.app, &other_node, &stage.app] {
            let (app, person, input) = (app.clone(), person.clone(), input.clone());
            posts.spawn(async move { (number, post_message(&app, &person, input).await.unwrap()) });
        }
    }
    let mut outcomes = posts.join_all().await;
    outcomes.sort_by_key(|(number, outcome)| (*number, outcome.replayed));
    for three in outcomes.chunks(3) {
        assert_eq!(
            three.iter().map(|(_, outcome)| outcome.replayed).collect::<Vec<_>>(),
            [false, true, true]
        );
        assert!(three.iter().all(|(_, outcome)| outcome.answer == three[0].1.answer));
    }
    assert_eq!(stage.count("SELECT COUNT(*) FROM live_room_messages").await, 40);
    let heard = heard(&stage, room).await;
    assert_eq!(heard.iter().collect::<HashSet<_>>().len(), 40);
}
