//! A hub dies with a thousand users on it: each is offline everywhere in time, or still online because they came back.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base::id::UserId;
use bytes::Bytes;
use protocol::codec::Encoding;
use protocol::frame::{Answer, PushBody, Request, RpcRequest, ServerMessage};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use super::figures::{Figures, percentile, seconds};
use super::stack::{Account, Plan, Stack};
use super::wire::Wire;

const USERS: usize = 1_000;
/// So many of them are back on another hub at once.
const BACK_AT_ONCE: usize = 100;
/// So many come back after they were told to be offline.
const BACK_LATER: usize = 50;
/// From the kill until each has to be offline everywhere (realtime.md §6).
const LIMIT: Duration = Duration::from_secs(15);
/// Ghosts and second announcements would come after it.
const AFTERWARDS: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
/// Handshakes at a time.
const AT_ONCE: usize = 64;
const QUERY: usize = 200;

/// What one observer heard: the user, whether online, when.
type Heard = Vec<(UserId, bool, Instant)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ghosts() {
    let _turn = super::TURN.lock().await;
    let began = Instant::now();
    let mut stack = Stack::start(Plan {
        hubs: 3,
        api: false,
        own_mysql: false,
        // An observer watches everybody.
        variables: &[("MAJLIS_LIMITS", "off"), ("MAJLIS_MAX_SUBSCRIPTIONS", "1100")],
    })
    .await;
    let accounts = stack.accounts("ghost", USERS).await;
    let watchers = stack.accounts("observer", 2).await;
    let (everybody, watching) = (u64::try_from(USERS).unwrap(), u64::try_from(watchers.len()).unwrap());
    let nodes: Vec<SocketAddr> = stack.hubs.iter().map(|hub| hub.address).collect();

    let mut sockets = JoinSet::new();
    let (lost, mut losses) = mpsc::channel(USERS);
    let (connected, mut connections) = mpsc::channel(USERS);
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    for (number, account) in accounts.iter().cloned().enumerate() {
        let (gate, lost, connected, node) = (Arc::clone(&gate), lost.clone(), connected.clone(), nodes[0]);
        sockets.spawn(async move {
            let turn = gate.acquire().await.unwrap();
            let wire = sign_in(node, &account).await;
            drop(turn);
            connected.send(()).await.unwrap();
            stay(wire).await;
            lost.send(number).await.unwrap();
        });
    }
    for _ in 0..USERS {
        connections.recv().await.unwrap();
    }
    eventually("all are online in MySQL", async || stack.count(ONLINE).await == everybody).await;

    let mut observers = Vec::new();
    for (watcher, node) in watchers.iter().zip(&nodes[1..]) {
        observers.push(Observer::begin(*node, watcher, &accounts).await);
    }
    eventually("the observers are online", async || stack.count(ONLINE).await == everybody + watching).await;
    // In the middle between two renewals of the lease, or anywhere else.
    sleep(Duration::from_millis(rand::random_range(0..3_000))).await;
    let set_up = began.elapsed();

    stack.hubs[0].kill();
    let killed = Instant::now();
    // Everybody notices; the first hundred are back at once.
    let mut returned = JoinSet::new();
    for _ in 0..USERS {
        let number = losses.recv().await.unwrap();
        if number < BACK_AT_ONCE {
            let (account, node) = (accounts[number].clone(), nodes[1 + number % 2]);
            returned.spawn(async move { sign_in(node, &account).await });
        }
    }
    let mut staying = JoinSet::new();
    let mut back = 0_usize;
    while let Some(wire) = returned.join_next().await {
        staying.spawn(stay(wire.unwrap()));
        back += 1;
    }
    let back_after = killed.elapsed();
    assert_eq!(back, BACK_AT_ONCE);

    let left = u64::try_from(BACK_AT_ONCE).unwrap() + watching;
    let mut in_mysql = None;
    while in_mysql.is_none() && killed.elapsed() < LIMIT {
        sleep(Duration::from_millis(100)).await;
        if stack.count(ONLINE).await == left {
            in_mysql = Some(killed.elapsed());
        }
    }
    sleep_until((killed + LIMIT).into()).await;
    let mut still_online = Vec::new();
    for observer in &observers {
        still_online.push(observer.query(&accounts).await);
    }

    // The dead one comes back under the same address and is nobody's ghost; some of its users follow.
    stack.hubs[0].spawn();
    stack.hubs[0].ready().await;
    let late = &accounts[BACK_AT_ONCE..BACK_AT_ONCE + BACK_LATER];
    for account in late {
        staying.spawn(stay(sign_in(nodes[0], account).await));
    }
    sleep(AFTERWARDS).await;
    let mut finally_online = Vec::new();
    for observer in &observers {
        finally_online.push(observer.query(&accounts).await);
    }
    let rows = stack.count(ONLINE).await;

    let mut figures =
        Figures::of("Ghosts: 1,000 users on a hub that is killed with kill -9, watched on 2 others");
    figures.row("set-up", seconds(set_up));
    figures.row("back on another hub at once", back);
    figures.row("  the last of them after", seconds(back_after));
    let (mut twice, mut ghosts, mut missing, mut late_ones) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for (number, observer) in observers.iter().enumerate() {
        let mut times = Vec::new();
        let heard = observer.by_user();
        for (place, account) in accounts.iter().enumerate() {
            let events = heard.get(&account.id).map_or(&[][..], Vec::as_slice);
            let words: Vec<bool> = events.iter().map(|(online, _)| *online).collect();
            let expected = expected(place);
            if words != expected {
                let told = format!("observer {number}: user {} {words:?}, not {expected:?}", account.id);
                wrong.push(told);
                twice += usize::from(words.windows(2).any(|pair| pair[0] == pair[1]));
                ghosts += usize::from(place < BACK_AT_ONCE);
                missing += usize::from(words.len() < expected.len());
            }
            if let Some((false, at)) = events.first() {
                times.push(at.duration_since(killed));
            }
        }
        late_ones += times.iter().filter(|time| **time > LIMIT).count();
        figures.row(&format!("node {}: told to be offline", number + 2), times.len());
        for percent in [1, 50, 99, 100] {
            figures.row(&format!("  {percent} % of them within"), seconds(percentile(&mut times, percent)));
        }
        figures.row("  online by presence.query after 15 s", still_online[number].len());
        figures.row("  online by presence.query at the end", finally_online[number].len());
    }
    figures.row("users.is_online right after", in_mysql.map_or("never".to_owned(), seconds));
    figures.row("came back later, announced once more", BACK_LATER);
    figures.row("announced twice", twice);
    figures.row("ghosts (came back, and told to be offline)", ghosts);
    figures.row("announcements missing", missing);
    figures.row("announced after 15 s", late_ones);
    figures.row("the whole test took", seconds(began.elapsed()));
    figures.print();

    assert_eq!(wrong, [""; 0], "twice, ghosts, missing: {:?}", (twice, ghosts, missing));
    assert_eq!(late_ones, 0, "announced after {LIMIT:?}");
    let at_once: Vec<UserId> = accounts[..BACK_AT_ONCE].iter().map(|account| account.id).collect();
    let in_the_end: Vec<UserId> =
        accounts[..BACK_AT_ONCE + BACK_LATER].iter().map(|account| account.id).collect();
    for number in 0..observers.len() {
        assert_eq!(still_online[number], at_once, "presence.query after 15 s");
        assert_eq!(finally_online[number], in_the_end, "presence.query at the end");
    }
    assert!(in_mysql.is_some(), "users.is_online was not right within {LIMIT:?}");
    assert_eq!(rows, left + u64::try_from(BACK_LATER).unwrap());
}

/// What is to be heard of a user, by their place: online or not, each edge once.
const fn expected(place: usize) -> &'static [bool] {
    if place < BACK_AT_ONCE {
        &[]
    } else if place < BACK_AT_ONCE + BACK_LATER {
        &[false, true]
    } else {
        &[false]
    }
}

const ONLINE: &str = "SELECT COUNT(*) FROM users WHERE is_online";

async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A connection, signed in.
async fn sign_in(node: SocketAddr, account: &Account) -> Wire {
    let mut wire = Wire::open(node, Encoding::Protobuf, PATIENCE).await.unwrap();
    let id = wire.send_connect(&account.token, None).await.unwrap();
    let answer = wire.answer(id, PATIENCE, &mut Vec::new()).await.unwrap();
    assert!(matches!(answer, Answer::Connect(_)), "{answer:?}");
    wire
}

/// Answers pings until the connection breaks.
async fn stay(mut wire: Wire) {
    while let Ok(messages) = wire.next().await {
        if messages.contains(&ServerMessage::Ping) && wire.pong().await.is_err() {
            return;
        }
    }
}

/// Watches everybody from one node.
struct Observer {
    heard: Arc<Mutex<Heard>>,
    questions: mpsc::Sender<Vec<UserId>>,
    answers: tokio::sync::Mutex<mpsc::Receiver<Value>>,
}

impl Observer {
    async fn begin(node: SocketAddr, account: &Account, users: &[Account]) -> Self {
        let mut wire = sign_in(node, account).await;
        let mut meanwhile = Vec::new();
        for user in users {
            let id = wire.send_subscribe(&format!("presence:{}", user.id), None).await.unwrap();
            let Answer::Subscribe(result) = wire.answer(id, PATIENCE, &mut meanwhile).await.unwrap() else {
                panic!("another answer than subscribe's");
            };
            let state: Value = serde_json::from_slice(&result.data).unwrap();
            assert_eq!(state["online"], true, "user {} before the kill", user.id);
        }
        assert!(meanwhile.is_empty(), "{meanwhile:?}");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (questions, asked) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(1);
        tokio::spawn(listen(wire, Arc::clone(&heard), asked, answer));
        Self { heard, questions, answers: tokio::sync::Mutex::new(answers) }
    }

    /// Those who are online by `presence.query`, in the order of the accounts.
    async fn query(&self, users: &[Account]) -> Vec<UserId> {
        let mut online = Vec::new();
        for some in users.chunks(QUERY) {
            self.questions.send(some.iter().map(|user| user.id).collect()).await.unwrap();
            let answer = self.answers.lock().await.recv().await.unwrap();
            let states = answer["users"].as_array().unwrap();
            assert_eq!(states.len(), some.len(), "everybody may be seen");
            for state in states {
                let is_online = state["online"].as_bool().unwrap();
                assert_eq!(state["last_seen_at"].is_null(), is_online, "{state}");
                if is_online {
                    online.push(state["id"].as_u64().unwrap());
                }
            }
        }
        online
    }

    fn by_user(&self) -> HashMap<UserId, Vec<(bool, Instant)>> {
        let mut found: HashMap<UserId, Vec<(bool, Instant)>> = HashMap::new();
        for (user, online, at) in &*self.heard.lock().unwrap() {
            found.entry(*user).or_default().push((*online, *at));
        }
        found
    }
}

async fn listen(
    mut wire: Wire,
    heard: Arc<Mutex<Heard>>,
    mut asked: mpsc::Receiver<Vec<UserId>>,
    answer: mpsc::Sender<Value>,
) {
    loop {
        let messages = tokio::select! {
            // When it breaks before the end, what it was to hear is missing.
            messages = wire.next() => match messages {
                Ok(messages) => messages,
                Err(_broken) => return,
            },
            Some(user_ids) = asked.recv() => {
                let data = Bytes::from(json!({"user_ids": user_ids}).to_string());
                let request = RpcRequest { data, method: "presence.query".to_owned() };
                wire.send(Request::Rpc(request)).await.unwrap();
                continue;
            }
        };
        for message in messages {
            match message {
                ServerMessage::Ping => wire.pong().await.unwrap(),
                ServerMessage::Reply(reply) => {
                    let Answer::Rpc(result) = reply.outcome.unwrap() else { panic!("another answer") };
                    // Nobody waits any more when the test has ended.
                    let _gone = answer.send(serde_json::from_slice(&result.data).unwrap()).await;
                }
                ServerMessage::Push(push) => match push.body {
                    PushBody::Publication(publication) => {
                        let event: Value = serde_json::from_slice(&publication.data).unwrap();
                        let data = &event["data"];
                        let told = (data["user_id"].as_u64().unwrap(), data["online"].as_bool().unwrap());
                        heard.lock().unwrap().push((told.0, told.1, Instant::now()));
                    }
                    other => panic!("{other:?}"),
                },
            }
        }
    }
}
