//! One light socket, driven step by step.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use protocol::codec::{self, Encoding};
use protocol::frame::{
    Answer, Command, ConnectRequest, ErrorReply, Reply, Request, ServerMessage, SubscribeRequest,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Where a client is in a channel's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) offset: u64,
    pub(super) epoch: String,
}

/// Why a connection is over, or never was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// With this close code; 1005 for none.
    Closed(u16),
    /// The upgrade was answered with another status than 101.
    NotUpgraded(u16),
    /// A command that it cannot do without was refused.
    Refused(ErrorReply),
    /// Nothing came in time.
    Silent(&'static str),
    /// It could not be made, or broke without a close frame.
    Lost,
    /// The server sent what cannot be read.
    Unreadable(String),
}

impl Broken {
    /// Would an SDK stay away?
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Closed(code) => matches!(code, 3500..=3999 | 4500..=4999),
            Self::NotUpgraded(status) => !matches!(status, 429 | 500..=599),
            Self::Refused(error) => !error.temporary,
            Self::Unreadable(_) => true,
            Self::Silent(_) | Self::Lost => false,
        }
    }
}

/// One connection. Dropping it breaks it.
pub(super) struct Wire {
    stream: WebSocketStream<TcpStream>,
    encoding: Encoding,
    next_id: u32,
}

/// How long the handshake or one write may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Wire {
    /// Opens a connection, waiting at most `patience`.
    pub(super) async fn open(
        address: SocketAddr,
        encoding: Encoding,
        patience: Duration,
    ) -> Result<Self, Broken> {
        let opening = Box::pin(async {
            let stream = TcpStream::connect(address).await.map_err(|_error| Broken::Lost)?;
            stream.set_nodelay(true).map_err(|_error| Broken::Lost)?;
            let mut request =
                format!("ws://{address}/connection/websocket").into_client_request().map_err(broken)?;
            let subprotocol = HeaderValue::from_static(encoding.subprotocol());
            request.headers_mut().insert("Sec-WebSocket-Protocol", subprotocol);
            let config = WebSocketConfig::default().read_buffer_size(4 * 1024).write_buffer_size(0);
            let (stream, _response) =
                client_async_with_config(request, stream, Some(config)).await.map_err(broken)?;
            Ok(Self { stream, encoding, next_id: 1 })
        });
        timeout(patience, opening).await.unwrap_or(Err(Broken::Silent("handshake")))
    }

    /// Sends a command; gives its id.
    pub(super) async fn send(&mut self, request: Request) -> Result<u32, Broken> {
        let id = self.next_id;
        self.next_id += 1;
        let frame = codec::encode_command(self.encoding, &Command { id, request }).unwrap();
        self.write(frame).await?;
        Ok(id)
    }

    /// Sends `connect`, with the position from which `user:` shall go on.
    pub(super) async fn send_connect(
        &mut self,
        token: &str,
        personal: Option<(&str, &Position)>,
    ) -> Result<u32, Broken> {
        let subs = personal
            .map(|(channel, position)| (channel.to_owned(), subscription(String::new(), Some(position))))
            .into_iter()
            .collect();
        let request = ConnectRequest { token: token.to_owned(), subs, ..ConnectRequest::default() };
        self.send(Request::Connect(request)).await
    }

    /// Sends `subscribe`.
    pub(super) async fn send_subscribe(
        &mut self,
        channel: &str,
        position: Option<&Position>,
    ) -> Result<u32, Broken> {
        self.send(Request::Subscribe(subscription(channel.to_owned(), position))).await
    }

    /// Answers the server's ping.
    pub(super) async fn pong(&mut self) -> Result<(), Broken> {
        self.write(codec::encode_empty(self.encoding)).await
    }

    async fn write(&mut self, frame: Bytes) -> Result<(), Broken> {
        let message = if self.encoding.is_binary() {
            Message::Binary(frame)
        } else {
            Message::Text(frame.try_into().unwrap())
        };
        match timeout(PATIENCE, self.stream.send(message)).await {
            Ok(sent) => sent.map_err(broken),
            Err(_elapsed) => Err(Broken::Silent("room to write")),
        }
    }

    /// The messages of the next frame. Cancelling it loses nothing.
    pub(super) async fn next(&mut self) -> Result<Vec<ServerMessage>, Broken> {
        loop {
            let frame = match self.stream.next().await {
                None => return Err(Broken::Lost),
                Some(Ok(Message::Text(text))) => Bytes::from(text),
                Some(Ok(Message::Binary(bytes))) => bytes,
                Some(Ok(Message::Close(frame))) => {
                    return Err(Broken::Closed(frame.map_or(1005, |frame| frame.code.into())));
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(broken(error)),
            };
            return codec::decode_replies(self.encoding, &frame)
                .into_iter()
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| Broken::Unreadable(error.to_string()));
        }
    }

    /// Waits for the answer to a command. What else comes is put into `meanwhile`; pings are answered.
    pub(super) async fn answer(
        &mut self,
        id: u32,
        patience: Duration,
        meanwhile: &mut Vec<ServerMessage>,
    ) -> Result<Answer, Broken> {
        let waiting = Box::pin(async {
            let mut found = None;
            loop {
                for message in self.next().await? {
                    match message {
                        ServerMessage::Reply(Reply { id: answered, outcome }) if answered == id => {
                            found = Some(outcome.map_err(Broken::Refused));
                        }
                        ServerMessage::Ping => self.pong().await?,
                        other => meanwhile.push(other),
                    }
                }
                if let Some(found) = found {
                    return found;
                }
            }
        });
        timeout(patience, waiting).await.unwrap_or(Err(Broken::Silent("answer")))
    }

    /// Breaks it at once and rudely: the peer gets a reset.
    pub(super) fn cut(self) {
        // A peer that is gone already needs none.
        let _reset = self.stream.get_ref().set_zero_linger();
    }
}

fn subscription(channel: String, position: Option<&Position>) -> SubscribeRequest {
    let mut request = SubscribeRequest { channel, ..SubscribeRequest::default() };
    if let Some(position) = position {
        request.recover = true;
        request.offset = position.offset;
        request.epoch.clone_from(&position.epoch);
    }
    request
}

fn broken(error: Error) -> Broken {
    match error {
        Error::Http(response) => Broken::NotUpgraded(response.status().as_u16()),
        Error::Io(_) | Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_) => Broken::Lost,
        other => Broken::Unreadable(other.to_string()),
    }
}
