-- Files that people uploaded (domain.md §4.3, §9.5). path is the name on the disk, which no client chose; original_name what the
-- client called it. A row is pending while its file is being written, so that no crash leaves a file that nobody knows; ready until
-- something uses it, once and for good: attached_type and attached_id (polymorphic, without a key) say what; released is what lost
-- its thing (a deleted message). A row without user_id is a deleted user's. What is not used is purged, row and file together.
-- size in bytes, width and height in pixels, duration in seconds. Paths are case-sensitive, hence ascii_bin.
CREATE TABLE IF NOT EXISTS `hub_uploads` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `user_id` bigint unsigned NULL DEFAULT NULL,
  `kind` enum('image','video','audio','document') NOT NULL,
  `disk` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `path` varchar(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `original_name` varchar(255) NULL DEFAULT NULL,
  `mime` varchar(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `size` bigint unsigned NOT NULL,
  `sha256` char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `width` int unsigned NULL DEFAULT NULL,
  `height` int unsigned NULL DEFAULT NULL,
  `duration` int unsigned NULL DEFAULT NULL,
  `status` enum('pending','ready','attached','released') NOT NULL DEFAULT 'pending',
  `attached_type` varchar(100) NULL DEFAULT NULL,
  `attached_id` bigint unsigned NULL DEFAULT NULL,
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_uploads_path_unique` (`path`),
  KEY `hub_uploads_user_id_size_index` (`user_id`, `size`),
  KEY `hub_uploads_status_created_at_index` (`status`, `created_at`),
  KEY `hub_uploads_attached_type_attached_id_index` (`attached_type`, `attached_id`),
  CONSTRAINT `hub_uploads_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
