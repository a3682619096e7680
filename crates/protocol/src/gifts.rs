//! Gifts: inputs and views (realtime.md §4, domain.md §5.9).

use base::id::{GiftId, UserId};
use base::{Money, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::key::IdempotencyKey;
use crate::rooms::RoomMember;
use crate::users::UserCard;
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

/// A gift as administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShelfGift {
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
    /// ISO 4217.
    pub currency: String,
    /// Its place: the smallest first.
    pub order: u32,
    /// On offer?
    pub is_active: bool,
}

/// Input of the operation `create_gift`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateGift {
    /// Its name.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// Its picture: an address, or the name of one that apps have.
    #[schema(min_length = 1, max_length = 255)]
    pub icon: String,
    /// Its animation.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub animation_url: Option<String>,
    /// What one costs; 0 or more.
    pub price: Money,
    /// Its place; the first where left out.
    #[serde(default)]
    pub order: Option<u32>,
    /// On offer? Yes where left out.
    #[serde(default)]
    pub is_active: Option<bool>,
}

/// Input of the operation `update_gift`: what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateGift {
    /// Its name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// Its picture.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 255)]
    pub icon: Option<String>,
    /// Its animation; empty for none.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub animation_url: Option<String>,
    /// What one costs from now on.
    #[serde(default)]
    pub price: Option<Money>,
    /// Its place.
    #[serde(default)]
    pub order: Option<u32>,
    /// On offer?
    #[serde(default)]
    pub is_active: Option<bool>,
}

/// Input of `gifts.send_gift`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendGift {
    /// The client's key of this write; not part of its content.
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

/// Who gave for a room or a post, and what together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopSender {
    /// Who.
    pub user: UserCard,
    /// How many times.
    pub gifts: u64,
    /// How many were given with them.
    pub quantity: u64,
    /// What they cost together.
    pub total_price: Money,
}

/// Which of one's own gifts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GiftDirection {
    /// Those that one gave.
    #[default]
    Sent,
    /// Those that one was given.
    Received,
}

/// A gift in the own list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GiftGiven {
    /// Its id: that of the `gift_transaction`.
    pub id: u64,
    /// Which gift; with the price of today.
    pub gift: GiftIcon,
    /// Who gave.
    pub sender: UserCard,
    /// Who received.
    pub receiver: UserCard,
    /// What for; `null` for a kind that this release does not know.
    pub giftable: Option<GiftableRef>,
    /// How many.
    pub quantity: u32,
    /// What the giver paid.
    pub total_price: Money,
    /// Words with it.
    pub message: Option<String>,
    /// When.
    pub created_at: Time,
}

/// The `data` of `gift.sent` (realtime.md §7). Equal gifts of one sender for the same thing, each within 3 s of the one
/// before, are a streak. Each gift is told once with `repeat_end` false; when 3 s have passed without another, the
/// streak's end is told once, with its totals. A room that is given more than 20 gifts a second is told of several
/// gifts of one sender at once (`merged`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GiftSentEvent {
    /// The ledger's own id of this gift, and at the end of a streak and in a merged frame that of the last one: an
    /// animation can be traced to its money.
    pub gift_transaction_id: u64,
    /// What was given.
    pub gift: GiftIcon,
    /// Who gave.
    pub sender: RoomMember,
    /// Who received.
    pub receiver_id: UserId,
    /// How many were given with this gift; at the end of a streak with all of its gifts, in a merged frame with all
    /// gifts of the frame.
    pub quantity: u64,
    /// What the giver paid for `quantity`.
    pub total_price: Money,
    /// Words with it; none at the end of a streak.
    pub message: Option<String>,
    /// What for.
    pub giftable: GiftableRef,
    /// Which gift of its streak this is, from 1; at the end of a streak how many gifts it had, in a merged frame the
    /// greatest of the frame.
    pub repeat_count: u32,
    /// The streak is over. This frame is its settlement and no gift of its own.
    pub repeat_end: bool,
    /// The streak so far. (Left out by the first release, whose stored events are still read.)
    #[serde(default)]
    pub streak: GiftStreak,
    /// In a merged frame: how many gifts of this sender it stands for. They may be of several kinds: the picture is the
    /// last one's, the sums are those of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<u32>,
}

/// A streak, as far as it has come: `repeat_count` gifts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GiftStreak {
    /// Its own id (a ULID), the same in all of its events.
    pub id: String,
    /// How many were given.
    pub quantity: u64,
    /// What they cost together.
    pub total_price: Money,
}

/// A gift's face in an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GiftableRef {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: Giftable,
    /// Its id.
    pub id: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::GiftSentEvent;
    use crate::channel::Channel;
    use crate::event::{Delivery, Envelope, Event, EventData};

    fn event(repeat_end: bool) -> Value {
        json!({
            "gift_transaction_id": 7,
            "gift": {"id": 1, "name": "rose", "icon": "rose.png", "animation_url": null, "price": "1.50"},
            "sender": {"id": 2, "name": "أمل", "avatar": null},
            "receiver_id": 3,
            "quantity": 2,
            "total_price": "3.00",
            "message": null,
            "giftable": {"type": "live_room", "id": 5},
            "repeat_count": 4,
            "repeat_end": repeat_end,
            "streak": {"id": "01J", "quantity": 8, "total_price": "12.00"},
        })
    }

    #[test]
    fn a_gift_is_an_animation_where_it_is_watched_and_money_where_it_is_received() {
        let delivery = |channel, repeat_end| {
            let gift: GiftSentEvent = serde_json::from_value(event(repeat_end)).unwrap();
            Envelope::new(channel, Event::GiftSent(Box::new(gift))).delivery()
        };
        for watched in [Channel::Room(5), Channel::Post(5)] {
            assert_eq!(delivery(watched, false), Delivery::Signal);
            assert_eq!(delivery(watched, true), Delivery::Durable, "the settlement is kept");
        }
        for repeat_end in [false, true] {
            assert_eq!(delivery(Channel::User(3), repeat_end), Delivery::Durable);
        }
    }

    #[test]
    fn the_shape_on_the_wire_and_that_of_the_first_release() {
        let told = json!({"id": "01A", "at": "2026-01-31T18:00:00.000000Z", "type": "gift.sent", "data": event(false)});
        let read: EventData = serde_json::from_value(told.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), told);
        // Nodes look for the type at the beginning (the hub's `gifts.rs`).
        let text = serde_json::to_string(&read).unwrap();
        assert!(text.find(r#""type":"gift.sent""#).is_some_and(|place| place < 100), "{text}");
        // What is stored under keys and in the outbox when the program is exchanged.
        let mut first = event(false);
        first.as_object_mut().unwrap().remove("streak");
        let first: GiftSentEvent = serde_json::from_value(first).unwrap();
        assert_eq!(first.streak, super::GiftStreak::default());
    }
}
