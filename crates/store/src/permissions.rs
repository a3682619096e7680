//! Roles and permissions as spatie/laravel-permission keeps them (domain.md §3, §7.3): a permission is held directly
//! or through a role, only rows of the guard `web` count, and `super-admin` holds them all.

use base::id::UserId;
use sqlx::AssertSqlSafe;

use crate::{Conn, StoreError};

/// The two spellings of the user model in polymorphic columns (domain.md §7.2): both are read.
pub(crate) const USER_MORPHS: [&str; 2] = ["App\\Models\\User", "user"];

/// The guard whose rows count.
pub const GUARD: &str = "web";
/// The role that passes every check (Spatie's recommended `Gate::before`).
pub const SUPER_ADMIN: &str = "super-admin";

/// Does the user hold a permission, directly, through a role, or as super-admin?
///
/// # Errors
/// Those of the driver.
pub async fn has_permission(conn: &mut Conn, user_id: UserId, permission: &str) -> Result<bool, StoreError> {
    Ok(!list_holders(conn, &[user_id], permission).await?.is_empty())
}

/// Those of the users who hold a permission, directly, through a role, or as super-admin; in no order.
///
/// # Errors
/// Those of the driver.
pub async fn list_holders(
    conn: &mut Conn,
    user_ids: &[UserId],
    permission: &str,
) -> Result<Vec<UserId>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let places = vec!["?"; user_ids.len()].join(", ");
    let sql = format!(
        "SELECT u.id FROM users u WHERE u.id IN ({places}) AND ( \
           EXISTS (SELECT 1 FROM model_has_roles mr JOIN roles r ON r.id = mr.role_id \
                   WHERE mr.model_id = u.id AND mr.model_type IN (?, ?) AND r.guard_name = ? AND r.name = ?) \
           OR EXISTS (SELECT 1 FROM model_has_permissions mp JOIN permissions p ON p.id = mp.permission_id \
                   WHERE mp.model_id = u.id AND mp.model_type IN (?, ?) AND p.guard_name = ? AND p.name = ?) \
           OR EXISTS (SELECT 1 FROM model_has_roles mr JOIN roles r ON r.id = mr.role_id \
                   JOIN role_has_permissions rp ON rp.role_id = r.id JOIN permissions p ON p.id = rp.permission_id \
                   WHERE mr.model_id = u.id AND mr.model_type IN (?, ?) AND r.guard_name = ? AND p.guard_name = ? \
                     AND p.name = ?))",
    );
    let mut query = sqlx::query_scalar(AssertSqlSafe(sql));
    for user_id in user_ids {
        query = query.bind(user_id);
    }
    query
        .bind(USER_MORPHS[0])
        .bind(USER_MORPHS[1])
        .bind(GUARD)
        .bind(SUPER_ADMIN)
        .bind(USER_MORPHS[0])
        .bind(USER_MORPHS[1])
        .bind(GUARD)
        .bind(permission)
        .bind(USER_MORPHS[0])
        .bind(USER_MORPHS[1])
        .bind(GUARD)
        .bind(GUARD)
        .bind(permission)
        // Of several users it would be another statement for each number of them.
        .persistent(user_ids.len() == 1)
        .fetch_all(conn)
        .await
        .map_err(StoreError::from)
}

/// Active users who hold a permission, directly, through a role, or as super-admin, by ascending id; `limit` at most.
///
/// # Errors
/// Those of the driver.
pub async fn list_all_holders(
    conn: &mut Conn,
    permission: &str,
    limit: u32,
) -> Result<Vec<UserId>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT u.id FROM ( \
           SELECT mr.model_id AS id FROM model_has_roles mr JOIN roles r ON r.id = mr.role_id \
           LEFT JOIN role_has_permissions rp ON rp.role_id = r.id LEFT JOIN permissions p ON p.id = rp.permission_id \
           WHERE mr.model_type IN (?, ?) AND r.guard_name = ? AND (r.name = ? OR (p.guard_name = ? AND p.name = ?)) \
           UNION SELECT mp.model_id FROM model_has_permissions mp JOIN permissions p ON p.id = mp.permission_id \
           WHERE mp.model_type IN (?, ?) AND p.guard_name = ? AND p.name = ?) h \
         JOIN users u ON u.id = h.id AND u.is_active = 1 AND u.deleted_at IS NULL ORDER BY u.id LIMIT ?",
    )
    .bind(USER_MORPHS[0])
    .bind(USER_MORPHS[1])
    .bind(GUARD)
    .bind(SUPER_ADMIN)
    .bind(GUARD)
    .bind(permission)
    .bind(USER_MORPHS[0])
    .bind(USER_MORPHS[1])
    .bind(GUARD)
    .bind(permission)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// The names of a user's roles, sorted.
///
/// # Errors
/// Those of the driver.
pub async fn list_roles(conn: &mut Conn, user_id: UserId) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT r.name FROM model_has_roles mr JOIN roles r ON r.id = mr.role_id \
         WHERE mr.model_id = ? AND mr.model_type IN (?, ?) AND r.guard_name = ? ORDER BY r.name",
    )
    .bind(user_id)
    .bind(USER_MORPHS[0])
    .bind(USER_MORPHS[1])
    .bind(GUARD)
    .fetch_all(conn)
    .await?)
}

/// The names of the roles of several users, as pairs.
///
/// # Errors
/// Those of the driver.
pub async fn list_roles_of(
    conn: &mut Conn,
    user_ids: &[UserId],
) -> Result<Vec<(UserId, String)>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = sqlx::QueryBuilder::new(
        "SELECT DISTINCT mr.model_id, r.name FROM model_has_roles mr JOIN roles r ON r.id = mr.role_id \
         WHERE mr.model_type IN (",
    );
    query.push_bind(USER_MORPHS[0]).push(", ").push_bind(USER_MORPHS[1]).push(") AND r.guard_name = ");
    query.push_bind(GUARD).push(" AND mr.model_id IN (");
    let mut list = query.separated(", ");
    for id in user_ids {
        list.push_bind(*id);
    }
    query.push(") ORDER BY mr.model_id, r.name");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Takes a role from a user, in either spelling of the model; nothing where the user does not have it.
///
/// # Errors
/// Those of the driver.
pub async fn delete_user_role(conn: &mut Conn, user_id: UserId, role: &str) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM model_has_roles WHERE model_id = ? AND model_type IN (?, ?) AND role_id IN \
         (SELECT id FROM roles WHERE name = ? AND guard_name = ?)",
    )
    .bind(user_id)
    .bind(USER_MORPHS[0])
    .bind(USER_MORPHS[1])
    .bind(role)
    .bind(GUARD)
    .execute(conn)
    .await?;
    Ok(())
}

/// The names of a user's effective permissions, sorted; a super-admin's are all there are.
///
/// # Errors
/// Those of the driver.
pub async fn list_permissions(conn: &mut Conn, user_id: UserId) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT p.name FROM permissions p WHERE p.guard_name = ? AND ( \
           EXISTS (SELECT 1 FROM model_has_roles mr JOIN roles r ON r.id = mr.role_id \
                   WHERE mr.model_id = ? AND mr.model_type IN (?, ?) AND r.guard_name = ? AND r.name = ?) \
           OR EXISTS (SELECT 1 FROM model_has_permissions mp \
                   WHERE mp.permission_id = p.id AND mp.model_id = ? AND mp.model_type IN (?, ?)) \
           OR EXISTS (SELECT 1 FROM model_has_roles mr JOIN roles r ON r.id = mr.role_id \
                   JOIN role_has_permissions rp ON rp.role_id = r.id \
                   WHERE rp.permission_id = p.id AND mr.model_id = ? AND mr.model_type IN (?, ?) \
                     AND r.guard_name = ?)) \
         ORDER BY p.name",
    )
    .bind(GUARD)
    .bind(user_id)
    .bind(USER_MORPHS[0])
    .bind(USER_MORPHS[1])
    .bind(GUARD)
    .bind(SUPER_ADMIN)
    .bind(user_id)
    .bind(USER_MORPHS[0])
    .bind(USER_MORPHS[1])
    .bind(user_id)
    .bind(USER_MORPHS[0])
    .bind(USER_MORPHS[1])
    .bind(GUARD)
    .fetch_all(conn)
    .await?)
}

/// The names of all roles of the guard `web`.
///
/// # Errors
/// Those of the driver.
pub async fn list_role_names(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT name FROM roles WHERE guard_name = ?").bind(GUARD).fetch_all(conn).await?)
}

/// The names of all permissions of the guard `web`.
///
/// # Errors
/// Those of the driver.
pub async fn list_permission_names(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT name FROM permissions WHERE guard_name = ?")
        .bind(GUARD)
        .fetch_all(conn)
        .await?)
}

/// Makes a permission of the guard `web` if it is not there.
///
/// # Errors
/// Those of the driver.
pub async fn insert_permission(conn: &mut Conn, name: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO permissions (name, guard_name, created_at, updated_at) \
         VALUES (?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP()) ON DUPLICATE KEY UPDATE name = VALUES(name)",
    )
    .bind(name)
    .bind(GUARD)
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes a role of the guard `web` if it is not there.
///
/// # Errors
/// Those of the driver.
pub async fn insert_role(conn: &mut Conn, name: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO roles (name, guard_name, created_at, updated_at) \
         VALUES (?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP()) ON DUPLICATE KEY UPDATE name = VALUES(name)",
    )
    .bind(name)
    .bind(GUARD)
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a permission to a role, both by name; nothing where the role has it already.
///
/// # Errors
/// Those of the driver.
pub async fn insert_role_permission(conn: &mut Conn, role: &str, permission: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO role_has_permissions (permission_id, role_id) \
         SELECT p.id, r.id FROM permissions p JOIN roles r ON r.guard_name = p.guard_name \
         WHERE p.name = ? AND p.guard_name = ? AND r.name = ? \
           AND NOT EXISTS (SELECT 1 FROM role_has_permissions rp WHERE rp.permission_id = p.id AND rp.role_id = r.id)",
    )
    .bind(permission)
    .bind(GUARD)
    .bind(role)
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a role to a user; `false` if there is no such role. Nothing where the user has it already, in either
/// spelling of the model.
///
/// # Errors
/// Those of the driver.
pub async fn insert_user_role(
    conn: &mut Conn,
    user_id: UserId,
    role: &str,
    model_type: &str,
) -> Result<bool, StoreError> {
    let role_id: Option<u64> = sqlx::query_scalar("SELECT id FROM roles WHERE name = ? AND guard_name = ?")
        .bind(role)
        .bind(GUARD)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(role_id) = role_id else { return Ok(false) };
    let has: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM model_has_roles WHERE role_id = ? AND model_id = ? AND model_type IN (?, ?)",
    )
    .bind(role_id)
    .bind(user_id)
    .bind(USER_MORPHS[0])
    .bind(USER_MORPHS[1])
    .fetch_one(&mut *conn)
    .await?;
    if has == 0 {
        sqlx::query("INSERT INTO model_has_roles (role_id, model_type, model_id) VALUES (?, ?, ?)")
            .bind(role_id)
            .bind(model_type)
            .bind(user_id)
            .execute(conn)
            .await?;
    }
    Ok(true)
}

/// Locks a role of the guard `web`; nothing where there is no such role.
///
/// # Errors
/// Those of the driver.
pub async fn lock_role(conn: &mut Conn, role: &str) -> Result<(), StoreError> {
    let _locked: Vec<u64> =
        sqlx::query_scalar("SELECT id FROM roles WHERE name = ? AND guard_name = ? FOR UPDATE")
            .bind(role)
            .bind(GUARD)
            .fetch_all(conn)
            .await?;
    Ok(())
}

/// How many users who may act have a role, one of them left out.
///
/// # Errors
/// Those of the driver.
pub async fn count_active_with_role(conn: &mut Conn, role: &str, without: UserId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT COUNT(DISTINCT u.id) FROM model_has_roles mr JOIN roles r ON r.id = mr.role_id \
         JOIN users u ON u.id = mr.model_id WHERE mr.model_type IN (?, ?) AND r.guard_name = ? AND r.name = ? \
         AND u.is_active = 1 AND u.deleted_at IS NULL AND u.id <> ?",
    )
    .bind(USER_MORPHS[0])
    .bind(USER_MORPHS[1])
    .bind(GUARD)
    .bind(role)
    .bind(without)
    .fetch_one(conn)
    .await?)
}

/// Throws away what Laravel's permission package remembers (its row in `cache`), whatever the prefix of the
/// application's cache keys: it keeps it for 24 h otherwise (domain.md §3).
///
/// # Errors
/// Those of the driver.
pub async fn delete_laravel_cache(conn: &mut Conn) -> Result<u64, StoreError> {
    let done =
        sqlx::query("DELETE FROM cache WHERE `key` LIKE '%spatie.permission.cache'").execute(conn).await?;
    Ok(done.rows_affected())
}

/// A role and how many users have it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RoleRow {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Users that have it, in either spelling of the model.
    pub users_count: i64,
}

/// The roles of the guard `web` by name, or one of them.
///
/// # Errors
/// Those of the driver.
pub async fn list_role_rows(conn: &mut Conn, id: Option<u64>) -> Result<Vec<RoleRow>, StoreError> {
    let mut query = sqlx::QueryBuilder::new(
        "SELECT r.id, r.name, (SELECT COUNT(DISTINCT m.model_id) FROM model_has_roles m WHERE m.role_id = r.id \
         AND m.model_type IN (",
    );
    query.push_bind(USER_MORPHS[0]).push(", ").push_bind(USER_MORPHS[1]);
    query.push(")) AS users_count FROM roles r WHERE r.guard_name = ").push_bind(GUARD);
    if let Some(id) = id {
        query.push(" AND r.id = ").push_bind(id);
    }
    Ok(query.push(" ORDER BY r.name").build_query_as().fetch_all(conn).await?)
}

/// Roles (or one of them) and the names of their permissions, as pairs; in no order.
///
/// # Errors
/// Those of the driver.
pub async fn list_role_grants(conn: &mut Conn, id: Option<u64>) -> Result<Vec<(u64, String)>, StoreError> {
    let mut query = sqlx::QueryBuilder::new(
        "SELECT rp.role_id, p.name FROM role_has_permissions rp JOIN permissions p ON p.id = rp.permission_id \
         WHERE p.guard_name = ",
    );
    query.push_bind(GUARD);
    if let Some(id) = id {
        query.push(" AND rp.role_id = ").push_bind(id);
    }
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// The permissions of the guard `web` by name: id and name.
///
/// # Errors
/// Those of the driver.
pub async fn list_permission_rows(conn: &mut Conn) -> Result<Vec<(u64, String)>, StoreError> {
    Ok(sqlx::query_as("SELECT id, name FROM permissions WHERE guard_name = ? ORDER BY name")
        .bind(GUARD)
        .fetch_all(conn)
        .await?)
}

/// Locks a role of the guard `web`; gives whether it is there.
///
/// # Errors
/// Those of the driver.
pub async fn lock_role_row(conn: &mut Conn, id: u64) -> Result<bool, StoreError> {
    let found: Option<u64> =
        sqlx::query_scalar("SELECT id FROM roles WHERE id = ? AND guard_name = ? FOR UPDATE")
            .bind(id)
            .bind(GUARD)
            .fetch_optional(conn)
            .await?;
    Ok(found.is_some())
}

/// Locks a role by its name; gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn lock_role_by_name(conn: &mut Conn, name: &str) -> Result<Option<u64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM roles WHERE name = ? AND guard_name = ? FOR UPDATE")
        .bind(name)
        .bind(GUARD)
        .fetch_optional(conn)
        .await?)
}

/// Makes a role; gives its id.
///
/// # Errors
/// [`StoreError::Unique`] (`roles_name_guard_name_unique`).
pub async fn insert_new_role(conn: &mut Conn, name: &str) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO roles (name, guard_name, created_at, updated_at) \
         VALUES (?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP())",
    )
    .bind(name)
    .bind(GUARD)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Makes a permission; gives its id.
///
/// # Errors
/// [`StoreError::Unique`] (`permissions_name_guard_name_unique`).
pub async fn insert_new_permission(conn: &mut Conn, name: &str) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO permissions (name, guard_name, created_at, updated_at) \
         VALUES (?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP())",
    )
    .bind(name)
    .bind(GUARD)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Gives a role another name.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is gone.
pub async fn update_role_name(conn: &mut Conn, id: u64, name: &str) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE roles SET name = ?, updated_at = UTC_TIMESTAMP() WHERE id = ?")
        .bind(name)
        .bind(id)
        .execute(conn)
        .await?;
    crate::affected("roles", 1, &done)
}

/// A role has these permissions from now on, and no others.
///
/// # Errors
/// Those of the driver.
pub async fn replace_role_permissions(
    conn: &mut Conn,
    id: u64,
    permissions: &[String],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM role_has_permissions WHERE role_id = ?").bind(id).execute(&mut *conn).await?;
    if permissions.is_empty() {
        return Ok(());
    }
    let mut query = sqlx::QueryBuilder::new(
        "INSERT INTO role_has_permissions (permission_id, role_id) SELECT DISTINCT p.id, ",
    );
    query.push_bind(id).push(" FROM permissions p WHERE p.guard_name = ").push_bind(GUARD);
    query.push(" AND p.name IN (");
    let mut list = query.separated(", ");
    for name in permissions {
        list.push_bind(name);
    }
    query.push(")");
    query.build().execute(conn).await?;
    Ok(())
}

/// Takes a role away, and with it what it gave.
///
/// # Errors
/// Those of the driver.
pub async fn delete_role(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM roles WHERE id = ?").bind(id).execute(conn).await?;
    Ok(())
}

/// Takes a permission away from everybody.
///
/// # Errors
/// Those of the driver.
pub async fn delete_permission(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM permissions WHERE id = ?").bind(id).execute(conn).await?;
    Ok(())
}
