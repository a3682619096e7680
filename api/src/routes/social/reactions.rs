//! Reactions to posts, comments and messages of conversations. Messages of live rooms have theirs beside them.

use std::collections::BTreeMap;

use axum::extract::State;
use domain::{Actor, App, social};
use protocol::rooms::{ReactionBody, ReactionType};
use protocol::social::{Reactable, Reaction, ReactionState};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, Listing, MaybeCaller, PathId, Takes};
use crate::response::{Answer, Data, SummedList, data, no_content, summed};
use crate::routes::PageParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_post_reactions))
        .routes(routes!(react_to_post, take_post_reaction_back))
        .routes(routes!(list_comment_reactions))
        .routes(routes!(react_to_comment, take_comment_reaction_back))
        .routes(routes!(list_message_reactions))
        .routes(routes!(react_to_chat_message, take_message_reaction_back))
}

/// What lists of reactions take.
struct Reactions;

impl Takes for Reactions {
    const FILTERS: &'static [&'static str] = &["filter[type]"];
}

async fn react(app: &App, actor: &Actor, target: (Reactable, u64), body: JsonBody<ReactionBody>) -> Answer {
    let access = social::demand_reactable(app, Some(actor), target);
    let ReactionBody { reaction } = body.input_after(access).await?;
    Ok(data(social::react(app, actor, target, Some(reaction)).await?))
}

async fn take_back(app: &App, actor: &Actor, target: (Reactable, u64)) -> Answer {
    social::react(app, actor, target, None).await?;
    Ok(no_content())
}

async fn list_reactions(
    app: &App,
    viewer: Option<&Actor>,
    target: (Reactable, u64),
    listing: &Listing<Reactions>,
) -> Answer {
    const NAMES: &[&str] = &["like", "love", "haha", "wow", "sad", "angry"];
    let reaction = listing.params.one_of("filter[type]", NAMES)?;
    let (page, summary) = social::list_reactions(app, viewer, target, reaction, listing.page).await?;
    summed(listing, page, summary)
}

/// Reactions to a post, and how many there are of each type. For whoever sees it.
#[utoipa::path(
    get, path = "/api/v1/posts/{id}/reactions", tag = "social", operation_id = "list_post_reactions",
    security((), ("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The post"),
        PageParams,
        ("filter[type]" = Option<ReactionType>, Query, description = "Only reactions of this type")
    ),
    responses((
        status = 200,
        description = "A page, the newest first; `summary` has the number of each type that somebody chose",
        body = SummedList<Reaction, BTreeMap<String, u32>>
    ))
)]
async fn list_post_reactions(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    listing: Listing<Reactions>,
) -> Answer {
    list_reactions(&app, viewer.as_ref(), (Reactable::Post, id), &listing).await
}

/// Reacts to a post, in place of an earlier reaction. For whoever sees it.
#[utoipa::path(
    put, path = "/api/v1/posts/{id}/reaction", tag = "social", operation_id = "react_to_post",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The post")),
    request_body(content = ReactionBody, example = json!({"type": "love"})),
    responses(
        (status = 200, description = "How many reactions it has now, and the asker's", body = Data<ReactionState>)
    )
)]
async fn react_to_post(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<ReactionBody>,
) -> Answer {
    react(&app, &actor, (Reactable::Post, id), body).await
}

/// Takes one's reaction to a post back; once more changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/posts/{id}/reaction", tag = "social", operation_id = "take_post_reaction_back",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The post")),
    responses(
        (status = 204, description = "The asker has no reaction to it")
    )
)]
async fn take_post_reaction_back(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
) -> Answer {
    take_back(&app, &actor, (Reactable::Post, id)).await
}

/// Reactions to a comment, and how many there are of each type. For whoever sees its post.
#[utoipa::path(
    get, path = "/api/v1/comments/{id}/reactions", tag = "social", operation_id = "list_comment_reactions",
    security((), ("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The comment"),
        PageParams,
        ("filter[type]" = Option<ReactionType>, Query, description = "Only reactions of this type")
    ),
    responses((
        status = 200,
        description = "A page, the newest first; `summary` has the number of each type that somebody chose",
        body = SummedList<Reaction, BTreeMap<String, u32>>
    ))
)]
async fn list_comment_reactions(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    listing: Listing<Reactions>,
) -> Answer {
    list_reactions(&app, viewer.as_ref(), (Reactable::Comment, id), &listing).await
}

/// Reacts to a comment, in place of an earlier reaction. For whoever sees its post.
#[utoipa::path(
    put, path = "/api/v1/comments/{id}/reaction", tag = "social", operation_id = "react_to_comment",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The comment")),
    request_body(content = ReactionBody, example = json!({"type": "love"})),
    responses(
        (status = 200, description = "How many reactions it has now, and the asker's", body = Data<ReactionState>)
    )
)]
async fn react_to_comment(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<ReactionBody>,
) -> Answer {
    react(&app, &actor, (Reactable::Comment, id), body).await
}

/// Takes one's reaction to a comment back; once more changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/comments/{id}/reaction", tag = "social", operation_id = "take_comment_reaction_back",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The comment")),
    responses(
        (status = 204, description = "The asker has no reaction to it")
    )
)]
async fn take_comment_reaction_back(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
) -> Answer {
    take_back(&app, &actor, (Reactable::Comment, id)).await
}

/// Reactions to a message of a conversation, and how many there are of each type. For the two of its conversation.
#[utoipa::path(
    get, path = "/api/v1/messages/{id}/reactions", tag = "social", operation_id = "list_message_reactions",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The message"),
        PageParams,
        ("filter[type]" = Option<ReactionType>, Query, description = "Only reactions of this type")
    ),
    responses((
        status = 200,
        description = "A page, the newest first; `summary` has the number of each type that somebody chose",
        body = SummedList<Reaction, BTreeMap<String, u32>>
    ))
)]
async fn list_message_reactions(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    listing: Listing<Reactions>,
) -> Answer {
    list_reactions(&app, Some(&actor), (Reactable::Message, id), &listing).await
}

/// Reacts to a message of a conversation, in place of an earlier reaction. For the two of its conversation.
#[utoipa::path(
    put, path = "/api/v1/messages/{id}/reaction", tag = "social", operation_id = "react_to_chat_message",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The message")),
    request_body(content = ReactionBody, example = json!({"type": "love"})),
    responses(
        (status = 403, description = "`blocked`"),
        (status = 200, description = "How many reactions it has now, and the asker's", body = Data<ReactionState>)
    )
)]
async fn react_to_chat_message(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<ReactionBody>,
) -> Answer {
    react(&app, &actor, (Reactable::Message, id), body).await
}

/// Takes one's reaction to a message of a conversation back; once more changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/messages/{id}/reaction", tag = "social", operation_id = "take_message_reaction_back",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The message")),
    responses(
        (status = 403, description = "`blocked`"),
        (status = 204, description = "The asker has no reaction to it")
    )
)]
async fn take_message_reaction_back(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
) -> Answer {
    take_back(&app, &actor, (Reactable::Message, id)).await
}
