//! What uses a file: for the domains whose things have media.

use base::id::UserId;
use base::{CommonFault, Problem, Time, Violations};
use config::MorphStyle;
use protocol::chat::MessageType;
use protocol::uploads::UploadKind;

use super::UploadError;
use crate::fault::of_store;
use crate::morph::Morph;
use crate::unit::Unit;

/// Files of one message at most (domain.md §5.4 has the same for posts).
const MAX_FILES: usize = 10;

/// A file that the unit holds and may attach.
#[derive(Clone, Debug)]
pub(crate) struct ClaimedUpload {
    /// Its name on the disk: what `media_urls` keeps, and what [`super::signed_url`] takes.
    pub(crate) path: String,
    /// Its media type.
    pub(crate) mime: String,
    /// Bytes.
    pub(crate) size: u64,
    /// What its owner called it.
    pub(crate) name: Option<String>,
    /// Pixels.
    pub(crate) width: Option<u32>,
    /// Pixels.
    pub(crate) height: Option<u32>,
    /// Seconds.
    pub(crate) duration: Option<u32>,
    /// Pages.
    pub(crate) pages: Option<u32>,
}

/// Locks the files that a message of `owner` names, in the order of their ids, and gives them in the order named. They
/// are fit: the owner's own, used by nothing, of the message's kind. [`attach`] follows in the same unit, once the
/// message has its id.
///
/// # Errors
/// [`UploadError::NotFound`] where one is not there, or another's; [`UploadError::InUse`] where one is attached already;
/// a violation of `media` for more than ten, for one named twice, and for a kind that does not fit.
pub(crate) async fn claim_for_message(
    unit: &mut Unit,
    owner: UserId,
    ids: &[u64],
    kind: MessageType,
) -> Result<Vec<ClaimedUpload>, UploadError> {
    let refuse = |why| UploadError::from(Violations::one("media", Problem::NotAllowed(why)));
    if ids.len() > MAX_FILES {
        return Err(refuse("a message has at most ten files"));
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() != ids.len() {
        return Err(refuse("a file is named twice"));
    }
    let rows = store::uploads::lock_uploads(unit, &sorted).await?;
    let mut claimed = Vec::with_capacity(ids.len());
    for id in ids {
        let row = rows.iter().find(|row| row.id == *id && row.user_id == Some(owner));
        let row = row.ok_or(UploadError::NotFound)?;
        match row.status.as_str() {
            "ready" => {}
            "attached" => return Err(UploadError::InUse),
            _ => return Err(UploadError::NotFound),
        }
        if !fits(kind, UploadKind::from_name(&row.kind)) {
            return Err(refuse("the file is of another kind than the message"));
        }
        claimed.push(claimed_upload(row));
    }
    Ok(claimed)
}

/// Locks files of `owner` for a thing that is no message, in the order of their ids, and gives them in the order named.
/// They are fit: the owner's own, used by nothing, of one of `kinds`. [`attach`] follows in the same unit.
///
/// # Errors
/// A violation of `field` for a file that is not there or another's, is used already, or is of another kind.
pub(crate) async fn claim_files(
    unit: &mut Unit,
    owner: UserId,
    field: &'static str,
    ids: &[u64],
    kinds: &[UploadKind],
) -> Result<Vec<ClaimedUpload>, UploadError> {
    let refuse = |problem| UploadError::from(Violations::one(field, problem));
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() != ids.len() {
        return Err(refuse(Problem::NotAllowed("a file is named twice")));
    }
    let rows = store::uploads::lock_uploads(unit, &sorted).await?;
    let mut claimed = Vec::with_capacity(ids.len());
    for id in ids {
        let row = rows.iter().find(|row| row.id == *id && row.user_id == Some(owner));
        let row = row.ok_or_else(|| refuse(Problem::NotFound))?;
        match row.status.as_str() {
            "ready" => {}
            "attached" => return Err(refuse(Problem::NotAllowed("the file is in use"))),
            _ => return Err(refuse(Problem::NotFound)),
        }
        if !UploadKind::from_name(&row.kind).is_some_and(|kind| kinds.contains(&kind)) {
            return Err(refuse(Problem::NotAllowed("the file is of another kind")));
        }
        claimed.push(claimed_upload(row));
    }
    Ok(claimed)
}

fn claimed_upload(row: &store::uploads::UploadRow) -> ClaimedUpload {
    ClaimedUpload {
        path: row.path.clone(),
        mime: row.mime.clone(),
        size: row.size,
        name: row.original_name.clone(),
        width: row.width,
        height: row.height,
        duration: row.duration,
        pages: row.pages,
    }
}

/// A message of type `file` takes whatever there is: a picture may be sent as a file.
fn fits(message: MessageType, upload: Option<UploadKind>) -> bool {
    match message {
        MessageType::Text => false,
        MessageType::Image => upload == Some(UploadKind::Image),
        MessageType::Video => upload == Some(UploadKind::Video),
        MessageType::Audio => upload == Some(UploadKind::Audio),
        MessageType::File => upload.is_some_and(|kind| kind != UploadKind::Book),
    }
}

/// Notes what uses files that this unit has claimed. The name of the model is always written short: the table is ours.
///
/// # Errors
/// Those of the store; [`CommonFault::Internal`] for a file that was not claimed.
pub(crate) async fn attach(unit: &mut Unit, ids: &[u64], what: Morph, id: u64) -> Result<(), CommonFault> {
    let name = what.column(MorphStyle::Alias);
    let now = Time::now_in_seconds().as_chrono();
    store::uploads::update_attached(unit, ids, name, id, now).await.map_err(of_store)
}

/// A thing has another file instead of this one, or none: from the commit on it is served no more.
///
/// # Errors
/// Those of the store.
pub(crate) async fn release_file(
    unit: &mut Unit,
    what: Morph,
    id: u64,
    path: &str,
) -> Result<(), CommonFault> {
    let now = Time::now_in_seconds().as_chrono();
    let thing = (what.column(MorphStyle::Alias), id);
    store::uploads::update_released_path(unit, thing, path, now).await.map_err(of_store)
}

/// What used the files is gone for good (a deleted message): from the commit on they are served no more, and the next
/// purge takes them away.
///
/// # Errors
/// Those of the store.
pub(crate) async fn release(unit: &mut Unit, what: Morph, id: u64) -> Result<(), CommonFault> {
    let now = Time::now_in_seconds().as_chrono();
    store::uploads::update_released(unit, what.column(MorphStyle::Alias), id, now).await.map_err(of_store)?;
    Ok(())
}
