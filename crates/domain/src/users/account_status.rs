//! The states of an account (domain.md §5.1): active ⇄ suspended, deleted and had back, purged for good.

use crate::machine::Machine;

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// It may act.
    Active,
    /// It may not, until that is lifted.
    Suspended,
    /// Its owner has deleted it, and can have it back for thirty days.
    Deleted,
    /// Nothing of it is left but its place in the ledger.
    Purged,
}

impl AccountStatus {
    /// What the columns say.
    #[must_use]
    pub fn of(id: u64, username: &str, is_active: bool, is_deleted: bool) -> Self {
        match (is_deleted, is_active) {
            (true, _) if username == format!("deleted_{id}") => Self::Purged,
            (true, _) => Self::Deleted,
            (false, true) => Self::Active,
            (false, false) => Self::Suspended,
        }
    }
}

impl Machine for AccountStatus {
    const THING: &'static str = "The account";
    const STATES: &'static [Self] = &[Self::Active, Self::Suspended, Self::Deleted, Self::Purged];
    const STEPS: &'static [(Self, Self)] = &[
        (Self::Active, Self::Suspended),
        (Self::Suspended, Self::Active),
        (Self::Active, Self::Deleted),
        (Self::Deleted, Self::Active),
        (Self::Deleted, Self::Purged),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
            Self::Purged => "purged",
        }
    }
}
