//! Copies of books that nobody needs.

use base::{CommonFault, Time};

use crate::App;
use crate::fault::of_store;

/// Seconds that a reader's copy is kept: longer than it is given out.
const READERS_KEPT: i64 = 24 * 3_600;
/// Seconds after which nobody can be writing a copy any more.
const WRITING_KEPT: i64 = 3_600;
/// Rows of one listing.
const BATCH: u32 = 200;

/// Deletes copies, and their rows, of readers from yesterday, of books that have another file or are gone, and of those
/// who were refunded. A process that does not see the folder does nothing. Gives how many went.
///
/// # Errors
/// Those of the store; a file that cannot be deleted is logged and tried again at the next call.
pub async fn purge_copies(app: &App) -> Result<u64, CommonFault> {
    if !app.storage.is_here() {
        return Ok(0);
    }
    let now = Time::now_in_seconds();
    let pending_before = now.plus_seconds(-WRITING_KEPT).as_chrono();
    let readers_before = now.plus_seconds(-READERS_KEPT).as_chrono();
    let rows = {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        store::books::list_unused_copies(&mut conn, pending_before, readers_before, BATCH)
            .await
            .map_err(of_store)?
    };
    let mut gone = 0;
    for row in rows {
        // The name is the copy's own; a book's file, to which some only lead, has another.
        if let Err(error) = app.storage.delete(&row.name).await {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(name = row.name, cause, "a copy could not be deleted, it is tried again");
            continue;
        }
        let mut conn = app.store.reader().await.map_err(of_store)?;
        store::books::delete_copy(&mut conn, row.id).await.map_err(of_store)?;
        gone += 1;
    }
    Ok(gone)
}
