//! Accounts and profiles (domain.md §4.1 rows 1 and 2, §5.1, §5.2). A profile is always joined from the left: an
//! account that another application made may have none yet.

use base::id::UserId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::QueryBuilder;
use sqlx::types::Json;

use crate::permissions::{GUARD, USER_MORPHS};
use crate::{Conn, StoreError, affected};

/// An account with what signing in and the owner need.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AccountRow {
    /// Its id.
    pub id: UserId,
    /// The name.
    pub name: String,
    /// The unique handle.
    pub username: String,
    /// The address.
    pub email: String,
    /// E.164.
    pub phone: Option<String>,
    /// When the address was confirmed.
    pub email_verified_at: Option<DateTime<Utc>>,
    /// The password's hash as Laravel writes it.
    pub password: String,
    /// Checked by the platform?
    pub is_verified: bool,
    /// Not suspended?
    pub is_active: bool,
    /// The picture.
    pub avatar: Option<String>,
    /// The picture on top of the profile.
    pub cover: Option<String>,
    /// One line about the user.
    pub headline: Option<String>,
    /// When the account was made.
    pub created_at: Option<DateTime<Utc>>,
    /// `ar` or `en`.
    pub language: Option<String>,
    /// IANA name.
    pub timezone: Option<String>,
}

/// By which column a login names its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginColumn {
    /// `users.email`.
    Email,
    /// `users.phone`.
    Phone,
    /// `users.username`.
    Username,
}

const ACCOUNT: &str = "SELECT u.id, u.name, u.username, u.email, u.phone, u.email_verified_at, u.password, \
     u.is_verified, u.is_active, u.avatar, u.cover, u.headline, u.created_at, p.language, p.timezone \
     FROM users u LEFT JOIN user_profiles p ON p.user_id = u.id WHERE u.deleted_at IS NULL AND ";

/// An account that is not deleted.
///
/// # Errors
/// Those of the driver.
pub async fn find_account(conn: &mut Conn, user_id: UserId) -> Result<Option<AccountRow>, StoreError> {
    let mut query = QueryBuilder::new(ACCOUNT);
    query.push("u.id = ").push_bind(user_id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// An account that is not deleted, by what its owner types to sign in.
///
/// # Errors
/// Those of the driver.
pub async fn find_account_by_login(
    conn: &mut Conn,
    column: LoginColumn,
    login: &str,
) -> Result<Option<AccountRow>, StoreError> {
    let mut query = QueryBuilder::new(ACCOUNT);
    query.push(match column {
        LoginColumn::Email => "u.email = ",
        LoginColumn::Phone => "u.phone = ",
        LoginColumn::Username => "u.username = ",
    });
    query.push_bind(login);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Which unique values of a new account are in use, by deleted accounts too (domain.md I-U2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The username.
    pub username: bool,
    /// The address.
    pub email: bool,
    /// The phone number.
    pub phone: bool,
}

/// Looks up unique values. The unique indexes have the last word.
///
/// # Errors
/// Those of the driver.
pub async fn find_taken(
    conn: &mut Conn,
    username: &str,
    email: &str,
    phone: Option<&str>,
) -> Result<Taken, StoreError> {
    let (username, email, phone): (i64, i64, i64) = sqlx::query_as(
        "SELECT CAST(EXISTS (SELECT 1 FROM users WHERE username = ?) AS SIGNED), \
                CAST(EXISTS (SELECT 1 FROM users WHERE email = ?) AS SIGNED), \
                CAST(EXISTS (SELECT 1 FROM users WHERE phone = ?) AS SIGNED)",
    )
    .bind(username)
    .bind(email)
    .bind(phone)
    .fetch_one(conn)
    .await?;
    Ok(Taken { username: username != 0, email: email != 0, phone: phone != 0 })
}

/// A row of `users` to be inserted.
#[derive(Clone, Copy, Debug)]
pub struct NewUserRow<'a> {
    /// The name.
    pub name: &'a str,
    /// The unique handle.
    pub username: &'a str,
    /// The address.
    pub email: &'a str,
    /// E.164.
    pub phone: Option<&'a str>,
    /// When the address was confirmed.
    pub email_verified_at: Option<DateTime<Utc>>,
    /// The password's hash.
    pub password: &'a str,
    /// Checked by the platform?
    pub is_verified: bool,
    /// Now, in whole seconds.
    pub at: DateTime<Utc>,
}

/// Makes an account; gives its id.
///
/// # Errors
/// [`StoreError::Unique`] of `users_username_unique`, `users_email_unique` or `users_phone_unique`.
pub async fn insert_user(conn: &mut Conn, row: NewUserRow<'_>) -> Result<UserId, StoreError> {
    let done = sqlx::query(
        "INSERT INTO users (name, username, email, phone, email_verified_at, password, is_verified, is_active, \
         is_online, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0, ?, ?)",
    )
    .bind(row.name)
    .bind(row.username)
    .bind(row.email)
    .bind(row.phone)
    .bind(row.email_verified_at)
    .bind(row.password)
    .bind(row.is_verified)
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Makes what belongs to every account: profile, wallet and counters (domain.md I-U1).
///
/// # Errors
/// Those of the driver.
pub async fn insert_user_rows(
    conn: &mut Conn,
    user_id: UserId,
    language: &str,
    timezone: &str,
    currency: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO user_profiles (user_id, language, timezone, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(user_id)
    .bind(language)
    .bind(timezone)
    .bind(at)
    .bind(at)
    .execute(&mut *conn)
    .await?;
    sqlx::query("INSERT INTO wallets (user_id, currency, created_at, updated_at) VALUES (?, ?, ?, ?)")
        .bind(user_id)
        .bind(currency)
        .bind(at)
        .bind(at)
        .execute(&mut *conn)
        .await?;
    sqlx::query("INSERT INTO hub_chat_counters (user_id, unread_total) VALUES (?, 0)")
        .bind(user_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Replaces a password's hash by another of the same password, unless the password was changed meanwhile.
///
/// # Errors
/// Those of the driver.
pub async fn update_password_hash(
    conn: &mut Conn,
    user_id: UserId,
    old_hash: &str,
    new_hash: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE users SET password = ?, updated_at = UTC_TIMESTAMP() WHERE id = ? AND password = ?")
        .bind(new_hash)
        .bind(user_id)
        .bind(old_hash)
        .execute(conn)
        .await?;
    Ok(())
}

/// What every request needs of a user.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StateRow {
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
    /// Not suspended?
    pub is_active: bool,
    /// `ar` or `en`.
    pub language: Option<String>,
    /// Others may see whether the user is online?
    pub show_online_status: Option<bool>,
    /// Unread chat messages.
    pub unread_total: Option<u32>,
    /// How often that total has changed.
    pub unread_version: Option<u64>,
}

/// The states of those of the users that are not deleted.
///
/// # Errors
/// Those of the driver.
pub async fn list_states(conn: &mut Conn, user_ids: &[UserId]) -> Result<Vec<StateRow>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "SELECT u.id, u.name, u.username, u.avatar, u.is_verified, u.is_active, p.language, p.show_online_status, \
         c.unread_total, c.version AS unread_version FROM users u LEFT JOIN user_profiles p ON p.user_id = u.id \
         LEFT JOIN hub_chat_counters c ON c.user_id = u.id WHERE u.deleted_at IS NULL AND u.id IN (",
    );
    let mut list = query.separated(", ");
    for id in user_ids {
        list.push_bind(id);
    }
    query.push(")");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Somebody's profile.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ProfileRow {
    /// The user.
    pub id: UserId,
    /// The name.
    pub name: String,
    /// The unique handle.
    pub username: String,
    /// The address.
    pub email: String,
    /// E.164.
    pub phone: Option<String>,
    /// The picture.
    pub avatar: Option<String>,
    /// The picture on top of the profile.
    pub cover: Option<String>,
    /// One line about the user.
    pub headline: Option<String>,
    /// Checked by the platform?
    pub is_verified: bool,
    /// Online, as last written on an edge of presence.
    pub is_online: bool,
    /// About the user.
    pub bio: Option<String>,
    /// Where the user lives.
    pub location: Option<String>,
    /// Addresses elsewhere, by the place's name.
    pub social_links: Option<Json<Value>>,
    /// Followers must be accepted?
    pub is_private: Option<bool>,
    /// Others may see whether the user is online?
    pub show_online_status: Option<bool>,
    /// Others may see the address?
    pub show_email: Option<bool>,
    /// Others may see the phone number?
    pub show_phone: Option<bool>,
    /// `everyone`, `followers` or `none`.
    pub allow_messages_from: Option<String>,
    /// How many follow the user.
    pub followers_count: Option<u32>,
    /// How many the user follows.
    pub following_count: Option<u32>,
}

/// How a profile is named in a path.
#[derive(Clone, Copy, Debug)]
pub enum ProfileName<'a> {
    /// By id.
    Id(UserId),
    /// By username.
    Username(&'a str),
}

/// The profile of an active user.
///
/// # Errors
/// Those of the driver.
pub async fn find_profile(conn: &mut Conn, name: ProfileName<'_>) -> Result<Option<ProfileRow>, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT u.id, u.name, u.username, u.email, u.phone, u.avatar, u.cover, u.headline, u.is_verified, u.is_online, \
         p.bio, p.location, p.social_links, p.is_private, p.show_online_status, p.show_email, p.show_phone, p.allow_messages_from, \
         p.followers_count, p.following_count FROM users u LEFT JOIN user_profiles p ON p.user_id = u.id \
         WHERE u.deleted_at IS NULL AND u.is_active = 1 AND ",
    );
    match name {
        ProfileName::Id(id) => query.push("u.id = ").push_bind(id),
        ProfileName::Username(username) => query.push("u.username = ").push_bind(username),
    };
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A user's face.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CardRow {
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
}

/// Which users to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct CardFilter<'a> {
    /// Beginning of name or username.
    pub prefix: Option<&'a str>,
    /// Only users with this role.
    pub role: Option<&'a str>,
    /// Only (un)verified ones.
    pub is_verified: Option<bool>,
    /// Only users who are interested in this category.
    pub category_id: Option<u64>,
    /// Those whom most follow first, instead of the newest accounts.
    pub by_followers: bool,
    /// Without those who block this user, and without those whom this user blocks.
    pub viewer_id: UserId,
}

/// The faces of users, accounts that are deleted left out; in no order.
///
/// # Errors
/// Those of the driver.
pub async fn list_cards_of(conn: &mut Conn, user_ids: &[UserId]) -> Result<Vec<CardRow>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "SELECT id, name, username, avatar, is_verified FROM users WHERE deleted_at IS NULL AND id IN (",
    );
    let mut list = query.separated(", ");
    for &id in user_ids {
        list.push_bind(id);
    }
    query.push(")");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Active users by descending id before `(id, forward = true)`, or by ascending id after `(id, forward = false)`.
///
/// # Errors
/// Those of the driver.
pub async fn list_cards(
    conn: &mut Conn,
    filter: CardFilter<'_>,
    cursor: Option<(UserId, bool)>,
    limit: u32,
) -> Result<Vec<CardRow>, StoreError> {
    let mut query = QueryBuilder::new("SELECT u.id, u.name, u.username, u.avatar, u.is_verified FROM ");
    query.push(if filter.by_followers {
        "user_profiles p JOIN users u ON u.id = p.user_id"
    } else {
        "users u"
    });
    query.push(
        " WHERE u.deleted_at IS NULL AND u.is_active = 1 AND NOT EXISTS \
         (SELECT 1 FROM hub_user_blocks b WHERE b.blocker_id = u.id AND b.blocked_id = ",
    );
    query.push_bind(filter.viewer_id).push(
        ") AND NOT EXISTS (SELECT 1 FROM hub_user_blocks b WHERE b.blocked_id = u.id AND b.blocker_id = ",
    );
    query.push_bind(filter.viewer_id).push(")");
    if let Some(prefix) = filter.prefix {
        let pattern = like_prefix(prefix);
        query.push(" AND (u.name LIKE ").push_bind(pattern.clone()).push(" ESCAPE '!' OR u.username LIKE ");
        query.push_bind(pattern).push(" ESCAPE '!')");
    }
    if let Some(role) = filter.role {
        query.push(
            " AND EXISTS (SELECT 1 FROM model_has_roles mr JOIN roles r ON r.id = mr.role_id \
             WHERE mr.model_id = u.id AND mr.model_type IN (",
        );
        query.push_bind(USER_MORPHS[0]).push(", ").push_bind(USER_MORPHS[1]).push(") AND r.guard_name = ");
        query.push_bind(GUARD).push(" AND r.name = ").push_bind(role.to_owned()).push(")");
    }
    if let Some(is_verified) = filter.is_verified {
        query.push(" AND u.is_verified = ").push_bind(is_verified);
    }
    if let Some(category_id) = filter.category_id {
        query.push(" AND EXISTS (SELECT 1 FROM user_interests i WHERE i.user_id = u.id AND i.category_id = ");
        query.push_bind(category_id).push(")");
    }
    let forward = cursor.is_none_or(|(_, forward)| forward);
    match (filter.by_followers, cursor) {
        (_, None) => {}
        (false, Some((id, _))) => {
            query.push(if forward { " AND u.id < " } else { " AND u.id > " }).push_bind(id);
        }
        (true, Some((id, _))) => {
            // The place of an account is where its count is now.
            let count: Option<u32> =
                sqlx::query_scalar("SELECT followers_count FROM user_profiles WHERE user_id = ?")
                    .bind(id)
                    .fetch_optional(&mut *conn)
                    .await?;
            let count = count.unwrap_or(0);
            let (beyond, and) = if forward { ("<", "<") } else { (">", ">") };
            query.push(format!(" AND p.followers_count {beyond}= ")).push_bind(count);
            query.push(format!(" AND (p.followers_count {beyond} ")).push_bind(count);
            query.push(" OR p.user_id ").push(and).push(" ").push_bind(id).push(")");
        }
    }
    query.push(match (filter.by_followers, forward) {
        (false, true) => " ORDER BY u.id DESC LIMIT ",
        (false, false) => " ORDER BY u.id ASC LIMIT ",
        (true, true) => " ORDER BY p.followers_count DESC, p.user_id DESC LIMIT ",
        (true, false) => " ORDER BY p.followers_count ASC, p.user_id ASC LIMIT ",
    });
    query.push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// A pattern for `LIKE … ESCAPE '!'` that finds what begins so.
#[must_use]
pub fn like_prefix(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len().saturating_add(1));
    for character in prefix.chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// What is between a viewer and an active user, and whom that user lets write.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RelationshipRow {
    /// The user.
    pub id: UserId,
    /// The viewer follows the user (0 or 1, as all that follow).
    pub following: i64,
    /// The user follows the viewer.
    pub followed_by: i64,
    /// The viewer's request to follow waits.
    pub requested: i64,
    /// The user's request to follow the viewer waits.
    pub requested_by: i64,
    /// The viewer blocks the user.
    pub blocking: i64,
    /// The user blocks the viewer.
    pub blocked_by: i64,
    /// `everyone`, `followers` or `none`.
    pub allow_messages_from: Option<String>,
}

/// What is between a viewer and those of the users that are active, by ascending id.
///
/// # Errors
/// Those of the driver.
pub async fn list_relationships(
    conn: &mut Conn,
    viewer_id: UserId,
    user_ids: &[UserId],
) -> Result<Vec<RelationshipRow>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT u.id");
    for (name, exists) in [
        ("following", ["followers f WHERE f.follower_id = ", " AND f.following_id = u.id"]),
        ("followed_by", ["followers f WHERE f.following_id = ", " AND f.follower_id = u.id"]),
        (
            "requested",
            [
                "follow_requests f WHERE f.follower_id = ",
                " AND f.following_id = u.id AND f.status = 'pending'",
            ],
        ),
        (
            "requested_by",
            [
                "follow_requests f WHERE f.following_id = ",
                " AND f.follower_id = u.id AND f.status = 'pending'",
            ],
        ),
        ("blocking", ["hub_user_blocks b WHERE b.blocker_id = ", " AND b.blocked_id = u.id"]),
        ("blocked_by", ["hub_user_blocks b WHERE b.blocked_id = ", " AND b.blocker_id = u.id"]),
    ] {
        let [before, after] = exists;
        query.push(", CAST(EXISTS (SELECT 1 FROM ").push(before).push_bind(viewer_id).push(after);
        query.push(") AS SIGNED) AS ").push(name);
    }
    query.push(
        ", p.allow_messages_from FROM users u LEFT JOIN user_profiles p ON p.user_id = u.id \
         WHERE u.deleted_at IS NULL AND u.is_active = 1 AND u.id IN (",
    );
    let mut list = query.separated(", ");
    for id in user_ids {
        list.push_bind(id);
    }
    query.push(") ORDER BY u.id");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// How many notifications a user has not read, and how many chat messages.
///
/// # Errors
/// Those of the driver.
pub async fn count_unread(conn: &mut Conn, user_id: UserId) -> Result<(i64, i64), StoreError> {
    Ok(sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM notifications WHERE notifiable_type IN (?, ?) AND notifiable_id = ? \
                 AND read_at IS NULL), \
                CAST(COALESCE((SELECT unread_total FROM hub_chat_counters WHERE user_id = ?), 0) AS SIGNED)",
    )
    .bind(USER_MORPHS[0])
    .bind(USER_MORPHS[1])
    .bind(user_id)
    .bind(user_id)
    .fetch_one(conn)
    .await?)
}

/// Suspends an account or lifts that.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such account.
pub async fn update_is_active(conn: &mut Conn, user_id: UserId, is_active: bool) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE users SET is_active = ?, updated_at = UTC_TIMESTAMP() WHERE id = ?")
        .bind(is_active)
        .bind(user_id)
        .execute(conn)
        .await?;
    affected("users", 1, &done)
}

/// An account as those see it who look after accounts.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StandingRow {
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
    /// Not suspended?
    pub is_active: bool,
}

/// Locks an account that is not deleted.
///
/// # Errors
/// Those of the driver.
pub async fn lock_standing(conn: &mut Conn, user_id: UserId) -> Result<Option<StandingRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, name, username, avatar, is_verified, is_active FROM users \
         WHERE id = ? AND deleted_at IS NULL FOR UPDATE",
    )
    .bind(user_id)
    .fetch_optional(conn)
    .await?)
}

/// Marks an account as checked by the platform, or takes the mark away.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such account.
pub async fn update_is_verified(
    conn: &mut Conn,
    user_id: UserId,
    is_verified: bool,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE users SET is_verified = ?, updated_at = UTC_TIMESTAMP() WHERE id = ?")
        .bind(is_verified)
        .bind(user_id)
        .execute(conn)
        .await?;
    affected("users", 1, &done)
}

/// Users who may not act (suspended or deleted), by ascending id after `after`.
///
/// # Errors
/// Those of the driver.
pub async fn list_inactive_ids(
    conn: &mut Conn,
    after: UserId,
    limit: usize,
) -> Result<Vec<UserId>, StoreError> {
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    Ok(sqlx::query_scalar("SELECT id FROM users WHERE is_active = 0 AND id > ? ORDER BY id LIMIT ?")
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::like_prefix;

    #[test]
    fn wildcards_of_the_asker_are_plain_characters() {
        assert_eq!(like_prefix("100%_!"), "100!%!_!!%");
        assert_eq!(like_prefix("سارة"), "سارة%");
    }
}
