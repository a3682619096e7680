//! `chat`: pairs of users on different hubs write to each other; every device of both hears every message.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use protocol::channel::Channel;
use tokio::sync::mpsc;

use super::{QUEUE, Run, Senders, run_number};
use crate::cli::ChatOptions;
use crate::ledger::Ledger;
use crate::listener::Listener;
use crate::member::{Destination, Ear, Member, Mouth};
use crate::outbox::Outbox;
use crate::session::{self, Account, Pair};
use crate::stack::Target;
use crate::world::World;

/// Signs in, pairs, and prepares the sockets.
///
/// # Errors
/// The test cannot be run: one sentence.
pub(crate) async fn prepare(options: &ChatOptions, target: &Target) -> Result<Run> {
    let common = &options.common;
    let couples = usize::try_from(options.users.div_ceil(2))?;
    let logins = usize::try_from(common.accounts)?.min(couples * 2).min(target.logins.len());
    if logins < 2 {
        bail!("chat needs two accounts at least; give --login twice");
    }
    let signing_in = target.logins.get(..logins).context("there are too few accounts")?;
    let accounts = session::sign_in(&target.api, signing_in).await?;
    let pairs = session::pair(&target.api, &accounts, couples.min(logins / 2)).await?;
    assemble(options, target, accounts, &pairs)
}

/// The sockets of these pairs.
///
/// # Errors
/// There is no pair.
pub(crate) fn assemble(
    options: &ChatOptions,
    target: &Target,
    accounts: Vec<Account>,
    pairs: &[Pair],
) -> Result<Run> {
    let common = &options.common;
    let couples = usize::try_from(options.users.div_ceil(2))?;
    let total = options.rate.saturating_mul(options.seconds);
    let parts = u32::try_from(pairs.len())?;
    let ledger = Ledger::new(total, parts, run_number());
    let settings = (common.encoding.into(), usize::from(common.body_bytes));
    let world = World::new((&target.api, target.hubs.clone()), accounts, ledger, options.rate, settings)?;
    let world = Arc::new(world);

    let mut members = Vec::new();
    let mut queues = Vec::new();
    for couple in 0..couples {
        let part = couple % pairs.len();
        let pair = pairs.get(part).context("there is no pair")?;
        for side in 0..2 {
            let (sender, receiver) = mpsc::channel(QUEUE);
            queues.push(sender);
            let place = Place { couple, side, part: u32::try_from(part)? };
            members.push(member(&world, pair, place, Outbox::new(receiver, usize::from(common.in_flight)))?);
        }
    }
    let listeners = (0..pairs.len()).map(|part| listeners_of(part, pairs.len(), couples)).collect();
    let description = format!(
        "{} users in {} accounts, {} messages/s for {} s, {} hubs, {}",
        couples * 2,
        pairs.len() * 2,
        options.rate,
        options.seconds,
        target.hubs.len(),
        world.encoding.subprotocol(),
    );
    let parts = pairs.len();
    let choose = Box::new(move |sequence| sender_of(sequence, parts, couples));
    Ok(Run { scenario: "chat", description, world, members, senders: Senders { queues, choose }, listeners })
}

/// One user's place: which couple, which of the two, which pair of accounts.
struct Place {
    couple: usize,
    side: usize,
    part: u32,
}

fn member(world: &Arc<World>, pair: &Pair, place: Place, outbox: Outbox) -> Result<Member> {
    let account = if place.side == 0 { pair.first } else { pair.second };
    let Account { id, .. } = world.accounts.get(account).context("there is no such account")?;
    let ear = Ear { channel: Channel::User(*id), listener: Listener::new(place.part, place.side) };
    let mouth = Mouth { destination: Destination::Conversation(pair.conversation_id), outbox };
    // The two of a couple on neighbouring hubs, couples all around.
    let hub = (place.couple + place.side) % world.hubs.len();
    let index = u32::try_from(place.couple * 2 + place.side)?;
    Ok(Member::new(Arc::clone(world), index, (account, hub), Some(ear), Some(mouth)))
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
