//! Buying a book (domain.md §5.5, §8.3).

use base::{CommonFault, Money, Time};
use protocol::books::{BookPurchase, BookStatus, PurchaseStatus};
use protocol::channel::Channel;
use protocol::notifications::NotificationKind;
use protocol::wallet::Category;
use protocol::{Event, IdempotencyKey};
use serde::Serialize;
use store::books::{BookName, BookRow, PurchaseRow};

use super::access::{find_seen, is_completed, is_sold};
use super::view::{book_status, purchase_status, purchase_view};
use super::{BookError, NO_BOOK};
use crate::idempotency::{self, Claim, Written};
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::wallet::{InvoiceItem, Sale, sell};
use crate::{Actor, App, in_unit, machine};

/// The scope of its keys.
const OPERATION: &str = "books.purchase";

/// What a key stands for.
#[derive(Serialize)]
struct PurchaseBook {
    book_id: u64,
}

/// Buys a book that is for sale, from the wallet; a free one is had for nothing. After a refund it is the same purchase
/// again, with the marks that were made in it.
///
/// # Errors
/// [`CommonFault::NotFound`], [`CommonFault::IdempotencyKeyRequired`]; [`BookError::OwnBook`],
/// [`BookError::NotForSale`], [`BookError::AlreadyPurchased`]; [`crate::wallet::WalletError::InsufficientFunds`], after
/// which nothing is written.
pub async fn purchase_book(
    app: &App,
    actor: &Actor,
    book_id: u64,
    key: Option<IdempotencyKey>,
) -> Result<Written<BookPurchase>, BookError> {
    actor.require("write")?;
    let Some(key) = key else {
        // A stranger does not learn of the rule of what is not there for them.
        let mut conn = app.store.reader().await?;
        find_seen(&mut conn, Some(actor), BookName::Id(book_id)).await?;
        return Err(CommonFault::IdempotencyKeyRequired.into());
    };
    let input = PurchaseBook { book_id };
    in_unit!(app, |unit| write_purchase(app, unit, actor, &input, &key))
}

async fn write_purchase(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &PurchaseBook,
    key: &IdempotencyKey,
) -> Result<Written<BookPurchase>, BookError> {
    let ticket = match idempotency::claim(unit, actor, OPERATION, key, input).await? {
        Claim::First(ticket) => ticket,
        Claim::Answered(written) => return Ok(written),
    };
    let book = store::books::lock_book(unit, input.book_id).await?.ok_or(NO_BOOK)?;
    let earlier = require_for_sale(unit, actor, &book).await?;
    let buyer = actor.user_id();
    let at = Time::now_in_seconds();
    // The book's row before its child (domain.md D9).
    store::books::update_purchases_count(unit, book.id, true).await?;
    let sale = (book.price > Money::ZERO).then(|| sale_of(app, (buyer, &book), key, at));
    let sold = match &sale {
        None => None,
        Some(sale) => {
            actor.require("wallet")?;
            Some(sell(app, unit, sale).await?)
        }
    };
    let debit = sold.as_ref().map(|sold| sold.debit_id);
    let id = match earlier {
        Some(earlier) => {
            machine::step(purchase_status(&earlier.status)?, PurchaseStatus::Completed)?;
            store::books::update_purchase(unit, earlier.id, book.price, debit, at.as_chrono()).await?;
            earlier.id
        }
        None => {
            let whose = (book.id, buyer);
            let id = store::books::insert_purchase(unit, whose, book.price, debit, at.as_chrono()).await?;
            store::books::insert_progress(unit, id, at.as_chrono()).await?;
            id
        }
    };
    if let (Some(sold), Some(sale)) = (sold, &sale) {
        sold.invoice(app, unit, sale).await?;
    }
    let notice = Notice::new(NotificationKind::BookPurchased, book.user_id)
        .by(buyer)
        .about(Morph::Book, book.id, format!("/books/{}", book.id))
        .with("title", book.title.as_str());
    notify(app, unit, notice).await?;
    for user_id in [buyer, book.user_id] {
        let event = Event::BookPurchased { book_id: book.id, title: book.title.clone(), user_id: buyer };
        unit.emit(Channel::User(user_id), event);
    }
    let purchase = PurchaseRow {
        id,
        book_id: book.id,
        user_id: buyer,
        status: PurchaseStatus::Completed.as_str().to_owned(),
        price_paid: book.price,
        transaction_id: debit,
        purchased_at: Some(at.as_chrono()),
        refunded_at: None,
    };
    Ok(idempotency::remember(unit, ticket, purchase_view(app, purchase)?).await?)
}

/// May the actor buy the book? Gives the purchase that was refunded, if there is one.
async fn require_for_sale(
    unit: &mut Unit,
    actor: &Actor,
    book: &BookRow,
) -> Result<Option<PurchaseRow>, BookError> {
    if book.user_id == actor.user_id() {
        return Err(BookError::OwnBook);
    }
    let earlier = store::books::lock_purchase(unit, book.id, actor.user_id()).await?;
    if earlier.as_ref().is_some_and(is_completed) {
        return Err(BookError::AlreadyPurchased);
    }
    let published = book_status(&book.status)? == BookStatus::Published;
    if !published || !is_sold(unit, book.user_id).await? {
        // Who may know of it hears why; to others it is not there.
        find_seen(unit, Some(actor), BookName::Id(book.id)).await?;
        return Err(BookError::NotForSale);
    }
    Ok(earlier)
}

fn sale_of<'a>(app: &App, (buyer, book): (u64, &BookRow), key: &'a IdempotencyKey, at: Time) -> Sale<'a> {
    Sale {
        key: (OPERATION, key),
        buyer,
        seller: book.user_id,
        category: Category::Book,
        fee_basis_points: app.settings.money.book_fee_basis_points,
        related: (Morph::Book.column(app.settings.morph), book.id),
        item: InvoiceItem {
            description: book.title.clone(),
            quantity: 1,
            unit_price: book.price,
            total: book.price,
        },
        at,
    }
}
