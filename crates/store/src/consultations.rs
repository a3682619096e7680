//! Availabilities, bookings and ratings (`consultation_availabilities`, `consultation_bookings`, `consultation_ratings`).
