-- Courses whose students are still to be told of new lessons (domain.md §5.4); students with enrollments up to told_up_to
-- have been told.
CREATE TABLE IF NOT EXISTS `hub_course_news` (
  `course_id` bigint unsigned NOT NULL,
  `told_up_to` bigint unsigned NOT NULL DEFAULT '0',
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`course_id`),
  KEY `hub_course_news_created_at_index` (`created_at`),
  CONSTRAINT `hub_course_news_course_id_foreign` FOREIGN KEY (`course_id`) REFERENCES `courses` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
