//! What changes an account itself: address, phone, password, pictures, its end (domain.md §4.4, §5.1, §5.2), and the
//! administrators' table of accounts.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use crate::permissions::{GUARD, USER_MORPHS};
use crate::users::AccountRow;
use crate::{Conn, StoreError, affected};

const LOCKED: &str = "SELECT u.id, u.name, u.username, u.email, u.phone, u.email_verified_at, u.password, \
     u.is_verified, u.is_active, u.avatar, u.cover, u.headline, u.created_at, \
     (SELECT p.language FROM user_profiles p WHERE p.user_id = u.id) AS language, \
     (SELECT p.timezone FROM user_profiles p WHERE p.user_id = u.id) AS timezone \
     FROM users u WHERE u.id = ? AND u.deleted_at IS NULL FOR UPDATE";

/// Locks an account that is not deleted.
///
/// # Errors
/// Those of the driver.
pub async fn lock_account(conn: &mut Conn, user_id: UserId) -> Result<Option<AccountRow>, StoreError> {
    Ok(sqlx::query_as(LOCKED).bind(user_id).fetch_optional(conn).await?)
}

/// What its owner changes of an account's row.
#[derive(Clone, Copy, Debug)]
pub struct AccountChange<'a> {
    /// The name.
    pub name: &'a str,
    /// One line about the user.
    pub headline: Option<&'a str>,
    /// The address.
    pub email: &'a str,
    /// When the address was confirmed.
    pub email_verified_at: Option<DateTime<Utc>>,
    /// E.164.
    pub phone: Option<&'a str>,
}

/// Writes what its owner changes.
///
/// # Errors
/// [`StoreError::Unique`] of `users_email_unique` or `users_phone_unique`; [`StoreError::RowsAffected`] when there is no
/// such account.
pub async fn update_account(
    conn: &mut Conn,
    user_id: UserId,
    change: &AccountChange<'_>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE users SET name = ?, headline = ?, email = ?, email_verified_at = ?, phone = ?, \
         updated_at = UTC_TIMESTAMP() WHERE id = ?",
    )
    .bind(change.name)
    .bind(change.headline)
    .bind(change.email)
    .bind(change.email_verified_at)
    .bind(change.phone)
    .bind(user_id)
    .execute(conn)
    .await?;
    affected("users", 1, &done)
}

/// Sets a password and a new `remember_token`, which ends what a web browser remembers.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such account.
pub async fn update_password(
    conn: &mut Conn,
    user_id: UserId,
    hash: &str,
    remember_token: &str,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE users SET password = ?, remember_token = ?, updated_at = UTC_TIMESTAMP() WHERE id = ?",
    )
    .bind(hash)
    .bind(remember_token)
    .bind(user_id)
    .execute(conn)
    .await?;
    affected("users", 1, &done)
}

/// Deletes the sessions of a Laravel web application (`sessions`, domain.md §4.5).
///
/// # Errors
/// Those of the driver.
pub async fn delete_web_sessions(conn: &mut Conn, user_id: UserId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE user_id = ?").bind(user_id).execute(conn).await?;
    Ok(())
}

/// Notes when the address was confirmed, where it has not been.
///
/// # Errors
/// Those of the driver.
pub async fn update_email_verified(
    conn: &mut Conn,
    user_id: UserId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE users SET email_verified_at = ?, updated_at = ? WHERE id = ? AND email_verified_at IS NULL",
    )
    .bind(at)
    .bind(at)
    .bind(user_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Which picture of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureColumn {
    /// `users.avatar`.
    Avatar,
    /// `users.cover`.
    Cover,
}

/// Writes where a picture is.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such account.
pub async fn update_picture(
    conn: &mut Conn,
    user_id: UserId,
    column: PictureColumn,
    path: Option<&str>,
) -> Result<(), StoreError> {
    let sql = match column {
        PictureColumn::Avatar => "UPDATE users SET avatar = ?, updated_at = UTC_TIMESTAMP() WHERE id = ?",
        PictureColumn::Cover => "UPDATE users SET cover = ?, updated_at = UTC_TIMESTAMP() WHERE id = ?",
    };
    let done = sqlx::query(sql).bind(path).bind(user_id).execute(conn).await?;
    affected("users", 1, &done)
}

/// An account, deleted or not.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AnyAccountRow {
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
    /// When the address was confirmed.
    pub email_verified_at: Option<DateTime<Utc>>,
    /// The picture.
    pub avatar: Option<String>,
    /// The picture on top of the profile.
    pub cover: Option<String>,
    /// Checked by the platform?
    pub is_verified: bool,
    /// Not suspended?
    pub is_active: bool,
    /// How many follow the user.
    pub followers_count: Option<u32>,
    /// When the account was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

const ANY: &str = "SELECT u.id, u.name, u.username, u.email, u.phone, u.email_verified_at, u.avatar, u.cover, \
     u.is_verified, u.is_active, p.followers_count, u.created_at, u.deleted_at FROM users u \
     LEFT JOIN user_profiles p ON p.user_id = u.id WHERE ";

/// An account, deleted or not.
///
/// # Errors
/// Those of the driver.
pub async fn find_any_account(conn: &mut Conn, user_id: UserId) -> Result<Option<AnyAccountRow>, StoreError> {
    let mut query = QueryBuilder::new(ANY);
    query.push("u.id = ").push_bind(user_id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Locks an account, deleted or not; `false` where there is none.
///
/// # Errors
/// Those of the driver.
pub async fn lock_any_account(conn: &mut Conn, user_id: UserId) -> Result<bool, StoreError> {
    let found: Option<u64> = sqlx::query_scalar("SELECT id FROM users WHERE id = ? FOR UPDATE")
        .bind(user_id)
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

/// Deleted ones: left out, too, or alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trashed {
    /// Left out.
    #[default]
    Without,
    /// Among the others.
    With,
    /// Alone.
    Only,
}

/// What the administrators' table shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountFilter<'a> {
    /// Beginning of name, username or address.
    pub prefix: Option<&'a str>,
    /// Only users with this role.
    pub role: Option<&'a str>,
    /// Only (not) suspended ones.
    pub is_active: Option<bool>,
    /// Only (un)verified ones.
    pub is_verified: Option<bool>,
    /// Deleted ones.
    pub trashed: Trashed,
}

impl AccountFilter<'_> {
    fn push(&self, query: &mut QueryBuilder<sqlx::MySql>) {
        query.push(match self.trashed {
            Trashed::Without => "u.deleted_at IS NULL",
            Trashed::With => "TRUE",
            Trashed::Only => "u.deleted_at IS NOT NULL",
        });
        if let Some(prefix) = self.prefix {
            let pattern = crate::users::like_prefix(prefix);
            for (before, after) in [
                (" AND (u.name LIKE ", " ESCAPE '!'"),
                (" OR u.username LIKE ", " ESCAPE '!'"),
                (" OR u.email LIKE ", " ESCAPE '!')"),
            ] {
                query.push(before).push_bind(pattern.clone()).push(after);
            }
        }
        if let Some(role) = self.role {
            query.push(
                " AND EXISTS (SELECT 1 FROM model_has_roles mr JOIN roles r ON r.id = mr.role_id \
                 WHERE mr.model_id = u.id AND mr.model_type IN (",
            );
            query
                .push_bind(USER_MORPHS[0])
                .push(", ")
                .push_bind(USER_MORPHS[1])
                .push(") AND r.guard_name = ");
            query.push_bind(GUARD).push(" AND r.name = ").push_bind(role.to_owned()).push(")");
        }
        if let Some(is_active) = self.is_active {
            query.push(" AND u.is_active = ").push_bind(is_active);
        }
        if let Some(is_verified) = self.is_verified {
            query.push(" AND u.is_verified = ").push_bind(is_verified);
        }
    }
}

/// The order of the administrators' table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountOrder {
    /// By when they were made.
    Created,
    /// By name.
    Name,
    /// By how many follow them.
    Followers,
}

/// A page of the administrators' table.
///
/// # Errors
/// Those of the driver.
pub async fn list_accounts(
    conn: &mut Conn,
    filter: AccountFilter<'_>,
    (order, descending): (AccountOrder, bool),
    (offset, limit): (u64, u32),
) -> Result<Vec<AnyAccountRow>, StoreError> {
    let mut query = QueryBuilder::new(ANY);
    filter.push(&mut query);
    query.push(match (order, descending) {
        (AccountOrder::Created, true) => " ORDER BY u.created_at DESC, u.id DESC",
        (AccountOrder::Created, false) => " ORDER BY u.created_at, u.id",
        (AccountOrder::Name, true) => " ORDER BY u.name DESC, u.id DESC",
        (AccountOrder::Name, false) => " ORDER BY u.name, u.id",
        (AccountOrder::Followers, true) => " ORDER BY p.followers_count DESC, u.id DESC",
        (AccountOrder::Followers, false) => " ORDER BY p.followers_count, u.id",
    });
    query.push(" LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// How many accounts the administrators' table has.
///
/// # Errors
/// Those of the driver.
pub async fn count_accounts(conn: &mut Conn, filter: AccountFilter<'_>) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::new("SELECT CAST(COUNT(*) AS UNSIGNED) FROM users u WHERE ");
    filter.push(&mut query);
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

/// Deletes an account so that it can be had back: it is not found any more and may not act.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such account.
pub async fn update_deleted(conn: &mut Conn, user_id: UserId, at: DateTime<Utc>) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE users SET is_active = 0, is_online = 0, deleted_at = ?, updated_at = ? \
         WHERE id = ? AND deleted_at IS NULL",
    )
    .bind(at)
    .bind(at)
    .bind(user_id)
    .execute(conn)
    .await?;
    affected("users", 1, &done)
}

/// Gives a deleted account back.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such account.
pub async fn update_restored(conn: &mut Conn, user_id: UserId) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE users SET is_active = 1, deleted_at = NULL, updated_at = UTC_TIMESTAMP() WHERE id = ?",
    )
    .bind(user_id)
    .execute(conn)
    .await?;
    affected("users", 1, &done)
}

/// Accounts that were deleted before an instant and still have their names, the longest deleted first.
///
/// # Errors
/// Those of the driver.
pub async fn list_to_purge(
    conn: &mut Conn,
    before: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<UserId>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT id FROM users WHERE deleted_at < ? AND username <> CONCAT('deleted_', id) \
         ORDER BY deleted_at, id LIMIT ?",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Must something be kept that the account's row going would take along: the ledger of its owner (domain.md D22), or what
/// others have paid for, joined or learnt in its owner's courses, books, rooms and consultations?
///
/// # Errors
/// Those of the driver.
pub async fn has_records(conn: &mut Conn, user_id: UserId) -> Result<bool, StoreError> {
    let tables = [
        "transactions WHERE user_id = ?",
        "transactions t JOIN wallets w ON w.id = t.wallet_id WHERE w.user_id = ?",
        "invoices WHERE user_id = ?",
        "gift_transactions WHERE sender_id = ?",
        "gift_transactions WHERE receiver_id = ?",
        "consultation_bookings WHERE speaker_id = ?",
        "consultation_bookings WHERE student_id = ?",
        "enrollments e JOIN courses c ON c.id = e.course_id WHERE c.user_id = ? AND e.user_id <> c.user_id",
        "book_purchases p JOIN books b ON b.id = p.book_id WHERE b.user_id = ? AND p.user_id <> b.user_id",
        "live_room_registrations r JOIN live_rooms l ON l.id = r.live_room_id \
         WHERE l.user_id = ? AND r.user_id <> l.user_id",
    ];
    let exists: Vec<String> = tables.iter().map(|table| format!("EXISTS (SELECT 1 FROM {table})")).collect();
    let sql = format!("SELECT CAST(({}) AS SIGNED)", exists.join(" OR "));
    let mut query = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql));
    for _ in tables {
        query = query.bind(user_id);
    }
    Ok(query.fetch_one(conn).await? != 0)
}

/// Takes from a deleted account everything that says whose it was; its id stays in the ledger.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such account.
pub async fn update_anonymised(conn: &mut Conn, user_id: UserId, password: &str) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE users SET name = 'Deleted user', username = CONCAT('deleted_', id), \
         email = CONCAT('deleted+', id, '@invalid'), phone = NULL, email_verified_at = NULL, password = ?, \
         remember_token = NULL, is_verified = 0, is_active = 0, is_online = 0, avatar = NULL, cover = NULL, \
         headline = NULL, updated_at = UTC_TIMESTAMP() WHERE id = ?",
    )
    .bind(password)
    .bind(user_id)
    .execute(&mut *conn)
    .await?;
    affected("users", 1, &done)?;
    sqlx::query(
        "UPDATE user_profiles SET bio = NULL, location = NULL, social_links = NULL, show_email = 0, show_phone = 0, \
         show_online_status = 0, allow_messages_from = 'none', updated_at = UTC_TIMESTAMP() WHERE user_id = ?",
    )
    .bind(user_id)
    .execute(&mut *conn)
    .await?;
    for statement in [
        "DELETE FROM user_interests WHERE user_id = ?",
        "DELETE FROM user_certificates WHERE user_id = ?",
        "DELETE FROM user_experiences WHERE user_id = ?",
        "DELETE FROM speaker_expertises WHERE user_id = ?",
        "DELETE FROM hub_known_devices WHERE user_id = ?",
        "DELETE FROM hub_mails WHERE user_id = ?",
        "UPDATE hub_uploads SET status = 'released', attached_type = NULL, attached_id = NULL \
         WHERE attached_type = 'user' AND attached_id = ?",
    ] {
        sqlx::query(statement).bind(user_id).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Deletes an account's row with all that hangs on it, what polymorphic columns name included, and counts again what
/// counted it: followers, posts, reactions, students, buyers, unread messages (domain.md §4.2, §4.4). To be called in a
/// transaction. Gives those whose unread totals were counted again.
///
/// # Errors
/// Those of the driver.
pub async fn delete_account(conn: &mut Conn, user_id: UserId) -> Result<Vec<UserId>, StoreError> {
    let affected = Affected::find(conn, user_id).await?;
    let polymorphic = [
        ("reactions", "reactable", "post", "posts WHERE user_id = ?"),
        ("reactions", "reactable", "comment", "comments WHERE user_id = ?"),
        ("reactions", "reactable", "live_room_message", "live_room_messages WHERE user_id = ?"),
        ("reactions", "reactable", "message", "messages WHERE sender_id = ?"),
    ];
    for (table, column, alias, owned) in polymorphic {
        let class = alias.split('_').map(capitalised).collect::<String>();
        let sql = format!(
            "DELETE FROM {table} WHERE {column}_type IN ('{alias}', 'App\\\\Models\\\\{class}') \
             AND {column}_id IN (SELECT id FROM {owned})"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(user_id).execute(&mut *conn).await?;
    }
    for statement in [
        "DELETE FROM notifications WHERE notifiable_type IN (?, ?) AND notifiable_id = ?",
        "DELETE FROM personal_access_tokens WHERE tokenable_type IN (?, ?) AND tokenable_id = ?",
        "DELETE FROM model_has_roles WHERE model_type IN (?, ?) AND model_id = ?",
        "DELETE FROM model_has_permissions WHERE model_type IN (?, ?) AND model_id = ?",
    ] {
        sqlx::query(statement)
            .bind(USER_MORPHS[0])
            .bind(USER_MORPHS[1])
            .bind(user_id)
            .execute(&mut *conn)
            .await?;
    }
    crate::purge::delete_with_dependents(conn, "users", user_id).await?;
    affected.recount(conn).await
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// What counts rows of an account that goes.
struct Affected(Vec<(&'static str, Vec<u64>)>);

/// Of each kind of counter: which rows have it, found before the account goes (its id bound as often as there are marks),
/// and how it is counted again.
const COUNTERS: &[(&str, &str)] = &[
    (
        "SELECT DISTINCT following_id FROM followers WHERE follower_id = ?",
        "UPDATE user_profiles SET followers_count = \
         (SELECT COUNT(*) FROM followers f WHERE f.following_id = user_profiles.user_id) WHERE user_id IN (",
    ),
    (
        "SELECT DISTINCT follower_id FROM followers WHERE following_id = ?",
        "UPDATE user_profiles SET following_count = \
         (SELECT COUNT(*) FROM followers f WHERE f.follower_id = user_profiles.user_id) WHERE user_id IN (",
    ),
    (
        "SELECT DISTINCT post_id FROM comments WHERE user_id = ?",
        "UPDATE posts SET comments_count = \
         (SELECT COUNT(*) FROM comments c WHERE c.post_id = posts.id AND c.deleted_at IS NULL) WHERE id IN (",
    ),
    (
        "SELECT DISTINCT post_id FROM post_shares WHERE user_id = ?",
        "UPDATE posts SET shares_count = (SELECT COUNT(*) FROM post_shares s WHERE s.post_id = posts.id) \
         WHERE id IN (",
    ),
    (
        "SELECT DISTINCT reactable_id FROM reactions WHERE user_id = ? \
         AND reactable_type IN ('post', 'App\\\\Models\\\\Post')",
        "UPDATE posts SET reactions_count = (SELECT COUNT(*) FROM reactions r WHERE r.reactable_id = posts.id \
         AND r.reactable_type IN ('post', 'App\\\\Models\\\\Post')) WHERE id IN (",
    ),
    (
        "SELECT DISTINCT reactable_id FROM reactions WHERE user_id = ? \
         AND reactable_type IN ('live_room_message', 'App\\\\Models\\\\LiveRoomMessage')",
        "UPDATE live_room_messages SET reactions_count = (SELECT COUNT(*) FROM reactions r \
         WHERE r.reactable_id = live_room_messages.id \
         AND r.reactable_type IN ('live_room_message', 'App\\\\Models\\\\LiveRoomMessage')) WHERE id IN (",
    ),
    (
        "SELECT DISTINCT course_id FROM enrollments WHERE user_id = ?",
        "UPDATE courses SET students_count = (SELECT COUNT(*) FROM enrollments e WHERE e.course_id = courses.id \
         AND e.status IN ('active', 'completed')) WHERE id IN (",
    ),
    (
        "SELECT DISTINCT book_id FROM book_purchases WHERE user_id = ?",
        "UPDATE books SET purchases_count = (SELECT COUNT(*) FROM book_purchases p WHERE p.book_id = books.id \
         AND p.status = 'completed') WHERE id IN (",
    ),
    (
        "SELECT DISTINCT user_two_id FROM conversations WHERE user_one_id = ? AND user_two_id IS NOT NULL",
        UNREAD,
    ),
    (
        "SELECT DISTINCT user_one_id FROM conversations WHERE user_two_id = ? AND user_one_id IS NOT NULL",
        UNREAD,
    ),
];

const UNREAD: &str = "UPDATE hub_chat_counters SET version = version + 1, unread_total = (SELECT COUNT(*) \
     FROM messages m JOIN conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL \
     WHERE (c.user_one_id = hub_chat_counters.user_id OR c.user_two_id = hub_chat_counters.user_id) \
     AND m.sender_id <> hub_chat_counters.user_id AND m.read_at IS NULL AND m.deleted_at IS NULL) WHERE user_id IN (";

impl Affected {
    async fn find(conn: &mut Conn, user_id: UserId) -> Result<Self, StoreError> {
        let mut all = Vec::with_capacity(COUNTERS.len());
        for &(find, recount) in COUNTERS {
            let ids: Vec<u64> = sqlx::query_scalar(find).bind(user_id).fetch_all(&mut *conn).await?;
            all.push((recount, ids));
        }
        Ok(Self(all))
    }

    async fn recount(self, conn: &mut Conn) -> Result<Vec<UserId>, StoreError> {
        let mut readers = Vec::new();
        for (recount, ids) in self.0 {
            if recount == UNREAD {
                readers.extend_from_slice(&ids);
            }
            for batch in ids.chunks(200) {
                let mut query = QueryBuilder::new(recount);
                let mut list = query.separated(", ");
                for id in batch {
                    list.push_bind(*id);
                }
                query.push(")").build().execute(&mut *conn).await?;
            }
        }
        Ok(readers)
    }
}
