//! Conversations, messages and unread totals (domain.md §4.1 rows 30-31, §5.10; `hub_chat_counters`).

mod admissions;
mod conversations;
mod counters;
mod messages;
mod sync;

pub use admissions::*;
pub use conversations::*;
pub use counters::*;
pub use messages::*;
pub use sync::*;

use sqlx::{MySql, QueryBuilder};

/// Writes ids, separated by commas.
fn push_ids(query: &mut QueryBuilder<MySql>, ids: &[u64]) {
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
}
