-- What somebody has posted, by time: shares come between.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'posts' AND index_name = 'posts_user_id_created_at_index'
ALTER TABLE `posts` ADD INDEX `posts_user_id_created_at_index` (`user_id`, `created_at`);
