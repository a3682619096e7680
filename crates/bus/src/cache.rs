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

/// What the cache has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRead {
    /// The value, if it is there.
    pub value: Option<Bytes>,
    /// To be given to [`Bus::cache_fill`]. Never 0, never the same again after an invalidation or a flush.
    pub version: u64,
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
    /// version, so it may be asked for whatever a stranger names.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn cache_peek(&self, key: &str) -> Result<Option<Bytes>, BusError> {
        let mut command = redis::cmd("GET");
        command.arg(self.keys().cache(key, "value"));
        self.run_one("cache_peek", command).await
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
            command.arg(millis(VERSION_TTL));
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

    fn version_key(&self, key: &str) -> String {
        self.keys().cache(key, "version")
    }
}
