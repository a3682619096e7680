//! The handshake, `connect`, `refresh` (realtime.md §1, §2).

use std::time::Duration;

use protocol::codec::Encoding;
use protocol::frame::{Answer, ConnectRequest, RefreshRequest, Request, RpcRequest, SubscribeRequest};
use protocol::users::CreateToken;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Error;

use serde_json::json;

use crate::client::{self, Client};
use crate::stand::{PASSWORD, Stand};

#[tokio::test(flavor = "multi_thread")]
async fn connect_tells_who_one_is_and_subscribes_the_own_channel_in_every_encoding() {
    let stand = Stand::with(1, |_| {}).await;
    let user = stand.user("amal").await;
    for encoding in Encoding::ALL {
        let mut client = Client::open(&stand.nodes[0].url(), encoding).await;
        let result = client.connect_with(&stand.token(user).await).await;
        assert_eq!(uuid::Uuid::parse_str(&result.client).unwrap().get_version_num(), 4);
        assert!(result.version.starts_with("majlis ") && result.pong && result.expires);
        assert!((590..=600).contains(&result.ttl) && result.ping == 25, "{result:?}");
        assert_eq!(result.node, stand.app().bus.node_id());
        let data = client::json(&result.data);
        assert_eq!((&data["user"]["id"], &data["user"]["username"]), (&user.into(), &"amal".into()));
        assert_eq!(data["unread_total"], 0);
        let own = &result.subs[&format!("user:{user}")];
        assert!(own.recoverable && own.positioned && !own.epoch.is_empty() && !own.was_recovering);
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrade_requests_are_looked_at() {
    let stand = Stand::with(1, |settings| {
        settings.socket.allowed_origins = vec!["https://app.example".to_owned()];
    })
    .await;
    let user = stand.user("amal").await;
    let url = stand.nodes[0].url();
    let status = async |url: &str, headers: &[(&'static str, &str)]| match Client::open_with(
        url,
        Encoding::Json,
        headers,
    )
    .await
    {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(status(&url, &[]).await, 101);
    assert_eq!(status(&url, &[("origin", "https://app.example")]).await, 101);
    assert_eq!(status(&url, &[("origin", "https://evil.example")]).await, 403);
    assert_eq!(status(&url.replace("/connection/websocket", "/elsewhere"), &[]).await, 404);
    assert_eq!(status(&format!("{url}?token=x"), &[]).await, 400);

    // The token of the upgrade request serves a `connect` without one.
    let bearer = format!("Bearer {}", stand.token(user).await);
    let mut client = Client::open_with(&url, Encoding::Json, &[("authorization", &bearer)]).await.unwrap();
    let result = client.connect(ConnectRequest::default()).await;
    assert_eq!(client::json(&result.data)["user"]["id"], user);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_limit_is_503_with_retry_after() {
    let stand = Stand::with(1, |settings| settings.socket.max_connections = 2).await;
    let url = stand.nodes[0].url();
    let _one = Client::open(&url, Encoding::Json).await;
    let two = Client::open(&url, Encoding::Json).await;
    let Err(Error::Http(response)) = Client::open_with(&url, Encoding::Json, &[]).await else {
        panic!("a third one was let in")
    };
    assert_eq!(response.status().as_u16(), 503);
    assert!(response.headers().contains_key("retry-after"));
    two.close().await;
    Stand::eventually(async || Client::open_with(&url, Encoding::Json, &[]).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connect_in_time_is_3502() {
    let stand = Stand::with(1, |settings| settings.socket.connect_timeout = Duration::from_millis(300)).await;
    let mut client = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
    assert_eq!(client.closed().await, 3502);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_tokens() {
    let stand = Stand::with(1, |_| {}).await;
    let user = stand.user("amal").await;
    let url = stand.nodes[0].url();
    let connect = |token: &str| {
        Request::Connect(ConnectRequest { token: token.to_owned(), ..ConnectRequest::default() })
    };
    // Expired: the client may fetch a new one and try again on the same socket.
    let mut client = Client::open(&url, Encoding::Json).await;
    let expired = stand.token_for(user, Duration::from_secs(1)).await;
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let error = client.ask(connect(&expired)).await.unwrap().unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (109, "token expired"));
    client.connect_with(&stand.token(user).await).await;

    for token in ["", "nonsense", "a.b.c", "1|nothing"] {
        let mut client = Client::open(&url, Encoding::Json).await;
        assert_eq!(client.ask(connect(token)).await, Err(3500), "{token}");
    }
    // Without the ability `realtime`.
    let actor = domain::Actor::on_behalf_of(user);
    let input = json!({"name": "app", "password": PASSWORD, "abilities": ["read"]});
    let input: CreateToken = serde_json::from_value(input).unwrap();
    let token = domain::users::create_token(stand.app(), &actor, input).await.unwrap();
    let mut client = Client::open(&url, Encoding::Json).await;
    assert_eq!(client.ask(connect(&token.token)).await.unwrap().unwrap_err().code, 103);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_connect_nothing_else_and_connect_only_once() {
    let stand = Stand::with(1, |_| {}).await;
    let user = stand.user("amal").await;
    let mut client = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
    let request = Request::Rpc(RpcRequest { method: "presence.query".to_owned(), ..RpcRequest::default() });
    assert_eq!(client.ask(request).await.unwrap().unwrap_err().code, 101);
    assert_eq!(client.closed().await, 3501);

    let mut client = stand.client(0, user).await;
    let again = ConnectRequest { token: stand.token(user).await, ..ConnectRequest::default() };
    assert_eq!(client.ask(Request::Connect(again)).await.unwrap().unwrap_err().code, 107);
    assert_eq!(client.closed().await, 3501);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_prolongs_and_without_one_the_grace_ends_with_3005() {
    let stand = Stand::with(1, |settings| settings.socket.expiry_grace = Duration::from_millis(200)).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let short = Duration::from_secs(2);
    let refresh = |token: String| Request::Refresh(RefreshRequest { token });
    let open = async || {
        let mut client = Client::open(&stand.nodes[0].url(), Encoding::Protobuf).await;
        client.connect_with(&stand.token_for(amal, short).await).await;
        client
    };
    let (mut ended, mut prolonged, mut other) = (open().await, open().await, open().await);
    let Ok(Answer::Refresh(result)) = prolonged.ask(refresh(stand.token(amal).await)).await.unwrap() else {
        panic!("not refreshed")
    };
    assert!(result.expires && result.ttl > 500);
    assert_eq!(other.ask(refresh(stand.token(badr).await)).await, Err(3500), "another user's token");
    assert_eq!(ended.closed().await, 3005);
    prolonged.hears_nothing_for(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_are_to_be_answered_in_every_encoding() {
    let stand = Stand::with(1, |settings| {
        settings.socket.ping_interval = Duration::from_millis(600);
        settings.socket.pong_timeout = Duration::from_millis(400);
    })
    .await;
    let user = stand.user("amal").await;
    for encoding in Encoding::ALL {
        let mut silent = stand.client_speaking(0, user, encoding).await;
        silent.polite = false;
        assert!(silent.is_pinged_within(Duration::from_secs(2)).await);
        assert_eq!(silent.closed().await, 3012);
        let mut polite = stand.client_speaking(0, user, encoding).await;
        polite.hears_nothing_for(Duration::from_millis(2_500)).await;
        polite.ask(Request::Ping(Default::default())).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_may_ping_with_a_frame_of_its_own() {
    let stand = Stand::with(1, |_| {}).await;
    let user = stand.user("amal").await;
    let mut client = stand.client(0, user).await;
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    client.socket.send(Message::Ping("hello?".into())).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(5), client.socket.next()).await.unwrap();
    assert_eq!(answer.unwrap().unwrap(), Message::Pong("hello?".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_that_one_may_not_or_cannot_listen_to() {
    let stand = Stand::with(1, |settings| settings.socket.max_subscriptions = 3).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut client = stand.client(0, amal).await;
    for (channel, code) in [
        ("nonsense", 102),
        ("room:007", 102),
        (&*format!("user:{amal}"), 105),
        (&*format!("user:{badr}"), 103),
        ("post:1", 103),
        ("course:999999", 103),
        ("room:999999", 103),
        ("presence:999999", 103),
    ] {
        let error = client.subscribe_to(channel).await.unwrap_err();
        assert_eq!(error.code, code, "{channel}: {error:?}");
    }
    // A channel refuses with the protocol's codes, also where the room's state is what refuses.
    let over = stand.room().await;
    let end =
        format!("UPDATE live_rooms SET status = 'completed', current_jitsi_room_id = NULL WHERE id = {over}");
    stand.database.execute(&end).await.unwrap();
    let error = client.subscribe_to(&format!("room:{over}")).await.unwrap_err();
    assert_eq!(error.code, 103, "{error:?}");
    let presence = client.subscribe_to(&format!("presence:{badr}")).await.unwrap();
    assert_eq!(client::json(&presence.data)["online"], false);
    let room = stand.room().await;
    let joined = client.subscribe_to(&format!("room:{room}")).await.unwrap();
    assert_eq!(client::json(&joined.data)["id"], room);
    assert_eq!(client.subscribe_to(&format!("room:{room}")).await.unwrap_err().code, 105);
    assert_eq!(client.subscribe_to(&format!("presence:{amal}")).await.unwrap_err().code, 106);
    let publish = Request::Publish(protocol::frame::PublishRequest {
        channel: format!("room:{room}"),
        data: "{}".into(),
    });
    assert_eq!(client.ask(publish).await.unwrap().unwrap_err().code, 103);
    let own = Request::Unsubscribe(protocol::frame::UnsubscribeRequest { channel: format!("user:{amal}") });
    assert_eq!(client.ask(own).await.unwrap().unwrap_err().code, 103);
    let leave = Request::Unsubscribe(protocol::frame::UnsubscribeRequest { channel: format!("room:{room}") });
    client.ask(leave).await.unwrap().unwrap();
    let again = SubscribeRequest { channel: format!("room:{room}"), ..SubscribeRequest::default() };
    client.subscribe(again).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_no_upgrade_gets_an_answer_or_an_end_and_hurts_nobody() {
    let stand = Stand::with(1, |_| {}).await;
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"\x16\x03\x01\x00\xff",
        b"POST /connection/websocket HTTP/1.0\r\n\r\n",
    ] {
        let mut stream = tokio::net::TcpStream::connect(stand.nodes[0].hub.address()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "{:?}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(stand.nodes[0].hub.occupancy().connections, 0);
}
