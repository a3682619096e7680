//! `complete_upload` (domain.md §5.11 `POST /uploads/{id}/complete`).

use base::Time;
use futures_util::TryStreamExt;
use protocol::uploads::{Upload, UploadKind};
use store::uploads::{Completed, UploadRow};

use super::upload_file::{Judged, judge, path_of, write_files};
use super::{Incoming, UploadError, view};
use crate::{Actor, App};

/// Ends what [`super::presign_upload`] began, once the file was sent: judges it by its content, as one that came in a form,
/// and makes it `ready`. Again, it gives the same.
///
/// # Errors
/// [`UploadError::NotFound`], for another's too; [`UploadError::NotArrived`]; [`UploadError::TypeNotAllowed`], after which
/// it is gone.
pub async fn complete_upload(app: &App, actor: &Actor, id: u64) -> Result<Upload, UploadError> {
    actor.require("write")?;
    let row = {
        let mut conn = app.store.reader().await?;
        store::uploads::find_upload(&mut conn, id).await?
    };
    let row = row.filter(|row| row.user_id == Some(actor.user_id())).ok_or(UploadError::NotFound)?;
    match row.status.as_str() {
        "pending" => {}
        "ready" | "attached" => return Ok(view::upload(app, row)?),
        _ => return Err(UploadError::NotFound),
    }
    let kind = UploadKind::from_name(&row.kind).ok_or(UploadError::NotFound)?;
    let judged = match look_at(app, &row, kind).await {
        Err(refused @ UploadError::TypeNotAllowed(_)) => {
            give_up(app, &row).await?;
            return Err(refused);
        }
        outcome => outcome?,
    };
    let path = path_of(Time::now_in_seconds(), judged.found.extension);
    write_files(app, &path, &judged.file, judged.small.as_ref().map(|(file, _)| file)).await?;
    let done = Completed {
        path: &path,
        mime: judged.found.mime,
        size: judged.size,
        sha256: &judged.sha256,
        dimensions: judged.found.dimensions,
        pages: judged.found.pages,
        duration: judged.found.duration,
        thumbnail_size: judged.small.as_ref().map(|(_, size)| *size),
        at: Time::now_in_seconds().as_chrono(),
    };
    let mut conn = app.store.reader().await?;
    if !store::uploads::update_completed(&mut conn, id, &row.path, &done).await? {
        // Somebody was faster: what is kept is theirs.
        drop(conn);
        app.storage.delete_upload(&path).await?;
        return Box::pin(complete_upload(app, actor, id)).await;
    }
    let kept = store::uploads::find_upload(&mut conn, id).await?.ok_or(UploadError::NotFound)?;
    drop(conn);
    app.storage.delete(&row.path).await?;
    metrics::counter!("uploads_bytes_total", "kind" => kind.as_str()).increment(kept.size);
    Ok(view::upload(app, kept)?)
}

/// The file as it came, judged.
async fn look_at(app: &App, row: &UploadRow, kind: UploadKind) -> Result<Judged, UploadError> {
    let mut content = app.storage.read(&row.path, 0..row.size).await?.ok_or(UploadError::NotArrived)?;
    let mut incoming = Incoming::of(app, row.size).await?;
    while let Some(bytes) = content.try_next().await.map_err(base::CommonFault::internal)? {
        incoming.write(Some(kind), &bytes).await?;
    }
    let arrived = incoming.arrived(kind).await?;
    judge(app, arrived, kind).await
}

/// The room is free again, and the bytes are gone.
async fn give_up(app: &App, row: &UploadRow) -> Result<(), UploadError> {
    let mut conn = app.store.reader().await?;
    store::uploads::update_released_if(&mut conn, row.id, "pending").await?;
    app.storage.delete(&row.path).await?;
    store::uploads::delete_upload(&mut conn, row.id, "released").await?;
    Ok(())
}
