//! How much there is.

use crate::{Conn, StoreError};

/// Numbers of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Totals {
    /// Accounts that are not deleted.
    pub users: i64,
    /// Posts.
    pub posts: i64,
    /// Courses.
    pub courses: i64,
    /// Books.
    pub books: i64,
    /// Rooms.
    pub rooms: i64,
    /// Those that are live.
    pub active_rooms: i64,
    /// 1:1 messages.
    pub messages: i64,
    /// Gifts sent.
    pub gifts: i64,
}

/// Counts them.
///
/// # Errors
/// Those of the driver.
pub async fn count_all(conn: &mut Conn) -> Result<Totals, StoreError> {
    Ok(sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM users WHERE deleted_at IS NULL) AS users, \
         (SELECT COUNT(*) FROM posts WHERE deleted_at IS NULL) AS posts, \
         (SELECT COUNT(*) FROM courses WHERE deleted_at IS NULL) AS courses, \
         (SELECT COUNT(*) FROM books WHERE deleted_at IS NULL) AS books, \
         (SELECT COUNT(*) FROM live_rooms WHERE deleted_at IS NULL) AS rooms, \
         (SELECT COUNT(*) FROM live_rooms WHERE deleted_at IS NULL AND status = 'active') AS active_rooms, \
         (SELECT COUNT(*) FROM messages) AS messages, (SELECT COUNT(*) FROM gift_transactions) AS gifts",
    )
    .fetch_one(conn)
    .await?)
}
