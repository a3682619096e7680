//! `GET /posts/{id}` (domain.md §5.3).

use protocol::social::Post;

use super::SocialError;
use super::view::post_view;
use super::visibility::find_visible;
use crate::{Actor, App};

/// A post, for whoever may see it: its author is active and not across a block, and is public, followed by the viewer, or
/// the viewer. One that is hidden until it was reviewed is seen by its author; moderators see all.
///
/// # Errors
/// `not_found`.
pub async fn find_post(app: &App, viewer: Option<&Actor>, id: u64) -> Result<Post, SocialError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    Ok(post_view(app, find_visible(&mut conn, viewer, id).await?)?)
}
