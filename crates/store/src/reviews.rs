//! `hub_reviews` (domain.md §4.3).
