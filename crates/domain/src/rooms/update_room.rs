//! Changing what is said of a room (domain.md §5.6).

use base::conditional::IfMatch;
use base::id::RoomId;
use base::{CommonFault, Problem, Time, Violations};
use protocol::Event;
use protocol::channel::Channel;
use protocol::rooms::{AccessType, CreateRoom, DurationType, LiveRoom, RoomStatus, RoomTerms, UpdateRoom};
use store::rooms::RoomChanges;

use super::authority::{Managed, lock_as_manager};
use super::create_room::{Plan, check_input, clock};
use super::facts::{count_viewers, facts_key};
use super::schedule::Schedule;
use super::view::room_view;
use super::{NO_ROOM, RoomError};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Changes what is given of a room: for its host and whoever manages rooms. Price and dates stay while the room is live
/// and once a seat was paid: then it can only be cancelled. There are never fewer seats than are taken.
///
/// # Errors
/// [`CommonFault::Forbidden`], `not_found`; [`CommonFault::PreconditionFailed`]; violations of each field;
/// [`RoomError::Over`], [`RoomError::TermsFixed`].
pub async fn update_room(
    app: &App,
    actor: &Actor,
    room_id: RoomId,
    version: &IfMatch,
    input: UpdateRoom,
) -> Result<LiveRoom, RoomError> {
    actor.require("write")?;
    let viewers = count_viewers(app, room_id).await?;
    in_unit!(app, |unit| write_changes(app, unit, actor, room_id, (version, viewers), &input))
}

async fn write_changes(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    room_id: RoomId,
    (version, viewers): (&IfMatch, u32),
    changes: &UpdateRoom,
) -> Result<LiveRoom, RoomError> {
    let Managed { room, status, .. } = lock_as_manager(unit, actor, room_id).await?;
    let viewers = if status == RoomStatus::Active { viewers } else { 0 };
    let row = store::rooms::find_listed_room(unit, actor.user_id(), true, room_id).await?.ok_or(NO_ROOM)?;
    let before = room_view(app, row, viewers)?;
    version.check(&before)?;
    let over = matches!(status, RoomStatus::Completed | RoomStatus::Cancelled);
    let present =
        Schedule::of(&room).ok_or_else(|| CommonFault::internal("the room's time zone is not one"))?;
    let input = merge(&before, changes)?;
    let new_category = changes.category_id.flatten().filter(|category| before.category_id != Some(*category));
    let moved = is_moved(&before, &present, &input);
    let Plan { mut input, schedule } =
        check_input(unit, actor, input, new_category, (!moved).then_some(present)).await?;
    if changes.cover_url.is_none() {
        input.cover_url.clone_from(&before.cover_url);
    }
    if let Some(seats) = input.max_participants {
        let taken = store::rooms::count_seats(unit, room_id).await?;
        if u64::from(seats) < taken {
            let problem = Problem::TooSmall(taken.to_string());
            return Err(Violations::one("max_participants", problem).into());
        }
    }
    if over {
        return Err(RoomError::Over);
    }
    let priced = before.access_type != input.access_type || before.price != input.price;
    if moved || priced {
        let fixed = status == RoomStatus::Active || store::rooms::count_paid_seats(unit, room_id).await? > 0;
        if fixed {
            return Err(RoomError::TermsFixed);
        }
    }
    let written = RoomChanges {
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
    };
    store::rooms::update_room(unit, room_id, &written, Time::now_in_seconds().as_chrono()).await?;
    let row = store::rooms::find_listed_room(unit, actor.user_id(), true, room_id).await?.ok_or(NO_ROOM)?;
    let after = room_view(app, row, viewers)?;
    unit.forget(facts_key(room_id));
    if after != before {
        let room = Box::new(terms(after.clone()));
        unit.emit(Channel::Room(room_id), Event::RoomUpdated { room_id, room });
    }
    Ok(after)
}

/// The whole of it, as it would have been announced.
fn merge(before: &LiveRoom, changes: &UpdateRoom) -> Result<CreateRoom, RoomError> {
    let given = |new: &Option<String>, old: &String| new.clone().unwrap_or_else(|| old.clone());
    let optional = |new: &Option<Option<String>>, old: &Option<String>| match new {
        Some(new) => new.clone(),
        None => old.clone(),
    };
    let access_type = changes.access_type.unwrap_or(before.access_type);
    // Made free, it costs nothing unless somebody says otherwise, and is told so.
    let price = match (changes.price, access_type) {
        (Some(price), _) => price,
        (None, AccessType::Free) => base::Money::ZERO,
        (None, AccessType::Paid) => before.price,
    };
    Ok(CreateRoom {
        title: given(&changes.title, &before.title),
        description: optional(&changes.description, &before.description),
        category_id: changes.category_id.unwrap_or(before.category_id),
        // One that stays is not judged: another application may have written a path.
        cover_url: changes.cover_url.clone().flatten(),
        start_date: given(&changes.start_date, &before.start_date),
        duration_type: match changes.duration_type {
            Some(duration) => duration,
            None => duration_type(&before.duration_type)?,
        },
        start_time: given(&changes.start_time, &before.start_time),
        end_time: given(&changes.end_time, &before.end_time),
        timezone: Some(given(&changes.timezone, &before.timezone)),
        access_type,
        price,
        max_participants: changes.max_participants.unwrap_or(before.max_participants),
    })
}

fn duration_type(column: &str) -> Result<DurationType, RoomError> {
    use DurationType::{Day, Month, ThreeMonths, Week};
    let found = [Day, Week, Month, ThreeMonths].into_iter().find(|one| one.as_str() == column);
    let corrupt = store::StoreError::Corrupt { table: "live_rooms", column: "duration_type" };
    found.ok_or_else(|| corrupt.into())
}

/// Would the sessions be at other times? `20:00` is `20:00:00`.
fn is_moved(before: &LiveRoom, present: &Schedule, input: &CreateRoom) -> bool {
    input.start_date != before.start_date
        || input.duration_type.as_str() != before.duration_type
        || input.timezone.as_deref() != Some(before.timezone.as_str())
        || clock(&input.start_time) != Some(present.start_time)
        || clock(&input.end_time) != Some(present.end_time)
}

fn terms(room: LiveRoom) -> RoomTerms {
    RoomTerms {
        title: room.title,
        description: room.description,
        category_id: room.category_id,
        cover_url: room.cover_url,
        start_date: room.start_date,
        end_date: room.end_date,
        start_time: room.start_time,
        end_time: room.end_time,
        timezone: room.timezone,
        duration_type: room.duration_type,
        access_type: room.access_type,
        price: room.price,
        currency: room.currency,
        max_participants: room.max_participants,
    }
}
