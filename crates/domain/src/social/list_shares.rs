//! `GET /posts/{id}/shares` (domain.md §5.3).

use base::paging::{Page, PageRequest};
use protocol::social::Share;

use super::SocialError;
use super::view::share_view;
use super::visibility::find_visible;
use crate::{Actor, App};

/// A page of the shares of a post, the newest first, for whoever is signed in and sees it.
///
/// # Errors
/// `not_found`.
pub async fn list_shares(
    app: &App,
    actor: &Actor,
    post_id: u64,
    page: PageRequest,
) -> Result<Page<Share>, SocialError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    find_visible(&mut conn, Some(actor), post_id).await?;
    let cursor = page.cursor.map(|cursor| (cursor.id, cursor.forward));
    let rows = store::posts::list_shares(&mut conn, post_id, actor.user_id(), cursor, page.fetch()).await?;
    Ok(Page::from_rows(page, rows, |row| row.share_id).map(|row| share_view(app, row)))
}
