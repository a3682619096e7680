-- Seats that wait for a payment, of all rooms: the clock gives back those that waited too long (domain.md §5.6).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'live_room_registrations' AND index_name = 'live_room_registrations_status_updated_at_index'
ALTER TABLE `live_room_registrations` ADD KEY `live_room_registrations_status_updated_at_index` (`status`, `updated_at`);
