//! The two state machines of rooms, walked at random through the real operations (domain.md §5.6, D20): whatever happens,
//! a status changes only as the table says, and a refusal names what the table allows.

use base::{Fault, Rule};
use domain::Actor;
use domain::machine::{self, Machine};
use domain::rooms::{self, RoomError};
use protocol::rooms::{CreateRoom, DurationType, JoinRoom, RegistrationStatus, RoomStatus};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::stage::{Stage, key, open_room, paid_room};

const ROOMS: [RoomStatus; 4] =
    [RoomStatus::Scheduled, RoomStatus::Active, RoomStatus::Completed, RoomStatus::Cancelled];

async fn room_status(stage: &Stage, room: u64) -> RoomStatus {
    let name = stage.text(&format!("SELECT CAST(status AS CHAR) FROM live_rooms WHERE id = {room}")).await;
    ROOMS.into_iter().find(|status| status.as_str() == name).unwrap()
}

/// What is between a user and a room; nothing for who never had a seat.
async fn seat(stage: &Stage, room: u64, actor: &Actor) -> Option<RegistrationStatus> {
    let user_id = actor.user_id();
    let name = stage
        .text(&format!(
            "SELECT CAST(status AS CHAR) FROM live_room_registrations WHERE live_room_id = {room} AND user_id = {user_id}"
        ))
        .await;
    RegistrationStatus::STATES.iter().copied().find(|status| status.as_str() == name)
}

/// Is there a way of one step, or of two where a write does two (walking in is registering and attending)?
fn follows(from: RegistrationStatus, to: RegistrationStatus) -> bool {
    machine::may(from, to)
        || (machine::may(from, RegistrationStatus::Registered)
            && machine::may(RegistrationStatus::Registered, to))
}

#[tokio::test]
async fn rooms_go_only_where_the_table_leads() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let host = stage.person("host").await;
    stage.appoint(&host, "speaker").await;
    let seed = rand::random();
    let mut dice = StdRng::seed_from_u64(seed);
    let (mut steps, mut refusals) = (0, 0);
    for _ in 0..12 {
        let duration_type = if dice.random_bool(0.3) { DurationType::Day } else { DurationType::Week };
        let input = CreateRoom { duration_type, ..open_room() };
        let room = rooms::create_room(app, &host, input).await.unwrap().id;
        for _ in 0..14 {
            if dice.random_bool(0.08) {
                let past =
                    "UPDATE live_rooms SET start_date = '2020-01-01', end_date = '2020-01-08' WHERE id = ";
                stage.run(&format!("{past}{room}")).await;
            }
            let before = room_status(&stage, room).await;
            let outcome: Result<(), RoomError> = match dice.random_range(0..8) {
                0 | 1 => rooms::start_room(app, &host, room).await.map(drop),
                2 => rooms::end_room(app, &host, room).await.map(drop),
                3 if dice.random_bool(0.3) => rooms::cancel_room(app, &host, room).await.map(drop),
                4 => rooms::end_rooms_due(app).await.map(drop).map_err(RoomError::from),
                _ => {
                    let to = ROOMS[dice.random_range(0..3)];
                    rooms::set_room_status(app, stage.admin(), room, to).await.map(drop)
                }
            };
            let after = room_status(&stage, room).await;
            match outcome {
                Ok(()) if before == after => {}
                Ok(()) => {
                    assert!(machine::may(before, after), "{before:?} became {after:?}, seed {seed}");
                    steps += 1;
                }
                Err(error) => {
                    assert_eq!(before, after, "refused, and changed; seed {seed}");
                    refusals += 1;
                    if error.rule() == Rule::ROOM_OUTSIDE_WINDOW {
                        continue;
                    }
                    assert_eq!(error.rule(), Rule::ILLEGAL_TRANSITION, "seed {seed}: {error}");
                    let details = error.details().unwrap();
                    let allowed: Vec<&str> = details["allowed"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|name| name.as_str().unwrap())
                        .collect();
                    let mut table = machine::allowed(before);
                    // Only the clock completes what was announced, past its end.
                    if before == RoomStatus::Scheduled && allowed.len() < table.len() {
                        table.retain(|name| *name != RoomStatus::Completed.name());
                    }
                    assert_eq!(
                        (details["from"].as_str().unwrap(), allowed),
                        (before.name(), table),
                        "seed {seed}"
                    );
                }
            }
        }
    }
    assert!(steps > 20 && refusals > 20, "{steps} steps, {refusals} refusals");
    println!("{steps} steps and {refusals} refusals of rooms");
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn seats_go_only_where_the_table_leads() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let seed = rand::random();
    let mut dice = StdRng::seed_from_u64(seed);
    let mut people = Vec::new();
    for number in 0..4 {
        people.push(stage.rich(&format!("user{number}"), "100.00").await);
    }
    let first = (chrono::Utc::now() + chrono::TimeDelta::days(3)).format("%Y-%m-%d").to_string();
    let mut steps = 0;
    for number in 0..6 {
        let template = if number % 2 == 0 { open_room() } else { paid_room("2.00") };
        let input = CreateRoom { start_date: first.clone(), max_participants: Some(3), ..template };
        let (host, room) = stage.announced(&format!("host{number}"), input).await;
        for _ in 0..60 {
            let mut before = Vec::new();
            for actor in &people {
                before.push(seat(&stage, room, actor).await);
            }
            let actor = &people[dice.random_range(0..people.len())];
            match dice.random_range(0..12) {
                0..=3 => drop(rooms::register_for_room(app, actor, room, Some(key())).await),
                4 | 5 => drop(rooms::cancel_registration(app, actor, room).await),
                6 | 7 => drop(rooms::join_room(app, actor, JoinRoom { room_id: room }).await),
                8 => drop(rooms::start_room(app, stage.admin(), room).await),
                9 => drop(rooms::end_room(app, &host, room).await),
                10 => {
                    let old = "UPDATE live_room_registrations SET status = 'pending', updated_at = UTC_TIMESTAMP() \
                         - INTERVAL 20 MINUTE, price_paid = 0 WHERE status = 'cancelled' AND price_paid = 0 \
                         AND live_room_id = ";
                    // The beginning of an external payment, which is still to come; then its end.
                    stage.run(&format!("{old}{room}")).await;
                    rooms::expire_holds_due(app).await.unwrap();
                }
                _ if dice.random_bool(0.1) => {
                    drop(rooms::set_room_status(app, stage.admin(), room, RoomStatus::Completed).await);
                }
                _ if dice.random_bool(0.1) => {
                    drop(rooms::cancel_room(app, &host, room).await);
                    while rooms::tell_rooms_due(app).await.unwrap() > 0 {}
                }
                _ => {}
            }
            for (actor, before) in people.iter().zip(before) {
                match (before, seat(&stage, room, actor).await) {
                    (None, None | Some(RegistrationStatus::Registered | RegistrationStatus::Attended)) => {}
                    (Some(before), Some(after)) if before == after => {}
                    (Some(before), Some(after)) => {
                        assert!(follows(before, after), "{before:?} became {after:?}, seed {seed}");
                        steps += 1;
                    }
                    (before, after) => panic!("{before:?} became {after:?}, seed {seed}"),
                }
            }
        }
    }
    assert!(steps > 20, "{steps}");
    println!("{steps} steps of seats");
    // I-R3.
    let left = "SELECT COUNT(*) FROM live_rooms r JOIN live_room_registrations s ON s.live_room_id = r.id \
         WHERE (r.status = 'completed' AND s.status IN ('pending', 'registered')) \
           OR (r.status = 'cancelled' AND s.status <> 'cancelled')";
    assert_eq!(stage.count(left).await, 0, "seed {seed}");
    stage.assert_ledger_holds().await;
}
