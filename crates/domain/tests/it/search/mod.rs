//! The operations of `domain::search`.
