//! The operations and the rules, one folder a domain. Knows neither HTTP nor sockets nor SQL text.
//!
//! Every operation reads: access, rule, write, tell. It takes `(app, actor, input)`, owns its permission, its
//! transaction, its idempotency and its events; the doors extract, call and wrap.

pub mod access;
pub mod actor;
pub mod admin;
pub mod app;
pub mod books;
pub mod chat;
mod combine;
pub mod consultations;
pub mod courses;
pub mod fault;
mod gather;
pub mod gifts;
pub mod idempotency;
pub mod learning;
pub mod machine;
pub mod mails;
pub mod morph;
pub mod notifications;
pub mod presence;
pub mod reviews;
pub mod rooms;
pub mod search;
pub mod social;
pub mod system;
pub mod unit;
pub mod uploads;
pub mod users;
pub mod wallet;

pub use actor::Actor;
pub use app::App;
