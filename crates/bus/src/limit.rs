//! Token buckets in Redis, by its clock, so that all nodes count together.

use std::time::Duration;

use crate::error::BusError;
use crate::{Bus, script};

/// A bucket begins full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenBucket {
    /// Tokens it holds at most: the burst.
    pub capacity: u32,
    /// Tokens that come back each second; taken as at least 0.001.
    pub refill_per_sec: f64,
}

/// Whether one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The tokens were taken.
    pub allowed: bool,
    /// Whole tokens left.
    pub remaining: u32,
    /// If not allowed: when the same cost could be paid. Zero otherwise.
    pub retry_after: Duration,
}

impl Bus {
    /// Takes `cost` tokens out of a bucket if it holds so many. A cost above the capacity is never allowed.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: the caller decides whether to let pass.
    pub async fn take(&self, bucket: &str, cost: u32, rule: TokenBucket) -> Result<Allowance, BusError> {
        let key = self.keys().bucket(bucket);
        let mut command = script::TAKE.call(&[&key]);
        command.arg(cost).arg(rule.capacity).arg(rule.refill_per_sec.max(0.001));
        let (allowed, remaining, retry_ms) = self.run_one("take", command).await?;
        Ok(Allowance { allowed, remaining, retry_after: Duration::from_millis(retry_ms) })
    }
}
