-- Reviews of courses and books (domain.md §4.3): one a person and thing. The thing's short name, since the table is ours.
CREATE TABLE IF NOT EXISTS `hub_reviews` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `user_id` bigint unsigned NOT NULL,
  `reviewable_type` varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `reviewable_id` bigint unsigned NOT NULL,
  `rating` tinyint unsigned NOT NULL,
  `body` text NULL,
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  `updated_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_reviews_user_id_reviewable_unique` (`user_id`, `reviewable_type`, `reviewable_id`),
  KEY `hub_reviews_user_id_index` (`user_id`),
  KEY `hub_reviews_reviewable_index` (`reviewable_type`, `reviewable_id`),
  KEY `hub_reviews_reviewable_rating_index` (`reviewable_type`, `reviewable_id`, `rating`),
  CONSTRAINT `hub_reviews_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `hub_reviews_rating_check` CHECK (`rating` BETWEEN 1 AND 5)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
