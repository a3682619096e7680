//! The states of bookings (domain.md §5.7).

use protocol::consultations::BookingStatus;

use crate::machine::Machine;

impl Machine for BookingStatus {
    const THING: &'static str = "The booking";
    const STATES: &'static [Self] = &Self::ALL;
    const STEPS: &'static [(Self, Self)] = &[
        (Self::Pending, Self::Scheduled),
        (Self::Pending, Self::Cancelled),
        (Self::Scheduled, Self::Completed),
        (Self::Scheduled, Self::Cancelled),
        (Self::Scheduled, Self::NoShow),
        // By an administrator.
        (Self::NoShow, Self::Completed),
    ];

    fn name(self) -> &'static str {
        self.as_str()
    }
}
