//! What is given back, and what the speaker has of it, to the halala.

use base::{Fault, Rule};
use domain::consultations::{ConsultationError, cancel_booking, complete_booking, mark_no_show};
use protocol::consultations::{BookingStatus, CancelBooking, MarkNoShow, Party};

use crate::stage::Stage;

fn rule<T: std::fmt::Debug>(outcome: Result<T, ConsultationError>) -> Rule {
    outcome.unwrap_err().rule()
}

/// Of 33.33: 28.98 net, 15 % of it (4.35) the platform's.
const PRICE: &str = "33.33";

#[tokio::test]
async fn who_cancels_has_back_what_the_table_says() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (speaker, _) = stage.busy_speaker(PRICE).await;
    let student = stage.rich("student", "400.00").await;
    let slots = stage.slots_of(&speaker).await;
    let minutes = |hours: i64, minutes: i64| hours * 60 + minutes;
    // Who, minutes before, what the student has back, and what the speaker then has of the rest: of 16.66, 14.49 net
    // and 12.32 of it; of 33.33, 24.63.
    let cases = [
        (Party::Student, minutes(24, 1), "33.33", "0.00"),
        (Party::Student, minutes(23, 59), "16.67", "12.32"),
        (Party::Student, minutes(2, 1), "16.67", "12.32"),
        (Party::Student, minutes(1, 59), "0.00", "24.63"),
        (Party::Student, -30, "0.00", "24.63"),
        (Party::Speaker, minutes(0, 10), "33.33", "0.00"),
    ];
    for (ordinal, (who, ahead, back, earned)) in cases.into_iter().enumerate() {
        let case = format!("{who:?} {ahead}");
        let before = (stage.balance(&student).await, stage.balance(&speaker).await);
        let booking = stage.book(&student, &slots[3 * ordinal]).await.unwrap();
        stage.begins_in(booking.id, ahead).await;
        let actor = if who == Party::Student { &student } else { &speaker };
        let cancelled = cancel_booking(app, actor, booking.id, CancelBooking::default()).await.unwrap();
        assert_eq!(
            (cancelled.status, cancelled.refunded.to_string()),
            (BookingStatus::Cancelled, back.to_owned()),
            "{case}"
        );
        let after = (stage.balance(&student).await, stage.balance(&speaker).await);
        let minor = |text: &str| text.parse::<base::Money>().unwrap().minor();
        assert_eq!(minor(&after.0), minor(&before.0) - minor(PRICE) + minor(back), "{case}: the student");
        assert_eq!(minor(&after.1), minor(&before.1) + minor(earned), "{case}: the speaker");
        let again = cancel_booking(app, actor, booking.id, CancelBooking::default()).await;
        assert_eq!(rule(again), Rule::ILLEGAL_TRANSITION, "{case}");
        stage.assert_consultations_hold().await;
    }
    // The percentages are the administrators'.
    stage.set("consult.refund_percent_2h", "75").await;
    let booking = stage.book(&student, &slots[40]).await.unwrap();
    stage.begins_in(booking.id, 180).await;
    let cancelled = cancel_booking(app, &student, booking.id, CancelBooking::default()).await.unwrap();
    assert_eq!(cancelled.refunded.to_string(), "25.00");
    // Over: too late for the student.
    let booking = stage.book(&student, &slots[42]).await.unwrap();
    stage.begins_in(booking.id, -61).await;
    let late = cancel_booking(app, &student, booking.id, CancelBooking::default()).await;
    assert_eq!(rule(late), Rule::BOOKING_OUTSIDE_WINDOW);
    stage.assert_consultations_hold().await;
}

#[tokio::test]
async fn a_session_that_took_place_or_was_missed_is_settled_once() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (speaker, _) = stage.busy_speaker(PRICE).await;
    let student = stage.rich("student", "200.00").await;
    let slots = stage.slots_of(&speaker).await;
    let first = stage.book(&student, &slots[0]).await.unwrap();
    stage.begins_in(first.id, -59).await;
    assert_eq!(rule(complete_booking(app, &speaker, first.id).await), Rule::BOOKING_OUTSIDE_WINDOW);
    stage.begins_in(first.id, -61).await;
    assert_eq!(rule(complete_booking(app, &student, first.id).await), Rule::FORBIDDEN);
    let done = complete_booking(app, &speaker, first.id).await.unwrap();
    assert_eq!(done.status, BookingStatus::Completed);
    assert_eq!(stage.balance(&speaker).await, "24.63");
    assert_eq!(rule(complete_booking(app, &speaker, first.id).await), Rule::ILLEGAL_TRANSITION);

    let miss = async |actor: &domain::Actor, id, who| mark_no_show(app, actor, id, MarkNoShow { who }).await;
    let second = stage.book(&student, &slots[2]).await.unwrap();
    stage.begins_in(second.id, -14).await;
    assert_eq!(rule(miss(&speaker, second.id, Party::Student).await), Rule::BOOKING_OUTSIDE_WINDOW);
    stage.begins_in(second.id, -16).await;
    assert_eq!(
        rule(miss(&speaker, second.id, Party::Speaker).await),
        Rule::FORBIDDEN,
        "nobody marks oneself"
    );
    let missed = miss(&speaker, second.id, Party::Student).await.unwrap();
    assert_eq!((missed.status, missed.missed_by), (BookingStatus::NoShow, Some(Party::Student)));
    assert_eq!(stage.balance(&speaker).await, "49.26");

    let third = stage.book(&student, &slots[4]).await.unwrap();
    stage.begins_in(third.id, -16).await;
    let missed = miss(&student, third.id, Party::Speaker).await.unwrap();
    assert_eq!((missed.missed_by, missed.refunded.to_string().as_str()), (Some(Party::Speaker), PRICE));
    assert_eq!(stage.balance(&speaker).await, "49.26");
    assert_eq!(stage.balance(&student).await, "133.34");

    // Reopening is an administrator's, and moves no money twice.
    stage.begins_in(second.id, -61).await;
    assert_eq!(rule(complete_booking(app, &speaker, second.id).await), Rule::FORBIDDEN);
    let reopened = complete_booking(app, stage.admin(), second.id).await.unwrap();
    assert_eq!((reopened.status, reopened.missed_by), (BookingStatus::Completed, None));
    assert_eq!(stage.balance(&speaker).await, "49.26");
    stage.assert_consultations_hold().await;
}

#[tokio::test]
async fn where_the_settings_say_so_the_speaker_is_paid_at_once() {
    let stage = Stage::new().await;
    let app = &stage.app;
    stage.set("consult.settle", "on_booking").await;
    let (speaker, _) = stage.busy_speaker(PRICE).await;
    let student = stage.rich("student", "100.00").await;
    let slots = stage.slots_of(&speaker).await;
    let first = stage.book(&student, &slots[0]).await.unwrap();
    assert_eq!(stage.balance(&speaker).await, "24.63");
    stage.begins_in(first.id, -61).await;
    complete_booking(app, &speaker, first.id).await.unwrap();
    assert_eq!(stage.balance(&speaker).await, "24.63");
    let second = stage.book(&student, &slots[2]).await.unwrap();
    cancel_booking(app, &speaker, second.id, CancelBooking::default()).await.unwrap();
    assert_eq!(
        (stage.balance(&student).await.as_str(), stage.balance(&speaker).await.as_str()),
        ("66.67", "24.63")
    );
    stage.assert_consultations_hold().await;
}
