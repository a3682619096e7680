//! `presign_upload` (domain.md §5.11 `POST /uploads/presign`): a place for a large file, sent in one piece by itself.

use base::{Problem, Time, Violations};
use protocol::uploads::{PresignUpload, PresignedUpload, UploadKind};
use store::uploads::NewUploadRow;

use super::address::signed_url_until;
use super::incoming::{max_bytes, take_upload};
use super::storage::DISK;
use super::upload_file::{note_file, path_of};
use super::{PUT, UploadError, name};
use crate::{Actor, App, in_unit};

/// Seconds in which the file has to arrive: the clock takes away what did not.
const TIME: i64 = 3_300;
/// What stands for a digest until there is a file.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Keeps room for a file of exactly so many bytes, and gives the address to which it is sent (PUT) within the hour;
/// [`super::complete_upload`] ends it. Videos may be larger than in a form.
///
/// # Errors
/// The rate limit; [`UploadError::TooLarge`], [`UploadError::QuotaExceeded`]; a violation of `size` for nothing.
pub async fn presign_upload(
    app: &App,
    actor: &Actor,
    input: PresignUpload,
) -> Result<PresignedUpload, UploadError> {
    actor.require("write")?;
    if input.size == 0 {
        return Err(Violations::one("size", Problem::TooSmall("1".to_owned())).into());
    }
    let limits = &app.settings.uploads;
    let most = match input.kind {
        UploadKind::Video => limits.max_presigned_bytes.max(limits.max_video_bytes),
        kind => max_bytes(limits, kind),
    };
    if input.size > most {
        return Err(UploadError::TooLarge(most));
    }
    take_upload(app, actor).await?;
    let now = Time::now_in_seconds();
    let path = path_of(now, "part");
    let name = input.name.as_deref().and_then(name::cleaned);
    let row = NewUploadRow {
        user_id: actor.user_id(),
        kind: input.kind.as_str(),
        disk: DISK,
        path: &path,
        original_name: name.as_deref(),
        mime: "application/octet-stream",
        size: input.size,
        sha256: NO_DIGEST,
        dimensions: None,
        pages: None,
        duration: None,
        thumbnail_size: None,
        at: now.as_chrono(),
    };
    let quota = limits.quota_bytes;
    let id = in_unit!(app, |unit| note_file(unit, &row, quota))?;
    let expires_at = now.plus_seconds(TIME);
    let url = signed_url_until(app, &format!("{PUT}{path}"), expires_at);
    Ok(PresignedUpload { id, method: "PUT".to_owned(), url, size: input.size, expires_at })
}
