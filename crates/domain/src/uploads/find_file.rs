//! What a signed address shows (domain.md §5.11 `GET /files/{token}`).

use std::ops::Range;

use base::Time;
use store::books::CopyRow;
use store::uploads::UploadRow;

use super::storage::Content;
use super::{UploadError, name};
use crate::App;

/// With what the names of copies of books begin (`hub_book_copies`).
pub(crate) const COPIES: &str = "copies/";

/// A file that may be sent to whoever has its address.
#[derive(Clone, Debug)]
pub struct StoredFile {
    /// Its media type.
    pub mime: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its content, hexadecimal: it names this content for ever.
    pub sha256: String,
    /// What it is to be saved as.
    pub name: String,
    /// May a browser show it in its place? Else it is only saved.
    pub inline: bool,
    /// Until when the address is good, Unix seconds.
    pub expires_at: i64,
    path: String,
}

impl StoredFile {
    /// A copy of a book.
    pub(crate) fn copy(row: CopyRow, expires_at: i64) -> Self {
        Self {
            mime: "application/pdf".to_owned(),
            size: row.size,
            sha256: row.sha256,
            name: format!("{}.pdf", row.slug),
            inline: true,
            expires_at,
            path: row.object,
        }
    }
}

/// The file that a token names.
///
/// # Errors
/// [`UploadError::LinkInvalid`], [`UploadError::LinkExpired`]; [`UploadError::NotFound`] where the file is gone, or
/// where what used it is.
pub async fn find_file(app: &App, token: &str) -> Result<StoredFile, UploadError> {
    let address = app.address_key.read(token, Time::now().unix_seconds())?;
    let mut conn = app.store.reader().await?;
    if address.path.starts_with(COPIES) {
        let copy = store::books::find_copy_by_name(&mut conn, &address.path).await?;
        return Ok(StoredFile::copy(copy.ok_or(UploadError::NotFound)?, address.expires_at));
    }
    let of = name::large(&address.path);
    let row = store::uploads::find_upload_by_path(&mut conn, of.unwrap_or(&address.path)).await?;
    let row = row.filter(is_shown).ok_or(UploadError::NotFound)?;
    if of.is_some() {
        return Ok(StoredFile {
            size: row.thumbnail_size.map(u64::from).ok_or(UploadError::NotFound)?,
            name: name::to_save_as(row.original_name.as_deref(), &address.path),
            inline: true,
            mime: "image/jpeg".to_owned(),
            sha256: format!("{}-small", row.sha256),
            expires_at: address.expires_at,
            path: address.path,
        });
    }
    Ok(StoredFile {
        name: name::to_save_as(row.original_name.as_deref(), &row.path),
        inline: matches!(row.kind.as_str(), "image" | "video" | "audio"),
        mime: row.mime,
        size: row.size,
        sha256: row.sha256,
        expires_at: address.expires_at,
        path: row.path,
    })
}

/// Neither half-written nor given up, nor a deleted user's.
fn is_shown(row: &UploadRow) -> bool {
    row.user_id.is_some() && matches!(row.status.as_str(), "ready" | "attached")
}

/// The bytes `range` of a file, read as they are asked for.
///
/// # Errors
/// [`UploadError::NotFound`] where the disk does not have it, which is logged.
pub async fn read_file(app: &App, file: &StoredFile, range: Range<u64>) -> Result<Content, UploadError> {
    let content = app.storage.read(&file.path, range).await?;
    content.ok_or_else(|| {
        tracing::error!(path = file.path, "a file is noted, but not on the disk");
        UploadError::NotFound
    })
}
