//! Gifts: inputs and views (realtime.md §4, domain.md §5.9).

use base::Money;
use base::id::{GiftId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::key::IdempotencyKey;
use crate::rooms::RoomMember;
use crate::wallet::WalletBalance;

/// What a gift is given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Giftable {
    /// A live room: its host receives.
    LiveRoom,
    /// A post: its author receives.
    Post,
    /// A person.
    User,
}

/// Input of `gifts.send_gift`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendGift {
    /// The client's key of this write; not part of its content.
    #[serde(skip_serializing)]
    pub client_id: IdempotencyKey,
    /// Which gift.
    pub gift_id: GiftId,
    /// What for.
    pub giftable_type: Giftable,
    /// Which one.
    pub giftable_id: u64,
    /// Who receives: the owner, where left out.
    #[serde(default)]
    pub receiver_id: Option<UserId>,
    /// 1 to 999.
    #[serde(default = "one")]
    pub quantity: u32,
    /// At most 200 characters.
    #[serde(default)]
    pub message: Option<String>,
}

const fn one() -> u32 {
    1
}

/// The body of `POST /gifts/{id}/send`; the key comes as `Idempotency-Key` (or, the same key, as `client_id`).
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendGiftBody {
    /// The same key as the header's, for clients that share code with the socket.
    #[serde(default)]
    pub client_id: Option<IdempotencyKey>,
    /// What for.
    pub giftable_type: Giftable,
    /// Which one.
    pub giftable_id: u64,
    /// Who receives: the owner, where left out.
    #[serde(default)]
    pub receiver_id: Option<UserId>,
    /// 1 to 999.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 999, default = 1)]
    pub quantity: u32,
    /// At most 200 characters.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub message: Option<String>,
}

impl SendGiftBody {
    /// The operation's input, once path and header have named gift and key.
    #[must_use]
    pub fn into_input(self, client_id: IdempotencyKey, gift_id: GiftId) -> SendGift {
        let Self { client_id: _, giftable_type, giftable_id, receiver_id, quantity, message } = self;
        SendGift { client_id, gift_id, giftable_type, giftable_id, receiver_id, quantity, message }
    }
}

/// Answer of `gifts.send_gift`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GiftSent {
    /// What was given.
    pub gift_transaction: GiftTransaction,
    /// The giver's wallet afterwards.
    pub wallet: WalletBalance,
}

/// A gift that was given and paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GiftTransaction {
    /// Its id.
    pub id: u64,
    /// Which gift.
    pub gift_id: GiftId,
    /// Who received it.
    pub receiver_id: UserId,
    /// How many.
    pub quantity: u32,
    /// What the giver paid.
    pub total_price: Money,
}

/// A gift on offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Gift {
    /// Its id.
    pub id: GiftId,
    /// Its name.
    pub name: String,
    /// Its picture.
    pub icon: String,
    /// Its animation.
    pub animation_url: Option<String>,
    /// What one costs.
    pub price: Money,
    /// The currency of `price`.
    pub currency: String,
}

/// The `data` of `gift.sent`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GiftSentEvent {
    /// The ledger's own id of this gift: an animation can be traced to its money.
    pub gift_transaction_id: u64,
    /// What was given.
    pub gift: GiftIcon,
    /// Who gave.
    pub sender: RoomMember,
    /// Who received.
    pub receiver_id: UserId,
    /// How many.
    pub quantity: u32,
    /// What the giver paid.
    pub total_price: Money,
    /// Words with it.
    pub message: Option<String>,
    /// What for.
    pub giftable: GiftableRef,
    /// How many equal gifts the streak has (realtime.md §7); 1 outside of a streak.
    pub repeat_count: u32,
    /// The streak is over?
    pub repeat_end: bool,
}

/// A gift's face in an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GiftIcon {
    /// Its id.
    pub id: GiftId,
    /// Its name.
    pub name: String,
    /// Its picture.
    pub icon: String,
    /// Its animation.
    pub animation_url: Option<String>,
    /// What one costs.
    pub price: Money,
}

/// What a gift was given for, by name and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiftableRef {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: Giftable,
    /// Its id.
    pub id: u64,
}
