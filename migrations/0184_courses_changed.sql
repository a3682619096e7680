-- What changed since, for the search's documents.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'courses' AND index_name = 'courses_updated_at_index'
ALTER TABLE `courses` ADD KEY `courses_updated_at_index` (`updated_at`);
