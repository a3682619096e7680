-- One-to-one consultations (domain.md §4.1 rows 22-24).

-- consultation_bookings names transactions (0007): a table may be named before it is made.
SET foreign_key_checks = 0;

-- A speaker's weekly windows, in the speaker's time zone.
CREATE TABLE IF NOT EXISTS `consultation_availabilities` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `user_id` bigint unsigned NOT NULL,
  `day_of_week` enum('mon','tue','wed','thu','fri','sat','sun') NOT NULL,
  `start_time` time NOT NULL,
  `end_time` time NOT NULL,
  `session_duration` smallint unsigned NOT NULL,
  `price_per_session` decimal(12,2) NOT NULL DEFAULT '0.00',
  `is_active` tinyint(1) NOT NULL DEFAULT '1',
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `consultation_availabilities_user_id_day_of_week_index` (`user_id`, `day_of_week`),
  CONSTRAINT `consultation_availabilities_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- scheduled_at is UTC; expires_at ends the hold of an unpaid booking (D25).
CREATE TABLE IF NOT EXISTS `consultation_bookings` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `student_id` bigint unsigned NOT NULL,
  `speaker_id` bigint unsigned NOT NULL,
  `availability_id` bigint unsigned NULL DEFAULT NULL,
  `scheduled_at` timestamp NOT NULL,
  `duration_minutes` smallint unsigned NOT NULL,
  `price_paid` decimal(12,2) NOT NULL DEFAULT '0.00',
  `status` enum('pending','scheduled','completed','cancelled','no_show') NOT NULL DEFAULT 'pending',
  `meeting_url` varchar(255) NULL DEFAULT NULL,
  `jitsi_room_id` varchar(255) NULL DEFAULT NULL,
  `session_notes` text NULL,
  `transaction_id` bigint unsigned NULL DEFAULT NULL,
  `cancelled_by` bigint unsigned NULL DEFAULT NULL,
  `cancellation_reason` varchar(255) NULL DEFAULT NULL,
  `expires_at` timestamp NULL DEFAULT NULL,
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `consultation_bookings_speaker_id_scheduled_at_index` (`speaker_id`, `scheduled_at`),
  KEY `consultation_bookings_student_id_scheduled_at_index` (`student_id`, `scheduled_at`),
  KEY `consultation_bookings_status_scheduled_at_index` (`status`, `scheduled_at`),
  KEY `consultation_bookings_availability_id_foreign` (`availability_id`),
  KEY `consultation_bookings_transaction_id_foreign` (`transaction_id`),
  KEY `consultation_bookings_cancelled_by_foreign` (`cancelled_by`),
  CONSTRAINT `consultation_bookings_student_id_foreign` FOREIGN KEY (`student_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `consultation_bookings_speaker_id_foreign` FOREIGN KEY (`speaker_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `consultation_bookings_availability_id_foreign` FOREIGN KEY (`availability_id`) REFERENCES `consultation_availabilities` (`id`) ON DELETE SET NULL,
  CONSTRAINT `consultation_bookings_transaction_id_foreign` FOREIGN KEY (`transaction_id`) REFERENCES `transactions` (`id`) ON DELETE SET NULL,
  CONSTRAINT `consultation_bookings_cancelled_by_foreign` FOREIGN KEY (`cancelled_by`) REFERENCES `users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Each party rates the other once; rating is 1..5.
CREATE TABLE IF NOT EXISTS `consultation_ratings` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `booking_id` bigint unsigned NOT NULL,
  `rater_id` bigint unsigned NOT NULL,
  `rated_id` bigint unsigned NOT NULL,
  `rating` tinyint unsigned NOT NULL,
  `review` text NULL,
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `consultation_ratings_booking_id_rater_id_unique` (`booking_id`, `rater_id`),
  KEY `consultation_ratings_rated_id_index` (`rated_id`),
  KEY `consultation_ratings_rater_id_foreign` (`rater_id`),
  CONSTRAINT `consultation_ratings_booking_id_foreign` FOREIGN KEY (`booking_id`) REFERENCES `consultation_bookings` (`id`) ON DELETE CASCADE,
  CONSTRAINT `consultation_ratings_rater_id_foreign` FOREIGN KEY (`rater_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `consultation_ratings_rated_id_foreign` FOREIGN KEY (`rated_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
