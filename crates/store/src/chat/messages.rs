//! Messages of one conversation.

use base::Time;
use base::id::{ConversationId, MessageId, UserId};
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;
use sqlx::types::Json;

use super::push_ids;
use crate::statement::Statement;
use crate::{Conn, StoreError, affected};

/// The columns of [`MessageRow`], of a table called `m`.
macro_rules! message_columns {
    () => {
        "m.id, m.conversation_id, m.sender_id, m.type AS message_type, m.body, m.media_urls, m.metadata, \
         m.reply_to_id, m.read_at, m.created_at, m.updated_at, m.deleted_at"
    };
}
pub(super) use message_columns;

/// A wish of MySQL's optimizer kind: walk a conversation, in a table called `m`, by (conversation_id, id). Where the
/// condition on the id says little, MySQL would rather sort the whole conversation. It is a wish only: a server
/// without an index of this name answers all the same, and MariaDB, which needs none, takes it for a comment.
macro_rules! along_ids {
    () => {
        "/*+ INDEX(m messages_conversation_id_id_index) */ "
    };
}
pub(super) use along_ids;

/// A message.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MessageRow {
    /// Id order is the order of the conversation.
    pub id: MessageId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// Its author.
    pub sender_id: UserId,
    /// `messages.type`.
    pub message_type: String,
    /// The words.
    pub body: Option<String>,
    /// An array of storage paths and addresses.
    pub media_urls: Option<Json<serde_json::Value>>,
    /// An object with what else is known: `edited_at`, `media`, and whatever another application keeps there.
    pub metadata: Option<Json<serde_json::Value>>,
    /// The message that it answers.
    pub reply_to_id: Option<MessageId>,
    /// When the other one read it.
    pub read_at: Option<DateTime<Utc>>,
    /// When it was accepted; Laravel's column may be null.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was written, edited or deleted last.
    pub updated_at: Option<DateTime<Utc>>,
    /// Deleted for both.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// A message to be added.
#[derive(Clone, Debug)]
pub struct NewMessage<'a> {
    /// Its conversation, whose row the transaction holds.
    pub conversation_id: ConversationId,
    /// Its author.
    pub sender_id: UserId,
    /// `messages.type`.
    pub message_type: &'static str,
    /// The words.
    pub body: Option<&'a str>,
    /// The storage paths of its media.
    pub media_urls: &'a [String],
    /// An object with what is known of its media.
    pub metadata: Option<&'a serde_json::Value>,
    /// A message of the same conversation.
    pub reply_to_id: Option<MessageId>,
    /// When it is accepted.
    pub now: Time,
}

/// Which messages of a conversation.
#[derive(Clone, Copy, Debug)]
pub enum MessagesFrom {
    /// The newest, descending ids.
    Newest,
    /// Smaller ids, descending.
    Before(MessageId),
    /// Greater ids, ascending.
    After(MessageId),
}

/// Adds messages to conversations whose rows the transaction holds, so that ids follow commits. Gives their ids, which
/// ascend in the order of the messages.
///
/// # Errors
/// [`StoreError::Foreign`] where somebody, or a message replied to, has gone.
pub async fn insert_messages(
    conn: &mut Conn,
    messages: &[NewMessage<'_>],
) -> Result<Vec<MessageId>, StoreError> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Statement::new(
        "INSERT INTO messages (conversation_id, sender_id, type, body, media_urls, metadata, reply_to_id, \
           created_at, updated_at) VALUES ",
    );
    query.push_each(messages, |query, message| {
        query.push("(").push_number(message.conversation_id).push(", ").push_number(message.sender_id);
        query.push(", '").push(message.message_type).push("', ").push_text_or_null(message.body);
        if message.media_urls.is_empty() {
            query.push(", '[]', ");
        } else {
            query.push(", ").push_text(&serde_json::json!(message.media_urls).to_string()).push(", ");
        }
        query.push_text_or_null(message.metadata.map(ToString::to_string).as_deref());
        query.push(", ").push_number_or_null(message.reply_to_id);
        query.push(", ").push_seconds(message.now).push(", ").push_seconds(message.now).push(")");
    });
    let done = query.execute(conn).await?;
    let count = u64::try_from(messages.len()).unwrap_or(u64::MAX);
    affected("messages", count, &done)?;
    crate::inserted_ids(conn, &done, count).await
}

/// Gives a message of a locked conversation other words.
///
/// # Errors
/// Those of the driver.
pub async fn update_body(
    conn: &mut Conn,
    id: MessageId,
    body: &str,
    metadata: &serde_json::Value,
    now: Time,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE messages SET body = ?, metadata = ?, updated_at = ? WHERE id = ?")
        .bind(body)
        .bind(Json(metadata))
        .bind(now.as_chrono())
        .bind(id)
        .execute(conn)
        .await?;
    affected("messages", 1, &done)
}

/// Deletes a message of a locked conversation for both participants.
///
/// # Errors
/// Those of the driver.
pub async fn update_message_deleted(conn: &mut Conn, id: MessageId, now: Time) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE messages SET deleted_at = ?, updated_at = ? WHERE id = ?")
        .bind(now.as_chrono())
        .bind(now.as_chrono())
        .bind(id)
        .execute(conn)
        .await?;
    affected("messages", 1, &done)
}

/// A message, deleted ones too.
///
/// # Errors
/// Those of the driver.
pub async fn find_message(conn: &mut Conn, id: MessageId) -> Result<Option<MessageRow>, StoreError> {
    Ok(sqlx::query_as(concat!("SELECT ", message_columns!(), " FROM messages m WHERE m.id = ?"))
        .bind(id)
        .fetch_optional(conn)
        .await?)
}

/// Messages by their ids, in no order.
///
/// # Errors
/// Those of the driver.
pub async fn list_messages_by_id(conn: &mut Conn, ids: &[MessageId]) -> Result<Vec<MessageRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query =
        QueryBuilder::new(concat!("SELECT ", message_columns!(), " FROM messages m WHERE m.id IN ("));
    push_ids(&mut query, ids);
    query.push(")");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// At most `limit` messages of a conversation, in the order of `from`; deleted ones too.
///
/// # Errors
/// Those of the driver.
pub async fn list_messages(
    conn: &mut Conn,
    conversation_id: ConversationId,
    from: MessagesFrom,
    limit: u32,
) -> Result<Vec<MessageRow>, StoreError> {
    // No bound where none is meant: one that is always true makes MySQL sort the whole conversation.
    let statement = match from {
        MessagesFrom::Newest => concat!(
            "SELECT ",
            along_ids!(),
            message_columns!(),
            " FROM messages m WHERE m.conversation_id = ? ORDER BY m.conversation_id DESC, m.id DESC LIMIT ?"
        ),
        MessagesFrom::Before(_) => concat!(
            "SELECT ",
            along_ids!(),
            message_columns!(),
            " FROM messages m WHERE m.conversation_id = ? AND m.id < ? \
             ORDER BY m.conversation_id DESC, m.id DESC LIMIT ?"
        ),
        MessagesFrom::After(_) => concat!(
            "SELECT ",
            along_ids!(),
            message_columns!(),
            " FROM messages m WHERE m.conversation_id = ? AND m.id > ? ORDER BY m.conversation_id, m.id LIMIT ?"
        ),
    };
    let query = sqlx::query_as(statement).bind(conversation_id);
    let query = match from {
        MessagesFrom::Newest => query,
        MessagesFrom::Before(id) | MessagesFrom::After(id) => query.bind(id),
    };
    Ok(query.bind(limit).fetch_all(conn).await?)
}

/// Those of the (conversation, sender) in which the sender has written in the conversation (deleted messages count), in
/// no order.
///
/// # Errors
/// Those of the driver.
pub async fn list_written(
    conn: &mut Conn,
    asked: &[(ConversationId, UserId)],
) -> Result<Vec<(ConversationId, UserId)>, StoreError> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Statement::new("");
    for (number, (conversation_id, sender_id)) in asked.iter().enumerate() {
        query.push(if number > 0 { " UNION ALL " } else { "" });
        query.push("(SELECT conversation_id, sender_id FROM messages WHERE conversation_id = ");
        query.push_number(*conversation_id).push(" AND sender_id = ").push_number(*sender_id);
        query.push(" LIMIT 1)");
    }
    query.fetch_all(conn).await
}

/// The id of a conversation's newest message, deleted ones too.
///
/// # Errors
/// Those of the driver.
pub async fn find_newest_id(
    conn: &mut Conn,
    conversation_id: ConversationId,
) -> Result<Option<MessageId>, StoreError> {
    Ok(sqlx::query_scalar("SELECT MAX(id) FROM messages WHERE conversation_id = ?")
        .bind(conversation_id)
        .fetch_one(conn)
        .await?)
}

/// The id of a conversation's newest message that is not deleted.
///
/// # Errors
/// Those of the driver.
pub async fn find_newest_left(
    conn: &mut Conn,
    conversation_id: ConversationId,
) -> Result<Option<MessageId>, StoreError> {
    // As in `find_read_up_to`, the further column keeps MariaDB on the way down the ids.
    let found: Option<(MessageId, Option<DateTime<Utc>>)> = sqlx::query_as(concat!(
        "SELECT ",
        along_ids!(),
        "m.id, m.created_at FROM messages m WHERE m.conversation_id = ? AND m.deleted_at IS NULL \
         ORDER BY m.conversation_id DESC, m.id DESC LIMIT 1"
    ))
    .bind(conversation_id)
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|(id, _)| id))
}

/// The newest message of `sender_id` that the other one has read: the newest below the oldest unread one, since
/// reading takes everything up to a message.
///
/// # Errors
/// Those of the driver.
pub async fn find_read_up_to(
    conn: &mut Conn,
    conversation_id: ConversationId,
    sender_id: UserId,
) -> Result<Option<MessageId>, StoreError> {
    let first_unread: Option<MessageId> = sqlx::query_scalar(
        "SELECT MIN(id) FROM messages WHERE conversation_id = ? AND sender_id = ? AND read_at IS NULL \
           AND deleted_at IS NULL",
    )
    .bind(conversation_id)
    .bind(sender_id)
    .fetch_one(&mut *conn)
    .await?;
    // Down the conversation, past the reader's own newest messages; never through all that the sender has written.
    // The column that nobody asked for keeps MariaDB from doing that, for the sake of an index that holds the others.
    let statement = match first_unread {
        None => concat!(
            "SELECT ",
            along_ids!(),
            "m.id, m.created_at FROM messages m WHERE m.conversation_id = ? AND m.sender_id + 0 = ? \
             ORDER BY m.conversation_id DESC, m.id DESC LIMIT 1"
        ),
        Some(_) => concat!(
            "SELECT ",
            along_ids!(),
            "m.id, m.created_at FROM messages m WHERE m.conversation_id = ? AND m.sender_id + 0 = ? AND m.id < ? \
             ORDER BY m.conversation_id DESC, m.id DESC LIMIT 1"
        ),
    };
    let query = sqlx::query_as(statement).bind(conversation_id).bind(sender_id);
    let query = match first_unread {
        None => query,
        Some(id) => query.bind(id),
    };
    let found: Option<(MessageId, Option<DateTime<Utc>>)> = query.fetch_optional(conn).await?;
    Ok(found.map(|(id, _)| id))
}

/// Marks everything that `sender_id` wrote up to a message as read by the other one; gives how many were unread.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn update_read_at(
    conn: &mut Conn,
    conversation_id: ConversationId,
    sender_id: UserId,
    up_to: MessageId,
    now: Time,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "UPDATE messages SET read_at = ? \
         WHERE conversation_id = ? AND sender_id = ? AND read_at IS NULL AND id <= ? AND deleted_at IS NULL",
    )
    .bind(now.as_chrono())
    .bind(conversation_id)
    .bind(sender_id)
    .bind(up_to)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
