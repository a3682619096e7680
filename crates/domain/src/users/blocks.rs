//! Between whom there is a block, kept in Redis so that a wave of reconnects, which asks for the status of many, does
//! not reach MySQL (realtime.md §5). What is decided in a transaction asks MySQL.

use std::collections::HashSet;
use std::time::Duration;

use base::CommonFault;
use base::id::UserId;

use crate::App;
use crate::fault::of_store;
use crate::unit::Unit;

/// How long an entry stays without being made stale by a write.
const KEPT: Duration = Duration::from_secs(600);
/// Longer lists are not kept: MySQL is asked for the pair instead.
const MOST: u32 = 2_000;

/// The key, in the cache, of the entry that has all those between whom and the user there is a block, whichever way.
#[must_use]
pub fn blocks_key(user_id: UserId) -> String {
    format!("blocks:{user_id}")
}

/// To be called by whoever makes a block or takes one away: the commit makes both entries stale.
pub fn forget_blocks(unit: &mut Unit, one: UserId, other: UserId) {
    unit.forget(blocks_key(one));
    unit.forget(blocks_key(other));
}

/// Those of `others` between whom and the user there is a block, whichever way. From Redis; without an entry, or
/// without Redis, from MySQL.
///
/// # Errors
/// [`CommonFault::Unavailable`] when MySQL, too, does not answer.
pub async fn find_blocked_among(
    app: &App,
    user_id: UserId,
    others: &[UserId],
) -> Result<HashSet<UserId>, CommonFault> {
    if others.is_empty() {
        return Ok(HashSet::new());
    }
    let key = blocks_key(user_id);
    let read = match app.bus.cache_get(&key).await {
        Ok(read) => Some(read),
        Err(error) => {
            tracing::warn!(%error, "blocks are read from MySQL");
            None
        }
    };
    let version = read.as_ref().map(|read| read.version);
    // `null` in the entry says that the list is too long for one.
    let cached = read.and_then(|read| read.value);
    let blocks = match cached.and_then(|value| serde_json::from_slice::<Option<Vec<UserId>>>(&value).ok()) {
        Some(blocks) => blocks,
        None => {
            let blocks = read_blocks(app, user_id).await?;
            if let Some(version) = version {
                let value = serde_json::to_vec(&blocks).map_err(CommonFault::internal)?;
                if let Err(error) = app.bus.cache_fill(&key, version, &value, KEPT).await {
                    tracing::warn!(%error, user_id, "the blocks of a user are not cached");
                }
            }
            blocks
        }
    };
    let blocked = match blocks {
        Some(all) => {
            let all: HashSet<UserId> = all.into_iter().collect();
            others.iter().copied().filter(|id| all.contains(id)).collect()
        }
        None => {
            let mut conn = app.store.reader().await.map_err(of_store)?;
            let blocked = store::social::list_blocked_among(&mut conn, user_id, others).await;
            blocked.map_err(of_store)?.into_iter().collect()
        }
    };
    Ok(blocked)
}

/// All of a user's blocks; `None` for more than [`MOST`].
async fn read_blocks(app: &App, user_id: UserId) -> Result<Option<Vec<UserId>>, CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let blocks = store::social::list_blocks(&mut conn, user_id, MOST.saturating_add(1)).await;
    let blocks = blocks.map_err(of_store)?;
    Ok((blocks.len() <= usize::try_from(MOST).unwrap_or(usize::MAX)).then_some(blocks))
}
