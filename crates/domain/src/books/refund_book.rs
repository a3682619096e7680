//! Giving a book back (domain.md §5.5, §8.4).

use base::id::UserId;
use base::text::{clean, length};
use base::{CommonFault, Money, Problem, Time, Violations};
use protocol::IdempotencyKey;
use protocol::books::{BookPurchase, PurchaseStatus, RefundBook};
use serde::Serialize;
use store::books::{BookName, BookRow, PurchaseRow};

use super::access::find_seen;
use super::view::{purchase_status, purchase_view};
use super::{BookError, NO_BOOK};
use crate::idempotency::{self, Claim, Written};
use crate::system::find_setting;
use crate::unit::Unit;
use crate::wallet::{Part, Refund, WalletError, refund_sale};
use crate::{Actor, App, access, in_unit, machine};

/// The scope of its keys.
const OPERATION: &str = "books.refund";
/// The permission to give others their money back, at any time.
const REFUND: &str = "refunds.issue";
/// Days within which a reader may give a book back, unless `books.refund_days` says otherwise.
const DAYS: i64 = 7;
/// Of a hundred pages, how many may have been read, unless `books.refund_percent` says otherwise.
const PERCENT: i64 = 10;
/// Nobody has bought it so.
const NO_PURCHASE: CommonFault = CommonFault::NotFound("purchase");

/// What a key stands for.
#[derive(Serialize)]
struct RefundPurchase {
    book_id: u64,
    user_id: UserId,
}

/// Demands that the actor may refund the purchase that is meant, for a door that has to refuse others first.
///
/// # Errors
/// [`CommonFault::NotFound`], [`BookError::NotPurchased`], [`CommonFault::Forbidden`].
pub async fn demand_refund(
    app: &App,
    actor: &Actor,
    book_id: u64,
    user_id: Option<UserId>,
) -> Result<(), BookError> {
    let mut conn = app.store.reader().await?;
    let whose = user_id.unwrap_or(actor.user_id());
    let own = whose == actor.user_id();
    if own && store::books::find_purchase(&mut conn, book_id, whose).await?.is_some() {
        return Ok(());
    }
    find_seen(&mut conn, Some(actor), BookName::Id(book_id)).await?;
    match access::has_permission(&mut conn, actor.user_id(), REFUND).await? {
        true => Ok(()),
        false if own => Err(BookError::NotPurchased),
        false => Err(CommonFault::Forbidden.into()),
    }
}

/// Gives a book back: its reader within a week who has read a tenth of it at most; holders of `refunds.issue` at any time,
/// for anybody. The money goes back to the wallet, access and addresses end at once; marks are kept, hidden, until the
/// book is bought again.
///
/// # Errors
/// [`CommonFault::NotFound`], [`BookError::NotPurchased`], [`CommonFault::Forbidden`];
/// [`CommonFault::IdempotencyKeyRequired`]; [`BookError::RefundPolicy`]; [`CommonFault::IllegalTransition`] for a second
/// time; those of [`refund_sale`].
pub async fn refund_book(
    app: &App,
    actor: &Actor,
    book_id: u64,
    input: RefundBook,
    key: Option<IdempotencyKey>,
) -> Result<Written<BookPurchase>, BookError> {
    actor.require("write")?;
    actor.require("wallet")?;
    demand_refund(app, actor, book_id, input.user_id).await?;
    let key = key.ok_or(CommonFault::IdempotencyKeyRequired)?;
    let reason = input.reason.as_deref().map(clean).filter(|reason| !reason.is_empty());
    if reason.as_deref().is_some_and(|reason| length(reason) > 255) {
        return Err(Violations::one("reason", Problem::TooLong(255)).into());
    }
    let which = RefundPurchase { book_id, user_id: input.user_id.unwrap_or(actor.user_id()) };
    in_unit!(app, |unit| write_refund(app, unit, actor, &which, (&key, reason.as_deref())))
}

async fn write_refund(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    which: &RefundPurchase,
    (key, reason): (&IdempotencyKey, Option<&str>),
) -> Result<Written<BookPurchase>, BookError> {
    let ticket = match idempotency::claim(unit, actor, OPERATION, key, which).await? {
        Claim::First(ticket) => ticket,
        Claim::Answered(written) => return Ok(written),
    };
    let book = store::books::lock_book(unit, which.book_id).await?.ok_or(NO_BOOK)?;
    let purchase = store::books::lock_purchase(unit, book.id, which.user_id).await?.ok_or(NO_PURCHASE)?;
    machine::step(purchase_status(&purchase.status)?, PurchaseStatus::Refunded)?;
    let at = Time::now_in_seconds();
    if !access::has_permission(unit, actor.user_id(), REFUND).await? {
        require_window(unit, &book, &purchase, at).await?;
    }
    store::books::update_purchases_count(unit, book.id, false).await?;
    if !store::books::update_refunded(unit, purchase.id, at.as_chrono()).await? {
        return Err(CommonFault::internal("a locked purchase has changed its state").into());
    }
    store::books::update_copies_released(unit, book.id, Some(which.user_id)).await?;
    if purchase.price_paid > Money::ZERO {
        let debit_id = purchase.transaction_id.ok_or(WalletError::NotRefundable)?;
        let reason = reason.unwrap_or(&book.title);
        let refunded = refund_sale(app, unit, &Refund { debit_id, part: Part::All, reason, at }).await?;
        refunded.credit_note(app, unit).await?;
    }
    let purchase = PurchaseRow {
        status: PurchaseStatus::Refunded.as_str().to_owned(),
        refunded_at: Some(at.as_chrono()),
        ..purchase
    };
    Ok(idempotency::remember(unit, ticket, purchase_view(app, purchase)?).await?)
}

/// Is it soon enough, and little enough read?
async fn require_window(
    unit: &mut Unit,
    book: &BookRow,
    purchase: &PurchaseRow,
    at: Time,
) -> Result<(), BookError> {
    let number = |setting: Option<String>, default| {
        setting
            .and_then(|text| text.trim().parse::<i64>().ok())
            .filter(|number| *number >= 0)
            .unwrap_or(default)
    };
    let days = number(find_setting(unit, "books.refund_days").await?, DAYS);
    let percent = number(find_setting(unit, "books.refund_percent").await?, PERCENT);
    let bought = purchase.purchased_at.map(Time::from).unwrap_or(at);
    let late = at > bought.plus_seconds(days.saturating_mul(86_400));
    let read = store::books::find_progress(unit, purchase.id).await?.map_or(0, |row| row.total_pages_read);
    let too_much =
        i64::from(read).saturating_mul(100) > percent.saturating_mul(i64::from(book.page_count.max(1)));
    if late || too_much {
        return Err(BookError::RefundPolicy { days, percent });
    }
    Ok(())
}
