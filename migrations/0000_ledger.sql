-- Which of these files a database has. Laravel's `migrations` table is Laravel's.

CREATE TABLE IF NOT EXISTS `hub_schema_migrations` (
  `version` bigint unsigned NOT NULL,
  `name` varchar(190) NOT NULL,
  `checksum` char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `applied_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`version`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
