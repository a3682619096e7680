//! Posts, feeds and timelines.

use axum::extract::State;
use axum::http::HeaderMap;
use domain::{App, social};
use protocol::social::{CreatePost, Post, PostType, TimelineEntry, TimelineFilter, UpdatePost};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::somebody;
use crate::Door;
use crate::extract::{
    Caller, Client, JsonBody, KeyHeader, Listing, MaybeCaller, PathId, PathText, Precondition, Takes,
};
use crate::response::{Answer, Condition, Data, List, changed, data, list, no_content, tagged, written};
use crate::routes::PageParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_feed))
        .routes(routes!(list_discover))
        .routes(routes!(list_timeline))
        .routes(routes!(create_post))
        .routes(routes!(find_post, update_post, delete_post))
        .routes(routes!(pin_post, unpin_post))
        .routes(routes!(view_post))
}

/// As JSON spells them.
const TYPES: &[&str] = &["text", "image", "video", "audio"];

/// What the feed takes.
struct Feed;

impl Takes for Feed {
    const FILTERS: &'static [&'static str] = &["filter[post_type]"];
}

/// What the asker and those whom the asker follows have posted.
#[utoipa::path(
    get, path = "/api/v1/feed", tag = "social", operation_id = "list_feed", security(("bearer" = [])),
    params(
        PageParams,
        ("filter[post_type]" = Option<PostType>, Query, description = "Only posts of this type")
    ),
    responses((status = 200, description = "A page, the newest first", body = List<Post>))
)]
async fn list_feed(State(app): State<App>, Caller(actor): Caller, listing: Listing<Feed>) -> Answer {
    let post_type = listing.params.one_of("filter[post_type]", TYPES)?;
    list(&listing, social::list_feed(&app, &actor, post_type, listing.page).await?)
}

/// Posts that anybody may see, by how fresh they are and how much people do with them. A walk stays in the ranking in which
/// it began.
#[utoipa::path(
    get, path = "/api/v1/feed/discover", tag = "social", operation_id = "list_discover",
    security((), ("bearer" = [])), params(PageParams),
    responses((
        status = 200,
        description = "A page of the ranking; it may hold fewer posts than asked for",
        body = List<Post>
    ))
)]
async fn list_discover(State(app): State<App>, MaybeCaller(viewer): MaybeCaller, listing: Listing) -> Answer {
    list(&listing, social::list_discover(&app, viewer.as_ref(), listing.page).await?)
}

/// What a timeline takes.
struct Timeline;

impl Takes for Timeline {
    const FILTERS: &'static [&'static str] = &["filter[post_type]", "filter[is_pinned]"];
}

/// What somebody has posted and shared. Of a private account for its followers.
#[utoipa::path(
    get, path = "/api/v1/users/{user}/posts", tag = "social", operation_id = "list_timeline",
    security((), ("bearer" = [])),
    params(
        ("user" = String, Path, description = "Id of the user, or `me`"),
        PageParams,
        ("filter[post_type]" = Option<PostType>, Query, description = "Only posts of this type, without shares"),
        ("filter[is_pinned]" = Option<bool>, Query, description = "Only posts on top, or only others, without shares")
    ),
    responses(
        (status = 200, description = "A page, the newest first", body = List<TimelineEntry>),
        (status = 403, description = "`private_account`")
    )
)]
async fn list_timeline(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathText(user): PathText,
    listing: Listing<Timeline>,
) -> Answer {
    let user_id = somebody(&user, viewer.as_ref())?;
    let filter = TimelineFilter {
        post_type: listing.params.one_of("filter[post_type]", TYPES)?,
        is_pinned: listing.params.flag("filter[is_pinned]")?,
    };
    list(&listing, social::list_timeline(&app, viewer.as_ref(), user_id, filter, listing.page).await?)
}

/// Posts something: words, or one to ten of one's own uploads. The same `Idempotency-Key` again gives the same post.
#[utoipa::path(
    post, path = "/api/v1/posts", tag = "social", operation_id = "create_post", security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A UUID")),
    request_body(content = CreatePost, example = json!({"post_type": "text", "content": "صباح الخير"})),
    responses((status = 201, description = "The post; `Idempotent-Replayed` marks a repeat", body = Data<Post>))
)]
async fn create_post(
    State(app): State<App>,
    Caller(actor): Caller,
    KeyHeader(key): KeyHeader,
    body: JsonBody<CreatePost>,
) -> Answer {
    let posted = social::create_post(&app, &actor, body.input()?, key).await?;
    written(posted, |post| (format!("/api/v1/posts/{}", post.id), post))
}

/// A post, for whoever may see it.
#[utoipa::path(
    get, path = "/api/v1/posts/{id}", tag = "social", operation_id = "find_post",
    security((), ("bearer" = [])), params(("id" = u64, Path, description = "The post")),
    responses((status = 200, description = "The post", body = Data<Post>))
)]
async fn find_post(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), social::find_post(&app, viewer.as_ref(), id).await?)
}

/// Changes the words of one's own post.
#[utoipa::path(
    patch, path = "/api/v1/posts/{id}", tag = "social", operation_id = "update_post",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The post"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the version that is changed")
    ),
    request_body(content = UpdatePost, example = json!({"content": "صباح النور"})),
    responses(
        (status = 200, description = "The post as it is now", body = Data<Post>),
        (status = 403, description = "`forbidden`"),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn update_post(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<UpdatePost>,
) -> Answer {
    let input = body.input_after(social::demand_own_post(&app, &actor, id)).await?;
    changed(social::update_post(&app, &actor, id, input, &version).await?)
}

/// Deletes a post. For its author and moderators.
#[utoipa::path(
    delete, path = "/api/v1/posts/{id}", tag = "social", operation_id = "delete_post",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The post"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the version that is deleted")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "`forbidden`"),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn delete_post(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
) -> Answer {
    social::delete_post(&app, &actor, id, &version).await?;
    Ok(no_content())
}

/// Puts one's own post on top of one's profile; a profile has at most three.
#[utoipa::path(
    post, path = "/api/v1/posts/{id}/pin", tag = "social", operation_id = "pin_post",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The post")),
    responses(
        (status = 200, description = "The post, pinned", body = Data<Post>),
        (status = 403, description = "`forbidden`"),
        (status = 409, description = "`too_many_pinned`")
    )
)]
async fn pin_post(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(social::pin_post(&app, &actor, id).await?))
}

/// Takes one's own post down; once more changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/posts/{id}/pin", tag = "social", operation_id = "unpin_post",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The post")),
    responses(
        (status = 204, description = "It is not on top"),
        (status = 403, description = "`forbidden`")
    )
)]
async fn unpin_post(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    social::unpin_post(&app, &actor, id).await?;
    Ok(no_content())
}

/// Counts that the asker has seen a post: once in half an hour a user, or an address of guests.
#[utoipa::path(
    post, path = "/api/v1/posts/{id}/view", tag = "social", operation_id = "view_post",
    security((), ("bearer" = [])), params(("id" = u64, Path, description = "The post")),
    responses((status = 204, description = "It is counted, or was already"))
)]
async fn view_post(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    Client(client): Client,
) -> Answer {
    social::view_post(&app, viewer.as_ref(), client.ip, id).await?;
    Ok(no_content())
}
