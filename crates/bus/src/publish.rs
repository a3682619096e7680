//! Publishing: one Lua call orders, keeps and publishes (realtime.md §5).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::BusError;
use crate::reply::{millis, read};
use crate::{Bus, script};

/// How much longer than its events a channel's epoch and offset live, so that an idle channel whose events
/// have run out still knows what was its last offset.
const META_BEYOND: Duration = Duration::from_secs(24 * 3_600);
/// From here on the stream is trimmed by whole blocks (some 100 events more are kept), which is cheaper.
const APPROXIMATE_FROM: u32 = 200;

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
    /// How long after the newest event all of them are forgotten.
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
    /// Publishes all events of a commit in one round trip, in their order. The answer has a position for each
    /// event with history and `None` for the others.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: some, all or none may have been published; publishing all of them again is
    /// right, since listeners drop repeats by event id (realtime.md §4).
    pub async fn publish(&self, events: &[Publish]) -> Result<Vec<Option<Position>>, BusError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let commands: Vec<redis::Cmd> = events.iter().map(|event| self.publish_command(event)).collect();
        let answers = self.inner.publishes.exec("publish", &commands).await?;
        metrics::counter!("bus_publish_total").increment(u64::try_from(events.len()).unwrap_or(u64::MAX));
        let mut positions = Vec::with_capacity(events.len());
        for (event, answer) in events.iter().zip(answers) {
            positions.push(match event.history {
                None => None,
                Some(_) => {
                    let (offset, epoch): (u64, String) = read("publish", answer)?;
                    Some(Position::new(offset, epoch))
                }
            });
        }
        Ok(positions)
    }

    fn publish_command(&self, event: &Publish) -> redis::Cmd {
        let channel = self.keys().channel(&event.channel);
        let Some(policy) = event.history else {
            let mut frame = Vec::with_capacity(event.payload.len().saturating_add(3));
            frame.extend_from_slice(b"0::");
            frame.extend_from_slice(&event.payload);
            let mut command = redis::cmd(self.inner.server.publish_word());
            command.arg(channel).arg(frame);
            return command;
        };
        let meta = self.keys().of_channel(&event.channel, "meta");
        let stream = self.keys().of_channel(&event.channel, "stream");
        let mut command = script::PUBLISH.call(&[&meta, &stream]);
        command
            .arg(new_epoch())
            .arg(event.payload.as_ref())
            .arg(channel)
            .arg(policy.max_events.max(1))
            .arg(millis(policy.ttl))
            .arg(millis(policy.ttl.saturating_add(META_BEYOND)))
            .arg(if policy.max_events < APPROXIMATE_FROM { "=" } else { "~" })
            .arg(self.inner.server.publish_word());
        command
    }
}

/// A name for a new life of a channel's history; used only if the channel has none.
pub(crate) fn new_epoch() -> String {
    format!("{:08x}", rand::random::<u32>())
}
