//! The self-check: real people's steps over real sockets and HTTP, each timed, printed as a table.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base::Money;
use client::{Heard, Rest, SignedIn, Socket};
use protocol::codec::Encoding;
use reqwest::Method;
use serde_json::{Value, json};

use crate::data_dir::{UpAccount, UpFile};
use crate::term::{Step, say};

/// How long a step waits for what it expects to hear.
const PATIENCE: Duration = Duration::from_secs(10);
/// Offline is announced 10 s after the last socket has gone.
const OFFLINE_PATIENCE: Duration = Duration::from_secs(20);

/// One line of the table.
struct Line {
    what: String,
    who: String,
    through: String,
    elapsed: Duration,
    detail: String,
    holds: bool,
}

/// Runs every step and prints the table; true if all of it holds.
pub(super) async fn run(up: &UpFile) -> bool {
    let step = Step::begin("Self-check");
    let mut lines = Vec::new();
    let outcome = steps(up, &mut lines, &step).await;
    step.done(&format!("{} steps", lines.len()));
    let holds = outcome.is_ok() && lines.iter().all(|line| line.holds);
    print(&lines);
    if let Err(error) = outcome {
        say(&format!("  ✗ {error:#}"));
    }
    say(if holds { "  Everything holds.  كل شيء يعمل." } else { "  Not everything holds." });
    holds
}

fn print(lines: &[Line]) {
    let width = |heading: &str, text: fn(&Line) -> &str| {
        lines.iter().map(|line| text(line).chars().count()).chain([heading.len()]).max().unwrap_or_default()
    };
    let what = width("what", |line| &line.what);
    let who = width("who", |line| &line.who);
    let through = width("through", |line| &line.through);
    say("");
    say(&format!("    {:<what$}  {:<who$}  {:<through$}  {:>8}  result", "what", "who", "through", "ms"));
    for line in lines {
        let mark = if line.holds { "✓" } else { "✗" };
        let ms = format!("{:.1}", line.elapsed.as_secs_f64() * 1000.0);
        say(&format!(
            "  {mark} {:<what$}  {:<who$}  {:<through$}  {ms:>8}  {}",
            line.what, line.who, line.through, line.detail
        ));
    }
    say("");
}

/// A person of the demo, signed in.
struct Person {
    name: String,
    account: UpAccount,
    session: SignedIn,
}

impl Person {
    fn token(&self) -> &str {
        &self.session.access_token
    }

    fn channel(&self) -> String {
        format!("user:{}", self.account.id)
    }
}

/// The table being made.
struct Check<'a> {
    up: &'a UpFile,
    rest: Rest,
    lines: &'a mut Vec<Line>,
}

async fn steps(up: &UpFile, lines: &mut Vec<Line>, step: &Step) -> Result<()> {
    let mut check = Check { up, rest: Rest::new(&up.api)?, lines };
    let [sender, receiver, third] = check.people().await?;

    step.progress("presence");
    let mut watcher = check.connect(0, Encoding::Json, &sender).await?;
    let presence = check.comes_online(&mut watcher, &third).await?;

    step.progress("messages");
    let mut a = check.connect(0, Encoding::Json, &sender).await?;
    let mut b = check.connect(1, Encoding::Protobuf, &receiver).await?;
    let message = check.message_across_nodes(&sender, &mut a, &receiver, &mut b).await?;
    check.same_key_twice(&sender, &mut a, &receiver, &message).await?;
    check.message_over_rest(&sender, &receiver, &mut b, &message).await?;
    b = check.recovery(&mut a, &receiver, b).await?;

    step.progress("live room");
    check.room_message(&sender, &mut a, &receiver, &mut b).await?;
    step.progress("gift");
    check.gift(&sender, &mut a, &mut b).await?;

    step.progress("presence: waiting for the grace of 10 s");
    check.goes_offline(&mut watcher, &third, presence).await?;
    for socket in [a, b, watcher] {
        socket.close().await;
    }
    Ok(())
}

impl Check<'_> {
    fn line(&mut self, what: &str, who: String, through: String, elapsed: Duration, detail: String) {
        self.lines.push(Line { what: what.to_owned(), who, through, elapsed, detail, holds: true });
    }

    fn hub(&self, index: usize) -> Result<(usize, &str)> {
        let index = index % self.up.hubs.len().max(1);
        Ok((index + 1, self.up.hubs.get(index).context("there is no hub")?))
    }

    async fn people(&mut self) -> Result<[Person; 3]> {
        let began = Instant::now();
        let mut people = Vec::new();
        for account in self.up.accounts.iter().filter(|account| account.role == "learner").take(3) {
            let session = self.rest.log_in(&account.email, &account.password).await?;
            let me = self.rest.get("/me", &session.access_token).await?;
            let name = me.get("username").and_then(Value::as_str).unwrap_or_default().to_owned();
            people.push(Person { name, account: account.clone(), session });
        }
        let names: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
        let who = names.join(", ");
        let detail = format!("{} signed in", people.len());
        self.line("sign in (bcrypt, JWT)", who, "API".to_owned(), began.elapsed(), detail);
        people
            .try_into()
            .map_err(|_people| anyhow::anyhow!("the demo world has fewer than three ordinary people"))
    }

    async fn connect(&mut self, hub: usize, encoding: Encoding, person: &Person) -> Result<Socket> {
        let (number, url) = self.hub(hub)?;
        let url = url.to_owned();
        let began = Instant::now();
        let socket = Socket::connect(&url, encoding, person.token(), &BTreeMap::new()).await?;
        ensure!(
            socket.connected.pointer("/user/id").and_then(Value::as_u64) == Some(person.account.id),
            "the hub took {} for somebody else: {}",
            person.name,
            socket.connected
        );
        let through = format!("hub {number}, {encoding:?}");
        self.line(
            "connect",
            person.name.clone(),
            through,
            began.elapsed(),
            "user channel subscribed".to_owned(),
        );
        Ok(socket)
    }

    /// The third person comes and goes; gives when they went.
    async fn comes_online(&mut self, watcher: &mut Socket, third: &Person) -> Result<Instant> {
        let channel = format!("presence:{}", third.account.id);
        let now = watcher.subscribe(&channel, None).await?;
        let online = |value: &Value| value.get("online").and_then(Value::as_bool);
        ensure!(online(&now.data).is_some(), "no status in the answer to subscribing: {}", now.data);
        let (number, url) = self.hub(1)?;
        let url = url.to_owned();
        let began = Instant::now();
        let socket = Socket::connect(&url, Encoding::MessagePack, third.token(), &BTreeMap::new()).await?;
        if online(&now.data) == Some(false) {
            watcher
                .next_where(PATIENCE, |heard| {
                    heard.channel == channel && heard.value("/online") == Some(&json!(true))
                })
                .await
                .context("nobody told that the third person came online")?;
        }
        let elapsed = began.elapsed();
        let through = format!("hub {number} → hub 1");
        self.line(
            "presence: online",
            third.name.clone(),
            through,
            elapsed,
            "heard presence.changed".to_owned(),
        );
        socket.close().await;
        Ok(Instant::now())
    }

    async fn goes_offline(&mut self, watcher: &mut Socket, third: &Person, gone: Instant) -> Result<()> {
        let channel = format!("presence:{}", third.account.id);
        let heard = watcher
            .next_where(OFFLINE_PATIENCE, |heard| {
                heard.channel == channel && heard.value("/online") == Some(&json!(false))
            })
            .await
            .context("nobody told that the third person went offline")?;
        let seen = heard.value("/last_seen_at").and_then(Value::as_str).unwrap_or_default().to_owned();
        ensure!(!seen.is_empty(), "offline without last_seen_at");
        let through = "hub 2 → hub 1".to_owned();
        self.line(
            "presence: offline",
            third.name.clone(),
            through,
            gone.elapsed(),
            "after 10 s of grace".to_owned(),
        );
        Ok(())
    }

    async fn message_across_nodes(
        &mut self,
        sender: &Person,
        a: &mut Socket,
        receiver: &Person,
        b: &mut Socket,
    ) -> Result<Sent> {
        let key = uuid::Uuid::new_v4().to_string();
        let body = "السلام عليكم، هل الدرس اليوم؟ Is the lesson today?";
        let input = json!({"client_id": key, "user_id": receiver.account.id, "body": body});
        let began = Instant::now();
        let answer = a.rpc("chat.send_message", &input).await?;
        let acknowledged = began.elapsed();
        let id = answer.pointer("/message/id").and_then(Value::as_u64).context("no id in the answer")?;
        let conversation =
            answer.pointer("/message/conversation_id").and_then(Value::as_u64).context("no conversation")?;
        let heard = hear_message(b, &receiver.channel(), id).await?;
        let elapsed = began.elapsed();
        ensure!(heard.value("/message/body") == Some(&json!(body)), "another text was heard: {}", heard.data);
        let own = hear_message(a, &sender.channel(), id)
            .await
            .context("the sender's own device did not hear it")?;
        ensure!(own.value("/message/id") == heard.value("/message/id"), "two different messages");
        self.line(
            "message across nodes",
            format!("{} → {}", sender.name, receiver.name),
            "hub 1 → hub 2".to_owned(),
            elapsed,
            format!("acknowledged after {:.1} ms, id {id}", acknowledged.as_secs_f64() * 1000.0),
        );
        Ok(Sent { input, id, conversation, own_event_id: own.event_id().to_owned() })
    }

    async fn same_key_twice(
        &mut self,
        sender: &Person,
        a: &mut Socket,
        receiver: &Person,
        sent: &Sent,
    ) -> Result<()> {
        let began = Instant::now();
        let again = a.rpc("chat.send_message", &sent.input).await?;
        let elapsed = began.elapsed();
        ensure!(again.pointer("/message/id") == Some(&json!(sent.id)), "a second message was made: {again}");
        let repeated = hear_message(a, &sender.channel(), sent.id).await?;
        ensure!(repeated.event_id() == sent.own_event_id, "the repeat carries another event id");
        let path = format!("/conversations/{}/messages", sent.conversation);
        let messages = self.rest.get(&path, receiver.token()).await?;
        let count = messages
            .as_array()
            .map(|list| list.iter().filter(|message| message.get("id") == Some(&json!(sent.id))).count());
        ensure!(count == Some(1), "the message is there {count:?} times");
        let mut other = sent.input.clone();
        if let Some(body) = other.get_mut("body") {
            *body = json!("another text");
        }
        let Err(client::SocketError::Refused(refused)) = a.rpc("chat.send_message", &other).await else {
            bail!("the same client_id with another text was not refused");
        };
        ensure!(refused.message.contains("idempotency_key_reused"), "refused otherwise: {}", refused.message);
        self.line(
            "same client_id twice",
            sender.name.clone(),
            "hub 1, API".to_owned(),
            elapsed,
            "one message; other text refused".to_owned(),
        );
        Ok(())
    }

    async fn message_over_rest(
        &mut self,
        sender: &Person,
        receiver: &Person,
        b: &mut Socket,
        sent: &Sent,
    ) -> Result<()> {
        let path = format!("/conversations/{}/messages", sent.conversation);
        let input =
            json!({"client_id": uuid::Uuid::new_v4().to_string(), "body": "From the web client. من المتصفح"});
        let began = Instant::now();
        let message = self.rest.post(&path, sender.token(), &input, None).await?;
        let id = message.get("id").and_then(Value::as_u64).context("no id in the answer")?;
        hear_message(b, &receiver.channel(), id).await?;
        let who = format!("{} → {}", sender.name, receiver.name);
        self.line("message by REST", who, "API → hub 2".to_owned(), began.elapsed(), format!("id {id}"));
        Ok(())
    }

    /// The receiver's connection breaks, a message is sent, the receiver comes back on the other node.
    async fn recovery(&mut self, a: &mut Socket, receiver: &Person, b: Socket) -> Result<Socket> {
        let positions = b.positions().clone();
        drop(b);
        let input = json!({
            "client_id": uuid::Uuid::new_v4().to_string(),
            "user_id": receiver.account.id,
            "body": "Sent while you were away. أُرسلت وأنت غائب",
        });
        let answer = a.rpc("chat.send_message", &input).await?;
        let id = answer.pointer("/message/id").and_then(Value::as_u64).context("no id in the answer")?;
        let (_, url) = self.hub(0)?;
        let url = url.to_owned();
        let began = Instant::now();
        let socket = Socket::connect(&url, Encoding::Protobuf, receiver.token(), &positions).await?;
        let elapsed = began.elapsed();
        let own = socket.subscribed.get(&receiver.channel()).context("the user channel is not subscribed")?;
        ensure!(own.recovered, "the hub could not recover");
        let ids: Vec<Option<&Value>> = own.missed.iter().map(|heard| heard.value("/message/id")).collect();
        ensure!(ids == [Some(&json!(id))], "recovered {ids:?} instead of [{id}]");
        socket.close().await;
        self.line(
            "recovery after a break",
            receiver.name.clone(),
            "hub 2, back on hub 1".to_owned(),
            elapsed,
            "1 missed message recovered".to_owned(),
        );
        // Back to the second node for what follows.
        let (_, url) = self.hub(1)?;
        let url = url.to_owned();
        Ok(Socket::connect(&url, Encoding::Protobuf, receiver.token(), &BTreeMap::new()).await?)
    }

    async fn room_message(
        &mut self,
        sender: &Person,
        a: &mut Socket,
        receiver: &Person,
        b: &mut Socket,
    ) -> Result<()> {
        let room = self.up.rooms.first().context("there is no active room")?.id;
        let channel = format!("room:{room}");
        let state = a.subscribe(&channel, None).await?;
        ensure!(state.data.get("status") == Some(&json!("active")), "the room's state is {}", state.data);
        b.subscribe(&channel, None).await?;
        let joined = a.rpc("rooms.join", &json!({"room_id": room})).await?;
        let jitsi = joined.pointer("/jitsi/room").and_then(Value::as_str).unwrap_or_default();
        ensure!(!jitsi.is_empty(), "joining gave no Jitsi room: {joined}");
        let input = json!({"client_id": uuid::Uuid::new_v4().to_string(), "room_id": room, "body": "👋 مرحبا بالجميع"});
        let began = Instant::now();
        let answer = b.rpc("rooms.post_message", &input).await?;
        let id = answer.pointer("/message/id").cloned();
        a.next_where(PATIENCE, |heard| {
            heard.channel == channel
                && heard.event_type() == "room.message_created"
                && heard.value("/message/id") == id.as_ref()
        })
        .await
        .context("the room message was not heard")?;
        let who = format!("{} → room {room}", receiver.name);
        self.line(
            "room message",
            who,
            "hub 2 → hub 1".to_owned(),
            began.elapsed(),
            format!("heard by {}", sender.name),
        );
        Ok(())
    }

    async fn gift(&mut self, sender: &Person, a: &mut Socket, b: &mut Socket) -> Result<()> {
        let room = self.up.rooms.first().context("there is no active room")?.clone();
        let host = self.up.accounts.iter().find(|account| account.id == room.host_id).context("no host")?;
        let host_session = self.rest.log_in(&host.email, &host.password).await?;
        let gifts = self.rest.get("/gifts", sender.token()).await?;
        let (gift, price) = cheapest(&gifts).context("no gift is on offer")?;
        self.provide(sender, price).await?;
        let before = (self.balance(sender.token()).await?, self.balance(&host_session.access_token).await?);
        let key = uuid::Uuid::new_v4().to_string();
        let input = json!({
            "client_id": key, "gift_id": gift, "giftable_type": "live_room", "giftable_id": room.id,
        });
        let began = Instant::now();
        let answer = a.rpc("gifts.send_gift", &input).await?;
        let channel = format!("room:{}", room.id);
        let id = answer.pointer("/gift_transaction/id").cloned();
        b.next_where(PATIENCE, |heard| {
            heard.channel == channel
                && heard.event_type() == "gift.sent"
                && heard.value("/gift_transaction_id") == id.as_ref()
        })
        .await
        .context("the gift's animation was not heard in the room")?;
        let elapsed = began.elapsed();
        let after = (self.balance(sender.token()).await?, self.balance(&host_session.access_token).await?);
        ensure!(before.0.minus(price) == Some(after.0), "the sender paid {} → {}", before.0, after.0);
        let earned = after.1.minus(before.1).context("out of range")?;
        ensure!(earned.is_positive() && earned < price, "the host got {earned} of {price}");
        let again = a.rpc("gifts.send_gift", &input).await?;
        ensure!(again.pointer("/gift_transaction/id") == id.as_ref(), "the repeat made another gift");
        ensure!(self.balance(sender.token()).await? == after.0, "the repeat was charged");
        self.line(
            "gift with money",
            format!("{} → host {}", sender.name, room.host_id),
            "hub 1 → hub 2".to_owned(),
            elapsed,
            format!("sender {} → {}, host {} → {}", before.0, after.0, before.1, after.1),
        );
        Ok(())
    }

    /// An administrator fills the sender's wallet where many checks have emptied it.
    async fn provide(&mut self, person: &Person, price: Money) -> Result<()> {
        if self.balance(person.token()).await? >= price {
            return Ok(());
        }
        let admin =
            self.up.accounts.iter().find(|account| account.role == "admin").context("there is no admin")?;
        let session = self.rest.log_in(&admin.email, &admin.password).await?;
        let path = format!("/admin/wallets/{}/adjustments", person.account.id);
        let body = json!({"amount": "100.00", "direction": "credit", "reason": "self-check"});
        let key = uuid::Uuid::new_v4().to_string();
        let (status, answer) =
            self.rest.ask(Method::POST, &path, Some(&session.access_token), Some(&body), Some(&key)).await?;
        ensure!(status.is_success(), "the wallet could not be filled: {answer}");
        Ok(())
    }

    async fn balance(&self, token: &str) -> Result<Money> {
        let wallet = self.rest.get("/wallet", token).await?;
        let text = wallet.get("balance").and_then(Value::as_str).context("no balance")?;
        Ok(text.parse()?)
    }
}

/// A message that was sent in the check.
struct Sent {
    input: Value,
    id: u64,
    conversation: u64,
    /// Of the event on the sender's own channel.
    own_event_id: String,
}

async fn hear_message(socket: &mut Socket, channel: &str, id: u64) -> Result<Heard> {
    socket
        .next_where(PATIENCE, |heard| {
            heard.channel == channel
                && heard.event_type() == "chat.message_created"
                && heard.value("/message/id") == Some(&json!(id))
        })
        .await
        .with_context(|| format!("message {id} was not heard on {channel}"))
}

fn cheapest(gifts: &Value) -> Option<(u64, Money)> {
    gifts
        .as_array()?
        .iter()
        .filter_map(|gift| {
            Some((gift.get("id")?.as_u64()?, gift.get("price")?.as_str()?.parse::<Money>().ok()?))
        })
        .min_by_key(|(_, price)| *price)
}
