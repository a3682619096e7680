//! The operations against real MySQL (or MariaDB) and Redis servers.
//! `cfg(test)` tells the lints that helpers, too, are tests' own.

#[cfg(test)]
mod abilities;
#[cfg(test)]
mod admin;
#[cfg(test)]
mod books;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod chat_changes;
#[cfg(test)]
mod chat_media;
#[cfg(test)]
mod chat_sync;
#[cfg(test)]
mod chat_together;
#[cfg(test)]
mod commits;
#[cfg(test)]
mod consultations;
#[cfg(test)]
mod courses;
#[cfg(test)]
mod gift_lists;
#[cfg(test)]
mod gift_streaks;
#[cfg(test)]
mod gifts;
#[cfg(test)]
mod learning;
#[cfg(test)]
mod notifications;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod recount;
#[cfg(test)]
mod reviews;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod rooms_access;
#[cfg(test)]
mod rooms_lifecycle;
#[cfg(test)]
mod rooms_messages;
#[cfg(test)]
mod rooms_order;
#[cfg(test)]
mod rooms_refunds;
#[cfg(test)]
mod rooms_together;
#[cfg(test)]
mod rooms_walk;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod search;
#[cfg(test)]
mod social;
#[cfg(test)]
mod society;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod system;
#[cfg(test)]
mod uploads;
#[cfg(test)]
mod users;
#[cfg(test)]
mod wallet;
#[cfg(test)]
mod waves;
#[cfg(test)]
mod world;
