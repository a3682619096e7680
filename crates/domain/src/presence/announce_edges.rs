//! Telling that users came and went.

use std::collections::{HashMap, HashSet};

use base::id::UserId;
use base::{CommonFault, Time};
use bus::Edge;
use protocol::channel::Channel;
use protocol::event::EventData;
use protocol::presence::PresenceState;
use protocol::{Envelope, Event};

use crate::App;
use crate::fault::of_bus;

/// Edges told in one round trip.
const CHUNK: usize = 500;
/// How often one call follows users whose state moves on while it is told; the rest is left to the sweep of
/// unconfirmed edges.
const ROUNDS: u32 = 8;

/// Publishes `presence.changed` for each user's newest edge and confirms the edges. Where a state has moved on meanwhile
/// it is told again, so that the last word heard is the true one. Gives whose presence is to be written down
/// ([`super::record_presence`]): nobody waits for MySQL to learn that a friend is there, nor may that wait make another
/// node believe that the edges were left unannounced.
///
/// # Errors
/// [`CommonFault::Unavailable`]: what was not confirmed comes out of `Bus::pending_edges` again.
pub async fn announce_edges(app: &App, edges: Vec<Edge>) -> Result<Vec<UserId>, CommonFault> {
    let mut announced = HashSet::with_capacity(edges.len());
    let mut left = edges;
    for _round in 0..ROUNDS {
        if left.is_empty() {
            break;
        }
        let mut newer = Vec::new();
        for chunk in left.chunks(CHUNK) {
            let newest = newest_by_user(chunk);
            let envelopes: Vec<Envelope> = newest.iter().map(envelope).collect();
            app.publish(&envelopes).await?;
            announced.extend(newest.iter().map(|edge| edge.user_id));
            newer.extend(app.bus.ack_edges(chunk).await.map_err(of_bus)?);
        }
        left = newer;
    }
    Ok(announced.into_iter().collect())
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

/// An edge that is announced a second time (its announcer died before it confirmed it) has the same id.
fn envelope(edge: &Edge) -> Envelope {
    let at = Time::from_unix_millis(edge.at_ms);
    let last_seen_at = if edge.online { None } else { at };
    let state = PresenceState { user_id: edge.user_id, online: edge.online, last_seen_at };
    let data = EventData {
        id: base::id::ulid_of(edge.at_ms, edge.user_id, edge.id),
        at: at.unwrap_or_else(Time::now),
        event: Event::PresenceChanged(state),
    };
    Envelope { channel: Channel::Presence(edge.user_id), data }
}

#[cfg(test)]
mod tests {
    use bus::Edge;

    use super::{envelope, newest_by_user};

    #[test]
    fn the_same_edge_is_the_same_event() {
        let edge = Edge { id: 5, user_id: 7, online: false, at_ms: 1_700_000_000_123 };
        let (one, again) = (envelope(&edge), envelope(&edge));
        assert_eq!(one, again);
        for other in
            [Edge { id: 6, ..edge }, Edge { user_id: 8, ..edge }, Edge { at_ms: 1_700_000_000_124, ..edge }]
        {
            assert_ne!(envelope(&other).data.id, one.data.id);
        }
        assert_eq!(one.data.at.unix_millis(), edge.at_ms);
    }

    #[test]
    fn only_the_newest_edge_of_a_user_is_told() {
        let edge = |id, user_id, online| Edge { id, user_id, online, at_ms: 0 };
        let told = newest_by_user(&[edge(5, 1, true), edge(7, 2, true), edge(6, 1, false), edge(4, 1, true)]);
        assert_eq!(told, [edge(6, 1, false), edge(7, 2, true)]);
    }
}
