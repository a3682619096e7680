//! Consultations: availabilities, slots, bookings, ratings (domain.md §5.7): inputs and views.
