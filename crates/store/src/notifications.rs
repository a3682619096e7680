//! `notifications` (Laravel's table with `actor_id`, domain.md §5.11, §7.5) and `hub_notification_heads`.

use base::id::UserId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::QueryBuilder;
use sqlx::types::Json;

use crate::{Conn, StoreError, affected};

/// The newest notification of a kind and subject of a user, as long as it is there and unread.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct HeadRow {
    /// Its id.
    pub id: String,
    /// Its content.
    pub data: Json<Value>,
    /// When the first of what it tells happened.
    pub created_at: Option<DateTime<Utc>>,
}

/// What a notification is found again by.
#[derive(Clone, Copy, Debug)]
pub struct HeadKey<'a> {
    /// Whose.
    pub user_id: UserId,
    /// Its kind.
    pub kind: &'a str,
    /// Short name and id of what it is about; an empty name and 0 for nothing.
    pub subject: (&'a str, u64),
}

/// Locks the head of a kind and subject and gives its notification, if that is unread and was told since `since`.
///
/// # Errors
/// Those of the driver.
pub async fn lock_head(
    conn: &mut Conn,
    key: HeadKey<'_>,
    since: DateTime<Utc>,
) -> Result<Option<HeadRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT n.id, n.data, n.created_at FROM hub_notification_heads h \
         JOIN notifications n ON n.id = h.notification_id \
         WHERE h.user_id = ? AND h.kind = ? AND h.subject_type = ? AND h.subject_id = ? \
         AND n.read_at IS NULL AND n.updated_at >= ? FOR UPDATE",
    )
    .bind(key.user_id)
    .bind(key.kind)
    .bind(key.subject.0)
    .bind(key.subject.1)
    .bind(since)
    .fetch_optional(conn)
    .await?)
}

/// From now on this is the newest notification of the kind and subject.
///
/// # Errors
/// Those of the driver.
pub async fn upsert_head(
    conn: &mut Conn,
    key: HeadKey<'_>,
    id: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_notification_heads (user_id, kind, subject_type, subject_id, notification_id, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE notification_id = VALUES(notification_id), updated_at = VALUES(updated_at)",
    )
    .bind(key.user_id)
    .bind(key.kind)
    .bind(key.subject.0)
    .bind(key.subject.1)
    .bind(id)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A notification to be written.
#[derive(Clone, Debug)]
pub struct NewNotification<'a> {
    /// A UUID.
    pub id: &'a str,
    /// The class that Laravel clients know it by.
    pub class: &'a str,
    /// Morph type of users, in the configured spelling.
    pub notifiable_type: &'a str,
    /// Whose.
    pub user_id: UserId,
    /// Its content.
    pub data: &'a Value,
    /// Who caused it.
    pub actor_id: Option<UserId>,
    /// When, in whole seconds.
    pub at: DateTime<Utc>,
}

/// Writes a notification.
///
/// # Errors
/// [`StoreError::Foreign`] when the actor is gone.
pub async fn insert_notification(conn: &mut Conn, new: &NewNotification<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO notifications (id, type, notifiable_type, notifiable_id, data, actor_id, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.id)
    .bind(new.class)
    .bind(new.notifiable_type)
    .bind(new.user_id)
    .bind(Json(new.data))
    .bind(new.actor_id)
    .bind(new.at)
    .bind(new.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Tells one more thing by a notification that is there.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is gone.
pub async fn update_collapsed(
    conn: &mut Conn,
    id: &str,
    data: &Value,
    actor_id: Option<UserId>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE notifications SET data = ?, actor_id = ?, updated_at = ? WHERE id = ?")
        .bind(Json(data))
        .bind(actor_id)
        .bind(at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("notifications", 1, &done)
}

/// How many notifications a user has not read, `limit` at most.
///
/// # Errors
/// Those of the driver.
pub async fn count_unread(
    conn: &mut Conn,
    notifiable_types: [&str; 2],
    user_id: UserId,
    limit: u32,
) -> Result<u32, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT COUNT(*) FROM (SELECT 1 FROM notifications WHERE read_at IS NULL AND notifiable_id = ",
    );
    query.push_bind(user_id).push(" AND notifiable_type IN (");
    query.push_bind(notifiable_types[0]).push(", ").push_bind(notifiable_types[1]);
    query.push(") LIMIT ").push_bind(limit).push(") unread");
    let count: i64 = query.build_query_scalar().fetch_one(conn).await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A row of `notifications`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct NotificationRow {
    /// A UUID.
    pub id: String,
    /// The class that Laravel clients know it by.
    pub class: String,
    /// Its content.
    pub data: String,
    /// Who caused it; nobody once the account is gone.
    pub actor_id: Option<UserId>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// When it was written.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was told once more.
    pub updated_at: Option<DateTime<Utc>>,
}

const NOTIFICATION: &str =
    "SELECT id, type AS class, data, actor_id, read_at, created_at, updated_at FROM notifications";

/// Which of a user's notifications.
#[derive(Clone, Copy, Debug)]
pub struct NotificationQuery<'a> {
    /// Both spellings of the user's morph type.
    pub notifiable_types: [&'a str; 2],
    /// Whose.
    pub user_id: UserId,
    /// Those that are not read, or those that are.
    pub unread: Option<bool>,
    /// Behind (or, going back, before) this time and id.
    pub cursor: Option<(DateTime<Utc>, &'a str)>,
    /// From the newest to the oldest?
    pub forward: bool,
    /// At most.
    pub limit: u32,
}

/// A part of a user's notifications, newest first (going back: oldest first).
///
/// Each spelling of the morph type is read from its own stretch of the index, and what was found is merged: for
/// `IN (…)` of two the server would sort them all.
///
/// # Errors
/// Those of the driver.
pub async fn list_notifications(
    conn: &mut Conn,
    which: NotificationQuery<'_>,
) -> Result<Vec<NotificationRow>, StoreError> {
    let order = if which.forward {
        " ORDER BY created_at DESC, id DESC LIMIT "
    } else {
        " ORDER BY created_at, id LIMIT "
    };
    let mut query = QueryBuilder::new("SELECT * FROM (");
    for (number, notifiable_type) in which.notifiable_types.into_iter().enumerate() {
        query.push(if number == 0 { "(" } else { ") UNION ALL (" });
        query.push(NOTIFICATION).push(" WHERE notifiable_id = ").push_bind(which.user_id);
        query.push(" AND notifiable_type = ").push_bind(notifiable_type);
        match which.unread {
            None => {}
            Some(true) => {
                query.push(" AND read_at IS NULL");
            }
            Some(false) => {
                query.push(" AND read_at IS NOT NULL");
            }
        }
        if let Some((at, id)) = which.cursor {
            let side = if which.forward { " < " } else { " > " };
            query.push(" AND (created_at").push(side).push_bind(at).push(" OR (created_at = ").push_bind(at);
            query.push(" AND id").push(side).push_bind(id).push("))");
        }
        query.push(order).push_bind(which.limit);
    }
    query.push(")) parts").push(order).push_bind(which.limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Locks one notification of a user.
///
/// # Errors
/// Those of the driver.
pub async fn lock_notification(
    conn: &mut Conn,
    notifiable_types: [&str; 2],
    user_id: UserId,
    id: &str,
) -> Result<Option<NotificationRow>, StoreError> {
    let mut query = QueryBuilder::new(NOTIFICATION);
    query.push(" WHERE id = ").push_bind(id).push(" AND notifiable_id = ").push_bind(user_id);
    query.push(" AND notifiable_type IN (").push_bind(notifiable_types[0]).push(", ");
    query.push_bind(notifiable_types[1]).push(") FOR UPDATE");
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Notes that a notification was read, or not.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is gone.
pub async fn update_read_at(
    conn: &mut Conn,
    id: &str,
    read_at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE notifications SET read_at = ? WHERE id = ?")
        .bind(read_at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("notifications", 1, &done)
}

/// Notes that all of a user's notifications were read; gives how many were not.
///
/// # Errors
/// Those of the driver.
pub async fn update_all_read(
    conn: &mut Conn,
    notifiable_types: [&str; 2],
    user_id: UserId,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "UPDATE notifications SET read_at = ? \
         WHERE notifiable_id = ? AND notifiable_type IN (?, ?) AND read_at IS NULL",
    )
    .bind(at)
    .bind(user_id)
    .bind(notifiable_types[0])
    .bind(notifiable_types[1])
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Takes a notification away.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is gone.
pub async fn delete_notification(conn: &mut Conn, id: &str) -> Result<(), StoreError> {
    let done = sqlx::query("DELETE FROM notifications WHERE id = ?").bind(id).execute(conn).await?;
    affected("notifications", 1, &done)
}

/// Ids of accounts that are there and active, above `after` and in their order, `limit` at most.
///
/// # Errors
/// Those of the driver.
pub async fn list_active_ids(conn: &mut Conn, after: UserId, limit: u32) -> Result<Vec<UserId>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT id FROM users WHERE id > ? AND is_active = 1 AND deleted_at IS NULL ORDER BY id LIMIT ?",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
