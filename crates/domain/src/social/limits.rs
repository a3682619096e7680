//! How often people may post, comment and report (domain.md §2.5).

use std::time::Duration;

use base::CommonFault;
use bus::TokenBucket;
use protocol::IdempotencyKey;

use crate::{Actor, App, idempotency};

/// What one costs: a bucket gives back at least a thousandth a second, which is too much for what is counted by the day.
const COST: u32 = 100;

/// A limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    name: &'static str,
    bucket: TokenBucket,
}

/// Posts and shares of one user: 30 in 10 minutes.
pub(super) const POSTS: Limit =
    Limit { name: "post", bucket: TokenBucket { capacity: 30 * COST, refill_per_sec: 3_000.0 / 600.0 } };
/// Comments of one user: 60 in 10 minutes.
pub(super) const COMMENTS: Limit =
    Limit { name: "comment", bucket: TokenBucket { capacity: 60 * COST, refill_per_sec: 6_000.0 / 600.0 } };
/// Reports of one user: 20 a day.
pub(super) const REPORTS: Limit =
    Limit { name: "report", bucket: TokenBucket { capacity: 20 * COST, refill_per_sec: 2_000.0 / 86_400.0 } };

/// Takes one out of the actor's allowance. A repeat of what was done already costs nothing in the end: it is let through
/// even where the allowance is used up.
///
/// # Errors
/// [`CommonFault::RateLimited`].
pub(super) async fn take(
    app: &App,
    actor: &Actor,
    limit: Limit,
    key: Option<(&'static str, &IdempotencyKey)>,
) -> Result<(), CommonFault> {
    if !app.settings.limits.enabled {
        return Ok(());
    }
    let wait = match app.bus.take(&format!("{}:{}", limit.name, actor.user_id()), COST, limit.bucket).await {
        Ok(allowance) if allowance.allowed => return Ok(()),
        Ok(allowance) => allowance.retry_after.max(Duration::from_millis(1)),
        Err(error) => {
            // Redis counts, MySQL keeps: nothing is refused because nobody can count it.
            tracing::warn!(%error, what = limit.name, "a rate limit could not be asked for");
            return Ok(());
        }
    };
    if let Some((operation, key)) = key
        && idempotency::is_answered(app, actor, operation, key).await?
    {
        return Ok(());
    }
    Err(CommonFault::RateLimited(wait))
}
