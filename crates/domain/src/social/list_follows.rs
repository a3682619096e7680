//! `GET /users/{id}/followers` and `/following` (domain.md §5.3).

use base::Time;
use base::id::UserId;
use base::paging::{Page, PageRequest};
use protocol::social::FollowedUser;
use store::social::FollowSide;

use super::SocialError;
use super::visibility::require_open_account;
use crate::{Actor, App, users};

/// A page of those who follow somebody, the newest first. Of a private account for its followers.
///
/// # Errors
/// `not_found`; [`SocialError::PrivateAccount`].
pub async fn list_followers(
    app: &App,
    viewer: Option<&Actor>,
    user_id: UserId,
    page: PageRequest,
) -> Result<Page<FollowedUser>, SocialError> {
    list_follows(app, viewer, (user_id, FollowSide::Followers), page).await
}

/// A page of those whom somebody follows, the newest first. Of a private account for its followers.
///
/// # Errors
/// `not_found`; [`SocialError::PrivateAccount`].
pub async fn list_following(
    app: &App,
    viewer: Option<&Actor>,
    user_id: UserId,
    page: PageRequest,
) -> Result<Page<FollowedUser>, SocialError> {
    list_follows(app, viewer, (user_id, FollowSide::Following), page).await
}

async fn list_follows(
    app: &App,
    viewer: Option<&Actor>,
    (user_id, side): (UserId, FollowSide),
    page: PageRequest,
) -> Result<Page<FollowedUser>, SocialError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    require_open_account(&mut conn, viewer, user_id).await?;
    let cursor = page.cursor.map(|cursor| (cursor.id, cursor.forward));
    let viewer_id = viewer.map_or(0, Actor::user_id);
    let rows =
        store::social::list_follows(&mut conn, (user_id, side), viewer_id, cursor, page.fetch()).await?;
    let page = Page::from_rows(page, rows, |row| row.follow_id);
    Ok(page.map(|row| FollowedUser {
        card: users::card_view(app, row.card),
        followed_at: row.followed_at.map(Time::from),
    }))
}
