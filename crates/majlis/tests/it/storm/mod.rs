//! The whole under load and misfortune: real `majlis hub` and `majlis api` processes, a database and a Redis of their own,
//! and clients that do what the official SDKs do. Each test prints its figures (`-- --nocapture storm`).
//!
//! They take turns: two at once would measure each other.

mod figures;
mod ghosts;
mod ledger;
mod outbox;
mod person;
mod proxy;
mod reconnect_wave;
mod stack;
mod the_storm;
mod wire;

/// Whose turn it is.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
