//! A file that is coming in: on the disk, never in memory.

use std::fs::File;
use std::time::Duration;

use base::CommonFault;
use bus::TokenBucket;
use protocol::uploads::UploadKind;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::UploadError;
use crate::{Actor, App};

/// Files of one user: 30 in half an hour, all of them at once if need be (domain.md §2.5).
const UPLOADS: TokenBucket = TokenBucket { capacity: 30, refill_per_sec: 30.0 / 1_800.0 };

/// A file that is coming in. Dropped, it leaves nothing behind; nor does a process that dies.
pub struct Incoming {
    file: tokio::fs::File,
    digest: Sha256,
    size: u64,
    /// What the user may still keep, bytes.
    room: u64,
    limits: config::Uploads,
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Incoming").field("size", &self.size).finish_non_exhaustive()
    }
}

/// A file that came in wholly.
pub(super) struct Arrived {
    pub(super) file: File,
    pub(super) size: u64,
    /// Hexadecimal.
    pub(super) sha256: String,
}

/// Begins to take a file in: counts it, and looks whether there is room for it. The bytes follow with
/// [`Incoming::write`], and [`super::upload_file`] ends it.
///
/// # Errors
/// [`CommonFault::MissingAbility`] without `write`; the rate limit (30 in half an hour);
/// [`UploadError::QuotaExceeded`] where nothing more may be kept.
pub async fn open_upload(app: &App, actor: &Actor) -> Result<Incoming, UploadError> {
    actor.require("write")?;
    take_upload(app, actor).await?;
    let limits = app.settings.uploads.clone();
    let mut conn = app.store.reader().await?;
    let used = store::uploads::count_bytes(&mut conn, actor.user_id()).await?;
    drop(conn);
    let room = limits.quota_bytes.saturating_sub(used);
    if room == 0 {
        return Err(UploadError::QuotaExceeded(limits.quota_bytes));
    }
    let file = tokio::fs::File::from_std(app.storage.spool().await?);
    Ok(Incoming { file, digest: Sha256::new(), size: 0, room, limits })
}

pub(super) async fn take_upload(app: &App, actor: &Actor) -> Result<(), CommonFault> {
    if !app.settings.limits.enabled {
        return Ok(());
    }
    match app.bus.take(&format!("upload:{}", actor.user_id()), 1, UPLOADS).await {
        Ok(allowance) if allowance.allowed => Ok(()),
        Ok(allowance) => Err(CommonFault::RateLimited(allowance.retry_after.max(Duration::from_millis(1)))),
        Err(error) => {
            // The quota holds without Redis.
            tracing::warn!(%error, "the rate limit of uploads could not be asked for");
            Ok(())
        }
    }
}

impl Incoming {
    /// For a file of so many bytes for which there is room.
    ///
    /// # Errors
    /// [`CommonFault::Internal`] where the folder cannot be written.
    pub(super) async fn of(app: &App, size: u64) -> Result<Self, CommonFault> {
        let limits = config::Uploads {
            max_image_bytes: size,
            max_video_bytes: size,
            max_audio_bytes: size,
            max_document_bytes: size,
            max_book_bytes: size,
            ..app.settings.uploads.clone()
        };
        let file = tokio::fs::File::from_std(app.storage.spool().await?);
        Ok(Self { file, digest: Sha256::new(), size: 0, room: size, limits })
    }

    /// The next bytes. `kind` is what the file is meant as, if that is known already: it decides how large the file
    /// may be.
    ///
    /// # Errors
    /// [`UploadError::TooLarge`], [`UploadError::QuotaExceeded`]; [`CommonFault::Internal`] where the disk is full.
    pub async fn write(&mut self, kind: Option<UploadKind>, bytes: &[u8]) -> Result<(), UploadError> {
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.require_fit(kind)?;
        self.digest.update(bytes);
        self.file.write_all(bytes).await.map_err(CommonFault::internal)?;
        Ok(())
    }

    fn require_fit(&self, kind: Option<UploadKind>) -> Result<(), UploadError> {
        let limit = match kind {
            Some(kind) => max_bytes(&self.limits, kind),
            None => largest(&self.limits),
        };
        if self.size > limit {
            return Err(UploadError::TooLarge(limit));
        }
        if self.size > self.room {
            return Err(UploadError::QuotaExceeded(self.limits.quota_bytes));
        }
        Ok(())
    }

    /// No more bytes follow.
    pub(super) async fn arrived(mut self, kind: UploadKind) -> Result<Arrived, UploadError> {
        self.require_fit(Some(kind))?;
        self.file.flush().await.map_err(CommonFault::internal)?;
        let sha256 = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Arrived { file: self.file.into_std().await, size: self.size, sha256 })
    }
}

/// How large a file of a kind may be, bytes (domain.md §9.5).
pub(super) const fn max_bytes(limits: &config::Uploads, kind: UploadKind) -> u64 {
    match kind {
        UploadKind::Image => limits.max_image_bytes,
        UploadKind::Video => limits.max_video_bytes,
        UploadKind::Audio => limits.max_audio_bytes,
        UploadKind::Document => limits.max_document_bytes,
        UploadKind::Book => limits.max_book_bytes,
    }
}

/// How large a file of any kind may be, bytes.
#[must_use]
pub fn largest(limits: &config::Uploads) -> u64 {
    UploadKind::ALL.into_iter().map(|kind| max_bytes(limits, kind)).max().unwrap_or(0)
}
