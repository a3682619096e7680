//! The administrators' settings (`settings`), and what is named by one.

use base::id::{UserId, WalletId};
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;
use sqlx::types::Json;

use crate::{Conn, StoreError, affected};

/// The setting that names the platform's own account (domain.md D7).
pub const PLATFORM_USER: &str = "platform_user_id";

/// The text of a setting; `None` where it is missing or NULL.
///
/// # Errors
/// Those of the driver.
pub async fn find_setting(conn: &mut Conn, key: &str) -> Result<Option<String>, StoreError> {
    let value: Option<Option<String>> = sqlx::query_scalar("SELECT value FROM settings WHERE `key` = ?")
        .bind(key)
        .fetch_optional(conn)
        .await?;
    Ok(value.flatten())
}

/// Sets a setting, making it where it is missing. `kind` is the column `type`.
///
/// # Errors
/// Those of the driver.
pub async fn insert_setting(
    conn: &mut Conn,
    key: &str,
    value: &str,
    kind: &str,
    group: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO settings (`key`, value, type, `group`, created_at, updated_at) \
         VALUES (?, ?, ?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP()) \
         ON DUPLICATE KEY UPDATE value = VALUES(value), updated_at = VALUES(updated_at)",
    )
    .bind(key)
    .bind(value)
    .bind(kind)
    .bind(group)
    .execute(conn)
    .await?;
    Ok(())
}

/// The platform's own account and its wallet, as [`PLATFORM_USER`] names it.
///
/// # Errors
/// Those of the driver.
pub async fn find_platform(conn: &mut Conn) -> Result<Option<(UserId, WalletId)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT w.user_id, w.id FROM settings s JOIN wallets w ON w.user_id = CAST(s.value AS UNSIGNED) \
         WHERE s.`key` = ?",
    )
    .bind(PLATFORM_USER)
    .fetch_optional(conn)
    .await?)
}

/// The id of the account with a username, deleted or not.
///
/// # Errors
/// Those of the driver.
pub async fn find_user_id(conn: &mut Conn, username: &str) -> Result<Option<UserId>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM users WHERE username = ?")
        .bind(username)
        .fetch_optional(conn)
        .await?)
}

/// A row of `settings`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SettingRow {
    /// Its name.
    pub key: String,
    /// Its text.
    pub value: Option<String>,
    /// `string`, `integer`, `decimal`, `boolean`, `json` or `text`.
    pub kind: String,
    /// What it belongs to.
    pub group: String,
    /// Laravel's rules for its value: an array of words, or one text with `|` between them.
    pub validation_rules: Option<Json<serde_json::Value>>,
    /// Its name for people.
    pub label: Option<String>,
    /// May everybody read it?
    pub is_public: bool,
    /// When it was changed.
    pub updated_at: Option<DateTime<Utc>>,
}

const SETTING: &str = "SELECT `key`, value, type AS kind, `group`, validation_rules, label, is_public, updated_at FROM settings";

/// The group of notes about the demo world, which are nobody's settings.
const NOTES: &str = "demo";

/// All settings, or those that everybody may read, by group and name.
///
/// # Errors
/// Those of the driver.
pub async fn list_settings(conn: &mut Conn, public_only: bool) -> Result<Vec<SettingRow>, StoreError> {
    let mut query = QueryBuilder::new(SETTING);
    query.push(" WHERE `group` <> ").push_bind(NOTES);
    if public_only {
        query.push(" AND is_public = 1");
    }
    query.push(" ORDER BY `group`, `key`");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Locks one setting.
///
/// # Errors
/// Those of the driver.
pub async fn lock_setting(conn: &mut Conn, key: &str) -> Result<Option<SettingRow>, StoreError> {
    let mut query = QueryBuilder::new(SETTING);
    query.push(" WHERE `key` = ").push_bind(key).push(" AND `group` <> ").push_bind(NOTES);
    query.push(" FOR UPDATE");
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Changes a setting's text.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is gone.
pub async fn update_setting(
    conn: &mut Conn,
    key: &str,
    value: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE settings SET value = ?, updated_at = ? WHERE `key` = ?")
        .bind(value)
        .bind(at)
        .bind(key)
        .execute(conn)
        .await?;
    affected("settings", 1, &done)
}

/// A setting that the product reads, as it is when nobody has chosen otherwise.
#[derive(Clone, Copy, Debug)]
pub struct NewSetting<'a> {
    /// Its name.
    pub key: &'a str,
    /// Its text.
    pub value: &'a str,
    /// `string`, `integer`, `decimal`, `boolean`, `json` or `text`.
    pub kind: &'a str,
    /// What it belongs to.
    pub group: &'a str,
    /// Its name for people.
    pub label: &'a str,
    /// Laravel's rules for its value.
    pub rules: &'a [&'a str],
    /// May everybody read it?
    pub is_public: bool,
}

/// The names of the settings that are there.
///
/// # Errors
/// Those of the driver.
pub async fn list_keys(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT `key` FROM settings").fetch_all(conn).await?)
}

/// Makes a setting where it is missing.
///
/// # Errors
/// Those of the driver.
pub async fn insert_missing_setting(conn: &mut Conn, new: NewSetting<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO settings (`key`, value, type, `group`, label, validation_rules, is_public, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP()) ON DUPLICATE KEY UPDATE `key` = VALUES(`key`)",
    )
    .bind(new.key)
    .bind(new.value)
    .bind(new.kind)
    .bind(new.group)
    .bind(new.label)
    .bind(Json(new.rules))
    .bind(new.is_public)
    .execute(conn)
    .await?;
    Ok(())
}
