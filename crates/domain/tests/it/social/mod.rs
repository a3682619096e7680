//! The operations of `domain::social`.
