//! The pairs. A conversation's row is the lock under which its messages get their ids (domain.md D9).

use base::Time;
use base::id::{ConversationId, MessageId, UserId};
use chrono::{DateTime, Utc};

use crate::statement::Statement;
use crate::{Conn, StoreError, affected};

/// The unique index of the pair.
pub const PAIR_INDEX: &str = "conversations_user_one_id_user_two_id_unique";

macro_rules! columns {
    () => {
        "id, user_one_id, user_two_id, last_message_id, user_one_last_read_at, user_two_last_read_at, \
         created_at, deleted_at"
    };
}

/// A conversation; `user_one_id < user_two_id`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ConversationRow {
    /// Its id.
    pub id: ConversationId,
    /// The participant with the smaller id.
    pub user_one_id: UserId,
    /// The participant with the greater id.
    pub user_two_id: UserId,
    /// The newest message that is not deleted.
    pub last_message_id: Option<MessageId>,
    /// When the first participant last read something new.
    pub user_one_last_read_at: Option<DateTime<Utc>>,
    /// When the second participant last read something new.
    pub user_two_last_read_at: Option<DateTime<Utc>>,
    /// When it was opened.
    pub created_at: Option<DateTime<Utc>>,
    /// Deleted for both, until the next message.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Which way a walk through the list goes, from where.
#[derive(Clone, Copy, Debug)]
pub enum ConversationsFrom {
    /// The newest first.
    Start,
    /// Older than this last message, newest first.
    Before(MessageId),
    /// Newer than this last message, oldest first.
    After(MessageId),
}

/// A conversation, deleted ones too.
///
/// # Errors
/// Those of the driver.
pub async fn find_conversation(
    conn: &mut Conn,
    id: ConversationId,
) -> Result<Option<ConversationRow>, StoreError> {
    Ok(sqlx::query_as(concat!("SELECT ", columns!(), " FROM conversations WHERE id = ?"))
        .bind(id)
        .fetch_optional(conn)
        .await?)
}

/// The conversation of two users, deleted ones too.
///
/// # Errors
/// Those of the driver.
pub async fn find_conversation_of(
    conn: &mut Conn,
    user_one_id: UserId,
    user_two_id: UserId,
) -> Result<Option<ConversationRow>, StoreError> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM conversations WHERE user_one_id = ? AND user_two_id = ?"
    ))
    .bind(user_one_id)
    .bind(user_two_id)
    .fetch_optional(conn)
    .await?)
}

/// The conversations of pairs (the smaller id first), deleted ones too, in no order: (conversation, pair).
///
/// # Errors
/// Those of the driver.
pub async fn list_conversation_ids_of(
    conn: &mut Conn,
    pairs: &[(UserId, UserId)],
) -> Result<Vec<(ConversationId, UserId, UserId)>, StoreError> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Statement::new("SELECT c.id, c.user_one_id, c.user_two_id FROM ");
    query.push_pairs(pairs.iter().copied());
    query.push("STRAIGHT_JOIN conversations c ON c.user_one_id = w.one AND c.user_two_id = w.two");
    query.fetch_all(conn).await
}

/// Conversations by their ids, deleted ones too, and holds their rows until the transaction ends. Rows are held in the
/// order of their ids, whatever that of `ids`, so that two transactions that hold some of the same cannot deadlock.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_conversations(
    conn: &mut Conn,
    ids: &[ConversationId],
) -> Result<Vec<ConversationRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // The index is named because a server that finds the table small would read all of it, and wait for rows that
    // nobody asked for.
    let mut query = Statement::new(concat!(
        "SELECT ",
        columns!(),
        " FROM conversations FORCE INDEX (PRIMARY) WHERE id IN ("
    ));
    query.push_numbers(ids).push(") ORDER BY id FOR UPDATE");
    query.fetch_all(conn).await
}

/// As [`find_conversation`], and holds the row until the transaction ends.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_conversation(
    conn: &mut Conn,
    id: ConversationId,
) -> Result<Option<ConversationRow>, StoreError> {
    Ok(lock_conversations(conn, &[id]).await?.pop())
}

/// As [`find_conversation_of`], and holds the row until the transaction ends.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_conversation_of(
    conn: &mut Conn,
    user_one_id: UserId,
    user_two_id: UserId,
) -> Result<Option<ConversationRow>, StoreError> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM conversations WHERE user_one_id = ? AND user_two_id = ? FOR UPDATE"
    ))
    .bind(user_one_id)
    .bind(user_two_id)
    .fetch_optional(conn)
    .await?)
}

/// Opens a conversation; the transaction holds its row.
///
/// # Errors
/// [`StoreError::Unique`] ([`PAIR_INDEX`]) when another request has just opened it.
pub async fn insert_conversation(
    conn: &mut Conn,
    user_one_id: UserId,
    user_two_id: UserId,
    now: Time,
) -> Result<ConversationId, StoreError> {
    let done = sqlx::query(
        "INSERT INTO conversations (user_one_id, user_two_id, created_at, updated_at) VALUES (?, ?, ?, ?)",
    )
    .bind(user_one_id)
    .bind(user_two_id)
    .bind(now.as_chrono())
    .bind(now.as_chrono())
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Names the newest message of each of these locked conversations (each once), which undoes a deletion of the
/// conversation.
///
/// # Errors
/// Those of the driver.
pub async fn update_last_messages(
    conn: &mut Conn,
    last: &[(ConversationId, MessageId)],
    now: Time,
) -> Result<(), StoreError> {
    if last.is_empty() {
        return Ok(());
    }
    let mut query =
        Statement::new("UPDATE conversations FORCE INDEX (PRIMARY) SET last_message_id = CASE id");
    for (id, message_id) in last {
        query.push(" WHEN ").push_number(*id).push(" THEN ").push_number(*message_id);
    }
    query.push(" END, deleted_at = NULL, updated_at = ").push_seconds(now).push(" WHERE id IN (");
    query.push_each(last, |query, (id, _)| {
        query.push_number(*id);
    });
    query.push(")");
    let expected = u64::try_from(last.len()).unwrap_or(u64::MAX);
    affected("conversations", expected, &query.execute(conn).await?)
}

/// Names the newest message that is left of a locked conversation, or none; a deleted conversation stays so.
///
/// # Errors
/// Those of the driver.
pub async fn update_last_message_left(
    conn: &mut Conn,
    id: ConversationId,
    message_id: Option<MessageId>,
    now: Time,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE conversations SET last_message_id = ?, updated_at = ? WHERE id = ?")
        .bind(message_id)
        .bind(now.as_chrono())
        .bind(id)
        .execute(conn)
        .await?;
    affected("conversations", 1, &done)
}

/// Notes that something in a locked conversation changed.
///
/// # Errors
/// Those of the driver.
pub async fn update_touched_at(conn: &mut Conn, id: ConversationId, now: Time) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE conversations SET updated_at = ? WHERE id = ?")
        .bind(now.as_chrono())
        .bind(id)
        .execute(conn)
        .await?;
    affected("conversations", 1, &done)
}

/// Deletes a conversation for both participants, or (`None`) undoes that.
///
/// # Errors
/// Those of the driver.
pub async fn update_deleted_at(
    conn: &mut Conn,
    id: ConversationId,
    deleted_at: Option<Time>,
    now: Time,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE conversations SET deleted_at = ?, updated_at = ? WHERE id = ?")
        .bind(deleted_at.map(Time::as_chrono))
        .bind(now.as_chrono())
        .bind(id)
        .execute(conn)
        .await?;
    affected("conversations", 1, &done)
}

/// Notes when a participant read something new.
///
/// # Errors
/// Those of the driver.
pub async fn update_last_read_at(
    conn: &mut Conn,
    id: ConversationId,
    reader: UserId,
    now: Time,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE conversations SET \
           user_one_last_read_at = IF(user_one_id = ?, ?, user_one_last_read_at), \
           user_two_last_read_at = IF(user_two_id = ?, ?, user_two_last_read_at) \
         WHERE id = ?",
    )
    .bind(reader)
    .bind(now.as_chrono())
    .bind(reader)
    .bind(now.as_chrono())
    .bind(id)
    .execute(conn)
    .await?;
    affected("conversations", 1, &done)
}

/// A user's conversations that have a message and are not deleted, in the order of the walk. Each side of the pair
/// is read through its own index.
///
/// # Errors
/// Those of the driver.
pub async fn list_conversations(
    conn: &mut Conn,
    user_id: UserId,
    from: ConversationsFrom,
    limit: u32,
) -> Result<Vec<ConversationRow>, StoreError> {
    // Both ends are open: ids begin at 1, and the greatest is never reached.
    let (low, high, statement) = match from {
        ConversationsFrom::Start => (0, i64::MAX.unsigned_abs(), LIST_DOWN),
        ConversationsFrom::Before(id) => (0, id, LIST_DOWN),
        ConversationsFrom::After(id) => (id, i64::MAX.unsigned_abs(), LIST_UP),
    };
    let mut query = sqlx::query_as(statement);
    for _side in 0..2 {
        query = query.bind(user_id).bind(low).bind(high).bind(limit);
    }
    Ok(query.bind(limit).fetch_all(conn).await?)
}

/// The user's conversations in which something was written, edited, deleted or read at or after `since`, deleted ones
/// too, by id. Looks at each conversation of the user.
///
/// # Errors
/// Those of the driver.
pub async fn list_conversations_changed_since(
    conn: &mut Conn,
    user_id: UserId,
    since: Time,
) -> Result<Vec<ConversationRow>, StoreError> {
    macro_rules! side {
        ($column:literal) => {
            concat!(
                "SELECT ",
                columns!(),
                " FROM conversations WHERE ",
                $column,
                " = ? AND (updated_at >= ? OR user_one_last_read_at >= ? OR user_two_last_read_at >= ?)"
            )
        };
    }
    let statement = concat!(side!("user_one_id"), " UNION ALL ", side!("user_two_id"), " ORDER BY id");
    let mut query = sqlx::query_as(statement);
    for _side in 0..2 {
        query = query.bind(user_id);
        for _column in 0..3 {
            query = query.bind(since.as_chrono());
        }
    }
    Ok(query.fetch_all(conn).await?)
}

macro_rules! both_sides {
    ($order:literal) => {
        concat!(
            "(SELECT ",
            columns!(),
            " FROM conversations \
             WHERE user_one_id = ? AND deleted_at IS NULL AND last_message_id > ? AND last_message_id < ? \
             ORDER BY last_message_id ",
            $order,
            " LIMIT ?) UNION ALL (SELECT ",
            columns!(),
            " FROM conversations \
             WHERE user_two_id = ? AND deleted_at IS NULL AND last_message_id > ? AND last_message_id < ? \
             ORDER BY last_message_id ",
            $order,
            " LIMIT ?) ORDER BY last_message_id ",
            $order,
            " LIMIT ?"
        )
    };
}

const LIST_DOWN: &str = both_sides!("DESC");
const LIST_UP: &str = both_sides!("ASC");
