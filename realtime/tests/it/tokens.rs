//! Tokens on a live socket: their end, their refresh, and what outlives an emptied Redis (realtime.md §2).

use std::time::{Duration, Instant};

use config::Settings;
use domain::users::{self, ClientContext};
use protocol::codec::Encoding;
use protocol::frame::{Answer, ConnectRequest, RefreshRequest, RefreshResult, Request};
use protocol::users::{CreateToken, LogIn};
use serde_json::json;

use crate::client::Client;
use crate::stand::{PASSWORD, Stand, command};

fn connect(token: &str) -> Request {
    Request::Connect(ConnectRequest { token: token.to_owned(), ..ConnectRequest::default() })
}

fn refresh(token: &str) -> Request {
    Request::Refresh(RefreshRequest { token: token.to_owned() })
}

async fn refreshed(client: &mut Client, token: &str) -> RefreshResult {
    match client.ask(refresh(token)).await.unwrap() {
        Ok(Answer::Refresh(result)) => result,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_grace_is_25_seconds_unless_set() {
    let settings = Settings::read(|name| match name {
        "DATABASE_URL" => Some("mysql://root@127.0.0.1:1/x".to_owned()),
        "REDIS_URL" => Some("redis://127.0.0.1:1".to_owned()),
        "MAJLIS_JWT_SECRET" => Some("a test secret of more than 32 bytes!".to_owned()),
        _ => None,
    })
    .unwrap();
    assert_eq!(settings.socket.expiry_grace, Duration::from_secs(25));
    assert_eq!(settings.socket.presence_grace, Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_after_token_and_grace_and_not_before_and_a_refresh_within_the_grace_saves_it() {
    const TTL: Duration = Duration::from_secs(2);
    const GRACE: Duration = Duration::from_secs(3);
    let stand = Stand::with(2, |settings| settings.socket.expiry_grace = GRACE).await;
    let amal = stand.user("amal").await;
    let open = async |node: usize| {
        let mut client = Client::open(&stand.nodes[node].url(), Encoding::ALL[node]).await;
        let result = client.connect_with(&stand.token_for(amal, TTL).await).await;
        assert!(result.expires && result.ttl <= 2, "{result:?}");
        client
    };
    let signed = Instant::now();
    let (mut ends, mut late, mut tries) = (open(0).await, open(1).await, open(1).await);
    let expired = stand.token_for(amal, Duration::from_secs(1)).await;
    tokio::time::sleep_until((signed + TTL + Duration::from_millis(1_300)).into()).await;
    // The token is over, the grace is not: the socket works, and an expired token does not help it.
    late.rpc("presence.query", &json!({"user_ids": [amal]})).await.unwrap();
    let error = tries.ask(refresh(&expired)).await.unwrap().unwrap_err();
    assert_eq!(error.code, 109, "{error:?}");
    let result = refreshed(&mut late, &stand.token(amal).await).await;
    assert!(result.expires && (590..=600).contains(&result.ttl), "{result:?}");
    for client in [&mut ends, &mut tries] {
        assert_eq!(client.closed().await, 3005);
        // A token's times are whole seconds: it may be up to one second younger than it says.
        let after = signed.elapsed();
        assert!(after >= TTL + GRACE - Duration::from_millis(1_100), "{after:?}");
        assert!(after < TTL + GRACE + Duration::from_secs(2), "{after:?}");
    }
    late.hears_nothing_for(Duration::from_secs(1)).await;
    late.rpc("presence.query", &json!({"user_ids": [amal]})).await.unwrap();
    // Nor is anybody let in during the grace of others: an expired token is for a refresh elsewhere.
    let mut client = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
    assert_eq!(client.ask(connect(&expired)).await.unwrap().unwrap_err().code, 109);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_is_the_same_users_and_a_revoked_one_ends_the_socket() {
    let stand = Stand::new().await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut before_expiry = stand.client(0, amal).await;
    // Many in a row, before anything has expired.
    for _ in 0..3 {
        assert!(refreshed(&mut before_expiry, &stand.token(amal).await).await.ttl > 500);
    }
    let mut another = stand.client(1, amal).await;
    assert_eq!(another.ask(refresh(&stand.token(badr).await)).await, Err(3500));
    let mut invalid = stand.client(1, amal).await;
    assert_eq!(invalid.ask(refresh("nonsense")).await, Err(3500));
    // The session that a refresh brought is the one that counts from then on, on this node and through another.
    let input: LogIn = serde_json::from_value(json!({"login": "amal", "password": PASSWORD})).unwrap();
    let session = users::log_in(stand.app(), &ClientContext::default(), input).await.unwrap();
    refreshed(&mut before_expiry, &session.access_token).await;
    let actor = users::authenticate(stand.app(), &session.access_token).await.unwrap().actor;
    users::log_out(&stand.nodes[1].app, &actor).await.unwrap();
    let answered = Instant::now();
    assert_eq!(before_expiry.closed().await, 4501);
    assert!(answered.elapsed() < Duration::from_secs(1), "{:?}", answered.elapsed());
    let mut revoked = stand.client(0, amal).await;
    assert_eq!(revoked.ask(refresh(&session.access_token)).await, Err(3500));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sanctum_token_without_an_end_needs_no_refresh_and_one_with_an_end_has_a_grace_too() {
    let stand = Stand::with(2, |settings| settings.socket.expiry_grace = Duration::from_millis(500)).await;
    let amal = stand.user("amal").await;
    let create = async |input: serde_json::Value| {
        let input: CreateToken = serde_json::from_value(input).unwrap();
        users::create_token(stand.app(), &domain::Actor::on_behalf_of(amal), input).await.unwrap().token
    };
    let endless = create(json!({"name": "a", "password": PASSWORD, "abilities": ["realtime", "read"]})).await;
    let end = base::Time::now().plus_seconds(3);
    let ends = create(json!({"name": "b", "password": PASSWORD, "expires_at": end})).await;
    let mut stays = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
    let result = stays.connect_with(&endless).await;
    assert!(!result.expires && result.ttl == 0, "{result:?}");
    let mut closes = Client::open(&stand.nodes[1].url(), Encoding::Json).await;
    let result = closes.connect_with(&ends).await;
    assert!(result.expires && result.ttl <= 3, "{result:?}");
    assert_eq!(closes.closed().await, 3005);
    stays.hears_nothing_for(Duration::from_millis(300)).await;
    let mut again = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
    assert_eq!(again.ask(connect(&ends)).await.unwrap().unwrap_err().code, 109);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_is_refused_after_redis_was_emptied_by_old_nodes_and_new_ones() {
    let mut stand = Stand::with_own_redis(2).await;
    let amal = stand.user("amal").await;
    let log_in = async |stand: &Stand| {
        let input: LogIn = serde_json::from_value(json!({"login": "amal", "password": PASSWORD})).unwrap();
        users::log_in(stand.app(), &ClientContext::default(), input).await.unwrap().access_token
    };
    let (ended, good) = (log_in(&stand).await, log_in(&stand).await);
    let bare = stand.token(amal).await;
    for token in [&ended, &bare] {
        let actor = users::authenticate(stand.app(), token).await.unwrap().actor;
        users::log_out(stand.app(), &actor).await.unwrap();
    }
    command(&stand.redis.as_ref().unwrap().url(), &["FLUSHALL"]).await;
    stand.add_node().await;
    for node in 0..3 {
        for token in [&ended, &bare] {
            let mut client = Client::open(&stand.nodes[node].url(), Encoding::Json).await;
            assert_eq!(client.ask(connect(token)).await, Err(3500), "node {node}");
        }
        let mut client = Client::open(&stand.nodes[node].url(), Encoding::Json).await;
        client.connect_with(&good).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_without_a_token() {
    let stand = Stand::new().await;
    for (node, encoding) in [(0, Encoding::Json), (1, Encoding::Protobuf), (1, Encoding::MessagePack)] {
        let mut client = Client::open(&stand.nodes[node].url(), encoding).await;
        assert_eq!(client.ask(connect("")).await, Err(3500));
        // An empty header is none either.
        let mut client =
            Client::open_with(&stand.nodes[node].url(), encoding, &[("authorization", "Bearer ")])
                .await
                .unwrap();
        assert_eq!(client.ask(connect("")).await, Err(3500));
        let mut client = Client::open(&stand.nodes[node].url(), encoding).await;
        let refused = client.ask(refresh("x")).await.unwrap().unwrap_err();
        assert_eq!((refused.code, client.closed().await), (101, 3501));
    }
    assert_eq!(stand.nodes[0].hub.occupancy().users, 0);
}
