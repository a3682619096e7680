//! Giving a seat back (domain.md §5.6).

use base::id::{RoomId, UserId};
use base::{CommonFault, Money, Time};
use bus::ControlMessage;
use protocol::IdempotencyKey;
use protocol::channel::Channel;
use protocol::rooms::{RegistrationCancelled, RegistrationStatus, RoomStatus};
use serde::Serialize;
use store::Conn;
use store::rooms::{RoomRow, SeatRow};

use super::facts::seat_key;
use super::schedule::Schedule;
use super::view::{registration_status, room_status};
use super::{NO_ROOM, RoomError};
use crate::idempotency::{self, Claim, Written};
use crate::system::find_setting;
use crate::unit::Unit;
use crate::wallet::{Part, Refund, Refunded, refund_sale};
use crate::{Actor, App, access, in_unit, machine};

/// The setting that says until how many hours before the first session a paid seat is paid back.
const REFUND_HOURS: &str = "rooms.refund_hours";
/// Where that setting is missing.
const DEFAULT_HOURS: u32 = 24;

/// Gives the actor's seat back. What was paid for it is paid back in full until some hours before the first session
/// (`rooms.refund_hours`, 24); later a paid seat stays. A free one, and one that waits for its payment, can be given back
/// until the room is over or its owner was there.
///
/// # Errors
/// `not_found` where the actor has no seat; [`RoomError::RefundWindowOver`]; [`CommonFault::IllegalTransition`] for
/// whoever was there, or missed it.
pub async fn cancel_registration(
    app: &App,
    actor: &Actor,
    room_id: RoomId,
) -> Result<RegistrationCancelled, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_cancellation(app, unit, actor, room_id))
}

async fn write_cancellation(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    room_id: RoomId,
) -> Result<RegistrationCancelled, RoomError> {
    let user_id = actor.user_id();
    let room = store::rooms::lock_room(unit, room_id).await?.ok_or(NO_ROOM)?;
    let seat = store::rooms::lock_seat(unit, room_id, user_id).await?;
    let seat = seat.filter(|seat| seat.status != RegistrationStatus::Cancelled.as_str());
    let seat = seat.ok_or(CommonFault::NotFound("registration"))?;
    if room_status(&room.status)? == RoomStatus::Cancelled {
        // The clock is about to take it back.
        return Err(NO_ROOM.into());
    }
    let from = registration_status(&seat.status)?;
    let at = Time::now_in_seconds();
    if from == RegistrationStatus::Attended {
        // Only administrators take back a seat of somebody who was there.
        return Err(attended().into());
    }
    if seat.price_paid.is_positive() && seat.transaction_id.is_some() {
        actor.require("wallet")?;
        require_window(unit, &room, at).await?;
    }
    give_back(app, unit, (&room, user_id), &seat, at).await
}

/// What a key of [`refund_registration`] stands for.
#[derive(Serialize)]
struct RefundRegistration {
    room_id: RoomId,
    user_id: UserId,
}

/// Takes a seat back and pays all that was paid for it back, whenever and whether its owner was there or not: for whoever
/// holds `refunds.issue`. Whoever missed the room, or whose room was called off, has nothing to be given back here.
///
/// # Errors
/// [`CommonFault::IdempotencyKeyRequired`]; [`CommonFault::Forbidden`]; `not_found` for room or seat;
/// [`CommonFault::IllegalTransition`]; those of [`refund_sale`].
pub async fn refund_registration(
    app: &App,
    actor: &Actor,
    room_id: RoomId,
    user_id: UserId,
    key: Option<IdempotencyKey>,
) -> Result<Written<RegistrationCancelled>, RoomError> {
    actor.require("wallet")?;
    access::demand_permission(app, actor, "refunds.issue").await?;
    let key = key.ok_or(CommonFault::IdempotencyKeyRequired)?;
    let input = RefundRegistration { room_id, user_id };
    in_unit!(app, |unit| write_refund(app, unit, actor, &key, &input))
}

async fn write_refund(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    key: &IdempotencyKey,
    input: &RefundRegistration,
) -> Result<Written<RegistrationCancelled>, RoomError> {
    let RefundRegistration { room_id, user_id } = *input;
    let ticket = match idempotency::claim(unit, actor, "rooms.refund_registration", key, input).await? {
        Claim::First(ticket) => ticket,
        Claim::Answered(written) => return Ok(written),
    };
    let room = store::rooms::lock_room(unit, room_id).await?.ok_or(NO_ROOM)?;
    let seat = store::rooms::lock_seat(unit, room_id, user_id).await?;
    let seat = seat.ok_or(CommonFault::NotFound("registration"))?;
    let answer = give_back(app, unit, (&room, user_id), &seat, Time::now_in_seconds()).await?;
    Ok(idempotency::remember(unit, ticket, answer).await?)
}

/// Takes a locked seat of a locked room back, and pays what was paid for it back.
async fn give_back(
    app: &App,
    unit: &mut Unit,
    (room, user_id): (&RoomRow, UserId),
    seat: &SeatRow,
    at: Time,
) -> Result<RegistrationCancelled, RoomError> {
    let (room_id, from) = (room.id, registration_status(&seat.status)?);
    machine::step(from, RegistrationStatus::Cancelled)?;
    let refunded = pay_back(app, unit, seat, at).await?;
    if !store::rooms::update_seat_cancelled(unit, seat.id, from.as_str(), at.as_chrono()).await? {
        return Err(CommonFault::internal("a locked seat changed its state").into());
    }
    unit.forget(seat_key(room_id, user_id));
    unit.control(ControlMessage::AccessRevoked { user_id, channel: Channel::Room(room_id).to_string() });
    let amount = refunded.as_ref().map_or(Money::ZERO, |refunded| refunded.amount);
    if let Some(refunded) = refunded {
        refunded.credit_note(app, unit).await?;
    }
    Ok(RegistrationCancelled {
        id: seat.id,
        live_room_id: room_id,
        status: RegistrationStatus::Cancelled,
        refunded: amount,
        currency: app.settings.money.currency.clone(),
    })
}

fn attended() -> CommonFault {
    use crate::machine::Machine;
    CommonFault::IllegalTransition {
        what: RegistrationStatus::THING,
        from: RegistrationStatus::Attended.name().to_owned(),
        to: RegistrationStatus::Cancelled.name(),
        allowed: Vec::new(),
    }
}

/// Pays back what was paid for a locked seat of a locked room; nothing where nothing was. End with its credit note.
///
/// # Errors
/// Those of [`refund_sale`].
pub(super) async fn pay_back(
    app: &App,
    unit: &mut Unit,
    seat: &SeatRow,
    at: Time,
) -> Result<Option<Refunded>, RoomError> {
    let Some(debit_id) = seat.transaction_id.filter(|_| seat.price_paid.is_positive()) else {
        return Ok(None);
    };
    let refund = Refund { debit_id, part: Part::All, reason: "A seat in a live room", at };
    Ok(Some(refund_sale(app, unit, &refund).await?))
}

async fn require_window(conn: &mut Conn, room: &RoomRow, now: Time) -> Result<(), RoomError> {
    let hours = find_setting(conn, REFUND_HOURS).await?.and_then(|text| text.trim().parse().ok());
    let hours: u32 = hours.unwrap_or(DEFAULT_HOURS);
    let first = Schedule::of(room).and_then(|schedule| schedule.first());
    let first = first.ok_or_else(|| CommonFault::internal("the room's time zone is not one"))?;
    let last = first.start.plus_seconds(-i64::from(hours) * 3_600);
    if now > last { Err(RoomError::RefundWindowOver(hours)) } else { Ok(()) }
}
