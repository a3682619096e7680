//! `count_unread`.

use protocol::chat::{ConversationUnread, UnreadCounts};

use super::{ChatError, view};
use crate::{Actor, App};

/// The actor's unread messages: over all, and in each conversation that has any.
///
/// # Errors
/// Those of the store.
pub async fn count_unread(app: &App, actor: &Actor) -> Result<UnreadCounts, ChatError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let rows = store::chat::list_unread(&mut conn, actor.user_id()).await?;
    let totals = store::chat::list_unread_totals(&mut conn, &[actor.user_id()]).await?;
    drop(conn);
    let conversations = rows
        .into_iter()
        .map(|row| ConversationUnread {
            conversation_id: row.conversation_id,
            unread_count: view::count(row.unread),
        })
        .collect();
    let total = totals.first().copied().unwrap_or_default();
    Ok(UnreadCounts { unread_total: total.unread_total, unread_version: total.version, conversations })
}
