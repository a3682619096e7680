-- Accounts that are there, newest first (the administrators' table), and deleted ones whose thirty days are over (domain.md §4.4):
-- both read from an index.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'users' AND index_name = 'users_deleted_at_created_at_index'
ALTER TABLE `users` ADD KEY `users_deleted_at_created_at_index` (`deleted_at`, `created_at`, `id`);
