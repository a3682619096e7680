//! `GET /admin/posts`, `GET /admin/comments` (domain.md §5.11).

use base::Time;
use base::paging::{NumberedPage, NumberedRequest};
use protocol::moderation::{ManagedComment, ManagedCommentsFilter, ManagedPost, ManagedPostsFilter};
use protocol::social::PostType;
use store::StoreError;
use store::posts::{ManagedCommentRow, ManagedFilter, ManagedPostRow};

use super::SocialError;
use super::find_comment::MODERATE_COMMENTS;
use super::view::post_view;
use super::visibility::{MODERATE, viewer_of};
use crate::morph::Morph;
use crate::uploads::picture_url;
use crate::users::card_view;
use crate::{Actor, App, access};

/// A page of all posts, the newest first, or the oldest (`descending` is false), with the permission `posts.moderate`.
///
/// # Errors
/// [`base::CommonFault::Forbidden`].
pub async fn list_managed_posts(
    app: &App,
    actor: &Actor,
    filter: ManagedPostsFilter,
    descending: bool,
    page: NumberedRequest,
) -> Result<NumberedPage<ManagedPost>, SocialError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, MODERATE).await?;
    let filter = ManagedFilter {
        user_id: filter.user_id,
        post_type: filter.post_type.map(PostType::as_str),
        words: filter.words,
        is_hidden: filter.is_hidden,
        is_deleted: filter.trashed.is_deleted(),
        ..ManagedFilter::default()
    };
    let (viewer, place) = (viewer_of(Some(actor), Morph::Post), (page.offset(), page.fetch()));
    let rows = store::posts::list_managed_posts(&mut conn, viewer, &filter, descending, place).await?;
    let total = if page.with_total {
        Some(store::posts::count_managed_posts(&mut conn, &filter).await?)
    } else {
        None
    };
    drop(conn);
    let total = total.map(|count| u64::try_from(count).unwrap_or(0));
    Ok(NumberedPage::from_rows(page, rows, total).try_map(|row| post(app, row))?)
}

/// A page of all comments, the newest first, or the oldest (`descending` is false), with the permission
/// `comments.moderate`.
///
/// # Errors
/// [`base::CommonFault::Forbidden`].
pub async fn list_managed_comments(
    app: &App,
    actor: &Actor,
    filter: ManagedCommentsFilter,
    descending: bool,
    page: NumberedRequest,
) -> Result<NumberedPage<ManagedComment>, SocialError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, MODERATE_COMMENTS).await?;
    let filter = ManagedFilter {
        user_id: filter.user_id,
        post_id: filter.post_id,
        words: filter.words,
        is_deleted: filter.trashed.is_deleted(),
        ..ManagedFilter::default()
    };
    let place = (page.offset(), page.fetch());
    let rows = store::posts::list_managed_comments(&mut conn, &filter, descending, place).await?;
    let total = if page.with_total {
        Some(store::posts::count_managed_comments(&mut conn, &filter).await?)
    } else {
        None
    };
    drop(conn);
    let total = total.map(|count| u64::try_from(count).unwrap_or(0));
    Ok(NumberedPage::from_rows(page, rows, total).map(|row| comment(app, row)))
}

fn post(app: &App, row: ManagedPostRow) -> Result<ManagedPost, StoreError> {
    Ok(ManagedPost {
        post: post_view(app, row.post)?,
        open_reports: u32::try_from(row.open_reports).unwrap_or(u32::MAX),
        deleted_at: row.deleted_at.map(Time::from),
    })
}

fn comment(app: &App, row: ManagedCommentRow) -> ManagedComment {
    ManagedComment {
        id: row.comment_id,
        post_id: row.post_id,
        parent_id: row.parent_id,
        user: card_view(app, row.author),
        content: row.content,
        image_url: picture_url(app, row.image),
        created_at: row.created_at.map(Time::from),
        deleted_at: row.deleted_at.map(Time::from),
    }
}
