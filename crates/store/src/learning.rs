//! Enrollments, progress, notes and certificates (`enrollments`, `lesson_progress`, `lesson_notes`, `certificates`).
