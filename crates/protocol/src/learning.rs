//! Learning: enrollments, progress, notes, certificates (domain.md §5.4): inputs and views.
