//! The bus against a real Redis server.

#[cfg(test)]
mod batches;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod epochs;
#[cfg(test)]
mod history;
#[cfg(test)]
mod listener;
#[cfg(test)]
mod members;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod publish;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod small;
