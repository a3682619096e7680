-- The newest notification of each kind and subject of a user (domain.md §5.11): what happens again while it is unread, within
-- a day, is told by the same row of notifications. A subject of nothing is an empty name and 0.
CREATE TABLE IF NOT EXISTS `hub_notification_heads` (
  `user_id` bigint unsigned NOT NULL,
  `kind` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `subject_type` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `subject_id` bigint unsigned NOT NULL,
  `notification_id` char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `updated_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`user_id`, `kind`, `subject_type`, `subject_id`),
  KEY `hub_notification_heads_updated_at_index` (`updated_at`),
  CONSTRAINT `hub_notification_heads_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
