//! `room`: one live room with many listeners and a few who post.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use protocol::channel::Channel;
use tokio::sync::mpsc;

use super::{QUEUE, Run, Senders, run_number};
use crate::cli::RoomOptions;
use crate::ledger::Ledger;
use crate::listener::Listener;
use crate::member::{Destination, Ear, Member, Mouth};
use crate::outbox::Outbox;
use crate::session::{self, Account};
use crate::stack::Target;
use crate::term::grouped;
use crate::world::World;

/// Signs in and prepares the sockets.
///
/// # Errors
/// The test cannot be run: one sentence.
pub(crate) async fn prepare(options: &RoomOptions, target: &Target) -> Result<Run> {
    let common = &options.common;
    let room = options
        .room
        .or_else(|| target.rooms.first().map(|room| room.id))
        .context("no room is active: name one with --room ID")?;
    let sockets = options.subscribers + options.publishers;
    let logins = usize::try_from(common.accounts.min(sockets))?.min(target.logins.len());
    if logins == 0 {
        bail!("room needs an account; give --login EMAIL:PASSWORD");
    }
    let signing_in = target.logins.get(..logins).context("there are too few accounts")?;
    let accounts = session::sign_in(&target.api, signing_in).await?;
    assemble(options, target, accounts, room)
}

/// The sockets of this room.
///
/// # Errors
/// More sockets than can be counted.
pub(crate) fn assemble(
    options: &RoomOptions,
    target: &Target,
    accounts: Vec<Account>,
    room: u64,
) -> Result<Run> {
    let common = &options.common;
    let logins = accounts.len();
    let sockets = options.subscribers + options.publishers;
    let total = options.rate.saturating_mul(options.seconds);
    let ledger = Ledger::new(total, 1, run_number());
    let settings = (common.encoding.into(), usize::from(common.body_bytes));
    let world = World::new((&target.api, target.hubs.clone()), accounts, ledger, options.rate, settings)?;
    let world = Arc::new(world);

    let mut members = Vec::with_capacity(usize::try_from(sockets)?);
    let mut queues = Vec::new();
    for index in 0..sockets {
        let place = usize::try_from(index)?;
        // Accounts and hubs do not go in step: every account has sockets on every hub.
        let seat = (place % logins, (place + place / logins) % world.hubs.len());
        let member = if index < options.publishers {
            let (sender, receiver) = mpsc::channel(QUEUE);
            queues.push(sender);
            let outbox = Outbox::new(receiver, usize::from(common.in_flight));
            let mouth = Mouth { destination: Destination::Room(room), outbox };
            Member::new(Arc::clone(&world), index, seat, None, Some(mouth))
        } else {
            let ear = Ear { channel: Channel::Room(room), listener: Listener::new(0, 0) };
            Member::new(Arc::clone(&world), index, seat, Some(ear), None)
        };
        members.push(member);
    }
    let description = format!(
        "room {room}, {} listeners and {} publishers, {} messages/s for {} s, {} hubs, {}",
        grouped(u64::from(options.subscribers)),
        options.publishers,
        options.rate,
        options.seconds,
        target.hubs.len(),
        world.encoding.subprotocol(),
    );
    let publishers = queues.len();
    let choose = Box::new(move |sequence| usize::try_from(sequence).unwrap_or(usize::MAX) % publishers);
    let listeners = vec![u64::from(options.subscribers)];
    Ok(Run { scenario: "room", description, world, members, senders: Senders { queues, choose }, listeners })
}
