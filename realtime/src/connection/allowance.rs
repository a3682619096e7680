//! How many commands may be sent (realtime.md §2): by a connection, and by a user over all their connections to this
//! node. Each is a bucket of a burst, refilled at a rate.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use base::id::UserId;
use config::Limits;

/// Refusals in a row after which the connection is closed with 3013.
const REFUSALS: u32 = 30;
/// Enough that two connections seldom wait for each other.
const SHARDS: usize = 16;

/// Tokens for commands.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn full(burst: u32) -> Self {
        Self { tokens: f64::from(burst), at: Instant::now() }
    }

    fn refill(&mut self, per_minute: u32, burst: u32, now: Instant) {
        let earned = now.duration_since(self.at).as_secs_f64() * f64::from(per_minute) / 60.0;
        self.at = now;
        self.tokens = (self.tokens + earned).min(f64::from(burst));
    }

    fn take(&mut self, per_minute: u32, burst: u32) -> bool {
        self.refill(per_minute, burst, Instant::now());
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

/// One connection's bucket.
#[derive(Debug)]
pub(crate) struct Allowance {
    bucket: Bucket,
    refused: u32,
}

/// What is to be done with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Run it.
    Run,
    /// Error 111.
    Refuse,
    /// Close with 3013.
    Close,
}

impl Allowance {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { bucket: Bucket::full(limits.command_burst), refused: 0 }
    }

    /// Takes one command's worth; `user` then takes the user's share of it.
    pub(crate) fn take(&mut self, limits: &Limits, user: impl FnOnce() -> bool) -> Verdict {
        if !limits.enabled {
            return Verdict::Run;
        }
        if self.bucket.take(limits.commands_per_minute, limits.command_burst) && user() {
            self.refused = 0;
            return Verdict::Run;
        }
        self.refused += 1;
        if self.refused > REFUSALS { Verdict::Close } else { Verdict::Refuse }
    }
}

/// The buckets of users who have sent commands lately. One that is full again is forgotten, so that a user who sends
/// nothing costs nothing.
#[derive(Debug)]
pub(crate) struct UserAllowances {
    shards: Box<[Mutex<HashMap<UserId, Bucket>>]>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl UserAllowances {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// Takes one command's worth of a user.
    pub(crate) fn take(&self, limits: &Limits, user_id: UserId) -> bool {
        let shard = usize::try_from(user_id % 16).ok().and_then(|index| self.shards.get(index));
        let Some(shard) = shard else { return true };
        lock(shard)
            .entry(user_id)
            .or_insert_with(|| Bucket::full(limits.user_command_burst))
            .take(limits.user_commands_per_minute, limits.user_command_burst)
    }

    /// Forgets the buckets that are full again.
    pub(crate) fn forget_full(&self, limits: &Limits) {
        let now = Instant::now();
        for shard in &self.shards {
            let mut buckets = lock(shard);
            buckets.retain(|_, bucket| {
                bucket.refill(limits.user_commands_per_minute, limits.user_command_burst, now);
                bucket.tokens < f64::from(limits.user_command_burst)
            });
            if buckets.capacity() > 1024 && buckets.len() < buckets.capacity() / 4 {
                buckets.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use config::Limits;

    use super::{Allowance, REFUSALS, UserAllowances, Verdict, lock};

    const LIMITS: Limits = Limits {
        enabled: true,
        commands_per_minute: 1,
        command_burst: 3,
        user_commands_per_minute: 60,
        user_command_burst: 5,
    };

    #[test]
    fn a_burst_then_refusals_then_the_end() {
        let mut allowance = Allowance::new(&LIMITS);
        for _ in 0..3 {
            assert_eq!(allowance.take(&LIMITS, || true), Verdict::Run);
        }
        for _ in 0..REFUSALS {
            assert_eq!(allowance.take(&LIMITS, || true), Verdict::Refuse);
        }
        assert_eq!(allowance.take(&LIMITS, || true), Verdict::Close);
        let off = Limits { enabled: false, ..LIMITS };
        assert_eq!(allowance.take(&off, || false), Verdict::Run);
    }

    #[test]
    fn a_users_connections_share_one_bucket_which_is_forgotten_when_it_is_full() {
        let users = UserAllowances::new();
        let mut connections = [(); 3].map(|()| Allowance::new(&LIMITS));
        let verdicts: Vec<_> =
            (0..6).map(|turn| connections[turn % 3].take(&LIMITS, || users.take(&LIMITS, 7))).collect();
        assert_eq!(verdicts[..5], [Verdict::Run; 5]);
        assert_eq!(verdicts[5], Verdict::Refuse, "though the third connection had one left");
        assert!(users.take(&LIMITS, 8), "another user is not concerned");
        let known = || users.shards.iter().map(|shard| lock(shard).len()).sum::<usize>();
        users.forget_full(&LIMITS);
        assert_eq!(known(), 2);
        for shard in &users.shards {
            for bucket in lock(shard).values_mut() {
                bucket.at = Instant::now().checked_sub(Duration::from_secs(30)).unwrap();
            }
        }
        users.forget_full(&LIMITS);
        assert_eq!(known(), 0);
    }
}
