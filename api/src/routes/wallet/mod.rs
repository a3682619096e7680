//! Wallet and ledger (domain.md §5.8).

mod invoices;
mod payments;
mod withdrawals;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse;
use base::{CommonFault, Problem, Time};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use domain::App;
use domain::wallet;
use protocol::wallet::{
    AdjustWallet, AdjustWalletBody, Transaction, TransactionFilter, Wallet, WalletAdjusted,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use crate::Door;
use crate::error::{Refusal, invalid};
use crate::extract::{Caller, JsonBody, KeyHeader, Listing, Params, PathId, PathText, Payer, Takes, user_id};
use crate::response::{Answer, Condition, Data, List, list, recorded, tagged};

/// `transactions.category`, as the filter spells it.
const CATEGORIES: &[&str] = &[
    "course",
    "book",
    "consultation",
    "live_room",
    "gift",
    "top-up",
    "withdrawal",
    "refund",
    "commission",
    "vat",
    "adjustment",
];

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(find_wallet))
        .routes(routes!(list_transactions))
        .routes(routes!(export_transactions))
        .routes(routes!(find_transaction))
        .routes(routes!(adjust_wallet))
        .merge(payments::routes())
        .merge(withdrawals::routes())
        .merge(invoices::routes())
}

/// The own wallet.
#[utoipa::path(
    get, path = "/api/v1/wallet", tag = "wallet", operation_id = "find_wallet", security(("bearer" = [])),
    responses((status = 200, description = "Balance and totals", body = Data<Wallet>))
)]
async fn find_wallet(State(app): State<App>, Caller(actor): Caller, headers: HeaderMap) -> Answer {
    tagged(&Condition::of(&headers), wallet::find_wallet(&app, &actor).await?)
}

/// What the ledger's list takes.
struct Transactions;

impl Takes for Transactions {
    const FILTERS: &'static [&'static str] =
        &["filter[type]", "filter[category]", "filter[status]", "filter[from]", "filter[to]"];
}

/// A moment (RFC 3339), or a day (UTC) at the given time of day; 422 for anything else, and for years that a column
/// cannot hold.
fn moment(params: &Params, name: &'static str, of_day: NaiveTime) -> Result<Option<Time>, Refusal> {
    let Some(text) = params.get(name) else { return Ok(None) };
    let moment = match text.parse::<NaiveDate>() {
        Ok(day) => Some(day.and_time(of_day).and_utc()),
        Err(_) => DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.with_timezone(&Utc)),
    };
    let moment = moment.filter(|moment| (1000..=9999).contains(&moment.year())).map(Time::from);
    let problem = Problem::Format("a date such as 2026-01-31, or a moment such as 2026-01-31T18:00:00Z");
    moment.map(Some).ok_or_else(|| invalid(name, problem))
}

/// The filters of lists of transactions.
fn transaction_filter(params: &Params) -> Result<TransactionFilter, Refusal> {
    Ok(TransactionFilter {
        entry_type: params.one_of("filter[type]", &["credit", "debit"])?,
        category: params.one_of("filter[category]", CATEGORIES)?,
        status: params.one_of("filter[status]", &["pending", "completed", "failed", "cancelled"])?,
        from: moment(params, "filter[from]", NaiveTime::MIN)?,
        // Columns hold whole seconds: this is all of the day.
        to: moment(params, "filter[to]", NaiveTime::from_hms_opt(23, 59, 59).unwrap_or(NaiveTime::MIN))?,
    })
}

/// The own ledger, newest lines first.
#[utoipa::path(
    get, path = "/api/v1/wallet/transactions", tag = "wallet", operation_id = "list_transactions",
    security(("bearer" = [])),
    params(
        PageParams,
        ("filter[type]" = Option<String>, Query, description = "`credit` or `debit`"),
        ("filter[category]" = Option<String>, Query, description = "Such as `gift`, `live_room`, `adjustment`"),
        ("filter[status]" = Option<String>, Query, description = "`pending`, `completed`, `failed` or `cancelled`"),
        ("filter[from]" = Option<String>, Query, description = "Lines of this day (UTC) or moment (RFC 3339), or later"),
        ("filter[to]" = Option<String>, Query, description = "Lines of this day (UTC) or moment (RFC 3339), or earlier")
    ),
    responses((status = 200, description = "A page", body = List<Transaction>))
)]
async fn list_transactions(
    State(app): State<App>,
    Caller(actor): Caller,
    listing: Listing<Transactions>,
) -> Answer {
    let filter = transaction_filter(&listing.params)?;
    list(&listing, wallet::list_transactions(&app, &actor, filter, listing.page).await?)
}

/// The own ledger as CSV for spreadsheets, newest lines first.
#[utoipa::path(
    get, path = "/api/v1/wallet/transactions/export.csv", tag = "wallet", operation_id = "export_transactions",
    security(("bearer" = [])),
    params(
        ("filter[type]" = Option<String>, Query, description = "`credit` or `debit`"),
        ("filter[category]" = Option<String>, Query, description = "Such as `gift`, `live_room`, `adjustment`"),
        ("filter[status]" = Option<String>, Query, description = "`pending`, `completed`, `failed` or `cancelled`"),
        ("filter[from]" = Option<String>, Query, description = "Lines of this day (UTC) or moment (RFC 3339), or later"),
        ("filter[to]" = Option<String>, Query, description = "Lines of this day (UTC) or moment (RFC 3339), or earlier")
    ),
    responses((status = 200, description = "All of it", body = String, content_type = "text/csv"))
)]
async fn export_transactions(
    State(app): State<App>,
    Caller(actor): Caller,
    listing: Listing<Transactions>,
) -> Answer {
    let filter = transaction_filter(&listing.params)?;
    let lines = wallet::export_transactions(&app, &actor, filter).await?;
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"transactions.csv\"")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    Ok((head, Body::from_stream(lines)).into_response())
}

/// One line of the own ledger.
#[utoipa::path(
    get, path = "/api/v1/wallet/transactions/{id}", tag = "wallet", operation_id = "find_transaction",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The line")),
    responses((status = 200, description = "The line", body = Data<Transaction>))
)]
async fn find_transaction(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), wallet::find_transaction(&app, &actor, id).await?)
}

/// Corrects a wallet, with the permission `wallets.adjust`.
#[utoipa::path(
    post, path = "/api/v1/admin/wallets/{user}/adjustments", tag = "wallet", operation_id = "adjust_wallet",
    security(("bearer" = [])),
    params(
        ("user" = String, Path, description = "Id of the user, or `me`"),
        ("Idempotency-Key" = String, Header, description = "A UUID")
    ),
    request_body(content = AdjustWalletBody, example = json!({
        "amount": "50.00", "direction": "credit", "reason": "Goodwill after the outage"
    })),
    responses(
        (status = 201, description = "The line; `Idempotent-Replayed` marks a repeat", body = Data<WalletAdjusted>),
        (status = 402, description = "`insufficient_funds`, with `required` and `available`"),
        (status = 403, description = "`forbidden`, `missing_ability`, `second_approver_required`")
    )
)]
async fn adjust_wallet(
    State(app): State<App>,
    Payer(actor): Payer,
    PathText(user): PathText,
    KeyHeader(key): KeyHeader,
    body: JsonBody<AdjustWalletBody>,
) -> Answer {
    // A stranger learns neither of the key's rule nor of the body's.
    domain::access::demand_permission(&app, &actor, "wallets.adjust").await?;
    let user_id = user_id(&user, &actor).ok_or(CommonFault::NotFound("user"))?;
    let AdjustWalletBody { amount, direction, reason } = body.input()?;
    let client_id = key.ok_or(CommonFault::IdempotencyKeyRequired)?;
    let input = AdjustWallet { client_id, user_id, amount, direction, reason };
    let adjusted = wallet::adjust_wallet(&app, &actor, input).await?;
    // No Location: the line's address is its owner's alone.
    Ok(recorded(adjusted))
}
