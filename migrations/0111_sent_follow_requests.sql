-- The requests that somebody has sent and that wait; those received have an index of their own.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'follow_requests' AND index_name = 'follow_requests_follower_id_status_index'
ALTER TABLE `follow_requests` ADD INDEX `follow_requests_follower_id_status_index` (`follower_id`, `status`);
