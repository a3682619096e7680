//! The processes of the platform.

use protocol::admin::Node;

use super::AdminError;
use crate::{Actor, App, access};

/// The API and hub processes that told of themselves within the last seconds.
///
/// # Errors
/// [`base::CommonFault::Forbidden`] without `queues.view`; [`base::CommonFault::Unavailable`] without Redis.
pub async fn list_nodes(app: &App, actor: &Actor) -> Result<Vec<Node>, AdminError> {
    actor.require("read")?;
    {
        let mut conn = app.store.reader().await?;
        access::require_permission(&mut conn, actor, "queues.view").await?;
    }
    let lines = app.bus.nodes().await?;
    let views = lines.into_iter().map(|line| {
        let hub = line.report.hub;
        Node {
            node: line.node,
            service: line.report.service,
            version: line.report.version,
            seen_ms_ago: line.seen_ms_ago,
            connections: hub.as_ref().map(|hub| hub.connections),
            users: hub.as_ref().map(|hub| hub.users),
            channels: hub.as_ref().map(|hub| hub.channels),
            draining: hub.as_ref().map(|hub| hub.draining),
        }
    });
    Ok(views.collect())
}
