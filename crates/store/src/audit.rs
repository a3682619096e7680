//! What administrators did (domain.md §4.3 `hub_audit_logs`): written in the transaction of the deed.

use base::id::UserId;
use serde_json::Value;
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
