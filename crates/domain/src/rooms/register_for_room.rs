//! Taking a seat, and paying for it (domain.md §5.6, §8.3).

use base::id::RoomId;
use base::{CommonFault, Money, Time};
use protocol::IdempotencyKey;
use protocol::notifications::NotificationKind;
use protocol::rooms::{AccessType, Registration, RegistrationStatus, RoomStatus};
use protocol::wallet::Category;
use serde::Serialize;
use store::rooms::{NewSeat, RoomRow};

use super::admission::{Role, is_moderator};
use super::seats::find_free_seat;
use super::view::{access_type, room_status};
use super::{NO_ROOM, RoomError};
use crate::idempotency::{self, Claim, Written};
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::wallet::{InvoiceItem, Sale, sell};
use crate::{Actor, App, in_unit};

/// The scope of its keys.
const OPERATION: &str = "rooms.register";

/// What a key stands for.
#[derive(Serialize)]
struct RegisterForRoom {
    room_id: RoomId,
}

/// Takes a seat in a room that is announced or live. A paid one is paid from the wallet and needs a key; a cancelled
/// registration is taken up again.
///
/// # Errors
/// [`CommonFault::IdempotencyKeyRequired`] for a paid room without a key; [`RoomError::OwnRoom`],
/// [`RoomError::Banned`], [`RoomError::Over`], [`RoomError::AlreadyRegistered`], [`RoomError::RoomFull`];
/// [`crate::wallet::WalletError::InsufficientFunds`], after which nothing is written.
pub async fn register_for_room(
    app: &App,
    actor: &Actor,
    room_id: RoomId,
    key: Option<IdempotencyKey>,
) -> Result<Written<Registration>, RoomError> {
    actor.require("write")?;
    let input = RegisterForRoom { room_id };
    in_unit!(app, |unit| write_registration(app, unit, actor, &input, key.as_ref()))
}

async fn write_registration(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &RegisterForRoom,
    key: Option<&IdempotencyKey>,
) -> Result<Written<Registration>, RoomError> {
    let ticket = match key {
        None => None,
        Some(key) => match idempotency::claim(unit, actor, OPERATION, key, input).await? {
            Claim::First(ticket) => Some(ticket),
            Claim::Answered(written) => return Ok(written),
        },
    };
    let room = store::rooms::lock_room(unit, input.room_id).await?.ok_or(NO_ROOM)?;
    require_open(unit, &room, actor).await?;
    let price = match access_type(&room.access_type)? {
        AccessType::Free => Money::ZERO,
        AccessType::Paid => room.price,
    };
    let at = Time::now_in_seconds();
    let mut seat = NewSeat {
        user_id: actor.user_id(),
        live_room_id: room.id,
        status: RegistrationStatus::Registered.as_str(),
        price_paid: price,
        payment_method: None,
        transaction_id: None,
        at: at.as_chrono(),
    };
    let id = if price.is_positive() {
        actor.require("wallet")?;
        let key = key.ok_or(CommonFault::IdempotencyKeyRequired)?;
        let free_seat = find_free_seat(unit, &room, actor.user_id()).await?;
        let sale = Sale {
            key: (OPERATION, key),
            buyer: actor.user_id(),
            seller: room.user_id,
            category: Category::LiveRoom,
            fee_basis_points: app.settings.money.room_fee_basis_points,
            related: (Morph::LiveRoom.column(app.settings.morph), room.id),
            item: InvoiceItem {
                description: room.title.clone(),
                quantity: 1,
                unit_price: price,
                total: price,
            },
            at,
        };
        let sold = sell(app, unit, &sale).await?;
        seat.payment_method = Some("wallet");
        seat.transaction_id = Some(sold.debit_id);
        let id = free_seat.take(unit, &seat).await?;
        sold.invoice(app, unit, &sale).await?;
        id
    } else {
        find_free_seat(unit, &room, actor.user_id()).await?.take(unit, &seat).await?
    };
    let notice = Notice::new(NotificationKind::RoomRegistered, room.user_id)
        .by(actor.user_id())
        .about(Morph::LiveRoom, room.id, format!("/live-rooms/{}", room.id))
        .with("title", room.title.clone());
    notify(app, unit, notice).await?;
    let answer = Registration {
        id,
        live_room_id: room.id,
        status: RegistrationStatus::Registered,
        price_paid: price,
        registered_at: Some(at),
    };
    match ticket {
        Some(ticket) => Ok(idempotency::remember(unit, ticket, answer).await?),
        None => Ok(Written { answer, replayed: false }),
    }
}

/// May the actor take a seat in this room at all?
async fn require_open(unit: &mut Unit, room: &RoomRow, actor: &Actor) -> Result<(), RoomError> {
    let standing = store::rooms::find_standing(unit, room.id, actor.user_id()).await?;
    let standing = standing.filter(|standing| standing.is_host_active).ok_or(NO_ROOM)?;
    let role = if room.user_id == actor.user_id() { Role::Host } else { Role::Member };
    match (room_status(&room.status)?, role) {
        (RoomStatus::Cancelled, Role::Member | Role::Moderator) => return Err(NO_ROOM.into()),
        (_, Role::Host) => return Err(RoomError::OwnRoom),
        (RoomStatus::Completed, _) => return Err(RoomError::Over),
        (RoomStatus::Scheduled | RoomStatus::Active, _) => {}
    }
    if standing.is_banned && !is_moderator(unit, actor.user_id()).await? {
        return Err(RoomError::Banned);
    }
    Ok(())
}
