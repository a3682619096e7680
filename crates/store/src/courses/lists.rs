//! Courses as catalogues and tables of administrators show them.

use base::Money;
use base::id::UserId;
use sqlx::{MySql, QueryBuilder};

use super::{COLUMNS, CourseRow};
use crate::{Conn, StoreError};

/// What a list of courses is ordered by; of equals the newest first, or last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CourseOrder {
    /// When they were made.
    #[default]
    Created,
    /// How many students they have.
    Students,
    /// What their reviews say.
    Rating,
    /// What they cost now.
    Price,
}

/// Which courses to list.
#[derive(Clone, Debug, Default)]
pub struct CourseQuery {
    /// A query of the full-text index in boolean mode.
    pub words: Option<String>,
    /// A pattern of the title, for what the index does not have.
    pub title_like: Option<String>,
    /// Of this category, primary or further.
    pub category_id: Option<u64>,
    /// `ar` or `en`.
    pub language: Option<&'static str>,
    /// `courses.level`.
    pub level: Option<&'static str>,
    /// Costs now at least so much.
    pub price_min: Option<Money>,
    /// Costs now at most so much.
    pub price_max: Option<Money>,
    /// Costs nothing now, or something.
    pub free: Option<bool>,
    /// Of this author.
    pub author_id: Option<UserId>,
    /// Rated so or better, in hundredths.
    pub rating_min: Option<u32>,
    /// `courses.status`.
    pub status: Option<&'static str>,
    /// Also those of suspended and deleted authors.
    pub any_author: bool,
    /// Deleted courses: none where left out, also (`false`), only (`true`).
    pub only_deleted: Option<bool>,
    /// The order.
    pub order: CourseOrder,
    /// From the greatest to the least?
    pub descending: bool,
    /// Rows before the page.
    pub offset: u64,
    /// At most so many.
    pub limit: u32,
}

/// A page of the courses.
///
/// # Errors
/// Those of the driver.
pub async fn list_courses(conn: &mut Conn, which: &CourseQuery) -> Result<Vec<CourseRow>, StoreError> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS);
    push_from(&mut query, which);
    query.push(match which.order {
        CourseOrder::Created => " ORDER BY c.created_at",
        CourseOrder::Students => " ORDER BY c.students_count",
        CourseOrder::Rating => " ORDER BY c.average_rating",
        CourseOrder::Price => " ORDER BY COALESCE(c.discount_price, c.price)",
    });
    query.push(if which.descending { " DESC, c.id DESC LIMIT " } else { ", c.id LIMIT " });
    query.push_bind(which.limit).push(" OFFSET ").push_bind(which.offset);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// How many courses the list has.
///
/// # Errors
/// Those of the driver.
pub async fn count_courses(conn: &mut Conn, which: &CourseQuery) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::new("SELECT COUNT(*)");
    push_from(&mut query, which);
    let count: i64 = query.build_query_scalar().fetch_one(conn).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn push_from(query: &mut QueryBuilder<MySql>, which: &CourseQuery) {
    // The courses come first, so that they are read in the order of an index and no further than the page goes.
    query.push(" FROM courses c STRAIGHT_JOIN users u ON u.id = c.user_id WHERE ");
    query.push(match which.only_deleted {
        None => "c.deleted_at IS NULL",
        Some(false) => "TRUE",
        Some(true) => "c.deleted_at IS NOT NULL",
    });
    if !which.any_author {
        query.push(" AND u.deleted_at IS NULL AND u.is_active = 1");
    }
    if let Some(status) = which.status {
        query.push(" AND c.status = ").push_bind(status);
    }
    if let Some(author) = which.author_id {
        query.push(" AND c.user_id = ").push_bind(author);
    }
    if let Some(words) = &which.words {
        query.push(" AND MATCH(c.title, c.description) AGAINST (").push_bind(words.clone());
        query.push(" IN BOOLEAN MODE)");
    }
    if let Some(pattern) = &which.title_like {
        query.push(" AND c.title LIKE ").push_bind(pattern.clone());
    }
    if let Some(category) = which.category_id {
        query.push(" AND (c.category_id = ").push_bind(category);
        query.push(" OR JSON_CONTAINS(c.additional_categories, ").push_bind(category.to_string());
        query.push("))");
    }
    if let Some(language) = which.language {
        query.push(" AND c.language = ").push_bind(language);
    }
    if let Some(level) = which.level {
        query.push(" AND c.level = ").push_bind(level);
    }
    if let Some(least) = which.price_min {
        query.push(" AND COALESCE(c.discount_price, c.price) >= ").push_bind(least.to_decimal());
    }
    if let Some(most) = which.price_max {
        query.push(" AND COALESCE(c.discount_price, c.price) <= ").push_bind(most.to_decimal());
    }
    match which.free {
        Some(true) => drop(query.push(" AND COALESCE(c.discount_price, c.price) = 0")),
        Some(false) => drop(query.push(" AND COALESCE(c.discount_price, c.price) > 0")),
        None => {}
    }
    if let Some(hundredths) = which.rating_min {
        query.push(" AND c.average_rating * 100 >= ").push_bind(hundredths);
    }
}
