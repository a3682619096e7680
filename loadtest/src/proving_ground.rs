//! Does the tester find what it is for? A small server with the hub's protocol and a fault built in on purpose, and the
//! whole tester against it over real sockets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use protocol::codec::{self, Encoding, Payload};
use protocol::frame::{
    Answer, Command, ConnectResult, ErrorReply, Publication, Reply, Request, RpcResult, SubscribeRequest,
    SubscribeResult,
};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request as Upgrade, Response};
use tokio_util::sync::CancellationToken;

use crate::cli::Cli;
use crate::engine::{self, Course};
use crate::scenario::Scenario;
use crate::session::{Account, Pair};
use crate::stack::Target;
use crate::stage::{Manner, Stage};
use crate::stats::report::Report;
use crate::wire::Hub;

/// What the server does wrong, or goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trial {
    /// Nothing.
    None,
    /// One event reaches all but one socket.
    Drops,
    /// The same, and the offsets hide it.
    DropsSilently,
    /// One event is given twice at its offset.
    Doubles,
    /// Two events of one sender change places.
    Swaps,
    /// A repeated key makes a second message, after the first answer was withheld.
    WritesTwice,
    /// Some answers are a passing failure although the message is stored and published.
    FailsInPassing,
    /// The first node breaks all its connections in the middle and refuses new ones for a while.
    Dies,
    /// The same, and nothing can be recovered from the stream.
    DiesForgetting,
}

#[derive(Default)]
struct State {
    streams: HashMap<String, Vec<(u64, Payload)>>,
    listeners: Vec<(String, mpsc::Sender<Bytes>)>,
    written: HashMap<String, Value>,
    messages: Vec<Value>,
    held_back: Option<(String, u64, Payload)>,
    published: u64,
    commands: u64,
    dead_until: Option<Instant>,
}

struct Server {
    trial: Trial,
    state: Mutex<State>,
    died: CancellationToken,
}

const EPOCH: &str = "first";

impl Server {
    async fn start(trial: Trial) -> (Arc<Self>, Vec<Hub>) {
        let server = Arc::new(Self { trial, state: Mutex::default(), died: CancellationToken::new() });
        let mut hubs = Vec::new();
        for node in 0..2 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            hubs.push(Hub { url: format!("ws://{address}/connection/websocket"), address });
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(Arc::clone(&server).serve(stream, node));
                }
            });
        }
        (server, hubs)
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, node: usize) {
        let dead = |state: &State| state.dead_until.is_some_and(|until| until > Instant::now());
        if node == 0 && dead(&self.state.lock().unwrap()) {
            return;
        }
        let mut encoding = Encoding::Json;
        #[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
        let echo = |upgrade: &Upgrade, mut response: Response| {
            let asked = upgrade.headers().get("Sec-WebSocket-Protocol").unwrap().clone();
            encoding = Encoding::from_subprotocol(asked.to_str().ok()).unwrap();
            response.headers_mut().insert("Sec-WebSocket-Protocol", asked);
            Ok(response)
        };
        let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, echo).await else { return };
        let (outgoing, mut queue) = mpsc::channel::<Bytes>(10_000);
        loop {
            tokio::select! {
                () = self.died.cancelled(), if node == 0 && dead(&self.state.lock().unwrap()) => return,
                () = tokio::time::sleep(Duration::from_millis(10)), if node == 0 => {
                    if dead(&self.state.lock().unwrap()) {
                        return;
                    }
                }
                frame = queue.recv() => {
                    let frame = frame.unwrap();
                    let message = if encoding.is_binary() {
                        Message::Binary(frame)
                    } else {
                        Message::Text(frame.try_into().unwrap())
                    };
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
                message = socket.next() => {
                    let Some(Ok(message)) = message else { return };
                    if message.is_close() {
                        return;
                    }
                    for command in codec::decode_commands(encoding, &message.into_data()) {
                        self.obey(encoding, &outgoing, command.unwrap());
                    }
                }
            }
        }
    }

    fn obey(&self, encoding: Encoding, outgoing: &mpsc::Sender<Bytes>, command: Command) {
        let mut state = self.state.lock().unwrap();
        let outcome = match command.request {
            Request::Connect(connect) => {
                let own = format!("user:{}", connect.token);
                let asked = connect.subs.get(&own).cloned().unwrap_or_default();
                let result = self.subscribe(&mut state, outgoing, &own, &asked);
                Ok(Answer::Connect(ConnectResult {
                    subs: [(own, result)].into(),
                    ..ConnectResult::default()
                }))
            }
            Request::Subscribe(subscribe) => {
                Ok(Answer::Subscribe(self.subscribe(&mut state, outgoing, &subscribe.channel, &subscribe)))
            }
            Request::Rpc(rpc) => {
                let data: Value = serde_json::from_slice(&rpc.data).unwrap();
                self.call(&mut state, &rpc.method, &data).map(|answer| {
                    let data = Payload::from_value(&answer).unwrap().into_bytes();
                    Answer::Rpc(RpcResult { data })
                })
            }
            Request::Empty => return,
            other => panic!("the tester sent {other:?}"),
        };
        let reply = codec::encode_reply(encoding, &Reply { id: command.id, outcome }).unwrap();
        outgoing.try_send(reply).unwrap();
    }

    fn subscribe(
        &self,
        state: &mut State,
        outgoing: &mpsc::Sender<Bytes>,
        channel: &str,
        asked: &SubscribeRequest,
    ) -> SubscribeResult {
        state.listeners.push((channel.to_owned(), outgoing.clone()));
        let stream = state.streams.entry(channel.to_owned()).or_default();
        let mut result = SubscribeResult {
            epoch: EPOCH.to_owned(),
            offset: stream.last().map_or(0, |(offset, _)| *offset),
            was_recovering: asked.recover,
            ..SubscribeResult::default()
        };
        if asked.recover && self.trial != Trial::DiesForgetting {
            result.recovered = true;
            result.publications = stream
                .iter()
                .filter(|(offset, _)| *offset > asked.offset)
                .map(|(offset, data)| Publication {
                    data: data.clone().into_bytes(),
                    offset: *offset,
                    ..Publication::default()
                })
                .collect();
        }
        result
    }

    fn call(&self, state: &mut State, method: &str, data: &Value) -> Result<Value, ErrorReply> {
        state.commands += 1;
        let turn = state.commands;
        if method == "chat.sync" {
            let after = data["after_message_id"].as_u64().unwrap();
            let mut missed: Vec<&Value> =
                state.messages.iter().filter(|message| message["id"].as_u64().unwrap() > after).collect();
            let has_more = missed.len() > 20;
            missed.truncate(20);
            return Ok(json!({"messages": missed, "has_more": has_more}));
        }
        let key = data["client_id"].as_str().unwrap().to_owned();
        let repeated = state.written.get(&key).cloned();
        let message = match repeated {
            Some(message) if self.trial != Trial::WritesTwice => message,
            _ => {
                let id = state.messages.len() + 1;
                let message = json!({"id": id, "body": data["body"], "event": format!("event of {id}")});
                state.messages.push(message.clone());
                state.written.insert(key, message.clone());
                message
            }
        };
        let (event_type, channels) = match method {
            "chat.send_message" => {
                let pair = data["conversation_id"].as_u64().unwrap();
                ("chat.message_created", vec![format!("user:{}", pair * 2), format!("user:{}", pair * 2 + 1)])
            }
            _ => ("room.message_created", vec![format!("room:{}", data["room_id"])]),
        };
        for channel in &channels {
            let event = json!({
                "type": event_type, "id": format!("{} on {channel}", message["event"].as_str().unwrap()), "at": "2026-01-01T00:00:00Z",
                "data": {"message": message},
            });
            self.publish(state, channel, Payload::from_value(&event).unwrap());
        }
        let in_the_middle = turn == 30;
        match self.trial {
            Trial::FailsInPassing if turn.is_multiple_of(7) => return Err(failure(true)),
            Trial::WritesTwice if in_the_middle => return Err(failure(true)),
            Trial::Dies | Trial::DiesForgetting if in_the_middle => {
                state.dead_until = Some(Instant::now() + Duration::from_millis(500));
                self.died.cancel();
            }
            _ => {}
        }
        Ok(json!({"message": message}))
    }

    fn publish(&self, state: &mut State, channel: &str, data: Payload) {
        state.published += 1;
        let in_the_middle = state.published == 25;
        let stream = state.streams.entry(channel.to_owned()).or_default();
        let offset = stream.last().map_or(0, |(offset, _)| *offset) + 1;
        if in_the_middle && self.trial == Trial::Swaps {
            // The next one of the channel takes this one's place in the stream.
            state.held_back = Some((channel.to_owned(), offset, data));
            return;
        }
        stream.push((offset, data.clone()));
        let mut rounds = vec![(offset, data.clone())];
        if in_the_middle && self.trial == Trial::Doubles {
            rounds.push((offset, data));
        }
        if let Some((held, _, earlier)) = state.held_back.take_if(|(held, _, _)| held == channel) {
            let offset = offset + 1;
            state.streams.get_mut(&held).unwrap().push((offset, earlier.clone()));
            rounds.push((offset, earlier));
        }
        let skipped = match self.trial {
            Trial::Drops if in_the_middle => 1,
            Trial::DropsSilently if in_the_middle => {
                // The event is in no stream: the next one has its offset.
                state.streams.get_mut(channel).unwrap().pop();
                usize::MAX
            }
            _ => 0,
        };
        for (offset, data) in rounds {
            let frame = codec::encode_publication_push(Encoding::Json, channel, &data, offset).unwrap();
            let hearers = state.listeners.iter().filter(|(listens_to, _)| listens_to == channel);
            for (_, outgoing) in hearers.skip(skipped) {
                // Those who left are still in the list.
                let _gone = outgoing.try_send(frame.clone());
            }
        }
    }
}

fn failure(temporary: bool) -> ErrorReply {
    ErrorReply { code: 100, message: "internal server error".to_owned(), temporary }
}

/// The tester's figures against a server of this kind.
async fn figures(trial: Trial, command: &str) -> Report {
    let (_server, hubs) = Server::start(trial).await;
    let target = Target {
        api: "http://127.0.0.1:1".to_owned(),
        hubs,
        logins: Vec::new(),
        rooms: Vec::new(),
        database_url: None,
        folder: None,
    };
    let target = Arc::new(target);
    let words = std::iter::once("loadtest").chain(command.split(' '));
    let cli = Cli::try_parse_from(words).unwrap();
    let (name, options) = cli.command.scenario().unwrap();
    let scenario = Scenario::built_in(name, options).unwrap();
    // The token of the small server is the user's id.
    let account = |id: u64| Account { id, token: id.to_string().into() };
    let manner = Manner { encoding: options.common.encoding.into(), in_flight: 8, body_length: 64 };
    let accounts = (2..6).map(account).collect();
    let stage = Stage::new(Arc::clone(&target), accounts, 0, manner, scenario.seconds, Some(5)).unwrap();
    let pairs =
        [Pair { first: 0, second: 1, conversation_id: 1 }, Pair { first: 2, second: 3, conversation_id: 2 }];
    stage.set_pairs(pairs.into()).await;
    let activity = scenario.plans[0].prepare(&stage).await.unwrap();
    let course = Course {
        ramp: Duration::ZERO,
        seconds: Duration::from_secs(scenario.seconds.into()),
        settle: Duration::from_secs(options.common.settle.into()),
        kill_hub: None,
    };
    let mut report = Box::pin(engine::run(vec![activity], &course, &target)).await.unwrap();
    report.scenario = scenario.name;
    report
}

const CHAT: &str = "chat --users 8 --rate 100 --seconds 1 --settle 2";
const ROOM: &str = "room --subscribers 20 --rate 100 --seconds 1 --publishers 2 --settle 2";

#[tokio::test(flavor = "multi_thread")]
async fn a_faultless_server_is_found_faultless() {
    for (command, deliveries) in [(CHAT, 400), (ROOM, 2000)] {
        let report = figures(Trial::None, command).await;
        assert_eq!(report.faults, Vec::<String>::new(), "{}", report.table());
        assert_eq!((report.sent, report.acknowledged, report.deliveries), (100, 100, deliveries));
        assert_eq!(
            (report.latencies["delivery"].count, report.latencies["acknowledgement"].count),
            (deliveries, 100)
        );
        assert_eq!((report.reconnects, report.repeats), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_event_is_found_with_and_without_a_gap() {
    for command in [CHAT, ROOM] {
        let report = figures(Trial::Drops, command).await;
        assert_eq!((report.lost, report.gaps), (1, 1), "{}", report.table());
        let report = figures(Trial::DropsSilently, command).await;
        assert!(report.lost > 0 && report.gaps == 0, "{}", report.table());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doubled_and_swapped_events_are_found() {
    for command in [CHAT, ROOM] {
        let report = figures(Trial::Doubles, command).await;
        assert!(report.duplicated > 0 && report.lost == 0, "{}", report.table());
    }
    // One publisher: the order of two is not promised.
    let report =
        figures(Trial::Swaps, "room --subscribers 3 --rate 100 --seconds 1 --publishers 1 --settle 2").await;
    assert_eq!((report.out_of_order, report.lost), (3, 0), "{}", report.table());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_happens_twice_is_found() {
    for command in [CHAT, ROOM] {
        let report = figures(Trial::WritesTwice, command).await;
        assert!(report.duplicated > 0, "{}", report.table());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passing_failures_are_repeated_and_are_no_fault() {
    for command in [CHAT, ROOM] {
        let report = figures(Trial::FailsInPassing, command).await;
        assert_eq!(report.faults, Vec::<String>::new(), "{}", report.table());
        assert!(
            report.sent_again > 0 && report.repeats > 0 && report.acknowledged == 100,
            "{}",
            report.table()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_costs_nothing_if_the_rest_recovers() {
    for command in [CHAT, ROOM] {
        let report = figures(Trial::Dies, command).await;
        assert_eq!(report.faults, Vec::<String>::new(), "{}", report.table());
        assert!(
            report.reconnects > 0 && report.recovered > 0 && report.not_recovered == 0,
            "{}",
            report.table()
        );
    }
    let report = figures(Trial::DiesForgetting, CHAT).await;
    assert_eq!(report.faults, Vec::<String>::new(), "{}", report.table());
    assert!(report.not_recovered > 0, "{}", report.table());
}

const WAVE: &str = "reconnect --users 12 --seconds 20 --settle 2 --set reconnect.rooms=1 --set reconnect.rest=0.0 \
    --set reconnect.patience=2.0";

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_was_cut_off_comes_back_and_knows_what_was_written_meanwhile() {
    let report = figures(Trial::None, WAVE).await;
    assert_eq!(report.faults, Vec::<String>::new(), "{}", report.table());
    // Two pairs and a room, before and after the cut; everybody hears one of the pairs and the room.
    assert_eq!((report.sent, report.acknowledged, report.deliveries), (6, 6, 48));
    assert_eq!((report.reconnects, report.recovered, report.not_recovered), (12, 24, 0));
    let count = |name: &str| report.latencies.get(name).map(|figures| figures.count);
    assert_eq!((count("connect"), count("resume"), count("recovery")), (Some(12), Some(12), Some(24)));
    let names: Vec<&str> = report.activities[0].figures.iter().map(|figure| figure.name.as_str()).collect();
    assert!(names.contains(&"up to date p99") && names.contains(&"messages recovered"), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wave_that_cannot_recover_is_a_fault() {
    // Nor does the small server have the pages that a room is read from then.
    let report = figures(Trial::DiesForgetting, WAVE).await;
    assert!(report.not_recovered > 0 && report.lost > 0, "{}", report.table());
    assert!(report.faults.iter().any(|fault| fault.contains("12 of 12 sockets")), "{:?}", report.faults);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_sockets_hold_on() {
    let report = figures(Trial::None, "idle --users 10 --seconds 1 --ramp 1 --set idle.rooms=1").await;
    assert_eq!(report.faults, Vec::<String>::new(), "{}", report.table());
    assert_eq!((report.connections, report.sent, report.reconnects, report.gaps), (10, 0, 0, 0));
    assert!(
        !report.series.seconds.is_empty()
            && report.series.lines.iter().any(|line| line.group == "connections")
    );
}
