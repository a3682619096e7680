//! What was said of a speaker, and of a session.

use base::id::UserId;
use base::paging::{Page, PageRequest};
use protocol::consultations::Rating;

use super::ConsultationError;
use super::booking_view::ratings_view;
use super::calendar::find_visible_speaker;
use super::party::find_known;
use crate::{Actor, App};

/// A page of what students said of a speaker, newest first.
///
/// # Errors
/// [`base::CommonFault::NotFound`] where there is no such speaker.
pub async fn list_speaker_ratings(
    app: &App,
    viewer: Option<&Actor>,
    speaker_id: UserId,
    page: PageRequest,
) -> Result<Page<Rating>, ConsultationError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    find_visible_speaker(&mut conn, viewer, speaker_id).await?;
    let place = (page.cursor.map(|cursor| cursor.id), page.forward(), page.fetch());
    let rows = store::consultations::list_speaker_ratings(&mut conn, speaker_id, place).await?;
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.id);
    let items = ratings_view(app, &mut conn, items).await?;
    Ok(Page { items, next, previous, per_page })
}

/// What the two said of each other after a session, as far as they did.
///
/// # Errors
/// [`base::CommonFault::NotFound`], also for a stranger.
pub async fn list_booking_ratings(
    app: &App,
    actor: &Actor,
    id: u64,
) -> Result<Vec<Rating>, ConsultationError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    find_known(&mut conn, actor, id).await?;
    let rows = store::consultations::list_booking_ratings(&mut conn, id).await?;
    ratings_view(app, &mut conn, rows).await
}
