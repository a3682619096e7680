//! `upload_file` (domain.md §5.11 `POST /uploads`).

use std::fs::File;

use base::{CommonFault, Problem, Time, Violations};
use chrono::Datelike;
use protocol::uploads::{Upload, UploadKind};
use store::uploads::NewUploadRow;

use super::content::{self, ContentFault, FileType};
use super::incoming::Arrived;
use super::storage::DISK;
use super::{Incoming, UploadError, name, view};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// What is said of a file beside its bytes.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// What it is meant as.
    pub kind: UploadKind,
    /// What its owner calls it.
    pub name: Option<String>,
}

/// Ends what [`super::open_upload`] began: judges the file by its content and keeps it, `ready` to be attached to a
/// message within a day.
///
/// # Errors
/// [`UploadError::TypeNotAllowed`], [`UploadError::TooLarge`], [`UploadError::QuotaExceeded`]; a violation of `file`
/// where it is empty.
pub async fn upload_file(
    app: &App,
    actor: &Actor,
    input: NewUpload,
    incoming: Incoming,
) -> Result<Upload, UploadError> {
    actor.require("write")?;
    let Arrived { file, size, sha256 } = incoming.arrived(input.kind).await?;
    if size == 0 {
        return Err(Violations::one("file", Problem::Required).into());
    }
    let (file, found) = judge(file, size, input.kind).await?;
    let now = Time::now_in_seconds();
    let (year, month) = (now.as_chrono().year(), now.as_chrono().month());
    let path = format!("uploads/{year}/{month:02}/{}.{}", base::id::ulid(), found.extension);
    let name = input.name.as_deref().and_then(name::cleaned);
    let row = NewUploadRow {
        user_id: actor.user_id(),
        kind: input.kind.as_str(),
        disk: DISK,
        path: &path,
        original_name: name.as_deref(),
        mime: found.mime,
        size,
        sha256: &sha256,
        dimensions: found.dimensions,
        pages: found.pages,
        at: now.as_chrono(),
    };
    // Noted first: should the process die now, the clock knows what to take away.
    let quota = app.settings.uploads.quota_bytes;
    let id = in_unit!(app, |unit| note_file(unit, &row, quota))?;
    if let Err(failure) = app.storage.write(&path, &file).await {
        // The file is not there; should this fail, too, the clock does it.
        let mut conn = app.store.reader().await?;
        store::uploads::delete_upload(&mut conn, id, "pending").await?;
        return Err(failure.into());
    }
    let mut conn = app.store.reader().await?;
    store::uploads::update_ready(&mut conn, id, now.as_chrono()).await?;
    let row = store::uploads::find_upload(&mut conn, id).await?.ok_or(UploadError::NotFound)?;
    metrics::counter!("uploads_bytes_total", "kind" => input.kind.as_str()).increment(size);
    Ok(view::upload(app, row)?)
}

/// On a thread of its own: it reads the whole file. What makes a reader of foreign formats panic is a broken file.
async fn judge(mut file: File, size: u64, kind: UploadKind) -> Result<(File, FileType), UploadError> {
    let judged = tokio::task::spawn_blocking(move || {
        let found = content::judge(&mut file, size, kind);
        (file, found)
    });
    match judged.await {
        Ok((file, Ok(found))) => Ok((file, found)),
        Ok((_, Err(ContentFault::Refused(why)))) => Err(UploadError::TypeNotAllowed(why)),
        Ok((_, Err(ContentFault::Io(error)))) => Err(CommonFault::internal(error).into()),
        Err(error) => {
            tracing::warn!(%error, kind = kind.as_str(), "a file could not be judged");
            Err(UploadError::TypeNotAllowed("The file is broken."))
        }
    }
}

/// The files of one user are counted and noted one after another, so that the quota is exact.
async fn note_file(unit: &mut Unit, row: &NewUploadRow<'_>, quota: u64) -> Result<u64, UploadError> {
    if !store::uploads::lock_owner(unit, row.user_id).await? {
        return Err(CommonFault::NotFound("user").into());
    }
    let used = store::uploads::count_bytes(unit, row.user_id).await?;
    if used.saturating_add(row.size) > quota {
        return Err(UploadError::QuotaExceeded(quota));
    }
    Ok(store::uploads::insert_upload(unit, *row).await?)
}
