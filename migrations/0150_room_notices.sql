-- What everybody with a seat in a room is to be told, each once (domain.md §5.6, §5.11): that it began, is about to, was called
-- off, has a recording. occasion names the one of its kind: a session, a recording. after_id is the registration up to which
-- they were told; done_at says that all were.
CREATE TABLE IF NOT EXISTS `hub_room_notices` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `live_room_id` bigint unsigned NOT NULL,
  `kind` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `occasion` varchar(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `actor_id` bigint unsigned NULL DEFAULT NULL,
  `after_id` bigint unsigned NOT NULL DEFAULT '0',
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  `done_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_room_notices_live_room_id_kind_occasion_unique` (`live_room_id`, `kind`, `occasion`),
  KEY `hub_room_notices_done_at_id_index` (`done_at`, `id`),
  KEY `hub_room_notices_actor_id_foreign` (`actor_id`),
  CONSTRAINT `hub_room_notices_live_room_id_foreign` FOREIGN KEY (`live_room_id`) REFERENCES `live_rooms` (`id`) ON DELETE CASCADE,
  CONSTRAINT `hub_room_notices_actor_id_foreign` FOREIGN KEY (`actor_id`) REFERENCES `users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
