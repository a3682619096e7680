//! `GET /feed` (domain.md §5.3).

use base::paging::{Page, PageRequest};
use protocol::social::{Post, PostType};
use store::StoreError;
use store::posts::FeedQuery;

use super::SocialError;
use super::view::post_view;
use super::visibility::viewer_of;
use crate::morph::Morph;
use crate::{Actor, App};

/// A page of what the actor and those whom the actor follows have posted, the newest first. Two statements, however many
/// those are and however much they have posted.
///
/// # Errors
/// Those of the store.
pub async fn list_feed(
    app: &App,
    actor: &Actor,
    post_type: Option<PostType>,
    page: PageRequest,
) -> Result<Page<Post>, SocialError> {
    actor.require("read")?;
    let which = FeedQuery {
        viewer: viewer_of(Some(actor), Morph::Post),
        post_type: post_type.map(PostType::as_str),
        cursor: page.cursor.map(|cursor| cursor.id),
        forward: page.forward(),
        limit: page.fetch(),
    };
    let rows = {
        let mut conn = app.store.reader().await?;
        let heads = store::posts::list_feed_heads(&mut conn, &which).await?;
        store::posts::list_feed_posts(&mut conn, &which, &heads).await?
    };
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.post_id);
    let items = items.into_iter().map(|row| post_view(app, row)).collect::<Result<_, StoreError>>()?;
    Ok(Page { items, next, previous, per_page })
}
