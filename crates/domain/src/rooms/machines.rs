//! The states of rooms and registrations (domain.md §5.6).

use protocol::rooms::{RegistrationStatus, RoomStatus};

use crate::machine::Machine;

impl Machine for RoomStatus {
    const THING: &'static str = "The room";
    const STATES: &'static [Self] = &[Self::Scheduled, Self::Active, Self::Completed, Self::Cancelled];
    const STEPS: &'static [(Self, Self)] = &[
        (Self::Scheduled, Self::Active),
        (Self::Scheduled, Self::Completed),
        (Self::Scheduled, Self::Cancelled),
        (Self::Active, Self::Scheduled),
        (Self::Active, Self::Completed),
        (Self::Active, Self::Cancelled),
    ];

    fn name(self) -> &'static str {
        self.as_str()
    }
}

impl Machine for RegistrationStatus {
    const THING: &'static str = "The registration";
    const STATES: &'static [Self] =
        &[Self::Pending, Self::Registered, Self::Attended, Self::Missed, Self::Cancelled];
    const STEPS: &'static [(Self, Self)] = &[
        (Self::Pending, Self::Registered),
        (Self::Pending, Self::Cancelled),
        (Self::Registered, Self::Attended),
        (Self::Registered, Self::Missed),
        (Self::Registered, Self::Cancelled),
        // By an administrator, with a refund.
        (Self::Attended, Self::Cancelled),
        (Self::Cancelled, Self::Pending),
        (Self::Cancelled, Self::Registered),
    ];

    fn name(self) -> &'static str {
        self.as_str()
    }
}
