//! One-to-one consultations: what speakers offer, booking a session of it, and what follows (domain.md §5.7).

mod book_consultation;
mod booking_view;
mod calendar;
mod cancel_booking;
mod complete_booking;
mod confirm_booking;
mod create_availability;
mod delete_availability;
mod due;
mod find_availability;
mod find_booking;
mod find_speaker;
mod join_booking;
mod list_availabilities;
mod list_bookings;
mod list_ratings;
mod list_slots;
mod list_speakers;
mod machines;
mod money;
mod party;
mod rate_booking;
mod replace_availabilities;
mod reschedule_booking;
mod rules;
mod slots;
mod take_slot;
mod tell;
mod update_availability;
mod view;
mod watch_speaker;
mod windows;
mod write_notes;

use base::{CommonFault, Fault, Rule};

use crate::common_faults;
use crate::wallet::WalletError;

pub use book_consultation::book_consultation;
pub use cancel_booking::cancel_booking;
pub use complete_booking::{complete_booking, mark_no_show};
pub use confirm_booking::{confirm_booking, decline_booking};
pub use create_availability::create_availability;
pub use delete_availability::delete_availability;
pub use due::bookings_due;
pub use find_availability::find_availability;
pub use find_booking::find_booking;
pub use find_speaker::find_speaker;
pub use join_booking::join_booking;
pub use list_availabilities::list_availabilities;
pub use list_bookings::{list_all_bookings, list_bookings};
pub use list_ratings::{list_booking_ratings, list_speaker_ratings};
pub use list_slots::list_slots;
pub use list_speakers::list_speakers;
pub use party::{demand_booking, demand_party, demand_speaker};
pub use rate_booking::{rate_booking, update_rating};
pub use replace_availabilities::replace_availabilities;
pub use reschedule_booking::reschedule_booking;
pub use update_availability::{demand_availability, update_availability};
pub use watch_speaker::watch_speaker;
pub use write_notes::write_notes;

/// What can go wrong with consultations.
#[derive(Debug, thiserror::Error)]
pub enum ConsultationError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// The session has to be paid, and could not be.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// Nobody books oneself.
    #[error("You cannot book a session with yourself.")]
    OwnBooking,
    /// No slot begins then, or it is taken, or one of the two is busy.
    #[error("This slot is not available.")]
    SlotUnavailable,
    /// Before ten minutes before the beginning, or after a quarter of an hour after the end.
    #[error("The session is open from 10 minutes before its beginning until 15 minutes after its end.")]
    NotOpen,
    /// Completed before it ended.
    #[error("The session has not ended yet.")]
    NotOver,
    /// Missed before its first quarter of an hour was over.
    #[error("Somebody has missed the session when 15 minutes of it are over.")]
    NotMissed,
    /// Called off or moved when it was over.
    #[error("The session is over.")]
    Over,
    /// Only of a session that will take place.
    #[error("The session is not scheduled.")]
    NotScheduled,
    /// Confirmed before it was paid.
    #[error("The session is not paid.")]
    NotPaid,
    /// Moved by the student too late.
    #[error("A session can be moved until 12 hours before its beginning.")]
    TooLateToMove,
    /// Rated before it took place.
    #[error("Only a completed session can be rated.")]
    NotCompleted,
    /// Rated too late.
    #[error("A session can be rated within 30 days.")]
    TooLateToRate,
    /// Changed too late.
    #[error("A rating can be changed within 48 hours.")]
    TooLateToChange,
    /// Rated twice.
    #[error("You have rated this session already.")]
    AlreadyRated,
}

impl Fault for ConsultationError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::Wallet(fault) => fault.rule(),
            Self::OwnBooking => Rule::BOOKING_OWN,
            Self::SlotUnavailable => Rule::SLOT_UNAVAILABLE,
            Self::NotOpen | Self::NotOver | Self::NotMissed | Self::Over => Rule::BOOKING_OUTSIDE_WINDOW,
            Self::NotScheduled => Rule::BOOKING_NOT_SCHEDULED,
            Self::NotPaid => Rule::BOOKING_NOT_PAID,
            Self::NotCompleted => Rule::BOOKING_NOT_COMPLETED,
            Self::AlreadyRated => Rule::BOOKING_ALREADY_RATED,
            Self::TooLateToMove | Self::TooLateToRate | Self::TooLateToChange => Rule::POLICY_VIOLATION,
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            Self::Wallet(fault) => Some(fault),
            _ => None,
        }
    }
}

common_faults!(ConsultationError);

/// Who offers consultations.
const OFFER: &str = "consultations.offer";
/// Who may look into everybody's bookings, and act on them.
const MANAGE: &str = "bookings.manage";

/// There is no such speaker, or the asker may not know of them (domain.md D23).
const NO_SPEAKER: CommonFault = CommonFault::NotFound("speaker");
/// There is no such booking, or the asker is none of its two.
const NO_BOOKING: CommonFault = CommonFault::NotFound("booking");
/// The asker has not rated it.
const NO_RATING: CommonFault = CommonFault::NotFound("rating");
/// There is no such window, or it is somebody else's.
const NO_AVAILABILITY: CommonFault = CommonFault::NotFound("availability");

/// Minutes before the beginning at which both are reminded, the longest first.
const REMINDERS: [u16; 3] = [24 * 60, 60, 10];
