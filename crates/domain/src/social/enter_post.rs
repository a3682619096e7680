//! Subscribing `post:{id}` (domain.md §6.5).

use protocol::social::PostCounters;

use super::SocialError;
use super::visibility::find_visible;
use crate::{Actor, App};

/// May the actor listen to a post? Whoever may see it may. Answers its counters, which are the `data` of the subscribe
/// reply.
///
/// # Errors
/// `not_found`.
pub async fn enter_post(app: &App, actor: &Actor, id: u64) -> Result<PostCounters, SocialError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let row = find_visible(&mut conn, Some(actor), id).await?;
    Ok(PostCounters {
        post_id: id,
        reactions_count: row.reactions_count,
        comments_count: row.comments_count,
        shares_count: row.shares_count,
        views_count: row.views_count,
    })
}
