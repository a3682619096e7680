//! Who is online (realtime.md §6).

use axum::extract::State;
use domain::App;
use domain::presence;
use protocol::presence::{PresenceList, QueryPresence};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, Params};
use crate::response::{Answer, Data, data};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new().routes(routes!(query_presence))
}

/// Who of these is online, as far as the asker may see it.
#[utoipa::path(
    get, path = "/api/v1/presence", tag = "presence", operation_id = "query_presence", security(("bearer" = [])),
    params(("user_ids[]" = Vec<u64>, Query, description = "At most 200 users")),
    responses((status = 200, description = "Those whose status may be seen", body = Data<PresenceList>))
)]
async fn query_presence(State(app): State<App>, Caller(actor): Caller, params: Params) -> Answer {
    let user_ids = params.user_ids("user_ids", &actor)?;
    Ok(data(presence::query_presence(&app, &actor, QueryPresence { user_ids }).await?))
}
