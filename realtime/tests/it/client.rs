//! A client that does nothing by itself, so that a test sees every frame; it can also misbehave.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use protocol::codec::{self, Encoding};
use protocol::frame::{
    Answer, Command, ConnectRequest, ConnectResult, ErrorReply, Publication, Push, PushBody, Reply, Request,
    RpcRequest, ServerMessage, SubscribeRequest, SubscribeResult,
};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Everything in a test happens sooner, or it does not happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) encoding: Encoding,
    next_id: u32,
    /// Read and not asked for yet.
    messages: VecDeque<ServerMessage>,
    /// Pings are answered.
    pub(crate) polite: bool,
}

/// How a connection ended: the close code, 1006 without one.
pub(crate) type Closed = u16;

fn push_of(message: ServerMessage) -> Push {
    match message {
        ServerMessage::Push(push) => push,
        other => panic!("{other:?}"),
    }
}

impl Client {
    pub(crate) async fn open(url: &str, encoding: Encoding) -> Self {
        Self::open_with(url, encoding, &[]).await.unwrap()
    }

    /// Opens with further headers.
    pub(crate) async fn open_with(
        url: &str,
        encoding: Encoding,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let mut request = url.into_client_request()?;
        let subprotocol = HeaderValue::from_static(encoding.subprotocol());
        request.headers_mut().insert("sec-websocket-protocol", subprotocol);
        for (name, value) in headers {
            request.headers_mut().insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        let (socket, response) = tokio_tungstenite::connect_async(request).await?;
        assert_eq!(response.headers()["sec-websocket-protocol"], encoding.subprotocol());
        Ok(Self::over(socket, encoding))
    }

    /// A client on a socket after its handshake.
    pub(crate) fn over(socket: WebSocketStream<MaybeTlsStream<TcpStream>>, encoding: Encoding) -> Self {
        Self { socket, encoding, next_id: 1, messages: VecDeque::new(), polite: true }
    }

    pub(crate) async fn send(&mut self, id: u32, request: Request) {
        let bytes = codec::encode_command(self.encoding, &Command { id, request }).unwrap();
        self.send_bytes(bytes).await;
    }

    /// One frame of the connection's kind with any content.
    pub(crate) async fn send_bytes(&mut self, bytes: Bytes) {
        let message = if self.encoding.is_binary() {
            Message::Binary(bytes)
        } else {
            Message::Text(bytes.try_into().unwrap())
        };
        self.socket.send(message).await.unwrap();
    }

    /// A text frame, to a socket that may be closed already.
    pub(crate) async fn try_send_text(&mut self, text: String) -> Result<(), tungstenite::Error> {
        self.socket.send(Message::Text(text.into())).await
    }

    /// The next message of the server but pings; `Err`: closed.
    pub(crate) async fn next(&mut self) -> Result<ServerMessage, Closed> {
        tokio::time::timeout(PATIENCE, self.next_unlimited()).await.expect("the server says nothing")
    }

    async fn next_unlimited(&mut self) -> Result<ServerMessage, Closed> {
        loop {
            while let Some(message) = self.messages.pop_front() {
                if message != ServerMessage::Ping {
                    return Ok(message);
                }
                if self.polite {
                    self.send_bytes(codec::encode_empty(self.encoding)).await;
                }
            }
            self.read().await?;
        }
    }

    /// Waits for one frame.
    async fn read(&mut self) -> Result<(), Closed> {
        let bytes = match self.socket.next().await {
            None | Some(Err(_)) => return Err(1006),
            Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
            Some(Ok(message)) => {
                assert_eq!(message.is_binary(), self.encoding.is_binary(), "{message:?}");
                message.into_data()
            }
        };
        for message in codec::decode_replies(self.encoding, &bytes) {
            self.messages.push_back(message.unwrap());
        }
        Ok(())
    }

    /// Whether the server pings within a time.
    pub(crate) async fn is_pinged_within(&mut self, time: Duration) -> bool {
        let ping = async {
            loop {
                if self.messages.pop_front() == Some(ServerMessage::Ping) {
                    return;
                }
                self.read().await.unwrap();
            }
        };
        tokio::time::timeout(time, ping).await.is_ok()
    }

    /// Sends a command and gives its reply; pushes stay for later.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<Result<Answer, ErrorReply>, Closed> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(id, request).await;
        let mut pushes = VecDeque::new();
        let outcome = loop {
            match self.next().await? {
                ServerMessage::Reply(Reply { id: answered, outcome }) if answered == id => break outcome,
                other => pushes.push_back(other),
            }
        };
        pushes.append(&mut self.messages);
        self.messages = pushes;
        Ok(outcome)
    }

    pub(crate) async fn connect(&mut self, request: ConnectRequest) -> ConnectResult {
        match self.ask(Request::Connect(request)).await.unwrap() {
            Ok(Answer::Connect(result)) => result,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn connect_with(&mut self, token: &str) -> ConnectResult {
        self.connect(ConnectRequest { token: token.to_owned(), ..ConnectRequest::default() }).await
    }

    pub(crate) async fn subscribe(
        &mut self,
        request: SubscribeRequest,
    ) -> Result<SubscribeResult, ErrorReply> {
        match self.ask(Request::Subscribe(request)).await.unwrap()? {
            Answer::Subscribe(result) => Ok(result),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn subscribe_to(&mut self, channel: &str) -> Result<SubscribeResult, ErrorReply> {
        self.subscribe(SubscribeRequest { channel: channel.to_owned(), ..SubscribeRequest::default() }).await
    }

    pub(crate) async fn rpc(&mut self, method: &str, data: &Value) -> Result<Value, ErrorReply> {
        let request = RpcRequest { method: method.to_owned(), data: Bytes::from(data.to_string()) };
        match self.ask(Request::Rpc(request)).await.unwrap()? {
            Answer::Rpc(result) => Ok(json(&result.data)),
            other => panic!("{other:?}"),
        }
    }

    /// The next push.
    pub(crate) async fn push(&mut self) -> Result<Push, Closed> {
        Ok(push_of(self.next().await?))
    }

    /// The next push, however late it comes: for whoever listens for a time of its own.
    pub(crate) async fn push_unlimited(&mut self) -> Result<Push, Closed> {
        Ok(push_of(self.next_unlimited().await?))
    }

    /// The next event of a channel, letting others go by, and how many listen, which comes when it will.
    pub(crate) async fn event(&mut self, channel: &str) -> (u64, Value) {
        loop {
            let push = self.push().await.unwrap();
            if let (PushBody::Publication(publication), true) = (push.body, push.channel == channel) {
                let event = event_of(&publication);
                if event.1["type"] != "room.viewers" {
                    return event;
                }
            }
        }
    }

    /// Waits for the close; whatever else comes is let go by.
    pub(crate) async fn closed(&mut self) -> Closed {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// Nothing but pings comes for a time.
    pub(crate) async fn hears_nothing_for(&mut self, time: Duration) {
        if let Ok(heard) = tokio::time::timeout(time, self.next_unlimited()).await {
            panic!("heard {heard:?}");
        }
    }

    pub(crate) async fn close(mut self) {
        self.socket.close(None).await.unwrap();
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}

pub(crate) fn event_of(publication: &Publication) -> (u64, Value) {
    (publication.offset, json(&publication.data))
}

pub(crate) fn json(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap()
}

/// From a position.
pub(crate) fn recovering(channel: &str, epoch: &str, offset: u64) -> SubscribeRequest {
    SubscribeRequest {
        channel: channel.to_owned(),
        recover: true,
        epoch: epoch.to_owned(),
        offset,
        ..SubscribeRequest::default()
    }
}
