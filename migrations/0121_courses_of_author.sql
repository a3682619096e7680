-- An author's courses, newest first, read from an index (domain.md §5.4).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'courses' AND index_name = 'courses_user_id_created_at_index'
ALTER TABLE `courses` ADD KEY `courses_user_id_created_at_index` (`user_id`, `created_at`);
