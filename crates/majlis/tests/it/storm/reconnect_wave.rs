//! Five thousand sockets are gone at once and come back with recovery: MySQL is not asked about any of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::Actor;
use futures_util::StreamExt;
use protocol::codec::Encoding;
use protocol::frame::{Answer, PushBody, ServerMessage, SubscribeResult};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::figures::{Figures, percentile, seconds};
use super::stack::{Account, Plan, Stack};
use super::wire::{Broken, Position, Wire};

const SOCKETS: usize = 5_000;
const USERS: usize = 1_250;
const ROOMS: usize = 4;
const HUBS: usize = 2;
/// The SDKs come back after a random part of a second.
const JITTER: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(60);
/// Statements that the clocks of two hubs, and rooms' states that are kept for seconds, may cost in ten seconds, whatever
/// the number of sockets.
const MOST_STATEMENTS: u64 = 200;
const MISSED: &str = "فاتك هذا";
const IDLE: Duration = Duration::from_secs(4);
const LONGEST_WAVE: Duration = Duration::from_secs(30);
/// Handshakes at a time before the wave; in the wave everybody comes at once.
const AT_ONCE: usize = 128;

/// What happens while everybody is away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    /// A message in each room.
    RoomsOnly,
    /// And everybody gets a message and writes one: what Redis kept of their unread totals is true no more.
    Everybody,
}

const WAVES: [Meanwhile; 2] = [Meanwhile::RoomsOnly, Meanwhile::Everybody];

/// Sockets live through steps: 1 drop, 2 come back, 3 drop, 4 come back, 5 end.
type Step = usize;

/// Figures of one wave.
struct Wave {
    connected: Vec<Duration>,
    complete: Vec<Duration>,
    took: Duration,
    failures: usize,
    sent_away: usize,
    recovered: usize,
    statements: Statements,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_wave() {
    let _turn = super::TURN.lock().await;
    let began = Instant::now();
    let stack = Stack::start(Plan {
        hubs: HUBS,
        api: false,
        own_mysql: true,
        variables: &[
            ("MAJLIS_LIMITS", "off"),
            // They are away longer than 10 s here, since everybody is written to meanwhile: that is not to make edges.
            ("MAJLIS_PRESENCE_GRACE_SECONDS", "60"),
            // Hubs and clients are unoptimised and share a few cores with other tests: nobody is to be given up for that.
            ("MAJLIS_CONNECT_SECONDS", "30"),
            ("MAJLIS_PONG_SECONDS", "20"),
        ],
    })
    .await;
    let accounts = stack.accounts("wave", USERS).await;
    let mut rooms = Vec::new();
    for number in 0..ROOMS {
        rooms.push(stack.room(number).await);
    }

    let (step, steps) = watch::channel(0);
    let (told, mut reports) = mpsc::channel(SOCKETS);
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut sockets = JoinSet::new();
    for number in 0..SOCKETS {
        // Half of them in one room, as when somebody is famous.
        let room = if number.is_multiple_of(2) { 0 } else { number / 2 % ROOMS };
        let client = Client {
            node: stack.hubs[number % HUBS].address,
            account: accounts[number % USERS].clone(),
            room: format!("room:{}", rooms[room]),
            encoding: Encoding::ALL[number % Encoding::ALL.len()],
            personal: None,
            in_room: None,
            failures: 0,
            sent_away: 0,
        };
        sockets.spawn(client.live(steps.clone(), Arc::clone(&gate), told.clone()));
    }
    for _ in 0..SOCKETS {
        reports.recv().await.unwrap();
    }
    let connected = began.elapsed();

    // Until the last edge of presence is written, MySQL has work.
    while stack.count("SELECT COUNT(*) FROM users WHERE is_online").await < u64::try_from(USERS).unwrap() {
        sleep(Duration::from_millis(100)).await;
    }
    sleep(Duration::from_secs(1)).await;
    let before = Statements::read(&stack).await;
    sleep(IDLE).await;
    let idle = Statements::read(&stack).await.since(before);

    let mut waves = Vec::new();
    for (number, meanwhile) in WAVES.into_iter().enumerate() {
        step.send_replace(2 * number + 1);
        for _ in 0..SOCKETS {
            reports.recv().await.unwrap();
        }
        write(&stack, &accounts, &rooms, meanwhile).await;
        let before = Statements::read(&stack).await;
        let start = Instant::now();
        step.send_replace(2 * number + 2);
        let mut wave = Wave {
            connected: Vec::new(),
            complete: Vec::new(),
            took: Duration::ZERO,
            failures: 0,
            sent_away: 0,
            recovered: 0,
            statements: before,
        };
        for _ in 0..SOCKETS {
            let report = tokio::time::timeout(PATIENCE, reports.recv()).await.expect("all are back").unwrap();
            wave.connected.push(report.connected.duration_since(start));
            wave.complete.push(report.complete.duration_since(start));
            wave.failures += report.failures;
            wave.sent_away += report.sent_away;
            wave.recovered += report.recovered;
        }
        wave.took = start.elapsed();
        wave.statements = Statements::read(&stack).await.since(before);
        waves.push(wave);
    }
    step.send_replace(2 * WAVES.len() + 1);
    while let Some(ended) = sockets.join_next().await {
        ended.unwrap();
    }

    let title = format!(
        "Reconnect waves: {SOCKETS} sockets of {USERS} users on {HUBS} hubs, each with user: and a room, all dropped at once"
    );
    let mut figures = Figures::of(&title);
    figures.row("set-up and first connections", seconds(connected));
    figures.row(&format!("MySQL statements in {} of idling", seconds(IDLE)), idle.questions);
    figures.row("  of which SELECT", idle.selects);
    for (wave, meanwhile) in waves.iter_mut().zip(WAVES) {
        match meanwhile {
            Meanwhile::RoomsOnly => figures.row("Wave 1: meanwhile a message in each room", ""),
            Meanwhile::Everybody => figures.row("Wave 2: meanwhile a message to each user, too", ""),
        }
        for (what, times) in [
            ("connected", &mut wave.connected),
            ("connected, recovered and resubscribed", &mut wave.complete),
        ] {
            for percent in [50, 99, 100] {
                figures.row(&format!("  {what}: {percent} % within"), seconds(percentile(times, percent)));
            }
        }
        figures.row("  missed publications recovered", wave.recovered);
        figures.row("  attempts that failed", wave.failures);
        figures.row("    of which with a close that SDKs take for final", wave.sent_away);
        figures.row("  MySQL statements", wave.statements.questions);
        figures.row("    of which SELECT", wave.statements.selects);
    }
    figures.row("the whole test took", seconds(began.elapsed()));
    figures.print();

    for (wave, meanwhile) in waves.iter().zip(WAVES) {
        // Its room's message; and what its user sent and got.
        let missed = if meanwhile == Meanwhile::Everybody { 3 } else { 1 };
        assert_eq!(wave.recovered, SOCKETS * missed);
        assert_eq!(wave.sent_away, 0, "closed with a code that SDKs take for final");
        assert!(wave.took < LONGEST_WAVE, "the wave took {:?}", wave.took);
    }
    for (number, wave) in (1..).zip(&waves) {
        let statements = wave.statements;
        assert!(statements.selects > 0, "the counters do not count");
        let most = MOST_STATEMENTS * (wave.took.as_secs() / 10 + 1);
        assert!(
            statements.questions < most,
            "wave {number}: {statements:?} for {SOCKETS} sockets, at most {most}; idle {idle:?}"
        );
    }
}

async fn write(stack: &Stack, accounts: &[Account], rooms: &[u64], meanwhile: Meanwhile) {
    let app = &stack.app;
    if meanwhile == Meanwhile::Everybody {
        let send = |number: usize| async move {
            let actor = Actor::on_behalf_of(accounts[number].id);
            let key = uuid::Uuid::new_v4();
            // Pairs, so that everybody has sent and received.
            let input = json!({"client_id": key, "user_id": accounts[number ^ 1].id, "body": MISSED});
            let input = serde_json::from_value(input).unwrap();
            domain::chat::send_message(app, &actor, input).await.unwrap();
        };
        futures_util::stream::iter(0..accounts.len()).for_each_concurrent(8, send).await;
    }
    for (room, account) in rooms.iter().zip(accounts) {
        let actor = Actor::on_behalf_of(account.id);
        let input = json!({"client_id": uuid::Uuid::new_v4(), "room_id": room, "body": MISSED});
        let input = serde_json::from_value(input).unwrap();
        domain::rooms::post_message(app, &actor, input).await.unwrap();
    }
}

/// What MySQL has counted.
#[derive(Clone, Copy, Debug)]
struct Statements {
    questions: u64,
    selects: u64,
}

impl Statements {
    /// Reading costs a few statements itself, the same each time.
    async fn read(stack: &Stack) -> Self {
        let read = async |name: &str| stack.database.server_counter(name).await.unwrap();
        Self { questions: read("Questions").await, selects: read("Com_select").await }
    }

    fn since(self, before: Self) -> Self {
        Self { questions: self.questions - before.questions, selects: self.selects - before.selects }
    }
}

/// A socket is where the step wants it to be.
struct Report {
    connected: Instant,
    complete: Instant,
    failures: usize,
    sent_away: usize,
    recovered: usize,
}

struct Client {
    node: SocketAddr,
    account: Account,
    room: String,
    encoding: Encoding,
    personal: Option<Position>,
    in_room: Option<Position>,
    failures: usize,
    sent_away: usize,
}

impl Client {
    async fn live(
        mut self,
        mut steps: watch::Receiver<Step>,
        gate: Arc<Semaphore>,
        told: mpsc::Sender<Report>,
    ) {
        let turn = gate.acquire().await.unwrap();
        let (mut wire, report) = self.come().await.unwrap();
        drop(turn);
        told.send(report).await.unwrap();
        for wave in 0..WAVES.len() {
            wire = self.stay(wire, &mut steps, 2 * wave + 1).await;
            wire.cut();
            let now = Instant::now();
            told.send(Report { connected: now, complete: now, failures: 0, sent_away: 0, recovered: 0 })
                .await
                .unwrap();
            steps.wait_for(|step| *step >= 2 * wave + 2).await.unwrap();
            sleep(JITTER.mul_f64(rand::random())).await;
            (self.failures, self.sent_away) = (0, 0);
            let (back, report) = self.come_back().await;
            wire = back;
            told.send(report).await.unwrap();
        }
        self.stay(wire, &mut steps, 2 * WAVES.len() + 1).await;
    }

    async fn come_back(&mut self) -> (Wire, Report) {
        loop {
            match self.come().await {
                Ok(back) => return back,
                Err(broken) => {
                    self.failures += 1;
                    // An SDK would not come again: told at the end.
                    self.sent_away += usize::from(broken.is_final());
                    sleep(JITTER.mul_f64(rand::random_range(0.5..2.0))).await;
                }
            }
        }
    }

    /// Connects and subscribes, from the positions that it has.
    async fn come(&mut self) -> Result<(Wire, Report), Broken> {
        let mut wire = Wire::open(self.node, self.encoding, PATIENCE).await?;
        let channel = format!("user:{}", self.account.id);
        let since = self.personal.as_ref().map(|position| (channel.as_str(), position));
        let id = wire.send_connect(&self.account.token, since).await?;
        let mut meanwhile = Vec::new();
        let Answer::Connect(mut result) = wire.answer(id, PATIENCE, &mut meanwhile).await? else {
            panic!("another answer than connect's");
        };
        let connected = Instant::now();
        let personal = result.subs.remove(&channel).expect("the personal channel");
        let mut recovered = began(&self.personal, &personal, &channel);
        let top = Position { offset: personal.offset, epoch: personal.epoch };

        let id = wire.send_subscribe(&self.room, self.in_room.as_ref()).await?;
        let Answer::Subscribe(room) = wire.answer(id, PATIENCE, &mut meanwhile).await? else {
            panic!("another answer than subscribe's");
        };
        recovered += began(&self.in_room, &room, &self.room);
        self.personal = Some(top);
        self.in_room = Some(Position { offset: room.offset, epoch: room.epoch });
        for message in &meanwhile {
            self.note(message);
        }
        let (failures, sent_away) = (self.failures, self.sent_away);
        let report = Report { connected, complete: Instant::now(), failures, sent_away, recovered };
        Ok((wire, report))
    }

    /// Listens and answers pings until the step.
    async fn stay(&mut self, mut wire: Wire, steps: &mut watch::Receiver<Step>, until: Step) -> Wire {
        loop {
            let messages = tokio::select! {
                messages = wire.next() => messages.unwrap(),
                _ = steps.wait_for(|step| *step >= until) => return wire,
            };
            for message in &messages {
                self.note(message);
                if *message == ServerMessage::Ping {
                    wire.pong().await.unwrap();
                }
            }
        }
    }

    fn note(&mut self, message: &ServerMessage) {
        let ServerMessage::Push(push) = message else { return };
        let PushBody::Publication(publication) = &push.body else { return };
        let position = if push.channel == self.room { &mut self.in_room } else { &mut self.personal };
        if let (Some(position), 1..) = (position, publication.offset) {
            position.offset = publication.offset;
        }
    }
}

/// How many missed events a subscription began with; all of them, where it had a position.
fn began(position: &Option<Position>, result: &SubscribeResult, channel: &str) -> usize {
    let Some(position) = position else { return 0 };
    assert!(result.recovered, "{channel} was not recovered from {position:?}: at {}", result.offset);
    let missed = |data: &Bytes| {
        let event: Value = serde_json::from_slice(data).unwrap();
        event["data"]["message"]["body"] == MISSED
    };
    result.publications.iter().filter(|publication| missed(&publication.data)).count()
}
