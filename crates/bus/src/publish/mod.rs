//! Publishing: one Lua call orders, keeps and publishes (realtime.md §5).

mod plan;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::BusError;
use crate::reply::{millis, read};
use crate::server::Server;
use crate::{Bus, frame, script};

use self::plan::{Call, Run, plan};

/// The longest that events can be kept: Lua's numbers, and Redis's times, end somewhere.
const LONGEST_TTL: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// A place in a channel's history. Offsets count from 1 without holes; those of two epochs cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Number of the event; 0 before the first.
    pub offset: u64,
    /// Which life of the history the offset belongs to; a new one begins when Redis lost the
    /// old, was started again, or another server took over.
    pub epoch: Arc<str>,
}

impl Position {
    /// A position.
    #[must_use]
    pub fn new(offset: u64, epoch: impl Into<Arc<str>>) -> Self {
        Self { offset, epoch: epoch.into() }
    }
}

/// How much of a channel is kept for recovery. One channel must always be published to with the same policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryPolicy {
    /// At least so many of the newest events (up to some 100 more, above 200); 1 keeps the last value only.
    pub max_events: u32,
    /// How long after the newest event all of them are forgotten, or up to a thirty-second part later; at most 100 years.
    pub ttl: Duration,
}

/// One event to publish.
#[derive(Debug, Clone)]
pub struct Publish {
    /// The channel, e.g. `room:5`.
    pub channel: Arc<str>,
    /// JSON text.
    pub payload: Bytes,
    /// Kept for recovery by this policy, or only heard by those who listen now.
    pub history: Option<HistoryPolicy>,
}

impl Bus {
    /// Publishes all events of a commit in one round trip. The events of a channel keep their order; those of several
    /// channels are heard in any. The answer has a position for each event with history and `None` for the others.
    ///
    /// What several events of one channel, or several channels, have in common is done once a call: publish together what
    /// is known together.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: some, all or none may have been published; publishing all of them again is
    /// right, since listeners drop repeats by event id (realtime.md §4).
    pub async fn publish(&self, events: &[Publish]) -> Result<Vec<Option<Position>>, BusError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        // On a cluster every channel has a call of its own: two may be of two slots, and a slot may be moving.
        let calls = plan(events, matches!(self.inner.server, Server::One(_)));
        let commands: Vec<redis::Cmd> = calls.iter().map(|call| self.publish_command(call)).collect();
        let answers = self.inner.publishes.exec("publish", &commands).await?;
        metrics::counter!("bus_publish_total").increment(u64::try_from(events.len()).unwrap_or(u64::MAX));
        let mut positions = vec![None; events.len()];
        for (call, answer) in calls.iter().zip(answers) {
            let Call::Kept(runs) = call else { continue };
            let tops: Vec<(u64, String)> = read("publish", answer)?;
            for (run, (top, epoch)) in runs.iter().zip(tops) {
                let epoch: Arc<str> = epoch.into();
                for (place, offset) in run.places.iter().zip(top.saturating_add(1)..) {
                    if let Some(position) = positions.get_mut(*place) {
                        *position = Some(Position::new(offset, Arc::clone(&epoch)));
                    }
                }
            }
        }
        Ok(positions)
    }

    fn publish_command(&self, call: &Call<'_>) -> redis::Cmd {
        let word = self.inner.server.publish_word();
        match call {
            Call::Signals(run) => {
                let mut command = redis::cmd(word);
                command.arg(self.keys().channel(run.channel)).arg(frame::of_signals(&run.events));
                command
            }
            Call::Kept(runs) => {
                let keys: Vec<String> = runs
                    .iter()
                    .flat_map(|run| ["meta", "stream"].map(|part| self.keys().of_channel(run.channel, part)))
                    .collect();
                let mut command = script::PUBLISH.call_for_all(&keys);
                command.arg(new_epoch()).arg(word);
                for run in runs {
                    self.add_run(&mut command, run);
                }
                command
            }
        }
    }

    fn add_run(&self, command: &mut redis::Cmd, run: &Run<'_>) {
        let policy = run.history.unwrap_or(HistoryPolicy { max_events: 1, ttl: Duration::ZERO });
        command
            .arg(self.keys().channel(run.channel))
            .arg(run.events.len())
            .arg(policy.max_events.max(1))
            .arg(millis(policy.ttl.min(LONGEST_TTL)));
        if run.events.len() > 1 {
            command.arg(frame::lengths(&run.events));
        }
        for event in &run.events {
            command.arg(event.as_ref());
        }
    }
}

/// A name for a new life of a channel's history; used only if the channel has none.
pub(crate) fn new_epoch() -> String {
    format!("{:08x}", rand::random::<u32>())
}
