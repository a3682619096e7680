-- A user's notifications, newest first, read from an index (domain.md §5.11).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'notifications' AND index_name = 'notifications_notifiable_created_at_index'
ALTER TABLE `notifications` ADD KEY `notifications_notifiable_created_at_index` (`notifiable_id`, `notifiable_type`, `created_at`, `id`);
