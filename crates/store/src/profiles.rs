//! What users say of themselves and let others see (`user_profiles`, domain.md §4.1 row 2).

use base::id::UserId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;

use crate::{Conn, StoreError, affected};

/// What its owner can change of a profile, with the counters.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ProfileSettingsRow {
    /// About the user.
    pub bio: Option<String>,
    /// Where the user lives.
    pub location: Option<String>,
    /// `ar` or `en`.
    pub language: String,
    /// IANA name.
    pub timezone: String,
    /// Addresses elsewhere, by the place's name.
    pub social_links: Option<Json<Value>>,
    /// Followers must be accepted?
    pub is_private: bool,
    /// Others may see whether the user is online?
    pub show_online_status: bool,
    /// Others may see the address?
    pub show_email: bool,
    /// Others may see the phone number?
    pub show_phone: bool,
    /// `everyone`, `followers` or `none`.
    pub allow_messages_from: String,
    /// How many follow the user.
    pub followers_count: u32,
    /// How many the user follows.
    pub following_count: u32,
}

/// Locks a profile.
///
/// # Errors
/// Those of the driver.
pub async fn lock_profile(
    conn: &mut Conn,
    user_id: UserId,
) -> Result<Option<ProfileSettingsRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT bio, location, language, timezone, social_links, is_private, show_online_status, show_email, show_phone, \
         allow_messages_from, followers_count, following_count FROM user_profiles WHERE user_id = ? FOR UPDATE",
    )
    .bind(user_id)
    .fetch_optional(conn)
    .await?)
}

/// The language of an account that is there; the column's default for one without a profile.
///
/// # Errors
/// Those of the driver.
pub async fn find_language(conn: &mut Conn, user_id: UserId) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT COALESCE(p.language, 'ar') FROM users u LEFT JOIN user_profiles p ON p.user_id = u.id \
         WHERE u.id = ? AND u.deleted_at IS NULL",
    )
    .bind(user_id)
    .fetch_optional(conn)
    .await?)
}

/// Makes a profile with the columns' defaults, for an account that another application made without one; nothing where
/// there is one.
///
/// # Errors
/// [`StoreError::Foreign`] where there is no such user.
pub async fn insert_missing_profile(
    conn: &mut Conn,
    user_id: UserId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO user_profiles (user_id, created_at, updated_at) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE user_id = VALUES(user_id)",
    )
    .bind(user_id)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes whether others may see that a user is online.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such profile.
pub async fn update_show_online_status(
    conn: &mut Conn,
    user_id: UserId,
    visible: bool,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE user_profiles SET show_online_status = ?, updated_at = UTC_TIMESTAMP() WHERE user_id = ?",
    )
    .bind(visible)
    .bind(user_id)
    .execute(conn)
    .await?;
    affected("user_profiles", 1, &done)
}

/// Writes what its owner says of a profile: all columns but the counters.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such profile.
pub async fn update_profile(
    conn: &mut Conn,
    user_id: UserId,
    row: &ProfileSettingsRow,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE user_profiles SET bio = ?, location = ?, language = ?, timezone = ?, is_private = ?, social_links = ?, \
         show_online_status = ?, show_email = ?, show_phone = ?, allow_messages_from = ?, \
         updated_at = UTC_TIMESTAMP() WHERE user_id = ?",
    )
    .bind(row.bio.as_deref())
    .bind(row.location.as_deref())
    .bind(&row.language)
    .bind(&row.timezone)
    .bind(row.is_private)
    .bind(row.social_links.as_ref())
    .bind(row.show_online_status)
    .bind(row.show_email)
    .bind(row.show_phone)
    .bind(&row.allow_messages_from)
    .bind(user_id)
    .execute(conn)
    .await?;
    affected("user_profiles", 1, &done)
}
