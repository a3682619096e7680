//! Rows as clients see them.

use base::{Money, Time};
use protocol::learning::{
    Certificate, CourseCard, Enrollment, EnrollmentStatus, LessonProgress, Note, Progress,
};
use rust_decimal::Decimal;
use store::StoreError;
use store::learning::{CertificateRow, EnrollmentRow, LessonProgressRow, NoteRow};

use crate::App;
use crate::uploads::{picture_url, signed_url_until};

/// Seconds that the address of what was paid for is good for, at least.
const BRIEF: i64 = 600;

/// The address of a file for who may see it now: good for ten minutes at least, twenty at most, and the same for ten. What is
/// an absolute address already is given as it is.
pub(super) fn brief_url(app: &App, path: &str) -> String {
    if path.starts_with("https://") || path.starts_with("http://") {
        return path.to_owned();
    }
    let now = Time::now_in_seconds();
    let into = now.unix_seconds().rem_euclid(BRIEF);
    signed_url_until(app, path, now.plus_seconds(2 * BRIEF - into))
}

pub(super) fn enrollment_status(column: &str) -> Result<EnrollmentStatus, StoreError> {
    EnrollmentStatus::from_name(column).ok_or(StoreError::Corrupt { table: "enrollments", column: "status" })
}

/// As the column has it: two decimals.
pub(super) fn percentage(value: Decimal) -> String {
    format!("{value:.2}")
}

pub(super) fn enrollment_view(app: &App, row: &EnrollmentRow) -> Result<Enrollment, StoreError> {
    Ok(Enrollment {
        id: row.id,
        user_id: row.user_id,
        course: CourseCard {
            id: row.course_id,
            title: row.course_title.clone(),
            slug: row.course_slug.clone(),
            thumbnail: picture_url(app, row.course_thumbnail.clone()),
            author_id: row.author_id,
        },
        status: enrollment_status(&row.status)?,
        progress_percentage: percentage(row.progress_percentage),
        completed_lessons: row.completed_lessons,
        total_lessons: row.total_lessons,
        price_paid: row.price_paid,
        currency: app.settings.money.currency.clone(),
        enrolled_at: row.enrolled_at.map(Time::from),
        completed_at: row.completed_at.map(Time::from),
        expires_at: row.expires_at.map(Time::from),
        last_accessed_at: row.last_accessed_at.map(Time::from),
    })
}

pub(super) fn lesson_progress_view(row: &LessonProgressRow) -> LessonProgress {
    LessonProgress {
        lesson_id: row.lesson_id,
        watched_duration_seconds: row.watched_duration_seconds,
        position: row.last_position_seconds,
        is_completed: row.is_completed,
        completed_at: row.completed_at.map(Time::from),
    }
}

pub(super) fn progress_view(row: &EnrollmentRow, lesson: LessonProgress) -> Result<Progress, StoreError> {
    Ok(Progress {
        enrollment_id: row.id,
        course_id: row.course_id,
        status: enrollment_status(&row.status)?,
        progress_percentage: percentage(row.progress_percentage),
        completed_lessons: row.completed_lessons,
        total_lessons: row.total_lessons,
        lesson,
    })
}

pub(super) fn note_view(row: NoteRow) -> Note {
    Note {
        id: row.id,
        lesson_id: row.lesson_id,
        course_id: row.course_id,
        content: row.content,
        timestamp_seconds: row.timestamp_seconds,
        created_at: row.created_at.map(Time::from),
        updated_at: row.updated_at.map(Time::from),
    }
}

pub(super) fn certificate_view(app: &App, row: CertificateRow) -> Certificate {
    let path = row.pdf_url.filter(|path| !path.is_empty());
    Certificate {
        id: row.id,
        enrollment_id: row.enrollment_id,
        course_id: row.course_id,
        course_title: row.course_title,
        certificate_number: row.certificate_number,
        verification_url: row.verification_url,
        pdf_url: path.map(|path| brief_url(app, &path)),
        issued_at: row.issued_at.map(Time::from),
    }
}

/// Was anything paid?
pub(super) fn is_paid(row: &EnrollmentRow) -> bool {
    row.price_paid > Money::ZERO
}
