//! Top-ups, and what payment providers tell.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use base::CommonFault;
use domain::App;
use domain::wallet;
use protocol::wallet::{HookReceipt, StartTopUp, TopUp, TopUpBody};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::error::{DoorFault, Refusal};
use crate::extract::{Caller, JsonBody, KeyHeader, PathText, Payer};
use crate::response::{Answer, Condition, Data, data, tagged, written};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(start_top_up))
        .routes(routes!(find_top_up))
        .routes(routes!(hear_payment))
}

/// Orders a payment into the own wallet. The money is there when the provider has confirmed it. The same key again gives
/// the same answer and orders nothing.
#[utoipa::path(
    post, path = "/api/v1/wallet/top-ups", tag = "wallet", operation_id = "start_top_up", security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "A UUID")),
    request_body(content = TopUpBody, example = json!({ "amount": "100.00", "method": "card" })),
    responses(
        (status = 201, description = "The top-up; `Idempotent-Replayed` marks a repeat", body = Data<TopUp>),
        (status = 402, description = "`payment_failed`: the provider refuses")
    )
)]
async fn start_top_up(
    State(app): State<App>,
    Payer(actor): Payer,
    KeyHeader(key): KeyHeader,
    body: JsonBody<TopUpBody>,
) -> Answer {
    let TopUpBody { amount, method } = body.input()?;
    let client_id = key.ok_or(CommonFault::IdempotencyKeyRequired)?;
    let started = wallet::start_top_up(&app, &actor, StartTopUp { client_id, amount, method }).await?;
    written(started, |top_up| (format!("/api/v1/wallet/top-ups/{}", top_up.id), top_up))
}

/// An own top-up.
#[utoipa::path(
    get, path = "/api/v1/wallet/top-ups/{id}", tag = "wallet", operation_id = "find_top_up",
    security(("bearer" = [])), params(("id" = String, Path, description = "The top-up")),
    responses((status = 200, description = "The top-up", body = Data<TopUp>))
)]
async fn find_top_up(
    State(app): State<App>,
    Caller(actor): Caller,
    PathText(id): PathText,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), wallet::find_top_up(&app, &actor, &id).await?)
}

/// What a payment provider tells: it is checked, looked up with the provider, and dealt with once, however often it comes.
#[utoipa::path(
    post, path = "/api/v1/hooks/payments/{provider}", tag = "wallet", operation_id = "hear_payment",
    params(
        ("provider" = String, Path, description = "`sandbox` or `moyasar`, whichever is configured"),
        (
            "X-Signature" = Option<String>, Header,
            description = "`t=<Unix seconds>,v1=<HMAC-SHA256 of \"seconds.body\">`, at most five minutes old (`sandbox`); \
                `moyasar` sends its `secret_token` in the body"
        )
    ),
    request_body(content = serde_json::Value, example = json!({ "id": "evt_1", "payment": "sbx-card-10000-SAR-01JD2X5V0M6Y8Q3T7R9W4Z1ABC" })),
    responses(
        (status = 200, description = "It is dealt with", body = Data<HookReceipt>),
        (status = 400, description = "`invalid_signature`"),
        (status = 409, description = "`payment_not_confirmed`: the provider, asked, knows of no change; tell it again later")
    )
)]
async fn hear_payment(
    State(app): State<App>,
    PathText(provider): PathText,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::from(DoorFault::TooLarge),
        _ => DoorFault::Malformed("The body did not arrive.").into(),
    })?;
    let signature = headers.get("x-signature").and_then(|value| value.to_str().ok());
    Ok(data(wallet::hear_payment(&app, &provider, signature, &body).await?))
}
