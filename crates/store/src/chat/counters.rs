//! Unread messages. Unread is what the other has written, is not read and not deleted, in a conversation that is not
//! deleted; `hub_chat_counters.unread_total` caches the sum of a user, and `version` counts its changes.

use base::id::{ConversationId, UserId};
use sqlx::QueryBuilder;

use super::push_ids;
use crate::statement::Statement;
use crate::{Conn, StoreError};

/// Unread messages in one conversation.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct UnreadRow {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// How many.
    pub unread: i64,
}

/// A user's unread total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct UnreadTotal {
    /// Whose.
    pub user_id: UserId,
    /// Over all conversations.
    pub unread_total: u32,
    /// How often it has changed: of two totals of a user the one with the greater version is the newer.
    pub version: u64,
}

/// What is added to a user's unread total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadAdded {
    /// Whose.
    pub user_id: UserId,
    /// How many messages.
    pub count: u32,
    /// In how many changes, each of which is to have a version of its own.
    pub changes: u64,
}

/// Adds to unread totals; the rows' locks make the sums exact. Pass users in ascending order, each once, so that two
/// transactions that add to the same two users cannot deadlock.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn update_unread_added(conn: &mut Conn, added: &[UnreadAdded]) -> Result<(), StoreError> {
    if added.is_empty() {
        return Ok(());
    }
    let mut query = Statement::new("INSERT INTO hub_chat_counters (user_id, unread_total, version) VALUES ");
    query.push_each(added, |query, UnreadAdded { user_id, count, changes }| {
        query.push("(").push_number(*user_id).push(", ").push_number(u64::from(*count));
        query.push(", ").push_number(*changes).push(")");
    });
    query.push(
        " ON DUPLICATE KEY UPDATE unread_total = unread_total + VALUES(unread_total), \
           version = version + VALUES(version)",
    );
    query.execute(conn).await?;
    Ok(())
}

/// Takes from a user's unread total, never below 0.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn update_unread_taken(conn: &mut Conn, user_id: UserId, count: u32) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE hub_chat_counters SET unread_total = IF(unread_total > ?, unread_total - ?, 0), version = version + 1 \
         WHERE user_id = ?",
    )
    .bind(count)
    .bind(count)
    .bind(user_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// The unread totals of users; who has no row has none.
///
/// # Errors
/// Those of the driver.
pub async fn list_unread_totals(
    conn: &mut Conn,
    user_ids: &[UserId],
) -> Result<Vec<UnreadTotal>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query =
        Statement::new("SELECT user_id, unread_total, version FROM hub_chat_counters WHERE user_id IN (");
    query.push_numbers(user_ids).push(")");
    query.fetch_all(conn).await
}

/// Unread messages of a user in each of these conversations; those without any are left out.
///
/// # Errors
/// Those of the driver.
pub async fn list_unread_among(
    conn: &mut Conn,
    reader: UserId,
    conversation_ids: &[ConversationId],
) -> Result<Vec<UnreadRow>, StoreError> {
    if conversation_ids.is_empty() {
        return Ok(Vec::new());
    }
    // Naming the sender (the other of the pair) lets the index (conversation_id, sender_id, read_at) answer.
    // Counted for one conversation after the other: joined, MySQL would rather read all messages and hash them.
    let mut query = QueryBuilder::new(
        "SELECT c.id AS conversation_id, (SELECT COUNT(*) FROM messages m WHERE m.conversation_id = c.id \
           AND m.read_at IS NULL AND m.deleted_at IS NULL AND m.sender_id = IF(c.user_one_id = ",
    );
    query
        .push_bind(reader)
        .push(", c.user_two_id, c.user_one_id)) AS unread FROM conversations c WHERE c.id IN (");
    push_ids(&mut query, conversation_ids);
    query.push(") HAVING unread > 0");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Unread messages of a user in each conversation that has any, by conversation.
///
/// # Errors
/// Those of the driver.
pub async fn list_unread(conn: &mut Conn, reader: UserId) -> Result<Vec<UnreadRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT c.id AS conversation_id, COUNT(*) AS unread FROM conversations c \
         STRAIGHT_JOIN messages m ON m.conversation_id = c.id AND m.sender_id = c.user_two_id \
           AND m.read_at IS NULL AND m.deleted_at IS NULL \
         WHERE c.user_one_id = ? AND c.deleted_at IS NULL GROUP BY c.id \
         UNION ALL \
         SELECT c.id AS conversation_id, COUNT(*) AS unread FROM conversations c \
         STRAIGHT_JOIN messages m ON m.conversation_id = c.id AND m.sender_id = c.user_one_id \
           AND m.read_at IS NULL AND m.deleted_at IS NULL \
         WHERE c.user_two_id = ? AND c.deleted_at IS NULL GROUP BY c.id \
         ORDER BY conversation_id",
    )
    .bind(reader)
    .bind(reader)
    .fetch_all(conn)
    .await?)
}
