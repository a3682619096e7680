//! What happens by itself: holds end, sessions are completed, both are reminded.

use domain::consultations::{bookings_due, find_booking};
use protocol::channel::Channel;
use protocol::consultations::BookingStatus;

use crate::stage::Stage;

#[tokio::test]
async fn holds_end_and_sessions_are_completed_a_day_after_their_end() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (speaker, _) = stage.busy_speaker("10.00").await;
    let student = stage.rich("student", "100.00").await;
    let slots = stage.slots_of(&speaker).await;
    let done = stage.book(&student, &slots[0]).await.unwrap();
    let recent = stage.book(&student, &slots[2]).await.unwrap();
    stage.set("consult.require_confirmation", "1").await;
    let held = stage.book(&student, &slots[4]).await.unwrap();
    let ended = stage.book(&student, &slots[6]).await.unwrap();
    assert_eq!(bookings_due(app).await.unwrap(), 0);
    stage.begins_in(done.id, -25 * 60 - 1).await;
    stage.begins_in(recent.id, -25 * 60 + 2).await;
    let expire = "UPDATE consultation_bookings SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND";
    stage.run(&format!("{expire} WHERE id = {}", ended.id)).await;
    assert_eq!(bookings_due(app).await.unwrap(), 2);
    let status = async |id| find_booking(app, &student, id).await.unwrap().status;
    assert_eq!(status(done.id).await, BookingStatus::Completed);
    assert_eq!(status(recent.id).await, BookingStatus::Scheduled);
    assert_eq!(status(held.id).await, BookingStatus::Pending);
    assert_eq!(status(ended.id).await, BookingStatus::Cancelled);
    assert_eq!(stage.balance(&student).await, "70.00", "the hold's money is back");
    assert_eq!(stage.balance(&speaker).await, "7.40", "8.70 net, 15 % of it the platform's");
    assert_eq!(bookings_due(app).await.unwrap(), 0);
    stage.assert_consultations_hold().await;
}

#[tokio::test]
async fn both_are_reminded_thrice_and_each_time_once() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (speaker, _) = stage.busy_speaker("0.00").await;
    let student = stage.person("student").await;
    let slots = stage.slots_of(&speaker).await;
    let booking = stage.book(&student, &slots[0]).await.unwrap();
    let reminders = async |user_id| {
        let heard = stage.heard_of(Channel::User(user_id), "notification.created").await;
        heard.iter().filter(|heard| heard["notification"]["kind"] == "booking.reminder").count()
    };
    let mut expected = 0;
    for (minutes, due) in
        [(24 * 60 + 1, false), (24 * 60, true), (61, false), (60, true), (11, false), (10, true)]
    {
        stage.begins_in(booking.id, minutes).await;
        expected += usize::from(due);
        for _ in 0..2 {
            bookings_due(app).await.unwrap();
        }
        for user_id in [student.user_id(), speaker.user_id()] {
            assert_eq!(reminders(user_id).await, expected, "{minutes}");
        }
    }
    // Who was not reminded in time is reminded once, not three times.
    let late = stage.book(&student, &slots[3]).await.unwrap();
    stage.begins_in(late.id, 5).await;
    bookings_due(app).await.unwrap();
    bookings_due(app).await.unwrap();
    assert_eq!(reminders(student.user_id()).await, expected + 1);
}
