-- What consultations need beyond Laravel's columns (domain.md §5.7): the student's note, the speaker's proposal of another time, who did
-- not come, what was given back, and the last reminder (minutes before the beginning). A booking without a row has none of these.
CREATE TABLE IF NOT EXISTS `hub_bookings` (
  `booking_id` bigint unsigned NOT NULL,
  `note` text NULL,
  `proposed_start` timestamp NULL DEFAULT NULL,
  `missed_by` enum('student','speaker') NULL DEFAULT NULL,
  `refunded` decimal(12,2) NOT NULL DEFAULT '0.00',
  `reminded` smallint unsigned NULL DEFAULT NULL,
  PRIMARY KEY (`booking_id`),
  CONSTRAINT `hub_bookings_booking_id_foreign` FOREIGN KEY (`booking_id`) REFERENCES `consultation_bookings` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
