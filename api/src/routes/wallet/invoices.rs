//! Invoices, and the whole ledger for administrators.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse;
use base::CommonFault;
use base::conditional::etag;
use domain::App;
use domain::wallet;
use protocol::wallet::{Invoice, InvoiceFilter, InvoiceQr, LedgerEntry, Reconciliation};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::transaction_filter;
use crate::Door;
use crate::extract::{Caller, Listing, PathId, Takes};
use crate::response::{Answer, Condition, Data, List, data, list, tagged};
use crate::routes::PageParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_invoices))
        .routes(routes!(find_invoice))
        .routes(routes!(find_invoice_qr))
        .routes(routes!(render_invoice))
        .routes(routes!(list_all_invoices))
        .routes(routes!(list_ledger))
        .routes(routes!(reconcile))
}

/// The own invoices and credit notes, newest first.
#[utoipa::path(
    get, path = "/api/v1/invoices", tag = "wallet", operation_id = "list_invoices", security(("bearer" = [])),
    params(PageParams), responses((status = 200, description = "A page", body = List<Invoice>))
)]
async fn list_invoices(State(app): State<App>, Caller(actor): Caller, listing: Listing) -> Answer {
    list(&listing, wallet::list_invoices(&app, &actor, listing.page).await?)
}

/// An own invoice; with the permission `invoices.view` anybody's.
#[utoipa::path(
    get, path = "/api/v1/invoices/{id}", tag = "wallet", operation_id = "find_invoice", security(("bearer" = [])),
    params(("id" = u64, Path, description = "The invoice")),
    responses((status = 200, description = "The invoice", body = Data<Invoice>))
)]
async fn find_invoice(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), wallet::find_invoice(&app, &actor, id).await?)
}

/// What the QR code of an invoice says.
#[utoipa::path(
    get, path = "/api/v1/invoices/{id}/qr", tag = "wallet", operation_id = "find_invoice_qr",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The invoice")),
    responses((status = 200, description = "ZATCA's tags 1 to 5, in base64", body = Data<InvoiceQr>))
)]
async fn find_invoice_qr(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), wallet::find_invoice_qr(&app, &actor, id).await?)
}

/// An invoice on paper, in Arabic and English.
#[utoipa::path(
    get, path = "/api/v1/invoices/{id}/pdf", tag = "wallet", operation_id = "render_invoice",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The invoice")),
    responses(
        (status = 200, description = "The PDF", body = Vec<u8>, content_type = "application/pdf"),
        (status = 304, description = "The client's copy is right")
    )
)]
async fn render_invoice(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    let paper = wallet::render_invoice(&app, &actor, id).await?;
    let tag = HeaderValue::try_from(etag(&paper.pdf)).map_err(CommonFault::internal)?;
    let name = format!("inline; filename=\"{}.pdf\"", paper.number);
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/pdf")),
        (header::CONTENT_DISPOSITION, HeaderValue::try_from(name).map_err(CommonFault::internal)?),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
        (header::ETAG, tag.clone()),
    ];
    if Condition::of(&headers).has(tag.to_str().unwrap_or_default()) {
        return Ok((axum::http::StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    Ok((head, paper.pdf).into_response())
}

/// What the list of all invoices takes.
struct Invoices;

impl Takes for Invoices {
    const FILTERS: &'static [&'static str] = &["filter[status]", "filter[type]", "filter[user]"];
}

/// Everybody's invoices, newest first, with the permission `invoices.view`.
#[utoipa::path(
    get, path = "/api/v1/admin/invoices", tag = "wallet", operation_id = "list_all_invoices",
    security(("bearer" = [])),
    params(
        PageParams,
        ("filter[status]" = Option<String>, Query, description = "`issued` or `credited`"),
        ("filter[type]" = Option<String>, Query, description = "`invoice` or `credit_note`"),
        ("filter[user]" = Option<u64>, Query, description = "Only this user's")
    ),
    responses((status = 200, description = "A page", body = List<Invoice>))
)]
async fn list_all_invoices(
    State(app): State<App>,
    Caller(actor): Caller,
    listing: Listing<Invoices>,
) -> Answer {
    domain::access::demand_permission(&app, &actor, "invoices.view").await?;
    let filter = InvoiceFilter {
        user_id: listing.params.parsed("filter[user]")?,
        status: listing.params.one_of("filter[status]", &["issued", "credited"])?,
        kind: listing.params.one_of("filter[type]", &["invoice", "credit_note"])?,
    };
    list(&listing, wallet::list_all_invoices(&app, &actor, filter, listing.page).await?)
}

/// What the whole ledger's list takes.
struct Ledger;

impl Takes for Ledger {
    const FILTERS: &'static [&'static str] =
        &["filter[type]", "filter[category]", "filter[status]", "filter[from]", "filter[to]", "filter[user]"];
}

/// Everybody's transactions, newest first, with the permission `transactions.view`.
#[utoipa::path(
    get, path = "/api/v1/admin/transactions", tag = "wallet", operation_id = "list_ledger",
    security(("bearer" = [])),
    params(
        PageParams,
        ("filter[type]" = Option<String>, Query, description = "`credit` or `debit`"),
        ("filter[category]" = Option<String>, Query, description = "Such as `gift`, `live_room`, `adjustment`"),
        ("filter[status]" = Option<String>, Query, description = "`pending`, `completed`, `failed` or `cancelled`"),
        ("filter[from]" = Option<String>, Query, description = "Lines of this day (UTC) or moment (RFC 3339), or later"),
        ("filter[to]" = Option<String>, Query, description = "Lines of this day (UTC) or moment (RFC 3339), or earlier"),
        ("filter[user]" = Option<u64>, Query, description = "Only this user's")
    ),
    responses((status = 200, description = "A page", body = List<LedgerEntry>))
)]
async fn list_ledger(State(app): State<App>, Caller(actor): Caller, listing: Listing<Ledger>) -> Answer {
    domain::access::demand_permission(&app, &actor, "transactions.view").await?;
    let user_id = listing.params.parsed("filter[user]")?;
    let filter = transaction_filter(&listing.params)?;
    list(&listing, wallet::list_ledger(&app, &actor, user_id, filter, listing.page).await?)
}

/// Does the money add up? Runs every check of the ledger, with the permission `transactions.view`.
#[utoipa::path(
    get, path = "/api/v1/admin/ledger/reconcile", tag = "wallet", operation_id = "reconcile",
    security(("bearer" = [])),
    responses((status = 200, description = "What was found", body = Data<Reconciliation>))
)]
async fn reconcile(State(app): State<App>, Caller(actor): Caller) -> Answer {
    Ok(data(wallet::reconcile(&app, &actor).await?))
}
