//! The social graph and the feed (domain.md §5.3): inputs and views.
