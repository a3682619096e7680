//! Subscribing `speaker:{id}` (domain.md §6.5).

use base::id::UserId;
use protocol::consultations::SpeakerWatched;

use super::ConsultationError;
use super::calendar::find_visible_speaker;
use crate::{Actor, App};

/// May the actor listen to when a speaker's slots change? Anybody may, of a speaker that they may know of.
///
/// # Errors
/// [`base::CommonFault::NotFound`] where there is no such speaker.
pub async fn watch_speaker(
    app: &App,
    actor: &Actor,
    speaker_id: UserId,
) -> Result<SpeakerWatched, ConsultationError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    find_visible_speaker(&mut conn, Some(actor), speaker_id).await?;
    Ok(SpeakerWatched { speaker_id })
}
