-- What changed since, for the search's documents.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'users' AND index_name = 'users_updated_at_index'
ALTER TABLE `users` ADD KEY `users_updated_at_index` (`updated_at`);
