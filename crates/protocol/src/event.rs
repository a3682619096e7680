//! What clients are told: the envelope of every publication and the catalogue of events (realtime.md §3, §4; domain.md §6.6).

use base::Time;
use base::id::{ConversationId, MessageId, RoomId, UserId};
use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::chat::Message;
use crate::gifts::GiftSentEvent;
use crate::presence::PresenceState;
use crate::rooms::{RoomMember, RoomMessage};

/// How an event travels, declared once per event (domain.md D13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Bus only, not kept: typing, viewer counts.
    Signal,
    /// Published after commit and before the acknowledgement. For writes with a key, whose repeat publishes it again,
    /// and for what can be done without: that somebody came in, and presence, which Redis keeps by itself.
    Live,
    /// As `Live`, and an outbox row in the same transaction publishes it even if the client never comes back. For
    /// money, and for writes without a key, whose repeat finds nothing left to do. Published late, it may be heard
    /// after newer events: its `at` says so.
    Durable,
}

/// Everything that a client can be told. On the wire `{"type":"chat.message_created","data":{…}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A 1:1 message, to both participants; `unread_total` is the hearer's own.
    #[serde(rename = "chat.message_created")]
    ChatMessageCreated {
        /// The message.
        message: Message,
        /// Unread messages of the user whose channel this is, over all conversations.
        unread_total: u32,
    },
    /// Somebody has read a conversation up to a message.
    #[serde(rename = "chat.messages_read")]
    ChatMessagesRead {
        /// The conversation.
        conversation_id: ConversationId,
        /// Who has read.
        reader_id: UserId,
        /// Everything up to this id is read; it never goes backwards.
        up_to: MessageId,
        /// When.
        at: Time,
        /// The hearer's own unread total, present on the reader's channel only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unread_total: Option<u32>,
    },
    /// The other participant types; forget it at `until`.
    #[serde(rename = "chat.typing_started")]
    ChatTypingStarted {
        /// The conversation.
        conversation_id: ConversationId,
        /// Who types.
        user_id: UserId,
        /// When to stop showing it.
        until: Time,
    },
    /// A message in a live room.
    #[serde(rename = "room.message_created")]
    RoomMessageCreated {
        /// The message.
        message: RoomMessage,
    },
    /// Somebody joined a live room (small rooms only).
    #[serde(rename = "room.member_joined")]
    RoomMemberJoined {
        /// The room.
        room_id: RoomId,
        /// Who joined.
        user: RoomMember,
    },
    /// A live room went live.
    #[serde(rename = "room.started")]
    RoomStarted {
        /// The room.
        room_id: RoomId,
        /// Since when.
        started_at: Time,
    },
    /// A gift was given: an animation in the room (or post) and word to the receiver.
    #[serde(rename = "gift.sent")]
    GiftSent(Box<GiftSentEvent>),
    /// The hearer's own wallet changed.
    #[serde(rename = "wallet.updated")]
    WalletUpdated {
        /// Money at hand.
        balance: base::Money,
        /// Money reserved for withdrawals.
        pending_balance: base::Money,
        /// The ledger row that caused it.
        transaction_id: u64,
    },
    /// A user went online or offline.
    #[serde(rename = "presence.changed")]
    PresenceChanged(PresenceState),
    /// One of the hearer's sessions was ended; its sockets are closed next.
    #[serde(rename = "session.revoked")]
    SessionRevoked {
        /// The session, or `null` for all of them.
        session_id: Option<String>,
    },
}

impl Event {
    /// The `type` on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ChatMessageCreated { .. } => "chat.message_created",
            Self::ChatMessagesRead { .. } => "chat.messages_read",
            Self::ChatTypingStarted { .. } => "chat.typing_started",
            Self::RoomMessageCreated { .. } => "room.message_created",
            Self::RoomMemberJoined { .. } => "room.member_joined",
            Self::RoomStarted { .. } => "room.started",
            Self::GiftSent(_) => "gift.sent",
            Self::WalletUpdated { .. } => "wallet.updated",
            Self::PresenceChanged(_) => "presence.changed",
            Self::SessionRevoked { .. } => "session.revoked",
        }
    }

    /// How it travels.
    #[must_use]
    pub const fn delivery(&self) -> Delivery {
        match self {
            Self::ChatTypingStarted { .. } => Delivery::Signal,
            Self::ChatMessageCreated { .. }
            | Self::RoomMessageCreated { .. }
            | Self::RoomMemberJoined { .. }
            | Self::PresenceChanged(_) => Delivery::Live,
            Self::ChatMessagesRead { .. }
            | Self::RoomStarted { .. }
            | Self::GiftSent(_)
            | Self::WalletUpdated { .. }
            | Self::SessionRevoked { .. } => Delivery::Durable,
        }
    }
}

/// An event addressed to a channel, as it is stored (outbox, idempotency row) and published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Where it is published.
    pub channel: Channel,
    /// The publication's `data`.
    pub data: EventData,
}

/// The `data` of a publication: `{"type":…,"id":…,"at":…,"data":{…}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventData {
    /// Unique for ever, the same on a repeat: apps drop what they have seen (a ULID).
    pub id: String,
    /// When it happened.
    pub at: Time,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Envelope {
    /// Addresses a new event, happening now, to a channel.
    #[must_use]
    pub fn new(channel: Channel, event: Event) -> Self {
        Self { channel, data: EventData { id: base::id::ulid(), at: Time::now(), event } }
    }
}
