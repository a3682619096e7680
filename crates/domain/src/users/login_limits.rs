//! How often a password may be guessed (domain.md §2.5): failures are counted, successes are not, so that neither
//! people behind one address nor load tests are locked out. While Redis does not answer nothing is counted: people
//! who know their password get in.
//!
//! Buckets are named with a generation, the version of a cache entry: to forget them, the entry is made stale.

use std::time::Duration;

use base::{CommonFault, Time};
use bus::{BusError, TokenBucket};
use serde::{Deserialize, Serialize};

use super::session::sha256_hex;
use super::{ClientContext, UserError};
use crate::App;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
/// Of one login from one address: 5 a minute, then a lock.
const PAIR: TokenBucket = TokenBucket { capacity: 5, refill_per_sec: 5.0 / MINUTE };
/// Of one account: 20 an hour.
const ACCOUNT: TokenBucket = TokenBucket { capacity: 20, refill_per_sec: 20.0 / HOUR };
/// Of one address: 50 an hour.
const ADDRESS: TokenBucket = TokenBucket { capacity: 50, refill_per_sec: 50.0 / HOUR };
/// Registrations from one address: 5 in half an hour.
const REGISTRATIONS: TokenBucket = TokenBucket { capacity: 5, refill_per_sec: 10.0 / HOUR };
/// Mails asked for from one address: 20 an hour.
const MAILS: TokenBucket = TokenBucket { capacity: 20, refill_per_sec: 20.0 / HOUR };
/// Links to confirm an address: one a minute.
const VERIFICATIONS: TokenBucket = TokenBucket { capacity: 1, refill_per_sec: 1.0 / MINUTE };
/// The longest lock.
const MAX_LOCK_MINUTES: u32 = 15;
/// Locks of the last hour make the next one longer.
const LOCKS_REMEMBERED: Duration = Duration::from_secs(3_600);

/// A lock of one login from one address.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Lock {
    /// How many there were.
    count: u32,
    /// Until when, Unix milliseconds.
    until: i64,
}

/// The counters of one attempt to sign in.
pub(super) struct LoginAttempt {
    pair: String,
    account: String,
    address: Option<String>,
    /// Generations of the first two and the lock; `None` while nothing is counted.
    known: Option<Known>,
}

struct Known {
    pair_generation: u64,
    account_generation: u64,
    lock: Lock,
}

impl LoginAttempt {
    /// Looks at the counters. `account` names the account that the login belongs to, or the login itself where it
    /// belongs to none.
    ///
    /// # Errors
    /// [`UserError::AccountLocked`] or [`CommonFault::RateLimited`] with the time to wait.
    pub(super) async fn begin(
        app: &App,
        client: &ClientContext,
        login: &str,
        account: &str,
    ) -> Result<Self, UserError> {
        let address = client.ip_text();
        let pair =
            format!("{}:{}", sha256_hex(&login.to_lowercase()), address.as_deref().unwrap_or("unknown"));
        let mut attempt = Self {
            pair: format!("login:{pair}"),
            account: format!("login-account:{}", sha256_hex(account)),
            address: address.map(|ip| format!("login-address:{ip}")),
            known: None,
        };
        if !app.settings.limits.enabled {
            return Ok(attempt);
        }
        match attempt.look(app).await {
            Ok(None) => Ok(attempt),
            Ok(Some(refusal)) => Err(refusal),
            Err(error) => {
                tracing::warn!(%error, "attempts to sign in are not counted");
                attempt.known = None;
                Ok(attempt)
            }
        }
    }

    async fn look(&mut self, app: &App) -> Result<Option<UserError>, BusError> {
        let mut reads = app.bus.cache_get_many(&[&self.pair, &self.account]).await?.into_iter();
        let (Some(pair), Some(account)) = (reads.next(), reads.next()) else { return Ok(None) };
        let lock: Lock = pair.value.and_then(|value| serde_json::from_slice(&value).ok()).unwrap_or_default();
        let wait = lock.until.saturating_sub(Time::now().unix_millis());
        if let Ok(wait @ 1..) = u64::try_from(wait) {
            return Ok(Some(UserError::AccountLocked(Duration::from_millis(wait))));
        }
        self.known = Some(Known { pair_generation: pair.version, account_generation: account.version, lock });
        if let Some(wait) = empty(app, &format!("{}:{}", self.account, account.version), ACCOUNT).await? {
            return Ok(Some(UserError::AccountLocked(wait)));
        }
        if let Some(address) = &self.address
            && let Some(wait) = empty(app, address, ADDRESS).await?
        {
            return Ok(Some(CommonFault::RateLimited(wait).into()));
        }
        Ok(None)
    }

    /// The password was wrong, or there is no such account.
    pub(super) async fn failed(self, app: &App) {
        let Some(known) = &self.known else { return };
        let counting = async {
            app.bus.take(&format!("{}:{}", self.account, known.account_generation), 1, ACCOUNT).await?;
            if let Some(address) = &self.address {
                app.bus.take(address, 1, ADDRESS).await?;
            }
            let pair = app.bus.take(&format!("{}:{}", self.pair, known.pair_generation), 1, PAIR).await?;
            if pair.remaining == 0 {
                let count = known.lock.count.saturating_add(1);
                let until = Time::now().plus_seconds(lock_minutes(count).saturating_mul(60)).unix_millis();
                let lock = serde_json::to_vec(&Lock { count, until })
                    .map_err(|error| BusError::Corrupt(error.to_string()))?;
                app.bus.cache_fill(&self.pair, known.pair_generation, &lock, LOCKS_REMEMBERED).await?;
            }
            Ok::<(), BusError>(())
        };
        if let Err(error) = counting.await {
            tracing::warn!(%error, "a failed attempt to sign in was not counted");
        }
    }

    /// The password was right: what was counted against login and account is forgotten.
    pub(super) async fn succeeded(self, app: &App) {
        if self.known.is_none() {
            return;
        }
        if let Err(error) = app.bus.cache_invalidate(&[&self.pair, &self.account]).await {
            tracing::warn!(%error, "failed attempts to sign in are not forgotten");
        }
    }
}

/// How long until the bucket holds a token, if it holds none.
async fn empty(app: &App, bucket: &str, rule: TokenBucket) -> Result<Option<Duration>, BusError> {
    if app.bus.take(bucket, 0, rule).await?.remaining > 0 {
        return Ok(None);
    }
    let one = app.bus.take(bucket, 1, rule).await?;
    Ok((!one.allowed).then(|| one.retry_after.max(Duration::from_secs(1))))
}

/// 1, 2, 4, 8, 15, 15 … minutes.
fn lock_minutes(count: u32) -> i64 {
    let doubled = 1_u32.checked_shl(count.saturating_sub(1)).unwrap_or(MAX_LOCK_MINUTES);
    i64::from(doubled.clamp(1, MAX_LOCK_MINUTES))
}

/// Lets a registration pass, or says when the next may.
///
/// # Errors
/// [`CommonFault::RateLimited`].
pub(super) async fn admit_registration(app: &App, client: &ClientContext) -> Result<(), CommonFault> {
    let Some(ip) = client.ip_text() else { return Ok(()) };
    admit(app, &format!("register:{ip}"), REGISTRATIONS).await
}

/// Lets a mail be asked for from an address, or says when the next may (domain.md §2.5).
///
/// # Errors
/// [`CommonFault::RateLimited`].
pub(super) async fn admit_mail(app: &App, client: &ClientContext) -> Result<(), CommonFault> {
    let Some(ip) = client.ip_text() else { return Ok(()) };
    admit(app, &format!("mail:{ip}"), MAILS).await
}

/// Lets an account ask for a link to confirm its address, or says when it may again.
///
/// # Errors
/// [`CommonFault::RateLimited`].
pub(super) async fn admit_verification(app: &App, user_id: u64) -> Result<(), CommonFault> {
    admit(app, &format!("verification:{user_id}"), VERIFICATIONS).await
}

async fn admit(app: &App, bucket: &str, rule: TokenBucket) -> Result<(), CommonFault> {
    if !app.settings.limits.enabled {
        return Ok(());
    }
    match app.bus.take(bucket, 1, rule).await {
        Ok(allowance) if allowance.allowed => Ok(()),
        Ok(allowance) => Err(CommonFault::RateLimited(allowance.retry_after)),
        Err(error) => {
            tracing::warn!(%error, bucket, "what is limited is not counted");
            Ok(())
        }
    }
}

/// Whoever has shown by mail whose the account is, is not kept out by what others guessed (domain.md §9.4).
pub(super) async fn forget_account(app: &App, user_id: u64) {
    let bucket = format!("login-account:{}", sha256_hex(&user_id.to_string()));
    if let Err(error) = app.bus.cache_invalidate(&[&bucket]).await {
        tracing::warn!(%error, "failed attempts to sign in are not forgotten");
    }
}

#[cfg(test)]
mod tests {
    use super::lock_minutes;

    #[test]
    fn locks_double_up_to_a_quarter_of_an_hour() {
        let minutes: Vec<i64> = (1..=7).map(lock_minutes).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 15, 15, 15]);
        assert_eq!(lock_minutes(u32::MAX), 15);
    }
}
