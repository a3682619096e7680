//! What a scenario is made of: activities, each with its own sockets, load and accounts, that run side by side.
//!
//! A new kind is a file here with
//! - `Settings`, read from its `[[activity]]` table (`#[serde(deny_unknown_fields, default)]`, so that an unknown key is
//!   refused by its name), which implements [`Plan`];
//! - an [`Activity`], which `Plan::prepare` makes from the settings and the [`Stage`];
//! - a line in [`plan`].

mod chat;
mod crowd;
mod gifts;
mod idle;
mod pace;
mod presence;
mod reconnect;
mod rest;
mod room;
mod socket;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use protocol::codec::{self, Encoding, Payload};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::stage::Stage;
use crate::stats::report::ActivityReport;
use crate::stats::{Counters, Latencies};

/// The kinds that there are.
pub(crate) const KINDS: &[&str] = &["idle", "chat", "room", "reconnect", "presence", "gifts", "rest"];

/// The settings of one activity, as its `[[activity]]` table has them.
pub(crate) trait Plan: Send + Sync {
    /// `chat`, `room` …
    fn kind(&self) -> &'static str;

    /// Sockets that it will hold. Clients that hold none (`rest`) do not count.
    fn sockets(&self) -> u64;

    /// Accounts that no other activity may use: somebody whose coming and going is watched must not be held online by
    /// others. They are given out by [`Stage::take_accounts`].
    fn own_accounts(&self) -> u32 {
        0
    }

    /// `--users` of a scenario with several activities: everything that grows with the number of people (users, rates) times
    /// `factor`; [`scaled`] does it for a count.
    fn scale(&mut self, factor: f64);

    /// One room's fan-out (listeners, messages a second), where the activity is that and nothing else: what `--baseline` has
    /// done by the bare server too.
    fn fan_out(&self) -> Option<(u32, f64)> {
        None
    }

    /// Are the values within bounds? [`within`] says what is not.
    ///
    /// # Errors
    /// A sentence that names the key.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Asks the installation for what is needed (pairs, rooms) and prepares the sockets, without opening them.
    ///
    /// # Errors
    /// The test cannot be run: one sentence.
    fn prepare<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Box<dyn Activity>>>;
}

/// One activity of a run. The calls come in this order, each once: `connect`, `run`, `finish`.
pub(crate) trait Activity: Send {
    /// `chat`, `room` …
    fn kind(&self) -> &'static str;

    /// Sockets that it will hold.
    fn sockets(&self) -> u64;

    /// Its live numbers.
    fn gauges(&self) -> Arc<Gauges>;

    /// Opens its sockets, spread over `ramp`; returns when all are ready (`counters.ready` says how many are). Takes one of
    /// [`Stage::connecting`] for each socket that is connecting.
    ///
    /// # Errors
    /// The test cannot be run: one sentence.
    fn connect(&mut self, ramp: Duration) -> BoxFuture<'_, Result<()>>;

    /// Makes its load until `until` is cancelled ([`Stage::seconds`] after the beginning, or earlier by Ctrl-C) or its own
    /// schedule ends. A faulty server is no error but a fault of the report.
    ///
    /// # Errors
    /// The test cannot be run any further: one sentence.
    fn run(&mut self, until: CancellationToken) -> BoxFuture<'_, Result<()>>;

    /// Waits for the last answers, at most for `settle` (`missing` of the gauges says how many), closes its sockets and
    /// settles the accounts.
    ///
    /// # Errors
    /// The accounts cannot be settled: one sentence.
    fn finish(self: Box<Self>, settle: Duration) -> BoxFuture<'static, Result<ActivityReport>>;
}

/// The live numbers of one activity, read by the progress line and the sampler.
pub(crate) struct Gauges {
    /// The counts.
    pub(crate) counters: Counters,
    /// The latencies.
    pub(crate) latencies: Latencies,
    /// The payload of one of the pushes that carry the activity's messages, as JSON; for the comparison with the bare server.
    pub(crate) sample: OnceLock<Bytes>,
    origin: Instant,
}

impl Gauges {
    /// All at nothing.
    pub(crate) fn new() -> Self {
        Self {
            counters: Counters::default(),
            latencies: Latencies::new(),
            sample: OnceLock::new(),
            origin: Instant::now(),
        }
    }

    /// Keeps a push as the sample.
    pub(crate) fn note_sample(&self, channel: &str, offset: u64, event: &Bytes) {
        let frame = Payload::from_json(event.clone())
            .ok()
            .and_then(|data| codec::encode_publication_push(Encoding::Json, channel, &data, offset).ok());
        if let Some(frame) = frame {
            let _first = self.sample.set(frame);
        }
    }

    /// A message became known to a client.
    pub(crate) fn note_delivery(&self) {
        self.counters.deliveries.up();
        let at = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.counters.last_delivery.raise_to(at);
    }

    /// When the last one did.
    pub(crate) fn last_delivery(&self) -> Option<Instant> {
        (self.counters.deliveries.get() > 0)
            .then(|| self.origin + Duration::from_micros(self.counters.last_delivery.get()))
    }

    /// The report's part that the gauges know; lost, gaps, order and the like are the activity's to fill in.
    pub(crate) fn report(&self, kind: &str, description: &str) -> ActivityReport {
        let counters = &self.counters;
        ActivityReport {
            kind: kind.to_owned(),
            description: description.to_owned(),
            sent: counters.sent.get(),
            acknowledged: counters.acknowledged.get(),
            refused: counters.refused.get(),
            sent_again: counters.sent_again.get(),
            deliveries: counters.deliveries.get(),
            duplicated: counters.written_twice.get(),
            reconnects: counters.reconnects.get(),
            recovered: counters.recovered.get(),
            not_recovered: counters.not_recovered.get(),
            ended: counters.ended.get(),
            latencies: self.latencies.all(),
            errors: counters.errors(),
            limited: counters.limited.load(std::sync::atomic::Ordering::Relaxed),
            ..ActivityReport::default()
        }
    }
}

/// Reads the settings of an activity of this kind.
///
/// # Errors
/// There is no such kind, or a key is unknown or has a wrong value.
pub(crate) fn plan(kind: &str, settings: toml::Table) -> Result<Box<dyn Plan>> {
    let plan: Box<dyn Plan> = match kind {
        "idle" => of::<idle::Settings>(settings)?,
        "chat" => of::<chat::Settings>(settings)?,
        "room" => of::<room::Settings>(settings)?,
        "reconnect" => of::<reconnect::Settings>(settings)?,
        "presence" => of::<presence::Settings>(settings)?,
        "gifts" => of::<gifts::Settings>(settings)?,
        "rest" => of::<rest::Settings>(settings)?,
        _ => bail!("there is no kind \"{kind}\"; there are {}", KINDS.join(", ")),
    };
    Ok(plan)
}

/// The settings of a kind.
fn of<S: Plan + DeserializeOwned + 'static>(settings: toml::Table) -> Result<Box<dyn Plan>> {
    Ok(Box::new(S::deserialize(toml::Value::Table(settings))?))
}

/// Refuses a value that is out of bounds by its key.
///
/// # Errors
/// A sentence that names the key and the bounds.
pub(crate) fn within(key: &str, value: f64, least: f64, most: f64) -> Result<()> {
    if !(least..=most).contains(&value) {
        bail!("{key} is {value}; it must be {least} to {most}");
    }
    Ok(())
}

/// A count times `factor`, rounded, and at least 1 where it was.
pub(crate) fn scaled(count: u32, factor: f64) -> u32 {
    // A duration is the safe way from a float to an integer.
    let whole = Duration::try_from_secs_f64((f64::from(count) * factor + 0.5).max(0.0));
    let whole = whole.map_or(u32::MAX, |whole| u32::try_from(whole.as_secs()).unwrap_or(u32::MAX));
    whole.max(u32::from(count > 0))
}
