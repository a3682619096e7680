-- Whom somebody follows, newest first: the unique key has them by the other's id.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'followers' AND index_name = 'followers_follower_id_id_index'
ALTER TABLE `followers` ADD INDEX `followers_follower_id_id_index` (`follower_id`, `id`);
