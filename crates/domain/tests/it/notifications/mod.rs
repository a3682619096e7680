//! The operations of `domain::notifications`.
