//! Sessions that end while nobody tells the node, or just as they begin (realtime.md §2).

use std::time::Duration;

use bus::{ControlMessage, ListenerSettings};
use domain::users::{self, ClientContext};
use protocol::codec::Encoding;
use protocol::frame::{PushBody, RefreshRequest, Request};
use protocol::users::{CreateToken, LogIn};
use serde_json::json;

use crate::client::{Client, json};
use crate::stand::{PASSWORD, Stand, command, event};

/// Signs in with a password: an access token of a session.
async fn log_in(stand: &Stand, username: &str) -> String {
    let input: LogIn = serde_json::from_value(json!({"login": username, "password": PASSWORD})).unwrap();
    users::log_in(stand.app(), &ClientContext::default(), input).await.unwrap().access_token
}

async fn open(stand: &Stand, node: usize, token: &str) -> Client {
    let mut client = Client::open(&stand.nodes[node].url(), Encoding::Json).await;
    client.connect_with(token).await;
    client
}

/// What a revocation of this token names.
async fn subject_of(stand: &Stand, token: &str) -> String {
    let actor = users::authenticate(stand.app(), token).await.unwrap().actor;
    actor.session_id().unwrap_or_else(|| actor.token_id()).to_owned()
}

/// As a process writes it that ends before it tells anybody.
async fn revoke_in_silence(stand: &Stand, user: u64, token: &str) {
    let subject = subject_of(stand, token).await;
    let revoked = format!(
        "INSERT INTO hub_revoked_tokens VALUES ('{subject}', {user}, UTC_TIMESTAMP() + INTERVAL 1 HOUR)"
    );
    assert_eq!(stand.database.execute(&revoked).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_whose_message_was_lost_closes_the_socket_when_it_is_read() {
    let stand = Stand::with(1, |_| {}).await;
    let user = stand.user("amal").await;
    let (ended, other) = (log_in(&stand, "amal").await, log_in(&stand, "amal").await);
    let (mut closes, mut stays) = (open(&stand, 0, &ended).await, open(&stand, 0, &other).await);
    revoke_in_silence(&stand, user, &ended).await;
    closes.hears_nothing_for(Duration::from_millis(300)).await;
    // What the clock of the process does every half minute.
    users::load_revocations(stand.app()).await.unwrap();
    assert_eq!(closes.closed().await, 4501);
    stays.hears_nothing_for(Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_when_laravel_deleted_the_row_of_its_token() {
    let stand = Stand::with(1, |_| {}).await;
    let user = stand.user("amal").await;
    let create = async |name: &str| {
        let input = json!({"name": name, "password": PASSWORD, "abilities": ["*"]});
        let input: CreateToken = serde_json::from_value(input).unwrap();
        users::create_token(stand.app(), &domain::Actor::on_behalf_of(user), input).await.unwrap()
    };
    let (deleted, kept) = (create("old phone").await, create("new phone").await);
    let mut closes = open(&stand, 0, &deleted.token).await;
    let mut stays = open(&stand, 0, &kept.token).await;
    let mut session = stand.client(0, user).await;
    let delete = format!("DELETE FROM personal_access_tokens WHERE id = {}", deleted.info.id);
    assert_eq!(stand.database.execute(&delete).await.unwrap(), 1);
    users::load_revocations(stand.app()).await.unwrap();
    assert_eq!(closes.closed().await, 4501);
    for client in [&mut stays, &mut session] {
        client.hears_nothing_for(Duration::from_millis(300)).await;
    }
    // Nor is it good for another socket while its row is remembered in the cache.
    assert!(users::authenticate(stand.app(), &deleted.token).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_before_a_control_message_is_heard_before_it_acts() {
    let stand = Stand::with(1, |_| {}).await;
    let user = stand.user("amal").await;
    let channel = format!("user:{user}");
    let (redis, prefix) = stand.redis_keys();
    // One script, so that both are written to the link together; mostly they come with one read, but not always.
    let both = "for n = 1, 3, 2 do redis.call('PUBLISH', ARGV[n], ARGV[n + 1]) end";
    let (events, controls) = (format!("{prefix}{{{channel}}}"), format!("{prefix}ctl"));
    for number in 0..25 {
        let token = stand.token(user).await;
        let subject = subject_of(&stand, &token).await;
        let mut client = open(&stand, 0, &token).await;
        let event = format!("0::{}", String::from_utf8_lossy(&event(&channel, number, 0, None).payload));
        let told = json!({"type": "session_revoked", "user_id": user, "subject": subject}).to_string();
        command(&redis, &["EVAL", both, "0", &events, &event, &controls, &told]).await;
        let PushBody::Publication(publication) = client.push().await.unwrap().body else { panic!() };
        assert_eq!(json(&publication.data)["data"]["n"], number);
        assert_eq!(client.closed().await, 4501);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_hears_of_its_end_before_its_socket_is_closed() {
    let stand = Stand::new().await;
    let user = stand.user("amal").await;
    let token = log_in(&stand, "amal").await;
    let mut sockets = [open(&stand, 0, &token).await, open(&stand, 1, &token).await];
    let actor = users::authenticate(stand.app(), &token).await.unwrap().actor;
    users::log_out(stand.app(), &actor).await.unwrap();
    for socket in &mut sockets {
        let (_, event) = socket.event(&format!("user:{user}")).await;
        assert_eq!(event["type"], "session.revoked", "{event}");
        assert_eq!(event["data"]["session_id"], actor.session_id().unwrap());
        assert_eq!(socket.closed().await, 4501);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_while_a_refresh_looks_at_it_ends_the_socket() {
    let stand = Stand::with(1, |_| {}).await;
    let user = stand.user("amal").await;
    let (old, new) = (stand.token(user).await, stand.token(user).await);
    let mut client = open(&stand, 0, &old).await;
    let subject = subject_of(&stand, &new).await;
    let actor = users::authenticate(stand.app(), &new).await.unwrap().actor;
    // The refresh finds the token good, and then has to wait for a connection to MySQL.
    let app = stand.app();
    app.bus.cache_invalidate(&[&users::state_key(user)]).await.unwrap();
    let mut connections = Vec::new();
    for _ in 0..8 {
        connections.push(app.store.reader().await.unwrap());
    }
    client.send(99, Request::Refresh(RefreshRequest { token: new })).await;
    client.hears_nothing_for(Duration::from_millis(500)).await;
    app.bus.control(&ControlMessage::SessionRevoked { user_id: user, subject }).await.unwrap();
    Stand::eventually(async || users::is_revoked(app, &actor)).await;
    client.hears_nothing_for(Duration::from_millis(200)).await;
    drop(connections);
    assert_eq!(client.next().await, Err(4501));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_could_not_take_everything_asks_for_sessions_and_access_again() {
    let mut stand = Stand::with(1, |_| {}).await;
    stand.add_node_with(ListenerSettings { queue_events: 1, ..ListenerSettings::default() }).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let token = stand.token(amal).await;
    let mut ended = open(&stand, 1, &token).await;
    let mut watcher = stand.client(1, amal).await;
    let channel = format!("presence:{badr}");
    watcher.subscribe_to(&channel).await.unwrap();
    let mut suspended = stand.client(1, badr).await;
    // None of it is told.
    revoke_in_silence(&stand, amal, &token).await;
    for sql in [
        format!("UPDATE user_profiles SET show_online_status = 0 WHERE user_id = {badr}"),
        format!("UPDATE users SET is_active = 0 WHERE id = {badr}"),
    ] {
        assert_eq!(stand.database.execute(&sql).await.unwrap(), 1);
    }
    stand.app().bus.cache_invalidate(&[&users::state_key(badr)]).await.unwrap();
    let many: Vec<_> = (0..2_000).map(|n| event(&format!("user:{amal}"), n, 0, None)).collect();
    stand.app().bus.publish(&many).await.unwrap();
    assert_eq!(ended.closed().await, 4501);
    assert_eq!(suspended.closed().await, 4503);
    let gone = loop {
        let push = watcher.push().await.unwrap();
        if let PushBody::Unsubscribe(gone) = push.body {
            break gone;
        }
    };
    assert_eq!(gone.code, 2000);
}
