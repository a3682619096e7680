-- What the clock looks for: enrollments in which all is done.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'enrollments' AND index_name = 'enrollments_status_progress_percentage_index'
ALTER TABLE `enrollments` ADD INDEX `enrollments_status_progress_percentage_index` (`status`, `progress_percentage`);
