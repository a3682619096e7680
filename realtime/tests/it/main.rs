//! The hub on real sockets, a real MySQL and a real Redis; mostly two hubs, as in production.

mod client;
mod connecting;
mod fanout;
mod hostile;
mod lifecycle;
mod presence;
mod recovery;
mod rpc;
mod stand;
