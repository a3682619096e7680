//! How far one's own copies were read (domain.md §5.5).

mod find_progress;
mod tell_progress_due;
mod update_progress;

pub use find_progress::find_progress;
pub use tell_progress_due::tell_progress_due;
pub use update_progress::update_progress;

/// Milliseconds between two times that a reader's other devices are told of one book.
const TOLD_EVERY: u64 = 5_000;
