//! What administrators did, newest first.

use base::Time;
use base::paging::{Page, PageRequest};
use protocol::admin::{AuditEntry, AuditFilter};
use serde_json::Value;
use store::audit::AuditQuery;

use super::AdminError;
use crate::{Actor, App, access};

/// A page of the audit log, newest first.
///
/// # Errors
/// [`base::CommonFault::Forbidden`] without `audit.view`.
pub async fn list_audit_log(
    app: &App,
    actor: &Actor,
    filter: AuditFilter,
    page: PageRequest,
) -> Result<Page<AuditEntry>, AdminError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, "audit.view").await?;
    let which = AuditQuery {
        actor_id: filter.actor_id,
        action: filter.action.as_deref(),
        subject_type: filter.subject_type.as_deref(),
        subject_id: filter.subject_id,
        cursor: page.cursor.map(|cursor| cursor.id),
        forward: page.forward(),
        limit: page.fetch(),
    };
    let rows = store::audit::list_audits(&mut conn, which).await?;
    Ok(Page::from_rows(page, rows, |row| row.id).map(|row| AuditEntry {
        id: row.id,
        actor_id: row.actor_id,
        action: row.action,
        subject_type: row.subject_type,
        subject_id: row.subject_id,
        before: row.before.map_or(Value::Null, |json| json.0),
        after: row.after.map_or(Value::Null, |json| json.0),
        created_at: Time::from(row.created_at),
    }))
}
