//! The operations of `domain::courses`.
