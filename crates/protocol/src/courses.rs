//! Courses: catalogue, sections, lessons (domain.md §5.4): inputs and views.
