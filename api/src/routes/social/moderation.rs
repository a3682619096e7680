//! Posts and comments as moderators list them.

use axum::extract::State;
use base::id::UserId;
use domain::{App, social};
use protocol::admin::Trashed;
use protocol::moderation::{
    ManagedComment, ManagedCommentsFilter, ManagedPost, ManagedPostsFilter, SetPostHidden,
};
use protocol::social::{Post, PostType};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, Numbered, PathId, Takes};
use crate::response::{Answer, Data, NumberedList, changed, numbered};
use crate::routes::NumberedParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_managed_posts))
        .routes(routes!(set_post_hidden))
        .routes(routes!(list_managed_comments))
}

/// What the list of posts takes.
struct Posts;

impl Takes for Posts {
    const FILTERS: &'static [&'static str] =
        &["filter[user]", "filter[post_type]", "filter[q]", "filter[hidden]", "filter[trashed]"];
    const SORTS: &'static [&'static str] = &["created_at"];
}

/// All posts, with the permission `posts.moderate`.
#[utoipa::path(
    get, path = "/api/v1/admin/posts", tag = "social", operation_id = "list_managed_posts",
    security(("bearer" = [])),
    params(
        NumberedParams,
        ("filter[user]" = Option<UserId>, Query, description = "Only of this author"),
        ("filter[post_type]" = Option<PostType>, Query, description = "Only made of this"),
        ("filter[q]" = Option<String>, Query, description = "Only with these words in it"),
        ("filter[hidden]" = Option<bool>, Query, description = "Only those hidden until they are reviewed, or the others"),
        ("filter[trashed]" = Option<String>, Query, description = "`with` deleted ones, or `only` those"),
        ("sort" = Option<String>, Query, description = "`-created_at` (where left out) or `created_at`")
    ),
    responses((status = 200, description = "A page", body = NumberedList<ManagedPost>))
)]
async fn list_managed_posts(
    State(app): State<App>,
    Caller(actor): Caller,
    listing: Numbered<Posts>,
) -> Answer {
    const TYPES: &[&str] = &["text", "image", "video", "audio"];
    domain::access::demand_permission(&app, &actor, "posts.moderate").await?;
    let filter = ManagedPostsFilter {
        user_id: listing.params.parsed("filter[user]")?,
        post_type: listing.params.one_of("filter[post_type]", TYPES)?,
        words: listing.params.get("filter[q]").map(str::to_owned),
        is_hidden: listing.params.flag("filter[hidden]")?,
        trashed: listing.params.one_of("filter[trashed]", Trashed::NAMES)?.unwrap_or_default(),
    };
    let descending = listing.sort.is_none_or(|sort| sort.descending);
    numbered(&listing, social::list_managed_posts(&app, &actor, filter, descending, listing.page).await?)
}

/// Hides a post until it was reviewed, or shows it again, with the permission `posts.moderate`.
#[utoipa::path(
    patch, path = "/api/v1/admin/posts/{id}", tag = "social", operation_id = "set_post_hidden",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The post")),
    request_body(content = SetPostHidden, example = json!({"is_hidden": true, "reason": "Under review"})),
    responses((status = 200, description = "The post", body = Data<Post>))
)]
async fn set_post_hidden(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<SetPostHidden>,
) -> Answer {
    let input = body.input_after(social::demand_moderated(&app, &actor, id)).await?;
    changed(social::set_post_hidden(&app, &actor, id, input).await?)
}

/// What the list of comments takes.
struct Comments;

impl Takes for Comments {
    const FILTERS: &'static [&'static str] =
        &["filter[user]", "filter[post]", "filter[q]", "filter[trashed]"];
    const SORTS: &'static [&'static str] = &["created_at"];
}

/// All comments, deleted ones with their words, with the permission `comments.moderate`.
#[utoipa::path(
    get, path = "/api/v1/admin/comments", tag = "social", operation_id = "list_managed_comments",
    security(("bearer" = [])),
    params(
        NumberedParams,
        ("filter[user]" = Option<UserId>, Query, description = "Only of this author"),
        ("filter[post]" = Option<u64>, Query, description = "Only on this post"),
        ("filter[q]" = Option<String>, Query, description = "Only with these words in it"),
        ("filter[trashed]" = Option<String>, Query, description = "`with` deleted ones, or `only` those"),
        ("sort" = Option<String>, Query, description = "`-created_at` (where left out) or `created_at`")
    ),
    responses((status = 200, description = "A page", body = NumberedList<ManagedComment>))
)]
async fn list_managed_comments(
    State(app): State<App>,
    Caller(actor): Caller,
    listing: Numbered<Comments>,
) -> Answer {
    domain::access::demand_permission(&app, &actor, "comments.moderate").await?;
    let filter = ManagedCommentsFilter {
        user_id: listing.params.parsed("filter[user]")?,
        post_id: listing.params.parsed("filter[post]")?,
        words: listing.params.get("filter[q]").map(str::to_owned),
        trashed: listing.params.one_of("filter[trashed]", Trashed::NAMES)?.unwrap_or_default(),
    };
    let descending = listing.sort.is_none_or(|sort| sort.descending);
    numbered(&listing, social::list_managed_comments(&app, &actor, filter, descending, listing.page).await?)
}
