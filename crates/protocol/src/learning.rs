//! Learning: enrollments, progress, notes, certificates (domain.md §5.4): inputs and views.

use base::id::UserId;
use base::{Money, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::courses::{Lesson, LessonType};
use crate::users::{UserCard, given};

/// `enrollments.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnrollmentStatus {
    /// The student is in the course.
    Active,
    /// All lessons were done; the course stays the student's.
    Completed,
    /// Its time is over.
    Expired,
    /// Given back, or ended by an administrator.
    Cancelled,
}

impl EnrollmentStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Active, Self::Completed, Self::Expired, Self::Cancelled];
    /// Their names, in the order of [`Self::ALL`].
    pub const NAMES: &'static [&'static str] = &["active", "completed", "expired", "cancelled"];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// What a column says.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// A course as its students' lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CourseCard {
    /// Its id.
    pub id: u64,
    /// Its title.
    pub title: String,
    /// Its unique name in addresses.
    pub slug: String,
    /// Where its picture is.
    pub thumbnail: Option<String>,
    /// Its author.
    pub author_id: UserId,
}

/// Somebody in a course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enrollment {
    /// Its id.
    pub id: u64,
    /// The student.
    pub user_id: UserId,
    /// The course.
    pub course: CourseCard,
    /// Its state.
    pub status: EnrollmentStatus,
    /// How much is done, in percent, rounded down: `100.00` exactly when all is.
    #[schema(pattern = r"^(100\.00|[0-9]{1,2}\.[0-9]{2})$", example = "33.33")]
    pub progress_percentage: String,
    /// How many lessons are done.
    pub completed_lessons: u32,
    /// How many lessons there are.
    pub total_lessons: u32,
    /// What was paid.
    pub price_paid: Money,
    /// The currency of it.
    pub currency: String,
    /// When the student came, the last time.
    pub enrolled_at: Option<Time>,
    /// When all was done.
    pub completed_at: Option<Time>,
    /// When it ends; `null` never.
    pub expires_at: Option<Time>,
    /// When the student was last there.
    pub last_accessed_at: Option<Time>,
}

/// What a student did in a lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LessonProgress {
    /// The lesson.
    pub lesson_id: u64,
    /// How much was watched; never less than before.
    pub watched_duration_seconds: u32,
    /// Where the student is.
    pub position: u32,
    /// Done?
    pub is_completed: bool,
    /// When it was done.
    pub completed_at: Option<Time>,
}

/// The lesson that comes next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextLesson {
    /// Its id.
    pub id: u64,
    /// Its section.
    pub section_id: u64,
    /// Its title.
    pub title: String,
    /// What it is.
    pub content_type: LessonType,
    /// How long it takes.
    pub duration_seconds: u32,
}

/// Answer of `find_enrollment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrollmentDetail {
    /// The enrollment.
    #[serde(flatten)]
    pub enrollment: Enrollment,
    /// The first lesson, in the course's order, that is not done.
    pub next_lesson: Option<NextLesson>,
    /// The lessons that were begun, by id.
    pub lessons: Vec<LessonProgress>,
}

/// A student, as authors and administrators see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Student {
    /// The enrollment.
    pub enrollment_id: u64,
    /// Who it is.
    pub user: UserCard,
    /// The enrollment's state.
    pub status: EnrollmentStatus,
    /// How much is done, in percent.
    #[schema(pattern = r"^(100\.00|[0-9]{1,2}\.[0-9]{2})$", example = "33.33")]
    pub progress_percentage: String,
    /// How many lessons are done.
    pub completed_lessons: u32,
    /// When the student came, the last time.
    pub enrolled_at: Option<Time>,
    /// When all was done.
    pub completed_at: Option<Time>,
    /// When the student was last there.
    pub last_accessed_at: Option<Time>,
}

/// Input of `grant_enrollment`, the body of `POST /admin/enrollments`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantEnrollment {
    /// To whom.
    pub user_id: UserId,
    /// The course.
    pub course_id: u64,
    /// When it ends; never where left out.
    #[serde(default)]
    pub expires_at: Option<Time>,
    /// Why, for the audit log: at most 255 characters.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub reason: Option<String>,
}

/// Answer of `find_lesson`: the lesson, and what the asker did in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LessonPage {
    /// The lesson.
    #[serde(flatten)]
    pub lesson: Lesson,
    /// What the asker did in it; for students only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<LessonProgress>,
}

/// Input of `report_progress`, the body of `PUT /lessons/{id}/progress`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportProgress {
    /// How much of the lesson was watched by now, altogether; at most a week.
    #[schema(maximum = 604800)]
    pub watched_duration_seconds: u32,
    /// Where the student is, at most a week from the start; where left out it stays.
    #[serde(default)]
    #[schema(maximum = 604800)]
    pub position: Option<u32>,
}

/// How far a student is: answer of `report_progress` and its kin, and `progress.updated` for their other devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// The enrollment.
    pub enrollment_id: u64,
    /// The course.
    pub course_id: u64,
    /// The enrollment's state.
    pub status: EnrollmentStatus,
    /// How much is done, in percent.
    #[schema(pattern = r"^(100\.00|[0-9]{1,2}\.[0-9]{2})$", example = "33.33")]
    pub progress_percentage: String,
    /// How many lessons are done.
    pub completed_lessons: u32,
    /// How many lessons there are.
    pub total_lessons: u32,
    /// The lesson.
    pub lesson: LessonProgress,
}

/// Input of `create_note`, the body of `POST /lessons/{id}/notes`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateNote {
    /// 1 to 5,000 characters.
    #[schema(min_length = 1, max_length = 5000)]
    pub content: String,
    /// The moment of the lesson that it belongs to, not beyond its duration.
    #[serde(default)]
    #[schema(maximum = 604800)]
    pub timestamp_seconds: Option<u32>,
}

/// Input of `update_note`, the body of `PATCH /notes/{id}`: what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateNote {
    /// 1 to 5,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 5000)]
    pub content: Option<String>,
    /// The moment of the lesson that it belongs to; `null` unties it.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, maximum = 604800)]
    pub timestamp_seconds: Option<Option<u32>>,
}

/// A private note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Note {
    /// Its id.
    pub id: u64,
    /// The lesson.
    pub lesson_id: u64,
    /// The lesson's course.
    pub course_id: u64,
    /// Its words.
    pub content: String,
    /// The moment of the lesson that it belongs to.
    pub timestamp_seconds: Option<u32>,
    /// When it was written.
    pub created_at: Option<Time>,
    /// When it was last changed.
    pub updated_at: Option<Time>,
}

/// A certificate, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Certificate {
    /// Its id.
    pub id: u64,
    /// The enrollment.
    pub enrollment_id: u64,
    /// The course.
    pub course_id: u64,
    /// The course's title.
    pub course_title: String,
    /// Its number.
    #[schema(example = "CERT-2026-7ZK3M9QX4B")]
    pub certificate_number: String,
    /// Where the number can be verified.
    pub verification_url: String,
    /// Where its PDF is; `null` in events, before it was drawn.
    pub pdf_url: Option<String>,
    /// When it was issued.
    pub issued_at: Option<Time>,
}

/// What anybody may know of a certificate's number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerifiedCertificate {
    /// The number.
    pub certificate_number: String,
    /// Is it good? It always is where it is found.
    pub valid: bool,
    /// Whose it is.
    pub name: String,
    /// The course's title.
    pub course_title: String,
    /// When it was issued.
    pub issued_at: Option<Time>,
    /// The enrollment's state.
    pub status: EnrollmentStatus,
}
