//! `GET /admin/reports` (domain.md §5.3).

use base::CommonFault;
use base::paging::{NumberedPage, NumberedRequest};
use protocol::social::{PostReport, ReportReason, ReportStatus, ReportsFilter};
use store::posts::ReportFilter;

use super::SocialError;
use super::moderators::REVIEW;
use super::view::report_view;
use crate::{Actor, App, access};

pub(super) const NO_REPORT: CommonFault = CommonFault::NotFound("report");

/// A page of the reports, the newest first, or the oldest (`descending` is false), with the permission `reports.review`.
///
/// # Errors
/// [`CommonFault::Forbidden`].
pub async fn list_reports(
    app: &App,
    actor: &Actor,
    filter: ReportsFilter,
    descending: bool,
    page: NumberedRequest,
) -> Result<NumberedPage<PostReport>, SocialError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, REVIEW).await?;
    let filter = ReportFilter {
        status: filter.status.map(ReportStatus::as_str),
        reason: filter.reason.map(ReportReason::as_str),
        post_id: filter.post_id,
    };
    let rows = store::posts::list_reports(&mut conn, filter, descending, page.offset(), page.fetch()).await?;
    let total = if page.with_total {
        let count = store::posts::count_reports(&mut conn, filter).await?;
        Some(u64::try_from(count).unwrap_or(0))
    } else {
        None
    };
    drop(conn);
    Ok(NumberedPage::from_rows(page, rows, total).try_map(|row| report_view(app, row))?)
}

/// One report, with the permission `reports.review`.
///
/// # Errors
/// [`CommonFault::Forbidden`]; `not_found`.
pub async fn find_report(app: &App, actor: &Actor, id: u64) -> Result<PostReport, SocialError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, REVIEW).await?;
    let row = store::posts::find_report(&mut conn, id).await?.ok_or(NO_REPORT)?;
    Ok(report_view(app, row)?)
}

/// Demands the permission, then that there is such a report, for a door that has to refuse others before it tells what is
/// wrong with a body (domain.md §2.2).
///
/// # Errors
/// [`CommonFault::Forbidden`]; `not_found`.
pub async fn demand_reviewer(app: &App, actor: &Actor, id: u64) -> Result<(), SocialError> {
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, REVIEW).await?;
    store::posts::find_report(&mut conn, id).await?.ok_or(NO_REPORT)?;
    Ok(())
}
