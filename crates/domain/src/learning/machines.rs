//! The states of an enrollment (domain.md §5.4).

use protocol::learning::EnrollmentStatus;

use crate::machine::Machine;

impl Machine for EnrollmentStatus {
    const THING: &'static str = "The enrollment";
    const STATES: &'static [Self] = &Self::ALL;
    const STEPS: &'static [(Self, Self)] = &[
        (Self::Active, Self::Completed),
        (Self::Active, Self::Expired),
        (Self::Active, Self::Cancelled),
        // Bought or granted again: the same row.
        (Self::Expired, Self::Active),
        (Self::Cancelled, Self::Active),
    ];

    fn name(self) -> &'static str {
        self.as_str()
    }
}
