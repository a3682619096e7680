//! Keeping order in a room: mutes, kicks, bans, slow mode; who comes and goes; who has a seat.

use base::paging::PageRequest;
use base::{Fault, Rule, Time};
use bus::ControlMessage;
use domain::rooms::{
    ban_user, enter_channel, join_room, kick_user, leave_room, list_participants, mute_user, post_message,
    register_for_room, set_slow_mode, unban_user, unmute_user,
};
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::rooms::{
    BanState, BanUser, JoinRoom, KickUser, LeaveRoom, MuteState, MuteUser, RegistrationStatus, SetSlowMode,
    UnbanUser, UnmuteUser,
};
use serde_json::json;

use crate::stage::{Stage, key, open_room, paid_room, words};

async fn entry(app: &App, actor: &Actor, room: u64) -> Option<Rule> {
    enter_channel(app, actor, room).await.err().map(|error| error.rule())
}

async fn post(app: &App, actor: &Actor, room: u64) -> Option<Rule> {
    post_message(app, actor, words(room, "salam")).await.err().map(|error| error.rule())
}

async fn join(app: &App, actor: &Actor, room_id: u64) -> Option<Rule> {
    join_room(app, actor, JoinRoom { room_id }).await.err().map(|error| error.rule())
}

async fn mute(
    app: &App,
    by: &Actor,
    room_id: u64,
    user: &Actor,
    seconds: Option<u32>,
) -> Result<MuteState, Rule> {
    let input = MuteUser { room_id, user_id: user.user_id(), seconds };
    mute_user(app, by, input).await.map_err(|error| error.rule())
}

async fn kick(app: &App, by: &Actor, room_id: u64, user: &Actor) -> Result<BanState, Rule> {
    kick_user(app, by, KickUser { room_id, user_id: user.user_id() }).await.map_err(|error| error.rule())
}

async fn ban(app: &App, by: &Actor, room_id: u64, user: &Actor) -> Result<BanState, Rule> {
    ban_user(app, by, BanUser { room_id, user_id: user.user_id() }).await.map_err(|error| error.rule())
}

async fn unban(app: &App, by: &Actor, room_id: u64, user: &Actor) -> Result<BanState, Rule> {
    unban_user(app, by, UnbanUser { room_id, user_id: user.user_id() }).await.map_err(|error| error.rule())
}

/// Waits until a condition holds; fails after ten seconds.
async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await.expect("it never held");
}

#[tokio::test]
async fn the_muted_may_not_write_until_their_time_is_over() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let user = stage.person("user").await;
    assert_eq!(post(app, &user, room).await, None);

    let muted = mute(app, &host, room, &user, Some(2)).await.unwrap();
    assert!(muted.muted && muted.user_id == user.user_id());
    let until = muted.until.unwrap();
    assert!(until > Time::now() && until <= Time::now().plus_seconds(2));
    assert_eq!(post(app, &user, room).await, Some(Rule::ROOM_MUTED));
    assert_eq!(entry(app, &user, room).await, None, "they may listen");
    eventually(async || post(app, &user, room).await.is_none()).await;
    assert!(Time::now() >= until, "not before its time");

    let unmute = async || {
        let input = UnmuteUser { room_id: room, user_id: user.user_id() };
        unmute_user(app, &host, input).await.unwrap()
    };
    let told = async |event: &str| {
        let (room, own) = (Channel::Room(room), Channel::User(user.user_id()));
        let heard = stage.heard_of(room, event).await;
        assert_eq!(heard, stage.heard_of(own, event).await, "the room and the member hear the same");
        heard
    };
    let free = MuteState { user_id: user.user_id(), muted: false, until: None };
    assert_eq!(unmute().await, free);
    assert!(told("room.member_unmuted").await.is_empty(), "it had run out by itself");
    assert_eq!(mute(app, &host, room, &user, None).await.unwrap().until, None);
    assert_eq!(mute(app, &host, room, &user, None).await.unwrap().until, None);
    assert_eq!(post(app, &user, room).await, Some(Rule::ROOM_MUTED));
    assert_eq!(unmute().await, free);
    assert_eq!(unmute().await, free);
    assert_eq!(post(app, &user, room).await, None);
    let heard = told("room.member_muted").await;
    assert_eq!(heard.len(), 2, "the same again is no news");
    assert_eq!(heard[0], json!({"room_id": room, "user_id": user.user_id(), "until": until}));
    assert_eq!(heard[1]["until"], json!(null));
    assert_eq!(told("room.member_unmuted").await, [json!({"room_id": room, "user_id": user.user_id()})]);

    for seconds in [0, 2_592_001] {
        assert_eq!(mute(app, &host, room, &user, Some(seconds)).await, Err(Rule::VALIDATION_FAILED));
        assert_eq!(mute(app, &user, room, &host, Some(seconds)).await, Err(Rule::FORBIDDEN), "access first");
    }
    assert_eq!(mute(app, &host, room, &user, Some(2_592_000)).await.map(|state| state.muted), Ok(true));
}

#[tokio::test]
async fn host_and_moderators_are_protected_and_nobody_moderates_himself() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let (one, two) = (stage.person("one").await, stage.person("two").await);
    for moderator in [&one, &two] {
        stage.appoint(moderator, "moderator").await;
    }
    let protected = Rule::ROOM_STAFF_PROTECTED;
    for (by, whom) in [(&host, &host), (&host, &one), (&one, &host), (&one, &two), (&one, &one)] {
        assert_eq!(mute(app, by, room, whom, Some(60)).await, Err(protected));
        assert_eq!(kick(app, by, room, whom).await, Err(protected));
        assert_eq!(ban(app, by, room, whom).await, Err(protected));
    }
    assert_eq!(unban(app, &one, room, &one).await, Err(protected));
    let own =
        unmute_user(app, &host, UnmuteUser { room_id: room, user_id: host.user_id() }).await.unwrap_err();
    assert_eq!(own.rule(), protected);
    // Who becomes a moderator is not bound by what was before, and can be pardoned by another.
    let user = stage.person("user").await;
    mute(app, &host, room, &user, None).await.unwrap();
    ban(app, &host, room, &user).await.unwrap();
    stage.appoint(&user, "moderator").await;
    assert_eq!(post(app, &user, room).await, None);
    assert_eq!(unban(app, &one, room, &user).await.map(|state| state.banned), Ok(false));
    let nobody = Actor::on_behalf_of(999_999);
    assert_eq!(ban(app, &host, room, &nobody).await, Err(Rule::NOT_FOUND));
    assert_eq!(unban(app, &host, room, &nobody).await, Err(Rule::NOT_FOUND));
    assert_eq!(ban(app, &host, 999, &user).await, Err(Rule::NOT_FOUND));
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_room_bans").await, 0);
}

#[tokio::test]
async fn a_kick_is_a_ban_of_five_minutes_that_shortens_none() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let mut ear = stage.world.ear().await;
    let (host, room) = stage.live("host", open_room()).await;
    let user = stage.person("user").await;
    assert_eq!(entry(app, &user, room).await, None, "now the cache knows the room");
    let user_id = user.user_id();

    let before = Time::now_in_seconds();
    let kicked = kick(app, &host, room, &user).await.unwrap();
    let until = kicked.until.unwrap();
    assert!(kicked.banned && until >= before.plus_seconds(300) && until <= Time::now().plus_seconds(300));
    let revoked = ControlMessage::AccessRevoked { user_id, channel: format!("room:{room}") };
    assert_eq!(ear.next_control().await, revoked);
    for refused in [entry(app, &user, room).await, post(app, &user, room).await, join(app, &user, room).await]
    {
        assert_eq!(refused, Some(Rule::ROOM_BANNED), "at once, by the cache too");
    }
    let event = json!({"room_id": room, "user_id": user_id, "by": host.user_id(), "until": until});
    for channel in [Channel::Room(room), Channel::User(user_id)] {
        assert_eq!(stage.heard_of(channel, "room.member_kicked").await, std::slice::from_ref(&event));
    }

    // It ends by itself, also for what the cache holds.
    stage.run("UPDATE hub_room_bans SET until = UTC_TIMESTAMP() + INTERVAL 2 SECOND").await;
    app.bus.cache_invalidate(&[&format!("room:{room}")]).await.unwrap();
    assert_eq!(entry(app, &user, room).await, Some(Rule::ROOM_BANNED));
    let waiting = std::time::Instant::now();
    eventually(async || entry(app, &user, room).await.is_none()).await;
    assert!(
        waiting.elapsed() < std::time::Duration::from_secs(4),
        "the facts are kept for 5 s, the ban is not"
    );
    assert_eq!(post(app, &user, room).await, None);
    assert_eq!(join(app, &user, room).await, None);
    assert_eq!(unban(app, &host, room, &user).await.map(|state| state.banned), Ok(false));
    assert!(stage.heard_of(Channel::Room(room), "room.member_unbanned").await.is_empty(), "it had run out");

    // A ban is for good; a kick neither shortens it nor tells of it.
    kick(app, &host, room, &user).await.unwrap();
    let banned = BanState { user_id, banned: true, until: None };
    assert_eq!(ban(app, &host, room, &user).await, Ok(banned.clone()));
    assert_eq!(ban(app, &host, room, &user).await, Ok(banned.clone()));
    assert_eq!(kick(app, &host, room, &user).await, Ok(banned));
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_room_bans WHERE until IS NULL").await, 1);
    assert_eq!(stage.heard_of(Channel::User(user_id), "room.member_kicked").await.len(), 2);
    let told = stage.heard_of(Channel::User(user_id), "room.member_banned").await;
    assert_eq!(told, [json!({"room_id": room, "user_id": user_id, "by": host.user_id()})]);
    // Longer than a kick, but not for good.
    stage.run("UPDATE hub_room_bans SET until = UTC_TIMESTAMP() + INTERVAL 1 DAY").await;
    let longer = kick(app, &host, room, &user).await.unwrap().until.unwrap();
    assert!(longer > Time::now().plus_seconds(80_000));

    assert_eq!(unban(app, &host, room, &user).await.map(|state| state.banned), Ok(false));
    assert_eq!(unban(app, &host, room, &user).await.map(|state| state.banned), Ok(false));
    assert_eq!(entry(app, &user, room).await, None);
    let told = stage.heard_of(Channel::User(user_id), "room.member_unbanned").await;
    assert_eq!(told, [json!({"room_id": room, "user_id": user_id, "by": host.user_id()})], "once");
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn a_paid_seat_outlives_a_ban() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("speaker", paid_room("5.00")).await;
    let user = stage.rich("user", "5.00").await;
    register_for_room(app, &user, room, Some(key())).await.unwrap();
    assert_eq!(entry(app, &user, room).await, None, "now the cache knows the seat");
    ban(app, &host, room, &user).await.unwrap();
    assert_eq!(entry(app, &user, room).await, Some(Rule::ROOM_BANNED));
    let seats = "SELECT COUNT(*) FROM live_room_registrations WHERE status = 'registered'";
    assert_eq!((stage.count(seats).await, stage.balance(&user).await), (1, "0.00".to_owned()));
    unban(app, &host, room, &user).await.unwrap();
    assert_eq!(entry(app, &user, room).await, None);
    assert_eq!(post(app, &user, room).await, None);
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bans_pardons_and_kicks_at_once_leave_one_truth() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let user = stage.person("user").await;
    let mut work = tokio::task::JoinSet::new();
    for ordinal in 0..30 {
        let (app, host, user) = (app.clone(), host.clone(), user.clone());
        work.spawn(async move {
            match ordinal % 3 {
                0 => ban(&app, &host, room, &user).await,
                1 => kick(&app, &host, room, &user).await,
                _ => unban(&app, &host, room, &user).await,
            }
        });
    }
    assert!(work.join_all().await.iter().all(Result::is_ok));
    let standing = stage.count("SELECT COUNT(*) FROM hub_room_bans").await;
    assert!(standing <= 1);
    let expected = (standing == 1).then_some(Rule::ROOM_BANNED);
    assert_eq!(entry(app, &user, room).await, expected, "the cache says what the table says");
    assert_eq!(post(app, &user, room).await, expected);
}

#[tokio::test]
async fn slow_mode_is_set_and_seen_at_once() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let user = stage.person("user").await;
    assert_eq!(enter_channel(app, &user, room).await.unwrap().slow_mode_seconds, 0);
    let set = async |by: &Actor, seconds| {
        let slow = set_slow_mode(app, by, SetSlowMode { room_id: room, seconds }).await;
        slow.map(|slow| slow.slow_mode_seconds).map_err(|error| error.rule())
    };
    assert_eq!(set(&host, 3_600).await, Ok(3_600));
    assert_eq!(enter_channel(app, &user, room).await.unwrap().slow_mode_seconds, 3_600);
    assert_eq!(post(app, &user, room).await, None);
    assert_eq!(post(app, &user, room).await, Some(Rule::ROOM_SLOW_MODE));
    assert_eq!(set(&host, 3_600).await, Ok(3_600));
    assert_eq!(set(&host, 0).await, Ok(0));
    assert_eq!(enter_channel(app, &user, room).await.unwrap().slow_mode_seconds, 0);
    assert_eq!(post(app, &user, room).await, None);
    assert_eq!(set(&host, 3_601).await, Err(Rule::VALIDATION_FAILED));
    assert_eq!(set(&user, 3_601).await, Err(Rule::FORBIDDEN), "access before the value");
    let told = stage.heard_of(Channel::Room(room), "room.slow_mode_changed").await;
    let change = |seconds: u32| json!({"room_id": room, "slow_mode_seconds": seconds});
    assert_eq!(told, [change(3_600), change(0)]);
}

#[tokio::test]
async fn who_leaves_is_told_once_and_so_is_who_comes_back() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let user = stage.person("user").await;
    let moderator = stage.person("moderator").await;
    stage.appoint(&moderator, "moderator").await;
    let leave = async |actor: &Actor, room_id| {
        leave_room(app, actor, LeaveRoom { room_id }).await.err().map(|error| error.rule())
    };
    let moves = async || {
        let heard = stage.heard(Channel::Room(room)).await;
        let moves = heard.iter().filter(|event| event["type"].as_str().unwrap().starts_with("room.member_"));
        let moves: Vec<(String, u64)> = moves
            .map(|event| {
                (event["type"].as_str().unwrap().to_owned(), event["data"]["user"]["id"].as_u64().unwrap())
            })
            .collect();
        moves
    };
    assert_eq!(leave(&user, room).await, None, "without having come: no error");
    for actor in [&user, &host, &moderator] {
        join_room(app, actor, JoinRoom { room_id: room }).await.unwrap();
        join_room(app, actor, JoinRoom { room_id: room }).await.unwrap();
    }
    for actor in [&user, &host, &moderator, &user] {
        assert_eq!(leave(actor, room).await, None);
    }
    let joined = ("room.member_joined".to_owned(), user.user_id());
    let left = ("room.member_left".to_owned(), user.user_id());
    assert_eq!(moves().await, [joined.clone(), left.clone()]);
    let attended = "SELECT COUNT(*) FROM live_room_registrations WHERE status = 'attended'";
    assert_eq!(stage.count(attended).await, 1, "attendance stays");
    for _ in 0..2 {
        join_room(app, &user, JoinRoom { room_id: room }).await.unwrap();
    }
    assert_eq!(leave(&user, room).await, None);
    assert_eq!(moves().await, [joined.clone(), left.clone(), joined, left]);
    assert_eq!(leave(&user, 999).await, Some(Rule::NOT_FOUND));
}

#[tokio::test]
async fn the_host_sees_who_has_a_seat() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let mut people = Vec::new();
    for name in ["amal", "badr", "carim", "dana"] {
        let person = stage.person(name).await;
        register_for_room(app, &person, room, None).await.unwrap();
        people.push(person);
    }
    join_room(app, &people[0], JoinRoom { room_id: room }).await.unwrap();
    mute(app, &host, room, &people[1], None).await.unwrap();
    kick(app, &host, room, &people[2]).await.unwrap();
    let cancel = "UPDATE live_room_registrations SET status = 'cancelled' WHERE user_id = ";
    stage.run(&format!("{cancel}{}", people[3].user_id())).await;
    let first = list_participants(app, &host, room, PageRequest { cursor: None, per_page: 2 }).await.unwrap();
    let names: Vec<_> = first.items.iter().map(|one| one.user.username.as_str()).collect();
    assert_eq!(names, ["carim", "badr"]);
    assert_eq!((first.items[0].banned, first.items[0].muted), (true, false));
    assert_eq!((first.items[1].banned, first.items[1].muted), (false, true));
    let next = PageRequest { cursor: first.next, per_page: 2 };
    let second = list_participants(app, &host, room, next).await.unwrap();
    assert_eq!((second.items.len(), second.next), (1, None));
    assert_eq!(
        (second.items[0].user.id, second.items[0].status),
        (people[0].user_id(), RegistrationStatus::Attended)
    );
    assert!(second.items[0].attended_at.is_some() && second.items[0].registered_at.is_some());
    let back = PageRequest { cursor: second.previous, per_page: 2 };
    assert_eq!(list_participants(app, &host, room, back).await.unwrap().items, first.items);
}
