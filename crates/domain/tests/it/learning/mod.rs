//! The operations of `domain::learning`.
