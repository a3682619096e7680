//! The states of top-ups and withdrawals (domain.md §5.8).

use protocol::wallet::{IntentStatus, WithdrawalStatus};

use crate::machine::Machine;

impl Machine for IntentStatus {
    const THING: &'static str = "The top-up";
    const STATES: &'static [Self] = Self::ALL;
    const STEPS: &'static [(Self, Self)] = &[
        (Self::Created, Self::Processing),
        (Self::Created, Self::Failed),
        (Self::Created, Self::Expired),
        (Self::Processing, Self::Succeeded),
        (Self::Processing, Self::Failed),
        (Self::Processing, Self::Expired),
        (Self::Succeeded, Self::Refunded),
    ];

    fn name(self) -> &'static str {
        self.as_str()
    }
}

/// The ledger's row is `pending` until the last step: then `completed` (paid), `failed`, or `cancelled` (rejected,
/// cancelled).
impl Machine for WithdrawalStatus {
    const THING: &'static str = "The withdrawal";
    const STATES: &'static [Self] = Self::ALL;
    const STEPS: &'static [(Self, Self)] = &[
        (Self::Pending, Self::Approved),
        (Self::Pending, Self::Rejected),
        (Self::Pending, Self::Cancelled),
        (Self::Approved, Self::Paid),
        (Self::Approved, Self::Rejected),
        (Self::Approved, Self::Failed),
    ];

    fn name(self) -> &'static str {
        self.as_str()
    }
}
