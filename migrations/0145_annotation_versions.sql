-- What the reader's devices need to know of an annotation beside its row (domain.md §5.5 /annotations/sync). client_id is the name
-- that a device gave it; edited_at (Unix milliseconds, by the reader's clock) decides between two versions; revision grows with each
-- change in one copy, under the purchase's row lock, so that a device asks for what it has not seen. The row outlives its annotation
-- (is_deleted), hence no key to it: a device that was away has to hear of the deletion, and a repeat must not make it again.
CREATE TABLE IF NOT EXISTS `hub_annotation_versions` (
  `annotation_id` bigint unsigned NOT NULL,
  `book_purchase_id` bigint unsigned NOT NULL,
  `client_id` varchar(255) CHARACTER SET ascii COLLATE ascii_bin NULL DEFAULT NULL,
  `edited_at` bigint unsigned NOT NULL,
  `revision` bigint unsigned NOT NULL,
  `is_deleted` tinyint(1) NOT NULL DEFAULT '0',
  PRIMARY KEY (`annotation_id`),
  UNIQUE KEY `hub_annotation_versions_book_purchase_id_client_id_unique` (`book_purchase_id`, `client_id`),
  KEY `hub_annotation_versions_book_purchase_id_revision_index` (`book_purchase_id`, `revision`),
  CONSTRAINT `hub_annotation_versions_book_purchase_id_foreign` FOREIGN KEY (`book_purchase_id`) REFERENCES `book_purchases` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
