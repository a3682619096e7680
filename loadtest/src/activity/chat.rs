//! `chat`: pairs of users on different hubs write to each other; every device of both hears every message.

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
use crate::session::{Account, Pair};
use crate::stage::Stage;
use crate::world::World;

/// Its keys in a scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Connected users; they go in pairs, and share accounts where there are fewer of those.
    pub(crate) users: u32,
    /// Messages a second, over all users.
    pub(crate) rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { users: 50, rate: 50.0 }
    }
}

impl Settings {
    fn couples(&self) -> u32 {
        self.users.div_ceil(2)
    }
}

impl Plan for Settings {
    fn kind(&self) -> &'static str {
        "chat"
    }

    fn sockets(&self) -> u64 {
        u64::from(self.couples()) * 2
    }

    fn scale(&mut self, factor: f64) {
        self.users = scaled(self.users, factor).max(2);
        self.rate *= factor;
    }

    fn check(&self) -> Result<()> {
        super::within("users", f64::from(self.users), 2.0, 100_000.0)?;
        super::within("rate", self.rate, 0.01, 100_000.0)
    }

    fn prepare<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Box<dyn Activity>>> {
        Box::pin(async move {
            if stage.shared().len() < 2 {
                bail!("chat needs two accounts at least; give --login twice");
            }
            let pairs = stage.pairs(usize::try_from(self.couples())?).await?;
            let activity: Box<dyn Activity> = Box::new(assemble(self, stage, &pairs)?);
            Ok(activity)
        })
    }
}

/// The sockets of these pairs.
///
/// # Errors
/// There is no pair.
pub(crate) fn assemble(settings: &Settings, stage: &Stage, pairs: &[Pair]) -> Result<Crowd> {
    let couples = usize::try_from(settings.couples())?;
    let parts = pairs.len().min(couples);
    let ledger = Ledger::new(planned(settings.rate, stage.duration()), u32::try_from(parts)?, run_number());
    let world = Arc::new(World::new(stage, ledger, settings.rate));

    let mut members = Vec::new();
    let mut queues = Vec::new();
    for couple in 0..couples {
        let part = couple % parts;
        let pair = pairs.get(part).context("there is no pair")?;
        for side in 0..2 {
            let (sender, receiver) = mpsc::channel(QUEUE);
            queues.push(sender);
            let place = Place { couple, side, part: u32::try_from(part)?, index: stage.next_socket() };
            members.push(member(&world, pair, place, Outbox::new(receiver, stage.in_flight))?);
        }
    }
    let listeners = (0..parts).map(|part| listeners_of(part, parts, couples)).collect();
    let description =
        format!("{} users in {} accounts, {} messages/s", couples * 2, parts * 2, settings.rate);
    let choose = Box::new(move |sequence| sender_of(sequence, parts, couples));
    Ok(Crowd::new(("chat", description), world, members, Senders { queues, choose }, listeners))
}

/// One user's place: which couple, which of the two, which pair of accounts, and the socket's number.
struct Place {
    couple: usize,
    side: usize,
    part: u32,
    index: u32,
}

fn member(world: &Arc<World>, pair: &Pair, place: Place, outbox: Outbox) -> Result<Member> {
    let account = if place.side == 0 { pair.first } else { pair.second };
    let Account { id, .. } = world.accounts.get(account).context("there is no such account")?;
    let ear = Ear::new(Channel::User(*id), Listener::new(place.part, place.side));
    let mouth = Mouth { destination: Destination::Conversation(pair.conversation_id), outbox };
    // The two of a couple on neighbouring hubs, couples all around.
    let hub = (place.couple + place.side) % world.hubs.len();
    Ok(Member::new(Arc::clone(world), place.index, (account, hub), vec![ear], Some(mouth)))
}
/// Sockets that hear the messages of a pair of accounts: two for each couple that shares it.
fn listeners_of(part: usize, parts: usize, couples: usize) -> u64 {
    let couples = (couples + parts - 1 - part) / parts;
    u64::try_from(couples * 2).unwrap_or(u64::MAX)
}

/// Who sends a message: the couples of its part in turn, then the other side of each.
fn sender_of(sequence: u32, parts: usize, couples: usize) -> usize {
    let sequence = usize::try_from(sequence).unwrap_or(usize::MAX);
    let (part, turn) = (sequence % parts, sequence / parts);
    let sharing = (couples + parts - 1 - part) / parts;
    let couple = part + parts * (turn % sharing);
    couple * 2 + (turn / sharing) % 2
}

#[cfg(test)]
mod tests {
    use super::{listeners_of, sender_of};

    #[test]
    fn everybody_sends_equally_and_within_the_messages_part() {
        for (parts, couples) in [(1, 1), (3, 3), (3, 7), (25, 100)] {
            let mut sent = vec![0_u32; couples * 2];
            let rounds = 840;
            for sequence in 0..u32::try_from(parts).unwrap() * rounds {
                let sender = sender_of(sequence, parts, couples);
                sent[sender] += 1;
                assert_eq!((sender / 2) % parts, usize::try_from(sequence).unwrap() % parts);
            }
            for (sender, count) in sent.iter().enumerate() {
                let share = u32::try_from(listeners_of((sender / 2) % parts, parts, couples)).unwrap();
                assert_eq!(*count, rounds / share, "{parts} parts, {couples} couples, sender {sender}");
            }
            let all: u64 = (0..parts).map(|part| listeners_of(part, parts, couples)).sum();
            assert_eq!(all, u64::try_from(couples * 2).unwrap());
        }
    }
}
