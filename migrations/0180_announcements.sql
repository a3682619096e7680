-- What administrators tell everybody (domain.md §5.11). A clock tells it in the order of the accounts' ids: last_user_id is the last
-- one told, in the transaction that told it, so that nobody is left out or told twice.
CREATE TABLE IF NOT EXISTS `hub_announcements` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `actor_id` bigint unsigned NULL DEFAULT NULL,
  `title_en` varchar(500) NOT NULL,
  `title_ar` varchar(500) NOT NULL,
  `url` varchar(500) NULL DEFAULT NULL,
  `last_user_id` bigint unsigned NOT NULL DEFAULT '0',
  `told` bigint unsigned NOT NULL DEFAULT '0',
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  `finished_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `hub_announcements_finished_at_index` (`finished_at`),
  KEY `hub_announcements_actor_id_foreign` (`actor_id`),
  CONSTRAINT `hub_announcements_actor_id_foreign` FOREIGN KEY (`actor_id`) REFERENCES `users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
