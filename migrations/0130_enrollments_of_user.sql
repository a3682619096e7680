-- Somebody's enrollments, newest first: the unique key has them by course.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'enrollments' AND index_name = 'enrollments_user_id_id_index'
ALTER TABLE `enrollments` ADD INDEX `enrollments_user_id_id_index` (`user_id`, `id`);
