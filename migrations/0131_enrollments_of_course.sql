-- A course's students, newest first.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'enrollments' AND index_name = 'enrollments_course_id_id_index'
ALTER TABLE `enrollments` ADD INDEX `enrollments_course_id_id_index` (`course_id`, `id`);
