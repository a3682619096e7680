//! Sessions: booking one, and what becomes of it.

use axum::extract::State;
use axum::http::HeaderMap;
use base::{CommonFault, Problem, Time};
use chrono::NaiveDate;
use domain::{App, consultations};
use protocol::consultations::{
    BookConsultationBody, Booking, BookingFilter, BookingJoined, CancelBooking, MarkNoShow,
    RescheduleBooking, WriteNotes,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::error::{Refusal, invalid};
use crate::extract::{Caller, JsonBody, KeyedBody, Listing, Numbered, Params, PathId, Precondition, Takes};
use crate::response::{
    Answer, Condition, Data, List, NumberedList, changed, data, list, numbered, tagged, written,
};
use crate::routes::{NumberedParams, PageParams};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(book_consultation))
        .routes(routes!(list_bookings))
        .routes(routes!(list_all_bookings))
        .routes(routes!(find_booking))
        .routes(routes!(confirm_booking))
        .routes(routes!(decline_booking))
        .routes(routes!(cancel_booking))
        .routes(routes!(reschedule_booking))
        .routes(routes!(join_booking))
        .routes(routes!(complete_booking))
        .routes(routes!(mark_no_show))
        .routes(routes!(write_notes))
}

/// Books a slot, paid from the wallet. The same key again gives the same booking and charges nothing.
#[utoipa::path(
    post, path = "/api/v1/consultations/bookings", tag = "consultations", operation_id = "book_consultation",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A UUID; required, unless `client_id` is sent")),
    request_body(content = BookConsultationBody, example = json!({
        "availability_id": 1, "start": "2027-02-07T13:00:00Z", "note": "مراجعة مشروعي"
    })),
    responses(
        (status = 201, description = "The session; `Idempotent-Replayed` marks a repeat", body = Data<Booking>),
        (status = 402, description = "`insufficient_funds`, with `required` and `available`"),
        (status = 409, description = "`slot_unavailable`")
    )
)]
async fn book_consultation(
    State(app): State<App>,
    Caller(actor): Caller,
    keyed: KeyedBody<BookConsultationBody>,
) -> Answer {
    let key = keyed.key;
    let body = keyed.body.input()?;
    let key = key.ok_or(CommonFault::IdempotencyKeyRequired)?;
    let booked = consultations::book_consultation(&app, &actor, body.into_input(key)).await?;
    written(booked, |booking| (format!("/api/v1/bookings/{}", booking.id), booking))
}

/// What the list of one's own sessions takes.
struct OwnBookings;

impl Takes for OwnBookings {
    const FILTERS: &'static [&'static str] = &["filter[status]", "filter[from]", "filter[to]"];
}

/// The asker's sessions, as student, as speaker, or both.
#[utoipa::path(
    get, path = "/api/v1/me/bookings", tag = "consultations", operation_id = "list_bookings",
    security(("bearer" = [])),
    params(
        PageParams,
        ("role" = Option<String>, Query, description = "`student` or `speaker`; both where left out"),
        ("filter[status]" = Option<String>, Query,
            description = "`pending`, `scheduled`, `completed`, `cancelled` or `no_show`"),
        ("filter[from]" = Option<String>, Query, description = "Sessions that begin on this day, or at this time, or later"),
        ("filter[to]" = Option<String>, Query, description = "Sessions that begin until this day, or before this time")
    ),
    responses((status = 200, description = "A page, the latest booked first", body = List<Booking>))
)]
async fn list_bookings(
    State(app): State<App>,
    Caller(actor): Caller,
    listing: Listing<OwnBookings>,
) -> Answer {
    let role = listing.params.one_of("role", &["student", "speaker"])?;
    let filter = booking_filter(&listing.params)?;
    list(&listing, consultations::list_bookings(&app, &actor, role, filter, listing.page).await?)
}

/// What the table of all sessions takes.
struct AllBookings;

impl Takes for AllBookings {
    const FILTERS: &'static [&'static str] =
        &["filter[status]", "filter[from]", "filter[to]", "filter[student]", "filter[speaker]"];
    const SORTS: &'static [&'static str] = &["created_at", "scheduled_at"];
}

/// All sessions. For administrators, who act on one as its speaker does.
#[utoipa::path(
    get, path = "/api/v1/admin/bookings", tag = "admin", operation_id = "list_all_bookings",
    security(("bearer" = [])),
    params(
        NumberedParams,
        ("sort" = Option<String>, Query,
            description = "`created_at` or `scheduled_at`, with `-` from the last to the first; `-created_at` where left out"),
        ("filter[status]" = Option<String>, Query,
            description = "`pending`, `scheduled`, `completed`, `cancelled` or `no_show`"),
        ("filter[from]" = Option<String>, Query, description = "Sessions that begin on this day, or at this time, or later"),
        ("filter[to]" = Option<String>, Query, description = "Sessions that begin until this day, or before this time"),
        ("filter[student]" = Option<u64>, Query, description = "Of this student"),
        ("filter[speaker]" = Option<u64>, Query, description = "Of this speaker")
    ),
    responses((status = 200, description = "A page", body = NumberedList<Booking>))
)]
async fn list_all_bookings(
    State(app): State<App>,
    Caller(actor): Caller,
    listing: Numbered<AllBookings>,
) -> Answer {
    let filter = BookingFilter {
        student_id: listing.params.parsed("filter[student]")?,
        speaker_id: listing.params.parsed("filter[speaker]")?,
        ..booking_filter(&listing.params)?
    };
    let page = consultations::list_all_bookings(&app, &actor, filter, listing.sort, listing.page).await?;
    numbered(&listing, page)
}

fn booking_filter(params: &Params) -> Result<BookingFilter, Refusal> {
    const STATUSES: &[&str] = &["pending", "scheduled", "completed", "cancelled", "no_show"];
    Ok(BookingFilter {
        status: params.one_of("filter[status]", STATUSES)?,
        from: instant(params, "filter[from]", false)?,
        to: instant(params, "filter[to]", true)?,
        student_id: None,
        speaker_id: None,
    })
}

/// A time, or the beginning of a day; with `whole_day` that of the day after it, so that the day itself is meant, too.
fn instant(params: &Params, name: &'static str, whole_day: bool) -> Result<Option<Time>, Refusal> {
    let Some(text) = params.get(name) else { return Ok(None) };
    if let Ok(time) = serde_json::from_value::<Time>(text.into())
        && (1970..2_100).contains(&chrono::Datelike::year(&time.as_chrono()))
    {
        return Ok(Some(time));
    }
    let day = text.parse::<NaiveDate>().ok().filter(|_| text.len() == 10);
    let day = if whole_day { day.and_then(|day| day.succ_opt()) } else { day };
    let day = day.filter(|day| (1970..2_100).contains(&chrono::Datelike::year(day)));
    let start = day.map(|day| Time::from(day.and_time(chrono::NaiveTime::MIN).and_utc()));
    let problem = Problem::Format("a date such as 2026-01-31, or a time such as 2026-01-31T10:00:00Z");
    start.map(Some).ok_or_else(|| invalid(name, problem))
}

/// One session. For its two, and administrators.
#[utoipa::path(
    get, path = "/api/v1/bookings/{id}", tag = "consultations", operation_id = "find_booking",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The session")),
    responses((status = 200, description = "The session", body = Data<Booking>))
)]
async fn find_booking(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), consultations::find_booking(&app, &actor, id).await?)
}

/// Confirms a session that waits for the speaker's word. For its speaker.
#[utoipa::path(
    post, path = "/api/v1/bookings/{id}/confirm", tag = "consultations", operation_id = "confirm_booking",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The session")),
    responses(
        (status = 200, description = "The session is scheduled", body = Data<Booking>),
        (status = 409, description = "`illegal_transition`, `slot_unavailable`, `not_paid`")
    )
)]
async fn confirm_booking(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(consultations::confirm_booking(&app, &actor, id).await?))
}

/// Declines a session that waits for the speaker's word; everything is given back. For its speaker.
#[utoipa::path(
    post, path = "/api/v1/bookings/{id}/decline", tag = "consultations", operation_id = "decline_booking",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The session")),
    request_body(content = CancelBooking, example = json!({"reason": "مسافر هذا الأسبوع"})),
    responses(
        (status = 200, description = "The session is cancelled", body = Data<Booking>),
        (status = 409, description = "`illegal_transition`")
    )
)]
async fn decline_booking(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<CancelBooking>,
) -> Answer {
    let input = body.input_after(consultations::demand_speaker(&app, &actor, id)).await?;
    Ok(data(consultations::decline_booking(&app, &actor, id, input).await?))
}

/// Calls a session off. A student has back what the time left says; otherwise everything is given back.
#[utoipa::path(
    post, path = "/api/v1/bookings/{id}/cancel", tag = "consultations", operation_id = "cancel_booking",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The session")),
    request_body(content = CancelBooking, example = json!({"reason": "لدي موعد آخر"})),
    responses(
        (status = 200, description = "The session is cancelled; `refunded` says what was given back", body = Data<Booking>),
        (status = 409, description = "`illegal_transition`, `outside_window`")
    )
)]
async fn cancel_booking(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<CancelBooking>,
) -> Answer {
    let input = body.input_after(consultations::demand_booking(&app, &actor, id)).await?;
    Ok(data(consultations::cancel_booking(&app, &actor, id, input).await?))
}

/// Moves a session to another free slot (student, until 12 hours before), or proposes one (speaker), which the student
/// takes by moving the session to it.
#[utoipa::path(
    post, path = "/api/v1/bookings/{id}/reschedule", tag = "consultations", operation_id = "reschedule_booking",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The session")),
    request_body(content = RescheduleBooking, example = json!({"start": "2027-02-08T13:00:00Z"})),
    responses(
        (status = 200, description = "The session, moved or with `proposed_start`", body = Data<Booking>),
        (status = 409, description = "`slot_unavailable`, `not_scheduled`, `outside_window`")
    )
)]
async fn reschedule_booking(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<RescheduleBooking>,
) -> Answer {
    let input = body.input_after(consultations::demand_booking(&app, &actor, id)).await?;
    Ok(data(consultations::reschedule_booking(&app, &actor, id, input).await?))
}

/// Enters the session: the pass for its video, from ten minutes before until a quarter of an hour after. For its two.
#[utoipa::path(
    post, path = "/api/v1/bookings/{id}/join", tag = "consultations", operation_id = "join_booking",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The session")),
    responses(
        (status = 200, description = "The session, and the pass", body = Data<BookingJoined>),
        (status = 409, description = "`not_scheduled`, `outside_window`")
    )
)]
async fn join_booking(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(consultations::join_booking(&app, &actor, id).await?))
}

/// Completes a session that is over; the speaker is paid. For its speaker and administrators, who may also complete one
/// that was missed.
#[utoipa::path(
    post, path = "/api/v1/bookings/{id}/complete", tag = "consultations", operation_id = "complete_booking",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The session")),
    responses(
        (status = 200, description = "The session is completed", body = Data<Booking>),
        (status = 409, description = "`illegal_transition`, `outside_window`")
    )
)]
async fn complete_booking(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(consultations::complete_booking(&app, &actor, id).await?))
}

/// Says who did not come, from a quarter of an hour after the beginning: the speaker of the student, who has nothing
/// back; the student of the speaker, and has everything back; administrators of either.
#[utoipa::path(
    post, path = "/api/v1/bookings/{id}/no-show", tag = "consultations", operation_id = "mark_no_show",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The session")),
    request_body(content = MarkNoShow, example = json!({"who": "student"})),
    responses(
        (status = 200, description = "The session was missed", body = Data<Booking>),
        (status = 409, description = "`illegal_transition`, `outside_window`")
    )
)]
async fn mark_no_show(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<MarkNoShow>,
) -> Answer {
    let input = body.input_after(consultations::demand_booking(&app, &actor, id)).await?;
    Ok(data(consultations::mark_no_show(&app, &actor, id, input).await?))
}

/// Writes the notes of a session, which both read. For its speaker.
#[utoipa::path(
    put, path = "/api/v1/bookings/{id}/notes", tag = "consultations", operation_id = "write_notes",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The session"),
        ("If-Match" = Option<String>, Header, description = "The ETag of `find_booking`")
    ),
    request_body(content = WriteNotes, example = json!({"session_notes": "الخطوة التالية: تنظيف البيانات"})),
    responses(
        (status = 200, description = "The session", body = Data<Booking>),
        (status = 412, description = "It was changed meanwhile")
    )
)]
async fn write_notes(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<WriteNotes>,
) -> Answer {
    let input = body.input_after(consultations::demand_speaker(&app, &actor, id)).await?;
    changed(consultations::write_notes(&app, &actor, id, &version, input).await?)
}
