//! Learning: enrollments, progress, notes, certificates (domain.md §5.4).
