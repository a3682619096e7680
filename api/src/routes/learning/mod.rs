//! Learning: enrollments, progress, notes, certificates (domain.md §5.4).

mod certificates;
mod lessons;
mod notes;

use axum::extract::State;
use axum::http::HeaderMap;
use domain::App;
use domain::learning;
use protocol::learning::{Enrollment, EnrollmentDetail, EnrollmentStatus, GrantEnrollment, Student};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use crate::Door;
use crate::error::Refusal;
use crate::extract::{Caller, JsonBody, KeyHeader, Listing, Params, PathId, Takes};
use crate::response::{Answer, Condition, Data, List, created, list, repeatable, tagged, written};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(enroll))
        .routes(routes!(list_own_enrollments))
        .routes(routes!(find_enrollment))
        .routes(routes!(cancel_enrollment))
        .routes(routes!(grant_enrollment))
        .routes(routes!(list_students))
        .merge(lessons::routes())
        .merge(notes::routes())
        .merge(certificates::routes())
}

/// What lists of enrollments take.
struct Enrollments;

impl Takes for Enrollments {
    const FILTERS: &'static [&'static str] = &["filter[status]"];
}

fn status_of(params: &Params) -> Result<Option<EnrollmentStatus>, Refusal> {
    params.one_of("filter[status]", EnrollmentStatus::NAMES)
}

/// Takes the asker into a course. One that costs money is paid from the wallet and needs an `Idempotency-Key`.
#[utoipa::path(
    post, path = "/api/v1/courses/{id}/enroll", tag = "learning", operation_id = "enroll",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The course"),
        ("Idempotency-Key" = Option<String>, Header, description = "A UUID; required where the course costs money")
    ),
    responses(
        (status = 201, description = "The enrollment; `Idempotent-Replayed` marks a repeat", body = Data<Enrollment>),
        (status = 402, description = "`insufficient_funds`, with `required` and `available`"),
        (status = 409, description = "`already_enrolled`, `not_open`"),
        (status = 422, description = "`own_course`, `idempotency_key_reused`")
    )
)]
async fn enroll(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    KeyHeader(key): KeyHeader,
) -> Answer {
    let enrollment = learning::enroll(&app, &actor, id, key).await?;
    written(enrollment, |enrollment| (format!("/api/v1/enrollments/{}", enrollment.id), enrollment))
}

/// The asker's enrollments.
#[utoipa::path(
    get, path = "/api/v1/me/enrollments", tag = "learning", operation_id = "list_own_enrollments",
    security(("bearer" = [])),
    params(
        PageParams,
        ("filter[status]" = Option<String>, Query,
            description = "`active`, `completed`, `expired` or `cancelled`")
    ),
    responses((status = 200, description = "A page, newest first", body = List<Enrollment>))
)]
async fn list_own_enrollments(
    State(app): State<App>,
    Caller(actor): Caller,
    listing: Listing<Enrollments>,
) -> Answer {
    let status = status_of(&listing.params)?;
    list(&listing, learning::list_own_enrollments(&app, &actor, status, listing.page).await?)
}

/// An enrollment with its progress and the lesson that comes next.
#[utoipa::path(
    get, path = "/api/v1/enrollments/{id}", tag = "learning", operation_id = "find_enrollment",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The enrollment")),
    responses((status = 200, description = "The enrollment", body = Data<EnrollmentDetail>))
)]
async fn find_enrollment(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), learning::find_enrollment(&app, &actor, id).await?)
}

/// Ends an enrollment. What was paid is given back: to its student within 14 days and below a fifth of the course, unless the
/// settings say otherwise; by an administrator at any time.
#[utoipa::path(
    post, path = "/api/v1/enrollments/{id}/cancel", tag = "learning", operation_id = "cancel_enrollment",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The enrollment"),
        ("Idempotency-Key" = Option<String>, Header, description = "A UUID; required where money is given back")
    ),
    responses(
        (status = 200, description = "The enrollment; `Idempotent-Replayed` marks a repeat", body = Data<Enrollment>),
        (status = 409, description = "`illegal_transition`, `already_refunded`"),
        (status = 422, description = "`policy_violation`")
    )
)]
async fn cancel_enrollment(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    KeyHeader(key): KeyHeader,
) -> Answer {
    Ok(repeatable(learning::cancel_enrollment(&app, &actor, id, key).await?))
}

/// Takes a user into a course for nothing. For administrators.
#[utoipa::path(
    post, path = "/api/v1/admin/enrollments", tag = "learning", operation_id = "grant_enrollment",
    security(("bearer" = [])),
    request_body(content = GrantEnrollment, example = json!({
        "user_id": 5, "course_id": 7, "expires_at": "2027-01-31T00:00:00Z", "reason": "A prize"
    })),
    responses(
        (status = 201, description = "The enrollment", body = Data<Enrollment>),
        (status = 409, description = "`already_enrolled`, `not_open`")
    )
)]
async fn grant_enrollment(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<GrantEnrollment>,
) -> Answer {
    let input = body.input_after(learning::demand_grants(&app, &actor)).await?;
    let enrollment = learning::grant_enrollment(&app, &actor, input).await?;
    created(&format!("/api/v1/enrollments/{}", enrollment.id), enrollment)
}

/// A course's students, for its author and administrators.
#[utoipa::path(
    get, path = "/api/v1/courses/{id}/students", tag = "learning", operation_id = "list_students",
    security(("bearer" = [])),
    params(
        PageParams,
        ("id" = u64, Path, description = "The course"),
        ("filter[status]" = Option<String>, Query,
            description = "`active`, `completed`, `expired` or `cancelled`; the first two where left out")
    ),
    responses((status = 200, description = "A page, newest first", body = List<Student>))
)]
async fn list_students(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    listing: Listing<Enrollments>,
) -> Answer {
    let status = status_of(&listing.params)?;
    list(&listing, learning::list_students(&app, &actor, id, status, listing.page).await?)
}
