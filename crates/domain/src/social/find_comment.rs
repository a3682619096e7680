//! `GET /comments/{id}`, and whose a comment is.

use base::CommonFault;
use protocol::social::Comment;
use store::Conn;
use store::posts::{CommentPlaceRow, CommentRow, Viewer};

use super::view::comment_view;
use super::visibility::{MODERATE, find_visible, viewer_of};
use super::{NO_COMMENT, SocialError};
use crate::morph::Morph;
use crate::{Actor, App, access};

/// Those with this permission delete what others have commented.
pub(super) const MODERATE_COMMENTS: &str = "comments.moderate";

/// A comment, for whoever sees its post. Of a deleted one that has answers only its place is left.
///
/// # Errors
/// `not_found`.
pub async fn find_comment(app: &App, viewer: Option<&Actor>, id: u64) -> Result<Comment, SocialError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    Ok(comment_view(app, find_seen_comment(&mut conn, viewer, id).await?)?)
}

/// A comment that the viewer may see, with its post.
///
/// # Errors
/// `not_found`.
pub(super) async fn find_seen_comment(
    conn: &mut Conn,
    viewer: Option<&Actor>,
    id: u64,
) -> Result<CommentRow, SocialError> {
    let post_id = find_comment_post(conn, id).await?;
    find_visible(conn, viewer, post_id).await.map_err(without_post)?;
    let own = viewer_of(viewer, Morph::Comment);
    if let Some(row) = store::posts::find_comment(conn, own, id).await? {
        return Ok(row);
    }
    if viewer.is_some() && access::has_permission(conn, own.id, MODERATE).await? {
        let all = Viewer { sees_all: true, ..own };
        return Ok(store::posts::find_comment(conn, all, id).await?.ok_or(NO_COMMENT)?);
    }
    Err(NO_COMMENT.into())
}

/// The post of a comment.
///
/// # Errors
/// `not_found`.
pub(super) async fn find_comment_post(conn: &mut Conn, id: u64) -> Result<u64, SocialError> {
    Ok(find_place(conn, id).await?.post_id)
}

/// Where a comment is.
///
/// # Errors
/// `not_found`.
pub(super) async fn find_place(conn: &mut Conn, id: u64) -> Result<CommentPlaceRow, SocialError> {
    Ok(store::posts::find_comment_place(conn, id).await?.ok_or(NO_COMMENT)?)
}

/// What tells nothing of a post that the asker may not see: of that comment, too, there is nothing to be known.
pub(super) fn without_post(refusal: SocialError) -> SocialError {
    match refusal {
        SocialError::Common(CommonFault::NotFound(_)) => NO_COMMENT.into(),
        other => other,
    }
}

/// Demands that the actor sees a comment, for a door that has to refuse others before it tells what is wrong with a body
/// (domain.md §2.2).
///
/// # Errors
/// `not_found`.
pub async fn demand_comment(app: &App, actor: &Actor, id: u64) -> Result<(), SocialError> {
    let mut conn = app.store.reader().await?;
    find_seen_comment(&mut conn, Some(actor), id).await.map(drop)
}

/// Demands that a comment is the actor's own, as [`demand_comment`].
///
/// # Errors
/// `not_found`; [`CommonFault::Forbidden`].
pub async fn demand_own_comment(app: &App, actor: &Actor, id: u64) -> Result<(), SocialError> {
    let mut conn = app.store.reader().await?;
    let row = find_seen_comment(&mut conn, Some(actor), id).await?;
    if row.author.id == actor.user_id() { Ok(()) } else { Err(CommonFault::Forbidden.into()) }
}
