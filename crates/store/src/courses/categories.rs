//! Categories of courses, books, rooms and interests.

use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use crate::statement::Statement;
use crate::{Conn, StoreError, affected};

/// A `categories` row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CategoryRow {
    /// Its id.
    pub id: u64,
    /// Its name in English.
    pub name_en: String,
    /// Its name in Arabic.
    pub name_ar: String,
    /// Its unique name in addresses.
    pub slug: String,
    /// The name of its picture.
    pub icon: Option<String>,
    /// Its place, from 0.
    pub order: u32,
    /// Open for new things?
    pub is_active: bool,
}

/// A category to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewCategory<'a> {
    /// Its name in English.
    pub name_en: &'a str,
    /// Its name in Arabic.
    pub name_ar: &'a str,
    /// Its unique name in addresses.
    pub slug: &'a str,
    /// The name of its picture.
    pub icon: Option<&'a str>,
    /// Its place.
    pub order: u32,
    /// Open for new things?
    pub is_active: bool,
}

/// All categories in their order; only active ones, or all.
///
/// # Errors
/// Those of the driver.
pub async fn list_categories(conn: &mut Conn, all: bool) -> Result<Vec<CategoryRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, name_en, name_ar, slug, icon, `order`, is_active FROM categories \
         WHERE is_active = 1 OR ? ORDER BY `order`, id",
    )
    .bind(all)
    .fetch_all(conn)
    .await?)
}

/// All categories, locked, in their order.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_categories(conn: &mut Conn) -> Result<Vec<CategoryRow>, StoreError> {
    let mut rows: Vec<CategoryRow> = sqlx::query_as(
        "SELECT id, name_en, name_ar, slug, icon, `order`, is_active FROM categories ORDER BY id FOR UPDATE",
    )
    .fetch_all(conn)
    .await?;
    rows.sort_by_key(|row| (row.order, row.id));
    Ok(rows)
}

/// A category, locked.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_category(conn: &mut Conn, id: u64) -> Result<Option<CategoryRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, name_en, name_ar, slug, icon, `order`, is_active FROM categories WHERE id = ? FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// Those of the ids that are active categories, which stay until the transaction's end.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_active_categories(conn: &mut Conn, ids: &[u64]) -> Result<Vec<u64>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query =
        QueryBuilder::new("SELECT id FROM categories FORCE INDEX (PRIMARY) WHERE is_active = 1 AND id IN (");
    let mut list = query.separated(", ");
    for &id in ids {
        list.push_bind(id);
    }
    query.push(") ORDER BY id LOCK IN SHARE MODE");
    Ok(query.build_query_scalar().fetch_all(conn).await?)
}

/// Is anything of this category: a course, a book, a room, somebody's interest? Deleted ones count.
///
/// # Errors
/// Those of the driver.
pub async fn has_category_use(conn: &mut Conn, id: u64) -> Result<bool, StoreError> {
    let number: i64 = sqlx::query_scalar(
        "SELECT CAST((EXISTS (SELECT 1 FROM courses WHERE category_id = ?) \
           OR EXISTS (SELECT 1 FROM courses WHERE JSON_CONTAINS(additional_categories, ?)) \
           OR EXISTS (SELECT 1 FROM books WHERE category_id = ?) \
           OR EXISTS (SELECT 1 FROM live_rooms WHERE category_id = ?) \
           OR EXISTS (SELECT 1 FROM user_interests WHERE category_id = ?)) AS SIGNED)",
    )
    .bind(id)
    .bind(id.to_string())
    .bind(id)
    .bind(id)
    .bind(id)
    .fetch_one(conn)
    .await?;
    Ok(number != 0)
}

/// Adds a category and gives its id.
///
/// # Errors
/// [`StoreError::Unique`] of `categories_slug_unique`.
pub async fn insert_category(
    conn: &mut Conn,
    new: NewCategory<'_>,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO categories (name_en, name_ar, slug, icon, `order`, is_active, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.name_en)
    .bind(new.name_ar)
    .bind(new.slug)
    .bind(new.icon)
    .bind(new.order)
    .bind(new.is_active)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes a category anew; its slug and place stay.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn update_category(
    conn: &mut Conn,
    row: &CategoryRow,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE categories SET name_en = ?, name_ar = ?, icon = ?, is_active = ?, updated_at = ? WHERE id = ?",
    )
    .bind(&row.name_en)
    .bind(&row.name_ar)
    .bind(&row.icon)
    .bind(row.is_active)
    .bind(at)
    .bind(row.id)
    .execute(conn)
    .await?;
    affected("categories", 1, &done)
}

/// Gives categories the places that their ids have in the list.
///
/// # Errors
/// Those of the driver.
pub async fn update_category_order(conn: &mut Conn, ids: &[u64]) -> Result<(), StoreError> {
    let mut statement = Statement::new("UPDATE categories SET `order` = ");
    push_order(&mut statement, ids);
    statement.execute(conn).await.map(drop)
}

/// Deletes a category.
///
/// # Errors
/// [`StoreError::Foreign`] for one that a course or book names.
pub async fn delete_category(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    let done = sqlx::query("DELETE FROM categories WHERE id = ?").bind(id).execute(conn).await?;
    affected("categories", 1, &done)
}

/// The place of each id in the list, and a condition for exactly these rows. An empty list matches none.
pub(super) fn push_order(statement: &mut Statement, ids: &[u64]) {
    if ids.is_empty() {
        statement.push("0 WHERE FALSE");
        return;
    }
    statement.push("FIELD(id, ").push_numbers(ids).push(") - 1 WHERE id IN (").push_numbers(ids).push(")");
}
