//! Giving a gift: one operation behind both doors (domain.md §5.9, D27).

use std::time::Duration;

use base::text::{clean, length};
use base::{CommonFault, Problem, Time, Violations};
use bus::TokenBucket;
use protocol::Event;
use protocol::channel::Channel;
use protocol::gifts::{GiftIcon, GiftSent, GiftSentEvent, GiftTransaction, GiftableRef, SendGift};
use protocol::notifications::NotificationKind;
use protocol::wallet::{Category, WalletBalance};
use store::gifts::{GiftRow, NewGiftTransaction};

use super::GiftError;
use super::list_top_senders::top_key;
use super::recipient::{find_recipient, giftable_morph};
use super::streak::{Giving, audience, lock_place};
use crate::idempotency::{self, Claim, Written};
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::wallet::{InvoiceItem, Sale, WalletError, sell};
use crate::{Actor, App, in_unit};

/// The scope of its keys.
const OPERATION: &str = "gifts.send_gift";
/// Gifts at once of one user for one thing, and a second after that (domain.md §2.5).
const LIMIT: TokenBucket = TokenBucket { capacity: 20, refill_per_sec: 10.0 };

/// Gives a gift: debits the giver by price × quantity, credits the owner of what it is given for less the platform's
/// share and VAT, issues the invoice, and tells the room or post and the receiver, all or nothing.
///
/// Equal gifts, each within 3 s of the one before, are a streak, whose end the clock tells (realtime.md §7). To the room
/// or post a gift is an animation, which is not kept; to the receiver each gift is told once and kept.
///
/// # Errors
/// [`GiftError::UnknownGift`], [`GiftError::SelfGift`], [`GiftError::WrongReceiver`], [`GiftError::Blocked`]; those
/// of admission to a room; [`WalletError::InsufficientFunds`], after which nothing is written.
pub async fn send_gift(app: &App, actor: &Actor, input: SendGift) -> Result<Written<GiftSent>, GiftError> {
    actor.require("wallet")?;
    let message = input.message.as_deref().map(clean).filter(|message| !message.is_empty());
    let input = SendGift { message, ..input };
    if app.settings.limits.enabled {
        take_allowance(app, actor, &input).await?;
    }
    in_unit!(app, |unit| write_gift(app, unit, actor, &input))
}

/// A repeat of what was done already costs nothing, so it is let through even where the allowance is used up.
async fn take_allowance(app: &App, actor: &Actor, input: &SendGift) -> Result<(), GiftError> {
    let kind = giftable_morph(input.giftable_type).column(config::MorphStyle::Alias);
    let bucket = format!("gift:{}:{kind}:{}", actor.user_id(), input.giftable_id);
    let wait = match app.bus.take(&bucket, 1, LIMIT).await {
        Ok(allowance) if allowance.allowed => return Ok(()),
        Ok(allowance) => allowance.retry_after.max(Duration::from_millis(1)),
        Err(error) => {
            // Redis counts, MySQL keeps: a gift is not refused because nobody can count it.
            tracing::warn!(%error, what = "gift", "a rate limit could not be asked for");
            return Ok(());
        }
    };
    if idempotency::is_answered(app, actor, OPERATION, &input.client_id).await? {
        return Ok(());
    }
    Err(CommonFault::RateLimited(wait).into())
}

fn check(input: &SendGift) -> Result<(), Violations> {
    let mut violations = Violations::none();
    violations.require(input.quantity >= 1, "quantity", Problem::TooSmall("1".to_owned()));
    violations.require(input.quantity <= 999, "quantity", Problem::TooGreat("999".to_owned()));
    let brief = input.message.as_deref().is_none_or(|message| length(message) <= 200);
    violations.require(brief, "message", Problem::TooLong(200));
    violations.into_result()
}

async fn write_gift(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &SendGift,
) -> Result<Written<GiftSent>, GiftError> {
    let ticket = match idempotency::claim(unit, actor, OPERATION, &input.client_id, input).await? {
        Claim::First(ticket) => ticket,
        Claim::Answered(written) => return Ok(written),
    };
    // No lock on gift, room or post: nothing of theirs is counted here, and the price is read in this transaction.
    let recipient = find_recipient(app, unit, actor, input).await?;
    let gift = store::gifts::find_gift(unit, input.gift_id).await?.ok_or(GiftError::UnknownGift)?;
    check(input)?;
    let total = gift.price.times(input.quantity).ok_or(WalletError::OutOfRange)?;
    let at = Time::now_in_seconds();
    let morph = app.settings.morph;
    let icon = icon(&gift);
    let giving = Giving {
        sender: &recipient.sender,
        receiver_id: recipient.receiver_id,
        gift: &icon,
        giftable: GiftableRef { kind: input.giftable_type, id: input.giftable_id },
    };
    let place = lock_place(unit, giving).await?;
    let new = NewGiftTransaction {
        gift_id: gift.id,
        sender_id: actor.user_id(),
        receiver_id: recipient.receiver_id,
        giftable: (giftable_morph(input.giftable_type).column(morph), input.giftable_id),
        quantity: input.quantity,
        total_price: total,
        message: input.message.as_deref(),
        created_at: at.as_chrono(),
    };
    let id = store::gifts::insert_gift_transaction(unit, &new).await?;
    let counted = place.count(unit, giving, id, (input.quantity, total)).await?;
    let event = Event::GiftSent(Box::new(GiftSentEvent {
        gift_transaction_id: id,
        gift: icon.clone(),
        sender: recipient.sender.clone(),
        receiver_id: recipient.receiver_id,
        quantity: u64::from(input.quantity),
        total_price: total,
        message: input.message.clone(),
        giftable: giving.giftable,
        repeat_count: counted.repeat_count,
        repeat_end: false,
        streak: counted.streak,
        merged: None,
    }));
    let receiver = Channel::User(recipient.receiver_id);
    let audience = audience(giving.giftable, recipient.receiver_id);
    if audience != receiver {
        unit.emit(audience, event.clone());
    }
    unit.emit(receiver, event);
    unit.forget(top_key(input.giftable_type, input.giftable_id));

    let balance = if total.is_positive() {
        let sale = Sale {
            key: (OPERATION, &input.client_id),
            buyer: actor.user_id(),
            seller: recipient.receiver_id,
            category: Category::Gift,
            fee_basis_points: app.settings.money.gift_fee_basis_points,
            related: (Morph::GiftTransaction.column(morph), id),
            item: InvoiceItem {
                description: gift.name,
                quantity: input.quantity,
                unit_price: gift.price,
                total,
            },
            at,
        };
        let sold = sell(app, unit, &sale).await?;
        store::gifts::update_gift_payment(unit, id, sold.debit_id).await?;
        sold.invoice(app, unit, &sale).await?;
        sold.balance
    } else {
        // A gift that costs nothing moves nothing (domain.md D5).
        let wallet = store::wallet::find_wallet(unit, actor.user_id()).await?;
        wallet.ok_or(CommonFault::NotFound("wallet"))?.balance
    };
    // One a giver while it is unread, however many gifts they give.
    let notice = Notice::new(NotificationKind::GiftReceived, recipient.receiver_id)
        .by(actor.user_id())
        .about(Morph::User, actor.user_id(), "/me/gifts?direction=received");
    notify(app, unit, notice).await?;
    let answer = GiftSent {
        gift_transaction: GiftTransaction {
            id,
            gift_id: gift.id,
            receiver_id: recipient.receiver_id,
            quantity: input.quantity,
            total_price: total,
        },
        wallet: WalletBalance { balance },
    };
    Ok(idempotency::remember(unit, ticket, answer).await?)
}

fn icon(gift: &GiftRow) -> GiftIcon {
    GiftIcon {
        id: gift.id,
        name: gift.name.clone(),
        icon: gift.icon.clone(),
        animation_url: gift.animation_url.clone(),
        price: gift.price,
    }
}
