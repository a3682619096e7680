//! The REST door over real HTTP, on a real MySQL and a real Redis.

#[cfg(test)]
mod access;
#[cfg(test)]
mod accounts;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod books;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod consultations;
#[cfg(test)]
mod costs;
#[cfg(test)]
mod courses;
#[cfg(test)]
mod description;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod gifts;
#[cfg(test)]
mod learning;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod money;
#[cfg(test)]
mod people;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod rooms_lifecycle;
#[cfg(test)]
#[path = "../../../crates/domain/tests/it/samples.rs"]
mod samples;
#[cfg(test)]
mod social;
#[cfg(test)]
mod uploads;
#[cfg(test)]
mod wallet;
#[cfg(test)]
mod world;
