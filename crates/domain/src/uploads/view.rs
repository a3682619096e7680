//! Rows to views.

use base::Time;
use protocol::uploads::{Upload, UploadKind};
use store::StoreError;
use store::uploads::UploadRow;

use super::{UploadError, name, signed_url};
use crate::{Actor, App};

/// A file as its owner sees it.
pub(super) fn upload(app: &App, row: UploadRow) -> Result<Upload, StoreError> {
    let kind = UploadKind::from_name(&row.kind)
        .ok_or(StoreError::Corrupt { table: "hub_uploads", column: "kind" })?;
    Ok(Upload {
        id: row.id,
        kind,
        url: signed_url(app, &row.path),
        mime: row.mime,
        size: row.size,
        sha256: row.sha256,
        name: row.original_name,
        width: row.width,
        height: row.height,
        pages: row.pages,
        duration: row.duration,
        thumbnail_url: row.thumbnail_size.map(|_| signed_url(app, &name::small(&row.path))),
        created_at: Time::from(row.created_at),
    })
}

/// The actor's own, and there: strangers get the same answer as for what does not exist (domain.md D23).
pub(super) fn own(actor: &Actor, row: Option<UploadRow>) -> Result<UploadRow, UploadError> {
    row.filter(|row| row.user_id == Some(actor.user_id()))
        .filter(|row| matches!(row.status.as_str(), "ready" | "attached"))
        .ok_or(UploadError::NotFound)
}
