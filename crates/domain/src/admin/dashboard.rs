//! How the platform does, in numbers.

use base::{Money, Time};
use chrono::TimeDelta;
use protocol::admin::Dashboard;

use super::AdminError;
use crate::{Actor, App, access};

/// Numbers for the first page of administrators.
///
/// # Errors
/// [`base::CommonFault::Forbidden`] without `audit.view`.
pub async fn find_dashboard(app: &App, actor: &Actor) -> Result<Dashboard, AdminError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, "audit.view").await?;
    let since = Time::now_in_seconds().as_chrono() - TimeDelta::days(7);
    let row = store::admin::find_dashboard(&mut conn, since).await?;
    drop(conn);
    let online_users = match app.bus.nodes().await {
        Ok(nodes) => {
            Some(nodes.iter().filter_map(|node| node.report.hub.as_ref().map(|hub| hub.users)).sum())
        }
        Err(error) => {
            tracing::warn!(%error, "the dashboard does not know who is online");
            None
        }
    };
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    Ok(Dashboard {
        users: count(row.users),
        new_users: count(row.new_users),
        online_users,
        courses: count(row.courses),
        books: count(row.books),
        active_rooms: count(row.active_rooms),
        upcoming_bookings: count(row.upcoming_bookings),
        open_reports: count(row.open_reports),
        pending_withdrawals: count(row.pending_withdrawals),
        wallets_balance: row.wallets_balance.unwrap_or(Money::ZERO),
    })
}
