-- Books (domain.md §4.1 rows 15-18).

-- book_purchases names transactions (0007): a table may be named before it is made.
SET foreign_key_checks = 0;

-- purchases_count counts the purchases with status completed.
CREATE TABLE IF NOT EXISTS `books` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `user_id` bigint unsigned NOT NULL,
  `category_id` bigint unsigned NOT NULL,
  `title` varchar(255) NOT NULL,
  `slug` varchar(255) NOT NULL,
  `author` varchar(255) NOT NULL,
  `description` text NULL,
  `cover` varchar(255) NULL DEFAULT NULL,
  `pdf_url` varchar(255) NULL DEFAULT NULL,
  `isbn` varchar(20) NULL DEFAULT NULL,
  `language` enum('ar','en') NOT NULL DEFAULT 'ar',
  `page_count` int unsigned NOT NULL DEFAULT '0',
  `price` decimal(12,2) NOT NULL DEFAULT '0.00',
  `preview_pages` int unsigned NOT NULL DEFAULT '0',
  `status` enum('draft','published','archived') NOT NULL DEFAULT 'draft',
  `allow_printing` tinyint(1) NOT NULL DEFAULT '0',
  `allow_copying` tinyint(1) NOT NULL DEFAULT '0',
  `purchases_count` int unsigned NOT NULL DEFAULT '0',
  `average_rating` decimal(3,2) NOT NULL DEFAULT '0.00',
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  `deleted_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `books_slug_unique` (`slug`),
  KEY `books_status_created_at_index` (`status`, `created_at`),
  KEY `books_category_id_status_index` (`category_id`, `status`),
  FULLTEXT KEY `books_title_author_description_fulltext` (`title`, `author`, `description`),
  KEY `books_user_id_foreign` (`user_id`),
  CONSTRAINT `books_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `books_category_id_foreign` FOREIGN KEY (`category_id`) REFERENCES `categories` (`id`) ON DELETE RESTRICT
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- One row a user and book; bought again means the same row completed again (D17).
CREATE TABLE IF NOT EXISTS `book_purchases` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `user_id` bigint unsigned NOT NULL,
  `book_id` bigint unsigned NOT NULL,
  `status` enum('completed','refunded') NOT NULL DEFAULT 'completed',
  `price_paid` decimal(12,2) NOT NULL DEFAULT '0.00',
  `transaction_id` bigint unsigned NULL DEFAULT NULL,
  `purchased_at` timestamp NULL DEFAULT NULL,
  `refunded_at` timestamp NULL DEFAULT NULL,
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `book_purchases_user_id_book_id_unique` (`user_id`, `book_id`),
  KEY `book_purchases_book_id_foreign` (`book_id`),
  KEY `book_purchases_transaction_id_foreign` (`transaction_id`),
  CONSTRAINT `book_purchases_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `book_purchases_book_id_foreign` FOREIGN KEY (`book_id`) REFERENCES `books` (`id`) ON DELETE CASCADE,
  CONSTRAINT `book_purchases_transaction_id_foreign` FOREIGN KEY (`transaction_id`) REFERENCES `transactions` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Highlights, notes, underlines and bookmarks of one purchase.
CREATE TABLE IF NOT EXISTS `book_annotations` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `book_purchase_id` bigint unsigned NOT NULL,
  `user_id` bigint unsigned NOT NULL,
  `page_number` int unsigned NOT NULL,
  `type` enum('highlight','note','underline','bookmark') NOT NULL,
  `color` varchar(9) NULL DEFAULT NULL,
  `content` text NULL,
  `position_data` json NULL,
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `book_annotations_book_purchase_id_page_number_index` (`book_purchase_id`, `page_number`),
  KEY `book_annotations_user_id_foreign` (`user_id`),
  CONSTRAINT `book_annotations_book_purchase_id_foreign` FOREIGN KEY (`book_purchase_id`) REFERENCES `book_purchases` (`id`) ON DELETE CASCADE,
  CONSTRAINT `book_annotations_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- One row a purchase; total_pages_read is the furthest page.
CREATE TABLE IF NOT EXISTS `book_reading_progress` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `book_purchase_id` bigint unsigned NOT NULL,
  `current_page` int unsigned NOT NULL DEFAULT '1',
  `total_pages_read` int unsigned NOT NULL DEFAULT '0',
  `reading_time_minutes` int unsigned NOT NULL DEFAULT '0',
  `last_read_at` timestamp NULL DEFAULT NULL,
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `book_reading_progress_book_purchase_id_unique` (`book_purchase_id`),
  CONSTRAINT `book_reading_progress_book_purchase_id_foreign` FOREIGN KEY (`book_purchase_id`) REFERENCES `book_purchases` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
