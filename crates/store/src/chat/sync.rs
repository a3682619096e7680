//! What a user has missed (realtime.md §5): everything above an id, exactly, and what was handed a smaller id but
//! may have been committed later.

use base::Time;
use base::id::{ConversationId, MessageId, UserId};
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use super::messages::{MessageRow, along_ids, message_columns};
use super::push_ids;
use crate::{Conn, StoreError};

/// The user's conversations, not deleted, that have a message above an id.
///
/// # Errors
/// Those of the driver.
pub async fn list_conversations_above(
    conn: &mut Conn,
    user_id: UserId,
    after: MessageId,
) -> Result<Vec<ConversationId>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT id FROM conversations WHERE user_one_id = ? AND deleted_at IS NULL AND last_message_id > ? \
         UNION ALL \
         SELECT id FROM conversations WHERE user_two_id = ? AND deleted_at IS NULL AND last_message_id > ?",
    )
    .bind(user_id)
    .bind(after)
    .bind(user_id)
    .bind(after)
    .fetch_all(conn)
    .await?)
}

/// At most `limit` messages of these conversations above an id, ascending. Ids come out of the index
/// (conversation_id, id) alone, one range a conversation; only the rows of the page are read.
///
/// # Errors
/// Those of the driver.
pub async fn list_messages_above(
    conn: &mut Conn,
    conversation_ids: &[ConversationId],
    after: MessageId,
    limit: u32,
) -> Result<Vec<MessageRow>, StoreError> {
    if conversation_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(concat!(
        "SELECT ",
        message_columns!(),
        " FROM (SELECT id FROM messages WHERE conversation_id IN ("
    ));
    push_ids(&mut query, conversation_ids);
    query.push(") AND id > ").push_bind(after);
    // Not `ORDER BY id`: for that the optimizer may walk the whole table by its primary key until the limit is met.
    query.push(" ORDER BY id + 0 LIMIT ").push_bind(limit);
    query.push(") page JOIN messages m ON m.id = page.id ORDER BY m.id");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// When a message was written, or the one before it where it is not there any more.
///
/// # Errors
/// Those of the driver.
pub async fn find_written_at(conn: &mut Conn, id: MessageId) -> Result<Option<DateTime<Utc>>, StoreError> {
    let written: Option<Option<DateTime<Utc>>> =
        sqlx::query_scalar("SELECT created_at FROM messages WHERE id <= ? ORDER BY id DESC LIMIT 1")
            .bind(id)
            .fetch_optional(conn)
            .await?;
    Ok(written.flatten())
}

/// The user's conversations, not deleted, whose newest message was written at or after `since`. One look at a message
/// for each conversation of the user.
///
/// # Errors
/// Those of the driver.
pub async fn list_conversations_active_since(
    conn: &mut Conn,
    user_id: UserId,
    since: Time,
) -> Result<Vec<ConversationId>, StoreError> {
    macro_rules! side {
        ($column:literal) => {
            concat!(
                "SELECT c.id FROM conversations c STRAIGHT_JOIN messages m ON m.id = c.last_message_id \
                 WHERE c.",
                $column,
                " = ? AND c.deleted_at IS NULL AND m.created_at >= ?"
            )
        };
    }
    let mut query = sqlx::query_scalar(concat!(side!("user_one_id"), " UNION ALL ", side!("user_two_id")));
    for _side in 0..2 {
        query = query.bind(user_id).bind(since.as_chrono());
    }
    Ok(query.fetch_all(conn).await?)
}

/// The messages of these conversations below an id that were written at or after `since`, looking at no more than
/// the newest `depth` of each; in no order. Each conversation is a part of the statement: pass them by the hundred.
///
/// # Errors
/// Those of the driver.
pub async fn list_messages_written_since(
    conn: &mut Conn,
    conversation_ids: &[ConversationId],
    below: MessageId,
    since: Time,
    depth: u32,
) -> Result<Vec<MessageRow>, StoreError> {
    if conversation_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("");
    for (number, id) in conversation_ids.iter().enumerate() {
        query.push(if number == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
        query.push(concat!(
            "SELECT ",
            along_ids!(),
            message_columns!(),
            " FROM messages m WHERE m.conversation_id = "
        ));
        query.push_bind(*id).push(" AND m.id < ").push_bind(below);
        query.push(" ORDER BY m.conversation_id DESC, m.id DESC LIMIT ").push_bind(depth);
        query.push(") newest WHERE created_at >= ").push_bind(since.as_chrono());
    }
    Ok(query.build_query_as().fetch_all(conn).await?)
}
