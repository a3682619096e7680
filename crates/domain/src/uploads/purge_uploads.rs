//! Files that nobody needs.

use base::{CommonFault, Time};

use crate::App;
use crate::fault::of_store;

/// Seconds in which a file has to be attached to something.
const UNATTACHED_KEPT: i64 = 24 * 3_600;
/// Seconds after which nobody can be writing a file any more.
const WRITING_KEPT: i64 = 3_600;
/// Rows of one listing.
const BATCH: u32 = 200;
/// Listings a call, so that a backlog is worked off over several calls.
const ROUNDS: u32 = 20;

/// Deletes files, and their rows, that were not attached within 24 h, whose thing is gone, whose owner is gone, or that
/// a process was writing when it died. A process that does not see the folder does nothing. Gives how many files went.
///
/// # Errors
/// Those of the store; a file that cannot be deleted is logged and tried again at the next call.
pub async fn purge_uploads(app: &App) -> Result<u64, CommonFault> {
    if !app.storage.is_here() {
        return Ok(0);
    }
    let now = Time::now_in_seconds();
    let pending_before = now.plus_seconds(-WRITING_KEPT).as_chrono();
    let ready_before = now.plus_seconds(-UNATTACHED_KEPT).as_chrono();
    let mut gone = 0_u64;
    for _round in 0..ROUNDS {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        let unused = store::uploads::list_unused(&mut conn, pending_before, ready_before, BATCH)
            .await
            .map_err(of_store)?;
        let mut deleted = 0_u32;
        for row in &unused {
            // From here on nobody can attach it, nor see it.
            let taken = match row.status.as_str() {
                "released" => true,
                status => {
                    store::uploads::update_released_if(&mut conn, row.id, status).await.map_err(of_store)?
                }
            };
            if !taken {
                continue;
            }
            if let Err(error) = app.storage.delete_upload(&row.path).await {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(path = row.path, cause, "a file could not be deleted, it is tried again");
                continue;
            }
            if store::uploads::delete_upload(&mut conn, row.id, "released").await.map_err(of_store)? {
                deleted += 1;
            }
        }
        gone += u64::from(deleted);
        // Fewer than there were: what is left cannot be deleted now.
        if deleted < BATCH {
            break;
        }
    }
    Ok(gone)
}
