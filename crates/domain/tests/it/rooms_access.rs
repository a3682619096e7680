//! Who may do what in a room: every operation, for everybody.

use base::conditional::IfMatch;
use base::paging::PageRequest;
use base::{Fault, Rule, Time};
use domain::rooms::{self, Recorder, RoomError};
use domain::{Actor, App};
use protocol::Rpc;
use protocol::rooms::{
    AddRecording, Announce, BanUser, DeleteRoomMessage, JoinRoom, KickUser, LeaveRoom, MuteUser, PinMessage,
    ReactToMessage, ReactionType, RoomStatus, SetSlowMode, UnbanUser, UnmuteUser, UnpinMessage, UpdateRoom,
};

use crate::stage::{Stage, key, open_room, paid_room, words};

const OK: Option<Rule> = None;
const SEAT: Option<Rule> = Some(Rule::ROOM_NOT_REGISTERED);
const BAN: Option<Rule> = Some(Rule::ROOM_BANNED);
const MUTE: Option<Rule> = Some(Rule::ROOM_MUTED);
const NO: Option<Rule> = Some(Rule::FORBIDDEN);
const HIDE: Option<Rule> = Some(Rule::NOT_FOUND);
const HAS: Option<Rule> = Some(Rule::ROOM_ALREADY_REGISTERED);
const OWN: Option<Rule> = Some(Rule::ROOM_OWN);
const LIVE: Option<Rule> = Some(Rule::ILLEGAL_TRANSITION);
const LATE: Option<Rule> = Some(Rule::POLICY_VIOLATION);
const USED: Option<Rule> = Some(Rule::ROOM_IN_USE);

const ROLES: [&str; 8] =
    ["stranger", "registered", "attended", "cancelled", "banned", "muted", "host", "moderator"];

/// In a paid room that is live, in the order in which they are tried. The banned and the muted are registered.
const TABLE: &[(&str, [Option<Rule>; 8])] = &[
    ("find_room", [OK, OK, OK, OK, OK, OK, OK, OK]),
    ("enter_channel", [SEAT, OK, OK, SEAT, BAN, OK, OK, OK]),
    ("demand_entry", [SEAT, OK, OK, SEAT, BAN, OK, OK, OK]),
    ("list_room_messages", [SEAT, OK, OK, SEAT, BAN, OK, OK, OK]),
    ("list_thread", [SEAT, OK, OK, SEAT, BAN, OK, OK, OK]),
    ("join_room", [SEAT, OK, OK, SEAT, BAN, OK, OK, OK]),
    ("leave_room", [SEAT, OK, OK, SEAT, BAN, OK, OK, OK]),
    ("post_message", [SEAT, OK, OK, SEAT, BAN, MUTE, OK, OK]),
    ("demand_message", [HIDE, OK, OK, HIDE, BAN, OK, OK, OK]),
    ("react_to_message", [HIDE, OK, OK, HIDE, BAN, OK, OK, OK]),
    ("delete_room_message", [HIDE, NO, NO, HIDE, BAN, NO, OK, OK]),
    ("pin_message", [HIDE, NO, NO, HIDE, BAN, NO, OK, OK]),
    ("unpin_message", [HIDE, NO, NO, HIDE, BAN, NO, OK, OK]),
    ("announce", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("demand_staff", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("list_participants", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("mute_user", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("unmute_user", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("kick_user", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("ban_user", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("unban_user", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("set_slow_mode", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("start_room", [NO, NO, NO, NO, NO, NO, LIVE, LIVE]),
    ("refund_registration", [NO, NO, NO, NO, NO, NO, NO, NO]),
    ("list_recordings", [SEAT, OK, OK, SEAT, BAN, OK, OK, OK]),
    ("register_for_room", [OK, HAS, HAS, OK, BAN, HAS, OWN, OK]),
    // A paid seat is not given back so late, and nobody gives back what they do not have.
    ("cancel_registration", [LATE, LIVE, LIVE, LATE, LATE, LIVE, HIDE, LATE]),
    ("demand_manager", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("demand_recorder", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("add_recording", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("delete_recording", [NO, NO, NO, NO, NO, NO, HIDE, HIDE]),
    ("update_room", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("delete_room", [NO, NO, NO, NO, NO, NO, USED, USED]),
    ("set_room_status", [NO, NO, NO, NO, NO, NO, NO, LIVE]),
    // What ends it is tried by those first who may not; then it is brought back.
    ("end_room", [NO, NO, NO, NO, NO, NO, OK, OK]),
    ("cancel_room", [NO, NO, NO, NO, NO, NO, OK, OK]),
];

/// Operations that name no room, or no actor: those of the clocks and of the video server.
const ROOMLESS: [&str; 11] = [
    "create_room",
    "list_rooms",
    "list_user_rooms",
    "list_all_rooms",
    "end_rooms_due",
    "expire_holds_due",
    "remind_rooms_due",
    "tell_rooms_due",
    "demand_video_server",
    "hear_jitsi",
    "is_video_server",
];

/// A room, somebody in it to be dealt with, and what they wrote.
struct Place {
    room_id: u64,
    victim: u64,
    message_id: u64,
}

async fn attempt(app: &App, actor: &Actor, operation: &str, place: &Place) -> Option<Rule> {
    let Place { room_id, victim: user_id, message_id } = *place;
    let page = PageRequest::default();
    let nothing: Result<(), RoomError> = match operation {
        "find_room" => rooms::find_room(app, Some(actor), room_id).await.map(drop),
        "enter_channel" => rooms::enter_channel(app, actor, room_id).await.map(drop),
        "demand_entry" => rooms::demand_entry(app, actor, room_id).await,
        "list_room_messages" => rooms::list_room_messages(app, actor, room_id, None, 5).await.map(drop),
        "list_thread" => rooms::list_thread(app, actor, room_id, message_id, page).await.map(drop),
        "join_room" => rooms::join_room(app, actor, JoinRoom { room_id }).await.map(drop),
        "leave_room" => rooms::leave_room(app, actor, LeaveRoom { room_id }).await,
        "post_message" => rooms::post_message(app, actor, words(room_id, "salam")).await.map(drop),
        "demand_message" => rooms::demand_message(app, actor, message_id).await,
        "react_to_message" => {
            let input = ReactToMessage { message_id, reaction: Some(ReactionType::Love) };
            rooms::react_to_message(app, actor, input).await.map(drop)
        }
        "delete_room_message" => {
            rooms::delete_room_message(app, actor, DeleteRoomMessage { message_id }).await.map(drop)
        }
        "pin_message" => rooms::pin_message(app, actor, PinMessage { message_id }).await.map(drop),
        "unpin_message" => rooms::unpin_message(app, actor, UnpinMessage { message_id }).await.map(drop),
        "announce" => {
            let input = Announce { client_id: key(), room_id, body: "hear".to_owned() };
            rooms::announce(app, actor, input).await.map(drop)
        }
        "demand_staff" => rooms::demand_staff(app, actor, room_id).await,
        "list_participants" => rooms::list_participants(app, actor, room_id, page).await.map(drop),
        "mute_user" => {
            rooms::mute_user(app, actor, MuteUser { room_id, user_id, seconds: None }).await.map(drop)
        }
        "unmute_user" => rooms::unmute_user(app, actor, UnmuteUser { room_id, user_id }).await.map(drop),
        "kick_user" => rooms::kick_user(app, actor, KickUser { room_id, user_id }).await.map(drop),
        "ban_user" => rooms::ban_user(app, actor, BanUser { room_id, user_id }).await.map(drop),
        "unban_user" => rooms::unban_user(app, actor, UnbanUser { room_id, user_id }).await.map(drop),
        "set_slow_mode" => {
            rooms::set_slow_mode(app, actor, SetSlowMode { room_id, seconds: 0 }).await.map(drop)
        }
        "start_room" => rooms::start_room(app, actor, room_id).await.map(drop),
        "register_for_room" => rooms::register_for_room(app, actor, room_id, Some(key())).await.map(drop),
        "cancel_registration" => rooms::cancel_registration(app, actor, room_id).await.map(drop),
        "refund_registration" => {
            rooms::refund_registration(app, actor, room_id, user_id, Some(key())).await.map(drop)
        }
        "list_recordings" => rooms::list_recordings(app, actor, room_id).await.map(drop),
        "demand_manager" => rooms::demand_manager(app, actor, room_id).await,
        "demand_recorder" => rooms::demand_recorder(app, Recorder::Person(actor), room_id).await,
        "add_recording" => {
            let input = AddRecording {
                upload_id: None,
                url: Some("https://recordings.example/1.mp4".to_owned()),
                started_at: Time::now_in_seconds(),
                duration: None,
                size: None,
            };
            rooms::add_recording(app, Recorder::Person(actor), room_id, input).await.map(drop)
        }
        "delete_recording" => rooms::delete_recording(app, actor, room_id, "none").await,
        "update_room" => {
            let input = UpdateRoom { title: Some("Another".to_owned()), ..UpdateRoom::default() };
            rooms::update_room(app, actor, room_id, &IfMatch::ANY, input).await.map(drop)
        }
        "delete_room" => rooms::delete_room(app, actor, room_id, &IfMatch::ANY).await,
        "set_room_status" => rooms::set_room_status(app, actor, room_id, RoomStatus::Active).await.map(drop),
        "end_room" => rooms::end_room(app, actor, room_id).await.map(drop),
        "cancel_room" => rooms::cancel_room(app, actor, room_id).await.map(drop),
        other => panic!("{other} is in the table and is not tried"),
    };
    nothing.err().map(|error| error.rule())
}

/// Everybody of [`ROLES`], in that order, in a room that is live.
async fn cast(stage: &Stage, host: &Actor, room_id: u64) -> Vec<Actor> {
    let app = &stage.app;
    let mut cast = Vec::new();
    for role in ROLES {
        let actor = stage.rich(&format!("{role}{room_id}"), "20.00").await;
        let user_id = actor.user_id();
        if !matches!(role, "stranger" | "host" | "moderator") {
            rooms::register_for_room(app, &actor, room_id, Some(key())).await.unwrap();
        }
        match role {
            "attended" => drop(rooms::join_room(app, &actor, JoinRoom { room_id }).await.unwrap()),
            "cancelled" => {
                let cancel = "UPDATE live_room_registrations SET status = 'cancelled' WHERE user_id = ";
                stage.run(&format!("{cancel}{user_id}")).await;
            }
            "banned" => drop(rooms::ban_user(app, host, BanUser { room_id, user_id }).await.unwrap()),
            "muted" => {
                let input = MuteUser { room_id, user_id, seconds: None };
                rooms::mute_user(app, host, input).await.unwrap();
            }
            "moderator" => stage.appoint(&actor, "moderator").await,
            _ => {}
        }
        cast.push(if role == "host" { host.clone() } else { actor });
    }
    cast
}

async fn try_all(stage: &Stage, host: &Actor, room_id: u64, expected: impl Fn(&str, usize) -> Option<Rule>) {
    let cast = cast(stage, host, room_id).await;
    let mut tried = 0;
    for (operation, _) in TABLE {
        for (index, actor) in cast.iter().enumerate() {
            // Somebody new each time: what was done to one is not to stand in the way of the next.
            let victim = stage.rich(&format!("victim{room_id}x{tried}"), "20.00").await;
            rooms::register_for_room(&stage.app, &victim, room_id, Some(key())).await.unwrap();
            let posted = rooms::post_message(&stage.app, &victim, words(room_id, "salam")).await.unwrap();
            let place = Place { room_id, victim: victim.user_id(), message_id: posted.answer.message.id };
            let outcome = attempt(&stage.app, actor, operation, &place).await;
            assert_eq!(outcome, expected(operation, index), "{operation} by {}", ROLES[index]);
            stage.run("UPDATE live_room_messages SET is_pinned = 0").await;
            if matches!(*operation, "end_room" | "cancel_room") {
                stage.run("DELETE FROM hub_room_notices").await;
                let live =
                    "UPDATE live_rooms SET status = 'active', current_jitsi_room_id = 'r-again' WHERE id = ";
                stage.run(&format!("{live}{room_id}")).await;
                stage.app.bus.cache_invalidate(&[&format!("room:{room_id}")]).await.unwrap();
            }
            tried += 1;
        }
    }
    println!("{} operations, {} roles, {tried} attempts", TABLE.len(), ROLES.len());
}

fn of_table(operation: &str, index: usize) -> Option<Rule> {
    TABLE.iter().find(|(name, _)| *name == operation).unwrap().1[index]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_do_what_in_a_paid_room() {
    let stage = Stage::new().await;
    let (host, room_id) = stage.live("speaker", paid_room("1.00")).await;
    try_all(&stage, &host, room_id, of_table).await;
}

/// A free room that is live takes everybody for registered, and whoever walks in has a seat from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_do_what_in_a_free_room() {
    let stage = Stage::new().await;
    let (host, room_id) = stage.live("speaker", open_room()).await;
    let registered = ROLES.iter().position(|role| *role == "registered").unwrap();
    try_all(&stage, &host, room_id, |operation, index| {
        let without_seat = matches!(ROLES[index], "stranger" | "cancelled");
        match operation {
            // A free seat is given back at any time, but by whoever was there: here, all who have walked in.
            "cancel_registration" => match ROLES[index] {
                "host" => HIDE,
                "banned" | "moderator" => OK,
                _ => LIVE,
            },
            _ => of_table(operation, if without_seat { registered } else { index }),
        }
    })
    .await;
}

#[test]
fn no_operation_is_missing_from_the_table() {
    let listed = |name: &str| TABLE.iter().any(|(listed, _)| *listed == name);
    // What the module gives away, as its source says.
    let source = include_str!("../../src/rooms/mod.rs");
    let mut operations = 0;
    for line in source.split(';').filter_map(|item| item.split("pub use ").nth(1)) {
        let (_, names) = line.split_once("::").unwrap();
        for name in names.trim_matches(['{', '}']).split(',').map(str::trim) {
            if name.starts_with(|first: char| first.is_ascii_lowercase()) && !ROOMLESS.contains(&name) {
                assert!(listed(name), "{name} is not in the table");
                operations += 1;
            }
        }
    }
    assert_eq!(operations, TABLE.len());
    let methods = Rpc::METHODS.iter().filter_map(|method| method.strip_prefix("rooms."));
    for method in methods {
        let operation = match method {
            "join" => "join_room",
            "leave" => "leave_room",
            "delete_message" => "delete_room_message",
            "react" => "react_to_message",
            same => same,
        };
        assert!(listed(operation), "rooms.{method} is not in the table");
    }
}
