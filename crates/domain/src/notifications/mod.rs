//! Notifications (domain.md §5.11): told in the transaction of what they tell of, and together where they are alike.

mod notify;

pub(crate) use notify::{Notice, notify};
