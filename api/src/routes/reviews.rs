//! Reviews of courses and books (domain.md §4.3 `hub_reviews`).

use axum::extract::State;
use base::Problem;
use domain::App;
use domain::reviews;
use protocol::reviews::{CreateReview, Review, Reviewable, UpdateReview};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use super::courses::path_user;
use crate::Door;
use crate::error::{Refusal, invalid};
use crate::extract::{Caller, JsonBody, Listing, MaybeCaller, Params, PathId, PathText, Precondition, Takes};
use crate::response::{Answer, Data, List, changed, created, list, no_content};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(
            list_course_reviews,
            create_course_review,
            update_own_course_review,
            delete_own_course_review
        ))
        .routes(routes!(
            list_book_reviews,
            create_book_review,
            update_own_book_review,
            delete_own_book_review
        ))
        .routes(routes!(update_review, delete_review))
        .routes(routes!(list_user_reviews))
}

/// What the reviews of a thing are filtered by.
struct Reviews;

impl Takes for Reviews {
    const FILTERS: &'static [&'static str] = &["filter[rating]"];
}

fn stars(params: &Params) -> Result<Option<u8>, Refusal> {
    let Some(rating) = params.parsed::<u8>("filter[rating]")? else { return Ok(None) };
    if (1..=5).contains(&rating) {
        return Ok(Some(rating));
    }
    Err(invalid("filter[rating]", Problem::NotOneOf(&["1", "2", "3", "4", "5"])))
}

/// Reviews of a course, newest first.
#[utoipa::path(
    get, path = "/api/v1/courses/{id}/reviews", tag = "reviews", operation_id = "list_course_reviews",
    security((), ("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The course"),
        PageParams,
        ("filter[rating]" = Option<u8>, Query, description = "With so many stars, 1 to 5")
    ),
    responses((status = 200, description = "A page", body = List<Review>))
)]
async fn list_course_reviews(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    listing: Listing<Reviews>,
) -> Answer {
    let (what, rating) = ((Reviewable::Course, id), stars(&listing.params)?);
    list(&listing, reviews::list_reviews(&app, viewer.as_ref(), what, rating, listing.page).await?)
}

/// Reviews a course, once. For those who have it and have done a fifth of it.
#[utoipa::path(
    post, path = "/api/v1/courses/{id}/reviews", tag = "reviews", operation_id = "create_course_review",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The course")),
    request_body(content = CreateReview, example = json!({"rating": 5, "body": "شرح واضح"})),
    responses(
        (status = 201, description = "The review", body = Data<Review>),
        (status = 403, description = "`not_entitled`"),
        (status = 409, description = "`duplicate`"),
        (status = 422, description = "`validation_failed`, or `too_early`")
    )
)]
async fn create_course_review(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<CreateReview>,
) -> Answer {
    let what = (Reviewable::Course, id);
    let input = body.input_after(reviews::demand_share(&app, &actor, what)).await?;
    let review = reviews::create_review(&app, &actor, what, input).await?;
    created(&format!("/api/v1/courses/{id}/reviews"), review)
}

/// Changes one's own review of a course.
#[utoipa::path(
    patch, path = "/api/v1/courses/{id}/reviews", tag = "reviews", operation_id = "update_own_course_review",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The course"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the review as it was last answered")
    ),
    request_body(content = UpdateReview, example = json!({"rating": 4})),
    responses(
        (status = 200, description = "The review as it is now", body = Data<Review>),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn update_own_course_review(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<UpdateReview>,
) -> Answer {
    let what = (Reviewable::Course, id);
    let input = body.input_after(reviews::demand_own_review(&app, &actor, what)).await?;
    changed(reviews::update_own_review(&app, &actor, what, &version, input).await?)
}

/// Takes one's own review of a course away.
#[utoipa::path(
    delete, path = "/api/v1/courses/{id}/reviews", tag = "reviews", operation_id = "delete_own_course_review",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The course"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the review as it was last answered")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn delete_own_course_review(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
) -> Answer {
    reviews::delete_own_review(&app, &actor, (Reviewable::Course, id), &version).await?;
    Ok(no_content())
}

/// Reviews of a book, newest first.
#[utoipa::path(
    get, path = "/api/v1/books/{id}/reviews", tag = "reviews", operation_id = "list_book_reviews",
    security((), ("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The book"),
        PageParams,
        ("filter[rating]" = Option<u8>, Query, description = "With so many stars, 1 to 5")
    ),
    responses((status = 200, description = "A page", body = List<Review>))
)]
async fn list_book_reviews(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    listing: Listing<Reviews>,
) -> Answer {
    let (what, rating) = ((Reviewable::Book, id), stars(&listing.params)?);
    list(&listing, reviews::list_reviews(&app, viewer.as_ref(), what, rating, listing.page).await?)
}

/// Reviews a book, once. For those who have bought it.
#[utoipa::path(
    post, path = "/api/v1/books/{id}/reviews", tag = "reviews", operation_id = "create_book_review",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The book")),
    request_body(content = CreateReview, example = json!({"rating": 5, "body": "كتاب جميل"})),
    responses(
        (status = 201, description = "The review", body = Data<Review>),
        (status = 403, description = "`not_entitled`"),
        (status = 409, description = "`duplicate`")
    )
)]
async fn create_book_review(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<CreateReview>,
) -> Answer {
    let what = (Reviewable::Book, id);
    let input = body.input_after(reviews::demand_share(&app, &actor, what)).await?;
    let review = reviews::create_review(&app, &actor, what, input).await?;
    created(&format!("/api/v1/books/{id}/reviews"), review)
}

/// Changes one's own review of a book.
#[utoipa::path(
    patch, path = "/api/v1/books/{id}/reviews", tag = "reviews", operation_id = "update_own_book_review",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The book"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the review as it was last answered")
    ),
    request_body(content = UpdateReview, example = json!({"body": null})),
    responses(
        (status = 200, description = "The review as it is now", body = Data<Review>),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn update_own_book_review(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<UpdateReview>,
) -> Answer {
    let what = (Reviewable::Book, id);
    let input = body.input_after(reviews::demand_own_review(&app, &actor, what)).await?;
    changed(reviews::update_own_review(&app, &actor, what, &version, input).await?)
}

/// Takes one's own review of a book away.
#[utoipa::path(
    delete, path = "/api/v1/books/{id}/reviews", tag = "reviews", operation_id = "delete_own_book_review",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The book"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the review as it was last answered")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn delete_own_book_review(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
) -> Answer {
    reviews::delete_own_review(&app, &actor, (Reviewable::Book, id), &version).await?;
    Ok(no_content())
}

/// Changes one's own review.
#[utoipa::path(
    patch, path = "/api/v1/reviews/{id}", tag = "reviews", operation_id = "update_review",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The review"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the review as it was last answered")
    ),
    request_body(content = UpdateReview, example = json!({"rating": 3, "body": "جيد"})),
    responses(
        (status = 200, description = "The review as it is now", body = Data<Review>),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn update_review(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<UpdateReview>,
) -> Answer {
    let input = body.input_after(reviews::demand_review(&app, &actor, id)).await?;
    changed(reviews::update_review(&app, &actor, id, &version, input).await?)
}

/// Takes a review away: one's own, or as a moderator.
#[utoipa::path(
    delete, path = "/api/v1/reviews/{id}", tag = "reviews", operation_id = "delete_review",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The review"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the review as it was last answered")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn delete_review(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
) -> Answer {
    reviews::delete_review(&app, &actor, id, &version).await?;
    Ok(no_content())
}

/// What somebody wrote, newest first.
#[utoipa::path(
    get, path = "/api/v1/users/{id}/reviews", tag = "reviews", operation_id = "list_user_reviews",
    security((), ("bearer" = [])),
    params(("id" = String, Path, description = "The writer: an id, or `me`"), PageParams),
    responses((status = 200, description = "A page", body = List<Review>))
)]
async fn list_user_reviews(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathText(user): PathText,
    listing: Listing,
) -> Answer {
    let user_id = path_user(&user, viewer.as_ref())?;
    list(&listing, reviews::list_reviews_by(&app, viewer.as_ref(), user_id, listing.page).await?)
}
