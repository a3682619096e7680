//! Search over users, courses, books, rooms and posts (domain.md §5.11).
