//! `/me/certificates` and `GET /users/{id}/certificates`.

use base::text::cleaned;
use base::{CommonFault, Problem, Violations};
use chrono::NaiveDate;
use protocol::portfolio::{AddCertificate, Order, ProfileCertificate, UpdateCertificate};
use store::portfolio::{CertificateData, CertificateRow, Shelf};

use super::shelf::{self, MAX_TEXT, check_optional, check_text, date, lock_place, now, open_profile};
use crate::unit::Unit;
use crate::users::{UserError, lock_profile};
use crate::{Actor, App, in_unit};

/// The actor's certificates, in their order.
///
/// # Errors
/// Those of the store.
pub async fn list_certificates(app: &App, actor: &Actor) -> Result<Vec<ProfileCertificate>, UserError> {
    actor.require("read")?;
    read(app, actor.user_id()).await
}

/// Somebody's certificates, for whoever may see the profile.
///
/// # Errors
/// [`CommonFault::NotFound`].
pub async fn list_certificates_of(
    app: &App,
    viewer: Option<&Actor>,
    user: &str,
) -> Result<Vec<ProfileCertificate>, UserError> {
    let user_id = open_profile(app, viewer, user).await?;
    read(app, user_id).await
}

async fn read(app: &App, user_id: u64) -> Result<Vec<ProfileCertificate>, UserError> {
    let mut conn = app.store.reader().await?;
    let rows = store::portfolio::list_certificates(&mut conn, user_id).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// Adds a certificate at the end.
///
/// # Errors
/// [`CommonFault::Invalid`].
pub async fn add_certificate(
    app: &App,
    actor: &Actor,
    input: AddCertificate,
) -> Result<ProfileCertificate, UserError> {
    actor.require("write")?;
    let draft = Draft::new(input)?;
    in_unit!(app, |unit| write_new(unit, actor.user_id(), &draft))
}

async fn write_new(unit: &mut Unit, user_id: u64, draft: &Draft) -> Result<ProfileCertificate, UserError> {
    let place = lock_place(unit, Shelf::Certificates, user_id).await?;
    let id = store::portfolio::insert_certificate(unit, user_id, &draft.data(), place, now()).await?;
    Ok(draft.view(id))
}

/// Changes what is given of a certificate.
///
/// # Errors
/// [`CommonFault::NotFound`]; [`CommonFault::Invalid`].
pub async fn update_certificate(
    app: &App,
    actor: &Actor,
    id: u64,
    input: UpdateCertificate,
) -> Result<ProfileCertificate, UserError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_change(unit, actor.user_id(), id, &input))
}

async fn write_change(
    unit: &mut Unit,
    user_id: u64,
    id: u64,
    input: &UpdateCertificate,
) -> Result<ProfileCertificate, UserError> {
    lock_profile(unit, user_id).await?;
    let row = store::portfolio::find_certificate(unit, user_id, id).await?;
    let row = view(row.ok_or(CommonFault::NotFound("resource"))?);
    let input = input.clone();
    let draft = Draft::new(AddCertificate {
        title: input.title.unwrap_or(row.title),
        issuer: input.issuer.unwrap_or(row.issuer),
        issue_date: input.issue_date.unwrap_or(row.issue_date),
        expiry_date: input.expiry_date.unwrap_or(row.expiry_date),
        credential_id: input.credential_id.unwrap_or(row.credential_id),
        credential_url: input.credential_url.unwrap_or(row.credential_url),
    })?;
    store::portfolio::update_certificate(unit, user_id, id, &draft.data(), now()).await?;
    Ok(draft.view(id))
}

/// Takes a certificate away.
///
/// # Errors
/// [`CommonFault::NotFound`].
pub async fn remove_certificate(app: &App, actor: &Actor, id: u64) -> Result<(), UserError> {
    shelf::remove(app, actor, Shelf::Certificates, id).await
}

/// Puts the certificates into another order.
///
/// # Errors
/// A violation of `ids` for anything but all ids, each once.
pub async fn order_certificates(
    app: &App,
    actor: &Actor,
    input: Order,
) -> Result<Vec<ProfileCertificate>, UserError> {
    shelf::order(app, actor, Shelf::Certificates, &input).await?;
    read(app, actor.user_id()).await
}

/// A certificate as it is written.
struct Draft {
    title: String,
    issuer: String,
    issue_date: NaiveDate,
    expiry_date: Option<NaiveDate>,
    credential_id: Option<String>,
    credential_url: Option<String>,
}

impl Draft {
    fn new(input: AddCertificate) -> Result<Self, UserError> {
        let mut violations = Violations::none();
        let (title, issuer) = (base::text::clean(&input.title), base::text::clean(&input.issuer));
        check_text("title", &title, &mut violations);
        check_text("issuer", &issuer, &mut violations);
        let issue_date = date("issue_date", &input.issue_date, &mut violations);
        let expiry_date =
            input.expiry_date.as_deref().and_then(|text| date("expiry_date", text, &mut violations));
        if let (Some(issued), Some(expires)) = (issue_date, expiry_date) {
            let holds = expires >= issued;
            violations.require(holds, "expiry_date", Problem::TooSmall(issued.to_string()));
        }
        let (credential_id, credential_url) = (cleaned(input.credential_id), cleaned(input.credential_url));
        check_optional("credential_id", credential_id.as_deref(), MAX_TEXT, &mut violations);
        check_optional("credential_url", credential_url.as_deref(), MAX_TEXT, &mut violations);
        let https = credential_url.as_deref().is_none_or(crate::users::social_links::is_web_address);
        violations.require(https, "credential_url", Problem::Format("an https address"));
        violations.into_result()?;
        let issue_date =
            issue_date.ok_or_else(|| CommonFault::internal("a date without violations is missing"))?;
        Ok(Self { title, issuer, issue_date, expiry_date, credential_id, credential_url })
    }

    fn data(&self) -> CertificateData<'_> {
        CertificateData {
            title: &self.title,
            issuer: &self.issuer,
            issue_date: self.issue_date,
            expiry_date: self.expiry_date,
            credential_id: self.credential_id.as_deref(),
            credential_url: self.credential_url.as_deref(),
        }
    }

    fn view(&self, id: u64) -> ProfileCertificate {
        ProfileCertificate {
            id,
            title: self.title.clone(),
            issuer: self.issuer.clone(),
            issue_date: self.issue_date.to_string(),
            expiry_date: self.expiry_date.map(|date| date.to_string()),
            credential_id: self.credential_id.clone(),
            credential_url: self.credential_url.clone(),
        }
    }
}

fn view(row: CertificateRow) -> ProfileCertificate {
    ProfileCertificate {
        id: row.id,
        title: row.title,
        issuer: row.issuer,
        issue_date: row.issue_date.to_string(),
        expiry_date: row.expiry_date.map(|date| date.to_string()),
        credential_id: row.credential_id,
        credential_url: row.credential_url,
    }
}
