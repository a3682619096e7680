//! Between whom there is a block, kept in Redis so that a wave of reconnects, which asks for the status of many, does
//! not reach MySQL (realtime.md §5). What is decided in a transaction asks MySQL.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use base::CommonFault;
use base::id::UserId;
use futures_util::future::join_all;

use crate::App;
use crate::fault::{of_bus, of_store};
use crate::unit::Unit;

/// How long an entry stays without being made stale by a write.
const KEPT: Duration = Duration::from_secs(600);
/// Longer lists are not kept: MySQL is asked for the pair instead.
const MOST: u32 = 2_000;
/// Of many users together so many rows are read at most; where there are more, each user is asked for alone.
const MOST_ROWS: u32 = 20_000;

/// All between whom and a user there is a block, whichever way; `None` for more than [`MOST`].
pub(crate) type Blocks = Option<Arc<HashSet<UserId>>>;

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
    let blocks = match app.bus.cache_peek(&blocks_key(user_id)).await {
        Ok(value) => value.and_then(|value| decode(&value)),
        Err(error) => {
            tracing::warn!(%error, "blocks are read from MySQL");
            None
        }
    };
    let blocks = match blocks {
        Some(blocks) => blocks,
        None => {
            // Together with all who are missed in Redis at that moment.
            let reader = app.clone();
            let read = app.block_reads.ask(user_id, move |ids| {
                let app = reader.clone();
                async move { read_all_blocks(&app, ids).await }
            });
            read.await?.unwrap_or_default()
        }
    };
    let blocked = match blocks {
        Some(all) => others.iter().copied().filter(|id| all.contains(id)).collect(),
        None => {
            let mut conn = app.store.reader().await.map_err(of_store)?;
            let blocked = store::social::list_blocked_among(&mut conn, user_id, others).await;
            blocked.map_err(of_store)?.into_iter().collect()
        }
    };
    Ok(blocked)
}

/// An entry of the cache: `null` says that the list is too long for one. `None` where it is none of ours.
fn decode(value: &[u8]) -> Option<Blocks> {
    let blocks: Option<Vec<UserId>> = serde_json::from_slice(value).ok()?;
    Some(blocks.map(|all| Arc::new(all.into_iter().collect())))
}

/// Reads the blocks of all who wait for them, and caches them. Redis is asked once more: a read that ended meanwhile may
/// have brought some.
async fn read_all_blocks(app: &App, ids: Vec<UserId>) -> Result<HashMap<UserId, Blocks>, CommonFault> {
    let keys: Vec<String> = ids.iter().map(|&id| blocks_key(id)).collect();
    let asked: Vec<&str> = keys.iter().map(String::as_str).collect();
    let cached = match app.bus.cache_get_many(&asked).await {
        Ok(cached) => cached.into_iter().map(Some).collect(),
        // Said already by those who ask.
        Err(_unavailable) => vec![None; ids.len()],
    };
    let (mut found, mut missing) = (HashMap::with_capacity(ids.len()), Vec::new());
    for ((id, key), cached) in ids.into_iter().zip(keys).zip(cached) {
        let (version, value) = cached.map_or((None, None), |read| (Some(read.version), read.value));
        match value.and_then(|value| decode(&value)) {
            Some(blocks) => drop(found.insert(id, blocks)),
            None => missing.push((id, key, version)),
        }
    }
    let ids: Vec<UserId> = missing.iter().map(|(id, ..)| *id).collect();
    let read = read_blocks(app, &ids).await?;
    let fills = missing.iter().filter_map(|(id, key, version)| {
        let (version, blocks) = ((*version)?, read.get(id)?);
        Some(async move {
            let value = serde_json::to_vec(&blocks.as_deref()).map_err(CommonFault::internal)?;
            app.bus.cache_fill(key, version, &value, KEPT).await.map_err(of_bus)
        })
    });
    for filled in join_all(fills).await {
        if let Err(error) = filled {
            tracing::warn!(%error, "the blocks of a user are not cached");
        }
    }
    found.extend(read);
    Ok(found)
}

/// All blocks of users, from MySQL.
async fn read_blocks(app: &App, ids: &[UserId]) -> Result<HashMap<UserId, Blocks>, CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let pairs = store::social::list_blocks_of(&mut conn, ids, MOST_ROWS).await.map_err(of_store)?;
    let mut all: HashMap<UserId, HashSet<UserId>> = ids.iter().map(|&id| (id, HashSet::new())).collect();
    if u32::try_from(pairs.len()).is_ok_and(|rows| rows < MOST_ROWS) {
        for (id, other) in pairs {
            all.entry(id).or_default().insert(other);
        }
    } else {
        for (id, blocks) in &mut all {
            let some = store::social::list_blocks(&mut conn, *id, MOST.saturating_add(1)).await;
            blocks.extend(some.map_err(of_store)?);
        }
    }
    let few = |blocks: &HashSet<UserId>| u32::try_from(blocks.len()).is_ok_and(|count| count <= MOST);
    Ok(all.into_iter().map(|(id, blocks)| (id, few(&blocks).then(|| Arc::new(blocks)))).collect())
}
