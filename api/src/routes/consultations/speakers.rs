//! Speakers as those see them who look for one.

use axum::extract::{FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use base::CommonFault;
use base::id::UserId;
use domain::{Actor, App, consultations};
use protocol::consultations::{SlotDays, SlotQuery, Speaker, SpeakerFilter, SpeakerProfile};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::error::Refusal;
use crate::extract::{Listing, MaybeCaller, Params, PathText, Takes, row_id, user_id};
use crate::response::{Answer, Condition, Data, List, list, tagged};
use crate::routes::PageParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_speakers))
        .routes(routes!(find_speaker))
        .routes(routes!(list_slots))
}

/// The speaker of a path: a number, or `me`.
pub(super) struct SomeSpeaker(String);

impl<S: Send + Sync> FromRequestParts<S> for SomeSpeaker {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        PathText::from_request_parts(parts, state).await.map(|PathText(text)| Self(text))
    }
}

impl SomeSpeaker {
    /// What names nobody: 404.
    pub(super) fn id(&self, viewer: Option<&Actor>) -> Result<UserId, Refusal> {
        let id = match viewer {
            Some(viewer) => user_id(&self.0, viewer),
            None => row_id(&self.0),
        };
        id.ok_or_else(|| CommonFault::NotFound("speaker").into())
    }
}

/// What the list of speakers takes.
struct Speakers;

impl Takes for Speakers {
    const FILTERS: &'static [&'static str] = &["filter[q]", "filter[expertise]", "filter[is_verified]"];
}

/// Speakers, each with the next slot that is free for the asker.
#[utoipa::path(
    get, path = "/api/v1/speakers", tag = "consultations", operation_id = "list_speakers",
    security((), ("bearer" = [])),
    params(
        PageParams,
        ("filter[q]" = Option<String>, Query, description = "Beginning of name or username, 100 characters at most"),
        ("filter[expertise]" = Option<String>, Query, description = "What they know about, exactly"),
        ("filter[is_verified]" = Option<bool>, Query, description = "Checked by the platform?")
    ),
    responses((status = 200, description = "A page, the newest accounts first", body = List<Speaker>))
)]
async fn list_speakers(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    listing: Listing<Speakers>,
) -> Answer {
    let filter = SpeakerFilter {
        q: listing.params.get("filter[q]").map(str::to_owned),
        expertise: listing.params.get("filter[expertise]").map(str::to_owned),
        is_verified: listing.params.flag("filter[is_verified]")?,
    };
    list(&listing, consultations::list_speakers(&app, viewer.as_ref(), filter, listing.page).await?)
}

/// A speaker's page, with the next slots that are free for the asker.
#[utoipa::path(
    get, path = "/api/v1/speakers/{id}", tag = "consultations", operation_id = "find_speaker",
    security((), ("bearer" = [])), params(("id" = String, Path, description = "Id of a user, or `me`")),
    responses((status = 200, description = "The speaker", body = Data<SpeakerProfile>))
)]
async fn find_speaker(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    path: SomeSpeaker,
    headers: HeaderMap,
) -> Answer {
    let id = path.id(viewer.as_ref())?;
    tagged(&Condition::of(&headers), consultations::find_speaker(&app, viewer.as_ref(), id).await?)
}

/// A speaker's free slots by day. What keeps the asker busy is none.
#[utoipa::path(
    get, path = "/api/v1/speakers/{id}/slots", tag = "consultations", operation_id = "list_slots",
    security((), ("bearer" = [])),
    params(
        ("id" = String, Path, description = "Id of a user, or `me`"),
        ("from" = Option<String>, Query, description = "First day, `YYYY-MM-DD`; today where left out"),
        ("to" = Option<String>, Query, description = "Last day; six days after the first where left out, 30 at most"),
        ("tz" = Option<String>, Query, description = "IANA time zone of the days; the speaker's where left out")
    ),
    responses((status = 200, description = "Days with free slots", body = Data<SlotDays>))
)]
async fn list_slots(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    path: SomeSpeaker,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    let id = path.id(viewer.as_ref())?;
    let given = |name: &str| params.get(name).map(str::to_owned);
    let query = SlotQuery { from: given("from"), to: given("to"), tz: given("tz") };
    tagged(&Condition::of(&headers), consultations::list_slots(&app, viewer.as_ref(), id, query).await?)
}
