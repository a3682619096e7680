//! Rows of the demo world for tables that no operation writes yet. Whatever has an operation is not written here.
//!
//! A part of the world is one transaction that begins with [`insert_part`]: a second seeding waits there for the first
//! one and then finds the part done, so none is ever written twice or by half.

mod books;
mod catalogue;
mod consultations;
mod courses;
mod feed;
mod people;
mod rooms;
mod summary;
mod talk;

use chrono::{DateTime, Utc};

pub use books::{
    AnnotationRow, BookRow, PurchaseRow, ReadingRow, insert_annotation, insert_book, insert_purchase,
    insert_reading, list_books, update_purchase_counts,
};
pub use catalogue::{
    CategoryRow, GiftRow, SettingRow, insert_category, insert_gift, insert_setting, list_categories,
    list_gifts,
};
pub use consultations::{
    AvailabilityRow, BookingRow, RatingRow, insert_availability, insert_booking, insert_rating, list_bookings,
};
pub use courses::{
    CourseRow, EnrollmentRow, LessonRow, SectionRow, insert_certificate, insert_course, insert_enrollment,
    insert_lesson, insert_lesson_progress, insert_note, insert_section, list_courses, update_course_counts,
    update_progress,
};
pub use feed::{
    CommentRow, PostRow, ReactionRow, ReportRow, insert_comment, insert_post, insert_reactions,
    insert_report, insert_share, list_posts, update_post_counts,
};
pub use people::{
    AccountRow, CertificateRow, ExperienceRow, ProfileRow, insert_block, insert_experience, insert_expertise,
    insert_follow_request, insert_follows, insert_interests, insert_user_certificate, insert_user_permission,
    list_accounts, update_follow_counts, update_profile,
};
pub use rooms::{
    DoneRoomRow, RoomMessageRow, RoomRow, insert_done_room, insert_registration, insert_room_message,
    list_room_messages, list_rooms, update_message_reactions, update_room_completed, update_room_pin,
};
pub use summary::{Totals, count_all};
pub use talk::{
    MessageRow, NotificationRow, has_gift, has_token, insert_notification, insert_password_reset,
    list_adjusted, list_messages,
};

pub use crate::rooms::update_slow_mode;

use crate::{Conn, Reader, Store, StoreError};

/// An instant as columns take it.
pub type At = DateTime<Utc>;

/// Only one seeding at a time; it holds a connection of its own.
#[derive(Debug)]
pub struct SeedLock(Reader);

/// How long a seeding waits for another one.
const LOCK_WAIT_SECONDS: i64 = 120;

impl SeedLock {
    /// Takes the lock of this database; `None` when another seeding still runs after two minutes.
    ///
    /// # Errors
    /// Those of the driver.
    pub async fn take(store: &Store) -> Result<Option<Self>, StoreError> {
        let mut conn = store.reader().await?;
        // A lock's name has at most 64 characters, a database's too, and locks are the whole server's.
        let got: Option<i64> =
            sqlx::query_scalar("SELECT GET_LOCK(CONCAT('majlis_seed_', LEFT(SHA2(DATABASE(), 256), 32)), ?)")
                .bind(LOCK_WAIT_SECONDS)
                .fetch_one(&mut conn)
                .await?;
        // Closed, not given back: a seeding that fails must not leave the lock in the pool.
        conn.close_on_drop();
        Ok((got == Some(1)).then_some(Self(conn)))
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// Those of the driver; the lock ends with its connection then.
    pub async fn release(mut self) -> Result<(), StoreError> {
        let _released: Option<i64> = sqlx::query_scalar(
            "SELECT RELEASE_LOCK(CONCAT('majlis_seed_', LEFT(SHA2(DATABASE(), 256), 32)))",
        )
        .fetch_one(&mut self.0)
        .await?;
        Ok(())
    }
}

/// Notes in `settings` that a part of the demo world is there (key `demo.PART`, group `demo`); `false` if it was noted
/// before. Without commit, without note.
///
/// # Errors
/// Those of the driver.
pub async fn insert_part(conn: &mut Conn, part: &str) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO settings (`key`, value, type, `group`, label, is_public, created_at, updated_at) \
         VALUES (?, '1', 'boolean', 'demo', ?, 0, UTC_TIMESTAMP(), UTC_TIMESTAMP())",
    )
    .bind(format!("demo.{part}"))
    .bind(format!("Demo world: {part}"))
    .execute(conn)
    .await
    .map_err(StoreError::from);
    match done {
        Ok(_) => Ok(true),
        Err(error) if error.is_unique("settings_key_unique") => Ok(false),
        Err(error) => Err(error),
    }
}

/// The parts that are there.
///
/// # Errors
/// Those of the driver.
pub async fn list_parts(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT SUBSTRING(`key`, 6) FROM settings WHERE `group` = 'demo' AND `key` LIKE 'demo.%'",
    )
    .fetch_all(conn)
    .await?)
}
