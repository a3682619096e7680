-- What changed since, for the search's documents.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'posts' AND index_name = 'posts_updated_at_index'
ALTER TABLE `posts` ADD KEY `posts_updated_at_index` (`updated_at`);
