//! Learning: enrollments, progress, notes, certificates (domain.md §5.4).

mod recompute;

pub(crate) use recompute::recompute_course;
