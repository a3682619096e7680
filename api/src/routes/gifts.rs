//! Gifts (realtime.md §4, domain.md §5.9).

use axum::extract::State;
use axum::http::HeaderMap;
use base::CommonFault;
use domain::App;
use domain::gifts;
use protocol::gifts::{Gift, GiftSent, SendGiftBody};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{KeyedBody, PathId, Payer, WholeList};
use crate::response::{Answer, Condition, Data, catalogue, written};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new().routes(routes!(list_gifts)).routes(routes!(send_gift))
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
