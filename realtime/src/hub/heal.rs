//! Gaps: finding them on quiet channels, and reading what is missing from the stream (realtime.md §5).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bus::{BusError, HistoryQuery, Position};
use protocol::channel::Channel;
use tokio::time::{Instant, MissedTickBehavior};

use super::Hub;
use super::fanout::heard;
use super::registry::Entry;
use crate::metrics;

/// Of `settings.socket.quiet_check` (25 s): a channel is looked at if nothing came for the first share of it, and it is
/// looked for such channels after every second share of it. So none waits longer, the second's patience included.
const QUIET: f64 = 0.7;
const LOOK_EVERY: f64 = 0.2;
/// An event that the stream has may still be on its way through pub/sub.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// Channels asked for in one round trip.
const AT_ONCE: usize = 512;
/// Gaps healed at the same time.
pub(crate) const HEALING: usize = 32;
/// More missing events than that are not delivered but left to the clients to recover.
const MOST_MISSING: u32 = 1_200;
/// How long Redis may be away before the listeners are told to recover by themselves.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(500);
/// Gaps found within one healing that are followed up before the listeners are told to recover.
const ROUNDS: u32 = 10;

impl Hub {
    /// Heals a channel in the background.
    pub(crate) fn heal_soon(self: &Arc<Self>, entry: Arc<Entry>) {
        let hub = Arc::clone(self);
        self.tasks.spawn(async move { hub.heal(entry).await });
    }

    /// Reads what is missing in a channel and delivers it in order; where that cannot be done, tells the listeners to
    /// recover by themselves. Events that come in meanwhile wait.
    pub(crate) async fn heal(&self, entry: Arc<Entry>) {
        metrics::gap_found();
        let Ok(_turn) = self.healing.acquire().await else { return };
        for _ in 0..ROUNDS {
            let Some(known) = entry.lock().begin_healing() else {
                // Nobody has a position here yet, so nobody misses anything.
                entry.lock().give_up(entry.channel, &entry.name, None);
                return;
            };
            let found = match self.find_missing(&entry, &known).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(channel = %entry.name, %error, "a gap could not be healed");
                    metrics::gap("unavailable");
                    entry.lock().give_up(entry.channel, &entry.name, None);
                    return;
                }
            };
            let (missing, top) = found;
            let Some(missing) = missing else {
                tracing::warn!(channel = %entry.name, "a gap cannot be healed; listeners recover by themselves");
                metrics::gap("lost");
                let mut state = entry.lock();
                // Whoever has just recovered after another healing of the same gap must not do so again.
                if !state.is_settled_since(&known, &top) {
                    state.give_up(entry.channel, &entry.name, Some(top));
                }
                return;
            };
            let epoch = Arc::clone(&top.epoch);
            let missing = missing
                .into_iter()
                .filter_map(|(offset, payload)| {
                    heard(Some(Position { offset, epoch: Arc::clone(&epoch) }), payload)
                })
                .collect();
            let delivered = entry.lock().heal(entry.channel, &entry.name, missing, top);
            self.metrics.delivered(&delivered);
            if !delivered.gap {
                metrics::gap("healed");
                return;
            }
        }
        metrics::gap("lost");
        entry.lock().give_up(entry.channel, &entry.name, None);
    }

    /// The events after a position, and where the stream is; `None` for events that are not there any more. Asks
    /// again while Redis does not answer.
    async fn find_missing(
        &self,
        entry: &Entry,
        known: &Position,
    ) -> Result<(Option<Vec<(u64, bytes::Bytes)>>, Position), BusError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = if matches!(entry.channel, Channel::Presence(_)) {
                // The last value is all there is to know.
                let query = HistoryQuery { since: None, limit: 1, reverse: true };
                self.app
                    .bus
                    .history(&entry.name, &query)
                    .await
                    .map(|last| (Some(last.publications), last.top))
            } else {
                let recovered = self.app.bus.recover(&entry.name, known, MOST_MISSING).await;
                recovered.map(|found| (found.recovered.then_some(found.publications), found.top))
            };
            match answer {
                Err(error) if error.is_temporary() && Instant::now() < until => {
                    tokio::time::sleep(PAUSE).await;
                }
                answer => return answer,
            }
        }
    }

    /// After the link was away or events were dropped: looks at every channel, in the background. Several calls while
    /// one runs make one more run.
    pub(crate) fn catch_up(&self, why: &'static str) {
        tracing::info!(why, "positions of all channels are compared");
        self.compare_all.notify_one();
    }

    /// Compares channels with the tops of their streams, and heals those that are behind. With `patient`, an event
    /// gets a second to arrive.
    async fn compare(self: &Arc<Self>, entries: &[Arc<Entry>], patient: bool) -> Result<(), BusError> {
        for entries in entries.chunks(AT_ONCE) {
            let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_ref()).collect();
            let tops = self.app.bus.positions(&names).await?;
            let mut behind: Vec<(&Arc<Entry>, Position)> = entries
                .iter()
                .zip(tops)
                .filter(|(entry, top)| entry.lock().compare(entry.channel, top))
                .collect();
            if patient && !behind.is_empty() {
                tokio::time::sleep(ON_ITS_WAY).await;
                behind.retain(|(entry, top)| entry.lock().compare(entry.channel, top));
            }
            for (entry, _) in behind {
                self.heal_soon(Arc::clone(entry));
            }
        }
        Ok(())
    }
}

/// Looks after quiet channels, and after all of them when asked to, until the hub stops.
pub(crate) async fn watch(hub: Arc<Hub>) {
    let quiet_check = hub.settings.quiet_check.max(Duration::from_millis(100));
    let quiet = quiet_check.mul_f64(QUIET);
    let mut turn = tokio::time::interval(quiet_check.mul_f64(LOOK_EVERY));
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let everything = tokio::select! {
            () = hub.stopping.cancelled() => return,
            () = hub.compare_all.notified() => true,
            _ = turn.tick() => false,
        };
        let mut entries = hub.registry.all();
        entries.retain(|entry| {
            let state = entry.lock();
            entry.channel.recoverable()
                && !state.is_healing()
                && state.position.is_some()
                && (everything || state.checked.elapsed() >= quiet)
        });
        if let Err(error) = hub.compare(&entries, !everything).await {
            tracing::warn!(%error, "positions could not be compared");
            if everything {
                tokio::time::sleep(PAUSE).await;
                hub.compare_all.notify_one();
            }
        } else if everything && hub.was_deaf.swap(false, Ordering::AcqRel) {
            hub.in_doubt.notify_one();
        }
    }
}
