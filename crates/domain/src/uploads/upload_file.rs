//! `upload_file` (domain.md §5.11 `POST /uploads`).

use std::fs::File;
use std::io::{Read, Write};

use base::{CommonFault, Problem, Time, Violations};
use chrono::Datelike;
use protocol::uploads::{Upload, UploadKind};
use sha2::{Digest, Sha256};
use store::uploads::NewUploadRow;

use super::content::{self, ContentFault, FileType};
use super::incoming::Arrived;
use super::picture::{self, Redrawn};
use super::storage::{DISK, rewind};
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
/// message within a day. A picture is kept as it was drawn anew.
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
    let arrived = incoming.arrived(input.kind).await?;
    if arrived.size == 0 {
        return Err(Violations::one("file", Problem::Required).into());
    }
    let Judged { file, size, sha256, found, small } = judge(app, arrived, input.kind).await?;
    let now = Time::now_in_seconds();
    let path = path_of(now, found.extension);
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
        duration: found.duration,
        thumbnail_size: small.as_ref().map(|(_, size)| *size),
        at: now.as_chrono(),
    };
    // Noted first: should the process die now, the clock knows what to take away.
    let quota = app.settings.uploads.quota_bytes;
    let id = in_unit!(app, |unit| note_file(unit, &row, quota))?;
    if let Err(failure) = write_files(app, &path, &file, small.as_ref().map(|(file, _)| file)).await {
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

/// A name on the disk that nobody chose.
pub(super) fn path_of(now: Time, extension: &str) -> String {
    let (year, month) = (now.as_chrono().year(), now.as_chrono().month());
    format!("uploads/{year}/{month:02}/{}.{extension}", base::id::ulid())
}

/// The file and the small picture beside it, which is written first: once the file is there, all is.
pub(super) async fn write_files(
    app: &App,
    path: &str,
    file: &File,
    small: Option<&File>,
) -> Result<(), CommonFault> {
    if let Some(small) = small {
        app.storage.write(&name::small(path), small).await?;
    }
    app.storage.write(path, file).await
}

/// A file that is what it is meant as, as it will be kept.
pub(super) struct Judged {
    pub(super) file: File,
    pub(super) size: u64,
    /// Hexadecimal.
    pub(super) sha256: String,
    pub(super) found: FileType,
    /// The small picture and its size.
    pub(super) small: Option<(File, u32)>,
}

/// Looks at the whole file, on a thread of its own; what makes a reader of foreign formats panic is a broken file. Not many
/// pictures and books are in memory at once.
///
/// # Errors
/// [`UploadError::TypeNotAllowed`].
pub(super) async fn judge(app: &App, arrived: Arrived, kind: UploadKind) -> Result<Judged, UploadError> {
    let _permit = match kind {
        UploadKind::Image | UploadKind::Book => {
            Some(app.documents.acquire().await.map_err(CommonFault::internal)?)
        }
        UploadKind::Video | UploadKind::Audio | UploadKind::Document => None,
    };
    let Arrived { mut file, size, sha256 } = arrived;
    let looked_at = tokio::task::spawn_blocking(move || {
        let found = content::judge(&mut file, size, kind)
            .and_then(|found| Ok((found, redrawn(&mut file, kind, found)?)));
        (file, found)
    });
    let (file, (found, redrawn)) = match looked_at.await {
        Ok((file, Ok(found))) => (file, found),
        Ok((_, Err(ContentFault::Refused(why)))) => return Err(UploadError::TypeNotAllowed(why)),
        Ok((_, Err(ContentFault::Io(error)))) => return Err(CommonFault::internal(error).into()),
        Err(error) => {
            tracing::warn!(%error, kind = kind.as_str(), "a file could not be judged");
            return Err(UploadError::TypeNotAllowed("The file is broken."));
        }
    };
    let Some(Redrawn { bytes, dimensions, small }) = redrawn else {
        return Ok(Judged { file, size, sha256, found, small: None });
    };
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let small = match small {
        None => None,
        Some(bytes) => {
            let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            Some((spooled(app, bytes).await?, size))
        }
    };
    let found = FileType { dimensions: Some(dimensions), ..found };
    Ok(Judged { file: spooled(app, bytes).await?, size, sha256, found, small })
}

/// Of pictures only.
fn redrawn(file: &mut File, kind: UploadKind, found: FileType) -> Result<Option<Redrawn>, ContentFault> {
    if kind != UploadKind::Image {
        return Ok(None);
    }
    rewind(file)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    picture::redraw(&bytes, found.mime).map(Some)
}

/// Bytes as a file without a name.
async fn spooled(app: &App, bytes: Vec<u8>) -> Result<File, CommonFault> {
    let mut file = app.storage.spool().await?;
    let written = tokio::task::spawn_blocking(move || file.write_all(&bytes).map(|()| file));
    written.await.map_err(CommonFault::internal)?.map_err(CommonFault::internal)
}

/// The files of one user are counted and noted one after another, so that the quota is exact.
pub(super) async fn note_file(
    unit: &mut Unit,
    row: &NewUploadRow<'_>,
    quota: u64,
) -> Result<u64, UploadError> {
    if !store::uploads::lock_owner(unit, row.user_id).await? {
        return Err(CommonFault::NotFound("user").into());
    }
    let used = store::uploads::count_bytes(unit, row.user_id).await?;
    if used.saturating_add(row.size) > quota {
        return Err(UploadError::QuotaExceeded(quota));
    }
    Ok(store::uploads::insert_upload(unit, *row).await?)
}
