//! The hub on a Redis Cluster of three masters with a replica each (realtime.md §7): the same as on one server, also
//! while a replica takes over from a master that was killed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bus::ControlMessage;
use futures_util::SinkExt;
use protocol::codec::{self, Encoding};
use protocol::frame::{
    Answer, Command, ConnectRequest, ErrorReply, Publication, Push, PushBody, Reply, Request, RpcRequest,
    ServerMessage, SubscribeRequest,
};
use sandbox::{Programs, RedisCluster, Search, TestServers};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, Closed, event_of, json, recovering};
use crate::stand::{Stand, key};

#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_on_a_cluster_are_one() {
    let stand = Stand::with_cluster(TestServers::shared_redis_cluster().await.unwrap(), 2).await;
    let mut users = Vec::new();
    for name in ["amal", "badr", "chafik", "dalia", "elias", "farah"] {
        users.push(stand.user(name).await);
    }
    // Messages across nodes, whichever masters the two channels are on.
    let mut clients = Vec::new();
    for (number, &user) in users.iter().enumerate() {
        clients.push(stand.client(number % 2, user).await);
    }
    for number in 0..3 {
        for from in 0..users.len() {
            let to = (from + 1) % users.len();
            let message =
                json!({"client_id": key(), "user_id": users[to], "body": format!("{from} {number}")});
            let answer = clients[from].rpc("chat.send_message", &message).await.unwrap();
            for hearer in [from, to] {
                let (_, event) = clients[hearer].event(&format!("user:{}", users[hearer])).await;
                assert_eq!(event["data"]["message"]["id"], answer["message"]["id"]);
            }
        }
    }

    // A room: everybody hears the same order.
    let room_id = stand.room().await;
    let room = format!("room:{room_id}");
    let mut start = None;
    for client in &mut clients {
        start = Some(client.subscribe_to(&room).await.unwrap());
    }
    let posts = async |client: &mut Client, body: &str| {
        let post = json!({"client_id": key(), "room_id": room_id, "body": body});
        client.rpc("rooms.post_message", &post).await.unwrap();
    };
    for (number, client) in clients.iter_mut().enumerate() {
        posts(client, &format!("post {number}")).await;
    }
    let mut orders = BTreeSet::new();
    for client in &mut clients {
        let mut order = Vec::new();
        while order.len() < 6 {
            let (offset, event) = client.event(&room).await;
            if event["type"] == "room.message_created" {
                order.push((offset, event["data"]["message"]["body"].to_string()));
            }
        }
        orders.insert(order);
    }
    assert_eq!(orders.len(), 1, "{orders:?}");

    // Recovery, on the other node.
    let start = start.unwrap();
    let mut late = stand.client(1, users[0]).await;
    let result = late.subscribe(recovering(&room, &start.epoch, start.offset)).await.unwrap();
    assert!(result.recovered);
    let bodies = result.publications.iter().map(|one| event_of(one).1["data"]["message"]["body"].clone());
    assert_eq!(bodies.filter(|body| !body.is_null()).count(), 6);
    let refused = clients[1].rpc("rooms.post_message", &json!({"room_id": room_id})).await;
    assert!(refused.is_err());

    // Presence.
    let channel = format!("presence:{}", users[5]);
    let mut watcher = stand.client(0, users[0]).await;
    let status = watcher.subscribe_to(&channel).await.unwrap();
    assert_eq!(json(&status.data)["online"], true);
    clients.pop().unwrap().close().await;
    assert_eq!(watcher.event(&channel).await.1["data"]["online"], false);
    let _back = stand.client(1, users[5]).await;
    assert_eq!(watcher.event(&channel).await.1["data"]["online"], true);

    // A message to all nodes.
    let message = ControlMessage::UserSuspended { user_id: users[1] };
    stand.app().bus.control(&message).await.unwrap();
    assert_eq!(clients[1].closed().await, 4503);
}

/// Sends a command and gives its reply; pushes that come before it are put into `heard`. `Err`: the connection is gone.
async fn attempt(
    client: &mut Client,
    id: u32,
    request: Request,
    heard: &mut Vec<Push>,
) -> Result<Result<Answer, ErrorReply>, Closed> {
    let bytes = codec::encode_command(client.encoding, &Command { id, request }).unwrap();
    client.socket.send(Message::Text(bytes.try_into().unwrap())).await.map_err(|_lost| 1006_u16)?;
    loop {
        match client.next().await? {
            ServerMessage::Reply(Reply { id: answered, outcome }) if answered == id => return Ok(outcome),
            ServerMessage::Push(push) => heard.push(push),
            _ => {}
        }
    }
}

async fn attempt_rpc(
    client: &mut Client,
    id: u32,
    method: &str,
    data: &Value,
    heard: &mut Vec<Push>,
) -> Result<Result<Value, ErrorReply>, Closed> {
    let request = Request::Rpc(RpcRequest { method: method.to_owned(), data: data.to_string().into() });
    Ok(attempt(client, id, request, heard).await?.map(|answer| match answer {
        Answer::Rpc(result) => json(&result.data),
        other => panic!("{other:?}"),
    }))
}

/// One who writes, as an app does: what was not acknowledged is sent again with the same `client_id`, on a new
/// connection if need be.
struct Writer {
    url: String,
    token: String,
    client: Option<Client>,
    id: u32,
    refused: usize,
    longest: Duration,
}

impl Writer {
    async fn new(stand: &Stand, node: usize, user: u64) -> Self {
        Self {
            url: stand.nodes[node].url(),
            token: stand.token(user).await,
            client: None,
            id: 0,
            refused: 0,
            longest: Duration::ZERO,
        }
    }

    async fn write(&mut self, method: &str, data: &Value) -> Value {
        let began = Instant::now();
        loop {
            match self.try_write(method, data).await {
                Some(answer) => {
                    self.longest = self.longest.max(began.elapsed());
                    return answer;
                }
                None => self.refused += 1,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn try_write(&mut self, method: &str, data: &Value) -> Option<Value> {
        self.id += 1;
        let mut client = match self.client.take() {
            Some(client) => client,
            None => {
                let mut client = Client::open(&self.url, Encoding::Json).await;
                let request = ConnectRequest { token: self.token.clone(), ..ConnectRequest::default() };
                match attempt(&mut client, self.id, Request::Connect(request), &mut Vec::new()).await {
                    Ok(Ok(_)) => client,
                    Ok(Err(error)) => {
                        assert!(error.temporary, "{error:?}");
                        return None;
                    }
                    Err(_closed) => return None,
                }
            }
        };
        self.id += 1;
        match attempt_rpc(&mut client, self.id, method, data, &mut Vec::new()).await {
            Ok(answer) => {
                self.client = Some(client);
                answer.inspect_err(|error| assert!(error.temporary, "{error:?}")).ok()
            }
            Err(code) => {
                assert!(code < 3500, "{code}");
                None
            }
        }
    }
}

/// What an app knows of its messages: those it heard, and those that it asked for when it was told to.
struct App {
    url: String,
    token: String,
    channel: String,
    position: Option<(String, u64)>,
    known: BTreeSet<u64>,
    told: usize,
    recovered: usize,
}

impl App {
    async fn new(stand: &Stand, node: usize, user: u64) -> Self {
        Self {
            url: stand.nodes[node].url(),
            token: stand.token(user).await,
            channel: format!("user:{user}"),
            position: None,
            known: BTreeSet::new(),
            told: 0,
            recovered: 0,
        }
    }

    fn take(&mut self, publication: &Publication) {
        let (offset, event) = event_of(publication);
        if let (Some(position), true) = (&mut self.position, offset > 0) {
            assert_eq!(offset, position.1 + 1, "{}: each in order, none left out", self.channel);
            position.1 = offset;
        }
        if let Some(id) = event["data"]["message"]["id"].as_u64() {
            self.known.insert(id);
        }
    }

    /// Connects, hears, and comes back, until told to stop.
    async fn run(mut self, mut stop: watch::Receiver<bool>) -> Self {
        while !*stop.borrow() {
            tokio::select! {
                _ = stop.changed() => {}
                code = self.hear() => {
                    assert!((3000..3500).contains(&code) || code == 1006, "{} {code}", self.channel);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        self
    }

    /// One connection, until it is closed.
    async fn hear(&mut self) -> Closed {
        let mut client = Client::open(&self.url, Encoding::Json).await;
        let from = self
            .position
            .as_ref()
            .map_or_else(SubscribeRequest::default, |(epoch, offset)| recovering("", epoch, *offset));
        let subs = [(self.channel.clone(), from)].into();
        let request = ConnectRequest { token: self.token.clone(), subs, ..ConnectRequest::default() };
        let mut heard = Vec::new();
        let result = match attempt(&mut client, 1, Request::Connect(request), &mut heard).await {
            Ok(Ok(Answer::Connect(result))) => result,
            Ok(Err(error)) if error.temporary => return 1006,
            Ok(other) => panic!("{other:?}"),
            Err(code) => return code,
        };
        let Some(sub) = result.subs.get(&self.channel) else { return 1006 };
        if sub.was_recovering && sub.recovered {
            self.recovered += 1;
            for publication in &sub.publications {
                self.take(publication);
            }
        }
        self.position = Some((sub.epoch.clone(), sub.offset));
        // At its first start an app asks for what it has; later only when it is told that something is missing.
        if !sub.recovered {
            self.told += usize::from(sub.was_recovering);
            if let Err(code) = self.sync(&mut client, &mut heard).await {
                // What was missed must not be forgotten: told again by a position that no stream has.
                self.position = Some(("unknown".to_owned(), 0));
                return code;
            }
        }
        loop {
            for push in heard.drain(..) {
                if let (PushBody::Publication(publication), true) = (push.body, push.channel == self.channel)
                {
                    self.take(&publication);
                }
            }
            match tokio::time::timeout(Duration::from_secs(5), client.next()).await {
                Ok(Ok(ServerMessage::Push(push))) => heard.push(push),
                Ok(Ok(_)) | Err(_) => {}
                Ok(Err(code)) => return code,
            }
        }
    }

    /// `chat.sync` until there is no more.
    async fn sync(&mut self, client: &mut Client, heard: &mut Vec<Push>) -> Result<(), Closed> {
        let mut after = self.known.last().copied().unwrap_or(0);
        let mut id = 1;
        loop {
            id += 1;
            let page = json!({"after_message_id": after, "limit": 200});
            let Ok(page) = attempt_rpc(client, id, "chat.sync", &page, heard).await? else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            for message in page["messages"].as_array().unwrap() {
                let id = message["id"].as_u64().unwrap();
                self.known.insert(id);
                after = after.max(id);
            }
            if page["has_more"] == false {
                return Ok(());
            }
        }
    }
}

/// What a listener of a room hears: posts numbered from 1 by one writer. Whoever was told that something is missing may
/// go on with any number; nobody else may leave one out.
struct RoomListener {
    url: String,
    token: String,
    room: String,
    position: Option<(String, u64)>,
    last: u64,
    /// The next number may be any greater one.
    excused: bool,
    told: usize,
}

impl RoomListener {
    fn take(&mut self, publication: &Publication) {
        let (offset, event) = event_of(publication);
        if let (Some(position), true) = (&mut self.position, offset > 0) {
            position.1 = offset;
        }
        let Some(body) = event["data"]["message"]["body"].as_str() else { return };
        let number: u64 = body.parse().unwrap();
        // A repeat of what was published but not acknowledged.
        if number > self.last {
            assert!(self.excused || number == self.last + 1, "{number} after {}", self.last);
            (self.last, self.excused) = (number, false);
        }
    }

    async fn run(mut self, mut stop: watch::Receiver<bool>) -> Self {
        while !*stop.borrow() {
            tokio::select! {
                _ = stop.changed() => {}
                () = self.hear() => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        self
    }

    /// One subscription, until it ends.
    async fn hear(&mut self) {
        let mut heard = Vec::new();
        let mut client = Client::open(&self.url, Encoding::Json).await;
        let request = ConnectRequest { token: self.token.clone(), ..ConnectRequest::default() };
        if !matches!(attempt(&mut client, 1, Request::Connect(request), &mut heard).await, Ok(Ok(_))) {
            return;
        }
        let request = match &self.position {
            Some((epoch, offset)) => recovering(&self.room, epoch, *offset),
            None => SubscribeRequest { channel: self.room.clone(), ..SubscribeRequest::default() },
        };
        let Ok(Ok(Answer::Subscribe(sub))) =
            attempt(&mut client, 2, Request::Subscribe(request), &mut heard).await
        else {
            return;
        };
        for publication in &sub.publications {
            self.take(publication);
        }
        if sub.was_recovering && !sub.recovered {
            self.told += 1;
            self.excused = true;
        }
        self.position = Some((sub.epoch.clone(), sub.offset));
        loop {
            for push in heard.drain(..) {
                if push.channel != self.room {
                    continue;
                }
                match push.body {
                    PushBody::Publication(publication) => self.take(&publication),
                    PushBody::Unsubscribe(gone) => {
                        assert_eq!(gone.code, 2500);
                        return;
                    }
                    _ => {}
                }
            }
            match tokio::time::timeout(Duration::from_secs(5), client.next()).await {
                Ok(Ok(ServerMessage::Push(push))) => heard.push(push),
                Ok(Ok(_)) | Err(_) => {}
                Ok(Err(_closed)) => return,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_master_loses_no_acknowledged_message() {
    let mut cluster = RedisCluster::start(&Programs::find(&Search::from_env(None))).await.unwrap();
    let stand = Stand::with_cluster(&cluster, 2).await;
    let mut users = Vec::new();
    for number in 0..8 {
        users.push(stand.user(&format!("user{number}")).await);
    }
    let room_id = stand.room().await;
    let (stop, stopped) = watch::channel(false);
    let (quiet, quieted) = watch::channel(false);
    let mut apps = Vec::new();
    let mut listeners = Vec::new();
    let mut writers = Vec::new();
    for (number, &user) in users.iter().enumerate() {
        apps.push(tokio::spawn(App::new(&stand, number % 2, user).await.run(stopped.clone())));
        // Their friend is on the other node.
        let to = users[number ^ 1];
        let mut writer = Writer::new(&stand, (number + 1) % 2, user).await;
        let quieted = quieted.clone();
        writers.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            while !*quieted.borrow() {
                let message = json!({"client_id": key(), "user_id": to, "body": "peace"});
                let answer = writer.write("chat.send_message", &message).await;
                acknowledged.push(answer["message"]["id"].as_u64().unwrap());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (acknowledged, writer)
        }));
    }
    for (node, &user) in stand.nodes.iter().zip(&users) {
        let listener = RoomListener {
            url: node.url(),
            token: stand.token(user).await,
            room: format!("room:{room_id}"),
            position: None,
            last: 0,
            excused: true,
            told: 0,
        };
        listeners.push(tokio::spawn(listener.run(stopped.clone())));
    }
    let mut poster = Writer::new(&stand, 0, users[2]).await;
    let poster_quieted = quieted.clone();
    let posting = tokio::spawn(async move {
        let mut number = 0_u64;
        while !*poster_quieted.borrow() {
            number += 1;
            let post = json!({"client_id": key(), "room_id": room_id, "body": number.to_string()});
            poster.write("rooms.post_message", &post).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        number
    });

    // Two seconds of peace; then the master of the first user's channel is gone.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (_, prefix) = stand.redis_keys();
    let slot = slot_of(cluster.ports()[0], &format!("{prefix}{{user:{}}}", users[0])).await;
    let master = (0..3).find(|number| slot < (number + 1) * 16_384 / 3).unwrap();
    cluster.kill_master(master).await.unwrap();
    let killed = Instant::now();
    cluster.until_well().await.unwrap();
    let elected = killed.elapsed();
    Stand::eventually(async || stand.nodes.iter().all(|node| !node.hub.is_deaf())).await;
    let heard_again = killed.elapsed();
    tokio::time::sleep(Duration::from_secs(2)).await;
    quiet.send(true).unwrap();
    let (mut acknowledged, mut refused, mut longest) = (BTreeSet::new(), 0, Duration::ZERO);
    for writer in writers {
        let (ids, writer) = writer.await.unwrap();
        let distinct = acknowledged.len() + ids.len();
        acknowledged.extend(ids);
        assert_eq!(acknowledged.len(), distinct, "no message twice");
        refused += writer.refused;
        longest = longest.max(writer.longest);
    }
    let posts = posting.await.unwrap();
    assert!(refused > 0, "nothing was killed");

    // What MySQL has of each is what each of their apps knows; most of it was never asked for.
    let mut of_mysql = Vec::new();
    for &user in &users {
        let mut app = App::new(&stand, 0, user).await;
        let mut client = stand.client(1, user).await;
        app.sync(&mut client, &mut Vec::new()).await.unwrap();
        of_mysql.push(app.known);
    }
    let all: BTreeSet<u64> = of_mysql.iter().flatten().copied().collect();
    assert_eq!(all, acknowledged, "what was written was acknowledged in the end, and nothing else");
    // Whoever was told late has until then to hear the rest.
    tokio::time::sleep(Duration::from_secs(3)).await;
    stop.send(true).unwrap();
    let (mut told, mut recovered) = (0, 0);
    for (app, mysql) in apps.into_iter().zip(of_mysql) {
        let app = app.await.unwrap();
        let missing: Vec<_> = mysql.difference(&app.known).collect();
        assert!(missing.is_empty(), "{} told {} times misses {missing:?}", app.channel, app.told);
        told += app.told;
        recovered += app.recovered;
    }
    for listener in listeners {
        let listener = listener.await.unwrap();
        assert!(listener.last == posts || listener.excused, "{} of {posts}", listener.last);
    }
    println!(
        "{} messages acknowledged, {posts} posts; a master killed: replica elected after {elected:?}, nodes hear again \
         after {heard_again:?}, {refused} temporary refusals, the longest write {longest:?}; {told} apps were told to \
         ask, {recovered} recovered from the stream; none misses a message",
        acknowledged.len()
    );
    assert!(told > 0, "the channel of the first user was on that master");

    // Presence came through it, whichever master it was on.
    let mut watcher = stand.client(0, users[0]).await;
    Stand::eventually(async || {
        let asked = watcher.rpc("presence.query", &json!({"user_ids": users})).await;
        asked.is_ok_and(|answer| answer["users"].as_array().is_some_and(|users| users.len() == 8))
    })
    .await;
}

/// The slot of a name, as a node says.
async fn slot_of(port: u16, name: &str) -> usize {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(format!("CLUSTER KEYSLOT {name}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap().trim_start_matches(':').parse().unwrap()
}
