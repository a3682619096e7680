-- What changed since, for the search's documents.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'live_rooms' AND index_name = 'live_rooms_updated_at_index'
ALTER TABLE `live_rooms` ADD KEY `live_rooms_updated_at_index` (`updated_at`);
