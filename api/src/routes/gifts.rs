//! Gifts (realtime.md §4, domain.md §5.9).

use axum::extract::State;
use axum::http::HeaderMap;
use base::paging::DEFAULT_PER_PAGE;
use base::{CommonFault, Problem};
use domain::App;
use domain::gifts;
use protocol::gifts::{
    CreateGift, Gift, GiftGiven, GiftSent, SendGiftBody, ShelfGift, TopSender, UpdateGift,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use crate::Door;
use crate::error::invalid;
use crate::extract::{
    Caller, JsonBody, KeyedBody, Listing, MaybeCaller, Params, PathId, Payer, Precondition, WholeList,
};
use crate::response::{
    Answer, Condition, Data, List, catalogue, changed, created, list, no_content, tagged, written,
};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_gifts))
        .routes(routes!(send_gift))
        .routes(routes!(find_leaderboard))
        .routes(routes!(list_room_gifts))
        .routes(routes!(list_post_gifts))
        .routes(routes!(list_own_gifts))
        .routes(routes!(list_shelf, create_gift))
        .routes(routes!(find_shelf_gift, update_gift, delete_gift))
}

/// The gifts on offer.
#[utoipa::path(
    get, path = "/api/v1/gifts", tag = "gifts", operation_id = "list_gifts",
    responses((status = 200, description = "All of them, in their order", body = Data<Vec<Gift>>))
)]
async fn list_gifts(State(app): State<App>, _: WholeList, headers: HeaderMap) -> Answer {
    catalogue(&Condition::of(&headers), gifts::list_gifts(&app).await?)
}

/// Gives a gift, paid from the wallet. The same key again gives the same answer and charges nothing.
#[utoipa::path(
    post, path = "/api/v1/gifts/{id}/send", tag = "gifts", operation_id = "send_gift", security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The gift"),
        ("Idempotency-Key" = Option<String>, Header, description = "A UUID; required, unless `client_id` is sent")
    ),
    request_body(content = SendGiftBody, example = json!({
        "giftable_type": "live_room", "giftable_id": 3, "quantity": 5, "message": "شكرًا"
    })),
    responses(
        (status = 201, description = "What was given; `Idempotent-Replayed` marks a repeat", body = Data<GiftSent>),
        (status = 402, description = "`insufficient_funds`, with `required` and `available`")
    )
)]
async fn send_gift(
    State(app): State<App>,
    Payer(actor): Payer,
    PathId(id): PathId,
    keyed: KeyedBody<SendGiftBody>,
) -> Answer {
    let key = keyed.key;
    let body = keyed.body.input()?;
    let key = key.ok_or(CommonFault::IdempotencyKeyRequired)?;
    let sent = gifts::send_gift(&app, &actor, body.into_input(key, id)).await?;
    // A gift has no page of its own; its line in the giver's ledger does.
    written(sent, |sent| ("/api/v1/wallet/transactions?filter%5Bcategory%5D=gift".to_owned(), sent))
}

/// Who gave most in a room, by what it cost; of equals the one who gave first. For whoever sees the room's page.
#[utoipa::path(
    get, path = "/api/v1/gifts/leaderboard", tag = "gifts", operation_id = "find_leaderboard",
    security((), ("bearer" = [])),
    params(
        ("room" = u64, Query, description = "The room"),
        ("per_page" = Option<u32>, Query, description = "How many, 1 to 100; 20 where left out")
    ),
    responses((status = 200, description = "The top senders", body = Data<Vec<TopSender>>))
)]
async fn find_leaderboard(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    _: WholeList,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    let room_id = params.parsed("room")?.ok_or_else(|| invalid("room", Problem::Required))?;
    let limit = params.count("per_page", DEFAULT_PER_PAGE)?;
    tagged(&Condition::of(&headers), gifts::list_room_gifts(&app, viewer.as_ref(), room_id, limit).await?)
}

/// Who gave most in a room: the same as the leaderboard.
#[utoipa::path(
    get, path = "/api/v1/live-rooms/{id}/gifts", tag = "gifts", operation_id = "list_room_gifts",
    security((), ("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The room"),
        ("per_page" = Option<u32>, Query, description = "How many, 1 to 100; 20 where left out")
    ),
    responses((status = 200, description = "The top senders", body = Data<Vec<TopSender>>))
)]
async fn list_room_gifts(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    _: WholeList,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    let limit = params.count("per_page", DEFAULT_PER_PAGE)?;
    tagged(&Condition::of(&headers), gifts::list_room_gifts(&app, viewer.as_ref(), id, limit).await?)
}

/// Who gave most for a post. For whoever sees the post.
#[utoipa::path(
    get, path = "/api/v1/posts/{id}/gifts", tag = "gifts", operation_id = "list_post_gifts",
    security((), ("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The post"),
        ("per_page" = Option<u32>, Query, description = "How many, 1 to 100; 20 where left out")
    ),
    responses((status = 200, description = "The top senders", body = Data<Vec<TopSender>>))
)]
async fn list_post_gifts(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    _: WholeList,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    let limit = params.count("per_page", DEFAULT_PER_PAGE)?;
    tagged(&Condition::of(&headers), gifts::list_post_gifts(&app, viewer.as_ref(), id, limit).await?)
}

/// The own gifts, newest first: sent, unless `direction` says received.
#[utoipa::path(
    get, path = "/api/v1/me/gifts", tag = "gifts", operation_id = "list_own_gifts", security(("bearer" = [])),
    params(
        PageParams,
        ("direction" = Option<String>, Query, description = "`sent` (where left out) or `received`")
    ),
    responses((status = 200, description = "A page", body = List<GiftGiven>))
)]
async fn list_own_gifts(State(app): State<App>, Caller(actor): Caller, listing: Listing) -> Answer {
    let direction = listing.params.one_of("direction", &["sent", "received"])?.unwrap_or_default();
    list(&listing, gifts::list_own_gifts(&app, &actor, direction, listing.page).await?)
}

/// The whole catalogue, with what is not on offer; with the permission `gifts.manage`.
#[utoipa::path(
    get, path = "/api/v1/admin/gifts", tag = "gifts", operation_id = "list_shelf", security(("bearer" = [])),
    responses((status = 200, description = "All of them, in their order", body = Data<Vec<ShelfGift>>))
)]
async fn list_shelf(
    State(app): State<App>,
    Caller(actor): Caller,
    _: WholeList,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), gifts::list_shelf(&app, &actor).await?)
}

/// Puts a gift into the catalogue.
#[utoipa::path(
    post, path = "/api/v1/admin/gifts", tag = "gifts", operation_id = "create_gift", security(("bearer" = [])),
    request_body(content = CreateGift, example = json!({
        "name": "وردة", "icon": "/gifts/rose.png", "price": "2.00", "order": 1
    })),
    responses((status = 201, description = "The gift", body = Data<ShelfGift>))
)]
async fn create_gift(State(app): State<App>, Caller(actor): Caller, body: JsonBody<CreateGift>) -> Answer {
    let input = body.input_after(domain::access::demand_permission(&app, &actor, "gifts.manage")).await?;
    let gift = gifts::create_gift(&app, &actor, input).await?;
    created(&format!("/api/v1/admin/gifts/{}", gift.id), gift)
}

/// A gift, on offer or not.
#[utoipa::path(
    get, path = "/api/v1/admin/gifts/{id}", tag = "gifts", operation_id = "find_shelf_gift",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The gift")),
    responses((status = 200, description = "The gift", body = Data<ShelfGift>))
)]
async fn find_shelf_gift(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), gifts::find_shelf_gift(&app, &actor, id).await?)
}

/// Changes a gift. What was given keeps the price of its day.
#[utoipa::path(
    patch, path = "/api/v1/admin/gifts/{id}", tag = "gifts", operation_id = "update_gift",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The gift"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of what is changed")
    ),
    request_body(content = UpdateGift, example = json!({ "price": "3.00" })),
    responses(
        (status = 200, description = "The gift as it is now", body = Data<ShelfGift>),
        (status = 412, description = "`precondition_failed`: it was changed meanwhile")
    )
)]
async fn update_gift(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<UpdateGift>,
) -> Answer {
    let input = body.input_after(gifts::find_shelf_gift(&app, &actor, id)).await?;
    changed(gifts::update_gift(&app, &actor, id, &version, input).await?)
}

/// Takes a gift away that was never given.
#[utoipa::path(
    delete, path = "/api/v1/admin/gifts/{id}", tag = "gifts", operation_id = "delete_gift",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The gift")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`in_use`: it was given; set `is_active` to false instead")
    )
)]
async fn delete_gift(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    gifts::delete_gift(&app, &actor, id).await?;
    Ok(no_content())
}
