//! `receive_file`: the bytes for which [`super::presign_upload`] kept room.

use base::{Problem, Time, Violations};
use protocol::uploads::UploadKind;
use store::uploads::UploadRow;

use super::{Incoming, PUT, UploadError};
use crate::App;

/// What an address to send to names: room for a file.
pub struct Expected {
    row: UploadRow,
    kind: UploadKind,
}

/// Begins to take in what an address was given for; the bytes follow with [`Incoming::write`], and [`receive_file`] ends
/// it.
///
/// # Errors
/// [`UploadError::LinkInvalid`], [`UploadError::LinkExpired`]; [`UploadError::NotFound`] where the room is given up or
/// the file complete.
pub async fn expect_file(app: &App, token: &str) -> Result<(Expected, Incoming), UploadError> {
    let address = app.address_key.read(token, Time::now().unix_seconds())?;
    let path = address.path.strip_prefix(PUT).ok_or(UploadError::LinkInvalid)?;
    let row = {
        let mut conn = app.store.reader().await?;
        store::uploads::find_upload_by_path(&mut conn, path).await?
    };
    let row = row.filter(|row| row.status == "pending" && row.user_id.is_some());
    let row = row.ok_or(UploadError::NotFound)?;
    let kind = UploadKind::from_name(&row.kind).ok_or(UploadError::NotFound)?;
    let incoming = Incoming::of(app, row.size).await?;
    Ok((Expected { row, kind }, incoming))
}

/// Keeps the bytes until the upload is completed. Sent again, they are kept instead of the earlier ones.
///
/// # Errors
/// A violation of `file` where it is not as long as was announced.
pub async fn receive_file(app: &App, expected: Expected, incoming: Incoming) -> Result<(), UploadError> {
    let arrived = incoming.arrived(expected.kind).await?;
    if arrived.size != expected.row.size {
        let why = Problem::NotAllowed("it is not as long as was announced");
        return Err(Violations::one("file", why).into());
    }
    Ok(app.storage.write(&expected.row.path, &arrived.file).await?)
}
