//! `find_upload`.

use protocol::uploads::Upload;

use super::{UploadError, view};
use crate::{Actor, App};

/// A file of the actor's, with an address that is good for a day.
///
/// # Errors
/// [`UploadError::NotFound`], for another's too.
pub async fn find_upload(app: &App, actor: &Actor, id: u64) -> Result<Upload, UploadError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let row = view::own(actor, store::uploads::find_upload(&mut conn, id).await?)?;
    Ok(view::upload(app, row)?)
}
