//! Reviews of courses and books (domain.md §4.3 `hub_reviews`).
