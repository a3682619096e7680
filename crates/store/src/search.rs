//! What search reads (domain.md §5.11).
