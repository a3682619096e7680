-- What a user has not read, counted from an index (domain.md §5.11).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'notifications' AND index_name = 'notifications_notifiable_read_at_index'
ALTER TABLE `notifications` ADD KEY `notifications_notifiable_read_at_index` (`notifiable_id`, `notifiable_type`, `read_at`, `created_at`, `id`);
