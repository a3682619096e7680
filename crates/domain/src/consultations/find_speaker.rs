//! A speaker's page.

use base::id::UserId;
use protocol::consultations::SpeakerProfile;

use super::calendar::find_visible_speaker;
use super::list_speakers::speakers_view;
use super::{ConsultationError, NO_SPEAKER};
use crate::{Actor, App};

/// Slots on a speaker's page.
const SLOTS: usize = 5;

/// A speaker's page: profile, expertise, ratings and the next slots that are free for the viewer. Of a private account
/// only its followers read more than its name and headline (domain.md §5.2).
///
/// # Errors
/// [`base::CommonFault::NotFound`] where there is no such speaker.
pub async fn find_speaker(
    app: &App,
    viewer: Option<&Actor>,
    speaker_id: UserId,
) -> Result<SpeakerProfile, ConsultationError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    let row = find_visible_speaker(&mut conn, viewer, speaker_id).await?;
    let open = match viewer.map(Actor::user_id) {
        _ if !row.is_private.unwrap_or(false) => true,
        None => false,
        Some(viewer) if viewer == speaker_id => true,
        Some(viewer) => {
            let between = store::users::list_relationships(&mut conn, viewer, &[speaker_id]).await?;
            between.iter().any(|row| row.following != 0)
        }
    };
    let (bio, location) = if open { (row.bio.clone(), row.location.clone()) } else { (None, None) };
    let mut found = speakers_view(app, &mut conn, viewer, vec![row], SLOTS).await?;
    let (speaker, next_slots) = found.pop().ok_or(NO_SPEAKER)?;
    Ok(SpeakerProfile { speaker, bio, location, next_slots })
}
