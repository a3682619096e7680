//! Search over users, courses, books, rooms and posts (domain.md §5.11).

use axum::Extension;
use axum::extract::State;
use base::Problem;
use domain::search::{self, SearchInput};
use domain::{Actor, App};
use protocol::search::{SearchHit, SearchType};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::NumberedParams;
use crate::Door;
use crate::context::RequestContext;
use crate::error::invalid;
use crate::extract::{MaybeCaller, NoFilters, Numbered, Params};
use crate::response::{Answer, Data, NumberedList, data, numbered};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new().routes(routes!(search_everything)).routes(routes!(suggest))
}

/// Who is counted against the limit of searches.
fn counted(viewer: Option<&Actor>, context: &RequestContext) -> String {
    match (viewer, context.ip) {
        (Some(actor), _) => actor.user_id().to_string(),
        (None, Some(ip)) => ip.to_string(),
        (None, None) => "unknown".to_owned(),
    }
}

/// Searches. Every word has to be there, or begin one that is; the spellings of Arabic are one (hamza, teh marbuta, tashkeel,
/// tatweel, digits). Without `type`: the best five of each kind, on one page.
#[utoipa::path(
    get, path = "/api/v1/search", tag = "search", operation_id = "search", security((), ("bearer" = [])),
    params(
        ("q" = String, Query, description = "What to look for: 2 to 100 characters", max_length = 100, example = "النحو"),
        ("type" = Option<SearchType>, Query, description = "Only things of this kind"),
        NumberedParams
    ),
    responses((status = 200, description = "A page, the most relevant first", body = NumberedList<SearchHit>))
)]
async fn search_everything(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    Extension(context): Extension<RequestContext>,
    listing: Numbered<NoFilters>,
) -> Answer {
    let q = listing.params.get("q").ok_or_else(|| invalid("q", Problem::Required))?.to_owned();
    let input = SearchInput { q, kind: listing.params.one_of("type", SearchType::NAMES)? };
    let who = counted(viewer.as_ref(), &context);
    let page = search::search(&app, viewer.as_ref(), &input, listing.page, &who).await?;
    numbered(&listing, page)
}

/// Completes what somebody begins to write: things whose title begins so, ten at most.
#[utoipa::path(
    get, path = "/api/v1/search/suggest", tag = "search", operation_id = "suggest", security((), ("bearer" = [])),
    params(("q" = String, Query, description = "The beginning: 2 to 100 characters", max_length = 100, example = "الن")),
    responses((status = 200, description = "Things", body = Data<Vec<SearchHit>>))
)]
async fn suggest(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    Extension(context): Extension<RequestContext>,
    params: Params,
) -> Answer {
    let q = params.get("q").ok_or_else(|| invalid("q", Problem::Required))?;
    let who = counted(viewer.as_ref(), &context);
    Ok(data(search::suggest(&app, viewer.as_ref(), q, &who).await?))
}
