//! A small client of both doors, for our own programs: the self-check of `majlis up`, the load tester, tests.
//! Apps use the official Centrifugo SDKs instead; this one does nothing by itself, so that every step is seen.

pub mod rest;
pub mod socket;

pub use rest::{Rest, SignedIn};
pub use socket::{Heard, Position, Socket, SocketError, Subscribed};
