//! The operations against real MySQL (or MariaDB) and Redis servers.
//! `cfg(test)` tells the lints that helpers, too, are tests' own.

#[cfg(test)]
mod abilities;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod commits;
#[cfg(test)]
mod gifts;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod society;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod system;
#[cfg(test)]
mod users;
#[cfg(test)]
mod wallet;
#[cfg(test)]
mod world;
