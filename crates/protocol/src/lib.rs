//! The vocabulary on the wire: the client protocol's frames in three encodings, channels and codes, the RPC
//! methods, the events, and each domain's inputs and views. No I/O.

pub mod accounts;
pub mod admin;
pub mod asyncapi;
pub mod books;
pub mod channel;
pub mod chat;
pub mod codec;
pub mod codes;
pub mod consultations;
pub mod courses;
pub mod event;
pub mod frame;
pub mod gifts;
mod given;
pub mod key;
pub mod learning;
pub mod moderation;
pub mod notifications;
pub mod portfolio;
pub mod presence;
pub mod reviews;
pub mod rooms;
pub mod rpc;
pub mod search;
pub mod social;
pub mod uploads;
pub mod users;
pub mod wallet;

pub use event::{Envelope, Event};
pub use key::IdempotencyKey;
pub use rpc::Rpc;
