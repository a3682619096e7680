//! Announcing a room (domain.md §5.6).

use base::text::{clean, length};
use base::{CommonFault, Money, Problem, Time, Violations};
use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use protocol::rooms::{AccessType, CreateRoom, LiveRoom};
use store::Conn;
use store::rooms::NewRoom;

use super::schedule::{Schedule, last_day};
use super::view::room_view;
use super::{NO_ROOM, RoomError};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// Used where neither the input nor the host's profile names a zone that exists (`user_profiles.timezone`'s default).
const DEFAULT_ZONE: Tz = Tz::Asia__Riyadh;

/// Makes a room, `scheduled`; the actor is its host.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `rooms.create`; violations of each field.
pub async fn create_room(app: &App, actor: &Actor, input: CreateRoom) -> Result<LiveRoom, RoomError> {
    actor.require("write")?;
    let plan = {
        let mut conn = app.store.reader().await?;
        access::require_permission(&mut conn, actor, "rooms.create").await?;
        check(&mut conn, actor, input).await?
    };
    in_unit!(app, |unit| write_room(app, unit, actor, &plan))
}

/// An input whose values hold.
pub(super) struct Plan {
    pub(super) input: CreateRoom,
    pub(super) schedule: Schedule,
}

async fn check(conn: &mut Conn, actor: &Actor, input: CreateRoom) -> Result<Plan, RoomError> {
    let category = input.category_id;
    check_input(conn, actor, input, category, None).await
}

/// Checks what a host says of a room. `category`: one that has to be active. `kept`: the schedule, where the input does not
/// change it; a programme may have begun then.
///
/// # Errors
/// Violations of each field.
pub(super) async fn check_input(
    conn: &mut Conn,
    actor: &Actor,
    input: CreateRoom,
    category: Option<u64>,
    kept: Option<Schedule>,
) -> Result<Plan, RoomError> {
    let cleaned = |text: Option<String>| text.map(|text| clean(&text)).filter(|text| !text.is_empty());
    let input = CreateRoom {
        title: clean(&input.title),
        description: cleaned(input.description),
        cover_url: cleaned(input.cover_url),
        ..input
    };
    let mut violations = Violations::none();
    match length(&input.title) {
        0 => violations.add("title", Problem::Required),
        256.. => violations.add("title", Problem::TooLong(255)),
        _ => {}
    }
    let within = |text: &Option<String>, most| text.as_deref().is_none_or(|text| length(text) <= most);
    violations.require(within(&input.description, 5_000), "description", Problem::TooLong(5_000));
    violations.require(within(&input.cover_url, 255), "cover_url", Problem::TooLong(255));
    let https = input.cover_url.as_deref().is_none_or(|url| url.len() > 8 && url.starts_with("https://"));
    violations.require(https, "cover_url", Problem::Format("an https address"));
    if let Some(category) = category {
        let known = store::rooms::has_active_category(conn, category).await?;
        violations.require(known, "category_id", Problem::NotFound);
    }
    check_price(&input, &mut violations);
    let seats = input.max_participants.is_none_or(|seats| seats > 0);
    violations.require(seats, "max_participants", Problem::TooSmall("1".to_owned()));
    if let Some(schedule) = kept {
        violations.into_result()?;
        return Ok(Plan { input, schedule });
    }

    let zone = match &input.timezone {
        Some(name) => name.parse().ok(),
        None => {
            let own = store::rooms::find_timezone(conn, actor.user_id()).await?;
            Some(own.and_then(|name| name.parse().ok()).unwrap_or(DEFAULT_ZONE))
        }
    };
    violations.require(zone.is_some(), "timezone", Problem::Format("an IANA time zone, such as Asia/Riyadh"));
    let schedule = check_schedule(&input, zone, Time::now(), &mut violations);
    violations.into_result()?;
    let schedule =
        schedule.ok_or_else(|| CommonFault::internal("a schedule without violations is missing"))?;
    Ok(Plan { input, schedule })
}

/// `20:00` or `20:00:00`.
pub(super) fn clock(text: &str) -> Option<NaiveTime> {
    ["%H:%M:%S", "%H:%M"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok())
}

/// Paid ⇒ a price, free ⇒ none.
fn check_price(input: &CreateRoom, violations: &mut Violations) {
    match input.access_type {
        AccessType::Paid => {
            violations.require(input.price.is_positive(), "price", Problem::TooSmall("0.01".to_owned()));
            let greatest = base::money::MAX;
            violations.require(input.price <= greatest, "price", Problem::TooGreat(greatest.to_string()));
        }
        AccessType::Free => violations.require(
            input.price == Money::ZERO,
            "price",
            Problem::NotAllowed("a free room has no price"),
        ),
    }
}

fn check_schedule(
    input: &CreateRoom,
    zone: Option<Tz>,
    now: Time,
    violations: &mut Violations,
) -> Option<Schedule> {
    let date = NaiveDate::parse_from_str(&input.start_date, "%Y-%m-%d").ok();
    violations.require(date.is_some(), "start_date", Problem::Format("a date such as 2026-01-31"));
    let (start, end) = (clock(&input.start_time), clock(&input.end_time));
    violations.require(start.is_some(), "start_time", Problem::Format("a time such as 20:00"));
    violations.require(end.is_some(), "end_time", Problem::Format("a time such as 21:30"));
    let (start_date, start_time, end_time) = (date?, start?, end?);
    if end_time <= start_time {
        violations.add("end_time", Problem::NotAllowed("it must be after start_time"));
        return None;
    }
    let Some(end_date) = last_day(start_date, input.duration_type) else {
        violations.add("start_date", Problem::Format("a date in this era"));
        return None;
    };
    let schedule = Schedule { start_date, end_date, start_time, end_time, zone: zone? };
    let over = schedule.session_on(start_date).is_none_or(|first| first.end <= now);
    violations.require(!over, "start_date", Problem::NotAllowed("the first session would be over already"));
    Some(schedule)
}

async fn write_room(app: &App, unit: &mut Unit, actor: &Actor, plan: &Plan) -> Result<LiveRoom, RoomError> {
    let Plan { input, schedule } = plan;
    let new = NewRoom {
        user_id: actor.user_id(),
        category_id: input.category_id,
        title: &input.title,
        description: input.description.as_deref(),
        cover_url: input.cover_url.as_deref(),
        start_date: schedule.start_date,
        end_date: schedule.end_date,
        start_time: schedule.start_time,
        end_time: schedule.end_time,
        timezone: schedule.zone.name(),
        duration_type: input.duration_type.as_str(),
        access_type: input.access_type.as_str(),
        price: input.price,
        max_participants: input.max_participants,
        created_at: Time::now_in_seconds().as_chrono(),
    };
    let id = store::rooms::insert_room(unit, &new).await?;
    let row = store::rooms::find_listed_room(unit, actor.user_id(), false, id).await?.ok_or(NO_ROOM)?;
    Ok(room_view(app, row, 0)?)
}

#[cfg(test)]
mod tests {
    use base::{Time, Violations};
    use chrono_tz::Tz;
    use protocol::rooms::CreateRoom;

    use super::{check_price, check_schedule};

    fn violations_of(change: &str) -> String {
        let mut value = serde_json::json!({
            "title": "A room", "start_date": "2026-03-01", "start_time": "20:00", "end_time": "21:00:00",
            "access_type": "free",
        });
        let change: serde_json::Value = serde_json::from_str(change).unwrap();
        value.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let input: CreateRoom = serde_json::from_value(value).unwrap();
        let now: Time = serde_json::from_str("\"2026-03-01T17:30:00Z\"").unwrap();
        let mut violations = Violations::none();
        check_price(&input, &mut violations);
        check_schedule(&input, Some(Tz::Asia__Riyadh), now, &mut violations);
        violations.to_string()
    }

    #[test]
    fn a_room_is_announced_for_the_future_and_priced_as_its_kind() {
        assert_eq!(violations_of("{}"), "");
        assert_eq!(violations_of(r#"{"access_type":"paid","price":"10.00"}"#), "");
        for (change, field) in [
            (r#"{"access_type":"paid"}"#, "price"),
            (r#"{"price":"1.00"}"#, "price"),
            (r#"{"end_time":"20:00"}"#, "end time"),
            (r#"{"end_time":"25:00"}"#, "end time"),
            (r#"{"start_time":"8 pm"}"#, "start time"),
            (r#"{"start_date":"2026-02-30"}"#, "start date"),
            (r#"{"start_date":"2026-02-28"}"#, "start date"),
        ] {
            assert!(violations_of(change).contains(field), "{change}");
        }
    }
}
