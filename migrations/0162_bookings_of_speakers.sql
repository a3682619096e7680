-- A speaker's bookings, newest first, read from an index (domain.md §5.7).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'consultation_bookings' AND index_name = 'consultation_bookings_speaker_id_id_index'
ALTER TABLE `consultation_bookings` ADD KEY `consultation_bookings_speaker_id_id_index` (`speaker_id`, `id`);
