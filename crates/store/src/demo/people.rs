//! Profiles and who follows whom.

use base::id::UserId;
use chrono::NaiveDate;
use serde_json::Value;
use sqlx::QueryBuilder;
use sqlx::types::Json;

use super::At;
use crate::permissions::{GUARD, USER_MORPHS};
use crate::{Conn, StoreError};

/// An account by its name.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AccountRow {
    /// Its id.
    pub id: UserId,
    /// Its unique handle.
    pub username: String,
    /// Its address.
    pub email: String,
}

/// Accounts by username, deleted ones too: their names are taken.
///
/// # Errors
/// Those of the driver.
pub async fn list_accounts(conn: &mut Conn, usernames: &[&str]) -> Result<Vec<AccountRow>, StoreError> {
    if usernames.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT id, username, email FROM users WHERE username IN (");
    let mut list = query.separated(", ");
    for username in usernames {
        list.push_bind(*username);
    }
    Ok(query.push(")").build_query_as().fetch_all(conn).await?)
}

/// What a profile shows.
#[derive(Clone, Debug)]
pub struct ProfileRow<'a> {
    /// Whose.
    pub user_id: UserId,
    /// One line.
    pub headline: &'a str,
    /// Picture.
    pub avatar: String,
    /// Wide picture.
    pub cover: Option<String>,
    /// Some sentences.
    pub bio: &'a str,
    /// Town.
    pub location: &'a str,
    /// Name of the site to address.
    pub social_links: Value,
    /// Only for followers?
    pub is_private: bool,
    /// Do others see when the account is online?
    pub show_online_status: bool,
    /// `everyone`, `followers` or `none`.
    pub allow_messages_from: &'a str,
    /// Since when the account is there.
    pub created_at: At,
}

/// Fills in a profile that `create_user` has made.
///
/// # Errors
/// Those of the driver.
pub async fn update_profile(conn: &mut Conn, row: &ProfileRow<'_>) -> Result<(), StoreError> {
    sqlx::query("UPDATE users SET headline = ?, avatar = ?, cover = ?, created_at = ? WHERE id = ?")
        .bind(row.headline)
        .bind(&row.avatar)
        .bind(&row.cover)
        .bind(row.created_at)
        .bind(row.user_id)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "UPDATE user_profiles SET bio = ?, location = ?, social_links = ?, is_private = ?, show_online_status = ?, \
         allow_messages_from = ?, created_at = ? WHERE user_id = ?",
    )
    .bind(row.bio)
    .bind(row.location)
    .bind(Json(&row.social_links))
    .bind(row.is_private)
    .bind(row.show_online_status)
    .bind(row.allow_messages_from)
    .bind(row.created_at)
    .bind(row.user_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Pairs of user and category.
///
/// # Errors
/// Those of the driver.
pub async fn insert_interests(conn: &mut Conn, pairs: &[(UserId, u64)]) -> Result<(), StoreError> {
    if pairs.is_empty() {
        return Ok(());
    }
    let mut query =
        QueryBuilder::new("INSERT INTO user_interests (user_id, category_id, created_at, updated_at) ");
    query.push_values(pairs, |mut values, (user_id, category_id)| {
        values.push_bind(user_id).push_bind(category_id).push("UTC_TIMESTAMP()").push("UTC_TIMESTAMP()");
    });
    query.build().execute(conn).await?;
    Ok(())
}

/// A certificate on a profile.
#[derive(Clone, Copy, Debug)]
pub struct CertificateRow<'a> {
    /// Whose.
    pub user_id: UserId,
    /// What it says.
    pub title: &'a str,
    /// Who gave it.
    pub issuer: &'a str,
    /// When.
    pub issue_date: NaiveDate,
    /// Its number at the issuer.
    pub credential_id: &'a str,
    /// Where it can be checked.
    pub credential_url: &'a str,
    /// Its place, from 0.
    pub order: u32,
}

/// Adds a certificate to a profile.
///
/// # Errors
/// Those of the driver.
pub async fn insert_user_certificate(conn: &mut Conn, row: &CertificateRow<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO user_certificates (user_id, title, issuer, issue_date, credential_id, credential_url, `order`, \
         created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP())",
    )
    .bind(row.user_id)
    .bind(row.title)
    .bind(row.issuer)
    .bind(row.issue_date)
    .bind(row.credential_id)
    .bind(row.credential_url)
    .bind(row.order)
    .execute(conn)
    .await?;
    Ok(())
}

/// A job on a profile.
#[derive(Clone, Copy, Debug)]
pub struct ExperienceRow<'a> {
    /// Whose.
    pub user_id: UserId,
    /// Position.
    pub title: &'a str,
    /// Employer.
    pub company: &'a str,
    /// `user_experiences.employment_type`.
    pub employment_type: &'a str,
    /// Town.
    pub location: &'a str,
    /// Since when.
    pub start_date: NaiveDate,
    /// Until when; `None` is until now.
    pub end_date: Option<NaiveDate>,
    /// Some words.
    pub description: &'a str,
    /// Its place, from 0.
    pub order: u32,
}

/// Adds a job to a profile.
///
/// # Errors
/// Those of the driver.
pub async fn insert_experience(conn: &mut Conn, row: &ExperienceRow<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO user_experiences (user_id, title, company, employment_type, location, start_date, end_date, \
         is_current, description, `order`, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP())",
    )
    .bind(row.user_id)
    .bind(row.title)
    .bind(row.company)
    .bind(row.employment_type)
    .bind(row.location)
    .bind(row.start_date)
    .bind(row.end_date)
    .bind(row.end_date.is_none())
    .bind(row.description)
    .bind(row.order)
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds a tag to a speaker.
///
/// # Errors
/// Those of the driver.
pub async fn insert_expertise(
    conn: &mut Conn,
    user_id: UserId,
    expertise: &str,
    order: u32,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO speaker_expertises (user_id, expertise, `order`, created_at, updated_at) \
         VALUES (?, ?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP())",
    )
    .bind(user_id)
    .bind(expertise)
    .bind(order)
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a permission to a user directly, past the roles.
///
/// # Errors
/// Those of the driver.
pub async fn insert_user_permission(
    conn: &mut Conn,
    user_id: UserId,
    permission: &str,
    model_type: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO model_has_permissions (permission_id, model_type, model_id) \
         SELECT p.id, ?, ? FROM permissions p WHERE p.name = ? AND p.guard_name = ? \
           AND NOT EXISTS (SELECT 1 FROM model_has_permissions mp \
                           WHERE mp.permission_id = p.id AND mp.model_id = ? AND mp.model_type IN (?, ?))",
    )
    .bind(model_type)
    .bind(user_id)
    .bind(permission)
    .bind(GUARD)
    .bind(user_id)
    .bind(USER_MORPHS[0])
    .bind(USER_MORPHS[1])
    .execute(conn)
    .await?;
    Ok(())
}

/// Pairs of who follows and who is followed. The counters are [`update_follow_counts`]'s.
///
/// # Errors
/// Those of the driver.
pub async fn insert_follows(conn: &mut Conn, pairs: &[(UserId, UserId, At)]) -> Result<(), StoreError> {
    if pairs.is_empty() {
        return Ok(());
    }
    let mut query =
        QueryBuilder::new("INSERT INTO followers (follower_id, following_id, created_at, updated_at) ");
    query.push_values(pairs, |mut values, (follower_id, following_id, at)| {
        values.push_bind(follower_id).push_bind(following_id).push_bind(at).push_bind(at);
    });
    query.build().execute(conn).await?;
    Ok(())
}

/// Asks to follow a private account; `responded_at` where the answer is not `pending`.
///
/// # Errors
/// Those of the driver.
pub async fn insert_follow_request(
    conn: &mut Conn,
    (follower_id, following_id): (UserId, UserId),
    status: &str,
    at: At,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO follow_requests (follower_id, following_id, status, responded_at, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(follower_id)
    .bind(following_id)
    .bind(status)
    .bind((status != "pending").then_some(at))
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// `blocker_id` does not want to hear of `blocked_id`.
///
/// # Errors
/// Those of the driver.
pub async fn insert_block(conn: &mut Conn, blocker_id: UserId, blocked_id: UserId) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_user_blocks (blocker_id, blocked_id, created_at, updated_at) \
         VALUES (?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP())",
    )
    .bind(blocker_id)
    .bind(blocked_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts followers and followed of these users anew (domain.md §4.2).
///
/// # Errors
/// Those of the driver.
pub async fn update_follow_counts(conn: &mut Conn, user_ids: &[UserId]) -> Result<(), StoreError> {
    if user_ids.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new(
        "UPDATE user_profiles p SET \
         p.followers_count = (SELECT COUNT(*) FROM followers f WHERE f.following_id = p.user_id), \
         p.following_count = (SELECT COUNT(*) FROM followers f WHERE f.follower_id = p.user_id) WHERE p.user_id IN (",
    );
    let mut list = query.separated(", ");
    for id in user_ids {
        list.push_bind(id);
    }
    query.push(")").build().execute(conn).await?;
    Ok(())
}
