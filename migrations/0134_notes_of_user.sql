-- Somebody's notes of a course, newest first.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'lesson_notes' AND index_name = 'lesson_notes_user_id_id_index'
ALTER TABLE `lesson_notes` ADD INDEX `lesson_notes_user_id_id_index` (`user_id`, `id`);
