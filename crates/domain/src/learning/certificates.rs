//! Certificates: for their owners with a PDF, for everybody by their number (domain.md §5.4).

use std::net::IpAddr;

use base::{CommonFault, Time};
use bus::TokenBucket;
use documents::certificate_pdf;
use protocol::learning::{Certificate, VerifiedCertificate};
use store::learning::CertificateRow;

use super::access::require_holder;
use super::view::{certificate_view, enrollment_status};
use super::{LearningError, NO_CERTIFICATE, NO_ENROLLMENT};
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::{Made, attach, keep_document, release_file};
use crate::{Actor, App, in_unit};

/// What an address may ask in a minute.
const ASKED: TokenBucket = TokenBucket { capacity: 30, refill_per_sec: 0.5 };
/// A number is no longer.
const LONGEST: usize = 64;
/// Who certifies.
const ISSUER: &str = "Majlis · مجلس";

/// The certificate of an enrollment, its PDF drawn if it was not yet.
///
/// # Errors
/// `not_found` where there is none, and for another's enrollment.
pub async fn find_certificate(
    app: &App,
    actor: &Actor,
    enrollment_id: u64,
) -> Result<Certificate, LearningError> {
    actor.require("read")?;
    let row = find_own(app, actor, enrollment_id).await?;
    if row.pdf_url.as_deref().is_some_and(|path| !path.is_empty()) {
        return Ok(certificate_view(app, row));
    }
    draw(app, row, false).await
}

/// Draws the PDF of a certificate again, with the names of today, in place of the one that there is.
///
/// # Errors
/// As [`find_certificate`].
pub async fn render_certificate(
    app: &App,
    actor: &Actor,
    enrollment_id: u64,
) -> Result<Certificate, LearningError> {
    actor.require("write")?;
    let row = find_own(app, actor, enrollment_id).await?;
    draw(app, row, true).await
}

async fn find_own(app: &App, actor: &Actor, enrollment_id: u64) -> Result<CertificateRow, LearningError> {
    let mut conn = app.store.reader().await?;
    let enrollment =
        store::learning::find_enrollment(&mut conn, enrollment_id).await?.ok_or(NO_ENROLLMENT)?;
    require_holder(&mut conn, actor, &enrollment).await?;
    let row = store::learning::find_certificate(&mut conn, enrollment.id).await?;
    row.ok_or_else(|| NO_CERTIFICATE.into())
}

/// Draws, keeps and names the file. Of two who draw at once one file stays.
async fn draw(app: &App, row: CertificateRow, again: bool) -> Result<Certificate, LearningError> {
    let enrollment_id = row.enrollment_id;
    let (owner, name) = (row.user_id, format!("{}.pdf", row.certificate_number));
    // On a thread of its own: it is the processor's work.
    let drawn = tokio::task::spawn_blocking(move || {
        let issued_on = row.issued_at.map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default();
        certificate_pdf(&documents::Certificate {
            issuer: ISSUER,
            learner: &row.learner_name,
            course: &row.course_title,
            instructor: &row.author_name,
            issued_on: &issued_on,
            number: &row.certificate_number,
            verification_url: &row.verification_url,
        })
    });
    let bytes = drawn.await.map_err(CommonFault::internal)?.map_err(CommonFault::internal)?;
    let (upload_id, path) = keep_document(app, Made { owner, name, bytes }).await?;
    let row = in_unit!(app, |unit| write_file(unit, enrollment_id, upload_id, &path, again))?;
    Ok(certificate_view(app, row))
}

async fn write_file(
    unit: &mut Unit,
    enrollment_id: u64,
    upload_id: u64,
    path: &str,
    again: bool,
) -> Result<CertificateRow, LearningError> {
    let row = store::learning::lock_certificate(unit, enrollment_id).await?.ok_or(NO_CERTIFICATE)?;
    let earlier = row.pdf_url.clone().filter(|path| !path.is_empty());
    if !again && earlier.is_some() {
        // Somebody was faster; the clock takes the second file away.
        return Ok(row);
    }
    if let Some(earlier) = earlier {
        release_file(unit, Morph::Certificate, row.id, &earlier).await?;
    }
    attach(unit, &[upload_id], Morph::Certificate, row.id).await?;
    let at = Time::now_in_seconds().as_chrono();
    store::learning::update_certificate_file(unit, row.id, path, at).await?;
    let row = store::learning::find_certificate(unit, enrollment_id).await?;
    row.ok_or_else(|| NO_CERTIFICATE.into())
}

/// What anybody may know of a certificate's number: the name on it, the course, the day. An address may ask 30 times a minute.
///
/// # Errors
/// `not_found`; [`CommonFault::RateLimited`].
pub async fn verify_certificate(
    app: &App,
    ip: Option<IpAddr>,
    number: &str,
) -> Result<VerifiedCertificate, LearningError> {
    if app.settings.limits.enabled
        && let Some(ip) = ip
    {
        match app.bus.take(&format!("verify:{ip}"), 1, ASKED).await {
            Ok(allowance) if !allowance.allowed => {
                return Err(CommonFault::RateLimited(allowance.retry_after).into());
            }
            Ok(_) => {}
            // Without Redis nobody is kept from a certificate.
            Err(error) => tracing::warn!(%error, what = "verify", "a rate limit could not be asked for"),
        }
    }
    let number = number.trim().to_ascii_uppercase();
    if number.len() > LONGEST {
        return Err(NO_CERTIFICATE.into());
    }
    let mut conn = app.store.reader().await?;
    let row = store::learning::find_certificate_by_number(&mut conn, &number).await?.ok_or(NO_CERTIFICATE)?;
    let enrollment =
        store::learning::find_enrollment(&mut conn, row.enrollment_id).await?.ok_or(NO_CERTIFICATE)?;
    Ok(VerifiedCertificate {
        certificate_number: row.certificate_number,
        valid: true,
        name: row.learner_name,
        course_title: row.course_title,
        issued_at: row.issued_at.map(Time::from),
        status: enrollment_status(&enrollment.status)?,
    })
}
