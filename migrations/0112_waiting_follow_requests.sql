-- All requests that wait, for the clock that finds those to accounts which are not private any more (domain.md §5.2).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'follow_requests' AND index_name = 'follow_requests_status_index'
ALTER TABLE `follow_requests` ADD INDEX `follow_requests_status_index` (`status`);
