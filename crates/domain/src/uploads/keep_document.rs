//! Files that the platform itself makes: certificates.

use std::io::Write;

use base::id::UserId;
use base::{CommonFault, Time};
use chrono::Datelike;
use protocol::uploads::UploadKind;
use sha2::{Digest, Sha256};
use store::uploads::NewUploadRow;

use super::UploadError;
use super::storage::DISK;
use crate::App;

/// A PDF that was made for somebody.
#[derive(Debug)]
pub(crate) struct Made {
    /// For whom.
    pub(crate) owner: UserId,
    /// What it is to be saved as.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// Keeps a PDF of ours as a file; gives its id and its path. It is to be attached at once: what nothing uses is taken away
/// after a day. It is not measured against its owner's quota, who did not ask for it.
///
/// # Errors
/// Those of the store and the disk.
pub(crate) async fn keep_document(app: &App, made: Made) -> Result<(u64, String), UploadError> {
    let now = Time::now_in_seconds().as_chrono();
    let path = format!("uploads/{}/{:02}/{}.pdf", now.year(), now.month(), base::id::ulid());
    let size = u64::try_from(made.bytes.len()).map_err(CommonFault::internal)?;
    let digest = Sha256::digest(&made.bytes);
    let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = app.storage.spool().await?;
    let bytes = made.bytes;
    let written = tokio::task::spawn_blocking(move || file.write_all(&bytes).map(|()| file));
    let file = written.await.map_err(CommonFault::internal)?.map_err(CommonFault::internal)?;
    let row = NewUploadRow {
        user_id: made.owner,
        kind: UploadKind::Document.as_str(),
        disk: DISK,
        path: &path,
        original_name: Some(&made.name),
        mime: "application/pdf",
        size,
        sha256: &sha256,
        dimensions: None,
        pages: None,
        duration: None,
        thumbnail_size: None,
        at: now,
    };
    // Noted first: should the process die now, the clock knows what to take away.
    let mut conn = app.store.reader().await?;
    let id = store::uploads::insert_upload(&mut conn, row).await?;
    app.storage.write(&path, &file).await?;
    store::uploads::update_ready(&mut conn, id, now).await?;
    Ok((id, path))
}
