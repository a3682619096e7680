//! Gifts: the catalogue, giving, streaks, and who gave (domain.md §5.9, realtime.md §7).

mod list_gifts;
mod list_own_gifts;
mod list_top_senders;
mod recipient;
mod send_gift;
mod shelf;
mod streak;

use base::{CommonFault, Fault, Rule};

use crate::common_faults;
use crate::rooms::RoomError;
use crate::wallet::WalletError;

pub use list_gifts::list_gifts;
pub use list_own_gifts::list_own_gifts;
pub use list_top_senders::{list_post_gifts, list_room_gifts};
pub use send_gift::send_gift;
pub use shelf::{create_gift, delete_gift, find_shelf_gift, list_shelf, update_gift};
pub use streak::end_streaks;

/// What can go wrong with gifts.
#[derive(Debug, thiserror::Error)]
pub enum GiftError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// It could not be paid.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The room does not admit the giver, or is not live.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// No such gift, or it is no longer on offer.
    #[error("There is no such gift on offer.")]
    UnknownGift,
    /// To oneself.
    #[error("You cannot give a gift to yourself.")]
    SelfGift,
    /// Somebody else than the owner was named.
    #[error("The gift must go to the owner of what it is given for.")]
    WrongReceiver,
    /// One of the two blocks the other.
    #[error("You cannot reach this person.")]
    Blocked,
    /// Somebody has given it.
    #[error("This gift was given already; take it off the offer instead.")]
    InUse,
}

impl Fault for GiftError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::Wallet(fault) => fault.rule(),
            Self::Room(fault) => fault.rule(),
            Self::UnknownGift => Rule::UNKNOWN_GIFT,
            Self::SelfGift => Rule::SELF_GIFT,
            Self::WrongReceiver => Rule::GIFT_WRONG_RECEIVER,
            Self::Blocked => Rule::BLOCKED,
            Self::InUse => Rule::GIFT_IN_USE,
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            Self::Wallet(fault) => Some(fault),
            Self::Room(fault) => Some(fault),
            _ => None,
        }
    }
}

common_faults!(GiftError);
