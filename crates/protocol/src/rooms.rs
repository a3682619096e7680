//! Live rooms: inputs and views (realtime.md §4, domain.md §5.6).

use base::id::{RoomId, UserId};
use base::{Money, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::key::IdempotencyKey;
use crate::users::{UserCard, given};

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

/// `reactions.type`: what one user feels about one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReactionType {
    /// Likes it.
    Like,
    /// Loves it.
    Love,
    /// Laughs.
    Haha,
    /// Is amazed.
    Wow,
    /// Is sad.
    Sad,
    /// Is angry.
    Angry,
}

impl ReactionType {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Like, Self::Love, Self::Haha, Self::Wow, Self::Sad, Self::Angry];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Like => "like",
            Self::Love => "love",
            Self::Haha => "haha",
            Self::Wow => "wow",
            Self::Sad => "sad",
            Self::Angry => "angry",
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

/// Input of `update_room`, the body of `PATCH /live-rooms/{id}`: what is left out stays as it is. Dates and times are
/// those of `timezone`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateRoom {
    /// 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub title: Option<String>,
    /// At most 5,000 characters; `null` or nothing but blanks takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 5000)]
    pub description: Option<Option<String>>,
    /// An active category; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub category_id: Option<Option<u64>>,
    /// An `https` address; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 255)]
    pub cover_url: Option<Option<String>>,
    /// First day, `YYYY-MM-DD`; its session must not be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    pub start_date: Option<String>,
    /// How long the programme runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_type: Option<DurationType>,
    /// Daily beginning, `HH:MM` or `HH:MM:SS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// Daily end, after the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    /// IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Free or paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_type: Option<AccessType>,
    /// What a seat costs: more than nothing for `paid`, nothing for `free`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Seats, not fewer than are taken; `null` for unlimited.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub max_participants: Option<Option<u32>>,
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
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostMessage {
    /// The client's key of this write; not part of its content.
    pub client_id: IdempotencyKey,
    /// The room.
    pub room_id: RoomId,
    /// 1 to 500 characters.
    pub body: String,
    /// `text` or `emoji`; announcements have an operation of their own.
    #[serde(default, rename = "type")]
    pub message_type: RoomMessageType,
    /// The message of the same room that it answers; an answer to an answer joins the thread of the first message.
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
    /// The message of the same room that it answers; an answer to an answer joins the thread of the first message.
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
    /// The message that its thread begins with; `null` for a message that answers none.
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
    /// The asker's own reaction; only in lists, and left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub my_reaction: Option<ReactionType>,
    /// When it was accepted.
    pub created_at: Time,
}

/// Answer of `rooms.post_message` and `rooms.announce`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessagePosted {
    /// The message, the same for every repeat.
    pub message: RoomMessage,
}

/// Input of `rooms.leave`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveRoom {
    /// The room.
    pub room_id: RoomId,
}

/// Input of `rooms.delete_message`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteRoomMessage {
    /// The message.
    pub message_id: u64,
}

/// Input of `rooms.pin_message`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PinMessage {
    /// The message.
    pub message_id: u64,
}

/// Input of `rooms.unpin_message`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnpinMessage {
    /// The message.
    pub message_id: u64,
}

/// Answer of `rooms.delete_message`, `rooms.pin_message` and `rooms.unpin_message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageChanged {
    /// The message as it is now.
    pub message: RoomMessage,
}

/// Input of `rooms.react`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactToMessage {
    /// The message.
    pub message_id: u64,
    /// The reaction, in place of an earlier one; `null` takes it back. To be said in either case.
    #[serde(rename = "type", deserialize_with = "Option::deserialize")]
    #[schema(required = true)]
    pub reaction: Option<ReactionType>,
}

/// The body of `PUT /live-room-messages/{id}/reaction`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactionBody {
    /// The reaction, in place of an earlier one.
    #[serde(rename = "type")]
    pub reaction: ReactionType,
}

/// Answer of `rooms.react`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reacted {
    /// The message.
    pub message_id: u64,
    /// How many reactions it has now.
    pub reactions_count: u32,
    /// The asker's own; `null` when taken back.
    pub my_reaction: Option<ReactionType>,
}

/// Input of `rooms.announce`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Announce {
    /// The client's key of this write; not part of its content.
    pub client_id: IdempotencyKey,
    /// The room.
    pub room_id: RoomId,
    /// 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub body: String,
}

/// The body of `POST /live-rooms/{id}/announcements`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnnounceBody {
    /// A UUID made by the client; the same one again gives the same message.
    pub client_id: IdempotencyKey,
    /// 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub body: String,
}

impl AnnounceBody {
    /// The operation's input, once the path has named the room.
    #[must_use]
    pub fn into_input(self, room_id: RoomId) -> Announce {
        let Self { client_id, body } = self;
        Announce { client_id, room_id, body }
    }
}

/// Input of `rooms.mute_user`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MuteUser {
    /// The room.
    pub room_id: RoomId,
    /// Who is not to write there.
    pub user_id: UserId,
    /// For how long, 1 s to 30 days; until unmuted where left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 2_592_000)]
    pub seconds: Option<u32>,
}

/// The body of `POST /live-rooms/{id}/participants/{user}/mute`; it may be empty.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MuteBody {
    /// For how long, 1 s to 30 days; until unmuted where left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 2_592_000)]
    pub seconds: Option<u32>,
}

/// Input of `rooms.unmute_user`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnmuteUser {
    /// The room.
    pub room_id: RoomId,
    /// Who may write there again.
    pub user_id: UserId,
}

/// Answer of `rooms.mute_user` and `rooms.unmute_user`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MuteState {
    /// Who.
    pub user_id: UserId,
    /// May not write now.
    pub muted: bool,
    /// When that ends by itself; `null` where it does not, or there is no mute.
    pub until: Option<Time>,
}

/// Input of `rooms.kick_user`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KickUser {
    /// The room.
    pub room_id: RoomId,
    /// Who is put out; may come back after five minutes.
    pub user_id: UserId,
}

/// Input of `rooms.ban_user`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BanUser {
    /// The room.
    pub room_id: RoomId,
    /// Who is put out, until unbanned.
    pub user_id: UserId,
}

/// Input of `rooms.unban_user`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnbanUser {
    /// The room.
    pub room_id: RoomId,
    /// Who may come in again, after a kick or a ban.
    pub user_id: UserId,
}

/// Answer of `rooms.kick_user`, `rooms.ban_user` and `rooms.unban_user`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BanState {
    /// Who.
    pub user_id: UserId,
    /// May not come in now.
    pub banned: bool,
    /// When that ends by itself; `null` where it does not, or there is no ban.
    pub until: Option<Time>,
}

/// Input of `rooms.set_slow_mode`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSlowMode {
    /// The room.
    pub room_id: RoomId,
    /// Least seconds between two messages of one member, 0 to 3,600; 0 is off.
    #[schema(maximum = 3600)]
    pub seconds: u32,
}

/// The body of `PUT /live-rooms/{id}/slow-mode`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowModeBody {
    /// Least seconds between two messages of one member, 0 to 3,600; 0 is off.
    #[schema(maximum = 3600)]
    pub seconds: u32,
}

/// Answer of `rooms.set_slow_mode`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlowMode {
    /// The room.
    pub room_id: RoomId,
    /// Least seconds between two messages of one member; 0 is off.
    pub slow_mode_seconds: u32,
}

/// Somebody with a seat, as the host and moderators see them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Participant {
    /// The id of the registration; the list is walked by it.
    pub registration_id: u64,
    /// Who.
    pub user: UserCard,
    /// `registered`, `attended` or `missed`.
    pub status: RegistrationStatus,
    /// When the seat was taken.
    pub registered_at: Option<Time>,
    /// When they first came in.
    pub attended_at: Option<Time>,
    /// May not write now.
    pub muted: bool,
    /// May not come in now.
    pub banned: bool,
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

/// Answer of `end_room` and `cancel_room`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoomEnded {
    /// The room.
    pub id: RoomId,
    /// `scheduled` where only the day's session is over, `completed`, or `cancelled`.
    pub status: RoomStatus,
    /// When.
    pub ended_at: Time,
}

/// Answer of `cancel_registration`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistrationCancelled {
    /// The registration's id.
    pub id: u64,
    /// The room.
    pub live_room_id: RoomId,
    /// `cancelled`.
    pub status: RegistrationStatus,
    /// What was paid back to the wallet.
    pub refunded: Money,
    /// Its currency.
    pub currency: String,
}

/// What a host says of a room, as the room hears of changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoomTerms {
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// Its category.
    pub category_id: Option<u64>,
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
    /// IANA name.
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
}

/// A recorded session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recording {
    /// Its id, unique in the room.
    pub id: String,
    /// Where it can be watched; signed, good for a day.
    pub url: String,
    /// When the session began.
    pub started_at: Time,
    /// Seconds, if known.
    pub duration: Option<u32>,
    /// Bytes, if known.
    pub size: Option<u64>,
}

/// Input of `add_recording`, the body of `POST /live-rooms/{id}/recordings`: a file of one's own, or an address.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddRecording {
    /// A video or a sound that the host, or whoever manages rooms, has uploaded. Either this or `url`.
    #[serde(default)]
    pub upload_id: Option<u64>,
    /// Where the video server put it: an `https` address. Either this or `upload_id`.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub url: Option<String>,
    /// When the session began.
    pub started_at: Time,
    /// Seconds; what the file says where it says something.
    #[serde(default)]
    #[schema(maximum = 604_800)]
    pub duration: Option<u32>,
    /// Bytes; with `url` only.
    #[serde(default)]
    pub size: Option<u64>,
}

/// The body of `PATCH /admin/live-rooms/{id}`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRoomStatus {
    /// The next state, as the state machine allows it: `active` starts a session, `scheduled` ends one, `completed`
    /// ends the programme, `cancelled` calls it off and pays everybody back.
    pub status: RoomStatus,
}

/// A room as administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AdminRoom {
    /// As everybody sees it.
    #[serde(flatten)]
    pub room: LiveRoom,
    /// Seats that money was paid for.
    pub paid_count: u32,
    /// When it was announced.
    pub created_at: Option<Time>,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Time>,
}

/// What Prosody's `event_sync` says of somebody in a video room; more than this is ignored.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct JitsiOccupant {
    /// `context.user.id` of the pass; a guest of the video server has none.
    #[serde(default)]
    pub id: Option<String>,
}

/// What Prosody's `event_sync` says; more than this is ignored.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct JitsiEvent {
    /// The video room's name.
    pub room_name: String,
    /// A part of the room to which some went for a while?
    #[serde(default)]
    pub is_breakout: bool,
    /// Who came or went.
    #[serde(default)]
    pub occupant: Option<JitsiOccupant>,
    /// Everybody who was there, when the room is destroyed.
    #[serde(default)]
    pub all_occupants: Vec<JitsiOccupant>,
}
