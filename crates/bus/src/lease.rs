//! "At most once in a while" and "one node only".

use std::time::Duration;

use crate::error::BusError;
use crate::reply::{millis, read};
use crate::{Bus, script};

impl Bus {
    /// Sets a mark that goes away after `ttl`; `false` if it was there already (typing at most once in 3 s,
    /// `last_used_at` written at most once a minute …).
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn set_ephemeral(&self, key: &str, ttl: Duration) -> Result<bool, BusError> {
        let mut command = redis::cmd("SET");
        command.arg(self.keys().ephemeral(key)).arg(1).arg("NX").arg("PX").arg(millis(ttl));
        let answer: Option<String> = self.run_one("set_ephemeral", command).await?;
        Ok(answer.is_some())
    }

    /// Which of these marks are set, in their order.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn has_ephemeral(&self, keys: &[&str]) -> Result<Vec<bool>, BusError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let commands = keys.iter().map(|key| {
            let mut command = redis::cmd("EXISTS");
            command.arg(self.keys().ephemeral(key));
            command
        });
        let answers = self.run("has_ephemeral", commands.collect()).await?;
        answers.into_iter().map(|answer| read("has_ephemeral", answer)).collect()
    }

    /// Takes or renews a named lease for this node; `true` while it is the one that has it. The lease only
    /// spares work: what must not happen twice has to be guarded where it happens.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn lease(&self, name: &str, ttl: Duration) -> Result<bool, BusError> {
        let key = self.keys().lease(name);
        let mut command = script::LEASE.call(&[&key]);
        command.arg(self.node_id()).arg(millis(ttl));
        self.run_one("lease", command).await
    }

    /// Gives a lease back early; `false` if it was not this node's.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn release_lease(&self, name: &str) -> Result<bool, BusError> {
        let key = self.keys().lease(name);
        let mut command = script::LEASE_RELEASE.call(&[&key]);
        command.arg(self.node_id());
        self.run_one("release_lease", command).await
    }
}
