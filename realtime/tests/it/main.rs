//! The hub on real sockets, a real MySQL and a real Redis; mostly two hubs, as in production.
//! `cfg(test)` tells the lints that helpers, too, are tests' own.

#[cfg(test)]
mod client;
#[cfg(test)]
mod connecting;
#[cfg(test)]
mod fanout;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod rpc;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod stand;
