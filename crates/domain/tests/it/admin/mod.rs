//! The operations of `domain::admin`.
