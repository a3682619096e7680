//! `GET /me/blocks`.

use base::Time;
use base::paging::{Page, PageRequest};
use protocol::users::BlockedUser;

use super::UserError;
use super::faces::card_view;
use crate::{Actor, App};

/// A page of those whom the actor blocks, the newest block first; suspended accounts too, deleted ones not.
///
/// # Errors
/// Those of the store.
pub async fn list_blocks(
    app: &App,
    actor: &Actor,
    page: PageRequest,
) -> Result<Page<BlockedUser>, UserError> {
    actor.require("read")?;
    let cursor = page.cursor.map(|cursor| (cursor.id, cursor.forward));
    let mut conn = app.store.reader().await?;
    let rows = store::social::list_blocked(&mut conn, actor.user_id(), cursor, page.fetch()).await?;
    let page = Page::from_rows(page, rows, |row| row.block_id);
    Ok(page.map(|row| BlockedUser {
        card: card_view(app, row.card),
        blocked_at: row.blocked_at.map(Time::from),
    }))
}
