//! Enrollments, progress, notes and certificates (`enrollments`, `lesson_progress`, `lesson_notes`, `certificates`;
//! domain.md §4.1 rows 11-14, §5.4).

mod certificates;
mod clocks;
mod notes;
mod progress;

use base::Money;
use base::id::UserId;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::QueryBuilder;

use crate::{Conn, StoreError, affected};

pub use certificates::{
    CertificateRow, NewCertificate, find_certificate, find_certificate_by_number, insert_certificate,
    lock_certificate, update_certificate_file,
};
pub use clocks::{ExpiringRow, list_expired, list_expiring, list_finished, lock_reminder, upsert_reminder};
pub use notes::{
    NewNote, NoteQuery, NoteRow, delete_note, find_note, insert_note, list_notes, lock_note, update_note,
};
pub use progress::{
    LessonProgressRow, ProgressWrite, count_completed, find_next_lesson, find_progress, insert_progress,
    list_progress, lock_progress, update_progress,
};

/// An `enrollments` row with what shows its course.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct EnrollmentRow {
    /// Its id.
    pub id: u64,
    /// The student.
    pub user_id: UserId,
    /// The course.
    pub course_id: u64,
    /// `active`, `completed`, `expired` or `cancelled`.
    pub status: String,
    /// How much is done, in percent.
    pub progress_percentage: Decimal,
    /// How many lessons are done.
    pub completed_lessons: u32,
    /// What was paid.
    #[sqlx(try_from = "Decimal")]
    pub price_paid: Money,
    /// The buyer's debit.
    pub transaction_id: Option<u64>,
    /// When the student came, the last time.
    pub enrolled_at: Option<DateTime<Utc>>,
    /// When all was done.
    pub completed_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the student was last there.
    pub last_accessed_at: Option<DateTime<Utc>>,
    /// The course's title.
    pub course_title: String,
    /// Its name in addresses.
    pub course_slug: String,
    /// Path of its picture.
    pub course_thumbnail: Option<String>,
    /// Its author.
    pub author_id: UserId,
    /// How many lessons it has.
    pub total_lessons: u32,
}

const ENROLLMENT: &str = "SELECT e.id, e.user_id, e.course_id, e.status, e.progress_percentage, e.completed_lessons, \
    e.price_paid, e.transaction_id, e.enrolled_at, e.completed_at, e.expires_at, e.last_accessed_at, \
    c.title AS course_title, c.slug AS course_slug, c.thumbnail AS course_thumbnail, c.user_id AS author_id, \
    c.total_lessons FROM enrollments e JOIN courses c ON c.id = e.course_id";

/// An enrollment as it begins, the first time or again.
#[derive(Clone, Copy, Debug)]
pub struct NewEnrollment {
    /// The student.
    pub user_id: UserId,
    /// The course.
    pub course_id: u64,
    /// What was paid.
    pub price_paid: Money,
    /// The buyer's debit.
    pub transaction_id: Option<u64>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Which enrollments to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnrollmentQuery {
    /// Of this student.
    pub user_id: Option<UserId>,
    /// Of this course: only who is in it, or has completed it, unless a state is asked for.
    pub course_id: Option<u64>,
    /// In this state.
    pub status: Option<&'static str>,
    /// Beyond this id.
    pub cursor: Option<u64>,
    /// Downwards?
    pub forward: bool,
    /// So many.
    pub limit: u32,
}

/// An enrollment.
///
/// # Errors
/// Those of the driver.
pub async fn find_enrollment(conn: &mut Conn, id: u64) -> Result<Option<EnrollmentRow>, StoreError> {
    let mut query = QueryBuilder::new(ENROLLMENT);
    query.push(" WHERE e.id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A student's enrollment in a course.
///
/// # Errors
/// Those of the driver.
pub async fn find_enrollment_in(
    conn: &mut Conn,
    user_id: UserId,
    course_id: u64,
) -> Result<Option<EnrollmentRow>, StoreError> {
    let mut query = QueryBuilder::new(ENROLLMENT);
    query.push(" WHERE e.user_id = ").push_bind(user_id).push(" AND e.course_id = ").push_bind(course_id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Locks an enrollment's row, its course's being locked already, and reads both.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_enrollment(conn: &mut Conn, id: u64) -> Result<Option<EnrollmentRow>, StoreError> {
    let locked: Option<u64> = sqlx::query_scalar("SELECT id FROM enrollments WHERE id = ? FOR UPDATE")
        .bind(id)
        .fetch_optional(&mut *conn)
        .await?;
    match locked {
        Some(id) => find_enrollment(conn, id).await,
        None => Ok(None),
    }
}

/// As [`lock_enrollment`], of a student in a course.
///
/// # Errors
/// Those of [`lock_enrollment`].
pub async fn lock_enrollment_in(
    conn: &mut Conn,
    user_id: UserId,
    course_id: u64,
) -> Result<Option<EnrollmentRow>, StoreError> {
    let locked: Option<u64> =
        sqlx::query_scalar("SELECT id FROM enrollments WHERE user_id = ? AND course_id = ? FOR UPDATE")
            .bind(user_id)
            .bind(course_id)
            .fetch_optional(&mut *conn)
            .await?;
    match locked {
        Some(id) => find_enrollment(conn, id).await,
        None => Ok(None),
    }
}

/// Keeps a course's lessons as they are until the transaction's end, beside others who do the same: what its author changes
/// waits. `false` where there is none.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn hold_course(conn: &mut Conn, id: u64) -> Result<bool, StoreError> {
    let found: Option<u64> =
        sqlx::query_scalar("SELECT id FROM courses WHERE id = ? AND deleted_at IS NULL LOCK IN SHARE MODE")
            .bind(id)
            .fetch_optional(conn)
            .await?;
    Ok(found.is_some())
}

/// Enrollments, newest first, or from a cursor upwards.
///
/// # Errors
/// Those of the driver.
pub async fn list_enrollments(
    conn: &mut Conn,
    which: EnrollmentQuery,
) -> Result<Vec<EnrollmentRow>, StoreError> {
    let mut query = QueryBuilder::new(ENROLLMENT);
    query.push(" WHERE TRUE");
    if let Some(user_id) = which.user_id {
        query.push(" AND e.user_id = ").push_bind(user_id);
    }
    if let Some(course_id) = which.course_id {
        query.push(" AND e.course_id = ").push_bind(course_id);
    }
    match which.status {
        Some(status) => {
            query.push(" AND e.status = ").push_bind(status);
        }
        None if which.course_id.is_some() => {
            query.push(" AND e.status IN ('active', 'completed')");
        }
        None => {}
    }
    if let Some(cursor) = which.cursor {
        query.push(if which.forward { " AND e.id < " } else { " AND e.id > " }).push_bind(cursor);
    }
    query.push(if which.forward { " ORDER BY e.id DESC LIMIT " } else { " ORDER BY e.id LIMIT " });
    query.push_bind(which.limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Adds an active enrollment and gives its id.
///
/// # Errors
/// [`StoreError::Unique`] of `enrollments_user_id_course_id_unique`.
pub async fn insert_enrollment(conn: &mut Conn, new: NewEnrollment) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO enrollments (user_id, course_id, status, price_paid, transaction_id, enrolled_at, expires_at, \
           created_at, updated_at) VALUES (?, ?, 'active', ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.user_id)
    .bind(new.course_id)
    .bind(new.price_paid.to_decimal())
    .bind(new.transaction_id)
    .bind(new.at)
    .bind(new.expires_at)
    .bind(new.at)
    .bind(new.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Makes an enrollment that had ended active again.
///
/// # Errors
/// [`StoreError::RowsAffected`] where it is in another state.
pub async fn update_enrolled_again(
    conn: &mut Conn,
    id: u64,
    from: &'static str,
    new: NewEnrollment,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE enrollments SET status = 'active', price_paid = ?, transaction_id = ?, enrolled_at = ?, expires_at = ?, \
           completed_at = NULL, updated_at = ? WHERE id = ? AND status = ?",
    )
    .bind(new.price_paid.to_decimal())
    .bind(new.transaction_id)
    .bind(new.at)
    .bind(new.expires_at)
    .bind(new.at)
    .bind(id)
    .bind(from)
    .execute(conn)
    .await?;
    affected("enrollments", 1, &done)
}

/// A step of `enrollments.status`, guarded by the state that it leaves (domain.md D20).
///
/// # Errors
/// [`StoreError::RowsAffected`] where it is in another state.
pub async fn update_enrollment_status(
    conn: &mut Conn,
    id: u64,
    (from, to): (&'static str, &'static str),
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE enrollments SET status = ?, completed_at = IF(? = 'completed', ?, completed_at), updated_at = ? \
         WHERE id = ? AND status = ?",
    )
    .bind(to)
    .bind(to)
    .bind(at)
    .bind(at)
    .bind(id)
    .bind(from)
    .execute(conn)
    .await?;
    affected("enrollments", 1, &done)
}

/// Writes how far an enrollment is.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn update_enrollment_progress(
    conn: &mut Conn,
    id: u64,
    completed_lessons: u32,
    progress_percentage: Decimal,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE enrollments SET completed_lessons = ?, progress_percentage = ?, updated_at = ? WHERE id = ?",
    )
    .bind(completed_lessons)
    .bind(progress_percentage)
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("enrollments", 1, &done)
}

/// The student was just there.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn update_last_accessed(conn: &mut Conn, id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE enrollments SET last_accessed_at = ? WHERE id = ?")
        .bind(at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("enrollments", 1, &done)
}

/// One student more or less in a course whose row is locked.
///
/// # Errors
/// [`StoreError::RowsAffected`] for a course that is not there.
pub async fn update_students_count(conn: &mut Conn, course_id: u64, more: bool) -> Result<(), StoreError> {
    let sql = if more {
        "UPDATE courses SET students_count = students_count + 1 WHERE id = ?"
    } else {
        "UPDATE courses SET students_count = IF(students_count > 0, students_count - 1, 0) WHERE id = ?"
    };
    let done = sqlx::query(sql).bind(course_id).execute(conn).await?;
    affected("courses", 1, &done)
}
