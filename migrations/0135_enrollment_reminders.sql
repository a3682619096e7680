-- Of which end of their enrollment students were told (domain.md §5.4 `enrollment.expiring`): once each.
CREATE TABLE IF NOT EXISTS `hub_enrollment_reminders` (
  `enrollment_id` bigint unsigned NOT NULL,
  `expires_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  `told_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`enrollment_id`),
  CONSTRAINT `hub_enrollment_reminders_enrollment_id_foreign` FOREIGN KEY (`enrollment_id`) REFERENCES `enrollments` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
