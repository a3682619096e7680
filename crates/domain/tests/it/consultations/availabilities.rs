//! Windows, and the slots that come of them.

use base::conditional::{IfMatch, etag};
use base::paging::PageRequest;
use base::{Fault, Rule};
use domain::Actor;
use domain::consultations::{
    ConsultationError, create_availability, delete_availability, find_availability, find_speaker,
    list_availabilities, list_slots, list_speakers, replace_availabilities, update_availability,
    watch_speaker,
};
use protocol::channel::Channel;
use protocol::consultations::{
    CreateAvailability, ReplaceAvailabilities, SlotQuery, SpeakerFilter, UpdateAvailability, Weekday,
};
use tokio::task::JoinSet;

use super::{any_version, window};
use crate::stage::{Stage, money};

fn rule<T: std::fmt::Debug>(outcome: Result<T, ConsultationError>) -> Rule {
    outcome.unwrap_err().rule()
}

#[tokio::test]
async fn windows_of_a_day_are_apart_and_changed_by_who_has_read_them() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let speaker = stage.consultant().await;
    let create = async |input| create_availability(app, &speaker, input).await;
    let first = create(window(Weekday::Sun, "16:00", "18:00", 60)).await.unwrap();
    assert_eq!((first.start_time.as_str(), first.timezone.as_str()), ("16:00:00", "UTC"));
    let overlap = create(window(Weekday::Sun, "17:30", "19:00", 30)).await.unwrap_err();
    assert!(overlap.message(base::Lang::En).contains("overlaps"), "{overlap}");
    let second = create(window(Weekday::Sun, "18:00", "19:00", 30)).await.unwrap();
    assert_eq!(stage.heard_of(Channel::Speaker(speaker.user_id()), "slots.changed").await.len(), 2);

    let later = UpdateAvailability { end_time: Some("18:01".to_owned()), ..Default::default() };
    let update =
        async |version: &IfMatch, input| update_availability(app, &speaker, first.id, version, input).await;
    assert_eq!(rule(update(&IfMatch::ANY, later.clone()).await), Rule::PRECONDITION_REQUIRED);
    let stale = IfMatch::of(vec!["\"stale\"".to_owned()]);
    assert_eq!(rule(update(&stale, later.clone()).await), Rule::PRECONDITION_FAILED);
    assert_eq!(rule(update(&any_version(), later).await), Rule::VALIDATION_FAILED, "it meets the second");
    let body = serde_json::to_vec(&base::conditional::Data { data: &first }).unwrap();
    let read = IfMatch::of(vec![etag(&body)]);
    let cheaper = UpdateAvailability { price_per_session: Some(money("5.00")), ..Default::default() };
    let changed = update(&read, cheaper.clone()).await.unwrap();
    assert_eq!(changed.price_per_session, money("5.00"));
    assert_eq!(rule(update(&read, cheaper).await), Rule::PRECONDITION_FAILED, "once");

    assert_eq!(
        rule(delete_availability(app, &speaker, second.id, &IfMatch::ANY).await),
        Rule::PRECONDITION_REQUIRED
    );
    delete_availability(app, &speaker, second.id, &any_version()).await.unwrap();
    assert_eq!(list_availabilities(app, &speaker).await.unwrap(), [changed]);

    // Others: what is somebody else's is not there, and who may not offer is told so.
    let (other, learner) = (stage.consultant().await, stage.person("learner").await);
    assert_eq!(rule(find_availability(app, &other, first.id).await), Rule::NOT_FOUND);
    assert_eq!(rule(delete_availability(app, &other, first.id, &any_version()).await), Rule::NOT_FOUND);
    assert_eq!(rule(list_availabilities(app, &learner).await), Rule::FORBIDDEN);
    let offered = create_availability(app, &learner, window(Weekday::Sun, "16:00", "18:00", 60)).await;
    assert_eq!(rule(offered), Rule::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_windows_that_overlap_one_is_made() {
    let stage = Stage::new().await;
    let speaker = stage.consultant().await;
    let mut tries = JoinSet::new();
    for minute in 0..10 {
        let (app, actor) = (stage.app.clone(), speaker.clone());
        let input = window(Weekday::Fri, &format!("10:{minute:02}"), "12:00", 60);
        tries.spawn(
            async move { create_availability(&app, &actor, input).await.map_err(|error| error.rule()) },
        );
    }
    let outcomes = tries.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(Rule::VALIDATION_FAILED))));
    assert_eq!(stage.count("SELECT COUNT(*) FROM consultation_availabilities").await, 1);
}

#[tokio::test]
async fn a_week_is_replaced_at_once_and_what_begins_as_before_stays_itself() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let speaker = stage.consultant().await;
    let week = |availabilities: Vec<CreateAvailability>| ReplaceAvailabilities { availabilities };
    let replace =
        async |version: &IfMatch, input| replace_availabilities(app, &speaker, version, input).await;
    let first =
        week(vec![window(Weekday::Tue, "10:00", "12:00", 60), window(Weekday::Mon, "10:00", "12:00", 60)]);
    assert_eq!(rule(replace(&IfMatch::ANY, first.clone()).await), Rule::PRECONDITION_REQUIRED);
    let before = replace(&any_version(), first).await.unwrap();
    assert_eq!([before[0].day_of_week, before[1].day_of_week], [Weekday::Mon, Weekday::Tue]);
    let body = serde_json::to_vec(&base::conditional::Data { data: &before }).unwrap();
    let version = IfMatch::of(vec![etag(&body)]);
    let second =
        week(vec![window(Weekday::Mon, "10:00", "11:00", 30), window(Weekday::Wed, "10:00", "12:00", 60)]);
    let after = replace(&version, second.clone()).await.unwrap();
    assert_eq!((after.len(), after[0].id, after[0].session_duration), (2, before[0].id, 30));
    assert_eq!(rule(replace(&version, second).await), Rule::PRECONDITION_FAILED);
    let wrong =
        week(vec![window(Weekday::Mon, "10:00", "11:00", 30), window(Weekday::Mon, "10:30", "12:00", 30)]);
    let refused = replace(&any_version(), wrong).await.unwrap_err();
    let fields: Vec<_> = refused.violations().unwrap().sentences(base::Lang::En).into_keys().collect();
    assert_eq!(fields, ["availabilities.1.start_time"]);
    assert_eq!(list_availabilities(app, &speaker).await.unwrap(), after);
    assert_eq!(replace(&any_version(), week(Vec::new())).await.unwrap(), []);
}

#[tokio::test]
async fn slots_are_seen_by_whoever_may_know_of_the_speaker() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (speaker, _) = stage.busy_speaker("20.00").await;
    let id = speaker.user_id();
    let (friend, stranger) = (stage.person("friend").await, stage.person("stranger").await);
    let slots = async |viewer: Option<&Actor>, id| list_slots(app, viewer, id, SlotQuery::default()).await;
    let days = slots(None, id).await.unwrap();
    // A week, without what begins within two hours; 23 slots a day.
    assert!((7 * 23 - 26..=7 * 23).contains(&days.values().map(Vec::len).sum::<usize>()), "{days:?}");
    let first = days.values().flatten().next().unwrap();
    assert!(first.starts_at().unwrap() >= base::Time::now().plus_seconds(2 * 3600 - 5));
    assert_eq!((first.price, first.currency.as_str()), (money("20.00"), "SAR"));
    // The days are those of the zone that was asked for.
    let riyadh = SlotQuery { tz: Some("Asia/Riyadh".to_owned()), ..SlotQuery::default() };
    let days = list_slots(app, Some(&friend), id, riyadh).await.unwrap();
    for (day, slots) in &days {
        assert!(
            slots.iter().all(|slot| slot.start.starts_with(day.as_str()) && slot.start.ends_with("+03:00"))
        );
    }
    let page = find_speaker(app, None, id).await.unwrap();
    assert_eq!((page.next_slots.len(), page.speaker.price_from), (5, Some(money("20.00"))));
    let listed = list_speakers(app, None, SpeakerFilter::default(), PageRequest::default()).await.unwrap();
    assert_eq!(listed.items[0].card.id, id);
    assert_eq!(listed.items[0].next_slot.as_ref(), page.next_slots.first());

    stage.run(&format!("INSERT INTO speaker_expertises (user_id, expertise) VALUES ({id}, 'Rust')")).await;
    for (expertise, found) in [("Rust", 1), ("Go", 0)] {
        let filter = SpeakerFilter { expertise: Some(expertise.to_owned()), ..SpeakerFilter::default() };
        let page = list_speakers(app, Some(&friend), filter, PageRequest::default()).await.unwrap();
        assert_eq!(page.items.len(), found, "{expertise}");
    }

    assert_eq!(rule(slots(None, stranger.user_id()).await), Rule::NOT_FOUND, "not a speaker");
    assert!(watch_speaker(app, &stranger, id).await.is_ok());
    stage.world.block(id, stranger.user_id()).await;
    assert_eq!(rule(slots(Some(&stranger), id).await), Rule::NOT_FOUND);
    assert_eq!(rule(watch_speaker(app, &stranger, id).await), Rule::NOT_FOUND);
    let hidden = list_speakers(app, Some(&stranger), SpeakerFilter::default(), PageRequest::default()).await;
    assert_eq!(hidden.unwrap().items, []);
    assert!(slots(Some(&friend), id).await.is_ok());
    stage.run(&format!("UPDATE users SET is_active = 0 WHERE id = {id}")).await;
    assert_eq!(rule(slots(Some(&friend), id).await), Rule::NOT_FOUND);
}

#[tokio::test]
async fn notice_horizon_and_zone_are_the_settings_and_the_profiles() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (speaker, _) = stage.busy_speaker("0.00").await;
    let id = speaker.user_id();
    let count = async || {
        let days = list_slots(app, None, id, SlotQuery::default()).await.unwrap();
        days.values().map(Vec::len).sum::<usize>()
    };
    let set = async |key: &str, value: &str| {
        let mut conn = app.store.reader().await.unwrap();
        store::settings::insert_setting(&mut conn, key, value, "integer", "consult").await.unwrap();
    };
    assert!(count().await > 100);
    set("consult.horizon_days", "1").await;
    let day = count().await;
    assert!((20..=23).contains(&day), "{day}");
    set("consult.min_notice_minutes", "1440").await;
    assert!(count().await <= 1);
    set("consult.min_notice_minutes", "nonsense").await;
    assert_eq!(count().await, day);
    stage.run(&format!("UPDATE user_profiles SET timezone = 'Asia/Kathmandu' WHERE user_id = {id}")).await;
    let days = list_slots(app, None, id, SlotQuery::default()).await.unwrap();
    assert!(days.values().flatten().all(|slot| slot.start.ends_with(":00:00+05:45")));
}
