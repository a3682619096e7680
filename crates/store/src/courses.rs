//! Categories, courses, sections and lessons (`categories`, `courses`, `course_sections`, `course_lessons`).
