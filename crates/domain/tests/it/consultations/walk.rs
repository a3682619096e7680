//! Random steps through the real operations, compared with the table of states.

use std::collections::BTreeSet;

use base::{Fault, Rule};
use domain::consultations::{
    bookings_due, cancel_booking, complete_booking, confirm_booking, decline_booking, find_booking,
    mark_no_show, reschedule_booking,
};
use domain::machine;
use protocol::consultations::{BookingStatus, CancelBooking, MarkNoShow, Party, RescheduleBooking};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::stage::Stage;

/// Where a booking is in time, minutes from now to its beginning.
const TIMES: [i64; 8] = [3 * 24 * 60, 25 * 60, 13 * 60, 60, -5, -20, -90, -90];
/// The operations, those more often that only few moments allow.
const OPERATIONS: [u8; 10] = [0, 1, 2, 3, 3, 3, 4, 4, 5, 6];

#[tokio::test]
async fn a_random_walk_meets_no_step_that_the_table_does_not_have() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let seed = 0x1d_ea;
    let mut rng = StdRng::seed_from_u64(seed);
    let (speaker, _) = stage.busy_speaker("7.77").await;
    let student = stage.rich("student", "1000.00").await;
    let slots = stage.slots_of(&speaker).await;
    let (mut steps, mut refused) = (BTreeSet::new(), 0);
    for round in 0..16 {
        let confirm = rng.random_range(0..2) == 1;
        stage.set("consult.require_confirmation", if confirm { "1" } else { "0" }).await;
        let booking = stage.book(&student, &slots[3 * round]).await.unwrap();
        for _ in 0..14 {
            let before = find_booking(app, &student, booking.id).await.unwrap().status;
            stage.begins_in(booking.id, TIMES[rng.random_range(0..TIMES.len())]).await;
            let actor = [&student, &speaker, stage.admin()][rng.random_range(0..3)];
            let who = if rng.random_range(0..2) == 0 { Party::Student } else { Party::Speaker };
            let none = CancelBooking::default();
            let outcome = match OPERATIONS[rng.random_range(0..OPERATIONS.len())] {
                0 => confirm_booking(app, actor, booking.id).await.map(drop),
                1 => decline_booking(app, actor, booking.id, none).await.map(drop),
                2 => cancel_booking(app, actor, booking.id, none).await.map(drop),
                3 => complete_booking(app, actor, booking.id).await.map(drop),
                4 => mark_no_show(app, actor, booking.id, MarkNoShow { who }).await.map(drop),
                5 => {
                    let start = slots[3 * round + 1].starts_at().unwrap();
                    reschedule_booking(app, actor, booking.id, RescheduleBooking { start }).await.map(drop)
                }
                _ => {
                    let expire = "UPDATE consultation_bookings SET expires_at = UTC_TIMESTAMP()";
                    stage.run(&format!("{expire} WHERE id = {} AND status = 'pending'", booking.id)).await;
                    bookings_due(app).await.unwrap();
                    Ok(())
                }
            };
            let after = find_booking(app, &student, booking.id).await.unwrap().status;
            if after != before {
                assert!(machine::may(before, after), "seed {seed}: {before:?} became {after:?}");
                assert!(outcome.is_ok(), "seed {seed}: refused, and changed");
                steps.insert(format!("{before:?} to {after:?}"));
            }
            if let Err(error) = outcome {
                refused += 1;
                let known = [
                    Rule::ILLEGAL_TRANSITION,
                    Rule::FORBIDDEN,
                    Rule::BOOKING_OUTSIDE_WINDOW,
                    Rule::BOOKING_NOT_SCHEDULED,
                    Rule::POLICY_VIOLATION,
                    Rule::SLOT_UNAVAILABLE,
                ];
                assert!(known.contains(&error.rule()), "seed {seed}: {error:?}");
                if error.rule() == Rule::ILLEGAL_TRANSITION {
                    let details = error.details().unwrap();
                    assert_eq!(details["allowed"], serde_json::json!(machine::allowed(before)));
                }
            }
        }
        // Nothing is left open that would be in the next one's way.
        let last = find_booking(app, &student, booking.id).await.unwrap().status;
        if machine::may(last, BookingStatus::Cancelled) {
            stage.begins_in(booking.id, 3 * 24 * 60).await;
            cancel_booking(app, stage.admin(), booking.id, CancelBooking::default()).await.unwrap();
        }
    }
    println!("seed {seed}: {steps:?}, {refused} refused");
    assert!(steps.len() >= 4 && refused > 16);
    stage.assert_consultations_hold().await;
}
