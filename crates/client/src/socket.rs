//! The socket door: one connection, driven by its owner.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use base::Time;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use protocol::codec::{self, Encoding};
use protocol::frame::{
    Answer, Command, ConnectRequest, ErrorReply, Publication, PushBody, Reply, Request, RpcRequest,
    ServerMessage, SubscribeRequest, SubscribeResult,
};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Where a client is in a channel's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The last event that it has.
    pub offset: u64,
    /// The stream that the offset is of.
    pub epoch: String,
}

/// Something heard on a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// The channel.
    pub channel: String,
    /// Its place in the stream; 0 for what is not kept.
    pub offset: u64,
    /// `{"type":…,"id":…,"at":…,"data":{…}}`.
    pub data: Value,
}

impl Heard {
    /// The event's `type`.
    #[must_use]
    pub fn event_type(&self) -> &str {
        self.data.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// A value inside the event's `data`, by JSON pointer (`/message/id`).
    #[must_use]
    pub fn value(&self, pointer: &str) -> Option<&Value> {
        self.data.get("data").and_then(|data| data.pointer(pointer))
    }

    /// The event's unique id.
    #[must_use]
    pub fn event_id(&self) -> &str {
        self.data.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// When it happened.
    #[must_use]
    pub fn at(&self) -> Option<Time> {
        serde_json::from_value(self.data.get("at")?.clone()).ok()
    }
}

/// What subscribing gave.
#[derive(Clone, Debug)]
pub struct Subscribed {
    /// Everything missed was given?
    pub recovered: bool,
    /// The channel's present value.
    pub data: Value,
    /// What was missed, in order.
    pub missed: Vec<Heard>,
    /// Where the subscription stands.
    pub position: Position,
}

/// Why a step on the socket failed.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The handshake failed or the connection broke.
    #[error("{0}")]
    Broken(#[from] Box<tungstenite::Error>),
    /// The server closed the connection.
    #[error("closed with {code} {reason}")]
    Closed {
        /// The close code; 1006 for none.
        code: u16,
        /// Its words.
        reason: String,
    },
    /// The command was refused.
    #[error("error {}: {}", .0.code, .0.message)]
    Refused(ErrorReply),
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The server sent what cannot be read.
    #[error("the server's frame cannot be read: {0}")]
    Unreadable(String),
}

impl From<tungstenite::Error> for SocketError {
    fn from(error: tungstenite::Error) -> Self {
        Self::Broken(Box::new(error))
    }
}

/// One connection. Not `Clone`: whoever holds it reads it.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    encoding: Encoding,
    next_id: u32,
    heard: VecDeque<Heard>,
    positions: BTreeMap<String, Position>,
    answer_pings: bool,
    /// The answer to `connect`.
    pub connected: Value,
    /// What the server-side subscriptions gave at `connect`.
    pub subscribed: BTreeMap<String, Subscribed>,
}

/// How long a command may take: more than the hub's own patience with a repeated key.
pub const PATIENCE: Duration = Duration::from_secs(15);

impl Socket {
    /// Opens a connection and sends `connect`. `recover` holds the positions from which the server-side
    /// subscriptions shall go on.
    ///
    /// # Errors
    /// [`SocketError`].
    pub async fn connect(
        url: &str,
        encoding: Encoding,
        token: &str,
        recover: &BTreeMap<String, Position>,
    ) -> Result<Self, SocketError> {
        let mut socket = Self::open(url, encoding).await?;
        let subs = recover
            .iter()
            .map(|(channel, position)| (channel.clone(), subscribe_request(String::new(), Some(position))))
            .collect();
        let request = ConnectRequest { token: token.to_owned(), subs, ..ConnectRequest::default() };
        let Answer::Connect(result) = socket.command(Request::Connect(request)).await? else {
            return Err(SocketError::Unreadable("another answer than connect's".to_owned()));
        };
        socket.connected = value(&result.data);
        for (channel, sub) in result.subs {
            let subscribed = socket.begin(&channel, sub);
            socket.subscribed.insert(channel, subscribed);
        }
        Ok(socket)
    }

    /// Opens a connection without sending anything yet.
    ///
    /// # Errors
    /// [`SocketError::Broken`].
    pub async fn open(url: &str, encoding: Encoding) -> Result<Self, SocketError> {
        let mut request = url.into_client_request()?;
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", HeaderValue::from_static(encoding.subprotocol()));
        let opening = tokio_tungstenite::connect_async(request);
        let (stream, _response) = tokio::time::timeout(PATIENCE, opening)
            .await
            .map_err(|_elapsed| SocketError::TimedOut(PATIENCE))??;
        Ok(Self {
            stream,
            encoding,
            next_id: 1,
            heard: VecDeque::new(),
            positions: BTreeMap::new(),
            answer_pings: true,
            connected: Value::Null,
            subscribed: BTreeMap::new(),
        })
    }

    /// Where the client stands in every channel: what to give to the next [`Self::connect`] and
    /// [`Self::subscribe`].
    #[must_use]
    pub const fn positions(&self) -> &BTreeMap<String, Position> {
        &self.positions
    }

    /// Stops (or begins again) to answer the server's pings.
    pub const fn answer_pings(&mut self, answer: bool) {
        self.answer_pings = answer;
    }

    /// Calls a method and gives its answer.
    ///
    /// # Errors
    /// [`SocketError::Refused`] with the rule's number and code, or one of the connection's.
    pub async fn rpc(&mut self, method: &str, data: &Value) -> Result<Value, SocketError> {
        let data = Bytes::from(data.to_string());
        match self.command(Request::Rpc(RpcRequest { data, method: method.to_owned() })).await? {
            Answer::Rpc(result) => Ok(value(&result.data)),
            _ => Err(SocketError::Unreadable("another answer than rpc's".to_owned())),
        }
    }

    /// Subscribes to a channel, from a position where one is given.
    ///
    /// # Errors
    /// [`SocketError`].
    pub async fn subscribe(
        &mut self,
        channel: &str,
        recover: Option<&Position>,
    ) -> Result<Subscribed, SocketError> {
        let request = subscribe_request(channel.to_owned(), recover);
        match self.command(Request::Subscribe(request)).await? {
            Answer::Subscribe(result) => Ok(self.begin(channel, result)),
            _ => Err(SocketError::Unreadable("another answer than subscribe's".to_owned())),
        }
    }

    /// Sends a command and waits for its answer; what is heard meanwhile is kept for [`Self::next`].
    ///
    /// # Errors
    /// [`SocketError`].
    pub async fn command(&mut self, request: Request) -> Result<Answer, SocketError> {
        let id = self.next_id;
        self.next_id += 1;
        let frame = codec::encode_command(self.encoding, &Command { id, request })
            .map_err(|error| SocketError::Unreadable(error.to_string()))?;
        self.send(frame).await?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            for message in self.read(deadline, PATIENCE).await? {
                match message {
                    ServerMessage::Reply(Reply { id: answered, outcome }) if answered == id => {
                        return outcome.map_err(SocketError::Refused);
                    }
                    ServerMessage::Reply(_) => {}
                    ServerMessage::Ping => self.pong().await?,
                    ServerMessage::Push(push) => self.take(push.channel, push.body),
                }
            }
        }
    }

    /// The next thing heard on any channel, waiting at most `patience`.
    ///
    /// # Errors
    /// [`SocketError::TimedOut`] when nothing came, or one of the connection's.
    pub async fn next(&mut self, patience: Duration) -> Result<Heard, SocketError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return Ok(heard);
            }
            for message in self.read(deadline, patience).await? {
                match message {
                    ServerMessage::Reply(_) => {}
                    ServerMessage::Ping => self.pong().await?,
                    ServerMessage::Push(push) => self.take(push.channel, push.body),
                }
            }
        }
    }

    /// The next event that `wanted` accepts; others are let go by.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn next_where(
        &mut self,
        patience: Duration,
        wanted: impl Fn(&Heard) -> bool,
    ) -> Result<Heard, SocketError> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let heard = match self.next(left).await {
                Err(SocketError::TimedOut(_)) => return Err(SocketError::TimedOut(patience)),
                other => other?,
            };
            if wanted(&heard) {
                return Ok(heard);
            }
        }
    }

    /// Leaves with a close frame.
    pub async fn close(mut self) {
        // The peer may be gone already; there is nothing left to lose.
        let _gone = self.stream.close(None).await;
    }

    async fn send(&mut self, frame: Bytes) -> Result<(), SocketError> {
        let message = if self.encoding.is_binary() {
            Message::Binary(frame)
        } else {
            Message::Text(frame.try_into().map_err(|_error| SocketError::Unreadable("not UTF-8".to_owned()))?)
        };
        Ok(self.stream.send(message).await?)
    }

    async fn pong(&mut self) -> Result<(), SocketError> {
        if self.answer_pings { self.send(codec::encode_empty(self.encoding)).await } else { Ok(()) }
    }

    async fn read(
        &mut self,
        deadline: Instant,
        patience: Duration,
    ) -> Result<Vec<ServerMessage>, SocketError> {
        loop {
            let message = timeout_at(deadline, self.stream.next())
                .await
                .map_err(|_elapsed| SocketError::TimedOut(patience))?;
            let bytes = match message {
                None => {
                    return Err(SocketError::Closed {
                        code: 1006,
                        reason: "the connection broke".to_owned(),
                    });
                }
                Some(Ok(Message::Text(text))) => Bytes::from(text),
                Some(Ok(Message::Binary(bytes))) => bytes,
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = frame
                        .map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
                    return Err(SocketError::Closed { code, reason });
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(error.into()),
            };
            return codec::decode_replies(self.encoding, &bytes)
                .into_iter()
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| SocketError::Unreadable(error.to_string()));
        }
    }

    fn begin(&mut self, channel: &str, result: SubscribeResult) -> Subscribed {
        let position = Position { offset: result.offset, epoch: result.epoch };
        self.positions.insert(channel.to_owned(), position.clone());
        Subscribed {
            recovered: result.recovered,
            data: value(&result.data),
            missed: result.publications.into_iter().map(|publication| heard(channel, publication)).collect(),
            position,
        }
    }

    fn take(&mut self, channel: String, body: PushBody) {
        match body {
            PushBody::Publication(publication) => {
                if publication.offset > 0
                    && let Some(position) = self.positions.get_mut(&channel)
                {
                    position.offset = publication.offset;
                }
                self.heard.push_back(heard(&channel, publication));
            }
            PushBody::Unsubscribe(push) => {
                self.positions.remove(&channel);
                let data = serde_json::json!({"type": "unsubscribed", "data": {"code": push.code}});
                self.heard.push_back(Heard { channel, offset: 0, data });
            }
            PushBody::Join(_)
            | PushBody::Leave(_)
            | PushBody::Subscribe(_)
            | PushBody::Message(_)
            | PushBody::Disconnect(_) => {}
        }
    }
}

fn subscribe_request(channel: String, recover: Option<&Position>) -> SubscribeRequest {
    let mut request = SubscribeRequest { channel, ..SubscribeRequest::default() };
    if let Some(position) = recover {
        request.recover = true;
        request.offset = position.offset;
        request.epoch.clone_from(&position.epoch);
    }
    request
}

fn heard(channel: &str, publication: Publication) -> Heard {
    Heard { channel: channel.to_owned(), offset: publication.offset, data: value(&publication.data) }
}

fn value(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or(Value::Null)
}
