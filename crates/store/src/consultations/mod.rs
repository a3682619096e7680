//! Consultations: what speakers offer, what was booked, and ratings (domain.md §4.1 rows 22-24, §5.7).

mod availabilities;
mod bookings;
mod due;
mod lists;
mod ratings;
mod speakers;

pub use availabilities::{
    AvailabilityRow, NewAvailability, delete_availability, find_availability, insert_availability,
    list_availabilities, list_open_availabilities, lock_availabilities, update_availability,
};
pub use bookings::{
    BookingRow, BusyRow, NewBooking, find_booking, insert_booking, list_busy, lock_booking, lock_calendars,
    update_cancelled, update_missed_by, update_moved, update_notes, update_proposal, update_refunded,
    update_reminded, update_status, update_transaction,
};
pub use due::{find_reminded, list_expired, list_over, list_to_remind};
pub use lists::{BookingOrder, BookingQuery, count_bookings, list_all_bookings, list_bookings};
pub use ratings::{
    NewRating, RatingRow, RatingSumRow, find_rating, insert_rating, list_booking_ratings, list_rating_sums,
    list_speaker_ratings, lock_rating, update_rating,
};
pub use speakers::{
    ExpertiseRow, SpeakerQuery, SpeakerRow, find_speaker, list_consultation_settings, list_expertises,
    list_speakers,
};
