//! Booking, and moving what was booked.

use base::paging::{NumberedRequest, PageRequest};
use base::{Fault, Rule, Time};
use domain::consultations::{
    ConsultationError, book_consultation, cancel_booking, confirm_booking, create_availability,
    decline_booking, find_booking, join_booking, list_all_bookings, list_bookings, list_slots,
    reschedule_booking, write_notes,
};
use protocol::channel::Channel;
use protocol::consultations::{
    BookConsultation, BookingFilter, BookingStatus, CancelBooking, Party, RescheduleBooking, Slot, SlotQuery,
    Weekday, WriteNotes,
};
use tokio::task::JoinSet;

use super::{any_version, wanted, window};
use crate::stage::Stage;

fn rule<T: std::fmt::Debug>(outcome: Result<T, ConsultationError>) -> Rule {
    outcome.unwrap_err().rule()
}

fn to(slot: &Slot) -> RescheduleBooking {
    RescheduleBooking { start: slot.starts_at().unwrap() }
}

#[tokio::test]
async fn a_slot_is_booked_paid_into_escrow_and_told() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (speaker, _) = stage.busy_speaker("100.00").await;
    let (student, poor) = (stage.rich("student", "250.00").await, stage.rich("poor", "99.99").await);
    let slots = stage.slots_of(&speaker).await;
    let input = BookConsultation { note: Some(" مراجعة ".to_owned()), ..wanted(&slots[0]) };
    let booked = book_consultation(app, &student, input.clone()).await.unwrap();
    let booking = booked.answer;
    assert_eq!((booking.status, booking.note.as_deref()), (BookingStatus::Scheduled, Some("مراجعة")));
    assert_eq!((booking.scheduled_at, booking.duration_minutes), (slots[0].starts_at().unwrap(), 60));
    assert_eq!(stage.balance(&student).await, "150.00");
    assert_eq!(stage.balance(&speaker).await, "0.00", "the platform keeps it until the session took place");
    let again = book_consultation(app, &student, input).await.unwrap();
    assert!(again.replayed && again.answer == booking);

    for user_id in [student.user_id(), speaker.user_id()] {
        let heard = stage.heard_of(Channel::User(user_id), "booking.created").await;
        assert_eq!(
            (heard.len(), &heard[0]["id"]),
            (2, &serde_json::json!(booking.id)),
            "again with the repeat"
        );
    }
    let told = async |user_id| {
        let heard = stage.heard_of(Channel::User(user_id), "notification.created").await;
        heard
            .iter()
            .map(|heard| heard["notification"]["kind"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(told(speaker.user_id()).await.contains(&"booking.requested".to_owned()));
    assert!(told(student.user_id()).await.contains(&"booking.confirmed".to_owned()));
    assert!(!stage.slots_of(&speaker).await.contains(&slots[0]), "it is taken");

    // What cannot be booked costs nothing.
    assert_eq!(rule(stage.book(&poor, &slots[0]).await), Rule::SLOT_UNAVAILABLE);
    assert_eq!(rule(stage.book(&poor, &slots[1]).await), Rule::INSUFFICIENT_FUNDS);
    assert_eq!(rule(stage.book(&speaker, &slots[1]).await), Rule::BOOKING_OWN);
    let off = BookConsultation { start: slots[1].starts_at().unwrap().plus_seconds(60), ..wanted(&slots[1]) };
    assert_eq!(rule(book_consultation(app, &poor, off).await), Rule::SLOT_UNAVAILABLE);
    let nowhere = BookConsultation { availability_id: 999_999, ..wanted(&slots[1]) };
    assert_eq!(rule(book_consultation(app, &poor, nowhere).await), Rule::VALIDATION_FAILED);
    stage.world.block(speaker.user_id(), poor.user_id()).await;
    assert_eq!(rule(stage.book(&poor, &slots[1]).await), Rule::VALIDATION_FAILED, "as if it were not there");
    assert_eq!(stage.balance(&poor).await, "99.99");
    assert_eq!(stage.count("SELECT COUNT(*) FROM consultation_bookings").await, 1);
    stage.assert_consultations_hold().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_who_want_one_slot_one_gets_it_and_nobody_else_is_charged() {
    let stage = Stage::new().await;
    let (speaker, _) = stage.busy_speaker("10.00").await;
    let slot = stage.slots_of(&speaker).await.remove(0);
    let mut students = Vec::new();
    for ordinal in 0..40 {
        students.push(stage.rich(&format!("student{ordinal}"), "10.00").await);
    }
    let mut races = JoinSet::new();
    for ordinal in 0..200 {
        let (app, actor) = (stage.app.clone(), students[ordinal % students.len()].clone());
        let input = wanted(&slot);
        races
            .spawn(async move { book_consultation(&app, &actor, input).await.map_err(|error| error.rule()) });
    }
    let outcomes = races.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let odd = outcomes.iter().find(|outcome| !matches!(outcome, Ok(_) | Err(Rule::SLOT_UNAVAILABLE)));
    assert!(odd.is_none(), "{odd:?}");
    assert_eq!(stage.count("SELECT COUNT(*) FROM consultation_bookings").await, 1);
    assert_eq!(
        stage.count("SELECT COUNT(*) FROM wallets WHERE balance = 10.00").await,
        40,
        "39 and the platform"
    );
    stage.assert_consultations_hold().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_in_two_sessions_at_once_whatever_their_part() {
    let stage = Stage::new().await;
    let mut speakers = Vec::new();
    for _ in 0..4 {
        speakers.push(stage.busy_speaker("0.00").await.0);
    }
    let slots = stage.slots_of(&speakers[0]).await;
    let student = stage.person("student").await;
    // One student, four speakers, one hour.
    let mut races = JoinSet::new();
    for speaker in &speakers {
        let slot = stage.slots_of(speaker).await.remove(0);
        let (app, actor) = (stage.app.clone(), student.clone());
        races.spawn(async move { book_consultation(&app, &actor, wanted(&slot)).await.is_ok() });
    }
    assert_eq!(races.join_all().await.into_iter().filter(|&won| won).count(), 1);
    // The busy hour is not among the slots that the student sees.
    let seen =
        list_slots(&stage.app, Some(&student), speakers[3].user_id(), SlotQuery::default()).await.unwrap();
    assert!(!seen.values().flatten().any(|slot| slot.start == slots[0].start));

    // Two speakers book each other at the same hour, and a third books one of them. All slots are looked up before the first is
    // taken.
    let mut pairs = Vec::new();
    for (student, speaker) in [(0, 1), (1, 0), (2, 0)] {
        let offered = stage.slots_of(&speakers[speaker]).await;
        let slot = offered.into_iter().find(|slot| slot.start == slots[5].start).unwrap();
        pairs.push((speakers[student].clone(), slot));
    }
    let mut races = JoinSet::new();
    for (student, slot) in pairs {
        let app = stage.app.clone();
        races.spawn(async move { book_consultation(&app, &student, wanted(&slot)).await.is_ok() });
    }
    assert!(races.join_all().await.into_iter().any(|won| won));
    stage.assert_consultations_hold().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_and_a_move_that_want_the_same_slot_do_not_both_get_it() {
    let stage = Stage::new().await;
    let (speaker, _) = stage.busy_speaker("0.00").await;
    let slots = stage.slots_of(&speaker).await;
    let (one, other) = (stage.person("one").await, stage.person("other").await);
    let mut moves = 0;
    for round in 0..8 {
        let booking = stage.book(&one, &slots[2 * round]).await.unwrap();
        let contested = slots[2 * round + 1].clone();
        let (app, actor, input) = (stage.app.clone(), one.clone(), to(&contested));
        let moving = tokio::spawn(async move { reschedule_booking(&app, &actor, booking.id, input).await });
        let booked = stage.book(&other, &contested).await;
        let moved = moving.await.unwrap();
        assert_ne!(booked.is_ok(), moved.is_ok(), "{booked:?} {moved:?}");
        let refused = booked.as_ref().err().or(moved.as_ref().err()).unwrap().rule();
        assert_eq!(refused, Rule::SLOT_UNAVAILABLE);
        moves += usize::from(moved.is_ok());
    }
    println!("{moves} of 8 moves were faster than the booking");
    stage.assert_consultations_hold().await;
}

#[tokio::test]
async fn where_the_speaker_has_to_confirm_a_slot_is_held_confirmed_or_declined() {
    let stage = Stage::new().await;
    let app = &stage.app;
    stage.set("consult.require_confirmation", "1").await;
    let (speaker, _) = stage.busy_speaker("40.00").await;
    let (student, stranger) = (stage.rich("student", "200.00").await, stage.person("stranger").await);
    let slots = stage.slots_of(&speaker).await;
    let first = stage.book(&student, &slots[0]).await.unwrap();
    assert_eq!(first.status, BookingStatus::Pending);
    assert!(first.expires_at.is_some());
    assert_eq!(rule(stage.book(&stage.rich("late", "40.00").await, &slots[0]).await), Rule::SLOT_UNAVAILABLE);
    assert_eq!(rule(confirm_booking(app, &stranger, first.id).await), Rule::NOT_FOUND);
    assert_eq!(rule(confirm_booking(app, &student, first.id).await), Rule::FORBIDDEN);
    let confirmed = confirm_booking(app, &speaker, first.id).await.unwrap();
    assert_eq!((confirmed.status, confirmed.expires_at), (BookingStatus::Scheduled, None));
    let again = confirm_booking(app, &speaker, first.id).await.unwrap_err();
    assert_eq!(again.rule(), Rule::ILLEGAL_TRANSITION);
    assert_eq!(again.details().unwrap()["allowed"], serde_json::json!(["completed", "cancelled", "no_show"]));
    let late = decline_booking(app, &speaker, first.id, CancelBooking::default()).await;
    assert_eq!(rule(late), Rule::ILLEGAL_TRANSITION);

    let second = stage.book(&student, &slots[1]).await.unwrap();
    assert_eq!(stage.balance(&student).await, "120.00");
    let reason = CancelBooking { reason: Some("Travelling".to_owned()) };
    let declined = decline_booking(app, &speaker, second.id, reason).await.unwrap();
    assert_eq!(
        (declined.status, declined.refunded.to_string().as_str()),
        (BookingStatus::Cancelled, "40.00")
    );
    assert_eq!(declined.cancelled_by, Some(speaker.user_id()));
    assert_eq!(stage.balance(&student).await, "160.00");
    let heard = stage.heard_of(Channel::User(student.user_id()), "booking.declined").await;
    assert_eq!(heard[0]["cancellation_reason"], "Travelling");

    // A hold that has ended is in nobody's way, even before the clock has come round.
    let third = stage.book(&student, &slots[2]).await.unwrap();
    stage
        .run(&format!(
            "UPDATE consultation_bookings SET expires_at = UTC_TIMESTAMP() WHERE id = {}",
            third.id
        ))
        .await;
    assert_eq!(rule(confirm_booking(app, &speaker, third.id).await), Rule::SLOT_UNAVAILABLE);
    let other = stage.rich("other", "40.00").await;
    stage.book(&other, &slots[2]).await.unwrap();
    assert_eq!(find_booking(app, &student, third.id).await.unwrap().status, BookingStatus::Cancelled);
    assert_eq!(stage.balance(&student).await, "160.00");
    stage.assert_consultations_hold().await;
}

#[tokio::test]
async fn a_session_is_moved_by_the_student_in_time_and_by_the_speakers_proposal() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (speaker, _) = stage.busy_speaker("20.00").await;
    let (student, stranger) = (stage.rich("student", "100.00").await, stage.person("stranger").await);
    let slots = stage.slots_of(&speaker).await;
    let booking = stage.book(&student, &slots[0]).await.unwrap();
    let go =
        async |actor: &domain::Actor, slot: &Slot| reschedule_booking(app, actor, booking.id, to(slot)).await;
    assert_eq!(rule(go(&stranger, &slots[1]).await), Rule::NOT_FOUND);
    assert_eq!(rule(go(&student, &slots[0]).await), Rule::SLOT_UNAVAILABLE, "it is there already");
    let moved = go(&student, &slots[1]).await.unwrap();
    assert_eq!(moved.scheduled_at, slots[1].starts_at().unwrap());
    let heard = stage.heard_of(Channel::User(speaker.user_id()), "booking.rescheduled").await;
    let (old, new) = (booking.scheduled_at.to_string(), moved.scheduled_at.to_string());
    assert_eq!((heard[0]["old"].as_str(), heard[0]["new"].as_str()), (Some(&*old), Some(&*new)));
    assert!(stage.slots_of(&speaker).await.contains(&slots[0]), "what was left is free again");

    // The speaker only proposes.
    let proposed = go(&speaker, &slots[3]).await.unwrap();
    assert_eq!((proposed.scheduled_at, proposed.proposed_start), (moved.scheduled_at, slots[3].starts_at()));
    stage.begins_in(booking.id, 11 * 60).await;
    assert_eq!(rule(go(&student, &slots[4]).await), Rule::POLICY_VIOLATION, "twelve hours");
    let taken = go(&student, &slots[3]).await.unwrap();
    assert_eq!((taken.scheduled_at, taken.proposed_start), (slots[3].starts_at().unwrap(), None));
    assert_eq!(stage.balance(&student).await, "80.00", "moving costs nothing");
    stage.assert_consultations_hold().await;

    // Neither a dearer nor a longer slot is what was paid for.
    stage.run("UPDATE consultation_availabilities SET price_per_session = 20.01").await;
    assert_eq!(rule(go(&student, &slots[5]).await), Rule::SLOT_UNAVAILABLE);
    stage.run("UPDATE consultation_availabilities SET price_per_session = 0, session_duration = 30").await;
    assert_eq!(rule(go(&student, &slots[5]).await), Rule::SLOT_UNAVAILABLE);
    stage.begins_in(booking.id, -1).await;
    assert_eq!(rule(go(&speaker, &slots[5]).await), Rule::BOOKING_OUTSIDE_WINDOW);
    cancel_booking(app, &speaker, booking.id, CancelBooking::default()).await.unwrap();
    assert_eq!(rule(go(&student, &slots[5]).await), Rule::BOOKING_NOT_SCHEDULED);
}

#[tokio::test]
async fn the_room_is_open_to_the_two_around_their_time() {
    let secret = "a jitsi secret of more than 32 bytes!";
    let stage = Stage::with(|settings| {
        settings.limits.enabled = false;
        settings.jitsi = Some(config::Jitsi {
            domain: "meet.example".to_owned(),
            app_id: "majlis".to_owned(),
            key: config::JitsiKey::Secret(base::Secret::new(secret)),
            audience: "jitsi".to_owned(),
            hook_secret: None,
        });
    })
    .await;
    let app = &stage.app;
    let (speaker, _) = stage.busy_speaker("0.00").await;
    let (student, stranger) = (stage.person("student").await, stage.person("stranger").await);
    let slots = stage.slots_of(&speaker).await;
    let booking = stage.book(&student, &slots[0]).await.unwrap();
    assert!(booking.meeting_url.unwrap().starts_with("https://meet.example/c"));
    let join = async |actor: &domain::Actor| join_booking(app, actor, booking.id).await;
    assert_eq!(rule(join(&student).await), Rule::BOOKING_OUTSIDE_WINDOW);
    assert_eq!(rule(join(&stranger).await), Rule::NOT_FOUND);
    assert_eq!(rule(join(stage.admin()).await), Rule::FORBIDDEN);
    for (minutes, open) in [(11, false), (10, true), (-30, true), (-74, true), (-76, false)] {
        stage.begins_in(booking.id, minutes).await;
        assert_eq!(join(&student).await.is_ok(), open, "{minutes}");
    }
    stage.begins_in(booking.id, 5).await;
    for (actor, owner) in [(&student, false), (&speaker, true)] {
        let pass = join(actor).await.unwrap().jitsi.unwrap();
        assert_eq!((pass.moderator, pass.room.to_ascii_lowercase() == pass.room), (owner, true));
        let ahead = pass.expires_at.unix_seconds() - Time::now().unix_seconds();
        assert!((79 * 60..=80 * 60).contains(&ahead), "until a quarter of an hour after its end: {ahead}");
        let payload = pass.jwt.split('.').nth(1).unwrap();
        let payload =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(claims["room"], pass.room);
        assert_eq!(claims["context"]["user"]["affiliation"], if owner { "owner" } else { "member" });
    }
    cancel_booking(app, &speaker, booking.id, CancelBooking::default()).await.unwrap();
    assert_eq!(rule(join(&student).await), Rule::BOOKING_NOT_SCHEDULED);
}

#[tokio::test]
async fn lists_show_ones_own_and_administrators_everything() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (first, _) = stage.busy_speaker("0.00").await;
    let second = stage.consultant().await;
    for day in Weekday::ALL {
        create_availability(app, &second, window(day, "00:30", "23:30", 60)).await.unwrap();
    }
    let student = stage.person("student").await;
    let slots = stage.slots_of(&first).await;
    let one = stage.book(&student, &slots[0]).await.unwrap();
    let two = stage.book(&second, &slots[2]).await.unwrap();
    let three = stage.book(&first, &stage.slots_of(&second).await[4]).await.unwrap();
    let list = async |actor: &domain::Actor, role, filter| {
        let page = list_bookings(app, actor, role, filter, PageRequest::default()).await.unwrap();
        page.items.into_iter().map(|booking| booking.id).collect::<Vec<_>>()
    };
    let all = BookingFilter::default;
    assert_eq!(list(&first, None, all()).await, [three.id, two.id, one.id]);
    assert_eq!(list(&first, Some(Party::Speaker), all()).await, [two.id, one.id]);
    assert_eq!(list(&first, Some(Party::Student), all()).await, [three.id]);
    assert_eq!(list(&student, None, all()).await, [one.id]);
    let late = BookingFilter { from: Some(two.scheduled_at), ..all() };
    assert_eq!(list(&first, Some(Party::Speaker), late).await, [two.id]);
    cancel_booking(app, &student, one.id, CancelBooking::default()).await.unwrap();
    let cancelled = BookingFilter { status: Some(BookingStatus::Cancelled), ..all() };
    assert_eq!(list(&first, None, cancelled.clone()).await, [one.id]);

    let table = async |filter| {
        let page =
            list_all_bookings(app, stage.admin(), filter, None, NumberedRequest::default()).await.unwrap();
        (page.total, page.items.into_iter().map(|booking| booking.id).collect::<Vec<_>>())
    };
    assert_eq!(table(all()).await, (Some(3), vec![three.id, two.id, one.id]));
    assert_eq!(table(cancelled).await, (Some(1), vec![one.id]));
    let of = BookingFilter { speaker_id: Some(second.user_id()), ..all() };
    assert_eq!(table(of).await, (Some(1), vec![three.id]));
    let refused = list_all_bookings(app, &first, all(), None, NumberedRequest::default()).await;
    assert_eq!(rule(refused), Rule::FORBIDDEN);

    // Notes: written by the speaker, read by both, told to both.
    let notes = WriteNotes { session_notes: Some("الخطوة التالية".to_owned()) };
    let write =
        async |actor: &domain::Actor| write_notes(app, actor, two.id, &any_version(), notes.clone()).await;
    assert_eq!(rule(write(&second).await), Rule::FORBIDDEN);
    assert_eq!(rule(write(&student).await), Rule::NOT_FOUND);
    write(&first).await.unwrap();
    let read = find_booking(app, &second, two.id).await.unwrap();
    assert_eq!(read.session_notes.as_deref(), Some("الخطوة التالية"));
    assert_eq!(stage.heard_of(Channel::User(second.user_id()), "booking.notes_changed").await.len(), 1);
}
