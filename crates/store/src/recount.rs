//! Cached counters and what they must equal (domain.md §4.2): found by one query each, mended row by row with the row locked, which
//! is where every writer of a counter waits.

use sqlx::AssertSqlSafe;

use crate::{Conn, StoreError, Tx};

/// A counter that is kept beside the rows that it counts.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    /// `table.column`.
    pub name: &'static str,
    table: &'static str,
    column: &'static str,
    /// What the column must equal, for the row `t`.
    equals: &'static str,
    /// Rows that are looked at.
    among: &'static str,
    /// Money is not mended by a number that is written over another.
    pub is_money: bool,
}

const fn counter(
    name: &'static str,
    table: &'static str,
    column: &'static str,
    equals: &'static str,
) -> Counter {
    Counter { name, table, column, equals, among: "1", is_money: false }
}

/// Laravel's names of models hold a backslash, which means something else under some `sql_mode`.
macro_rules! reactions {
    ($alias:literal, $class:literal) => {
        concat!(
            "(SELECT COUNT(*) FROM reactions r WHERE r.reactable_id = t.id AND r.reactable_type IN ('",
            $alias,
            "', REPLACE('App/Models/",
            $class,
            "', '/', _utf8mb4 x'5C' COLLATE utf8mb4_unicode_ci)))"
        )
    };
}

/// All of them; `posts.views_count` is approximate and not among them, `users.is_online` is compared with Redis instead.
pub const COUNTERS: &[Counter] = &[
    counter(
        "user_profiles.followers_count",
        "user_profiles",
        "followers_count",
        "(SELECT COUNT(*) FROM followers f WHERE f.following_id = t.user_id)",
    ),
    counter(
        "user_profiles.following_count",
        "user_profiles",
        "following_count",
        "(SELECT COUNT(*) FROM followers f WHERE f.follower_id = t.user_id)",
    ),
    counter("posts.reactions_count", "posts", "reactions_count", reactions!("post", "Post")),
    counter(
        "posts.comments_count",
        "posts",
        "comments_count",
        "(SELECT COUNT(*) FROM comments c WHERE c.post_id = t.id AND c.deleted_at IS NULL)",
    ),
    counter(
        "posts.shares_count",
        "posts",
        "shares_count",
        "(SELECT COUNT(*) FROM post_shares s WHERE s.post_id = t.id)",
    ),
    counter(
        "live_room_messages.reactions_count",
        "live_room_messages",
        "reactions_count",
        reactions!("live_room_message", "LiveRoomMessage"),
    ),
    counter(
        "courses.total_lessons",
        "courses",
        "total_lessons",
        "(SELECT COUNT(*) FROM course_lessons l WHERE l.course_id = t.id)",
    ),
    counter(
        "course_sections.duration_seconds",
        "course_sections",
        "duration_seconds",
        "(SELECT COALESCE(SUM(l.duration_seconds), 0) FROM course_lessons l WHERE l.course_section_id = t.id)",
    ),
    counter(
        "courses.students_count",
        "courses",
        "students_count",
        "(SELECT COUNT(*) FROM enrollments e WHERE e.course_id = t.id AND e.status IN ('active', 'completed'))",
    ),
    counter(
        "books.purchases_count",
        "books",
        "purchases_count",
        "(SELECT COUNT(*) FROM book_purchases p WHERE p.book_id = t.id AND p.status = 'completed')",
    ),
    // What was completed stays as it was completed, whatever becomes of the course.
    Counter {
        among: "t.status <> 'completed'",
        ..counter("enrollments.completed_lessons", "enrollments", "completed_lessons", DONE)
    },
    Counter {
        among: "t.status <> 'completed'",
        ..counter("enrollments.progress_percentage", "enrollments", "progress_percentage", PERCENTAGE)
    },
    Counter {
        among: "EXISTS (SELECT 1 FROM hub_reviews r WHERE r.reviewable_type = 'course' AND r.reviewable_id = t.id)",
        ..counter(
            "courses.average_rating",
            "courses",
            "average_rating",
            "(SELECT ROUND(AVG(r.rating), 2) FROM hub_reviews r \
             WHERE r.reviewable_type = 'course' AND r.reviewable_id = t.id)",
        )
    },
    Counter {
        among: "EXISTS (SELECT 1 FROM hub_reviews r WHERE r.reviewable_type = 'book' AND r.reviewable_id = t.id)",
        ..counter(
            "books.average_rating",
            "books",
            "average_rating",
            "(SELECT ROUND(AVG(r.rating), 2) FROM hub_reviews r \
             WHERE r.reviewable_type = 'book' AND r.reviewable_id = t.id)",
        )
    },
    counter(
        "conversations.last_message_id",
        "conversations",
        "last_message_id",
        "(SELECT MAX(m.id) FROM messages m WHERE m.conversation_id = t.id AND m.deleted_at IS NULL)",
    ),
    Counter {
        is_money: true,
        ..counter(
            "wallets.balance",
            "wallets",
            "balance",
            "COALESCE((SELECT x.balance_after FROM transactions x WHERE x.wallet_id = t.id ORDER BY x.id DESC LIMIT 1), 0)",
        )
    },
    Counter {
        is_money: true,
        ..counter(
            "wallets.pending_balance",
            "wallets",
            "pending_balance",
            "(SELECT COALESCE(SUM(x.amount), 0) FROM transactions x WHERE x.wallet_id = t.id AND x.type = 'debit' \
             AND x.category = 'withdrawal' AND x.status = 'pending')",
        )
    },
    Counter {
        is_money: true,
        ..counter(
            "wallets.total_withdrawn",
            "wallets",
            "total_withdrawn",
            "(SELECT COALESCE(SUM(x.amount), 0) FROM transactions x WHERE x.wallet_id = t.id AND x.type = 'debit' \
             AND x.category = 'withdrawal' AND x.status = 'completed')",
        )
    },
];

const DONE: &str = "(SELECT COUNT(*) FROM lesson_progress p JOIN course_lessons l ON l.id = p.lesson_id \
     WHERE p.enrollment_id = t.id AND p.is_completed = 1 AND l.course_id = t.course_id)";
const PERCENTAGE: &str = "(SELECT CASE WHEN COUNT(l.id) = 0 THEN 0 ELSE \
     ROUND(FLOOR(10000 * COALESCE(SUM(p.is_completed), 0) / COUNT(l.id)) / 100, 2) END \
     FROM course_lessons l LEFT JOIN lesson_progress p ON p.lesson_id = l.id AND p.enrollment_id = t.id \
     WHERE l.course_id = t.course_id)";

/// A row whose counter says something else than its rows.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct DriftRow {
    /// The row's id.
    pub id: u64,
    /// What the counter says.
    pub kept: Option<String>,
    /// What it must say.
    pub counted: Option<String>,
}

/// Rows whose counter has drifted, with ids above `after` and in their order, `limit` at most.
///
/// # Errors
/// Those of the driver.
pub async fn list_drift(
    conn: &mut Conn,
    counter: &Counter,
    after: u64,
    limit: u32,
) -> Result<Vec<DriftRow>, StoreError> {
    let Counter { table, column, equals, among, .. } = counter;
    let sql = format!(
        "SELECT t.id, CAST(t.{column} AS CHAR) AS kept, CAST({equals} AS CHAR) AS counted FROM {table} t \
         WHERE t.id > ? AND {among} AND NOT (t.{column} <=> {equals}) ORDER BY t.id LIMIT ?"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(after).bind(limit).fetch_all(conn).await?)
}

/// Makes one row's counter what it must be, with the row locked first, so that no writer of it comes between.
///
/// # Errors
/// Those of the driver.
pub async fn update_counter(tx: &mut Tx, counter: &Counter, id: u64) -> Result<(), StoreError> {
    let Counter { table, column, equals, .. } = counter;
    let lock = format!("SELECT id FROM {table} WHERE id = ? FOR UPDATE");
    let locked: Option<u64> =
        sqlx::query_scalar(AssertSqlSafe(lock)).bind(id).fetch_optional(&mut **tx).await?;
    if locked.is_some() {
        let sql = format!("UPDATE {table} t SET t.{column} = {equals} WHERE t.id = ?");
        sqlx::query(AssertSqlSafe(sql)).bind(id).execute(&mut **tx).await?;
    }
    Ok(())
}
