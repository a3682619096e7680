//! `list_messages`.

use base::id::{ConversationId, MessageId};
use protocol::chat::Message;
use store::chat::MessagesFrom;

use super::{ChatError, Participation, view};
use crate::{Actor, App};

/// Messages in one answer at most (domain.md §5.10).
pub const MAX_MESSAGES: u32 = 100;

/// Which part of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageWindow {
    /// The newest below this id; the newest of all for `None`.
    Before(Option<MessageId>),
    /// The oldest above this id.
    After(MessageId),
    /// Half of them below this id, the others from it on.
    Around(MessageId),
}

/// At most `limit` messages (1 to [`MAX_MESSAGES`], brought into that range), ascending ids; deleted ones as empty
/// places.
///
/// # Errors
/// 404 for a conversation of others, or a deleted one.
pub async fn list_messages(
    app: &App,
    actor: &Actor,
    conversation_id: ConversationId,
    window: MessageWindow,
    limit: u32,
) -> Result<Vec<Message>, ChatError> {
    actor.require("read")?;
    let limit = limit.clamp(1, MAX_MESSAGES);
    let mut conn = app.store.reader().await?;
    let row = store::chat::find_conversation(&mut conn, conversation_id).await?;
    let place = Participation::of_present(row, actor.user_id())?;
    let parts = match window {
        MessageWindow::Before(None) => vec![(MessagesFrom::Newest, limit)],
        MessageWindow::Before(Some(id)) => vec![(MessagesFrom::Before(id), limit)],
        MessageWindow::After(id) => vec![(MessagesFrom::After(id), limit)],
        MessageWindow::Around(id) => {
            let below = limit / 2;
            vec![
                (MessagesFrom::Before(id), below),
                (MessagesFrom::After(id.saturating_sub(1)), limit.saturating_sub(below)),
            ]
        }
    };
    let mut rows = Vec::new();
    for (from, limit) in parts {
        rows.extend(store::chat::list_messages(&mut conn, place.id(), from, limit).await?);
    }
    drop(conn);
    Ok(view::messages_ascending(rows)?)
}
