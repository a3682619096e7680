//! What the two say of each other.

use base::paging::PageRequest;
use base::{Fault, Rule};
use domain::consultations::{
    ConsultationError, complete_booking, find_speaker, list_booking_ratings, list_speaker_ratings,
    rate_booking, update_rating,
};
use protocol::channel::Channel;
use protocol::consultations::{RateBooking, UpdateRating};

use super::any_version;
use crate::stage::Stage;

fn rule<T: std::fmt::Debug>(outcome: Result<T, ConsultationError>) -> Rule {
    outcome.unwrap_err().rule()
}

#[tokio::test]
async fn both_rate_once_in_time_and_only_what_took_place() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (speaker, _) = stage.busy_speaker("0.00").await;
    let (student, stranger) = (stage.person("student").await, stage.person("stranger").await);
    let slots = stage.slots_of(&speaker).await;
    let booking = stage.book(&student, &slots[0]).await.unwrap();
    let give = |rating| RateBooking { rating, review: Some(" شرح واضح ".to_owned()) };
    let rate = async |actor: &domain::Actor, rating| rate_booking(app, actor, booking.id, give(rating)).await;
    assert_eq!(rule(rate(&student, 5).await), Rule::BOOKING_NOT_COMPLETED);
    stage.begins_in(booking.id, -61).await;
    complete_booking(app, &speaker, booking.id).await.unwrap();
    assert_eq!(rule(rate(&stranger, 5).await), Rule::NOT_FOUND);
    assert_eq!(rule(rate(stage.admin(), 5).await), Rule::FORBIDDEN);
    for wrong in [0, 6] {
        assert_eq!(rule(rate(&student, wrong).await), Rule::VALIDATION_FAILED);
    }
    let given = rate(&student, 4).await.unwrap();
    assert_eq!((given.rated_id, given.review.as_deref()), (speaker.user_id(), Some("شرح واضح")));
    assert_eq!(rule(rate(&student, 4).await), Rule::BOOKING_ALREADY_RATED);
    let heard = stage.heard_of(Channel::User(speaker.user_id()), "rating.received").await;
    assert_eq!((heard.len(), &heard[0]["rating"]), (1, &serde_json::json!(4)));
    let told = stage.heard_of(Channel::User(speaker.user_id()), "notification.created").await;
    assert!(told.iter().any(|told| told["notification"]["kind"] == "rating.received"));
    rate(&speaker, 2).await.unwrap();
    assert_eq!(list_booking_ratings(app, &student, booking.id).await.unwrap().len(), 2);
    assert_eq!(rule(list_booking_ratings(app, &stranger, booking.id).await), Rule::NOT_FOUND);

    // A speaker's page shows what students said, not what was said of the speaker as a student, nor by the speaker.
    let page = list_speaker_ratings(app, None, speaker.user_id(), PageRequest::default()).await.unwrap();
    assert_eq!(page.items, std::slice::from_ref(&given));
    let profile = find_speaker(app, None, speaker.user_id()).await.unwrap().speaker;
    assert_eq!((profile.average_rating.as_deref(), profile.ratings_count), (Some("4.00"), 1));

    let better = UpdateRating { rating: Some(5), review: None };
    let change = async |actor: &domain::Actor, input: &UpdateRating| {
        update_rating(app, actor, booking.id, &any_version(), input.clone()).await
    };
    let changed = change(&student, &better).await.unwrap();
    assert_eq!((changed.rating, changed.review), (5, given.review));
    stage.run("UPDATE consultation_ratings SET created_at = UTC_TIMESTAMP() - INTERVAL 2881 MINUTE").await;
    assert_eq!(rule(change(&student, &better).await), Rule::POLICY_VIOLATION);
    assert_eq!(rule(change(&stranger, &better).await), Rule::NOT_FOUND);
    stage.assert_consultations_hold().await;

    stage.run("DELETE FROM consultation_ratings").await;
    assert_eq!(rule(change(&student, &better).await), Rule::NOT_FOUND);
    stage.begins_in(booking.id, -31 * 24 * 60).await;
    assert_eq!(rule(rate(&student, 5).await), Rule::POLICY_VIOLATION);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_ratings_at_once_one_is_written() {
    let stage = Stage::new().await;
    let (speaker, _) = stage.busy_speaker("0.00").await;
    let student = stage.person("student").await;
    let slots = stage.slots_of(&speaker).await;
    let booking = stage.book(&student, &slots[0]).await.unwrap();
    stage.begins_in(booking.id, -61).await;
    complete_booking(&stage.app, &speaker, booking.id).await.unwrap();
    let mut races = tokio::task::JoinSet::new();
    for rating in 0..10 {
        let (app, actor) = (stage.app.clone(), student.clone());
        let input = RateBooking { rating: rating % 5 + 1, review: None };
        races.spawn(async move {
            rate_booking(&app, &actor, booking.id, input).await.map_err(|error| error.rule())
        });
    }
    let outcomes = races.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(Rule::BOOKING_ALREADY_RATED))));
    stage.assert_consultations_hold().await;
}
