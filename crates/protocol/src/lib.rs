//! The vocabulary on the wire: the client protocol's frames in three encodings, channels and codes, the RPC
//! methods, the events, and each domain's inputs and views. No I/O.

pub mod asyncapi;
pub mod channel;
pub mod chat;
pub mod codec;
pub mod codes;
pub mod event;
pub mod frame;
pub mod gifts;
pub mod key;
pub mod presence;
pub mod rooms;
pub mod rpc;
pub mod uploads;
pub mod users;
pub mod wallet;

pub use event::{Envelope, Event};
pub use key::IdempotencyKey;
pub use rpc::Rpc;
