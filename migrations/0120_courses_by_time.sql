-- Courses, newest first, read from an index: administrators' list (domain.md §5.11).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'courses' AND index_name = 'courses_created_at_index'
ALTER TABLE `courses` ADD KEY `courses_created_at_index` (`created_at`);
