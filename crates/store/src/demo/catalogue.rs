//! Categories, gifts, settings.

use base::Money;

use crate::{Conn, StoreError};

/// A subject.
#[derive(Clone, Copy, Debug)]
pub struct CategoryRow<'a> {
    /// Its unique name in addresses.
    pub slug: &'a str,
    /// English.
    pub name_en: &'a str,
    /// Arabic.
    pub name_ar: &'a str,
    /// A symbol.
    pub icon: &'a str,
    /// Its place, from 0.
    pub order: u32,
}

/// Makes a category unless its slug is taken.
///
/// # Errors
/// Those of the driver.
pub async fn insert_category(conn: &mut Conn, row: &CategoryRow<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO categories (name_en, name_ar, slug, icon, `order`, is_active, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, 1, UTC_TIMESTAMP(), UTC_TIMESTAMP()) ON DUPLICATE KEY UPDATE slug = VALUES(slug)",
    )
    .bind(row.name_en)
    .bind(row.name_ar)
    .bind(row.slug)
    .bind(row.icon)
    .bind(row.order)
    .execute(conn)
    .await?;
    Ok(())
}

/// All categories: slug and id.
///
/// # Errors
/// Those of the driver.
pub async fn list_categories(conn: &mut Conn) -> Result<Vec<(String, u64)>, StoreError> {
    Ok(sqlx::query_as("SELECT slug, id FROM categories ORDER BY id").fetch_all(conn).await?)
}

/// A gift of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct GiftRow<'a> {
    /// Shown name.
    pub name: &'a str,
    /// A symbol.
    pub icon: &'a str,
    /// Where its animation is.
    pub animation_url: &'a str,
    /// What one costs.
    pub price: Money,
    /// Its place, from 0.
    pub order: u32,
}

/// Makes a gift.
///
/// # Errors
/// Those of the driver.
pub async fn insert_gift(conn: &mut Conn, row: &GiftRow<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO gifts (name, icon, animation_url, price, `order`, is_active, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, 1, UTC_TIMESTAMP(), UTC_TIMESTAMP())",
    )
    .bind(row.name)
    .bind(row.icon)
    .bind(row.animation_url)
    .bind(row.price.to_decimal())
    .bind(row.order)
    .execute(conn)
    .await?;
    Ok(())
}

/// All gifts: name and id.
///
/// # Errors
/// Those of the driver.
pub async fn list_gifts(conn: &mut Conn) -> Result<Vec<(String, u64)>, StoreError> {
    Ok(sqlx::query_as("SELECT name, id FROM gifts ORDER BY id").fetch_all(conn).await?)
}

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct SettingRow<'a> {
    /// Its unique name.
    pub key: &'a str,
    /// Its value as text.
    pub value: &'a str,
    /// `settings.type`.
    pub kind: &'a str,
    /// `settings.group`.
    pub group: &'a str,
    /// For administrators.
    pub label: &'a str,
    /// For everybody to read?
    pub is_public: bool,
    /// Laravel's rules for a new value.
    pub rules: &'a [&'a str],
}

/// Makes a setting unless it is there, whatever its value is.
///
/// # Errors
/// Those of the driver.
pub async fn insert_setting(conn: &mut Conn, row: &SettingRow<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO settings (`key`, value, type, `group`, label, is_public, validation_rules, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP()) ON DUPLICATE KEY UPDATE `key` = VALUES(`key`)",
    )
    .bind(row.key)
    .bind(row.value)
    .bind(row.kind)
    .bind(row.group)
    .bind(row.label)
    .bind(row.is_public)
    .bind(sqlx::types::Json(row.rules))
    .execute(conn)
    .await?;
    Ok(())
}
