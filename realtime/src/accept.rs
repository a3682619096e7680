//! The front door: accepts sockets, answers upgrade requests, turns away what is too much or not ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use protocol::codec::Encoding;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::{
    AUTHORIZATION, HeaderValue, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL,
};
use tokio_tungstenite::tungstenite::http::{HeaderMap, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::connection::Connection;
use crate::connection::stream::WireStream;
use crate::hub::Hub;
use crate::metrics;

/// The only path (realtime.md §1).
const PATH: &str = "/connection/websocket";
/// The upgrade request has to be here by then.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Sockets beyond the limit that are still told why; more are dropped without a word.
const TOLD_BEYOND_LIMIT: usize = 512;
/// Connections that the kernel holds until we accept them: a wave of reconnects comes at once.
const BACKLOG: u32 = 4_096;
/// Bytes that the kernel may hold for one socket (it doubles the number for its own accounts). Left to itself it takes up
/// to 4 MiB for a peer that does not read, which no bound of ours would know of; the queue is where waiting is counted.
const SEND_BUFFER: u32 = 256 * 1024;
/// No reply is larger.
const LARGEST_REPLY: usize = 16 * 1024 * 1024;
/// After the system refused us a socket (too many open files): before the next try.
const PAUSE: Duration = Duration::from_millis(50);

/// Opens the listening socket.
pub(crate) fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// New connections a second (token bucket of one second's worth).
struct Rate {
    rate: f64,
    tokens: f64,
    at: Instant,
}

impl Rate {
    fn new(rate: u32) -> Self {
        Self { rate: f64::from(rate), tokens: f64::from(rate), at: Instant::now() }
    }

    fn take(&mut self) -> bool {
        if self.rate == 0.0 {
            return true;
        }
        let now = Instant::now();
        self.tokens =
            (self.tokens + now.duration_since(self.at).as_secs_f64() * self.rate).min(self.rate.max(1.0));
        self.at = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

/// Accepts sockets until the hub drains.
pub(crate) async fn run(
    hub: Arc<Hub>,
    listener: TcpListener,
    accepting: tokio_util::sync::CancellationToken,
) {
    let mut rate = Rate::new(hub.settings.accept_rate);
    loop {
        let accepted = tokio::select! {
            () = accepting.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _address)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a socket could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let limit = hub.settings.max_connections;
        let here = hub.sockets.len();
        let refusal = if limit > 0 && here >= limit {
            if here >= limit.saturating_add(TOLD_BEYOND_LIMIT) {
                metrics::handshake(0);
                continue;
            }
            Some("This node has as many connections as it takes; try again.")
        } else if rate.take() {
            None
        } else {
            Some("Too many connections at once; try again.")
        };
        let hub = Arc::clone(&hub);
        hub.clone().sockets.spawn(async move {
            if let Some(connection) = Box::pin(shake_hands(&hub, stream, refusal)).await {
                // A task of its own: this one has the size of a handshake.
                hub.sockets.spawn(connection);
            }
        });
    }
}

/// The handshake; `None`: it came to nothing.
async fn shake_hands(hub: &Arc<Hub>, stream: TcpStream, refusal: Option<&'static str>) -> Option<Connection> {
    // Nagle's algorithm would hold small frames back; without it every write goes out.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a socket was gone before it began");
        return None;
    }
    let mut greeting = Greeting { encoding: Encoding::Json, bearer: None };
    let callback = Gatekeeper { hub, refusal, greeting: &mut greeting };
    let config = buffers(hub.settings.max_frame_bytes, hub.settings.max_queue_bytes);
    let stream = WireStream::new(stream);
    let handshake = tokio_tungstenite::accept_hdr_async_with_config(stream, callback, Some(config));
    match tokio::time::timeout(HANDSHAKE, handshake).await {
        Ok(Ok(socket)) => {
            metrics::handshake(101);
            let connection = Connection::new(hub, socket, greeting.encoding, greeting.bearer);
            if hub.draining.load(Ordering::Acquire) {
                connection.shut_down();
            }
            Some(connection)
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "an upgrade request came to nothing");
            None
        }
        Err(_elapsed) => {
            metrics::handshake(408);
            None
        }
    }
}

/// Buffers for many small streams (realtime.md §7), not the library's 128 KiB for few large ones.
fn buffers(max_frame_bytes: usize, max_queue_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        // Every idle socket has one of these; a `connect` fits, and a larger frame makes it grow for a while.
        .read_buffer_size(1024)
        // Grows when needed: small frames of one turn are gathered up to this before the kernel gets them.
        .write_buffer_size(4 * 1024)
        // The writer feeds one frame at a time, so this bounds one reply; a recovery is bounded far below it.
        .max_write_buffer_size(max_queue_bytes.saturating_mul(2).max(LARGEST_REPLY))
        .max_message_size(Some(max_frame_bytes))
        .max_frame_size(Some(max_frame_bytes))
}

/// What the upgrade request said.
struct Greeting {
    encoding: Encoding,
    bearer: Option<Box<str>>,
}

/// Looks at the upgrade request.
struct Gatekeeper<'a> {
    hub: &'a Hub,
    refusal: Option<&'static str>,
    greeting: &'a mut Greeting,
}

impl Callback for Gatekeeper<'_> {
    fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        if request.uri().path() != PATH {
            return Err(refuse(StatusCode::NOT_FOUND, "The socket is at /connection/websocket."));
        }
        if self.hub.draining.load(Ordering::Acquire) {
            return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "This node is about to end."));
        }
        if let Some(reason) = self.refusal {
            return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, reason));
        }
        if request.uri().query().is_some_and(names_a_token) {
            let reason =
                "A token does not belong into the address: send it in `connect` or as Authorization.";
            return Err(refuse(StatusCode::BAD_REQUEST, reason));
        }
        if let Some(origin) = request.headers().get(ORIGIN)
            && !is_allowed(origin, &self.hub.settings.allowed_origins)
        {
            return Err(refuse(StatusCode::FORBIDDEN, "This origin is not allowed (MAJLIS_SOCKET_ORIGINS)."));
        }
        match choose(request.headers()) {
            Ok(None) => {}
            Ok(Some(encoding)) => {
                self.greeting.encoding = encoding;
                let name = HeaderValue::from_static(encoding.subprotocol());
                response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, name);
            }
            Err(()) => {
                let reason = "Offer centrifuge-json, centrifuge-protobuf or majlis-msgpack.";
                return Err(refuse(StatusCode::BAD_REQUEST, reason));
            }
        }
        self.greeting.bearer = bearer(request.headers());
        Ok(response)
    }
}

fn refuse(status: StatusCode, reason: &str) -> ErrorResponse {
    metrics::handshake(status.as_u16());
    let mut response = ErrorResponse::new(Some(format!("{reason}\n")));
    *response.status_mut() = status;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        // Between one and three seconds, so that those turned away together do not come back together.
        let seconds = HeaderValue::from(rand::random_range(1_u16..=3));
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

/// The first subprotocol offered that we speak; none offered: JSON without naming it.
fn choose(headers: &HeaderMap) -> Result<Option<Encoding>, ()> {
    let mut offered = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .peekable();
    if offered.peek().is_none() {
        return Ok(None);
    }
    offered.find_map(|name| Encoding::from_subprotocol(Some(name))).map(Some).ok_or(())
}

fn bearer(headers: &HeaderMap) -> Option<Box<str>> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.into())
}

/// Addresses are logged by every proxy on the way.
fn names_a_token(query: &str) -> bool {
    query.split('&').filter_map(|pair| pair.split('=').next()).any(|name| {
        ["token", "jwt", "authorization"].iter().any(|word| name.to_ascii_lowercase().contains(word))
    })
}

fn is_allowed(origin: &HeaderValue, allowed: &[String]) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    allowed.iter().any(|one| one == "*" || one.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use protocol::codec::Encoding;
    use tokio_tungstenite::tungstenite::http::HeaderMap;
    use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderValue, SEC_WEBSOCKET_PROTOCOL};

    use super::{Rate, bearer, choose, is_allowed, names_a_token};

    fn offering(names: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(names))])
    }

    #[test]
    fn the_first_known_subprotocol_is_taken() {
        assert_eq!(choose(&HeaderMap::new()), Ok(None));
        assert_eq!(
            choose(&offering("graphql-ws, centrifuge-protobuf,majlis-msgpack")),
            Ok(Some(Encoding::Protobuf))
        );
        assert_eq!(choose(&offering("majlis-msgpack")), Ok(Some(Encoding::MessagePack)));
        assert_eq!(choose(&offering("graphql-ws")), Err(()));
    }

    #[test]
    fn origins_and_tokens() {
        let allowed = ["https://a.example".to_owned(), "https://b.example/".to_owned()];
        assert!(is_allowed(&HeaderValue::from_static("https://A.example"), &allowed));
        assert!(is_allowed(&HeaderValue::from_static("https://b.example"), &allowed));
        assert!(!is_allowed(&HeaderValue::from_static("https://a.example.evil"), &allowed));
        assert!(!is_allowed(&HeaderValue::from_static("null"), &[]));
        assert!(is_allowed(&HeaderValue::from_static("null"), &["*".to_owned()]));
        assert!(names_a_token("a=1&Access_Token=x") && !names_a_token("a=token"));
        let with = |value| HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
        assert_eq!(bearer(&with("bearer  x.y ")).as_deref(), Some("x.y"));
        assert_eq!(bearer(&with("Basic x")), None);
    }

    #[test]
    fn the_rate_has_a_burst_of_one_second() {
        let mut rate = Rate::new(3);
        assert_eq!([(); 5].map(|()| rate.take()), [true, true, true, false, false]);
        assert!([(); 5].map(|()| Rate::new(0).take()).iter().all(|taken| *taken));
    }
}
