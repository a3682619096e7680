//! The social graph and the feed (domain.md §5.3).

mod comments;
mod follows;
mod moderation;
mod posts;
mod reactions;
mod reports;

use base::CommonFault;
use base::id::UserId;
use domain::Actor;
use utoipa_axum::router::OpenApiRouter;

use crate::Door;
use crate::error::Refusal;
use crate::extract::{row_id, user_id};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    follows::routes()
        .merge(posts::routes())
        .merge(comments::routes())
        .merge(reactions::routes())
        .merge(reports::routes())
        .merge(moderation::routes())
}

/// A user in a path that guests may ask, too: a number, or `me` for whoever is signed in.
fn somebody(text: &str, viewer: Option<&Actor>) -> Result<UserId, Refusal> {
    match (text, viewer) {
        ("me", None) => Err(CommonFault::Unauthenticated.into()),
        (text, Some(actor)) => user_id(text, actor).ok_or_else(|| CommonFault::NotFound("user").into()),
        (text, None) => row_id(text).ok_or_else(|| CommonFault::NotFound("user").into()),
    }
}
