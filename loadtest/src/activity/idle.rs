//! `idle`: sockets that only hold on, each with its user's channel and one room: what a connection costs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::future::BoxFuture;
use protocol::channel::Channel;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::crowd::{Crowd, Senders, run_number};
use super::{Activity, Gauges, Plan, scaled};
use crate::ledger::Ledger;
use crate::listener::Listener;
use crate::member::{Ear, Member};
use crate::stack::Target;
use crate::stage::Stage;
use crate::stats::float;
use crate::stats::process::usage_of;
use crate::stats::report::{ActivityReport, Figure};
use crate::term::grouped;
use crate::world::World;

/// Its keys in a scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Sockets.
    pub(crate) users: u32,
    /// Rooms that they listen to, each socket to one; those that the installation lacks are opened for the test.
    pub(crate) rooms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { users: 5000, rooms: 1 }
    }
}

impl Plan for Settings {
    fn kind(&self) -> &'static str {
        "idle"
    }

    fn sockets(&self) -> u64 {
        u64::from(self.users)
    }

    fn scale(&mut self, factor: f64) {
        self.users = scaled(self.users, factor);
    }

    fn check(&self) -> Result<()> {
        super::within("users", f64::from(self.users), 1.0, 100_000.0)?;
        super::within("rooms", f64::from(self.rooms), 1.0, 1_000.0)
    }

    fn prepare<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Box<dyn Activity>>> {
        Box::pin(async move {
            let rooms = stage.rooms(usize::try_from(self.rooms)?).await?;
            let activity: Box<dyn Activity> = Box::new(assemble(self, stage, &rooms)?);
            Ok(activity)
        })
    }
}

/// The sockets in these rooms.
///
/// # Errors
/// There is nobody, or no room.
pub(crate) fn assemble(settings: &Settings, stage: &Stage, rooms: &[u64]) -> Result<Idle> {
    let logins = stage.shared().len();
    if logins == 0 {
        bail!("idle needs an account; give --login EMAIL:PASSWORD");
    }
    let world = Arc::new(World::new(stage, Ledger::new(0, 1, run_number()), 1.0));
    let hubs = world.hubs.len();
    let mut members = Vec::new();
    let mut of_hub = vec![0; hubs];
    for place in 0..usize::try_from(settings.users)? {
        let account = place % logins;
        let hub = (place + place / logins) % hubs;
        let id = world.accounts.get(account).context("there is no such account")?.id;
        let room = *rooms.get(place % rooms.len().max(1)).context("there is no room")?;
        let ears = [Channel::User(id), Channel::Room(room)]
            .map(|channel| Ear::new(channel, Listener::new(0, 0)))
            .into();
        members.push(Member::new(Arc::clone(&world), stage.next_socket(), (account, hub), ears, None));
        if let Some(count) = of_hub.get_mut(hub) {
            *count += 1;
        }
    }
    let description = format!(
        "{} sockets, each with its user's channel and one of {} rooms",
        grouped(u64::from(settings.users)),
        rooms.len()
    );
    let crowd = Crowd::new(("idle", description), world, members, Senders::none(), vec![0]);
    let watched = stage.alone.then(|| Arc::clone(&stage.target));
    Ok(Idle { crowd, watched, of_hub, before: Vec::new(), after: Vec::new(), online: 0 })
}

/// Sockets that hold on, and the hubs that hold them.
pub(crate) struct Idle {
    crowd: Crowd,
    /// Whose memory is measured: only where no other activity has sockets there.
    watched: Option<Arc<Target>>,
    /// Sockets by hub.
    of_hub: Vec<u32>,
    before: Vec<Resident>,
    after: Vec<Resident>,
    online: u64,
}

/// A process and its resident memory in bytes.
#[derive(Clone, Copy)]
struct Resident {
    pid: u32,
    bytes: u64,
}

impl Idle {
    fn measure(&self) -> Vec<Resident> {
        let pids = self.watched.as_ref().map(|target| target.hub_pids()).unwrap_or_default();
        pids.into_iter()
            .map(|pid| Resident { pid, bytes: usage_of(pid).map_or(0, |usage| usage.resident) })
            .collect()
    }

    /// KB a connection of every hub that lived through the test.
    fn figures(&self) -> Vec<Figure> {
        let both = self.before.iter().zip(&self.after).zip(&self.of_hub).zip(1..);
        both.filter(|(((before, after), sockets), _)| before.pid == after.pid && **sockets > 0)
            .map(|(((before, after), sockets), number)| Figure {
                name: format!("resident a connection, hub {number}"),
                value: float(after.bytes.saturating_sub(before.bytes)) / 1024.0 / f64::from(*sockets),
                unit: "KB".to_owned(),
            })
            .collect()
    }
}

impl Activity for Idle {
    fn kind(&self) -> &'static str {
        "idle"
    }

    fn sockets(&self) -> u64 {
        self.crowd.planned()
    }

    fn gauges(&self) -> Arc<Gauges> {
        self.crowd.gauges()
    }

    fn connect(&mut self, ramp: Duration) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.before = self.measure();
            self.crowd.open(ramp).await
        })
    }

    fn run(&mut self, until: CancellationToken) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            until.cancelled().await;
            self.after = self.measure();
            self.online = self.crowd.gauges().counters.online.get();
            Ok(())
        })
    }

    fn finish(self: Box<Self>, _settle: Duration) -> BoxFuture<'static, Result<ActivityReport>> {
        Box::pin(async move {
            let mut figures = self.figures();
            let (online, planned) = (self.online, self.crowd.planned());
            let gauges = self.crowd.gauges();
            figures.push(Figure {
                name: "pings answered".to_owned(),
                value: float(gauges.counters.pings.get()),
                unit: String::new(),
            });
            let mut report = self.crowd.close().await?;
            report.figures = figures;
            if online < planned {
                let gone = grouped(planned - online);
                report
                    .faults
                    .push(format!("{gone} of {} sockets were not connected at the end", grouped(planned)));
            }
            if report.reconnects > 0 {
                report.faults.push(format!("{} connections broke", grouped(report.reconnects)));
            }
            Ok(report)
        })
    }
}
