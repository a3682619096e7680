-- When users were last seen online (realtime.md §6): what Redis is told again after it was emptied. Written when a user goes offline.
CREATE TABLE IF NOT EXISTS `hub_last_seen` (
  `user_id` bigint unsigned NOT NULL,
  `last_seen_at` timestamp(3) NOT NULL,
  PRIMARY KEY (`user_id`),
  CONSTRAINT `hub_last_seen_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
