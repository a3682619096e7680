//! The catalogue as administrators keep it.

use base::Money;
use base::id::GiftId;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{Conn, StoreError, affected};

/// A `gifts` row, on offer or not.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ShelfGiftRow {
    /// Its id.
    pub id: GiftId,
    /// Its name.
    pub name: String,
    /// Its picture.
    pub icon: String,
    /// Its animation.
    pub animation_url: Option<String>,
    /// What one costs.
    #[sqlx(try_from = "Decimal")]
    pub price: Money,
    /// Its place.
    pub order: u32,
    /// On offer?
    pub is_active: bool,
}

/// All of them in their order.
///
/// # Errors
/// Those of the driver.
pub async fn list_shelf(conn: &mut Conn) -> Result<Vec<ShelfGiftRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, name, icon, animation_url, price, `order`, is_active FROM gifts ORDER BY `order`, id",
    )
    .fetch_all(conn)
    .await?)
}

/// One of them.
///
/// # Errors
/// Those of the driver.
pub async fn find_shelf_gift(conn: &mut Conn, id: GiftId) -> Result<Option<ShelfGiftRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, name, icon, animation_url, price, `order`, is_active FROM gifts WHERE id = ?",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// One of them, locked.
///
/// # Errors
/// Those of the driver.
pub async fn lock_shelf_gift(conn: &mut Conn, id: GiftId) -> Result<Option<ShelfGiftRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, name, icon, animation_url, price, `order`, is_active FROM gifts WHERE id = ? FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// Adds a gift; gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_shelf_gift(
    conn: &mut Conn,
    gift: &ShelfGiftRow,
    at: DateTime<Utc>,
) -> Result<GiftId, StoreError> {
    let done = sqlx::query(
        "INSERT INTO gifts (name, icon, animation_url, price, `order`, is_active, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&gift.name)
    .bind(&gift.icon)
    .bind(&gift.animation_url)
    .bind(gift.price.to_decimal())
    .bind(gift.order)
    .bind(gift.is_active)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes a locked gift.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is gone.
pub async fn update_shelf_gift(
    conn: &mut Conn,
    gift: &ShelfGiftRow,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE gifts SET name = ?, icon = ?, animation_url = ?, price = ?, `order` = ?, is_active = ?, \
         updated_at = ? WHERE id = ?",
    )
    .bind(&gift.name)
    .bind(&gift.icon)
    .bind(&gift.animation_url)
    .bind(gift.price.to_decimal())
    .bind(gift.order)
    .bind(gift.is_active)
    .bind(at)
    .bind(gift.id)
    .execute(conn)
    .await?;
    affected("gifts", 1, &done)
}

/// Was it ever given?
///
/// # Errors
/// Those of the driver.
pub async fn has_been_given(conn: &mut Conn, id: GiftId) -> Result<bool, StoreError> {
    let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM gift_transactions WHERE gift_id = ? LIMIT 1")
        .bind(id)
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

/// Takes a gift away that was never given.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is gone.
pub async fn delete_shelf_gift(conn: &mut Conn, id: GiftId) -> Result<(), StoreError> {
    let done = sqlx::query("DELETE FROM gifts WHERE id = ?").bind(id).execute(conn).await?;
    affected("gifts", 1, &done)
}
