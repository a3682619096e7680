-- The administrators' table of rooms, newest first, read from an index (domain.md §5.11).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'live_rooms' AND index_name = 'live_rooms_created_at_index'
ALTER TABLE `live_rooms` ADD KEY `live_rooms_created_at_index` (`created_at`);
