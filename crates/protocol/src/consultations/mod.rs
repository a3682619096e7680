//! One-to-one consultations: inputs and views (domain.md §5.7).

mod availabilities;
mod bookings;
mod speakers;

pub use availabilities::{
    Availability, CreateAvailability, ReplaceAvailabilities, Slot, SlotDays, SlotQuery, UpdateAvailability,
    Weekday,
};
pub use bookings::{
    BookConsultation, BookConsultationBody, Booking, BookingFilter, BookingJoined, BookingRole,
    BookingStatus, CancelBooking, MarkNoShow, Party, RateBooking, Rating, RescheduleBooking, UpdateRating,
    WriteNotes,
};
pub use speakers::{Speaker, SpeakerFilter, SpeakerProfile, SpeakerWatched};
