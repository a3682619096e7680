//! Books as lists and pages show them: one statement, whatever the number of books.

use base::Money;
use base::id::UserId;
use base::paging::Sort;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::{MySql, QueryBuilder};

use super::{ProgressRow, PurchaseRow};
use crate::{Conn, StoreError};

/// A book with its seller, its category and the viewer's own purchase.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct BookListRow {
    /// Its id.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// Who sells it.
    pub user_id: UserId,
    /// The seller's name.
    pub user_name: String,
    /// The seller's handle.
    pub user_username: String,
    /// The seller's picture.
    pub user_avatar: Option<String>,
    /// The seller is checked by the platform.
    pub user_is_verified: bool,
    /// The seller's account is active.
    pub user_is_active: bool,
    /// Its category.
    pub category_id: u64,
    /// The category's name in addresses.
    pub category_slug: String,
    /// The category in English.
    pub category_name_en: String,
    /// The category in Arabic.
    pub category_name_ar: String,
    /// Its title.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// What it is about.
    pub description: Option<String>,
    /// Its picture.
    pub cover: Option<String>,
    /// Its PDF.
    pub pdf_url: Option<String>,
    /// Its number.
    pub isbn: Option<String>,
    /// `ar` or `en`.
    pub language: String,
    /// Pages of the PDF.
    pub page_count: u32,
    /// What it costs.
    #[sqlx(try_from = "Decimal")]
    pub price: Money,
    /// Pages for everybody.
    pub preview_pages: u32,
    /// `books.status`.
    pub status: String,
    /// Readers may print it.
    pub allow_printing: bool,
    /// Readers may copy out of it.
    pub allow_copying: bool,
    /// How many have it.
    pub purchases_count: u32,
    /// Of its reviews.
    pub average_rating: Decimal,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// `book_purchases.status` of the viewer.
    pub my_purchase: Option<String>,
}

/// How an address names a book.
#[derive(Clone, Copy, Debug)]
pub enum BookName<'a> {
    /// By its id.
    Id(u64),
    /// By its slug.
    Slug(&'a str),
}

/// Whose books are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SellerScope {
    /// Only of sellers whose account is active.
    #[default]
    Active,
    /// Of everybody who was not deleted for good.
    All,
}

/// Which books to list.
#[derive(Clone, Debug, Default)]
pub struct BookQuery {
    /// Whose purchase is told; 0 is a guest.
    pub viewer: UserId,
    /// Whose books.
    pub sellers: SellerScope,
    /// A boolean full-text search over title, author and description.
    pub words: Option<String>,
    /// With what the title begins, where no word is long enough for the index.
    pub title_prefix: Option<String>,
    /// Of this category.
    pub category_id: Option<u64>,
    /// `ar` or `en`.
    pub language: Option<&'static str>,
    /// Of this seller.
    pub user_id: Option<UserId>,
    /// A `LIKE` pattern of who wrote it.
    pub author: Option<String>,
    /// Its number.
    pub isbn: Option<String>,
    /// That much or more.
    pub price_min: Option<Money>,
    /// That much or less.
    pub price_max: Option<Money>,
    /// Free, or paid.
    pub free: Option<bool>,
    /// Rated so or better, in hundredths.
    pub rating_min: Option<u32>,
    /// `books.status`.
    pub status: Option<&'static str>,
    /// Only those that are not deleted (`false`), only those that are (`true`), or both.
    pub deleted: Option<bool>,
}

/// A page of books by number.
///
/// # Errors
/// Those of the driver.
pub async fn list_books(
    conn: &mut Conn,
    which: &BookQuery,
    sort: Sort,
    (limit, offset): (u32, u64),
) -> Result<Vec<BookListRow>, StoreError> {
    let mut query = select(which.viewer);
    push_conditions(&mut query, which);
    let column = match sort.by {
        "price" => "b.price",
        "purchases_count" => "b.purchases_count",
        "average_rating" => "b.average_rating",
        "title" => "b.title",
        _ => "b.created_at",
    };
    let way = if sort.descending { " DESC" } else { "" };
    query.push(" ORDER BY ").push(column).push(way).push(", b.id").push(way);
    query.push(" LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// How many books there are of that kind.
///
/// # Errors
/// Those of the driver.
pub async fn count_books(conn: &mut Conn, which: &BookQuery) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT CAST(COUNT(*) AS UNSIGNED) FROM books b STRAIGHT_JOIN users u ON u.id = b.user_id WHERE ",
    );
    push_conditions(&mut query, which);
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

/// A part of the books of one seller, by ids.
///
/// # Errors
/// Those of the driver.
pub async fn list_books_of(
    conn: &mut Conn,
    which: &BookQuery,
    (cursor, forward): (Option<u64>, bool),
    limit: u32,
) -> Result<Vec<BookListRow>, StoreError> {
    let mut query = select(which.viewer);
    push_conditions(&mut query, which);
    if let Some(cursor) = cursor {
        query.push(if forward { " AND b.id < " } else { " AND b.id > " }).push_bind(cursor);
    }
    query.push(if forward { " ORDER BY b.id DESC LIMIT " } else { " ORDER BY b.id LIMIT " });
    query.push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// One book that is not deleted, in whatever state.
///
/// # Errors
/// Those of the driver.
pub async fn find_listed_book(
    conn: &mut Conn,
    viewer: UserId,
    name: BookName<'_>,
) -> Result<Option<BookListRow>, StoreError> {
    let mut query = select(viewer);
    query.push("b.deleted_at IS NULL");
    match name {
        BookName::Id(id) => query.push(" AND b.id = ").push_bind(id),
        BookName::Slug(slug) => query.push(" AND b.slug = ").push_bind(slug.to_owned()),
    };
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A book of somebody's library.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LibraryRow {
    /// The book.
    #[sqlx(flatten)]
    pub book: BookListRow,
    /// The purchase.
    #[sqlx(flatten)]
    pub purchase: PurchaseRow,
    /// How far it was read.
    #[sqlx(flatten)]
    pub progress: ProgressRow,
}

/// A part of the books that somebody has, by the purchases' ids; also those that are not for sale any more, and those
/// of sellers who are gone.
///
/// # Errors
/// Those of the driver.
pub async fn list_library(
    conn: &mut Conn,
    user_id: UserId,
    (cursor, forward): (Option<u64>, bool),
    limit: u32,
) -> Result<Vec<LibraryRow>, StoreError> {
    let mut query = QueryBuilder::new(LIBRARY);
    query.push_bind(user_id).push(" AND m.status = 'completed' AND b.deleted_at IS NULL");
    if let Some(cursor) = cursor {
        query.push(if forward { " AND m.id < " } else { " AND m.id > " }).push_bind(cursor);
    }
    query.push(if forward { " ORDER BY m.id DESC LIMIT " } else { " ORDER BY m.id LIMIT " });
    query.push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// The columns of [`BookListRow`] but for the viewer's purchase.
macro_rules! book_columns {
    () => {
        "SELECT b.id, b.slug, b.user_id, u.name AS user_name, u.username AS user_username, u.avatar AS user_avatar, \
         u.is_verified AS user_is_verified, (u.is_active = 1 AND u.deleted_at IS NULL) AS user_is_active, \
         b.category_id, c.slug AS category_slug, c.name_en AS category_name_en, c.name_ar AS category_name_ar, \
         b.title, b.author, b.description, b.cover, b.pdf_url, b.isbn, b.language, b.page_count, b.price, \
         b.preview_pages, b.status, b.allow_printing, b.allow_copying, b.purchases_count, b.average_rating, \
         b.created_at, b.updated_at, b.deleted_at, m.status AS my_purchase "
    };
}

const LIBRARY: &str = concat!(
    book_columns!(),
    ", m.id AS purchase_id, m.book_id AS purchase_book_id, m.user_id AS purchase_user_id, \
     m.status AS purchase_status, m.price_paid, m.transaction_id, m.purchased_at, m.refunded_at, \
     CAST(COALESCE(p.current_page, 1) AS UNSIGNED) AS current_page, \
     CAST(COALESCE(p.total_pages_read, 0) AS UNSIGNED) AS total_pages_read, \
     CAST(COALESCE(p.reading_time_minutes, 0) AS UNSIGNED) AS reading_time_minutes, p.last_read_at \
     FROM book_purchases m STRAIGHT_JOIN books b ON b.id = m.book_id STRAIGHT_JOIN users u ON u.id = b.user_id \
     STRAIGHT_JOIN categories c FORCE INDEX (PRIMARY) ON c.id = b.category_id \
     LEFT JOIN book_reading_progress p ON p.book_purchase_id = m.id WHERE m.user_id = "
);

fn select(viewer: UserId) -> QueryBuilder<MySql> {
    let mut query = QueryBuilder::new(concat!(
        book_columns!(),
        "FROM books b STRAIGHT_JOIN users u ON u.id = b.user_id \
         STRAIGHT_JOIN categories c FORCE INDEX (PRIMARY) ON c.id = b.category_id \
         LEFT JOIN book_purchases m ON m.book_id = b.id AND m.user_id = "
    ));
    query.push_bind(viewer).push(" WHERE ");
    query
}

fn push_conditions(query: &mut QueryBuilder<MySql>, which: &BookQuery) {
    match which.sellers {
        SellerScope::Active => query.push("u.deleted_at IS NULL AND u.is_active = 1"),
        SellerScope::All => query.push("u.id > 0"),
    };
    match which.deleted {
        Some(false) => drop(query.push(" AND b.deleted_at IS NULL")),
        Some(true) => drop(query.push(" AND b.deleted_at IS NOT NULL")),
        None => {}
    }
    if let Some(status) = which.status {
        query.push(" AND b.status = ").push_bind(status);
    }
    if let Some(words) = &which.words {
        query
            .push(" AND MATCH (b.title, b.author, b.description) AGAINST (")
            .push_bind(words.clone())
            .push(" IN BOOLEAN MODE)");
    }
    if let Some(prefix) = &which.title_prefix {
        query.push(" AND b.title LIKE ").push_bind(prefix.clone());
    }
    if let Some(category) = which.category_id {
        query.push(" AND b.category_id = ").push_bind(category);
    }
    if let Some(language) = which.language {
        query.push(" AND b.language = ").push_bind(language);
    }
    if let Some(user_id) = which.user_id {
        query.push(" AND b.user_id = ").push_bind(user_id);
    }
    if let Some(author) = &which.author {
        query.push(" AND b.author LIKE ").push_bind(author.clone());
    }
    if let Some(isbn) = &which.isbn {
        query.push(" AND b.isbn = ").push_bind(isbn.clone());
    }
    if let Some(price) = which.price_min {
        query.push(" AND b.price >= ").push_bind(price.to_decimal());
    }
    if let Some(price) = which.price_max {
        query.push(" AND b.price <= ").push_bind(price.to_decimal());
    }
    match which.free {
        Some(true) => drop(query.push(" AND b.price = 0")),
        Some(false) => drop(query.push(" AND b.price > 0")),
        None => {}
    }
    if let Some(rating) = which.rating_min {
        query.push(" AND b.average_rating * 100 >= ").push_bind(rating);
    }
}
