//! Reports of posts, and what moderators do about them.

use axum::extract::State;
use axum::http::HeaderMap;
use domain::{App, social};
use protocol::social::{
    PostReport, PostReported, ReportPost, ReportReason, ReportStatus, ReportsFilter, ResolveReport,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, Numbered, PathId, Takes};
use crate::response::{Answer, Condition, Data, NumberedList, data, numbered, recorded, tagged};
use crate::routes::NumberedParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(report_post))
        .routes(routes!(list_reports))
        .routes(routes!(find_report))
        .routes(routes!(claim_report))
        .routes(routes!(release_report))
        .routes(routes!(resolve_report))
        .routes(routes!(dismiss_report))
}

/// Reports a post to the moderators, once: the second time gives the first report.
#[utoipa::path(
    post, path = "/api/v1/posts/{id}/reports", tag = "social", operation_id = "report_post",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The post")),
    request_body(content = ReportPost, example = json!({"reason": "spam", "details": "إعلان مكرر"})),
    responses(
        (status = 200, description = "The report that the asker has made before", body = Data<PostReported>),
        (status = 201, description = "The report", body = Data<PostReported>),
        (status = 422, description = "`own_post`, `validation_failed`")
    )
)]
async fn report_post(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<ReportPost>,
) -> Answer {
    let input = body.input_after(social::demand_post(&app, &actor, id)).await?;
    let reported = social::report_post(&app, &actor, id, input).await?;
    Ok(if reported.replayed { data(reported.answer) } else { recorded(reported) })
}

/// What the list of reports takes.
struct Reports;

impl Takes for Reports {
    const FILTERS: &'static [&'static str] = &["filter[status]", "filter[reason]", "filter[post]"];
    const SORTS: &'static [&'static str] = &["created_at"];
}

/// Reports of posts, with the permission `reports.review`.
#[utoipa::path(
    get, path = "/api/v1/admin/reports", tag = "social", operation_id = "list_reports",
    security(("bearer" = [])),
    params(
        NumberedParams,
        ("filter[status]" = Option<ReportStatus>, Query, description = "Only in this state"),
        ("filter[reason]" = Option<ReportReason>, Query, description = "Only for this reason"),
        ("filter[post]" = Option<u64>, Query, description = "Only of this post"),
        ("sort" = Option<String>, Query, description = "`-created_at` (where left out) or `created_at`")
    ),
    responses((status = 200, description = "A page", body = NumberedList<PostReport>))
)]
async fn list_reports(State(app): State<App>, Caller(actor): Caller, listing: Numbered<Reports>) -> Answer {
    const STATUSES: &[&str] = &["pending", "reviewing", "resolved", "dismissed"];
    const REASONS: &[&str] = &["spam", "harassment", "hate_speech", "violence", "misinformation", "other"];
    domain::access::demand_permission(&app, &actor, "reports.review").await?;
    let filter = ReportsFilter {
        status: listing.params.one_of("filter[status]", STATUSES)?,
        reason: listing.params.one_of("filter[reason]", REASONS)?,
        post_id: listing.params.parsed("filter[post]")?,
    };
    let descending = listing.sort.is_none_or(|sort| sort.descending);
    numbered(&listing, social::list_reports(&app, &actor, filter, descending, listing.page).await?)
}

/// One report, with the permission `reports.review`.
#[utoipa::path(
    get, path = "/api/v1/admin/reports/{id}", tag = "social", operation_id = "find_report",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The report")),
    responses((status = 200, description = "The report", body = Data<PostReport>))
)]
async fn find_report(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), social::find_report(&app, &actor, id).await?)
}

/// Takes a report on, so that others leave it alone, with the permission `reports.review`.
#[utoipa::path(
    post, path = "/api/v1/admin/reports/{id}/claim", tag = "social", operation_id = "claim_report",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The report")),
    responses(
        (status = 200, description = "The report, under review", body = Data<PostReport>),
        (status = 409, description = "`illegal_transition`")
    )
)]
async fn claim_report(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(social::claim_report(&app, &actor, id).await?))
}

/// Leaves a report to others again, with the permission `reports.review`.
#[utoipa::path(
    post, path = "/api/v1/admin/reports/{id}/release", tag = "social", operation_id = "release_report",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The report")),
    responses(
        (status = 200, description = "The report, waiting", body = Data<PostReport>),
        (status = 409, description = "`illegal_transition`")
    )
)]
async fn release_report(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(social::release_report(&app, &actor, id).await?))
}

/// Closes all open reports of a post with one outcome, with the permission `reports.review`, and that for what is done.
#[utoipa::path(
    post, path = "/api/v1/admin/reports/{id}/resolve", tag = "social", operation_id = "resolve_report",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The report")),
    request_body(content = ResolveReport, example = json!({"action": "remove_post", "note": "Advertising"})),
    responses(
        (status = 200, description = "The report, resolved", body = Data<PostReport>),
        (status = 403, description = "`forbidden`, `missing_ability`, `protected_account`"),
        (status = 409, description = "`illegal_transition`")
    )
)]
async fn resolve_report(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<ResolveReport>,
) -> Answer {
    let input = body.input_after(social::demand_reviewer(&app, &actor, id)).await?;
    Ok(data(social::resolve_report(&app, &actor, id, input).await?))
}

/// Closes all open reports of a post since there is nothing in them, with the permission `reports.review`.
#[utoipa::path(
    post, path = "/api/v1/admin/reports/{id}/dismiss", tag = "social", operation_id = "dismiss_report",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The report")),
    responses(
        (status = 200, description = "The report, dismissed", body = Data<PostReport>),
        (status = 409, description = "`illegal_transition`")
    )
)]
async fn dismiss_report(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(social::dismiss_report(&app, &actor, id).await?))
}
