//! What the two say of each other after a session.

use axum::extract::State;
use axum::http::HeaderMap;
use domain::{App, consultations};
use protocol::consultations::{RateBooking, Rating, UpdateRating};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::speakers::SomeSpeaker;
use crate::Door;
use crate::extract::{Caller, JsonBody, Listing, MaybeCaller, PathId, Precondition, WholeList};
use crate::response::{Answer, Condition, Data, List, changed, created, list, tagged};
use crate::routes::PageParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_booking_ratings, rate_booking, update_rating))
        .routes(routes!(list_speaker_ratings))
}

/// What the two said of each other after a session. For its two, and administrators.
#[utoipa::path(
    get, path = "/api/v1/bookings/{id}/ratings", tag = "consultations", operation_id = "list_booking_ratings",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The session")),
    responses((status = 200, description = "None, one or two ratings", body = Data<Vec<Rating>>))
)]
async fn list_booking_ratings(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    _: WholeList,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), consultations::list_booking_ratings(&app, &actor, id).await?)
}

/// Rates the other one of a completed session, once and within 30 days. For its two.
#[utoipa::path(
    post, path = "/api/v1/bookings/{id}/ratings", tag = "consultations", operation_id = "rate_booking",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The session")),
    request_body(content = RateBooking, example = json!({"rating": 5, "review": "شرح واضح"})),
    responses(
        (status = 201, description = "The rating", body = Data<Rating>),
        (status = 409, description = "`not_completed`, `already_rated`")
    )
)]
async fn rate_booking(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<RateBooking>,
) -> Answer {
    let input = body.input_after(consultations::demand_party(&app, &actor, id)).await?;
    let rating = consultations::rate_booking(&app, &actor, id, input).await?;
    created(&format!("/api/v1/bookings/{id}/ratings"), rating)
}

/// Changes the asker's own rating, within 48 hours.
#[utoipa::path(
    patch, path = "/api/v1/bookings/{id}/ratings", tag = "consultations", operation_id = "update_rating",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The session"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the last change of it answered")
    ),
    request_body(content = UpdateRating, example = json!({"rating": 4})),
    responses(
        (status = 200, description = "The rating as it is now", body = Data<Rating>),
        (status = 412, description = "It was changed meanwhile")
    )
)]
async fn update_rating(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<UpdateRating>,
) -> Answer {
    let input = body.input_after(consultations::demand_party(&app, &actor, id)).await?;
    changed(consultations::update_rating(&app, &actor, id, &version, input).await?)
}

/// What students said of a speaker.
#[utoipa::path(
    get, path = "/api/v1/speakers/{id}/ratings", tag = "consultations", operation_id = "list_speaker_ratings",
    security((), ("bearer" = [])),
    params(("id" = String, Path, description = "Id of a user, or `me`"), PageParams),
    responses((status = 200, description = "A page, newest first", body = List<Rating>))
)]
async fn list_speaker_ratings(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    path: SomeSpeaker,
    listing: Listing,
) -> Answer {
    let id = path.id(viewer.as_ref())?;
    list(&listing, consultations::list_speaker_ratings(&app, viewer.as_ref(), id, listing.page).await?)
}
