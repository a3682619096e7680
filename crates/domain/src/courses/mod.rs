//! Courses: catalogue, sections, lessons (domain.md §5.4).

mod authority;
mod categories;
mod change_status;
mod check;
mod create_course;
mod create_lesson;
mod create_section;
mod delete_course;
mod delete_lesson;
mod delete_section;
mod enter_channel;
mod find_course;
mod lesson_check;
mod list_courses;
mod machines;
mod move_lesson;
mod order;
mod tell_new_lessons;
mod update_course;
mod update_lesson;
mod update_section;
mod view;

use base::{CommonFault, Fault, Rule};

use crate::common_faults;
use crate::uploads::UploadError;

pub use authority::{demand_course, demand_lesson, demand_managers, demand_section};
pub use categories::{
    create_category, delete_category, demand_categories, list_categories, order_categories, update_category,
};
pub use change_status::{archive_course, moderate_course, publish_course, unpublish_course};
pub use create_course::create_course;
pub use create_lesson::create_lesson;
pub use create_section::create_section;
pub use delete_course::delete_course;
pub use delete_lesson::delete_lesson;
pub use delete_section::delete_section;
pub use enter_channel::enter_channel;
pub use find_course::{Include, find_course};
pub use list_courses::{list_all_courses, list_courses, list_courses_of};
pub use move_lesson::move_lesson;
pub use order::{order_lessons, order_sections};
pub use tell_new_lessons::tell_new_lessons;
pub use update_course::update_course;
pub use update_lesson::update_lesson;
pub use update_section::update_section;

pub(crate) use authority::{Role, require_visible, role_of};
pub(crate) use view::{course_status, discount_of, lesson_type, lesson_view};

/// What can go wrong with courses.
#[derive(Debug, thiserror::Error)]
pub enum CourseError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// A file that a course or lesson is to have.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// Something is of the category.
    #[error("Something is of this category: deactivate it instead.")]
    CategoryInUse,
    /// Somebody is, or was, in the course.
    #[error("The course has had students: archive it instead.")]
    InUse,
}

impl Fault for CourseError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::Upload(fault) => fault.rule(),
            Self::CategoryInUse => Rule::CATEGORY_IN_USE,
            Self::InUse => Rule::COURSE_IN_USE,
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            Self::Upload(fault) => Some(fault),
            _ => None,
        }
    }
}

common_faults!(CourseError);

/// There is no such course, or the asker may not know of it (domain.md D23).
const NO_COURSE: CommonFault = CommonFault::NotFound("course");
const NO_SECTION: CommonFault = CommonFault::NotFound("section");
const NO_LESSON: CommonFault = CommonFault::NotFound("lesson");

/// To edit whatever course, and to keep the categories of all.
const MANAGE: &str = "courses.manage";
