//! The states of a course (domain.md §5.4).

use protocol::courses::CourseStatus;

use crate::machine::Machine;

impl Machine for CourseStatus {
    const THING: &'static str = "The course";
    const STATES: &'static [Self] = &Self::ALL;
    const STEPS: &'static [(Self, Self)] = &[
        // With something to show.
        (Self::Draft, Self::Published),
        (Self::Draft, Self::Archived),
        (Self::Published, Self::Archived),
        // Only without students.
        (Self::Published, Self::Draft),
        (Self::Archived, Self::Published),
    ];

    fn name(self) -> &'static str {
        self.as_str()
    }
}
