//! Streaks (realtime.md §7): equal gifts of one sender for the same thing, each within 3 s of the one before. They are
//! counted in MySQL, in the gift's own transaction: exact whatever happens at the same time, and gone with a gift that
//! is not paid.

use std::collections::HashMap;

use base::id::UserId;
use base::{CommonFault, Money};
use protocol::Event;
use protocol::channel::Channel;
use protocol::gifts::{GiftIcon, GiftSentEvent, GiftStreak, Giftable, GiftableRef};
use protocol::rooms::RoomMember;
use store::StoreError;
use store::gifts::{StreakFaceRow, StreakKey, StreakRow, StreakUpdate};

use super::recipient::{giftable_kind, giftable_morph};
use crate::fault::of_store;
use crate::unit::Unit;
use crate::uploads::picture_url;
use crate::{App, in_unit};

/// A streak is over when this has passed since its last gift (realtime.md §7).
const SILENCE_SECONDS: u32 = 3;
/// Streaks that are ended in one unit.
const BATCH: u32 = 50;
/// Units of one beat of the clock at most.
const ROUNDS: u32 = 20;

/// What is given, by whom and what for: what makes gifts equal, and how they look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Giving<'a> {
    pub sender: &'a RoomMember,
    pub receiver_id: UserId,
    pub gift: &'a GiftIcon,
    pub giftable: GiftableRef,
}

/// A streak's place, locked: nobody else adds to it or ends it.
#[derive(Debug)]
pub(super) struct Place {
    row: StreakRow,
    /// The gift to come goes on with it.
    goes_on: bool,
}

/// A gift as one of its streak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    /// Which of the streak, from 1.
    pub repeat_count: u32,
    /// With this one.
    pub streak: GiftStreak,
}

/// Locks the streak that a gift belongs to: after the key's row, before the wallets (ARCHITECTURE.md, "An operation").
/// One whose time is over, and which the clock has not ended yet, is ended here.
///
/// # Errors
/// Those of the store.
pub(super) async fn lock_place(unit: &mut Unit, giving: Giving<'_>) -> Result<Place, CommonFault> {
    let key = StreakKey {
        sender_id: giving.sender.id,
        gift_id: giving.gift.id,
        giftable: (short_name(giving.giftable.kind), giving.giftable.id),
    };
    let found = store::gifts::lock_streak(unit, key, SILENCE_SECONDS).await.map_err(of_store)?;
    let row = if let Some(row) = found {
        row
    } else {
        store::gifts::insert_streak(unit, key, &base::id::ulid(), giving.receiver_id)
            .await
            .map_err(of_store)?;
        let made = store::gifts::lock_streak(unit, key, SILENCE_SECONDS).await.map_err(of_store)?;
        made.ok_or_else(|| CommonFault::internal("a streak's place that was just made is not there"))?
    };
    let goes_on = row.is_open && row.is_recent;
    if row.is_open && !goes_on {
        emit_end(unit, &row, giving.gift, giving.sender)?;
    }
    Ok(Place { row, goes_on })
}

impl Place {
    /// Counts a gift of `quantity` for `total`.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn count(
        self,
        unit: &mut Unit,
        giving: Giving<'_>,
        gift_transaction_id: u64,
        (quantity, total): (u32, Money),
    ) -> Result<Counted, CommonFault> {
        let counted = match self.extended(quantity, total) {
            Some(counted) => counted,
            None => {
                // More than a sum can hold: the next streak begins at once.
                if self.goes_on {
                    emit_end(unit, &self.row, giving.gift, giving.sender)?;
                }
                let quantity = u64::from(quantity);
                let streak = GiftStreak { id: base::id::ulid(), quantity, total_price: total };
                Counted { repeat_count: 1, streak }
            }
        };
        let update = StreakUpdate {
            id: self.row.id,
            streak_id: &counted.streak.id,
            receiver_id: giving.receiver_id,
            gift_transaction_id,
            repeat_count: counted.repeat_count,
            quantity: counted.streak.quantity,
            total_price: counted.streak.total_price,
        };
        store::gifts::update_streak(unit, &update).await.map_err(of_store)?;
        Ok(counted)
    }

    /// The streak with one more gift; `None` where it does not go on.
    fn extended(&self, quantity: u32, total: Money) -> Option<Counted> {
        if !self.goes_on {
            return None;
        }
        let streak = GiftStreak {
            id: self.row.streak_id.clone(),
            quantity: self.row.quantity.checked_add(u64::from(quantity))?,
            total_price: self.row.total_price.plus(total)?,
        };
        Some(Counted { repeat_count: self.row.repeat_count.checked_add(1)?, streak })
    }
}

/// Ends the streaks to which nothing was added for 3 s, some thousand at most; gives how many. Each end is told once:
/// what several nodes find at the same time, one of them ends.
///
/// # Errors
/// [`CommonFault::Unavailable`]: what is left is ended at the next beat, by the relay, or by the next gift.
pub async fn end_streaks(app: &App) -> Result<u64, CommonFault> {
    let mut ended = 0_u64;
    for _round in 0..ROUNDS {
        let batch = end_batch(app).await?;
        ended = ended.saturating_add(u64::from(batch));
        if batch < BATCH {
            break;
        }
    }
    Ok(ended)
}

async fn end_batch(app: &App) -> Result<u32, CommonFault> {
    in_unit!(app, |unit| write_ends(app, unit))
}

async fn write_ends(app: &App, unit: &mut Unit) -> Result<u32, CommonFault> {
    let rows = store::gifts::lock_silent_streaks(unit, SILENCE_SECONDS, BATCH).await.map_err(of_store)?;
    let ids: Vec<u64> = rows.iter().map(|row| row.id).collect();
    let faces = store::gifts::list_streak_faces(unit, &ids).await.map_err(of_store)?;
    let faces: HashMap<u64, StreakFaceRow> = faces.into_iter().map(|face| (face.id, face)).collect();
    for row in &rows {
        // Gift and sender are there: foreign keys say so.
        let face = faces.get(&row.id).ok_or_else(|| CommonFault::internal("a streak without a face"))?;
        let gift = GiftIcon {
            id: row.gift_id,
            name: face.gift_name.clone(),
            icon: face.gift_icon.clone(),
            animation_url: face.gift_animation_url.clone(),
            price: face.gift_price,
        };
        let sender = RoomMember {
            id: row.sender_id,
            name: face.sender_name.clone(),
            avatar: picture_url(app, face.sender_avatar.clone()),
        };
        emit_end(unit, row, &gift, &sender)?;
    }
    store::gifts::update_streaks_ended(unit, &ids).await.map_err(of_store)?;
    Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
}

/// Tells those who were told of the gifts, but for the receiver of gifts in a room or for a post, who was told of each.
fn emit_end(
    unit: &mut Unit,
    row: &StreakRow,
    gift: &GiftIcon,
    sender: &RoomMember,
) -> Result<(), CommonFault> {
    const UNKNOWN: StoreError = StoreError::Corrupt { table: "hub_gift_streaks", column: "giftable_type" };
    let kind = giftable_kind(&row.giftable_type).ok_or(UNKNOWN).map_err(of_store)?;
    let giftable = GiftableRef { kind, id: row.giftable_id };
    let end = GiftSentEvent {
        gift_transaction_id: row.gift_transaction_id,
        gift: gift.clone(),
        sender: sender.clone(),
        receiver_id: row.receiver_id,
        quantity: row.quantity,
        total_price: row.total_price,
        message: None,
        giftable,
        repeat_count: row.repeat_count,
        repeat_end: true,
        streak: GiftStreak {
            id: row.streak_id.clone(),
            quantity: row.quantity,
            total_price: row.total_price,
        },
        merged: None,
    };
    unit.emit(audience(giftable, row.receiver_id), Event::GiftSent(Box::new(end)));
    Ok(())
}

/// Where a gift is seen.
pub(super) const fn audience(giftable: GiftableRef, receiver_id: UserId) -> Channel {
    match giftable.kind {
        Giftable::LiveRoom => Channel::Room(giftable.id),
        Giftable::Post => Channel::Post(giftable.id),
        Giftable::User => Channel::User(receiver_id),
    }
}

/// Our own table holds the short names only.
const fn short_name(kind: Giftable) -> &'static str {
    giftable_morph(kind).column(config::MorphStyle::Alias)
}
