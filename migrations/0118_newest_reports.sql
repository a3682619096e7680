-- All reports, newest first.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'post_reports' AND index_name = 'post_reports_created_at_index'
ALTER TABLE `post_reports` ADD INDEX `post_reports_created_at_index` (`created_at`);
