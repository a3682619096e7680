//! `room`: live rooms with many listeners and a few who post.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use futures_util::future::BoxFuture;
use protocol::channel::Channel;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::crowd::{Crowd, QUEUE, Senders, run_number};
use super::{Activity, Plan, scaled};
use crate::ledger::{Ledger, planned};
use crate::listener::Listener;
use crate::member::{Destination, Ear, Member, Mouth};
use crate::outbox::Outbox;
use crate::stage::Stage;
use crate::term::grouped;
use crate::world::World;

/// Its keys in a scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Sockets that listen, each to one room.
    pub(crate) subscribers: u32,
    /// Sockets that post, besides the listeners; at least one a room.
    pub(crate) publishers: u32,
    /// Messages a second, over all rooms.
    pub(crate) rate: f64,
    /// Rooms; those that the installation lacks are opened for the test.
    pub(crate) rooms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { subscribers: 2000, publishers: 4, rate: 20.0, rooms: 1 }
    }
}

impl Settings {
    fn publishers(&self) -> u32 {
        self.publishers.max(self.rooms)
    }
}

impl Plan for Settings {
    fn kind(&self) -> &'static str {
        "room"
    }

    fn sockets(&self) -> u64 {
        u64::from(self.subscribers) + u64::from(self.publishers())
    }

    fn scale(&mut self, factor: f64) {
        self.subscribers = scaled(self.subscribers, factor);
        self.publishers = scaled(self.publishers, factor);
        self.rate *= factor;
    }

    fn fan_out(&self) -> Option<(u32, f64)> {
        (self.rooms == 1).then_some((self.subscribers, self.rate))
    }

    fn check(&self) -> Result<()> {
        super::within("subscribers", f64::from(self.subscribers), 1.0, 100_000.0)?;
        super::within("publishers", f64::from(self.publishers), 1.0, 10_000.0)?;
        super::within("rooms", f64::from(self.rooms), 1.0, 1_000.0)?;
        super::within("rate", self.rate, 0.01, 100_000.0)
    }

    fn prepare<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Box<dyn Activity>>> {
        Box::pin(async move {
            let rooms = stage.rooms(usize::try_from(self.rooms)?).await?;
            let activity: Box<dyn Activity> = Box::new(assemble(self, stage, &rooms)?);
            Ok(activity)
        })
    }
}

/// The sockets of these rooms.
///
/// # Errors
/// There is nobody, or no room.
pub(crate) fn assemble(settings: &Settings, stage: &Stage, rooms: &[u64]) -> Result<Crowd> {
    let logins = stage.shared().len();
    if logins == 0 {
        bail!("room needs an account; give --login EMAIL:PASSWORD");
    }
    let parts = rooms.len();
    let ledger = Ledger::new(planned(settings.rate, stage.duration()), u32::try_from(parts)?, run_number());
    let world = Arc::new(World::new(stage, ledger, settings.rate));

    let publishers = usize::try_from(settings.publishers())?;
    let subscribers = usize::try_from(settings.subscribers)?;
    let mut members = Vec::with_capacity(publishers + subscribers);
    let mut queues = Vec::with_capacity(publishers);
    let mut listeners = vec![0; parts];
    for place in 0..publishers + subscribers {
        // Accounts and hubs do not go in step: every account has sockets on every hub.
        let seat = (place % logins, (place + place / logins) % world.hubs.len());
        let part = place.checked_sub(publishers).unwrap_or(place) % parts;
        let room = *rooms.get(part).context("there is no room")?;
        let index = stage.next_socket();
        members.push(if place < publishers {
            let (sender, receiver) = mpsc::channel(QUEUE);
            queues.push(sender);
            let outbox = Outbox::new(receiver, stage.in_flight);
            let mouth = Mouth { destination: Destination::Room(room), outbox };
            Member::new(Arc::clone(&world), index, seat, Vec::new(), Some(mouth))
        } else {
            if let Some(count) = listeners.get_mut(part) {
                *count += 1;
            }
            let ear = Ear::new(Channel::Room(room), Listener::new(u32::try_from(part)?, 0));
            Member::new(Arc::clone(&world), index, seat, vec![ear], None)
        });
    }
    let place = match rooms {
        [room] => format!("room {room}"),
        rooms => format!("{} rooms", rooms.len()),
    };
    let description = format!(
        "{place}, {} listeners and {publishers} publishers, {} messages/s",
        grouped(u64::from(settings.subscribers)),
        settings.rate,
    );
    let choose = Box::new(move |sequence| publisher_of(sequence, parts, publishers));
    Ok(Crowd::new(("room", description), world, members, Senders { queues, choose }, listeners))
}

/// Who posts a message: those of its room in turn.
pub(super) fn publisher_of(sequence: u32, parts: usize, publishers: usize) -> usize {
    let sequence = usize::try_from(sequence).unwrap_or(usize::MAX);
    let (part, turn) = (sequence % parts, sequence / parts);
    let sharing = (publishers + parts - 1 - part) / parts;
    part + parts * (turn % sharing.max(1))
}

#[cfg(test)]
mod tests {
    use super::publisher_of;

    #[test]
    fn messages_go_round_the_publishers_of_their_room() {
        for (parts, publishers) in [(1, 4), (3, 3), (20, 50)] {
            let mut posted = vec![0; publishers];
            for sequence in 0..6000_u32 {
                let publisher = publisher_of(sequence, parts, publishers);
                posted[publisher] += 1;
                assert_eq!(publisher % parts, usize::try_from(sequence).unwrap() % parts);
            }
            assert!(posted.iter().all(|count| *count > 0), "{posted:?}");
        }
    }
}
