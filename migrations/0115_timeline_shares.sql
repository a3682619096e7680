-- What somebody has shared, by time.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'post_shares' AND index_name = 'post_shares_user_id_created_at_index'
ALTER TABLE `post_shares` ADD INDEX `post_shares_user_id_created_at_index` (`user_id`, `created_at`);
