//! What was said and given already, so that a seeding that was cut off goes on where it stopped; notifications.

use base::id::UserId;
use serde_json::Value;

use super::At;
use crate::{Conn, StoreError};

/// A message between two users.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MessageRow {
    /// Its id.
    pub id: u64,
    /// Its conversation.
    pub conversation_id: u64,
    /// Its author.
    pub sender_id: UserId,
    /// The words.
    pub body: Option<String>,
}

/// What two users have written to each other, oldest first, deleted messages too.
///
/// # Errors
/// Those of the driver.
pub async fn list_messages(
    conn: &mut Conn,
    one: UserId,
    other: UserId,
) -> Result<Vec<MessageRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT m.id, m.conversation_id, m.sender_id, m.body FROM messages m \
         JOIN conversations c ON c.id = m.conversation_id \
         WHERE c.user_one_id = ? AND c.user_two_id = ? ORDER BY m.id LIMIT 500",
    )
    .bind(one.min(other))
    .bind(one.max(other))
    .fetch_all(conn)
    .await?)
}

/// Whose wallets have been adjusted, and whether by a `credit` or a `debit`.
///
/// # Errors
/// Those of the driver.
pub async fn list_adjusted(conn: &mut Conn) -> Result<Vec<(UserId, String)>, StoreError> {
    Ok(sqlx::query_as("SELECT DISTINCT user_id, type FROM transactions WHERE category = 'adjustment'")
        .fetch_all(conn)
        .await?)
}

/// Has the user sent a gift with these words?
///
/// # Errors
/// Those of the driver.
pub async fn has_gift(conn: &mut Conn, sender_id: UserId, message: &str) -> Result<bool, StoreError> {
    let count: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM gift_transactions WHERE sender_id = ? AND message = ?")
            .bind(sender_id)
            .bind(message)
            .fetch_one(conn)
            .await?;
    Ok(count > 0)
}

/// Has the user a token of this name?
///
/// # Errors
/// Those of the driver.
pub async fn has_token(conn: &mut Conn, user_id: UserId, name: &str) -> Result<bool, StoreError> {
    let count: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM personal_access_tokens WHERE tokenable_id = ? AND name = ?")
            .bind(user_id)
            .bind(name)
            .fetch_one(conn)
            .await?;
    Ok(count > 0)
}

/// A notification (domain.md §5.11).
#[derive(Clone, Debug)]
pub struct NotificationRow<'a> {
    /// A UUID.
    pub id: String,
    /// The class's name.
    pub class: String,
    /// The morph type of a user.
    pub notifiable_type: &'a str,
    /// For whom.
    pub notifiable_id: UserId,
    /// Who caused it.
    pub actor_id: Option<UserId>,
    /// `notifications.data`.
    pub data: Value,
    /// Read already?
    pub read: bool,
    /// When.
    pub at: At,
}

/// Writes a notification.
///
/// # Errors
/// Those of the driver.
pub async fn insert_notification(conn: &mut Conn, row: &NotificationRow<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO notifications (id, type, notifiable_type, notifiable_id, data, actor_id, read_at, created_at, \
         updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&row.id)
    .bind(&row.class)
    .bind(row.notifiable_type)
    .bind(row.notifiable_id)
    .bind(row.data.to_string())
    .bind(row.actor_id)
    .bind(row.read.then_some(row.at))
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Somebody asked for a new password at `at`; `token` is a bcrypt hash.
///
/// # Errors
/// Those of the driver.
pub async fn insert_password_reset(
    conn: &mut Conn,
    email: &str,
    token: &str,
    at: At,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO password_reset_tokens (email, token, created_at) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE email = VALUES(email)",
    )
    .bind(email)
    .bind(token)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}
