//! Withdrawals, and what administrators do with them; refunds.

use axum::extract::State;
use base::CommonFault;
use domain::App;
use domain::wallet::{self, Processing};
use protocol::wallet::{
    IssueRefund, MarkPaidBody, RefundBody, RefundIssued, RequestWithdrawal, Withdrawal, WithdrawalBody,
    WithdrawalCase, WithdrawalReasonBody,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::error::Refusal;
use crate::extract::{Caller, JsonBody, KeyHeader, Listing, PathId, Payer, Takes};
use crate::response::{Answer, Data, List, data, list, recorded, written};
use crate::routes::PageParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(request_withdrawal))
        .routes(routes!(cancel_withdrawal))
        .routes(routes!(list_withdrawals))
        .routes(routes!(approve_withdrawal))
        .routes(routes!(mark_withdrawal_paid))
        .routes(routes!(reject_withdrawal))
        .routes(routes!(fail_withdrawal))
        .routes(routes!(issue_refund))
}

/// Asks for a transfer of own money to a bank account. It is held from now on.
#[utoipa::path(
    post, path = "/api/v1/wallet/withdrawals", tag = "wallet", operation_id = "request_withdrawal",
    security(("bearer" = [])), params(("Idempotency-Key" = String, Header, description = "A UUID")),
    request_body(content = WithdrawalBody, example = json!({
        "amount": "250.00", "bank": { "iban": "SA03 8000 0000 6080 1016 7519", "name": "سارة أحمد" },
        "password": "a long walk by the sea"
    })),
    responses(
        (status = 201, description = "The withdrawal; `Idempotent-Replayed` marks a repeat", body = Data<Withdrawal>),
        (status = 401, description = "`invalid_credentials`: a wrong password"),
        (status = 402, description = "`insufficient_funds`, with `required` and `available`"),
        (status = 409, description = "`withdrawal_open`: there is one that has not ended")
    )
)]
async fn request_withdrawal(
    State(app): State<App>,
    Payer(actor): Payer,
    KeyHeader(key): KeyHeader,
    body: JsonBody<WithdrawalBody>,
) -> Answer {
    let WithdrawalBody { amount, bank, password } = body.input()?;
    let client_id = key.ok_or(CommonFault::IdempotencyKeyRequired)?;
    let input = RequestWithdrawal { client_id, amount, bank, password };
    let requested = wallet::request_withdrawal(&app, &actor, input).await?;
    written(requested, |withdrawal| (format!("/api/v1/wallet/transactions/{}", withdrawal.id), withdrawal))
}

/// Takes a withdrawal back that nobody has let go yet.
#[utoipa::path(
    delete, path = "/api/v1/wallet/withdrawals/{id}", tag = "wallet", operation_id = "cancel_withdrawal",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The withdrawal")),
    responses(
        (status = 200, description = "It is cancelled, and the money is there again", body = Data<Withdrawal>),
        (status = 409, description = "`illegal_transition`, with `allowed`")
    )
)]
async fn cancel_withdrawal(State(app): State<App>, Payer(actor): Payer, PathId(id): PathId) -> Answer {
    Ok(data(wallet::cancel_withdrawal(&app, &actor, id).await?))
}

/// What the list of withdrawals takes.
struct Withdrawals;

impl Takes for Withdrawals {
    const FILTERS: &'static [&'static str] = &["filter[status]", "filter[user]"];
}

const STATUSES: &[&str] = &["pending", "approved", "paid", "rejected", "failed", "cancelled"];

/// Everybody's withdrawals, newest first, with the permission `withdrawals.process`.
#[utoipa::path(
    get, path = "/api/v1/admin/withdrawals", tag = "wallet", operation_id = "list_withdrawals",
    security(("bearer" = [])),
    params(
        PageParams,
        (
            "filter[status]" = Option<String>, Query,
            description = "`pending`, `approved`, `paid`, `rejected`, `failed` or `cancelled`"
        ),
        ("filter[user]" = Option<u64>, Query, description = "Only this user's")
    ),
    responses((status = 200, description = "A page", body = List<WithdrawalCase>))
)]
async fn list_withdrawals(
    State(app): State<App>,
    Caller(actor): Caller,
    listing: Listing<Withdrawals>,
) -> Answer {
    allowed(&app, &actor).await?;
    let which = (listing.params.one_of("filter[status]", STATUSES)?, listing.params.parsed("filter[user]")?);
    list(&listing, wallet::list_withdrawals(&app, &actor, which, listing.page).await?)
}

/// Lets a withdrawal go.
#[utoipa::path(
    post, path = "/api/v1/admin/withdrawals/{id}/approve", tag = "wallet", operation_id = "approve_withdrawal",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The withdrawal")),
    responses(
        (status = 200, description = "It is approved", body = Data<WithdrawalCase>),
        (status = 409, description = "`illegal_transition`, with `allowed`")
    )
)]
async fn approve_withdrawal(State(app): State<App>, Payer(actor): Payer, PathId(id): PathId) -> Answer {
    Ok(data(wallet::process_withdrawal(&app, &actor, id, Processing::Approve).await?))
}

/// A stranger learns nothing of the body's rules, and nobody those of what is not there.
async fn allowed(app: &App, actor: &domain::Actor) -> Result<(), Refusal> {
    Ok(domain::access::demand_permission(app, actor, "withdrawals.process").await?)
}

/// The bank has transferred an approved withdrawal. Above the limit another administrator than who approved it says so.
#[utoipa::path(
    post, path = "/api/v1/admin/withdrawals/{id}/mark-paid", tag = "wallet", operation_id = "mark_withdrawal_paid",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The withdrawal")),
    request_body(content = MarkPaidBody, example = json!({ "reference": "FT26120100042" })),
    responses(
        (status = 200, description = "It is paid", body = Data<WithdrawalCase>),
        (status = 403, description = "`forbidden`, `second_approver_required`"),
        (status = 409, description = "`illegal_transition`, with `allowed`")
    )
)]
async fn mark_withdrawal_paid(
    State(app): State<App>,
    Payer(actor): Payer,
    PathId(id): PathId,
    body: JsonBody<MarkPaidBody>,
) -> Answer {
    let MarkPaidBody { reference } = body.input_after(allowed(&app, &actor)).await?;
    Ok(data(wallet::process_withdrawal(&app, &actor, id, Processing::MarkPaid { reference }).await?))
}

/// Refuses a withdrawal; the money is there again.
#[utoipa::path(
    post, path = "/api/v1/admin/withdrawals/{id}/reject", tag = "wallet", operation_id = "reject_withdrawal",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The withdrawal")),
    request_body(content = WithdrawalReasonBody, example = json!({ "reason": "The names differ" })),
    responses(
        (status = 200, description = "It is rejected", body = Data<WithdrawalCase>),
        (status = 409, description = "`illegal_transition`, with `allowed`")
    )
)]
async fn reject_withdrawal(
    State(app): State<App>,
    Payer(actor): Payer,
    PathId(id): PathId,
    body: JsonBody<WithdrawalReasonBody>,
) -> Answer {
    let WithdrawalReasonBody { reason } = body.input_after(allowed(&app, &actor)).await?;
    Ok(data(wallet::process_withdrawal(&app, &actor, id, Processing::Reject { reason }).await?))
}

/// The bank could not transfer an approved withdrawal; the money is there again.
#[utoipa::path(
    post, path = "/api/v1/admin/withdrawals/{id}/fail", tag = "wallet", operation_id = "fail_withdrawal",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The withdrawal")),
    request_body(content = WithdrawalReasonBody, example = json!({ "reason": "The account is closed" })),
    responses(
        (status = 200, description = "It has failed", body = Data<WithdrawalCase>),
        (status = 409, description = "`illegal_transition`, with `allowed`")
    )
)]
async fn fail_withdrawal(
    State(app): State<App>,
    Payer(actor): Payer,
    PathId(id): PathId,
    body: JsonBody<WithdrawalReasonBody>,
) -> Answer {
    let WithdrawalReasonBody { reason } = body.input_after(allowed(&app, &actor)).await?;
    Ok(data(wallet::process_withdrawal(&app, &actor, id, Processing::Fail { reason }).await?))
}

/// Gives a buyer their money back, with the permission `refunds.issue`. What was bought ends with it.
#[utoipa::path(
    post, path = "/api/v1/admin/refunds", tag = "wallet", operation_id = "issue_refund", security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "A UUID")),
    request_body(content = RefundBody, example = json!({ "transaction_id": 12, "reason": "The course was withdrawn" })),
    responses(
        (status = 201, description = "The refund; `Idempotent-Replayed` marks a repeat", body = Data<RefundIssued>),
        (status = 409, description = "`already_refunded`, `refund_not_covered`"),
        (status = 422, description = "`not_refundable`: the line is no purchase; `validation_failed`")
    )
)]
async fn issue_refund(
    State(app): State<App>,
    Payer(actor): Payer,
    KeyHeader(key): KeyHeader,
    body: JsonBody<RefundBody>,
) -> Answer {
    domain::access::demand_permission(&app, &actor, "refunds.issue").await?;
    let RefundBody { transaction_id, amount, reason } = body.input()?;
    let client_id = key.ok_or(CommonFault::IdempotencyKeyRequired)?;
    let input = IssueRefund { client_id, transaction_id, amount, reason };
    // No Location: the line's address is its owner's alone.
    Ok(recorded(wallet::issue_refund(&app, &actor, input).await?))
}
