//! Speakers as those see them who look for one, and the settings of consultations.

use base::id::UserId;
use sqlx::QueryBuilder;

use crate::permissions::{GUARD, USER_MORPHS};
use crate::statement::Statement;
use crate::{Conn, StoreError};

/// A speaker's page.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SpeakerRow {
    /// The user.
    pub id: UserId,
    /// The name.
    pub name: String,
    /// The unique handle.
    pub username: String,
    /// The picture.
    pub avatar: Option<String>,
    /// Checked by the platform?
    pub is_verified: bool,
    /// One line about the user.
    pub headline: Option<String>,
    /// About the user.
    pub bio: Option<String>,
    /// Where the user lives.
    pub location: Option<String>,
    /// IANA name.
    pub timezone: Option<String>,
    /// Shown to followers only?
    pub is_private: Option<bool>,
}

/// Which speakers to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpeakerQuery<'a> {
    /// Without those between whom and this user there is a block; 0 is a guest.
    pub viewer: UserId,
    /// Beginning of name or username, as a pattern for `LIKE … ESCAPE '!'`.
    pub pattern: Option<&'a str>,
    /// Who knows about exactly this.
    pub expertise: Option<&'a str>,
    /// Only (un)verified ones.
    pub is_verified: Option<bool>,
}

/// What somebody knows about.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ExpertiseRow {
    /// Who.
    pub user_id: UserId,
    /// What.
    pub expertise: String,
}

const SPEAKER: &str = "SELECT u.id, u.name, u.username, u.avatar, u.is_verified, u.headline, p.bio, p.location, \
     p.timezone, p.is_private FROM users u LEFT JOIN user_profiles p ON p.user_id = u.id \
     WHERE u.deleted_at IS NULL AND u.is_active = 1";

/// An active user's page as a speaker. Whether the user is one, the permissions say.
///
/// # Errors
/// Those of the driver.
pub async fn find_speaker(conn: &mut Conn, user_id: UserId) -> Result<Option<SpeakerRow>, StoreError> {
    let mut query = QueryBuilder::new(SPEAKER);
    query.push(" AND u.id = ").push_bind(user_id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A part of those with the role `speaker`, by id.
///
/// # Errors
/// Those of the driver.
pub async fn list_speakers(
    conn: &mut Conn,
    which: SpeakerQuery<'_>,
    (cursor, forward, limit): (Option<u64>, bool, u32),
) -> Result<Vec<SpeakerRow>, StoreError> {
    let mut query = QueryBuilder::new(SPEAKER);
    query.push(
        " AND EXISTS (SELECT 1 FROM model_has_roles mr JOIN roles r ON r.id = mr.role_id \
         WHERE mr.model_id = u.id AND mr.model_type IN (",
    );
    query.push_bind(USER_MORPHS[0]).push(", ").push_bind(USER_MORPHS[1]).push(") AND r.guard_name = ");
    query.push_bind(GUARD).push(" AND r.name = 'speaker')");
    if which.viewer != 0 {
        for (one, other) in [("blocker_id", "blocked_id"), ("blocked_id", "blocker_id")] {
            query.push(" AND NOT EXISTS (SELECT 1 FROM hub_user_blocks k WHERE k.").push(one);
            query.push(" = u.id AND k.").push(other).push(" = ").push_bind(which.viewer).push(")");
        }
    }
    if let Some(pattern) = which.pattern {
        query
            .push(" AND (u.name LIKE ")
            .push_bind(pattern.to_owned())
            .push(" ESCAPE '!' OR u.username LIKE ");
        query.push_bind(pattern.to_owned()).push(" ESCAPE '!')");
    }
    if let Some(expertise) = which.expertise {
        query.push(
            " AND EXISTS (SELECT 1 FROM speaker_expertises e WHERE e.user_id = u.id AND e.expertise = ",
        );
        query.push_bind(expertise.to_owned()).push(")");
    }
    if let Some(is_verified) = which.is_verified {
        query.push(" AND u.is_verified = ").push_bind(is_verified);
    }
    if let Some(cursor) = cursor {
        query.push(if forward { " AND u.id < " } else { " AND u.id > " }).push_bind(cursor);
    }
    query.push(if forward { " ORDER BY u.id DESC LIMIT " } else { " ORDER BY u.id LIMIT " }).push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// What speakers know about, in their own order.
///
/// # Errors
/// Those of the driver.
pub async fn list_expertises(conn: &mut Conn, user_ids: &[UserId]) -> Result<Vec<ExpertiseRow>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Statement::new("SELECT user_id, expertise FROM speaker_expertises WHERE user_id IN (");
    query.push_numbers(user_ids).push(") ORDER BY user_id, `order`, id");
    query.fetch_all(conn).await
}

/// The settings of consultations, name and value.
///
/// # Errors
/// Those of the driver.
pub async fn list_consultation_settings(
    conn: &mut Conn,
) -> Result<Vec<(String, Option<String>)>, StoreError> {
    Ok(sqlx::query_as("SELECT `key`, value FROM settings WHERE `key` LIKE 'consult.%'")
        .fetch_all(conn)
        .await?)
}
