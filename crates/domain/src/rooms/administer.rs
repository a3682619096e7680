//! The administrators' table of rooms, and the steps that they take (domain.md §5.11).

use base::Time;
use base::id::{RoomId, UserId};
use base::paging::{NumberedPage, NumberedRequest, Sort};
use protocol::rooms::{AccessType, AdminRoom, LiveRoom, RoomStatus};
use store::rooms::{AdminRoomQuery, AdminRoomRow};

use super::RoomError;
use super::authority::{Managed, lock_as_manager};
use super::cancel_room::cancel_room;
use super::end_room::{require_live, write_ended};
use super::facts::count_all_viewers;
use super::find_room::find_room;
use super::start_room::start_room;
use super::view::room_view;
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// Which rooms administrators ask for.
#[derive(Clone, Debug, Default)]
pub struct AdminRoomFilter {
    /// Only rooms in this state.
    pub status: Option<RoomStatus>,
    /// Only rooms of this category.
    pub category_id: Option<u64>,
    /// Only free, or only paid ones.
    pub access_type: Option<AccessType>,
    /// Only rooms of this host.
    pub host_id: Option<UserId>,
    /// Only rooms whose title begins so.
    pub title: Option<String>,
    /// Deleted rooms: left out, too (`false`), or alone (`true`).
    pub trashed: Option<bool>,
}

/// A page of all rooms: for whoever holds `rooms.manage`.
///
/// # Errors
/// [`base::CommonFault::Forbidden`].
pub async fn list_all_rooms(
    app: &App,
    actor: &Actor,
    filter: AdminRoomFilter,
    page: NumberedRequest,
    sort: Option<Sort>,
) -> Result<NumberedPage<AdminRoom>, RoomError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, "rooms.manage").await?;
    let which = AdminRoomQuery {
        status: filter.status.map(RoomStatus::as_str),
        category_id: filter.category_id,
        access_type: filter.access_type.map(AccessType::as_str),
        host_id: filter.host_id,
        title: filter.title.as_deref(),
        trashed: filter.trashed,
        sort: sort.map_or("created_at", |sort| sort.by),
        descending: sort.is_none_or(|sort| sort.descending),
        offset: page.offset(),
        limit: page.fetch(),
    };
    let rows = store::rooms::list_admin_rooms(&mut conn, &which).await?;
    let total =
        if page.with_total { Some(store::rooms::count_admin_rooms(&mut conn, &which).await?) } else { None };
    drop(conn);
    let ids: Vec<RoomId> = rows.iter().map(|row| row.room.id).collect();
    let mut counts = count_all_viewers(app, &ids).await?.into_iter();
    let view = |row: AdminRoomRow| -> Result<AdminRoom, store::StoreError> {
        let viewers = counts.next().unwrap_or(0);
        let viewers = if row.room.status == RoomStatus::Active.as_str() { viewers } else { 0 };
        Ok(AdminRoom {
            room: room_view(app, row.room, viewers)?,
            paid_count: u32::try_from(row.paid_count).unwrap_or(u32::MAX),
            created_at: row.created_at.map(Time::from),
            deleted_at: row.deleted_at.map(Time::from),
        })
    };
    Ok(NumberedPage::from_rows(page, rows, total).try_map(view)?)
}

/// Takes a room to its next state, for whoever holds `rooms.manage`: `active` starts a session, `scheduled` ends one,
/// `completed` ends the programme before its last day, `cancelled` calls it off.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; [`base::CommonFault::IllegalTransition`] with `allowed`.
pub async fn set_room_status(
    app: &App,
    actor: &Actor,
    room_id: RoomId,
    to: RoomStatus,
) -> Result<LiveRoom, RoomError> {
    actor.require("write")?;
    access::demand_permission(app, actor, "rooms.manage").await?;
    match to {
        RoomStatus::Active => drop(start_room(app, actor, room_id).await?),
        RoomStatus::Cancelled => {
            cancel_room(app, actor, room_id).await?;
        }
        RoomStatus::Scheduled | RoomStatus::Completed => {
            in_unit!(app, |unit| write_end(unit, actor, room_id, to))?;
        }
    }
    find_room(app, Some(actor), room_id).await
}

async fn write_end(unit: &mut Unit, actor: &Actor, room_id: RoomId, to: RoomStatus) -> Result<(), RoomError> {
    let Managed { room, status, .. } = lock_as_manager(unit, actor, room_id).await?;
    let now = Time::now_in_seconds();
    require_live(&room, status, to, now)?;
    write_ended(unit, &room, status, to, now).await.map(drop)
}
