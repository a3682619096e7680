//! The hub on real sockets, a real MySQL and a real Redis; mostly two hubs, as in production.
//! `cfg(test)` tells the lints that helpers, too, are tests' own.

#[cfg(test)]
mod access;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod client;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod coming_back;
#[cfg(test)]
mod connecting;
#[cfg(test)]
mod fairness;
#[cfg(test)]
mod fanout;
#[cfg(test)]
mod gifts;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod links;
#[cfg(test)]
mod members;
#[cfg(test)]
mod people;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod rolling;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod rpc;
#[cfg(test)]
mod scrape;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod stand;
#[cfg(test)]
mod tokens;
