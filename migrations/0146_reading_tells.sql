-- When the reader's other devices were last told how far a book was read, and whether there is more to tell: at most every 5 s
-- (domain.md §5.5). told_at and due_at are Unix milliseconds; due_at is NULL where nothing waits.
CREATE TABLE IF NOT EXISTS `hub_reading_tells` (
  `book_purchase_id` bigint unsigned NOT NULL,
  `told_at` bigint unsigned NOT NULL,
  `due_at` bigint unsigned NULL DEFAULT NULL,
  PRIMARY KEY (`book_purchase_id`),
  KEY `hub_reading_tells_due_at_index` (`due_at`),
  CONSTRAINT `hub_reading_tells_book_purchase_id_foreign` FOREIGN KEY (`book_purchase_id`) REFERENCES `book_purchases` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
