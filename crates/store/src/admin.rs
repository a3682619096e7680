//! What administrators look at (domain.md §5.11): numbers, queues, announcements.

use base::Money;
use base::id::UserId;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{Conn, StoreError, affected};

/// Numbers of the dashboard.
#[derive(Clone, Copy, Debug)]
pub struct DashboardRow {
    /// Accounts that are there.
    pub users: i64,
    /// Of these, made since.
    pub new_users: i64,
    /// Published courses.
    pub courses: i64,
    /// Published books.
    pub books: i64,
    /// Rooms that are live.
    pub active_rooms: i64,
    /// Consultations to come.
    pub upcoming_bookings: i64,
    /// Reports that nobody has decided.
    pub open_reports: i64,
    /// Withdrawals that wait.
    pub pending_withdrawals: i64,
    /// In all wallets together; nothing for what is no amount of ours.
    pub wallets_balance: Option<Money>,
}

/// Counts; each over an index, but for accounts and wallets, which are all counted.
///
/// # Errors
/// Those of the driver.
pub async fn find_dashboard(conn: &mut Conn, since: DateTime<Utc>) -> Result<DashboardRow, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        users: i64,
        new_users: i64,
        courses: i64,
        books: i64,
        active_rooms: i64,
        upcoming_bookings: i64,
        open_reports: i64,
        pending_withdrawals: i64,
        balance: Decimal,
    }
    let row: Row = sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM users WHERE deleted_at IS NULL) AS users, \
         (SELECT COUNT(*) FROM users WHERE deleted_at IS NULL AND created_at >= ?) AS new_users, \
         (SELECT COUNT(*) FROM courses WHERE status = 'published' AND deleted_at IS NULL) AS courses, \
         (SELECT COUNT(*) FROM books WHERE status = 'published' AND deleted_at IS NULL) AS books, \
         (SELECT COUNT(*) FROM live_rooms WHERE status = 'active' AND deleted_at IS NULL) AS active_rooms, \
         (SELECT COUNT(*) FROM consultation_bookings WHERE status = 'scheduled' AND scheduled_at > UTC_TIMESTAMP()) \
           AS upcoming_bookings, \
         (SELECT COUNT(*) FROM post_reports WHERE status IN ('pending', 'reviewing')) AS open_reports, \
         (SELECT COUNT(*) FROM transactions WHERE status = 'pending' AND category = 'withdrawal') AS pending_withdrawals, \
         (SELECT COALESCE(SUM(balance), 0) FROM wallets) AS balance",
    )
    .bind(since)
    .fetch_one(conn)
    .await?;
    Ok(DashboardRow {
        users: row.users,
        new_users: row.new_users,
        courses: row.courses,
        books: row.books,
        active_rooms: row.active_rooms,
        upcoming_bookings: row.upcoming_bookings,
        open_reports: row.open_reports,
        pending_withdrawals: row.pending_withdrawals,
        wallets_balance: Money::from_decimal(row.balance).ok(),
    })
}

/// Events that are not published yet, and the seconds that the oldest of them waits.
///
/// # Errors
/// Those of the driver.
pub async fn find_outbox_depth(conn: &mut Conn) -> Result<(i64, i64), StoreError> {
    Ok(sqlx::query_as(
        "SELECT COUNT(*), CAST(COALESCE(TIMESTAMPDIFF(SECOND, MIN(created_at), UTC_TIMESTAMP()), 0) AS SIGNED) \
         FROM hub_outbox WHERE published_at IS NULL",
    )
    .fetch_one(conn)
    .await?)
}

/// Laravel's queues and how many jobs are in each.
///
/// # Errors
/// Those of the driver.
pub async fn list_queues(conn: &mut Conn) -> Result<Vec<(String, i64)>, StoreError> {
    Ok(sqlx::query_as("SELECT queue, COUNT(*) FROM jobs GROUP BY queue ORDER BY queue")
        .fetch_all(conn)
        .await?)
}

/// Laravel's jobs that failed.
///
/// # Errors
/// Those of the driver.
pub async fn count_failed_jobs(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM failed_jobs").fetch_one(conn).await?)
}

/// Announcements that were not told to everybody yet.
///
/// # Errors
/// Those of the driver.
pub async fn count_running_announcements(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM hub_announcements WHERE finished_at IS NULL")
        .fetch_one(conn)
        .await?)
}

/// Notes an announcement: English, Arabic, where it leads. Gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_announcement(
    conn: &mut Conn,
    actor_id: UserId,
    (title_en, title_ar, url): (&str, &str, Option<&str>),
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO hub_announcements (actor_id, title_en, title_ar, url, created_at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(actor_id)
    .bind(title_en)
    .bind(title_ar)
    .bind(url)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// An announcement that is being told.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AnnouncementRow {
    /// Its id.
    pub id: u64,
    /// In English.
    pub title_en: String,
    /// In Arabic.
    pub title_ar: String,
    /// Where an app should lead.
    pub url: Option<String>,
    /// Accounts up to this id were told.
    pub last_user_id: UserId,
}

/// Locks the oldest announcement that was not told to everybody yet.
///
/// # Errors
/// Those of the driver.
pub async fn lock_announcement(conn: &mut Conn) -> Result<Option<AnnouncementRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, title_en, title_ar, url, last_user_id FROM hub_announcements \
         WHERE finished_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE",
    )
    .fetch_optional(conn)
    .await?)
}

/// Notes that so many more accounts were told, up to `last_user_id`; or that there is nobody left.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is gone.
pub async fn update_announcement(
    conn: &mut Conn,
    id: u64,
    last_user_id: Option<UserId>,
    told: u64,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = match last_user_id {
        Some(last) => {
            sqlx::query("UPDATE hub_announcements SET last_user_id = ?, told = told + ? WHERE id = ?")
                .bind(last)
                .bind(told)
                .bind(id)
                .execute(conn)
                .await?
        }
        None => {
            sqlx::query("UPDATE hub_announcements SET finished_at = ? WHERE id = ?")
                .bind(at)
                .bind(id)
                .execute(conn)
                .await?
        }
    };
    affected("hub_announcements", 1, &done)
}
