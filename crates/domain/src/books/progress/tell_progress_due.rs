//! The end of a burst of reading reports: what was not told at once is told when its time has come.

use base::{CommonFault, Time};
use protocol::Event;
use protocol::channel::Channel;
use store::books::DueTellRow;

use crate::App;
use crate::books::BookError;
use crate::books::access::is_completed;
use crate::books::view::progress_view;
use crate::fault::of_store;
use crate::in_unit;
use crate::unit::Unit;

/// Readers of one call, so that a backlog is worked off over several.
const BATCH: u32 = 200;

/// Tells the other devices of readers how far they are, where more was reported within 5 s of the last time. Gives how
/// many were told.
///
/// # Errors
/// Those of store and bus.
pub async fn tell_progress_due(app: &App) -> Result<u64, CommonFault> {
    let due = {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        store::books::list_due_tells(&mut conn, Time::now(), BATCH).await.map_err(of_store)?
    };
    let mut told = 0;
    for row in due {
        match tell_one(app, &row).await {
            Ok(true) => told += 1,
            Ok(false) => {}
            Err(BookError::Common(fault)) => return Err(fault),
            Err(other) => return Err(CommonFault::internal(other)),
        }
    }
    Ok(told)
}

async fn tell_one(app: &App, row: &DueTellRow) -> Result<bool, BookError> {
    in_unit!(app, |unit| write_told(unit, row))
}

async fn write_told(unit: &mut Unit, row: &DueTellRow) -> Result<bool, BookError> {
    let purchase_id = row.book_purchase_id;
    let purchase = store::books::lock_purchase_by_id(unit, purchase_id).await?;
    let now = u64::try_from(Time::now().unix_millis()).unwrap_or(0);
    let tell = store::books::lock_tell(unit, purchase_id).await?;
    // Told meanwhile, or by another node.
    if tell.and_then(|tell| tell.due_at).is_none_or(|due| due > now) {
        return Ok(false);
    }
    store::books::upsert_tell(unit, purchase_id, now, None).await?;
    let progress = store::books::find_progress(unit, purchase_id).await?;
    if !purchase.as_ref().is_some_and(is_completed) {
        return Ok(false);
    }
    let progress = progress_view(row.book_id, row.page_count, progress.as_ref());
    unit.emit(Channel::User(row.user_id), Event::ReadingProgress(progress));
    Ok(true)
}
