//! `GET /posts/{id}/comments` and `GET /comments/{id}/replies` (domain.md §5.3).

use base::paging::{Page, PageRequest};
use protocol::social::Comment;
use store::posts::{CommentRow, Viewer};
use store::{Conn, StoreError};

use super::SocialError;
use super::find_comment::{find_place, without_post};
use super::view::comment_view;
use super::visibility::{MODERATE, find_visible, viewer_of};
use crate::morph::Morph;
use crate::{Actor, App, access};

/// The place of the comment on top: before all others, whose places are their ids.
const TOP: u64 = i64::MAX.unsigned_abs();

/// A page of the comments on a post that answer none: the one on top first, then the newest. For whoever sees the post.
///
/// # Errors
/// `not_found`.
pub async fn list_comments(
    app: &App,
    viewer: Option<&Actor>,
    post_id: u64,
    page: PageRequest,
) -> Result<Page<Comment>, SocialError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    find_visible(&mut conn, viewer, post_id).await?;
    let seen_by = comments_viewer(&mut conn, viewer).await?;
    let cursor = page.cursor.map(|cursor| (cursor.id, cursor.forward));
    let mut rows = store::posts::list_comments(&mut conn, seen_by, post_id, cursor, page.fetch()).await?;
    // It is at one end of the walk: where the walk begins, or where a walk back ends.
    let fetched = usize::try_from(page.fetch()).unwrap_or(usize::MAX);
    let at_top = match page.cursor {
        None => true,
        Some(cursor) => !cursor.forward && cursor.id != TOP && rows.len() < fetched,
    };
    if at_top && let Some(row) = store::posts::find_pinned_comment(&mut conn, seen_by, post_id).await? {
        let place = if page.cursor.is_none() { 0 } else { rows.len() };
        rows.insert(place, row);
        rows.truncate(fetched);
    }
    drop(conn);
    let place = |row: &CommentRow| if row.is_pinned { TOP } else { row.comment_id };
    views(app, Page::from_rows(page, rows, place))
}

/// A page of the answers to a comment, the oldest first. Of a deleted comment the answers stay.
///
/// # Errors
/// `not_found`.
pub async fn list_replies(
    app: &App,
    viewer: Option<&Actor>,
    comment_id: u64,
    page: PageRequest,
) -> Result<Page<Comment>, SocialError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    let post_id = find_place(&mut conn, comment_id).await?.post_id;
    find_visible(&mut conn, viewer, post_id).await.map_err(without_post)?;
    let seen_by = comments_viewer(&mut conn, viewer).await?;
    let cursor = page.cursor.map(|cursor| (cursor.id, cursor.forward));
    let of = (post_id, comment_id);
    let rows = store::posts::list_replies(&mut conn, seen_by, of, cursor, page.fetch()).await?;
    drop(conn);
    views(app, Page::from_rows(page, rows, |row| row.comment_id))
}

fn views(app: &App, page: Page<CommentRow>) -> Result<Page<Comment>, SocialError> {
    let Page { items, next, previous, per_page } = page;
    let items = items.into_iter().map(|row| comment_view(app, row)).collect::<Result<_, StoreError>>()?;
    Ok(Page { items, next, previous, per_page })
}

/// Moderators see the comments of those who block them, too.
async fn comments_viewer(conn: &mut Conn, viewer: Option<&Actor>) -> Result<Viewer, SocialError> {
    let mut seen_by = viewer_of(viewer, Morph::Comment);
    if seen_by.id != 0 {
        seen_by.sees_all = access::has_permission(conn, seen_by.id, MODERATE).await?;
    }
    Ok(seen_by)
}
