-- Posts that so many people have reported that they are shown to nobody but their author and moderators until somebody
-- has reviewed them (domain.md §5.3 "auto-hide").
CREATE TABLE IF NOT EXISTS `hub_hidden_posts` (
  `post_id` bigint unsigned NOT NULL,
  `hidden_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`post_id`),
  CONSTRAINT `hub_hidden_posts_post_id_foreign` FOREIGN KEY (`post_id`) REFERENCES `posts` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
