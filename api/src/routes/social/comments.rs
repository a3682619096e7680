//! Comments on posts, and shares of them.

use axum::extract::State;
use axum::http::HeaderMap;
use domain::{App, social};
use protocol::social::{Comment, CreateComment, Share, SharePost, UpdateComment};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, KeyHeader, Listing, MaybeCaller, PathId, Precondition};
use crate::response::{Answer, Condition, Data, List, changed, data, list, no_content, tagged, written};
use crate::routes::PageParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_comments, create_comment))
        .routes(routes!(find_comment, update_comment, delete_comment))
        .routes(routes!(list_replies))
        .routes(routes!(pin_comment, unpin_comment))
        .routes(routes!(list_shares, share_post))
        .routes(routes!(delete_share))
}

/// Comments on a post that answer none. For whoever sees the post.
#[utoipa::path(
    get, path = "/api/v1/posts/{id}/comments", tag = "social", operation_id = "list_comments",
    security((), ("bearer" = [])), params(("id" = u64, Path, description = "The post"), PageParams),
    responses((
        status = 200,
        description = "A page: the one on top first, then the newest; deleted ones with answers are empty places",
        body = List<Comment>
    ))
)]
async fn list_comments(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    listing: Listing,
) -> Answer {
    list(&listing, social::list_comments(&app, viewer.as_ref(), id, listing.page).await?)
}

/// Comments on a post, or answers a comment on it. The same `Idempotency-Key` again gives the same comment.
#[utoipa::path(
    post, path = "/api/v1/posts/{id}/comments", tag = "social", operation_id = "create_comment",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The post"),
        ("Idempotency-Key" = Option<String>, Header, description = "A UUID")
    ),
    request_body(content = CreateComment, example = json!({"content": "أحسنت!"})),
    responses((status = 201, description = "The comment; `Idempotent-Replayed` marks a repeat", body = Data<Comment>))
)]
async fn create_comment(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    KeyHeader(key): KeyHeader,
    body: JsonBody<CreateComment>,
) -> Answer {
    let input = body.input_after(social::demand_post(&app, &actor, id)).await?;
    let commented = social::create_comment(&app, &actor, id, input, key).await?;
    written(commented, |comment| (format!("/api/v1/comments/{}", comment.id), comment))
}

/// A comment. For whoever sees its post.
#[utoipa::path(
    get, path = "/api/v1/comments/{id}", tag = "social", operation_id = "find_comment",
    security((), ("bearer" = [])), params(("id" = u64, Path, description = "The comment")),
    responses((status = 200, description = "The comment", body = Data<Comment>))
)]
async fn find_comment(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), social::find_comment(&app, viewer.as_ref(), id).await?)
}

/// Changes the words of one's own comment.
#[utoipa::path(
    patch, path = "/api/v1/comments/{id}", tag = "social", operation_id = "update_comment",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The comment"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the version that is changed")
    ),
    request_body(content = UpdateComment, example = json!({"content": "أحسنتم!"})),
    responses(
        (status = 200, description = "The comment as it is now", body = Data<Comment>),
        (status = 403, description = "`forbidden`"),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn update_comment(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<UpdateComment>,
) -> Answer {
    let input = body.input_after(social::demand_own_comment(&app, &actor, id)).await?;
    changed(social::update_comment(&app, &actor, id, input, &version).await?)
}

/// Deletes a comment; where it has answers its place stays. For its author, the author of the post, and moderators.
#[utoipa::path(
    delete, path = "/api/v1/comments/{id}", tag = "social", operation_id = "delete_comment",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The comment"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the version that is deleted")
    ),
    responses(
        (status = 204, description = "Only its place is left, if at all"),
        (status = 403, description = "`forbidden`"),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn delete_comment(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
) -> Answer {
    social::delete_comment(&app, &actor, id, &version).await?;
    Ok(no_content())
}

/// Answers to a comment. For whoever sees its post.
#[utoipa::path(
    get, path = "/api/v1/comments/{id}/replies", tag = "social", operation_id = "list_replies",
    security((), ("bearer" = [])), params(("id" = u64, Path, description = "The comment"), PageParams),
    responses((status = 200, description = "A page, the oldest first", body = List<Comment>))
)]
async fn list_replies(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    listing: Listing,
) -> Answer {
    list(&listing, social::list_replies(&app, viewer.as_ref(), id, listing.page).await?)
}

/// Puts a comment on top of one's own post, in place of the one that is there.
#[utoipa::path(
    post, path = "/api/v1/comments/{id}/pin", tag = "social", operation_id = "pin_comment",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The comment")),
    responses(
        (status = 200, description = "The comment, pinned", body = Data<Comment>),
        (status = 403, description = "`forbidden`")
    )
)]
async fn pin_comment(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(social::pin_comment(&app, &actor, id).await?))
}

/// Takes a comment down from the top of one's own post; once more changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/comments/{id}/pin", tag = "social", operation_id = "unpin_comment",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The comment")),
    responses(
        (status = 204, description = "It is not on top"),
        (status = 403, description = "`forbidden`")
    )
)]
async fn unpin_comment(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    social::unpin_comment(&app, &actor, id).await?;
    Ok(no_content())
}

/// Shares of a post. For whoever is signed in and sees it.
#[utoipa::path(
    get, path = "/api/v1/posts/{id}/shares", tag = "social", operation_id = "list_shares",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The post"), PageParams),
    responses((status = 200, description = "A page, the newest first", body = List<Share>))
)]
async fn list_shares(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    listing: Listing,
) -> Answer {
    list(&listing, social::list_shares(&app, &actor, id, listing.page).await?)
}

/// Shares a post: it appears in one's timeline. The same `Idempotency-Key` again gives the same share.
#[utoipa::path(
    post, path = "/api/v1/posts/{id}/shares", tag = "social", operation_id = "share_post",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The post"),
        ("Idempotency-Key" = Option<String>, Header, description = "A UUID")
    ),
    request_body(content = SharePost, example = json!({"comment": "يستحق القراءة"})),
    responses((status = 201, description = "The share; `Idempotent-Replayed` marks a repeat", body = Data<Share>))
)]
async fn share_post(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    KeyHeader(key): KeyHeader,
    body: JsonBody<SharePost>,
) -> Answer {
    let input = body.input_after(social::demand_post(&app, &actor, id)).await?;
    let shared = social::share_post(&app, &actor, id, input, key).await?;
    written(shared, |share| (format!("/api/v1/posts/{id}/shares"), share))
}

/// Takes one's own share back.
#[utoipa::path(
    delete, path = "/api/v1/shares/{id}", tag = "social", operation_id = "delete_share",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The share")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "`forbidden`")
    )
)]
async fn delete_share(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    social::delete_share(&app, &actor, id).await?;
    Ok(no_content())
}
