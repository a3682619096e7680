//! Live rooms: inputs and views (realtime.md §4, domain.md §5.6).

use base::id::{RoomId, UserId};
use base::{Money, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::key::IdempotencyKey;
use crate::users::UserCard;

/// `live_rooms.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoomStatus {
    /// Announced.
    Scheduled,
    /// Live now.
    Active,
    /// Over.
    Completed,
    /// Called off.
    Cancelled,
}

impl RoomStatus {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// `live_rooms.access_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessType {
    /// For everybody signed in.
    Free,
    /// For those who registered.
    Paid,
}

impl AccessType {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Paid => "paid",
        }
    }
}

/// `live_room_registrations.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationStatus {
    /// Waiting for an external payment.
    Pending,
    /// Has a seat.
    Registered,
    /// Was there.
    Attended,
    /// Never came.
    Missed,
    /// Given back.
    Cancelled,
}

impl RegistrationStatus {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Registered => "registered",
            Self::Attended => "attended",
            Self::Missed => "missed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Kinds of message in a room; people send the first two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoomMessageType {
    /// Words.
    #[default]
    Text,
    /// One emoji, shown large.
    Emoji,
    /// From the platform.
    System,
    /// From the host.
    Announcement,
}

impl RoomMessageType {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Emoji => "emoji",
            Self::System => "system",
            Self::Announcement => "announcement",
        }
    }
}

/// `live_rooms.duration_type`: how long the programme runs from its first day (domain.md §5.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DurationType {
    /// One day.
    #[default]
    Day,
    /// Seven days more.
    Week,
    /// A month more.
    Month,
    /// Three months more.
    #[serde(rename = "3month")]
    ThreeMonths,
}

impl DurationType {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::ThreeMonths => "3month",
        }
    }
}

/// Input of `create_room`, the body of `POST /live-rooms`. Dates and times are those of `timezone`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRoom {
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub title: String,
    /// At most 5,000 characters.
    #[serde(default)]
    #[schema(max_length = 5000)]
    pub description: Option<String>,
    /// An active category.
    #[serde(default)]
    pub category_id: Option<u64>,
    /// An `https` address.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub cover_url: Option<String>,
    /// First day, `YYYY-MM-DD`; its session must not be over.
    #[schema(format = Date)]
    pub start_date: String,
    /// How long the programme runs.
    #[serde(default)]
    pub duration_type: DurationType,
    /// Daily beginning, `HH:MM` or `HH:MM:SS`.
    pub start_time: String,
    /// Daily end, after the beginning.
    pub end_time: String,
    /// IANA name; the host's own zone where left out.
    #[serde(default)]
    pub timezone: Option<String>,
    /// Free or paid.
    pub access_type: AccessType,
    /// What a seat costs: more than nothing for `paid`, nothing (or left out) for `free`.
    #[serde(default)]
    pub price: Money,
    /// Seats; unlimited where left out.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub max_participants: Option<u32>,
}

/// Filters of `GET /live-rooms`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomFilter {
    /// Only rooms in this state; cancelled ones only of the viewer's own.
    pub status: Option<RoomStatus>,
    /// Only rooms of this category.
    pub category_id: Option<u64>,
    /// Only free, or only paid ones.
    pub access_type: Option<AccessType>,
    /// Only rooms of this host.
    pub host_id: Option<UserId>,
    /// Only rooms that are live now (`true`), or not (`false`).
    pub live_now: Option<bool>,
    /// Only rooms that run on or after this day, `YYYY-MM-DD`.
    pub from: Option<String>,
    /// Only rooms that begin on or before this day, `YYYY-MM-DD`.
    pub to: Option<String>,
}

/// Input of `rooms.join`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinRoom {
    /// The room.
    pub room_id: RoomId,
}

/// Answer of `rooms.join`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoomJoined {
    /// The room as it is now.
    pub room: RoomState,
    /// Where the video is; `null` where no Jitsi server is configured.
    pub jitsi: Option<JitsiPass>,
}

/// A live room's state for those inside, also the `data` of the reply to subscribing `room:{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoomState {
    /// Its id.
    pub id: RoomId,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: RoomStatus,
    /// Users listening now.
    pub viewers: u32,
    /// Seconds between two messages of one user; 0 is off.
    pub slow_mode_seconds: u32,
    /// At most three pinned messages.
    pub pinned: Vec<RoomMessage>,
}

/// What a client needs to enter the Jitsi room (domain.md §5.6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JitsiPass {
    /// The Jitsi server's host name.
    pub domain: String,
    /// The room's name there, lower case.
    pub room: String,
    /// The token for exactly this room and user.
    pub jwt: String,
    /// When the token ends.
    pub expires_at: Time,
    /// Host or moderator?
    pub moderator: bool,
}

/// Input of `rooms.post_message`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostMessage {
    /// The client's key of this write; not part of its content.
    #[serde(skip_serializing)]
    pub client_id: IdempotencyKey,
    /// The room.
    pub room_id: RoomId,
    /// 1 to 500 characters.
    pub body: String,
    /// `text` or `emoji`; announcements have an operation of their own.
    #[serde(default, rename = "type")]
    pub message_type: RoomMessageType,
    /// The message of the same room that it answers.
    #[serde(default)]
    pub parent_id: Option<u64>,
}

/// The body of `POST /live-rooms/{id}/messages`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostMessageBody {
    /// A UUID made by the client; the same one again gives the same message.
    pub client_id: IdempotencyKey,
    /// 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub body: String,
    /// `text` or `emoji`.
    #[serde(default, rename = "type")]
    pub message_type: RoomMessageType,
    /// The message of the same room that it answers.
    #[serde(default)]
    pub parent_id: Option<u64>,
}

impl PostMessageBody {
    /// The operation's input, once the path has named the room.
    #[must_use]
    pub fn into_input(self, room_id: RoomId) -> PostMessage {
        let Self { client_id, body, message_type, parent_id } = self;
        PostMessage { client_id, room_id, body, message_type, parent_id }
    }
}

/// A message in a live room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoomMessage {
    /// Id order is the order of the room.
    pub id: u64,
    /// Its room.
    pub room_id: RoomId,
    /// Its author.
    pub user_id: UserId,
    /// The author's name and picture, so that nobody has to ask for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<RoomMember>,
    /// Its kind.
    #[serde(rename = "type")]
    pub message_type: RoomMessageType,
    /// The words; `null` when deleted.
    pub body: Option<String>,
    /// The message that it answers.
    pub parent_id: Option<u64>,
    /// Pinned on top?
    #[serde(default)]
    pub pinned: bool,
    /// Deleted: only the place is left.
    #[serde(default)]
    pub deleted: bool,
    /// How many reactions it has.
    #[serde(default)]
    pub reactions_count: u32,
    /// When it was accepted.
    pub created_at: Time,
}

/// Answer of `rooms.post_message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessagePosted {
    /// The message, the same for every repeat.
    pub message: RoomMessage,
}

/// A person in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoomMember {
    /// The user.
    pub id: UserId,
    /// The user's name.
    pub name: String,
    /// The user's picture.
    pub avatar: Option<String>,
}

/// A live room in lists and on its own page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LiveRoom {
    /// Its id.
    pub id: RoomId,
    /// Its host.
    pub host: UserCard,
    /// Its category.
    pub category_id: Option<u64>,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// A picture.
    pub cover_url: Option<String>,
    /// First day, in `timezone`.
    #[schema(value_type = String, format = Date)]
    pub start_date: String,
    /// Last day, in `timezone`.
    #[schema(value_type = String, format = Date)]
    pub end_date: String,
    /// Daily beginning, `HH:MM:SS` in `timezone`.
    pub start_time: String,
    /// Daily end, `HH:MM:SS` in `timezone`.
    pub end_time: String,
    /// The host's IANA time zone.
    pub timezone: String,
    /// `day`, `week`, `month` or `3month`.
    pub duration_type: String,
    /// Free or paid.
    pub access_type: AccessType,
    /// What a seat costs for the whole programme.
    pub price: Money,
    /// The currency of `price`.
    pub currency: String,
    /// Seats, if limited.
    pub max_participants: Option<u32>,
    /// Its status.
    pub status: RoomStatus,
    /// Since when it is live.
    pub started_at: Option<Time>,
    /// Seats taken.
    pub registered_count: u32,
    /// Seats left, if limited.
    pub seats_left: Option<u32>,
    /// Users listening now.
    pub viewers: u32,
    /// The viewer's own registration.
    pub my_registration: Option<RegistrationStatus>,
}

/// A seat in a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Registration {
    /// The registration's id; it stays when a cancelled one is taken up again.
    pub id: u64,
    /// The room.
    pub live_room_id: RoomId,
    /// Its state.
    pub status: RegistrationStatus,
    /// What it cost.
    pub price_paid: Money,
    /// When it was made.
    pub registered_at: Option<Time>,
}

/// Answer of `start_room`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoomStarted {
    /// The room.
    pub id: RoomId,
    /// `active`.
    pub status: RoomStatus,
    /// Since when.
    pub started_at: Time,
    /// The Jitsi room of this session.
    pub jitsi_room: String,
}
