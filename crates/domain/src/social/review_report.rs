//! `POST /admin/reports/{id}/claim` and `/release` (domain.md §5.3).

use base::Time;
use base::id::UserId;
use protocol::Event;
use protocol::social::{PostReport, ReportStatus};

use super::SocialError;
use super::list_reports::NO_REPORT;
use super::moderators::{REVIEW, list_moderators, tell_moderators};
use super::view::{report_status, report_view};
use crate::machine;
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// Takes a report on, so that others leave it alone, with the permission `reports.review`.
///
/// # Errors
/// [`base::CommonFault::Forbidden`]; `not_found`; `illegal_transition` where it does not wait.
pub async fn claim_report(app: &App, actor: &Actor, id: u64) -> Result<PostReport, SocialError> {
    actor.require("write")?;
    let reviewer = Some(actor.user_id());
    in_unit!(app, |unit| write_step(app, unit, actor, id, (ReportStatus::Reviewing, reviewer)))
}

/// Leaves a report to others again, with the permission `reports.review`.
///
/// # Errors
/// [`base::CommonFault::Forbidden`]; `not_found`; `illegal_transition` where nobody has taken it on.
pub async fn release_report(app: &App, actor: &Actor, id: u64) -> Result<PostReport, SocialError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_step(app, unit, actor, id, (ReportStatus::Pending, None)))
}

async fn write_step(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    (to, reviewer): (ReportStatus, Option<UserId>),
) -> Result<PostReport, SocialError> {
    access::require_permission(unit, actor, REVIEW).await?;
    let status = store::posts::lock_report(unit, id).await?.ok_or(NO_REPORT)?;
    machine::step(report_status(&status)?, to)?;
    let at = Time::now_in_seconds().as_chrono();
    store::posts::update_report_status(unit, id, to.as_str(), reviewer, at).await?;
    let moderators = list_moderators(unit).await?;
    tell_moderators(unit, &moderators, &Event::ReportClaimed { report_id: id, by: reviewer });
    let row = store::posts::find_report(unit, id).await?.ok_or(NO_REPORT)?;
    Ok(report_view(app, row)?)
}
