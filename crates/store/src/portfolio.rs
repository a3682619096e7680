//! What people show on their profiles beside it: interests, certificates, experiences, and what speakers know
//! (domain.md §4.1 rows 3 to 6).

use base::id::UserId;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::QueryBuilder;

use crate::{Conn, StoreError, affected};

/// A category that somebody is interested in.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct InterestRow {
    /// The category.
    pub id: u64,
    /// Its name in English.
    pub name_en: String,
    /// Its name in Arabic.
    pub name_ar: String,
    /// Its name in addresses.
    pub slug: String,
}

/// What somebody is interested in, in the order of the categories.
///
/// # Errors
/// Those of the driver.
pub async fn list_interests(conn: &mut Conn, user_id: UserId) -> Result<Vec<InterestRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT c.id, c.name_en, c.name_ar, c.slug FROM user_interests i JOIN categories c ON c.id = i.category_id \
         WHERE i.user_id = ? ORDER BY c.`order`, c.id",
    )
    .bind(user_id)
    .fetch_all(conn)
    .await?)
}

/// Those of the categories that are offered.
///
/// # Errors
/// Those of the driver.
pub async fn list_active_categories(conn: &mut Conn, ids: &[u64]) -> Result<Vec<u64>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT id FROM categories WHERE is_active = 1 AND id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(")");
    Ok(query.build_query_scalar().fetch_all(conn).await?)
}

/// Puts a set of interests in the place of the one before; the owner's profile is locked.
///
/// # Errors
/// [`StoreError::Foreign`] when a category is gone.
pub async fn update_interests(
    conn: &mut Conn,
    user_id: UserId,
    ids: &[u64],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM user_interests WHERE user_id = ?").bind(user_id).execute(&mut *conn).await?;
    if ids.is_empty() {
        return Ok(());
    }
    let mut query =
        QueryBuilder::new("INSERT INTO user_interests (user_id, category_id, created_at, updated_at) ");
    query.push_values(ids, |mut row, id| {
        row.push_bind(user_id).push_bind(*id).push_bind(at).push_bind(at);
    });
    query.build().execute(conn).await?;
    Ok(())
}

/// What a speaker knows, in the speaker's order.
///
/// # Errors
/// Those of the driver.
pub async fn list_expertises(conn: &mut Conn, user_id: UserId) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT expertise FROM speaker_expertises WHERE user_id = ? ORDER BY `order`, id")
        .bind(user_id)
        .fetch_all(conn)
        .await?)
}

/// Puts what a speaker knows in the place of what was said before; the owner's profile is locked.
///
/// # Errors
/// [`StoreError::Unique`] (`speaker_expertises_user_id_expertise_unique`) where the collation takes two for the same.
pub async fn update_expertises(
    conn: &mut Conn,
    user_id: UserId,
    expertises: &[String],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM speaker_expertises WHERE user_id = ?").bind(user_id).execute(&mut *conn).await?;
    if expertises.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new(
        "INSERT INTO speaker_expertises (user_id, expertise, `order`, created_at, updated_at) ",
    );
    query.push_values((0_u32..).zip(expertises), |mut row, (order, expertise)| {
        row.push_bind(user_id).push_bind(expertise).push_bind(order).push_bind(at).push_bind(at);
    });
    query.build().execute(conn).await?;
    Ok(())
}

/// A certificate that somebody shows.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CertificateRow {
    /// Its id.
    pub id: u64,
    /// What it says.
    pub title: String,
    /// Who gave it.
    pub issuer: String,
    /// When.
    pub issue_date: NaiveDate,
    /// Until when it is good.
    pub expiry_date: Option<NaiveDate>,
    /// Its number at the issuer.
    pub credential_id: Option<String>,
    /// Where to see it.
    pub credential_url: Option<String>,
}

/// What a certificate is written with.
#[derive(Clone, Copy, Debug)]
pub struct CertificateData<'a> {
    /// What it says.
    pub title: &'a str,
    /// Who gave it.
    pub issuer: &'a str,
    /// When.
    pub issue_date: NaiveDate,
    /// Until when it is good.
    pub expiry_date: Option<NaiveDate>,
    /// Its number at the issuer.
    pub credential_id: Option<&'a str>,
    /// Where to see it.
    pub credential_url: Option<&'a str>,
}

const CERTIFICATE: &str = "SELECT id, title, issuer, issue_date, expiry_date, credential_id, credential_url FROM user_certificates WHERE ";

/// Somebody's certificates, in their order.
///
/// # Errors
/// Those of the driver.
pub async fn list_certificates(conn: &mut Conn, user_id: UserId) -> Result<Vec<CertificateRow>, StoreError> {
    let mut query = QueryBuilder::new(CERTIFICATE);
    query.push("user_id = ").push_bind(user_id).push(" ORDER BY `order`, id");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// One of somebody's certificates.
///
/// # Errors
/// Those of the driver.
pub async fn find_certificate(
    conn: &mut Conn,
    user_id: UserId,
    id: u64,
) -> Result<Option<CertificateRow>, StoreError> {
    let mut query = QueryBuilder::new(CERTIFICATE);
    query.push("user_id = ").push_bind(user_id).push(" AND id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Adds a certificate at a place; gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_certificate(
    conn: &mut Conn,
    user_id: UserId,
    data: &CertificateData<'_>,
    order: u32,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO user_certificates (user_id, title, issuer, issue_date, expiry_date, credential_id, \
         credential_url, `order`, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(user_id)
    .bind(data.title)
    .bind(data.issuer)
    .bind(data.issue_date)
    .bind(data.expiry_date)
    .bind(data.credential_id)
    .bind(data.credential_url)
    .bind(order)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes a certificate anew.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is none.
pub async fn update_certificate(
    conn: &mut Conn,
    user_id: UserId,
    id: u64,
    data: &CertificateData<'_>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE user_certificates SET title = ?, issuer = ?, issue_date = ?, expiry_date = ?, credential_id = ?, \
         credential_url = ?, updated_at = ? WHERE id = ? AND user_id = ?",
    )
    .bind(data.title)
    .bind(data.issuer)
    .bind(data.issue_date)
    .bind(data.expiry_date)
    .bind(data.credential_id)
    .bind(data.credential_url)
    .bind(at)
    .bind(id)
    .bind(user_id)
    .execute(conn)
    .await?;
    affected("user_certificates", 1, &done)
}

/// A job that somebody shows.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ExperienceRow {
    /// Its id.
    pub id: u64,
    /// What one was.
    pub title: String,
    /// Where.
    pub company: String,
    /// `full_time`, `part_time`, `contract`, `freelance`, `internship` or `volunteer`.
    pub employment_type: String,
    /// In which place.
    pub location: Option<String>,
    /// Since when.
    pub start_date: NaiveDate,
    /// Until when.
    pub end_date: Option<NaiveDate>,
    /// Still?
    pub is_current: bool,
    /// What one did.
    pub description: Option<String>,
}

/// What a job is written with.
#[derive(Clone, Copy, Debug)]
pub struct ExperienceData<'a> {
    /// What one was.
    pub title: &'a str,
    /// Where.
    pub company: &'a str,
    /// `full_time`, `part_time`, `contract`, `freelance`, `internship` or `volunteer`.
    pub employment_type: &'a str,
    /// In which place.
    pub location: Option<&'a str>,
    /// Since when.
    pub start_date: NaiveDate,
    /// Until when.
    pub end_date: Option<NaiveDate>,
    /// Still?
    pub is_current: bool,
    /// What one did.
    pub description: Option<&'a str>,
}

const EXPERIENCE: &str = "SELECT id, title, company, employment_type, location, start_date, end_date, is_current, \
     description FROM user_experiences WHERE ";

/// Somebody's jobs, in their order.
///
/// # Errors
/// Those of the driver.
pub async fn list_experiences(conn: &mut Conn, user_id: UserId) -> Result<Vec<ExperienceRow>, StoreError> {
    let mut query = QueryBuilder::new(EXPERIENCE);
    query.push("user_id = ").push_bind(user_id).push(" ORDER BY `order`, id");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// One of somebody's jobs.
///
/// # Errors
/// Those of the driver.
pub async fn find_experience(
    conn: &mut Conn,
    user_id: UserId,
    id: u64,
) -> Result<Option<ExperienceRow>, StoreError> {
    let mut query = QueryBuilder::new(EXPERIENCE);
    query.push("user_id = ").push_bind(user_id).push(" AND id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Adds a job at a place; gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_experience(
    conn: &mut Conn,
    user_id: UserId,
    data: &ExperienceData<'_>,
    order: u32,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO user_experiences (user_id, title, company, employment_type, location, start_date, end_date, \
         is_current, description, `order`, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(user_id)
    .bind(data.title)
    .bind(data.company)
    .bind(data.employment_type)
    .bind(data.location)
    .bind(data.start_date)
    .bind(data.end_date)
    .bind(data.is_current)
    .bind(data.description)
    .bind(order)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes a job anew.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is none.
pub async fn update_experience(
    conn: &mut Conn,
    user_id: UserId,
    id: u64,
    data: &ExperienceData<'_>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE user_experiences SET title = ?, company = ?, employment_type = ?, location = ?, start_date = ?, \
         end_date = ?, is_current = ?, description = ?, updated_at = ? WHERE id = ? AND user_id = ?",
    )
    .bind(data.title)
    .bind(data.company)
    .bind(data.employment_type)
    .bind(data.location)
    .bind(data.start_date)
    .bind(data.end_date)
    .bind(data.is_current)
    .bind(data.description)
    .bind(at)
    .bind(id)
    .bind(user_id)
    .execute(conn)
    .await?;
    affected("user_experiences", 1, &done)
}

/// A list of rows that somebody shows in an order of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// `user_certificates`.
    Certificates,
    /// `user_experiences`.
    Experiences,
}

impl Shelf {
    const fn table(self) -> &'static str {
        match self {
            Self::Certificates => "user_certificates",
            Self::Experiences => "user_experiences",
        }
    }
}

/// The ids of a shelf, in its order.
///
/// # Errors
/// Those of the driver.
pub async fn list_shelf(conn: &mut Conn, shelf: Shelf, user_id: UserId) -> Result<Vec<u64>, StoreError> {
    let mut query = QueryBuilder::new("SELECT id FROM ");
    query.push(shelf.table()).push(" WHERE user_id = ").push_bind(user_id).push(" ORDER BY `order`, id");
    Ok(query.build_query_scalar().fetch_all(conn).await?)
}

/// Takes a row from a shelf; `false` where it is not there.
///
/// # Errors
/// Those of the driver.
pub async fn delete_shelved(
    conn: &mut Conn,
    shelf: Shelf,
    user_id: UserId,
    id: u64,
) -> Result<bool, StoreError> {
    let mut query = QueryBuilder::new("DELETE FROM ");
    query.push(shelf.table()).push(" WHERE id = ").push_bind(id).push(" AND user_id = ").push_bind(user_id);
    Ok(query.build().execute(conn).await?.rows_affected() == 1)
}

/// Numbers a shelf from 0 in the order of `ids`, which are all of it, in one statement.
///
/// # Errors
/// Those of the driver.
pub async fn update_order(
    conn: &mut Conn,
    shelf: Shelf,
    user_id: UserId,
    ids: &[u64],
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("UPDATE ");
    query.push(shelf.table()).push(" SET `order` = FIELD(id");
    for id in ids {
        query.push(", ").push_bind(*id);
    }
    query.push(") - 1 WHERE user_id = ").push_bind(user_id);
    query.build().execute(conn).await?;
    Ok(())
}
