//! A cache that writes keep true (realtime.md §5): each entry has a version; a reader fills it only if the
//! version is still the one seen before the reader asked the database, so a slow reader cannot put back what a
//! writer has just made stale.

use std::time::Duration;

use bytes::Bytes;

use crate::error::BusError;
use crate::reply::{millis, read};
use crate::{Bus, script};

/// How long a version outlives its last use. A reader slower than this does not get to fill.
const VERSION_TTL: Duration = Duration::from_secs(3_600);
/// How long the version of an entry that is not there waits for a reader to fill it. Anybody can ask for what does not
/// exist, so it must not stay for long.
const READING_TTL: Duration = Duration::from_secs(60);

/// What the cache has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRead {
    /// The value, if it is there.
    pub value: Option<Bytes>,
    /// To be given to [`Bus::cache_fill`]. Never 0, never the same again after an invalidation or a flush.
    pub version: u64,
}

/// The part of a cached value that writes renew in place; the whole value is `number`, `text` and the rest, each on a
/// line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheHead {
    /// Grows with each change of the head.
    pub number: u64,
    /// One line.
    pub text: String,
}

impl CacheHead {
    /// The value of an entry with this head.
    #[must_use]
    pub fn before(&self, rest: &[u8]) -> Vec<u8> {
        let mut value = format!("{}\n{}\n", self.number, self.text).into_bytes();
        value.extend_from_slice(rest);
        value
    }

    /// Takes a value apart; `None` for one without a head.
    #[must_use]
    pub fn split(value: &[u8]) -> Option<(Self, &[u8])> {
        let mut lines = value.splitn(3, |byte| *byte == b'\n');
        let number = std::str::from_utf8(lines.next()?).ok()?.parse().ok()?;
        let text = std::str::from_utf8(lines.next()?).ok()?.to_owned();
        Some((Self { number, text }, lines.next()?))
    }
}

impl Bus {
    /// Reads an entry.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn cache_get(&self, key: &str) -> Result<CacheRead, BusError> {
        let mut all = self.cache_get_many(&[key]).await?;
        all.pop().ok_or_else(|| BusError::Corrupt("cache_get: no answer".into()))
    }

    /// Reads an entry that the caller will not fill: `None` where there is none. Leaves nothing in Redis, not even a
    /// version, so it may be asked for whatever a stranger names; and costs Redis a fifth of [`Bus::cache_get`].
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn cache_peek(&self, key: &str) -> Result<Option<Bytes>, BusError> {
        let mut all = self.cache_peek_many(&[key]).await?;
        all.pop().ok_or_else(|| BusError::Corrupt("cache_peek: no answer".into()))
    }

    /// As [`Bus::cache_peek`], of many entries in one round trip, in their order.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn cache_peek_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, BusError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let commands = keys.iter().map(|key| {
            let mut command = redis::cmd("GET");
            command.arg(self.keys().cache(key, "value"));
            command
        });
        let answers = self.run("cache_peek", commands.collect()).await?;
        answers.into_iter().map(|answer| read("cache_peek", answer)).collect()
    }

    /// Reads many entries in one round trip, in their order.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn cache_get_many(&self, keys: &[&str]) -> Result<Vec<CacheRead>, BusError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let commands = keys.iter().map(|key| {
            let mut command =
                script::CACHE_GET.call(&[&self.keys().cache(key, "value"), &self.version_key(key)]);
            command.arg(millis(READING_TTL));
            command
        });
        let answers = self.run("cache_get", commands.collect()).await?;
        answers
            .into_iter()
            .map(|answer| {
                let (version, value) = read("cache_get", answer)?;
                Ok(CacheRead { value, version })
            })
            .collect()
    }

    /// Stores a value for `ttl` if nobody invalidated the entry since `version` was read; says whether it did.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn cache_fill(
        &self,
        key: &str,
        version: u64,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, BusError> {
        let mut command =
            script::CACHE_FILL.call(&[&self.keys().cache(key, "value"), &self.version_key(key)]);
        command.arg(version).arg(value).arg(millis(ttl)).arg(millis(VERSION_TTL.max(ttl)));
        self.run_one("cache_fill", command).await
    }

    /// Throws entries away and makes every read before this unable to fill them. To be called after the commit.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: the old value may stay until its time is up.
    pub async fn cache_invalidate(&self, keys: &[&str]) -> Result<(), BusError> {
        if keys.is_empty() {
            return Ok(());
        }
        let commands = keys.iter().map(|key| {
            let mut command =
                script::CACHE_INVALIDATE.call(&[&self.keys().cache(key, "value"), &self.version_key(key)]);
            command.arg(millis(VERSION_TTL));
            command
        });
        self.run("cache_invalidate", commands.collect()).await.map(drop)
    }

    /// Renews the heads of entries in place, those that are there: of two heads the one with the greater number stays.
    /// To be called after the commit, instead of [`Bus::cache_invalidate`], where the new value is known: then a wave of
    /// readers does not have to ask the database (realtime.md §5).
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: the old value may stay until its time is up.
    pub async fn cache_renew(&self, heads: &[(&str, CacheHead)]) -> Result<(), BusError> {
        if heads.is_empty() {
            return Ok(());
        }
        let commands = heads.iter().map(|(key, head)| {
            let mut command =
                script::CACHE_RENEW.call(&[&self.keys().cache(key, "value"), &self.version_key(key)]);
            command.arg(head.number).arg(&head.text).arg(millis(VERSION_TTL));
            command
        });
        self.run("cache_renew", commands.collect()).await.map(drop)
    }

    fn version_key(&self, key: &str) -> String {
        self.keys().cache(key, "version")
    }
}
