//! Telling everybody with a seat (`hub_room_notices`): noted in the unit of what happened, told by the clock, some at a time,
//! so that a room of thousands holds nobody up. Each is told once: up to whom it was told is written with the telling.

use base::id::{RoomId, UserId};
use base::{CommonFault, Time};
use protocol::notifications::NotificationKind;
use store::rooms::{NewNotice, NoticeRow};

use super::RoomError;
use super::cancel_room::take_seat_back;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{App, in_unit};

/// People told in one transaction.
const TOGETHER: u32 = 50;
/// People told at one beat of the clock, about.
const A_BEAT: u64 = 400;
/// Notices looked at together.
const NOTICES: u32 = 50;

/// Notes something to be told to everybody with a seat. What was noted before is not told again.
///
/// # Errors
/// Those of the store.
pub(super) async fn note(
    unit: &mut Unit,
    room_id: RoomId,
    kind: NotificationKind,
    occasion: &str,
    actor_id: Option<UserId>,
    at: Time,
) -> Result<(), RoomError> {
    let notice =
        NewNotice { live_room_id: room_id, kind: kind.as_str(), occasion, actor_id, at: at.as_chrono() };
    Ok(store::rooms::insert_notice(unit, &notice).await?)
}

/// Goes on with what is to be told to everybody with a seat, and with paying back those of cancelled rooms; how many
/// people were told. What fails is logged and tried again at the next beat; it does not hold up others.
///
/// # Errors
/// Those of the store.
pub async fn tell_rooms_due(app: &App) -> Result<u64, CommonFault> {
    let mut told = 0_u64;
    let mut after = 0;
    while told < A_BEAT {
        let notices = {
            let mut conn = app.store.reader().await.map_err(crate::fault::of_store)?;
            store::rooms::list_due_notices(&mut conn, after, NOTICES).await.map_err(crate::fault::of_store)?
        };
        let Some(last) = notices.last() else { break };
        after = last.id;
        for notice in &notices {
            if told >= A_BEAT {
                break;
            }
            let outcome = if notice.kind == NotificationKind::RoomCancelled.as_str() {
                pay_all_back(app, notice).await
            } else {
                tell_all(app, notice, A_BEAT.saturating_sub(told)).await
            };
            match outcome {
                Ok(count) => told = told.saturating_add(count),
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    let (notice, room_id) = (notice.id, notice.live_room_id);
                    tracing::warn!(%error, cause, notice, room_id, "a room's people could not be told yet");
                }
            }
        }
    }
    Ok(told)
}

/// Tells one thing to about `most` more people.
async fn tell_all(app: &App, notice: &NoticeRow, most: u64) -> Result<u64, RoomError> {
    let mut told = 0_u64;
    while told < most {
        let some = tell_together(app, notice.id).await?;
        told = told.saturating_add(some);
        if some < u64::from(TOGETHER) {
            break;
        }
    }
    Ok(told)
}

async fn tell_together(app: &App, id: u64) -> Result<u64, RoomError> {
    in_unit!(app, |unit| tell_some(app, unit, id))
}

async fn tell_some(app: &App, unit: &mut Unit, id: u64) -> Result<u64, RoomError> {
    let Some(notice) = store::rooms::lock_notice(unit, id).await? else { return Ok(0) };
    let room_id = notice.live_room_id;
    let kind = NotificationKind::from_name(&notice.kind);
    let room = store::rooms::find_room(unit, room_id).await?;
    let now = Time::now_in_seconds();
    let (Some(kind), Some(room)) = (kind, room) else {
        // Deleted meanwhile, or a kind of another release: nobody is told.
        store::rooms::update_notice(unit, id, notice.after_id, Some(now.as_chrono())).await?;
        return Ok(0);
    };
    let with_missed = kind == NotificationKind::RoomRecordingReady;
    let people = store::rooms::list_told(unit, room_id, with_missed, notice.after_id, TOGETHER).await?;
    for &(_, user_id) in &people {
        let mut told = Notice::new(kind, user_id)
            .about(Morph::LiveRoom, room_id, format!("/live-rooms/{room_id}"))
            .with("title", room.title.clone());
        told.actor = notice.actor_id;
        notify(app, unit, told).await?;
    }
    let up_to = people.last().map_or(notice.after_id, |(registration_id, _)| *registration_id);
    let count = u64::try_from(people.len()).unwrap_or(u64::MAX);
    let done_at = (count < u64::from(TOGETHER)).then(|| now.as_chrono());
    store::rooms::update_notice(unit, id, up_to, done_at).await?;
    Ok(count)
}

/// Some of those with a seat in a cancelled room, one transaction each: a seat whose money does not move stays, to be
/// tried again, and the others are paid.
async fn pay_all_back(app: &App, notice: &NoticeRow) -> Result<u64, RoomError> {
    let (mut paid, mut failed, mut after) = (0_u64, 0_u64, 0);
    while paid.saturating_add(failed) < A_BEAT {
        let seats = {
            let mut conn = app.store.reader().await?;
            store::rooms::list_open_seats(&mut conn, notice.live_room_id, after, TOGETHER).await?
        };
        let Some(&(last, _)) = seats.last() else {
            if failed == 0 {
                in_unit!(app, |unit| end_notice(unit, notice.id))?;
            }
            break;
        };
        after = last;
        for (registration_id, user_id) in seats {
            match take_seat_back(app, notice, user_id).await {
                Ok(was_open) => paid = paid.saturating_add(u64::from(was_open)),
                Err(error) => {
                    failed = failed.saturating_add(1);
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(%error, cause, registration_id, "a seat could not be paid back yet");
                }
            }
        }
    }
    Ok(paid)
}

async fn end_notice(unit: &mut Unit, id: u64) -> Result<(), RoomError> {
    if let Some(notice) = store::rooms::lock_notice(unit, id).await? {
        let now = Time::now_in_seconds().as_chrono();
        store::rooms::update_notice(unit, id, notice.after_id, Some(now)).await?;
    }
    Ok(())
}
