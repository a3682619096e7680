//! One light socket: small buffers, no TLS, every step bounded in time.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use protocol::codec::{self, Encoding};
use protocol::frame::{Command, Request};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::decode::{Decoder, Incoming};

/// How long opening, one write, or the answer to a command may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A hub's door.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    /// `ws://…/connection/websocket`.
    pub(crate) url: String,
    /// What its host is.
    pub(crate) address: SocketAddr,
}

/// Why a connection is over, or never was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// The server closed it.
    #[error("closed with {code} {reason}")]
    Closed {
        /// 1005 for none.
        code: u16,
        /// Its words.
        reason: String,
    },
    /// The upgrade was answered with another HTTP status than 101.
    #[error("the upgrade was answered with HTTP {0}")]
    NotUpgraded(u16),
    /// A command that the connection cannot do without was refused.
    #[error("{command} answered {code} {message}")]
    Refused {
        /// `connect` or `subscribe`.
        command: &'static str,
        /// The error's number.
        code: u32,
        /// Its words.
        message: String,
        /// May it succeed later?
        temporary: bool,
    },
    /// Nothing came in time.
    #[error("no {0} in time")]
    TimedOut(&'static str),
    /// It broke without a close frame.
    #[error("the connection broke")]
    Lost,
    /// No connection could be made.
    #[error("cannot connect: {0}")]
    Unreachable(std::io::ErrorKind),
    /// The server sent what cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

impl Broken {
    /// Is there no use in coming back?
    pub(crate) const fn is_final(&self) -> bool {
        match self {
            Self::Closed { code, .. } => matches!(code, 3500..=3999 | 4500..=4999),
            Self::NotUpgraded(status) => !matches!(status, 429 | 500..=599),
            Self::Refused { temporary, .. } => !*temporary,
            Self::Unreadable(_) => true,
            Self::TimedOut(_) | Self::Lost | Self::Unreachable(_) => false,
        }
    }

    /// Do the server's limits cause it?
    pub(crate) const fn is_limit(&self) -> bool {
        match self {
            Self::Closed { code, .. } => matches!(code, 3013 | 3504),
            Self::NotUpgraded(status) => *status == 429,
            Self::Refused { code, .. } => is_limit(*code),
            Self::TimedOut(_) | Self::Lost | Self::Unreachable(_) | Self::Unreadable(_) => false,
        }
    }
}

/// Is the error of a reply one of the server's limits: the protocol's 106 and 111, `rate_limited`, `rooms.slow_mode`?
pub(crate) const fn is_limit(code: u32) -> bool {
    matches!(code, 106 | 111 | 1007 | 1303)
}

/// One connection. Dropping it breaks it.
pub(crate) struct Wire {
    stream: WebSocketStream<TcpStream>,
    encoding: Encoding,
    decoder: Decoder,
    next_id: u32,
}

impl Wire {
    /// Opens a connection to a hub. Connections to loopback start from 16 different addresses, so that the ports of one
    /// are no bound.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) async fn open(hub: &Hub, index: u32, encoding: Encoding) -> Result<Self, Broken> {
        let opening = Box::pin(Self::open_patiently(hub, index, encoding));
        timeout(PATIENCE, opening).await.unwrap_or(Err(Broken::TimedOut("handshake")))
    }

    async fn open_patiently(hub: &Hub, index: u32, encoding: Encoding) -> Result<Self, Broken> {
        let stream = connect(hub.address, index).await.map_err(|error| Broken::Unreachable(error.kind()))?;
        let mut request = hub.url.as_str().into_client_request().map_err(broken)?;
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", HeaderValue::from_static(encoding.subprotocol()));
        let config = WebSocketConfig::default()
            .read_buffer_size(4 * 1024)
            .write_buffer_size(0)
            .max_write_buffer_size(256 * 1024);
        let (stream, _response) =
            client_async_with_config(request, stream, Some(config)).await.map_err(broken)?;
        Ok(Self { stream, encoding, decoder: Decoder::new(encoding), next_id: 1 })
    }

    /// Sends a command; gives its id.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) async fn send(&mut self, request: Request) -> Result<u32, Broken> {
        let id = self.next_id;
        self.next_id += 1;
        let frame = codec::encode_command(self.encoding, &Command { id, request })
            .map_err(|error| Broken::Unreadable(error.to_string()))?;
        self.write(frame).await?;
        Ok(id)
    }

    /// Answers the server's ping.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) async fn pong(&mut self) -> Result<(), Broken> {
        self.write(codec::encode_empty(self.encoding)).await
    }

    async fn write(&mut self, frame: Bytes) -> Result<(), Broken> {
        let message = if self.encoding.is_binary() {
            Message::Binary(frame)
        } else {
            Message::Text(frame.try_into().map_err(|_error| Broken::Unreadable("not UTF-8".to_owned()))?)
        };
        match timeout(PATIENCE, self.stream.send(message)).await {
            Ok(sent) => sent.map_err(broken),
            Err(_elapsed) => Err(Broken::TimedOut("room to write")),
        }
    }

    /// The messages of the next frame. Cancelling it loses nothing.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) async fn next(&mut self) -> Result<Arc<[Incoming]>, Broken> {
        let frame = self.next_frame().await?;
        self.decoder.decode(&frame).map_err(|error| Broken::Unreadable(error.to_string()))
    }

    /// The next frame as it came, for those who read more of it than the ledger needs. Cancelling it loses nothing.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) async fn next_frame(&mut self) -> Result<Bytes, Broken> {
        loop {
            match self.stream.next().await {
                None => return Err(Broken::Lost),
                Some(Ok(Message::Text(text))) => return Ok(Bytes::from(text)),
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = frame
                        .map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
                    return Err(Broken::Closed { code, reason });
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(broken(error)),
            }
        }
    }

    /// Leaves politely, within half a second.
    pub(crate) async fn close(mut self) {
        // The peer may be gone already; there is nothing left to lose.
        let _gone = timeout(Duration::from_millis(500), self.stream.close(None)).await;
    }
}

async fn connect(address: SocketAddr, index: u32) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        let last = u8::try_from(index % 16).unwrap_or_default() + 1;
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn broken(error: Error) -> Broken {
    match error {
        Error::Http(response) => Broken::NotUpgraded(response.status().as_u16()),
        Error::Io(error) => match error.kind() {
            kind @ (std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::AddrNotAvailable) => {
                Broken::Unreachable(kind)
            }
            _ => Broken::Lost,
        },
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_) => Broken::Lost,
        other => Broken::Unreadable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::Broken;

    #[test]
    fn the_numbers_say_whether_to_come_back() {
        let closed = |code| Broken::Closed { code, reason: String::new() };
        for code in [1005, 1006, 3001, 3008, 3010, 3012, 3013, 4000] {
            assert!(!closed(code).is_final(), "{code}");
        }
        for code in [3500, 3501, 3504, 4501, 4503] {
            assert!(closed(code).is_final(), "{code}");
        }
        assert!(!Broken::NotUpgraded(503).is_final() && Broken::NotUpgraded(404).is_final());
        assert!(closed(3504).is_limit() && closed(3013).is_limit() && !closed(3008).is_limit());
    }
}
