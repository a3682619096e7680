//! Sessions that were booked, and what the two say of each other afterwards.

use base::id::UserId;
use base::{Money, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::key::IdempotencyKey;
use crate::rooms::JitsiPass;
use crate::users::UserCard;

/// `consultation_bookings.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BookingStatus {
    /// The slot is held: for a payment, or for the speaker's word.
    Pending,
    /// It will take place.
    Scheduled,
    /// It took place.
    Completed,
    /// Called off.
    Cancelled,
    /// One of the two did not come.
    NoShow,
}

impl BookingStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Scheduled, Self::Completed, Self::Cancelled, Self::NoShow];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scheduled => "scheduled",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::NoShow => "no_show",
        }
    }
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// Who booked.
    Student,
    /// Who was booked.
    Speaker,
}

impl Party {
    /// As the column spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Speaker => "speaker",
        }
    }
}

/// `role` of `GET /me/bookings`.
pub type BookingRole = Party;

/// Input of `book_consultation`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookConsultation {
    /// The client's key of this write; not part of its content.
    pub client_id: IdempotencyKey,
    /// The window that the slot is of.
    pub availability_id: u64,
    /// The slot's beginning.
    pub start: Time,
    /// What the student would like to talk about.
    #[serde(default)]
    pub note: Option<String>,
}

/// The body of `POST /consultations/bookings`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookConsultationBody {
    /// The key of this write, unless the header `Idempotency-Key` names it.
    #[serde(default)]
    pub client_id: Option<IdempotencyKey>,
    /// The window that the slot is of.
    #[schema(minimum = 1)]
    pub availability_id: u64,
    /// The slot's beginning.
    pub start: Time,
    /// What the student would like to talk about, at most 1,000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

impl BookConsultationBody {
    /// The operation's input, once its key is known.
    #[must_use]
    pub fn into_input(self, client_id: IdempotencyKey) -> BookConsultation {
        let Self { client_id: _, availability_id, start, note } = self;
        BookConsultation { client_id, availability_id, start, note }
    }
}

/// A session, as both see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Booking {
    /// Its id.
    pub id: u64,
    /// Who booked.
    pub student: UserCard,
    /// Who was booked.
    pub speaker: UserCard,
    /// The window that it was booked from; nothing once that is gone.
    pub availability_id: Option<u64>,
    /// Its beginning.
    pub scheduled_at: Time,
    /// Its end.
    pub ends_at: Time,
    /// Its minutes.
    pub duration_minutes: u16,
    /// What was paid, VAT included.
    pub price_paid: Money,
    /// How much of it was given back.
    pub refunded: Money,
    /// ISO 4217.
    pub currency: String,
    /// Its state.
    pub status: BookingStatus,
    /// Where it takes place, if there is a video server.
    pub meeting_url: Option<String>,
    /// What the student would like to talk about.
    pub note: Option<String>,
    /// What the speaker wrote down.
    pub session_notes: Option<String>,
    /// With `pending`: when the slot is given back.
    pub expires_at: Option<Time>,
    /// Another time that the speaker proposes; the student takes it by rescheduling to it.
    pub proposed_start: Option<Time>,
    /// With `no_show`: who did not come.
    pub missed_by: Option<Party>,
    /// With `cancelled`: who called it off; nothing for the system.
    pub cancelled_by: Option<UserId>,
    /// With `cancelled`: why.
    pub cancellation_reason: Option<String>,
    /// When it was booked.
    pub created_at: Option<Time>,
}

/// Filters of `GET /me/bookings` and `GET /admin/bookings`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookingFilter {
    /// Only in this state.
    pub status: Option<BookingStatus>,
    /// Only sessions that begin then or later.
    pub from: Option<Time>,
    /// Only sessions that begin before.
    pub to: Option<Time>,
    /// Only of this student.
    pub student_id: Option<UserId>,
    /// Only of this speaker.
    pub speaker_id: Option<UserId>,
}

/// Input of `cancel_booking` and of `decline_booking`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBooking {
    /// Why, at most 255 characters.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub reason: Option<String>,
}

/// Input of `reschedule_booking`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RescheduleBooking {
    /// The beginning of another slot of the same speaker, of the same length.
    pub start: Time,
}

/// Input of `mark_no_show`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkNoShow {
    /// Who did not come.
    pub who: Party,
}

/// Input of `write_notes`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteNotes {
    /// At most 10,000 characters; nothing removes them.
    #[schema(max_length = 10000)]
    pub session_notes: Option<String>,
}

/// Answer of `join_booking`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BookingJoined {
    /// The session.
    pub booking: Booking,
    /// Where the video is; `null` where no Jitsi server is configured.
    pub jitsi: Option<JitsiPass>,
}

/// Input of `rate_booking`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateBooking {
    /// 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    pub rating: u8,
    /// In words, at most 2,000 characters.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub review: Option<String>,
}

/// Input of `update_rating`: what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateRating {
    /// 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 5)]
    pub rating: Option<u8>,
    /// In words, at most 2,000 characters; an empty text removes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub review: Option<String>,
}

/// What one of the two says of the other after a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rating {
    /// Its id.
    pub id: u64,
    /// The session.
    pub booking_id: u64,
    /// Who rates.
    pub rater: UserCard,
    /// Who is rated.
    pub rated_id: UserId,
    /// 1 to 5.
    pub rating: u8,
    /// In words.
    pub review: Option<String>,
    /// When it was written.
    pub created_at: Option<Time>,
    /// When it was last changed.
    pub updated_at: Option<Time>,
}
