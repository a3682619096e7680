//! The rooms.

use std::collections::HashMap;

use base::id::RoomId;
use base::paging::{Page, PageRequest};
use base::{Problem, Violations};
use chrono::NaiveDate;
use protocol::rooms::{AccessType, LiveRoom, RoomFilter, RoomStatus};
use store::rooms::RoomQuery;

use super::RoomError;
use super::facts::count_all_viewers;
use super::view::room_view;
use crate::{Actor, App};

/// A page of the rooms, newest first; cancelled ones only of the viewer's own. One query and, for the live ones, one
/// pipelined question to Redis.
///
/// # Errors
/// Violations of `from` and `to`; those of store and bus.
pub async fn list_rooms(
    app: &App,
    viewer: Option<&Actor>,
    filter: RoomFilter,
    page: PageRequest,
) -> Result<Page<LiveRoom>, RoomError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let which = RoomQuery {
        viewer: viewer.map_or(0, Actor::user_id),
        all_cancelled: false,
        status: filter.status.map(RoomStatus::as_str),
        category_id: filter.category_id,
        access_type: filter.access_type.map(AccessType::as_str),
        host_id: filter.host_id,
        live_now: filter.live_now,
        from: day("from", filter.from.as_deref())?,
        to: day("to", filter.to.as_deref())?,
        cursor: page.cursor.map(|cursor| cursor.id),
        forward: page.forward(),
        limit: page.fetch(),
    };
    let rows = {
        let mut conn = app.store.reader().await?;
        store::rooms::list_rooms(&mut conn, &which).await?
    };
    let page = Page::from_rows(page, rows, |row| row.id);
    let live = page.items.iter().filter(|row| row.status == RoomStatus::Active.as_str());
    let live: Vec<RoomId> = live.map(|row| row.id).collect();
    let counts = count_all_viewers(app, &live).await?;
    let viewers: HashMap<RoomId, u32> = live.into_iter().zip(counts).collect();

    let Page { items, next, previous, per_page } = page;
    let view = |row: store::rooms::RoomListRow| {
        let listening = viewers.get(&row.id).copied().unwrap_or(0);
        room_view(app, row, listening)
    };
    let items = items.into_iter().map(view).collect::<Result<_, _>>()?;
    Ok(Page { items, next, previous, per_page })
}

fn day(field: &'static str, text: Option<&str>) -> Result<Option<NaiveDate>, Violations> {
    let read = |text| {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map_err(|_error| Violations::one(field, Problem::Format("a date such as 2026-01-31")))
    };
    text.map(read).transpose()
}
