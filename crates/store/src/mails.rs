//! `hub_mails`: letters to people, until a mail server has taken them.

use base::id::UserId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;

use crate::{Conn, StoreError};

/// A letter to be sent.
#[derive(Clone, Debug)]
pub struct NewMail<'a> {
    /// Names the letter, however often it is sent.
    pub mail_id: &'a str,
    /// To whom.
    pub user_id: UserId,
    /// Where to.
    pub address: &'a str,
    /// What the receiver is called.
    pub name: &'a str,
    /// `ar` or `en`.
    pub language: &'a str,
    /// What is written.
    pub letter: &'a Value,
    /// Now.
    pub at: DateTime<Utc>,
}

/// Writes a letter that waits to be sent.
///
/// # Errors
/// [`StoreError::Foreign`] when the user is gone.
pub async fn insert_mail(conn: &mut Conn, mail: &NewMail<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_mails (mail_id, user_id, address, name, language, letter, due_at, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(mail.mail_id)
    .bind(mail.user_id)
    .bind(mail.address)
    .bind(mail.name)
    .bind(mail.language)
    .bind(Json(mail.letter))
    .bind(mail.at)
    .bind(mail.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A letter that waits.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MailRow {
    /// Its row.
    pub id: u64,
    /// Names the letter.
    pub mail_id: String,
    /// To whom.
    pub user_id: Option<UserId>,
    /// Where to.
    pub address: String,
    /// What the receiver is called.
    pub name: String,
    /// `ar` or `en`.
    pub language: String,
    /// What is written.
    pub letter: Json<Value>,
    /// How often it was tried.
    pub attempts: u32,
}

/// Letters whose time has come, the longest due first, at most `limit`.
///
/// # Errors
/// Those of the driver.
pub async fn list_due_mails(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<MailRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, mail_id, user_id, address, name, language, letter, attempts FROM hub_mails \
         WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at LIMIT ?",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Takes a letter to send it now: it is due again at `due_at` unless something is said of it. `false` where another has
/// taken it meanwhile.
///
/// # Errors
/// Those of the driver.
pub async fn update_taken(
    conn: &mut Conn,
    id: u64,
    attempts: u32,
    due_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE hub_mails SET attempts = attempts + 1, due_at = ? \
         WHERE id = ? AND attempts = ? AND state = 'waiting'",
    )
    .bind(due_at)
    .bind(id)
    .bind(attempts)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A letter was taken by the mail server (`sent`), or never will be (`failed`).
///
/// # Errors
/// Those of the driver.
pub async fn update_settled(
    conn: &mut Conn,
    id: u64,
    state: &str,
    error: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE hub_mails SET state = ?, last_error = ? WHERE id = ?")
        .bind(state)
        .bind(error)
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes why a letter did not leave; it is tried again when it is due.
///
/// # Errors
/// Those of the driver.
pub async fn update_error(conn: &mut Conn, id: u64, error: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE hub_mails SET last_error = ? WHERE id = ?")
        .bind(error)
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets letters that were settled and due before an instant; at most `limit`. Gives how many went.
///
/// # Errors
/// Those of the driver.
pub async fn delete_settled_mails(
    conn: &mut Conn,
    before: DateTime<Utc>,
    limit: u32,
) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM hub_mails WHERE state IN ('sent', 'failed') AND due_at < ? LIMIT ?")
        .bind(before)
        .bind(limit)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}
