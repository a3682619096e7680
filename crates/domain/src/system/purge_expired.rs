//! What nobody needs any more.

use base::{CommonFault, Time};

use crate::App;
use crate::fault::of_store;
use crate::idempotency::KEPT_HOURS;

/// Rows a statement: short locks.
const BATCH: u32 = 1_000;
/// Statements a table and call, so that a backlog is worked off over several calls.
const ROUNDS: u32 = 20;
/// Hours that published events are kept for whoever looks for a mistake.
const OUTBOX_HOURS: u32 = 24;
/// Seconds that ended tokens are kept, as `sanctum:prune-expired` does.
const TOKENS_KEPT: i64 = 24 * 3_600;

/// Seconds that events of payment providers are known for: longer than anybody repeats one.
const RECEIPTS_KEPT: i64 = 90 * 24 * 3_600;

/// Deletes answers of writes after 24 h, events published more than a day ago, tokens and sessions that ended a
/// day ago, used refresh tokens that could not be good any more, and revocations of what has ended by itself.
/// Gives how many rows went.
///
/// # Errors
/// Those of the store.
pub async fn purge_expired(app: &App) -> Result<u64, CommonFault> {
    let now = Time::now_in_seconds();
    let ended_before = now.plus_seconds(-TOKENS_KEPT).as_chrono();
    let refresh_ttl = i64::try_from(app.settings.auth.refresh_ttl.as_secs()).unwrap_or(i64::MAX);
    let used_before = now.plus_seconds(refresh_ttl.saturating_neg()).as_chrono();
    let mut gone = 0_u64;
    for step in Step::ALL {
        for _round in 0..ROUNDS {
            let mut conn = app.store.reader().await.map_err(of_store)?;
            let deleted = match step {
                Step::Answers => store::idempotency::delete_old_answers(&mut conn, KEPT_HOURS, BATCH).await,
                Step::Outbox => store::outbox::delete_published(&mut conn, OUTBOX_HOURS, BATCH).await,
                Step::Sessions => delete_ended_sessions(&mut conn, ended_before).await,
                Step::UsedTokens => {
                    store::tokens::delete_old_used_tokens(&mut conn, used_before, BATCH).await
                }
                Step::Tokens => store::tokens::delete_expired_tokens(&mut conn, ended_before, BATCH).await,
                Step::Mails => store::mails::delete_settled_mails(&mut conn, ended_before, BATCH).await,
                Step::Receipts => {
                    let before = now.plus_seconds(-RECEIPTS_KEPT).as_chrono();
                    store::wallet::delete_old_receipts(&mut conn, before, BATCH).await
                }
                Step::Revocations => {
                    store::revocations::delete_old_revocations(&mut conn, now.as_chrono(), BATCH).await
                }
            };
            let deleted = deleted.map_err(of_store)?;
            gone = gone.saturating_add(deleted);
            if deleted < u64::from(BATCH) {
                break;
            }
        }
    }
    Ok(gone)
}

#[derive(Clone, Copy)]
enum Step {
    Answers,
    Outbox,
    /// Before the tokens, which sessions refer to.
    Sessions,
    UsedTokens,
    Tokens,
    Revocations,
    /// Sent or given up a day ago.
    Mails,
    Receipts,
}

impl Step {
    const ALL: [Self; 8] = [
        Self::Answers,
        Self::Outbox,
        Self::Sessions,
        Self::UsedTokens,
        Self::Tokens,
        Self::Revocations,
        Self::Mails,
        Self::Receipts,
    ];
}

async fn delete_ended_sessions(
    conn: &mut store::Conn,
    ended_before: chrono::DateTime<chrono::Utc>,
) -> Result<u64, store::StoreError> {
    let ended = store::tokens::list_ended_sessions(conn, ended_before, BATCH).await?;
    let ids: Vec<&str> = ended.iter().map(String::as_str).collect();
    store::tokens::delete_sessions(conn, &ids).await?;
    Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
}
