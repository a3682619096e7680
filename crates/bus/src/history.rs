//! Reading a channel's history: a page of it, or exactly what a listener missed.

use std::time::Duration;

use bytes::Bytes;
use redis::Value;

use crate::error::BusError;
use crate::publish::{Position, new_epoch};
use crate::reply::{millis, read};
use crate::{Bus, script};

/// How long a channel that was only looked at keeps the epoch it was given; looking again renews it.
const META_LEAST: Duration = Duration::from_secs(24 * 3_600);

/// Which part of a history to read.
#[derive(Debug, Clone, Default)]
pub struct HistoryQuery {
    /// Only events after this offset (before it, if `reverse`). The epoch is not compared: compare
    /// [`History::top`] with it.
    pub since: Option<Position>,
    /// At most so many; 0 reads the position alone.
    pub limit: u32,
    /// Newest first.
    pub reverse: bool,
}

/// A part of a channel's history together with the position it had at that instant.
#[derive(Debug, Clone)]
pub struct History {
    /// Offset and payload of each event, in the order asked for.
    pub publications: Vec<(u64, Bytes)>,
    /// Position of the newest event.
    pub top: Position,
}

/// What a listener missed.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// Every event after the listener's position in order, or none at all.
    pub publications: Vec<(u64, Bytes)>,
    /// Position of the newest event.
    pub top: Position,
    /// Whether nothing is missing.
    pub recovered: bool,
}

impl Bus {
    /// Reads events and position of a channel at one instant. A channel that was never used gets its epoch
    /// here, so that the position holds until the first event.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn history(&self, channel: &str, query: &HistoryQuery) -> Result<History, BusError> {
        let command = self.history_command(channel, query);
        let answer = self.run_one("history", command).await?;
        read_history(answer)
    }

    /// The positions of many channels in one round trip, for the check of quiet channels (realtime.md §5).
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn positions(&self, channels: &[&str]) -> Result<Vec<Position>, BusError> {
        let query = HistoryQuery::default();
        let commands = channels.iter().map(|channel| self.history_command(channel, &query)).collect();
        let answers = self.run("positions", commands).await?;
        answers.into_iter().map(|answer| Ok(read_history(answer)?.top)).collect()
    }

    /// Reads every event after `since`, if the history still has all of them and they are at most `limit`;
    /// otherwise none, with `recovered: false`. Never a part (realtime.md §5).
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn recover(&self, channel: &str, since: &Position, limit: u32) -> Result<Recovered, BusError> {
        let meta = self.keys().of_channel(channel, "meta");
        let stream = self.keys().of_channel(channel, "stream");
        let mut command = script::RECOVER.call(&[&meta, &stream]);
        command
            .arg(new_epoch())
            .arg(millis(META_LEAST))
            .arg(since.epoch.as_ref())
            .arg(since.offset)
            .arg(limit);
        let (offset, epoch, entries, complete): (u64, String, Vec<Value>, bool) =
            self.run_one("recover", command).await?;
        let publications = read_entries(entries)?;
        let contiguous =
            publications.iter().zip(since.offset.saturating_add(1)..).all(|(entry, want)| entry.0 == want);
        let recovered = complete && contiguous;
        metrics::counter!("bus_recover_total", "recovered" => if recovered { "yes" } else { "no" })
            .increment(1);
        Ok(Recovered {
            publications: if recovered { publications } else { Vec::new() },
            top: Position::new(offset, epoch),
            recovered,
        })
    }

    fn history_command(&self, channel: &str, query: &HistoryQuery) -> redis::Cmd {
        let meta = self.keys().of_channel(channel, "meta");
        let stream = self.keys().of_channel(channel, "stream");
        let (low, high) = match (&query.since, query.reverse) {
            (None, _) => ("-".to_owned(), "+".to_owned()),
            (Some(since), false) => (format!("{}-0", since.offset.saturating_add(1)), "+".to_owned()),
            (Some(since), true) => ("-".to_owned(), format!("({}-0", since.offset)),
        };
        let mut command = script::HISTORY.call(&[&meta, &stream]);
        command
            .arg(new_epoch())
            .arg(millis(META_LEAST))
            .arg(low)
            .arg(high)
            .arg(query.limit)
            .arg(u8::from(query.reverse));
        command
    }
}

fn read_history(answer: Value) -> Result<History, BusError> {
    let (offset, epoch, entries): (u64, String, Vec<Value>) = read("history", answer)?;
    Ok(History { publications: read_entries(entries)?, top: Position::new(offset, epoch) })
}

/// Stream entries `[id, [field, payload]]` with ids `offset-0`.
fn read_entries(entries: Vec<Value>) -> Result<Vec<(u64, Bytes)>, BusError> {
    let mut publications = Vec::with_capacity(entries.len());
    for entry in entries {
        let (id, (_field, payload)): (String, (String, Bytes)) = read("history entry", entry)?;
        let offset = id
            .split_once('-')
            .and_then(|(offset, _)| offset.parse().ok())
            .ok_or_else(|| BusError::Corrupt(format!("history entry with id {id}")))?;
        publications.push((offset, payload));
    }
    Ok(publications)
}
