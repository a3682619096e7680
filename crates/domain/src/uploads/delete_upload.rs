//! `delete_upload` (domain.md §5.11 `DELETE /uploads`).

use super::{UploadError, view};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Takes a file of the actor's away that nothing uses.
///
/// # Errors
/// [`UploadError::NotFound`], for another's too; [`UploadError::InUse`] where a message has it.
pub async fn delete_upload(app: &App, actor: &Actor, id: u64) -> Result<(), UploadError> {
    actor.require("write")?;
    let path = in_unit!(app, |unit| release_file(unit, actor, id))?;
    if !app.storage.is_here() {
        // The row stays until a process that sees the file has taken it away.
        return Ok(());
    }
    // What cannot be deleted now is `released`: nobody sees it any more, and the clock tries again.
    match app.storage.delete_upload(&path).await {
        Ok(()) => {
            let mut conn = app.store.reader().await?;
            store::uploads::delete_upload(&mut conn, id, "released").await?;
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(path, cause, "a file could not be deleted, it is tried again");
        }
    }
    Ok(())
}

async fn release_file(unit: &mut Unit, actor: &Actor, id: u64) -> Result<String, UploadError> {
    let row = store::uploads::lock_uploads(unit, &[id]).await?.pop();
    let row = view::own(actor, row)?;
    if row.status == "attached" {
        return Err(UploadError::InUse);
    }
    store::uploads::update_released_if(unit, id, "ready").await?;
    Ok(row.path)
}
