//! The operations and the rules, one folder a domain. Knows neither HTTP nor sockets nor SQL text.
//!
//! Every operation reads: access, rule, write, tell. It takes `(app, actor, input)`, owns its permission, its
//! transaction, its idempotency and its events; the doors extract, call and wrap.

pub mod access;
pub mod actor;
pub mod app;
pub mod chat;
mod combine;
pub mod fault;
mod gather;
pub mod gifts;
pub mod idempotency;
pub mod morph;
pub mod presence;
pub mod rooms;
pub mod system;
pub mod unit;
pub mod uploads;
pub mod users;
pub mod wallet;

pub use actor::Actor;
pub use app::App;
