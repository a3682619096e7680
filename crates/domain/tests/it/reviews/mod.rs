//! The operations of `domain::reviews`.
