-- What search looks through (domain.md §5.11): the words of users, courses, books, rooms and posts, folded as base::text::fold does, so that
-- the spellings of Arabic are one. Written by a clock from what changed; who may see what is decided when it is read, from the rows
-- themselves. title is what suggestions complete.
CREATE TABLE IF NOT EXISTS `hub_search_documents` (
  `kind` enum('users','courses','books','rooms','posts') NOT NULL,
  `subject_id` bigint unsigned NOT NULL,
  `title` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `content` text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`kind`, `subject_id`),
  KEY `hub_search_documents_kind_title_index` (`kind`, `title`),
  FULLTEXT KEY `hub_search_documents_title_content_fulltext` (`title`, `content`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
