//! The REST door over real HTTP, on a real MySQL and a real Redis.

#[cfg(test)]
mod auth;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod description;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod money;
#[cfg(test)]
mod world;
