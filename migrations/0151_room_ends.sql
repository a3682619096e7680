-- Sessions whose video room is empty: unless somebody comes back, the clock ends them (domain.md §5.6). jitsi_room names the
-- session, so that a later one of the same room is not meant.
CREATE TABLE IF NOT EXISTS `hub_room_ends` (
  `live_room_id` bigint unsigned NOT NULL,
  `jitsi_room` varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `due_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`live_room_id`),
  KEY `hub_room_ends_due_at_index` (`due_at`),
  CONSTRAINT `hub_room_ends_live_room_id_foreign` FOREIGN KEY (`live_room_id`) REFERENCES `live_rooms` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
