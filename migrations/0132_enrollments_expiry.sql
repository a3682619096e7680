-- What the clock looks for: enrollments that end.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'enrollments' AND index_name = 'enrollments_status_expires_at_index'
ALTER TABLE `enrollments` ADD INDEX `enrollments_status_expires_at_index` (`status`, `expires_at`);
