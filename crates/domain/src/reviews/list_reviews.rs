//! Reviews of a thing, and those that somebody wrote.

use base::CommonFault;
use base::id::UserId;
use base::paging::{Page, PageRequest};
use protocol::reviews::{Review, Reviewable};
use store::Conn;
use store::reviews::ReviewQuery;

use super::access::{require_visible, subject};
use super::view::review_views;
use super::{ReviewError, missing};
use crate::{Actor, App};

/// A page of the reviews of a thing, newest first, for whoever may know of the thing.
///
/// # Errors
/// `not_found`.
pub async fn list_reviews(
    app: &App,
    viewer: Option<&Actor>,
    (kind, id): (Reviewable, u64),
    rating: Option<u8>,
    page: PageRequest,
) -> Result<Page<Review>, ReviewError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    let what = subject(kind, id);
    let row = store::reviews::find_subject(&mut conn, what).await?.ok_or_else(|| missing(kind))?;
    require_visible(&mut conn, viewer, (kind, id), &row).await?;
    let which = ReviewQuery { subject: Some(what), rating, ..ReviewQuery::default() };
    read(app, &mut conn, which, page).await
}

/// A page of what somebody wrote, newest first: reviews of what is on offer; to themselves, all.
///
/// # Errors
/// `not_found` for an account that is gone, and for whoever blocks the viewer (domain.md D23).
pub async fn list_reviews_by(
    app: &App,
    viewer: Option<&Actor>,
    user_id: UserId,
    page: PageRequest,
) -> Result<Page<Review>, ReviewError> {
    const NO_USER: CommonFault = CommonFault::NotFound("user");
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    let viewer_id = viewer.map(Actor::user_id);
    let own = viewer_id == Some(user_id);
    if !own {
        if !store::courses::has_active_author(&mut conn, user_id).await? {
            return Err(NO_USER.into());
        }
        if let Some(viewer_id) = viewer_id
            && store::social::has_blocked(&mut conn, user_id, viewer_id).await?
        {
            return Err(NO_USER.into());
        }
    }
    let which = ReviewQuery { user_id: Some(user_id), only_published: !own, ..ReviewQuery::default() };
    read(app, &mut conn, which, page).await
}

/// Two statements, whatever the number of reviews.
async fn read(
    app: &App,
    conn: &mut Conn,
    which: ReviewQuery,
    page: PageRequest,
) -> Result<Page<Review>, ReviewError> {
    let which = ReviewQuery {
        cursor: page.cursor.map(|cursor| cursor.id),
        forward: page.forward(),
        limit: page.fetch(),
        ..which
    };
    let rows = store::reviews::list_reviews(conn, &which).await?;
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.id);
    Ok(Page { items: review_views(app, conn, items).await?, next, previous, per_page })
}
