-- PDFs made of a book's PDF (domain.md §5.5): the first pages for everybody (user_id NULL), and a reader's own copy, stamped with who
-- it was given to where printing or copying is off. name is what signed addresses say, object where the bytes are: the same, but for a
-- reader's copy that needs no stamp, which is the book's own file under a name that ends with the purchase. source is the book's file
-- that it was made of; with another file it is made anew. variant says which it is: preview:12, or reader:55. A row is pending while
-- its file is written; released is what nobody may see any more, and the clock takes it away, as what has lost
-- its book or its reader.
CREATE TABLE IF NOT EXISTS `hub_book_copies` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `book_id` bigint unsigned NULL DEFAULT NULL,
  `user_id` bigint unsigned NULL DEFAULT NULL,
  `variant` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `source` varchar(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `name` varchar(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `object` varchar(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `size` bigint unsigned NOT NULL,
  `sha256` char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `pages` int unsigned NOT NULL,
  `status` enum('pending','ready','released') NOT NULL DEFAULT 'pending',
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_book_copies_name_unique` (`name`),
  KEY `hub_book_copies_book_id_variant_index` (`book_id`, `variant`),
  KEY `hub_book_copies_status_created_at_index` (`status`, `created_at`),
  KEY `hub_book_copies_user_id_foreign` (`user_id`),
  CONSTRAINT `hub_book_copies_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE SET NULL,
  CONSTRAINT `hub_book_copies_book_id_foreign` FOREIGN KEY (`book_id`) REFERENCES `books` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
