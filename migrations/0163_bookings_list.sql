-- All bookings, newest first, for administrators (domain.md §5.11).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'consultation_bookings' AND index_name = 'consultation_bookings_created_at_id_index'
ALTER TABLE `consultation_bookings` ADD KEY `consultation_bookings_created_at_id_index` (`created_at`, `id`);
