//! How many requests a token or an address may make (domain.md §2.5). Counted in Redis, so that all API processes
//! count together; by each process alone while Redis does not answer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bus::TokenBucket;

use crate::App;

/// A policy: so many requests a window, so many of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatePolicy {
    /// Its name in `RateLimit-Policy`.
    pub name: &'static str,
    /// Requests a window.
    pub quota: u32,
    /// The window in seconds, above 0.
    pub window_seconds: u32,
    /// Requests at once.
    pub burst: u32,
}

/// For whoever presents a good token, counted by token.
pub const DEFAULT: RatePolicy = RatePolicy { name: "default", quota: 300, window_seconds: 300, burst: 60 };
/// For everybody else, counted by address.
pub const GUEST: RatePolicy = RatePolicy { name: "guest", quota: 120, window_seconds: 60, burst: 120 };

/// What is left of a policy after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateState {
    /// The policy that was applied.
    pub policy: RatePolicy,
    /// May the request run?
    pub allowed: bool,
    /// Requests that could follow at once.
    pub remaining: u32,
    /// When not allowed: until one more may run.
    pub retry_after: Duration,
    /// Until the whole burst is there again.
    pub reset_after: Duration,
}

/// A request does not wait longer for its count.
const PATIENCE: Duration = Duration::from_millis(250);
/// Addresses and tokens that a process counts by itself, or remembers as refused, at most; beyond, it begins anew.
const MAX_LOCAL: usize = 10_000;

/// What a process remembers of rates: who has used his share up, and counters for the time without Redis.
#[derive(Debug, Default)]
pub struct RequestLimiter {
    local: Mutex<HashMap<String, LocalBucket>>,
    /// Until when there is nothing left, as of the last refusal.
    refused: Mutex<HashMap<String, (Instant, RateState)>>,
}

#[derive(Debug)]
struct LocalBucket {
    /// Thousandths of a request.
    milli: u64,
    at: Instant,
}

impl RequestLimiter {
    /// Takes one request from the share of `who` (a token's or an address's name). `None` where limits are
    /// switched off. Never fails: without Redis each process counts for itself.
    pub async fn take_request(&self, app: &App, policy: RatePolicy, who: &str) -> Option<RateState> {
        if !app.settings.limits.enabled {
            return None;
        }
        let bucket = bucket_of(policy, who);
        let refill_per_sec = f64::from(policy.quota) / f64::from(policy.window_seconds);
        let rule = TokenBucket { capacity: policy.burst, refill_per_sec };
        let state = match tokio::time::timeout(PATIENCE, app.bus.take(&bucket, 1, rule)).await {
            Ok(Ok(allowance)) => state(policy, allowance.allowed, allowance.remaining, allowance.retry_after),
            Ok(Err(_)) | Err(_) => {
                metrics::counter!("rate_limit_fallbacks_total").increment(1);
                self.take_local(policy, bucket.clone(), Instant::now())
            }
        };
        if !state.allowed {
            self.remember_refused(bucket, state, Instant::now());
        }
        Some(state)
    }

    /// Had `who` nothing left when he asked last, and has nothing come back since? Then the refusal, without asking
    /// anybody: for what is to be spared before it is known whose share counts.
    pub fn find_refused(&self, policy: RatePolicy, who: &str) -> Option<RateState> {
        if self.refused.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return None;
        }
        self.recall_refused(&bucket_of(policy, who), Instant::now())
    }

    fn remember_refused(&self, bucket: String, state: RateState, now: Instant) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= MAX_LOCAL {
            refused.retain(|_, (until, _)| *until > now);
            if refused.len() >= MAX_LOCAL {
                refused.clear();
            }
        }
        refused.insert(bucket, (now + state.retry_after, state));
    }

    fn recall_refused(&self, bucket: &str, now: Instant) -> Option<RateState> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let &(until, state) = refused.get(bucket)?;
        let retry_after = until.saturating_duration_since(now);
        if retry_after.is_zero() {
            refused.remove(bucket);
            return None;
        }
        Some(RateState { retry_after, ..state })
    }

    fn take_local(&self, policy: RatePolicy, bucket: String, now: Instant) -> RateState {
        let full = u64::from(policy.burst) * 1000;
        let mut buckets = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_LOCAL {
            buckets.clear();
        }
        let held = buckets.entry(bucket).or_insert(LocalBucket { milli: full, at: now });
        let elapsed = u64::try_from(now.saturating_duration_since(held.at).as_millis()).unwrap_or(u64::MAX);
        let back = elapsed.saturating_mul(u64::from(policy.quota)) / u64::from(policy.window_seconds.max(1));
        // Time that gave back less than a thousandth is not lost: the mark stays.
        if back > 0 {
            held.milli = held.milli.saturating_add(back).min(full);
            held.at = now;
        }
        let allowed = held.milli >= 1000;
        if allowed {
            held.milli -= 1000;
        }
        let missing = 1000_u64.saturating_sub(held.milli);
        let wait = missing * u64::from(policy.window_seconds) / u64::from(policy.quota.max(1));
        let retry_after = if allowed { Duration::ZERO } else { Duration::from_millis(wait.max(1)) };
        state(policy, allowed, u32::try_from(held.milli / 1000).unwrap_or(u32::MAX), retry_after)
    }
}

fn bucket_of(policy: RatePolicy, who: &str) -> String {
    format!("{}:{who}", policy.name)
}

fn state(policy: RatePolicy, allowed: bool, remaining: u32, retry_after: Duration) -> RateState {
    let used = u64::from(policy.burst.saturating_sub(remaining));
    let millis = used * 1000 * u64::from(policy.window_seconds) / u64::from(policy.quota.max(1));
    RateState { policy, allowed, remaining, retry_after, reset_after: Duration::from_millis(millis) }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{DEFAULT, RequestLimiter};

    #[test]
    fn without_redis_a_process_counts_by_itself() {
        let limiter = RequestLimiter::default();
        let start = Instant::now();
        let take = |after: u64| {
            limiter.take_local(DEFAULT, "default:t".to_owned(), start + Duration::from_millis(after))
        };
        for left in (0..60).rev() {
            let state = take(0);
            assert!(state.allowed);
            assert_eq!(state.remaining, left);
        }
        let refused = take(1);
        assert!(!refused.allowed);
        assert!(refused.retry_after > Duration::from_millis(900), "{:?}", refused.retry_after);
        assert!(!take(500).allowed);
        // One request a second comes back.
        assert!(take(1100).allowed);
        assert!(!take(1150).allowed);
    }

    #[test]
    fn a_refusal_is_remembered_until_something_comes_back() {
        let limiter = RequestLimiter::default();
        let start = Instant::now();
        let wait = Duration::from_millis(500);
        let refusal = super::state(DEFAULT, false, 0, wait);
        assert_eq!(limiter.recall_refused("default:t", start), None);
        limiter.remember_refused("default:t".to_owned(), refusal, start);
        let recalled = limiter.recall_refused("default:t", start + wait / 2).unwrap();
        assert_eq!((recalled.allowed, recalled.retry_after), (false, wait / 2));
        assert_eq!(limiter.recall_refused("default:u", start), None);
        assert_eq!(limiter.recall_refused("default:t", start + wait), None);
        for one in 0..30_000 {
            limiter.remember_refused(format!("default:{one}"), refusal, start);
        }
        assert!(limiter.refused.lock().unwrap().len() <= super::MAX_LOCAL);
    }
}
