//! The store against a real server: MariaDB, or the MySQL that `MAJLIS_MYSQLD` names.

#[cfg(test)]
mod cascade;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod setup;
