-- From which devices somebody has signed in (account.new_login, domain.md §5.1). device is the SHA-256 of what the device is called.
CREATE TABLE IF NOT EXISTS `hub_known_devices` (
  `user_id` bigint unsigned NOT NULL,
  `device` char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`user_id`, `device`),
  CONSTRAINT `hub_known_devices_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
