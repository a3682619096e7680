-- How far the search's documents follow what changed: all rows changed before this time, and those of that second up to the id, are in them.
CREATE TABLE IF NOT EXISTS `hub_search_progress` (
  `kind` enum('users','courses','books','rooms','posts') NOT NULL,
  `changed_at` timestamp NULL DEFAULT NULL,
  `last_id` bigint unsigned NOT NULL DEFAULT '0',
  PRIMARY KEY (`kind`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
