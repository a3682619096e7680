//! What a user has missed (realtime.md §5): everything above an id, and what changed since a time at or below it, which
//! is also where one finds what was handed a smaller id but was committed later.

use std::collections::HashMap;

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

/// Where a walk through what changed has come: the last message given, by when it changed and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangePlace {
    /// `messages.updated_at`.
    pub updated_at: Time,
    /// The message.
    pub id: MessageId,
}

/// At most `limit` messages of these conversations that were written, edited or deleted at or after `since`, up to an
/// id, in the order in which they changed; `beyond` is the last one that is known. Ids come out of the index
/// (conversation_id, updated_at) alone, one range a conversation; only the rows of the page are read.
///
/// # Errors
/// Those of the driver.
pub async fn list_messages_changed_since(
    conn: &mut Conn,
    conversation_ids: &[ConversationId],
    since: Time,
    beyond: Option<ChangePlace>,
    up_to: MessageId,
    limit: u32,
) -> Result<Vec<MessageRow>, StoreError> {
    if conversation_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(concat!(
        "SELECT ",
        message_columns!(),
        " FROM (SELECT /*+ INDEX(c messages_conversation_id_updated_at_index) */ c.id FROM messages c \
         WHERE c.conversation_id IN ("
    ));
    push_ids(&mut query, conversation_ids);
    let from = beyond.map_or(since, |place| place.updated_at);
    query.push(") AND c.updated_at >= ").push_bind(from.as_chrono());
    if let Some(place) = beyond {
        query.push(" AND (c.updated_at > ").push_bind(place.updated_at.as_chrono());
        query.push(" OR c.id > ").push_bind(place.id).push(")");
    }
    // Nothing to look the id up by: what the two others leave is few.
    query.push(" AND c.id + 0 <= ").push_bind(up_to);
    query.push(" ORDER BY c.updated_at, c.id LIMIT ").push_bind(limit);
    query.push(") page JOIN messages m ON m.id = page.id ORDER BY m.updated_at, m.id");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// How far the messages of somebody have been read by the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ReadUpTo {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Whose messages.
    pub sender_id: UserId,
    /// The newest one that is read.
    pub id: MessageId,
}

/// [`find_read_up_to`](super::find_read_up_to) for several, each a conversation and a sender; those of whom nothing is
/// read are left out. Each is a part of the two statements: pass them by the hundred.
///
/// # Errors
/// Those of the driver.
pub async fn list_read_up_to(
    conn: &mut Conn,
    asked: &[(ConversationId, UserId)],
) -> Result<Vec<ReadUpTo>, StoreError> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("");
    for (number, (conversation_id, sender_id)) in asked.iter().enumerate() {
        query.push(if number == 0 { "" } else { " UNION ALL " });
        query.push("SELECT conversation_id, sender_id, MIN(id) AS id FROM messages WHERE conversation_id = ");
        query.push_bind(*conversation_id).push(" AND sender_id = ").push_bind(*sender_id);
        query.push(" AND read_at IS NULL AND deleted_at IS NULL GROUP BY conversation_id, sender_id");
    }
    let first_unread: Vec<ReadUpTo> = query.build_query_as().fetch_all(&mut *conn).await?;
    let first_unread: HashMap<(ConversationId, UserId), MessageId> =
        first_unread.into_iter().map(|row| ((row.conversation_id, row.sender_id), row.id)).collect();

    let mut query = QueryBuilder::new("");
    for (number, pair) in asked.iter().enumerate() {
        query.push(if number == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
        query.push(concat!(
            "SELECT ",
            along_ids!(),
            "m.conversation_id, m.sender_id, m.id, m.created_at FROM messages m WHERE m.conversation_id = "
        ));
        query.push_bind(pair.0).push(" AND m.sender_id + 0 = ").push_bind(pair.1);
        if let Some(id) = first_unread.get(pair) {
            query.push(" AND m.id < ").push_bind(*id);
        }
        query.push(" ORDER BY m.conversation_id DESC, m.id DESC LIMIT 1) newest");
    }
    Ok(query.build_query_as().fetch_all(conn).await?)
}
