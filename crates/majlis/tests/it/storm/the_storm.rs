//! Everybody sends while a hub is killed, Redis stops and is emptied, and connections are cut all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use client::Rest;
use domain::Actor;
use protocol::chat::OpenConversation;
use protocol::codec::Encoding;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::figures::{Figures, seconds};
use super::ledger::{Book, Ledger, Sent, Tally, Target};
use super::outbox::Outbox;
use super::person::{Mouth, Person, World};
use super::proxy::{Cut, Proxy};
use super::stack::{Account, Plan, Stack};

const USERS: usize = 200;
const ROOMS: usize = 4;
/// Users with a second device.
const SECOND_DEVICES: usize = 50;
/// How long messages are written. The moments of the misfortunes are parts of it.
const SENDING: Duration = Duration::from_secs(60);
/// Between two messages of one user.
const PERIOD: Duration = Duration::from_millis(1_000);
/// One message in so many goes into the user's room, the others to two other users in turn.
const ROOM_SHARE: usize = 8;
const REDIS_PAUSE: Duration = Duration::from_secs(5);
/// Between two cuts.
const CUT_EVERY: Duration = Duration::from_millis(250);
/// A quiet channel is checked every 25 s.
const SETTLING: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_storm() {
    let _turn = super::TURN.lock().await;
    let began = Instant::now();
    let mut stack = Stack::start(Plan {
        hubs: 3,
        api: true,
        own_mysql: false,
        variables: &[
            ("MAJLIS_LIMITS", "off"),
            // So that a connection that was cut without a word is found out within the minute.
            ("MAJLIS_PING_SECONDS", "5"),
            ("MAJLIS_PONG_SECONDS", "3"),
        ],
    })
    .await;
    let mut proxies = Vec::new();
    for hub in &stack.hubs {
        proxies.push(Proxy::before(hub.address).await);
    }
    let world = Arc::new(World {
        nodes: proxies.iter().map(|proxy| proxy.address).collect(),
        rest: Rest::new(stack.api.as_ref().unwrap().http()).unwrap(),
        ledger: Ledger::default(),
        tally: Tally::default(),
        sending: AtomicBool::new(false),
        stop: CancellationToken::new(),
    });
    let mut crowd = Crowd::gather(&stack, &world).await;
    let set_up = began.elapsed();

    let sending = Instant::now();
    world.tally.watch_silence(Some(sending));
    world.sending.store(true, Ordering::Release);
    let proxies = Arc::new(proxies);
    let cuts = Arc::new(AtomicU64::new(0));
    let cutting = tokio::spawn(cut_at_random(Arc::clone(&proxies), Arc::clone(&cuts)));
    misfortunes(&mut stack, sending).await;
    sleep(SENDING.saturating_sub(sending.elapsed())).await;
    world.sending.store(false, Ordering::Release);
    world.tally.watch_silence(None);
    let sent_for = sending.elapsed();
    cutting.abort();
    let cuts = cuts.load(Ordering::Relaxed);

    let settling = Instant::now();
    while settling.elapsed() < SETTLING && !crowd.knows_all(&world) {
        sleep(Duration::from_millis(500)).await;
    }
    let settled_after = settling.elapsed();
    // A repeat too many would come now.
    sleep(Duration::from_secs(1)).await;
    world.stop.cancel();
    while let Some(ended) = crowd.devices.join_next().await {
        ended.unwrap();
    }

    let all = world.ledger.all();
    let acknowledged = all.iter().filter(|sent| sent.acknowledged.is_some()).count();
    let lost = crowd.lost(&world.ledger);
    let by_id = out_of_id_order(&all);
    let tally = &world.tally;
    let mut figures =
        Figures::of("The storm: 3 hubs, 1 API, 200 users on random nodes, 4 rooms, 2 conversations each");
    figures.row("set-up", seconds(set_up));
    figures.row("messages were written for", seconds(sent_for));
    figures.row("sent", all.len());
    figures.row("acknowledged", acknowledged);
    figures.row("sent again with the same client_id", tally.repeated_sends.get());
    figures.row("temporary errors", tally.temporary_errors.get());
    figures.row(
        "order not promised (sent before the earlier was sure)",
        all.iter().filter(|sent| sent.overtaken).count(),
    );
    figures.row("hubs killed with kill -9", 1);
    figures.row("Redis stopped for", seconds(REDIS_PAUSE));
    figures.row("Redis emptied", 1);
    figures.row("connections cut", cuts);
    figures.row("reconnects", tally.reconnects.get());
    figures.row("resubscribed on 2500", tally.resubscribed.get());
    figures.row("pushes heard", tally.pushes.get());
    figures.row("repeats dropped", tally.repeats.get());
    figures.row("recovered: true", tally.recoveries.get());
    figures.row("publications recovered", tally.recovered.get());
    figures.row("recovered: false", tally.not_recovered.get());
    figures.row("questions to MySQL (chat.sync, room lists)", tally.syncs.get());
    figures.row("messages learnt from them", tally.synced.get());
    figures.row("longest silence of a device", seconds(tally.longest_silence()));
    figures.row("all settled after the last message by", seconds(settled_after));
    figures.row("lost", lost.len());
    figures.row("duplicated", tally.duplicated.get());
    figures.row("out of order as they arrived", tally.out_of_order.get());
    figures.row("  late, while MySQL was being asked", tally.late_while_asking.get());
    figures.row("out of order by id", by_id);
    figures.row("offsets doubled", tally.doubled.get());
    figures.row("offsets left out", tally.gaps.get());
    figures.row("in a wrong channel", tally.misplaced.get());
    figures.row("refused for good", tally.refused.get());
    figures.print();

    let examples = tally.examples();
    assert_eq!(lost, [""; 0], "lost; {examples}");
    assert_eq!(acknowledged, all.len(), "sent, repeated until the end, and never acknowledged; {examples}");
    for (what, count) in [
        ("duplicated", tally.duplicated.get()),
        ("out of order", tally.out_of_order.get()),
        ("out of order by id", by_id),
        ("doubled", tally.doubled.get()),
        ("left out", tally.gaps.get()),
        ("misplaced", tally.misplaced.get()),
        ("refused", tally.refused.get()),
    ] {
        assert_eq!(count, 0, "{what}: {examples}");
    }
    assert_written_once(&stack, &all).await;

    // The storm was one.
    assert!(all.len() > USERS * 20, "{} messages are no storm", all.len());
    assert!(cuts > 100 && tally.reconnects.get() > 200, "{cuts} cuts");
    assert!(tally.recovered.get() > 0 && tally.not_recovered.get() >= u64::try_from(USERS).unwrap() / 2);
    assert!(tally.synced.get() > 0 && tally.repeated_sends.get() > 0);
    println!("{:<54} {:>12}", "  the whole test took", seconds(began.elapsed()));
}

/// Cuts connections until it is stopped, and counts them.
async fn cut_at_random(proxies: Arc<Vec<Proxy>>, cuts: Arc<AtomicU64>) {
    loop {
        sleep(CUT_EVERY.mul_f64(rand::random_range(0.2..1.8))).await;
        let cut = Cut::ALL[rand::random_range(0..Cut::ALL.len())];
        if proxies[rand::random_range(0..proxies.len())].cut_one(cut) {
            cuts.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A hub is killed and comes back, Redis stops and goes on, Redis is emptied.
async fn misfortunes(stack: &mut Stack, since: Instant) {
    let at = |part: f64| sleep(SENDING.mul_f64(part).saturating_sub(since.elapsed()));
    at(0.15).await;
    stack.hubs[0].kill();
    at(0.32).await;
    stack.hubs[0].spawn();
    at(0.45).await;
    stack.pause_redis(REDIS_PAUSE).await;
    at(0.72).await;
    stack.flush_redis().await;
}

/// Everybody, and what each device has to know.
struct Crowd {
    books: Vec<(String, Arc<Book>)>,
    silent: Vec<Arc<AtomicBool>>,
    devices: JoinSet<()>,
}

impl Crowd {
    /// Makes them and waits until all are connected.
    async fn gather(stack: &Stack, world: &Arc<World>) -> Self {
        let accounts = stack.accounts("storm", USERS).await;
        let mut rooms = Vec::new();
        for number in 0..ROOMS {
            rooms.push(stack.room(number).await);
        }
        let mut conversations = Vec::new();
        for number in 0..USERS {
            let actor = Actor::on_behalf_of(accounts[number].id);
            let with = OpenConversation { user_id: accounts[(number + 1) % USERS].id };
            let (opened, _new) = domain::chat::open_conversation(&stack.app, &actor, with).await.unwrap();
            conversations.push(opened.id);
        }
        let mut crowd = Self { books: Vec::new(), silent: Vec::new(), devices: JoinSet::new() };
        for (number, account) in accounts.iter().enumerate() {
            // With the one before and the one after.
            let own = [conversations[(number + USERS - 1) % USERS], conversations[number]];
            let room = rooms[number % ROOMS];
            crowd.device(world, number, account, own, Some(room));
            if number < SECOND_DEVICES {
                crowd.device(world, number, account, own, None);
            }
        }
        let ready = Instant::now();
        while crowd.books.iter().any(|(_, book)| !book.is_open.load(Ordering::Acquire)) {
            assert!(ready.elapsed() < Duration::from_secs(60), "not all are connected");
            sleep(Duration::from_millis(50)).await;
        }
        crowd
    }

    /// The first device has a room and writes; the second one only listens to what its user sends and gets.
    fn device(
        &mut self,
        world: &Arc<World>,
        number: usize,
        account: &Account,
        conversations: [u64; 2],
        room: Option<u64>,
    ) {
        let encoding = Encoding::ALL[number % Encoding::ALL.len()];
        let own: Vec<Target> = conversations.into_iter().map(Target::Conversation).collect();
        let mut channels = vec![(format!("user:{}", account.id), Arc::new(Book::of(own.clone())))];
        channels.extend(room.map(|id| (format!("room:{id}"), Arc::new(Book::of(vec![Target::Room(id)])))));
        for (channel, book) in &channels {
            let device = if room.is_some() { "first" } else { "second" };
            self.books.push((format!("user {}, {device} device, {channel}", account.id), Arc::clone(book)));
        }
        let mouth = room.map(|room| {
            let mut targets: Vec<Target> = own.into_iter().cycle().take(ROOM_SHARE - 1).collect();
            targets.push(Target::Room(room));
            let is_silent = Arc::new(AtomicBool::new(true));
            self.silent.push(Arc::clone(&is_silent));
            // Every second one takes the care for the order upon itself: the next message when the last is sure.
            let outbox = Outbox::new(if number.is_multiple_of(2) { 1 } else { 4 });
            Mouth { targets, period: PERIOD, outbox, is_silent }
        });
        let person = Person::new(Arc::clone(world), account.clone(), encoding, channels, mouth);
        self.devices.spawn(person.run());
    }

    fn knows_all(&self, world: &World) -> bool {
        let acknowledged = world.ledger.acknowledged();
        self.silent.iter().all(|silent| silent.load(Ordering::Acquire))
            && self.books.iter().all(|(_, book)| book.missing(&acknowledged).is_empty())
    }

    /// Acknowledged messages that a device does not know, in words.
    fn lost(&self, ledger: &Ledger) -> Vec<String> {
        let acknowledged = ledger.acknowledged();
        let words = |(name, book): &(String, Arc<Book>)| {
            let missing = book.missing(&acknowledged).into_iter();
            missing
                .map(|number| format!("{name} misses {number}: {:?}", ledger.find(number)))
                .collect::<Vec<_>>()
        };
        self.books.iter().flat_map(words).collect()
    }
}

/// Messages whose id is smaller than that of an earlier one of the same sender in the same place.
fn out_of_id_order(all: &[Sent]) -> u64 {
    let mut newest = std::collections::HashMap::new();
    let mut count = 0;
    for sent in all {
        let Some(id) = sent.acknowledged else { continue };
        let before = newest.entry((sent.sender, sent.target)).or_insert((0, false));
        // One that was overtaken may have got its id after those that overtook it.
        if id < before.0 && !before.1 {
            count += 1;
        }
        if id > before.0 {
            *before = (id, sent.overtaken);
        }
    }
    count
}

/// Each message is one row, and each key one answer.
async fn assert_written_once(stack: &Stack, all: &[Sent]) {
    for (table, column, is_room) in [("messages", "body", false), ("live_room_messages", "message", true)] {
        let expected = all.iter().filter(|sent| matches!(sent.target, Target::Room(_)) == is_room);
        let expected = u64::try_from(expected.count()).unwrap();
        let rows = stack.count(&format!("SELECT COUNT(*) FROM {table}")).await;
        let different = stack.count(&format!("SELECT COUNT(DISTINCT {column}) FROM {table}")).await;
        assert_eq!((rows, different), (expected, expected), "{table}");
    }
    let keys = stack.count("SELECT COUNT(*) FROM hub_idempotency_keys WHERE scope LIKE '%message'").await;
    let different = stack
        .count("SELECT COUNT(DISTINCT idempotency_key) FROM hub_idempotency_keys WHERE scope LIKE '%message'")
        .await;
    let expected = u64::try_from(all.len()).unwrap();
    assert_eq!((keys, different), (expected, expected), "keys");
}
