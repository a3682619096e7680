//! Learning: enrollments, progress, notes, certificates (domain.md §5.4).

mod access;
mod cancel_enrollment;
mod certificates;
mod clocks;
mod complete_lesson;
mod completion;
mod enroll;
mod find_enrollment;
mod find_lesson;
mod grant_enrollment;
mod list_students;
mod machines;
mod notes;
mod recompute;
mod report_progress;
mod settings;
mod view;

use base::{CommonFault, Fault, Rule};

use crate::common_faults;
use crate::courses::CourseError;
use crate::uploads::UploadError;
use crate::wallet::WalletError;

pub use access::{demand_lesson, demand_note};
pub use cancel_enrollment::cancel_enrollment;
pub use certificates::{find_certificate, render_certificate, verify_certificate};
pub use clocks::{complete_due, expire_due, remind_due};
pub use complete_lesson::{complete_lesson, reopen_lesson};
pub use enroll::enroll;
pub use find_enrollment::{find_enrollment, list_own_enrollments};
pub use find_lesson::find_lesson;
pub use grant_enrollment::{demand_grants, grant_enrollment};
pub use list_students::list_students;
pub use notes::{create_note, delete_note, list_course_notes, list_notes, update_note};
pub(crate) use recompute::recompute_course;
pub use report_progress::report_progress;

/// What can go wrong with learning.
#[derive(Debug, thiserror::Error)]
pub enum LearningError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// The course.
    #[error(transparent)]
    Course(#[from] CourseError),
    /// The money.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The file of a certificate.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The actor is in the course.
    #[error("You are in this course already.")]
    AlreadyEnrolled,
    /// One does not learn from oneself.
    #[error("You cannot enroll in your own course.")]
    OwnCourse,
    /// A draft, or archived.
    #[error("The course takes no students now.")]
    NotOpen,
    /// Too late, or too much was learnt.
    #[error("The time or the progress within which this course can be given back is over.")]
    CancelPolicy,
    /// Videos and sounds are not marked by hand.
    #[error("This lesson is done by watching it.")]
    WatchToComplete,
}

impl Fault for LearningError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::Course(fault) => fault.rule(),
            Self::Wallet(fault) => fault.rule(),
            Self::Upload(fault) => fault.rule(),
            Self::AlreadyEnrolled => Rule::ALREADY_ENROLLED,
            Self::OwnCourse => Rule::OWN_COURSE,
            Self::NotOpen => Rule::COURSE_NOT_OPEN,
            Self::CancelPolicy => Rule::CANCEL_POLICY,
            Self::WatchToComplete => Rule::WATCH_TO_COMPLETE,
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            Self::Course(fault) => Some(fault),
            Self::Wallet(fault) => Some(fault),
            Self::Upload(fault) => Some(fault),
            _ => None,
        }
    }
}

common_faults!(LearningError);

/// There is no such thing, or the asker may not know of it (domain.md D23).
const NO_COURSE: CommonFault = CommonFault::NotFound("course");
const NO_LESSON: CommonFault = CommonFault::NotFound("lesson");
const NO_ENROLLMENT: CommonFault = CommonFault::NotFound("enrollment");
const NO_NOTE: CommonFault = CommonFault::NotFound("note");
const NO_CERTIFICATE: CommonFault = CommonFault::NotFound("certificate");

/// To enroll others and to end their enrollments.
const MANAGE: &str = "courses.manage";
