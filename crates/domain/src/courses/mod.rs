//! Courses: catalogue, sections, lessons (domain.md §5.4).
