//! What administrators did (domain.md §4.3 `hub_audit_logs`): written in the transaction of the deed.

use base::id::UserId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::QueryBuilder;
use sqlx::types::Json;

use crate::{Conn, StoreError};

/// A deed to be remembered.
#[derive(Clone, Debug)]
pub struct NewAudit<'a> {
    /// Who did it.
    pub actor_id: UserId,
    /// The permission's or operation's name, such as `wallets.adjust`.
    pub action: &'a str,
    /// Short name of what it was done to, such as `user`.
    pub subject_type: &'a str,
    /// Its id.
    pub subject_id: u64,
    /// What was before.
    pub before: Value,
    /// What is now.
    pub after: Value,
}

/// Remembers a deed.
///
/// # Errors
/// Those of the driver.
pub async fn insert_audit(conn: &mut Conn, deed: &NewAudit<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_audit_logs (actor_id, action, subject_type, subject_id, `before`, `after`, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP())",
    )
    .bind(deed.actor_id)
    .bind(deed.action)
    .bind(deed.subject_type)
    .bind(deed.subject_id)
    .bind(Json(&deed.before))
    .bind(Json(&deed.after))
    .execute(conn)
    .await?;
    Ok(())
}

/// A deed that is remembered.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AuditRow {
    /// Its id.
    pub id: u64,
    /// Who did it; nobody once the account is gone.
    pub actor_id: Option<UserId>,
    /// The permission's or operation's name.
    pub action: String,
    /// Short name of what it was done to.
    pub subject_type: Option<String>,
    /// Its id.
    pub subject_id: Option<u64>,
    /// What was before.
    pub before: Option<Json<Value>>,
    /// What was after.
    pub after: Option<Json<Value>>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Which deeds.
#[derive(Clone, Copy, Debug)]
pub struct AuditQuery<'a> {
    /// Of this user.
    pub actor_id: Option<UserId>,
    /// Of this action.
    pub action: Option<&'a str>,
    /// About things of this short name.
    pub subject_type: Option<&'a str>,
    /// About the thing with this id.
    pub subject_id: Option<u64>,
    /// Behind (or, going back, before) this id.
    pub cursor: Option<u64>,
    /// From the newest to the oldest?
    pub forward: bool,
    /// At most.
    pub limit: u32,
}

/// A part of the deeds, newest first (going back: oldest first).
///
/// # Errors
/// Those of the driver.
pub async fn list_audits(conn: &mut Conn, which: AuditQuery<'_>) -> Result<Vec<AuditRow>, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT id, actor_id, action, subject_type, subject_id, `before`, `after`, created_at FROM hub_audit_logs WHERE 1",
    );
    if let Some(actor_id) = which.actor_id {
        query.push(" AND actor_id = ").push_bind(actor_id);
    }
    if let Some(action) = which.action {
        query.push(" AND action = ").push_bind(action);
    }
    if let Some(subject_type) = which.subject_type {
        query.push(" AND subject_type = ").push_bind(subject_type);
    }
    if let Some(subject_id) = which.subject_id {
        query.push(" AND subject_id = ").push_bind(subject_id);
    }
    if let Some(cursor) = which.cursor {
        query.push(if which.forward { " AND id < " } else { " AND id > " }).push_bind(cursor);
    }
    query.push(if which.forward { " ORDER BY id DESC LIMIT " } else { " ORDER BY id LIMIT " });
    Ok(query.push_bind(which.limit).build_query_as().fetch_all(conn).await?)
}
