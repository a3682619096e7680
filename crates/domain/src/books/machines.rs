//! The states of books and purchases (domain.md §5.5).

use protocol::books::{BookStatus, PurchaseStatus};

use crate::machine::Machine;

impl Machine for BookStatus {
    const THING: &'static str = "The book";
    const STATES: &'static [Self] = &[Self::Draft, Self::Published, Self::Archived];
    const STEPS: &'static [(Self, Self)] = &[
        (Self::Draft, Self::Published),
        (Self::Draft, Self::Archived),
        // Only while nobody has it.
        (Self::Published, Self::Draft),
        (Self::Published, Self::Archived),
        (Self::Archived, Self::Published),
    ];

    fn name(self) -> &'static str {
        self.as_str()
    }
}

impl Machine for PurchaseStatus {
    const THING: &'static str = "The purchase";
    const STATES: &'static [Self] = &[Self::Completed, Self::Refunded];
    const STEPS: &'static [(Self, Self)] =
        &[(Self::Completed, Self::Refunded), (Self::Refunded, Self::Completed)];

    fn name(self) -> &'static str {
        self.as_str()
    }
}
