//! How often one may move money (domain.md §2.5 `money`).

use std::time::Duration;

use base::CommonFault;
use bus::TokenBucket;
use protocol::IdempotencyKey;

use crate::{Actor, App, idempotency};

/// Twenty a minute, and as many at once.
const LIMIT: TokenBucket = TokenBucket { capacity: 20, refill_per_sec: 20.0 / 60.0 };

/// Takes one movement of money from the actor's share. A repeat of what was done already costs nothing, so it is let
/// through even where the share is used up.
///
/// # Errors
/// [`CommonFault::RateLimited`].
pub(crate) async fn take_allowance(
    app: &App,
    actor: &Actor,
    operation: &'static str,
    key: &IdempotencyKey,
) -> Result<(), CommonFault> {
    if !app.settings.limits.enabled {
        return Ok(());
    }
    let wait = match app.bus.take(&format!("money:{}", actor.user_id()), 1, LIMIT).await {
        Ok(allowance) if allowance.allowed => return Ok(()),
        Ok(allowance) => allowance.retry_after.max(Duration::from_millis(1)),
        Err(error) => {
            // Redis counts, MySQL keeps: nobody is refused because nobody can count.
            tracing::warn!(%error, what = "money", "a rate limit could not be asked for");
            return Ok(());
        }
    };
    if idempotency::is_answered(app, actor, operation, key).await? {
        return Ok(());
    }
    Err(CommonFault::RateLimited(wait))
}
