//! Telling that users came and went.

use std::collections::HashMap;

use base::id::UserId;
use base::{CommonFault, Time};
use bus::Edge;
use protocol::channel::Channel;
use protocol::presence::PresenceState;
use protocol::{Envelope, Event};
use store::StoreError;

use crate::App;
use crate::fault::{of_bus, of_store};

/// Edges told in one round trip.
const CHUNK: usize = 500;
/// How often one call follows users whose state moves on while it is told; the rest is left to the sweep of
/// unconfirmed edges.
const ROUNDS: u32 = 8;

/// Publishes `presence.changed` for each user's newest edge, writes `users.is_online` (one autocommit statement a
/// row, domain.md D10) and confirms the edges. Where a state has moved on meanwhile it is told again, so that the
/// last word heard is the true one.
///
/// # Errors
/// [`CommonFault::Unavailable`]: what was not confirmed comes out of `Bus::pending_edges` again.
pub async fn announce_edges(app: &App, edges: Vec<Edge>) -> Result<(), CommonFault> {
    let mut left = edges;
    for _round in 0..ROUNDS {
        if left.is_empty() {
            return Ok(());
        }
        let mut newer = Vec::new();
        for chunk in left.chunks(CHUNK) {
            announce_chunk(app, chunk).await?;
            newer.extend(app.bus.ack_edges(chunk).await.map_err(of_bus)?);
        }
        left = newer;
    }
    Ok(())
}

async fn announce_chunk(app: &App, edges: &[Edge]) -> Result<(), CommonFault> {
    let newest = newest_by_user(edges);
    let envelopes: Vec<Envelope> = newest.iter().map(envelope).collect();
    // Heard first, written second: nobody waits for MySQL to learn that a friend is there.
    app.publish(&envelopes).await?;
    let mut conn = app.store.reader().await.map_err(of_store)?;
    for edge in &newest {
        match store::presence::update_is_online(&mut conn, edge.user_id, edge.online).await {
            Ok(()) => {}
            // Somebody holds the user's row for long: the reconciler writes it later.
            Err(error @ (StoreError::LockTimeout(_) | StoreError::Deadlock(_))) => {
                tracing::warn!(%error, user_id = edge.user_id, "is_online was not written");
            }
            Err(error) => return Err(of_store(error)),
        }
    }
    Ok(())
}

/// The newest edge of each user, in the order of the edges.
fn newest_by_user(edges: &[Edge]) -> Vec<Edge> {
    let mut newest: HashMap<UserId, Edge> = HashMap::with_capacity(edges.len());
    for edge in edges {
        newest.entry(edge.user_id).and_modify(|kept| *kept = newer(*kept, *edge)).or_insert(*edge);
    }
    let mut newest: Vec<Edge> = newest.into_values().collect();
    newest.sort_unstable_by_key(|edge| edge.id);
    newest
}

const fn newer(one: Edge, other: Edge) -> Edge {
    if other.id > one.id { other } else { one }
}

fn envelope(edge: &Edge) -> Envelope {
    let last_seen_at = if edge.online { None } else { Time::from_unix_millis(edge.at_ms) };
    let state = PresenceState { user_id: edge.user_id, online: edge.online, last_seen_at };
    Envelope::new(Channel::Presence(edge.user_id), Event::PresenceChanged(state))
}

#[cfg(test)]
mod tests {
    use bus::Edge;

    use super::newest_by_user;

    #[test]
    fn only_the_newest_edge_of_a_user_is_told() {
        let edge = |id, user_id, online| Edge { id, user_id, online, at_ms: 0 };
        let told = newest_by_user(&[edge(5, 1, true), edge(7, 2, true), edge(6, 1, false), edge(4, 1, true)]);
        assert_eq!(told, [edge(6, 1, false), edge(7, 2, true)]);
    }
}
