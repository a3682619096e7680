//! What people decide about each other, and staff about people, is felt on every node within a second (realtime.md §2, §3):
//! hiding, blocking, suspending, ending sessions.

use std::time::{Duration, Instant};

use bus::ControlMessage;
use domain::Actor;
use domain::users::{self, ClientContext};
use futures_util::future::join_all;
use protocol::codec::Encoding;
use protocol::frame::{ConnectRequest, PushBody, Request};
use protocol::users::{CreateToken, LogIn, SignedIn, UpdateProfile, UpdateStanding};
use serde_json::json;

use crate::client::{Client, Closed, json};
use crate::stand::{PASSWORD, Stand};

/// How long anything may take that has to be felt everywhere, from the answer of the operation.
const AT_ONCE: Duration = Duration::from_secs(1);

async fn log_in(stand: &Stand, username: &str) -> SignedIn {
    let input: LogIn = serde_json::from_value(json!({"login": username, "password": PASSWORD})).unwrap();
    users::log_in(stand.app(), &ClientContext::default(), input).await.unwrap()
}

async fn api_token(stand: &Stand, user: u64) -> (u64, String) {
    let input = json!({"name": "app", "password": PASSWORD, "abilities": ["*"]});
    let input: CreateToken = serde_json::from_value(input).unwrap();
    let made = users::create_token(stand.app(), &Actor::on_behalf_of(user), input).await.unwrap();
    (made.info.id, made.token)
}

async fn open(stand: &Stand, node: usize, token: &str) -> Client {
    let mut client = Client::open(&stand.nodes[node].url(), Encoding::Json).await;
    client.connect_with(token).await;
    client
}

/// How a `connect` with a token ends that is not let in.
async fn refused(stand: &Stand, node: usize, token: &str) -> Closed {
    let mut client = Client::open(&stand.nodes[node].url(), Encoding::Json).await;
    let request = ConnectRequest { token: token.to_owned(), ..ConnectRequest::default() };
    client.ask(Request::Connect(request)).await.expect_err("it is let in")
}

/// Waits until a client is put out of a channel for good; gives when.
async fn put_out(client: &mut Client, channel: &str) -> Instant {
    loop {
        let push = client.push().await.unwrap();
        if push.channel == channel
            && let PushBody::Unsubscribe(gone) = push.body
        {
            assert_eq!(gone.code, 2000);
            return Instant::now();
        }
    }
}

async fn staff(stand: &Stand) -> Actor {
    let id = stand.user("moderator").await;
    let app = stand.app();
    let appoint = async |app: &domain::App| -> Result<(), users::UserError> {
        domain::in_unit!(app, |unit| users::assign_role(app, unit, id, "moderator"))
    };
    appoint(app).await.unwrap();
    Actor::on_behalf_of(id)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hides_is_not_watched_by_anybody_on_any_node() {
    let stand = Stand::with(3, |_| {}).await;
    let badr = stand.user("badr").await;
    let channel = format!("presence:{badr}");
    let (mut phone, mut tablet) = (stand.client(0, badr).await, stand.client(1, badr).await);
    phone.subscribe_to(&channel).await.unwrap();
    let mut watchers = Vec::new();
    for number in 0..150 {
        let user = stand.user(&format!("watcher{number}")).await;
        let encoding = Encoding::ALL[number % 3];
        let mut watcher = stand.client_speaking(number % 3, user, encoding).await;
        watcher.subscribe_to(&channel).await.unwrap();
        watchers.push(watcher);
    }
    let answer = phone.rpc("presence.set_visibility", &json!({"visible": false})).await.unwrap();
    let answered = Instant::now();
    assert_eq!(answer, json!({"visible": false}));
    let ended = join_all(watchers.iter_mut().map(|watcher| put_out(watcher, &channel))).await;
    let last = ended.into_iter().max().unwrap().saturating_duration_since(answered);
    println!("150 watchers on 3 nodes were put out within {last:?} of the answer");
    assert!(last < AT_ONCE, "{last:?}");
    for device in [&mut phone, &mut tablet] {
        let (_, event) = device.event(&format!("user:{badr}")).await;
        assert_eq!(event["type"], "presence.visibility_changed", "{event}");
        assert_eq!(event["data"], json!({"visible": false}));
    }
    // Oneself goes on watching; nobody else gets in or is told anything.
    phone.hears_nothing_for(Duration::from_millis(300)).await;
    assert_eq!(watchers[2].subscribe_to(&channel).await.unwrap_err().code, 103);
    let seen = watchers[1].rpc("presence.query", &json!({"user_ids": [badr]})).await.unwrap();
    assert_eq!(seen["users"], json!([]));

    // Shown again: who was put out hears nothing of it, and is let in again.
    let shown: UpdateProfile = serde_json::from_value(json!({"show_online_status": true})).unwrap();
    users::update_profile(stand.app(), &Actor::on_behalf_of(badr), shown).await.unwrap();
    watchers[0].hears_nothing_for(Duration::from_millis(500)).await;
    let again = watchers[2].subscribe_to(&channel).await.unwrap();
    assert_eq!(json(&again.data)["online"], true);
    let error = watchers[0].rpc("presence.set_visibility", &json!({"visible": 1})).await.unwrap_err();
    assert_eq!(error.code, 1002, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_ends_the_watching_both_ways_and_leaves_others_alone() {
    let stand = Stand::with(3, |_| {}).await;
    let (amal, badr, carla) = (stand.user("amal").await, stand.user("badr").await, stand.user("carla").await);
    let (of_amal, of_badr) = (format!("presence:{amal}"), format!("presence:{badr}"));
    let mut amals = [stand.client(0, amal).await, stand.client(1, amal).await];
    let mut badrs = [stand.client(1, badr).await, stand.client(2, badr).await];
    let mut third = stand.client(2, carla).await;
    for client in &mut amals {
        client.subscribe_to(&of_badr).await.unwrap();
    }
    for client in &mut badrs {
        client.subscribe_to(&of_amal).await.unwrap();
    }
    third.subscribe_to(&of_amal).await.unwrap();
    third.subscribe_to(&of_badr).await.unwrap();
    users::block_user(stand.app(), &Actor::on_behalf_of(amal), badr).await.unwrap();
    let answered = Instant::now();
    for (clients, channel) in [(&mut amals, &of_badr), (&mut badrs, &of_amal)] {
        for client in clients {
            let after = put_out(client, channel).await.saturating_duration_since(answered);
            assert!(after < AT_ONCE, "{after:?}");
        }
    }
    assert_eq!(badrs[0].subscribe_to(&of_amal).await.unwrap_err().code, 103);
    assert_eq!(amals[0].subscribe_to(&of_badr).await.unwrap_err().code, 103);
    third.hears_nothing_for(Duration::from_millis(300)).await;
    let message = json!({"client_id": crate::stand::key(), "user_id": amal, "body": "salam"});
    let error = badrs[0].rpc("chat.send_message", &message).await.unwrap_err();
    assert_eq!(error.code, 1202, "{error:?}");
    users::unblock_user(stand.app(), &Actor::on_behalf_of(amal), badr).await.unwrap();
    assert_eq!(json(&badrs[0].subscribe_to(&of_amal).await.unwrap().data)["online"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_closes_every_socket_and_its_end_lets_the_same_tokens_in_again() {
    let stand = Stand::with(3, |settings| settings.socket.presence_grace = Duration::from_secs(60)).await;
    let moderator = staff(&stand).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let tokens =
        [log_in(&stand, "badr").await.access_token, api_token(&stand, badr).await.1, stand.token(badr).await];
    let mut sockets = Vec::new();
    for (node, token) in tokens.iter().enumerate() {
        sockets.push(open(&stand, node, token).await);
    }
    let mut watcher = stand.client(1, amal).await;
    let channel = format!("presence:{badr}");
    assert_eq!(json(&watcher.subscribe_to(&channel).await.unwrap().data)["online"], true);
    let standing = async |is_active| {
        let input = UpdateStanding { is_active: Some(is_active), ..UpdateStanding::default() };
        users::update_standing(stand.app(), &moderator, badr, input).await.unwrap();
        Instant::now()
    };
    let answered = standing(false).await;
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, 4503);
    }
    assert!(answered.elapsed() < AT_ONCE, "{:?}", answered.elapsed());
    // Offline without the grace, though the account is shown to nobody any more.
    let (_, event) = watcher.event(&channel).await;
    assert_eq!(event["data"]["online"], false);
    for (node, token) in tokens.iter().enumerate() {
        assert_eq!(refused(&stand, (node + 1) % 3, token).await, 4503);
    }
    assert_eq!(
        watcher.rpc("presence.query", &json!({"user_ids": [badr]})).await.unwrap()["users"],
        json!([])
    );
    standing(true).await;
    for (node, token) in tokens.iter().enumerate() {
        open(&stand, (node + 1) % 3, token).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_logout_closes_everything_of_one_and_nothing_of_others() {
    let stand = Stand::with(3, |_| {}).await;
    let moderator = staff(&stand).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let tokens =
        [log_in(&stand, "badr").await.access_token, api_token(&stand, badr).await.1, stand.token(badr).await];
    let mut sockets = Vec::new();
    for (node, token) in tokens.iter().enumerate() {
        sockets.push(open(&stand, node, token).await);
    }
    let mut stays = stand.client(2, amal).await;
    users::force_log_out(stand.app(), &moderator, badr).await.unwrap();
    let answered = Instant::now();
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, 4501);
    }
    assert!(answered.elapsed() < AT_ONCE, "{:?}", answered.elapsed());
    for (node, token) in tokens.iter().enumerate() {
        assert_eq!(refused(&stand, (node + 1) % 3, token).await, 3500);
    }
    stays.hears_nothing_for(Duration::from_millis(300)).await;
    let again = log_in(&stand, "badr").await.access_token;
    open(&stand, 1, &again).await.hears_nothing_for(Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_token_and_all_others_end_on_every_node() {
    let stand = Stand::with(3, |_| {}).await;
    let badr = stand.user("badr").await;
    let (id, deleted) = api_token(&stand, badr).await;
    let (_, other) = api_token(&stand, badr).await;
    let (kept, session) = (log_in(&stand, "badr").await, log_in(&stand, "badr").await);
    let mut first =
        [open(&stand, 0, &deleted).await, open(&stand, 1, &deleted).await, open(&stand, 2, &deleted).await];
    let mut then = [open(&stand, 0, &other).await, open(&stand, 1, &session.access_token).await];
    let mut stays = open(&stand, 2, &kept.access_token).await;
    let actor = users::authenticate(stand.app(), &kept.access_token).await.unwrap().actor;
    users::revoke_token(stand.app(), &actor, id).await.unwrap();
    let answered = Instant::now();
    for socket in &mut first {
        assert_eq!(socket.closed().await, 4501);
    }
    assert!(answered.elapsed() < AT_ONCE, "{:?}", answered.elapsed());
    assert_eq!(refused(&stand, 1, &deleted).await, 3500);
    for socket in &mut then {
        socket.hears_nothing_for(Duration::from_millis(200)).await;
    }
    users::revoke_other_tokens(stand.app(), &actor).await.unwrap();
    let answered = Instant::now();
    for socket in &mut then {
        assert_eq!(socket.closed().await, 4501);
    }
    assert!(answered.elapsed() < AT_ONCE, "{:?}", answered.elapsed());
    // It hears that the other session ended, and goes on.
    let (_, event) = stays.event(&format!("user:{badr}")).await;
    assert_eq!(event["type"], "session.revoked", "{event}");
    stays.hears_nothing_for(Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_does_not_wait_for_the_grace() {
    let stand = Stand::with(2, |settings| settings.socket.presence_grace = Duration::from_secs(60)).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let token = log_in(&stand, "badr").await.access_token;
    let _socket = open(&stand, 1, &token).await;
    let channel = format!("presence:{badr}");
    let mut watcher = stand.client(0, amal).await;
    assert_eq!(json(&watcher.subscribe_to(&channel).await.unwrap().data)["online"], true);
    let actor = users::authenticate(stand.app(), &token).await.unwrap().actor;
    users::log_out(stand.app(), &actor).await.unwrap();
    let answered = Instant::now();
    let (_, event) = watcher.event(&channel).await;
    assert_eq!(event["data"]["online"], false);
    assert!(answered.elapsed() < Duration::from_secs(2), "{:?}", answered.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_access_changed_for_all_each_listener_is_asked_for_again() {
    let stand = Stand::with(2, |_| {}).await;
    let room = stand.room().await;
    let channel = format!("room:{room}");
    let mut listeners = Vec::new();
    for number in 0..60 {
        let user = stand.user(&format!("listener{number}")).await;
        let mut listener = stand.client(number % 2, user).await;
        listener.subscribe_to(&channel).await.unwrap();
        listeners.push((user, listener));
    }
    // Every third one is banned by another application; what is remembered of the room goes, and all are asked for.
    let banned: Vec<String> =
        listeners.iter().step_by(3).map(|(user, _)| format!("({room}, {user})")).collect();
    let ban = format!("INSERT INTO hub_room_bans (live_room_id, user_id) VALUES {}", banned.join(", "));
    assert_eq!(stand.database.execute(&ban).await.unwrap(), 20);
    stand.app().bus.cache_invalidate(&[&format!("room:{room}")]).await.unwrap();
    let told = Instant::now();
    stand.app().bus.control(&ControlMessage::AccessChanged { channel: channel.clone() }).await.unwrap();
    let (mut gone, mut stay) = (Vec::new(), Vec::new());
    for (number, (_, listener)) in listeners.into_iter().enumerate() {
        if number % 3 == 0 { gone.push(listener) } else { stay.push(listener) }
    }
    let ended = join_all(gone.iter_mut().map(|listener| put_out(listener, &channel))).await;
    let last = ended.into_iter().max().unwrap().saturating_duration_since(told);
    assert!(last < AT_ONCE, "{last:?}");
    stand.publish(&channel, 7).await;
    for listener in &mut stay {
        loop {
            let (_, event) = listener.event(&channel).await;
            if event["type"] == "test" {
                break;
            }
        }
    }
    assert_eq!(gone[0].subscribe_to(&channel).await.unwrap_err().code, 103);
    // A name that is no channel, or one that nobody listens to, does no harm.
    for channel in ["nonsense", "room:999999", "presence:999999"] {
        stand
            .app()
            .bus
            .control(&ControlMessage::AccessChanged { channel: channel.to_owned() })
            .await
            .unwrap();
    }
    stay[0].rpc("presence.query", &json!({"user_ids": []})).await.unwrap();
}
