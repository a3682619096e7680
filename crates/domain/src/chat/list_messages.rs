//! `list_messages`.

use base::id::{ConversationId, MessageId};
use base::paging::Page;
use protocol::chat::Message;
use store::Conn;
use store::chat::{MessageRow, MessagesFrom};

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
/// places. The following page is the older one.
///
/// # Errors
/// 404 for a conversation of others, or a deleted one.
pub async fn list_messages(
    app: &App,
    actor: &Actor,
    conversation_id: ConversationId,
    window: MessageWindow,
    limit: u32,
) -> Result<Page<Message>, ChatError> {
    actor.require("read")?;
    let limit = limit.clamp(1, MAX_MESSAGES);
    let mut conn = app.store.reader().await?;
    let row = store::chat::find_conversation(&mut conn, conversation_id).await?;
    let id = Participation::of_present(row, actor.user_id())?.id();
    // Where one came from, there is something; what lies ahead is looked up.
    let (rows, sides) = match window {
        MessageWindow::Before(None) => {
            let (rows, older) = list_part(&mut conn, id, MessagesFrom::Newest, limit).await?;
            (rows, (older, false))
        }
        MessageWindow::Before(Some(place)) => {
            let (rows, older) = list_part(&mut conn, id, MessagesFrom::Before(place), limit).await?;
            (rows, (older, true))
        }
        MessageWindow::After(place) => {
            let (rows, newer) = list_part(&mut conn, id, MessagesFrom::After(place), limit).await?;
            (rows, (true, newer))
        }
        MessageWindow::Around(place) => {
            let below = limit / 2;
            let (mut rows, older) = list_part(&mut conn, id, MessagesFrom::Before(place), below).await?;
            let from = MessagesFrom::After(place.saturating_sub(1));
            let (above, newer) = list_part(&mut conn, id, from, limit.saturating_sub(below)).await?;
            rows.extend(above);
            (rows, (older, newer))
        }
    };
    drop(conn);
    Ok(Page::ascending(limit, view::messages_ascending(app, rows)?, sides, |message| message.id))
}

/// At most `limit` rows, and whether there are more.
async fn list_part(
    conn: &mut Conn,
    conversation_id: ConversationId,
    from: MessagesFrom,
    limit: u32,
) -> Result<(Vec<MessageRow>, bool), ChatError> {
    let mut rows = store::chat::list_messages(conn, conversation_id, from, limit.saturating_add(1)).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    Ok((rows, more))
}
