//! Certificates of completed courses.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use crate::{Conn, StoreError, affected};

/// A `certificates` row with the names that it bears.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CertificateRow {
    /// Its id.
    pub id: u64,
    /// The enrollment.
    pub enrollment_id: u64,
    /// The student.
    pub user_id: UserId,
    /// The course.
    pub course_id: u64,
    /// Its number.
    pub certificate_number: String,
    /// Where the number can be verified.
    pub verification_url: String,
    /// When it was issued.
    pub issued_at: Option<DateTime<Utc>>,
    /// Path of its PDF.
    pub pdf_url: Option<String>,
    /// The student's name.
    pub learner_name: String,
    /// The course's title.
    pub course_title: String,
    /// Its author's name.
    pub author_name: String,
}

/// A certificate to be issued.
#[derive(Clone, Copy, Debug)]
pub struct NewCertificate<'a> {
    /// The enrollment.
    pub enrollment_id: u64,
    /// The student.
    pub user_id: UserId,
    /// The course.
    pub course_id: u64,
    /// Its number.
    pub number: &'a str,
    /// Where the number can be verified.
    pub verification_url: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

const CERTIFICATE: &str = "SELECT t.id, t.enrollment_id, t.user_id, t.course_id, t.certificate_number, \
    t.verification_url, t.issued_at, t.pdf_url, u.name AS learner_name, c.title AS course_title, \
    a.name AS author_name FROM certificates t JOIN users u ON u.id = t.user_id \
    JOIN courses c ON c.id = t.course_id JOIN users a ON a.id = c.user_id";

/// The certificate of an enrollment.
///
/// # Errors
/// Those of the driver.
pub async fn find_certificate(
    conn: &mut Conn,
    enrollment_id: u64,
) -> Result<Option<CertificateRow>, StoreError> {
    let mut query = QueryBuilder::new(CERTIFICATE);
    query.push(" WHERE t.enrollment_id = ").push_bind(enrollment_id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// The certificate of a number.
///
/// # Errors
/// Those of the driver.
pub async fn find_certificate_by_number(
    conn: &mut Conn,
    number: &str,
) -> Result<Option<CertificateRow>, StoreError> {
    let mut query = QueryBuilder::new(CERTIFICATE);
    query.push(" WHERE t.certificate_number = ").push_bind(number.to_owned());
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Locks the certificate of an enrollment and reads it.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_certificate(
    conn: &mut Conn,
    enrollment_id: u64,
) -> Result<Option<CertificateRow>, StoreError> {
    let locked: Option<u64> =
        sqlx::query_scalar("SELECT id FROM certificates WHERE enrollment_id = ? FOR UPDATE")
            .bind(enrollment_id)
            .fetch_optional(&mut *conn)
            .await?;
    match locked {
        Some(_) => find_certificate(conn, enrollment_id).await,
        None => Ok(None),
    }
}

/// Issues a certificate and gives its id.
///
/// # Errors
/// [`StoreError::Unique`] of `certificates_enrollment_id_unique` or `certificates_certificate_number_unique`.
pub async fn insert_certificate(conn: &mut Conn, new: NewCertificate<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO certificates (enrollment_id, user_id, course_id, certificate_number, verification_url, issued_at, \
           created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.enrollment_id)
    .bind(new.user_id)
    .bind(new.course_id)
    .bind(new.number)
    .bind(new.verification_url)
    .bind(new.at)
    .bind(new.at)
    .bind(new.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// The certificate's PDF is at this path now.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn update_certificate_file(
    conn: &mut Conn,
    id: u64,
    path: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE certificates SET pdf_url = ?, updated_at = ? WHERE id = ?")
        .bind(path)
        .bind(at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("certificates", 1, &done)
}
