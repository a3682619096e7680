//! The operations of `domain::books`.
