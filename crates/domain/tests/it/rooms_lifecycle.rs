//! What becomes of rooms after they were announced: changes, ends, deletion, what the clock and the video server do.

use base::conditional::IfMatch;
use base::{Fault, Rule, Secret, Time};
use config::{Jitsi, JitsiKey};
use domain::rooms::{
    self, JitsiNews, Recorder, RoomError, add_recording, delete_recording, delete_room, end_room,
    end_rooms_due, expire_holds_due, hear_jitsi, list_recordings, register_for_room, remind_rooms_due,
    start_room, tell_rooms_due, update_room,
};
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::rooms::{AddRecording, CreateRoom, DurationType, JitsiEvent, RoomStatus, UpdateRoom};
use serde_json::{Value, json};

use crate::stage::{Stage, key, open_room, paid_room};

const HOOK_SECRET: &str = "what prosody presents";

fn day_room() -> CreateRoom {
    CreateRoom { duration_type: DurationType::Day, ..open_room() }
}

fn refused<T>(outcome: Result<T, RoomError>) -> Option<Rule> {
    outcome.err().map(|error| error.rule())
}

async fn change(app: &App, actor: &Actor, room: u64, changes: Value) -> Option<Rule> {
    let input: UpdateRoom = serde_json::from_value(changes).unwrap();
    refused(update_room(app, actor, room, &IfMatch::ANY, input).await)
}

/// Seats as (status, how many), in the statuses' order.
async fn seats(stage: &Stage, room: u64) -> String {
    let counted = format!(
        "SELECT GROUP_CONCAT(CONCAT(status, ' ', n) ORDER BY status SEPARATOR ', ') FROM (SELECT CAST(status AS CHAR) \
         AS status, COUNT(*) AS n FROM live_room_registrations WHERE live_room_id = {room} GROUP BY status) s"
    );
    stage.text(&counted).await
}

async fn told(stage: &Stage, kind: &str) -> i64 {
    let kind = format!("SELECT COUNT(*) FROM notifications WHERE JSON_EXTRACT(data, '$.kind') = '{kind}'");
    stage.count(&kind).await
}

#[tokio::test]
async fn what_is_said_of_a_room_changes_but_not_what_was_paid_for() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) =
        stage.announced("host", CreateRoom { max_participants: Some(3), ..paid_room("5.00") }).await;
    let other = stage.person("other").await;
    assert_eq!(change(app, &other, room, json!({"title": "mine"})).await, Some(Rule::FORBIDDEN));
    assert_eq!(change(app, &host, 999_999, json!({"title": "x"})).await, Some(Rule::NOT_FOUND));

    // Before anybody paid, everything can change.
    assert_eq!(change(app, &host, room, json!({"price": "7.50", "duration_type": "week"})).await, None);
    for (wrong, field) in [
        (json!({"title": "  "}), "title"),
        (json!({"price": "0.00"}), "price"),
        (json!({"access_type": "free", "price": "1.00"}), "price"),
        (json!({"start_date": "2020-01-01"}), "start_date"),
        (json!({"end_time": "00:00"}), "end_time"),
        (json!({"timezone": "Mars/Olympus"}), "timezone"),
        (json!({"category_id": 999_999}), "category_id"),
        (json!({"max_participants": 0}), "max_participants"),
        (json!({"cover_url": "http://plain.example/x.png"}), "cover_url"),
    ] {
        let input: UpdateRoom = serde_json::from_value(wrong.clone()).unwrap();
        let refusal = update_room(app, &host, room, &IfMatch::ANY, input).await.unwrap_err();
        let sentences = refusal.violations().unwrap().sentences(base::Lang::En);
        assert_eq!(sentences.keys().collect::<Vec<_>>(), [field], "{wrong}");
    }

    for name in ["one", "two"] {
        let buyer = stage.rich(name, "10.00").await;
        register_for_room(app, &buyer, room, Some(key())).await.unwrap();
    }
    let fixed = Some(Rule::ROOM_TERMS_FIXED);
    for terms in [
        json!({"price": "1.00"}),
        json!({"access_type": "free"}),
        json!({"start_date": "2030-01-01"}),
        json!({"start_time": "10:00"}),
        json!({"timezone": "Asia/Riyadh"}),
        json!({"duration_type": "day"}),
    ] {
        assert_eq!(change(app, &host, room, terms.clone()).await, fixed, "{terms}");
    }
    // The same in other words is no change.
    assert_eq!(change(app, &host, room, json!({"start_time": "00:00:00", "price": "7.50"})).await, None);
    assert_eq!(change(app, &host, room, json!({"max_participants": 1})).await, Some(Rule::VALIDATION_FAILED));
    assert_eq!(change(app, &host, room, json!({"max_participants": 2})).await, None);
    let input = UpdateRoom {
        title: Some(" A new title ".to_owned()),
        description: Some(Some("What it is about".to_owned())),
        max_participants: Some(None),
        ..UpdateRoom::default()
    };
    let stale = IfMatch::of(vec!["\"another\"".to_owned()]);
    assert_eq!(
        refused(update_room(app, &host, room, &stale, input.clone()).await),
        Some(Rule::PRECONDITION_FAILED)
    );
    let changed = update_room(app, stage.admin(), room, &IfMatch::ANY, input.clone()).await.unwrap();
    assert_eq!((changed.title.as_str(), changed.max_participants), ("A new title", None));
    assert_eq!((changed.price.to_string().as_str(), changed.registered_count), ("7.50", 2));
    // Nothing changed, nothing told.
    let heard = stage.heard_of(Channel::Room(room), "room.updated").await.len();
    update_room(app, &host, room, &IfMatch::ANY, input).await.unwrap();
    let events = stage.heard_of(Channel::Room(room), "room.updated").await;
    assert_eq!(events.len(), heard);
    assert_eq!(events.last().unwrap()["room"]["description"], "What it is about");

    // A live one keeps its times, and one that is over everything.
    start_room(app, &host, room).await.unwrap();
    assert_eq!(change(app, &host, room, json!({"start_time": "01:00"})).await, fixed);
    assert_eq!(change(app, &host, room, json!({"title": "Live"})).await, None);
    stage
        .run(&format!(
            "UPDATE live_rooms SET status = 'completed', current_jitsi_room_id = NULL WHERE id = {room}"
        ))
        .await;
    assert_eq!(change(app, &host, room, json!({"title": "Over"})).await, Some(Rule::ROOM_NOT_ACTIVE));
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn a_session_ends_and_the_last_one_ends_the_programme() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, week) =
        stage.live("host", CreateRoom { duration_type: DurationType::Week, ..open_room() }).await;
    let (came, stayed_away) = (stage.person("came").await, stage.person("away").await);
    for actor in [&came, &stayed_away] {
        register_for_room(app, actor, week, None).await.unwrap();
    }
    rooms::join_room(app, &came, protocol::rooms::JoinRoom { room_id: week }).await.unwrap();
    assert_eq!(refused(end_room(app, &came, week).await), Some(Rule::FORBIDDEN));
    let ended = end_room(app, &host, week).await.unwrap();
    assert_eq!(ended.status, RoomStatus::Scheduled);
    let again = end_room(app, &host, week).await.unwrap_err();
    assert_eq!(again.rule(), Rule::ILLEGAL_TRANSITION);
    assert_eq!(again.details().unwrap()["allowed"], json!(["active", "cancelled"]));
    assert_eq!(stage.heard_of(Channel::Room(week), "room.session_ended").await.len(), 1);
    assert_eq!(seats(&stage, week).await, "attended 1, registered 1", "the programme goes on");

    // The next day, its last one.
    start_room(app, &host, week).await.unwrap();
    stage
        .run(&format!(
            "UPDATE live_rooms SET start_date = '2020-01-01', end_date = '2020-01-08' WHERE id = {week}"
        ))
        .await;
    assert_eq!(end_room(app, &host, week).await.unwrap().status, RoomStatus::Completed);
    assert_eq!(seats(&stage, week).await, "attended 1, missed 1");
    assert_eq!(stage.heard_of(Channel::Room(week), "room.ended").await.len(), 1);
    assert_eq!(refused(end_room(app, stage.admin(), week).await), Some(Rule::ILLEGAL_TRANSITION));

    let (host, day) = stage.live("second", day_room()).await;
    assert_eq!(end_room(app, &host, day).await.unwrap().status, RoomStatus::Completed);
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn the_clock_ends_what_is_past_its_end() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (_, live) = stage.live("host", open_room()).await;
    let (_, announced) = stage.announced("second", day_room()).await;
    let user = stage.person("user").await;
    register_for_room(app, &user, announced, None).await.unwrap();
    assert_eq!(end_rooms_due(app).await.unwrap(), 0);

    // Begun yesterday, and running over for more than a quarter of an hour.
    stage.run(&format!("UPDATE live_rooms SET start_date = start_date - INTERVAL 3 DAY, started_at = UTC_TIMESTAMP() - INTERVAL 2 DAY WHERE id = {live}")).await;
    stage
        .run(&format!(
            "UPDATE live_rooms SET start_date = '2020-01-01', end_date = '2020-01-01' WHERE id = {announced}"
        ))
        .await;
    assert_eq!(end_rooms_due(app).await.unwrap(), 2);
    assert_eq!(end_rooms_due(app).await.unwrap(), 0);
    let status = async |room: u64| {
        stage.text(&format!("SELECT CAST(status AS CHAR) FROM live_rooms WHERE id = {room}")).await
    };
    assert_eq!((status(live).await.as_str(), status(announced).await.as_str()), ("scheduled", "completed"));
    assert_eq!(seats(&stage, announced).await, "missed 1");
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn only_a_room_without_seats_is_deleted() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.announced("host", open_room()).await;
    let user = stage.person("user").await;
    register_for_room(app, &user, room, None).await.unwrap();
    let delete = async |actor: &Actor| refused(delete_room(app, actor, room, &IfMatch::ANY).await);
    assert_eq!(delete(&user).await, Some(Rule::FORBIDDEN));
    assert_eq!(delete(&host).await, Some(Rule::ROOM_IN_USE));
    rooms::cancel_registration(app, &user, room).await.unwrap();
    let stale = IfMatch::of(vec!["\"another\"".to_owned()]);
    assert_eq!(refused(delete_room(app, &host, room, &stale).await), Some(Rule::PRECONDITION_FAILED));
    assert_eq!(delete(&host).await, None);
    assert_eq!(delete(&host).await, Some(Rule::NOT_FOUND));
    assert_eq!(refused(rooms::find_room(app, Some(&host), room).await), Some(Rule::NOT_FOUND));
    let (host, live) = stage.live("second", open_room()).await;
    assert_eq!(refused(delete_room(app, &host, live, &IfMatch::ANY).await), Some(Rule::ROOM_IN_USE));
}

#[tokio::test]
async fn a_seat_waits_a_quarter_of_an_hour_for_its_payment() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (_, room) =
        stage.announced("host", CreateRoom { max_participants: Some(1), ..paid_room("5.00") }).await;
    let (slow, quick) = (stage.person("slow").await, stage.rich("quick", "5.00").await);
    stage.run(&format!("INSERT INTO live_room_registrations (user_id, live_room_id, status, price_paid, payment_method, created_at, updated_at) VALUES ({}, {room}, 'pending', 5, 'card', UTC_TIMESTAMP(), UTC_TIMESTAMP())", slow.user_id())).await;
    assert_eq!(expire_holds_due(app).await.unwrap(), 0);
    let take = async || refused(register_for_room(app, &quick, room, Some(key())).await.map(drop));
    assert_eq!(take().await, Some(Rule::ROOM_FULL));
    stage.run("UPDATE live_room_registrations SET updated_at = UTC_TIMESTAMP() - INTERVAL 16 MINUTE, created_at = updated_at").await;
    assert_eq!(expire_holds_due(app).await.unwrap(), 1);
    assert_eq!(expire_holds_due(app).await.unwrap(), 0);
    assert_eq!(seats(&stage, room).await, "cancelled 1");
    assert_eq!(take().await, None);
    stage.run(&format!("DELETE FROM live_room_registrations WHERE user_id = {}", slow.user_id())).await;
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn everybody_with_a_seat_is_reminded_and_called_once() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.announced("host", open_room()).await;
    for number in 0..60 {
        let user = stage.person(&format!("user{number}")).await;
        register_for_room(app, &user, room, None).await.unwrap();
    }
    assert_eq!(told(&stage, "room.registered").await, 1, "together: the host has read none");
    let tell_all = async || while tell_rooms_due(app).await.unwrap() > 0 {};
    // Its first session is in two hours, then in ten minutes, by its own clock.
    let begin = async |minutes: i64| {
        let start = Time::now_in_seconds().plus_seconds(minutes * 60).as_chrono();
        let (day, time) = (start.format("%Y-%m-%d"), start.format("%H:%M:%S"));
        stage.run(&format!("UPDATE live_rooms SET start_date = '{day}', start_time = '{time}', end_time = '{time}' WHERE id = {room}")).await;
    };
    begin(25 * 60).await;
    assert_eq!(remind_rooms_due(app).await.unwrap(), 0);
    begin(120).await;
    assert_eq!(remind_rooms_due(app).await.unwrap(), 1);
    assert_eq!(remind_rooms_due(app).await.unwrap(), 0, "noted once");
    tell_all().await;
    tell_all().await;
    assert_eq!(told(&stage, "room.reminder").await, 60);
    // The second is the same notification, told once more.
    begin(10).await;
    assert_eq!(remind_rooms_due(app).await.unwrap(), 1);
    tell_all().await;
    assert_eq!(told(&stage, "room.reminder").await, 60);
    let twice = "SELECT COUNT(*) FROM notifications WHERE JSON_EXTRACT(data, '$.kind') = 'room.reminder' AND JSON_EXTRACT(data, '$.count') = 2";
    assert_eq!(stage.count(twice).await, 60);

    start_room(app, &host, room).await.unwrap();
    // Two nodes at once tell nobody twice.
    let second = stage.world.another_node("n2").await;
    let (one, two) = tokio::join!(tell_rooms_due(app), tell_rooms_due(&second));
    one.unwrap();
    two.unwrap();
    tell_all().await;
    assert_eq!(told(&stage, "room.started").await, 60);
    let once = "SELECT COUNT(*) FROM notifications WHERE JSON_EXTRACT(data, '$.kind') = 'room.started' AND JSON_EXTRACT(data, '$.count') > 1";
    assert_eq!(stage.count(once).await, 0);
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_room_notices WHERE done_at IS NULL").await, 0);
}

async fn with_video() -> Stage {
    Stage::with(|settings| {
        settings.limits.enabled = false;
        settings.jitsi = Some(Jitsi {
            domain: "meet.example".to_owned(),
            app_id: "majlis".to_owned(),
            key: JitsiKey::Secret(Secret::new("a jitsi secret of more than 32 bytes!")),
            audience: "jitsi".to_owned(),
            hook_secret: Some(Secret::new(HOOK_SECRET)),
        });
    })
    .await
}

#[tokio::test]
async fn the_video_server_says_who_came_and_that_all_have_gone() {
    let stage = with_video().await;
    let app = &stage.app;
    let (_, room) = stage.live("host", day_room()).await;
    let (came, late) = (stage.person("came").await, stage.person("late").await);
    for actor in [&came, &late] {
        register_for_room(app, actor, room, None).await.unwrap();
    }
    let name = stage.text("SELECT current_jitsi_room_id FROM live_rooms").await;
    let hear = async |news: JitsiNews, event: Value| {
        let event: JitsiEvent = serde_json::from_value(event).unwrap();
        refused(hear_jitsi(app, Some(HOOK_SECRET), news, event).await)
    };
    for wrong in [None, Some(""), Some("what prosody presentS"), Some("what prosody presents ")] {
        let event: JitsiEvent = serde_json::from_value(json!({"room_name": name})).unwrap();
        let refusal = hear_jitsi(app, wrong, JitsiNews::RoomDestroyed, event).await;
        assert_eq!(refused(refusal), Some(Rule::UNAUTHENTICATED));
    }

    let occupant =
        |actor: &Actor| json!({"id": actor.user_id().to_string(), "name": "x", "occupant_jid": "y"});
    let joined = json!({"event_name": "muc-occupant-joined", "room_name": name, "room_jid": "z", "is_breakout": false, "occupant": occupant(&came)});
    for _ in 0..2 {
        assert_eq!(hear(JitsiNews::OccupantJoined, joined.clone()).await, None);
    }
    assert_eq!(seats(&stage, room).await, "attended 1, registered 1");
    assert_eq!(stage.heard_of(Channel::Room(room), "room.member_joined").await.len(), 1);
    // Of another session, of nobody we know, of no room of ours.
    for event in [
        json!({"room_name": format!("r{room}-aaaaaaaaaaaaaaaaaaaaaaaa"), "occupant": occupant(&late)}),
        json!({"room_name": name, "occupant": {"id": "999999"}}),
        json!({"room_name": name, "occupant": {}}),
        json!({"room_name": "catchup", "occupant": occupant(&late)}),
    ] {
        assert_eq!(hear(JitsiNews::OccupantJoined, event).await, None);
    }
    assert_eq!(seats(&stage, room).await, "attended 1, registered 1");
    let left = json!({"room_name": name, "occupant": occupant(&came)});
    assert_eq!(hear(JitsiNews::OccupantLeft, left).await, None);
    assert_eq!(stage.heard_of(Channel::Room(room), "room.member_left").await.len(), 1);

    // A breakout room that is left ends nothing; the room itself does, unless somebody comes back in time.
    let destroyed =
        json!({"room_name": name.to_uppercase(), "all_occupants": [occupant(&came), occupant(&late), {}]});
    let breakout = json!({"room_name": name, "is_breakout": true, "breakout_room_id": "b"});
    assert_eq!(hear(JitsiNews::RoomDestroyed, breakout).await, None);
    let ends = "SELECT COUNT(*) FROM hub_room_ends";
    assert_eq!(stage.count(ends).await, 0);
    assert_eq!(hear(JitsiNews::RoomDestroyed, destroyed.clone()).await, None);
    assert_eq!(seats(&stage, room).await, "attended 2", "whose coming was not told");
    let wait = "SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), due_at) FROM hub_room_ends";
    assert!((295..=300).contains(&stage.count(wait).await));
    let pass = "UPDATE hub_room_ends SET due_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND";
    assert_eq!(end_rooms_due(app).await.unwrap(), 0, "not yet");
    assert_eq!(hear(JitsiNews::RoomCreated, json!({"room_name": name})).await, None);
    assert_eq!(stage.count(ends).await, 0);
    hear(JitsiNews::RoomDestroyed, destroyed.clone()).await;
    stage.run(pass).await;
    assert_eq!(end_rooms_due(app).await.unwrap(), 1);
    assert_eq!(stage.count(ends).await, 0);
    assert_eq!(stage.text("SELECT CAST(status AS CHAR) FROM live_rooms").await, "completed");
    // Told late: the session is over.
    assert_eq!(hear(JitsiNews::RoomDestroyed, destroyed).await, None);
    assert_eq!(stage.count(ends).await, 0);
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn recordings_are_for_those_with_a_seat() {
    let stage = with_video().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", paid_room("1.00")).await;
    let (member, stranger) = (stage.rich("member", "1.00").await, stage.person("stranger").await);
    register_for_room(app, &member, room, Some(key())).await.unwrap();
    let input = |url: &str| AddRecording {
        upload_id: None,
        url: Some(url.to_owned()),
        started_at: Time::now_in_seconds().plus_seconds(-3_600),
        duration: Some(3_600),
        size: Some(1_000_000),
    };
    let one = "https://recordings.example/one.mp4";
    let by_host = Recorder::Person(&host);
    let first = add_recording(app, by_host, room, input(one)).await.unwrap();
    assert_eq!((first.url.as_str(), first.duration, first.size), (one, Some(3_600), Some(1_000_000)));
    let again = add_recording(app, Recorder::VideoServer, room, input(one)).await.unwrap();
    assert_eq!(again, first, "the same address is the same recording");
    add_recording(app, Recorder::VideoServer, room, input("https://recordings.example/two.mp4"))
        .await
        .unwrap();
    for actor in [&member, &stranger] {
        let refusal = add_recording(app, Recorder::Person(actor), room, input("https://x.example/3")).await;
        assert_eq!(refused(refusal), Some(Rule::FORBIDDEN));
    }
    for wrong in [
        AddRecording { url: None, ..input("") },
        AddRecording { url: Some("http://plain.example/x".to_owned()), ..input("") },
        AddRecording { url: Some("https://x.example/a b".to_owned()), ..input("") },
        AddRecording { upload_id: Some(1), ..input(one) },
        AddRecording { upload_id: Some(999_999), url: None, size: None, ..input("") },
        AddRecording { started_at: Time::now().plus_seconds(3_600), ..input("https://x.example/3") },
        AddRecording { duration: Some(604_801), ..input("https://x.example/3") },
    ] {
        let refusal = add_recording(app, by_host, room, wrong.clone()).await;
        assert_eq!(refused(refusal), Some(Rule::VALIDATION_FAILED), "{wrong:?}");
    }
    for actor in [&host, &member, stage.admin()] {
        assert_eq!(list_recordings(app, actor, room).await.unwrap().len(), 2);
    }
    assert_eq!(refused(list_recordings(app, &stranger, room).await), Some(Rule::ROOM_NOT_REGISTERED));
    // Those who never came may watch it, too, and are told.
    end_room(app, &host, room).await.unwrap();
    stage.run("UPDATE live_room_registrations SET status = 'missed'").await;
    while tell_rooms_due(app).await.unwrap() > 0 {}
    assert_eq!(told(&stage, "room.recording_ready").await, 1, "two, told together");
    assert_eq!(list_recordings(app, &member, room).await.unwrap().len(), 2);

    assert_eq!(refused(delete_recording(app, &member, room, &first.id).await), Some(Rule::FORBIDDEN));
    delete_recording(app, &host, room, &first.id).await.unwrap();
    assert_eq!(refused(delete_recording(app, &host, room, &first.id).await), Some(Rule::NOT_FOUND));
    let left = list_recordings(app, &member, room).await.unwrap();
    assert_eq!(
        left.iter().map(|one| one.url.as_str()).collect::<Vec<_>>(),
        ["https://recordings.example/two.mp4"]
    );
}
