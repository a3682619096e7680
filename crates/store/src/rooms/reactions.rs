//! Reactions to the messages of a room. `morphs` are the two spellings of the model in `reactions.reactable_type`
//! (domain.md §7.2): both are read.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use crate::{Conn, StoreError, affected};

/// A `reactions` row of one user to one message.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ReactionRow {
    /// Its id.
    pub id: u64,
    /// `like`, `love`, `haha`, `wow`, `sad` or `angry`.
    #[sqlx(rename = "type")]
    pub reaction: String,
}

/// A reaction to be added.
#[derive(Clone, Debug)]
pub struct NewReaction {
    /// Whose.
    pub user_id: UserId,
    /// The spelling that is written.
    pub reactable_type: &'static str,
    /// The message.
    pub reactable_id: u64,
    /// `like`, `love`, `haha`, `wow`, `sad` or `angry`.
    pub reaction: &'static str,
    /// When, in whole seconds.
    pub at: DateTime<Utc>,
}

/// A user's reactions to a message, locked: one, or two where two spellings were written.
///
/// # Errors
/// Those of the driver.
pub async fn lock_reactions(
    conn: &mut Conn,
    user_id: UserId,
    morphs: [&str; 2],
    message_id: u64,
) -> Result<Vec<ReactionRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, type FROM reactions WHERE user_id = ? AND reactable_type IN (?, ?) AND reactable_id = ? \
         ORDER BY id FOR UPDATE",
    )
    .bind(user_id)
    .bind(morphs[0])
    .bind(morphs[1])
    .bind(message_id)
    .fetch_all(conn)
    .await?)
}

/// Adds and takes reactions to a locked message; to be called before their rows are written (domain.md D9).
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such message.
pub async fn update_reactions_count(conn: &mut Conn, message_id: u64, count: u32) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE live_room_messages SET reactions_count = ? WHERE id = ?")
        .bind(count)
        .bind(message_id)
        .execute(conn)
        .await?;
    affected("live_room_messages", 1, &done)
}

/// Adds a reaction.
///
/// # Errors
/// [`StoreError::Unique`] when the user has one in this spelling.
pub async fn insert_reaction(conn: &mut Conn, reaction: &NewReaction) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO reactions (user_id, reactable_type, reactable_id, type, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(reaction.user_id)
    .bind(reaction.reactable_type)
    .bind(reaction.reactable_id)
    .bind(reaction.reaction)
    .bind(reaction.at)
    .bind(reaction.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes a locked reaction another one.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such row.
pub async fn update_reaction(
    conn: &mut Conn,
    id: u64,
    reaction: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE reactions SET type = ?, updated_at = ? WHERE id = ?")
        .bind(reaction)
        .bind(at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("reactions", 1, &done)
}

/// Takes a locked reaction back.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such row.
pub async fn delete_reaction(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    let done = sqlx::query("DELETE FROM reactions WHERE id = ?").bind(id).execute(conn).await?;
    affected("reactions", 1, &done)
}

/// How many reactions of each type a message has.
///
/// # Errors
/// Those of the driver.
pub async fn count_reactions(
    conn: &mut Conn,
    morphs: [&str; 2],
    message_id: u64,
) -> Result<Vec<(String, i64)>, StoreError> {
    Ok(sqlx::query_as(
        // Each spelling by itself, which is counted in the order of the index.
        "SELECT type, CAST(SUM(number) AS SIGNED) FROM (\
           SELECT type, COUNT(*) AS number FROM reactions WHERE reactable_type = ? AND reactable_id = ? GROUP BY type \
           UNION ALL \
           SELECT type, COUNT(*) AS number FROM reactions WHERE reactable_type = ? AND reactable_id = ? GROUP BY type\
         ) counted GROUP BY type",
    )
    .bind(morphs[0])
    .bind(message_id)
    .bind(morphs[1])
    .bind(message_id)
    .fetch_all(conn)
    .await?)
}

/// A user's reactions to these messages, as (message, type).
///
/// # Errors
/// Those of the driver.
pub async fn list_own_reactions(
    conn: &mut Conn,
    user_id: UserId,
    morphs: [&str; 2],
    message_ids: &[u64],
) -> Result<Vec<(u64, String)>, StoreError> {
    if message_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT reactable_id, type FROM reactions WHERE user_id = ");
    query.push_bind(user_id).push(" AND reactable_type IN (");
    query.push_bind(morphs[0]).push(", ").push_bind(morphs[1]).push(") AND reactable_id IN (");
    let mut ids = query.separated(", ");
    for id in message_ids {
        ids.push_bind(*id);
    }
    query.push(")");
    Ok(query.build_query_as().fetch_all(conn).await?)
}
