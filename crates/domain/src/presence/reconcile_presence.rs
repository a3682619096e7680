//! Repairing presence after everything crashed, or after Redis was emptied (domain.md §4.2, realtime.md §6).

use std::time::Duration;

use base::CommonFault;
use base::id::UserId;

use super::record_presence::restore_last_seen;
use super::{announce_edges, record_presence};
use crate::App;
use crate::fault::{of_bus, of_store};

/// Rows compared in one round trip.
const PAGE: u32 = 500;
/// After Redis was emptied, all nodes that are alive have entered their users again when this has passed: a lease and a
/// renewal.
pub const SETTLED_AFTER: Duration = Duration::from_secs(13);
/// How often Redis may be emptied while we wait for that; the next turn comes anyway.
const PATIENCE: u32 = 3;

/// Makes `users.is_online` say what Redis says, and Redis know when users were last seen; gives how many rows were wrong.
/// A state that nobody was told of since Redis was emptied is announced, where the row says otherwise: those whose node
/// died with Redis are gone. Edges that were made and that nobody announced are not its business (`Bus::pending_edges`).
///
/// May wait for [`SETTLED_AFTER`], since Redis, while it is new, does not know yet who is online.
///
/// # Errors
/// [`CommonFault::Unavailable`].
pub async fn reconcile_presence(app: &App) -> Result<u64, CommonFault> {
    restore_last_seen(app).await?;
    let mut repaired = 0_u64;
    if is_settled(app).await? {
        let mut after = 0;
        loop {
            let mut conn = app.store.reader().await.map_err(of_store)?;
            let rows = store::presence::list_online(&mut conn, after, PAGE).await.map_err(of_store)?;
            drop(conn);
            let Some(&last) = rows.last() else { break };
            after = last;
            repaired = repaired.saturating_add(repair(app, &rows, true).await?);
        }
    }
    let mut cursor = None;
    loop {
        let page = app.bus.online_users_page(cursor).await.map_err(of_bus)?;
        let mut conn = app.store.reader().await.map_err(of_store)?;
        let rows = store::presence::list_offline_among(&mut conn, &page.user_ids).await;
        drop(conn);
        repaired = repaired.saturating_add(repair(app, &rows.map_err(of_store)?, false).await?);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    if repaired > 0 {
        tracing::warn!(repaired, "users.is_online was repaired");
    }
    Ok(repaired)
}

/// Waits until Redis knows who is online.
async fn is_settled(app: &App) -> Result<bool, CommonFault> {
    for _round in 0..PATIENCE {
        let age = app.bus.presence_age().await.map_err(of_bus)?;
        let Some(wait) = SETTLED_AFTER.checked_sub(age).filter(|wait| !wait.is_zero()) else {
            return Ok(true);
        };
        tokio::time::sleep(wait).await;
    }
    Ok(false)
}

/// Users whose rows say `written`: where Redis says otherwise, it is written, and announced if it never was.
async fn repair(app: &App, users: &[UserId], written: bool) -> Result<u64, CommonFault> {
    let truth = app.bus.online(users).await.map_err(of_bus)?;
    let wrong: Vec<UserId> =
        truth.iter().filter(|state| state.online != written).map(|state| state.user_id).collect();
    if wrong.is_empty() {
        return Ok(0);
    }
    let edges = app.bus.settle(&wrong).await.map_err(of_bus)?;
    announce_edges(app, edges).await?;
    record_presence(app, &wrong).await?;
    Ok(u64::try_from(wrong.len()).unwrap_or(u64::MAX))
}
