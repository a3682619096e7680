//! Posts, comments, reactions, shares and reports (`posts`, `comments`, `reactions`, `post_shares`, `post_reports`).

use base::id::UserId;

use crate::{Conn, StoreError};

/// The newest posts of an author, deleted ones too.
///
/// # Errors
/// Those of the driver.
pub async fn list_newest_ids(conn: &mut Conn, user_id: UserId, limit: u32) -> Result<Vec<u64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM posts WHERE user_id = ? ORDER BY id DESC LIMIT ?")
        .bind(user_id)
        .bind(limit)
        .fetch_all(conn)
        .await?)
}
