//! Repairing `users.is_online` after everything crashed (domain.md §4.2).

use base::CommonFault;
use base::id::UserId;

use crate::App;
use crate::fault::{of_bus, of_store};

/// Rows compared in one round trip.
const PAGE: u32 = 500;
/// How often a row that was just written is compared again, since an edge may have been written meanwhile.
const ROUNDS: u32 = 3;

/// Makes `users.is_online` say what Redis says; gives how many rows were wrong. Single-row autocommit statements,
/// a page at a time. Edges that nobody announced are not its business (`Bus::pending_edges`).
///
/// # Errors
/// [`CommonFault::Unavailable`].
pub async fn reconcile_presence(app: &App) -> Result<u64, CommonFault> {
    let mut repaired = 0_u64;
    let mut after = 0;
    loop {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        let rows = store::presence::list_online(&mut conn, after, PAGE).await.map_err(of_store)?;
        drop(conn);
        let Some(&last) = rows.last() else { break };
        after = last;
        repaired = repaired.saturating_add(repair(app, rows, true).await?);
    }
    let mut cursor = None;
    loop {
        let page = app.bus.online_users_page(cursor).await.map_err(of_bus)?;
        let mut conn = app.store.reader().await.map_err(of_store)?;
        let rows = store::presence::list_offline_among(&mut conn, &page.user_ids).await;
        drop(conn);
        repaired = repaired.saturating_add(repair(app, rows.map_err(of_store)?, false).await?);
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

/// Users whose rows say `written`: writes those of which Redis says otherwise, and looks again.
async fn repair(app: &App, users: Vec<UserId>, written: bool) -> Result<u64, CommonFault> {
    let mut repaired = 0_u64;
    let mut suspects: Vec<(UserId, bool)> = users.into_iter().map(|id| (id, written)).collect();
    for _round in 0..ROUNDS {
        if suspects.is_empty() {
            break;
        }
        let ids: Vec<UserId> = suspects.iter().map(|suspect| suspect.0).collect();
        let truth = app.bus.online(&ids).await.map_err(of_bus)?;
        let wrong: Vec<(UserId, bool)> = suspects
            .iter()
            .zip(truth)
            .filter(|(suspect, truth)| suspect.1 != truth.online)
            .map(|(suspect, truth)| (suspect.0, truth.online))
            .collect();
        let mut conn = app.store.reader().await.map_err(of_store)?;
        for &(user_id, online) in &wrong {
            store::presence::update_is_online(&mut conn, user_id, online).await.map_err(of_store)?;
            repaired = repaired.saturating_add(1);
        }
        suspects = wrong;
    }
    Ok(repaired)
}
