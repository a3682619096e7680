-- The administrators' table with the deleted accounts in it, newest first, read from an index.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'users' AND index_name = 'users_created_at_index'
ALTER TABLE `users` ADD KEY `users_created_at_index` (`created_at`, `id`);
