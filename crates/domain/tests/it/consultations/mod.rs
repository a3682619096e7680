//! The operations of `domain::consultations`.
