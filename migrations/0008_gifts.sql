-- Gifts (domain.md §4.1 rows 28-29).

-- The catalogue.
CREATE TABLE IF NOT EXISTS `gifts` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `name` varchar(255) NOT NULL,
  `icon` varchar(255) NOT NULL,
  `animation_url` varchar(255) NULL DEFAULT NULL,
  `price` decimal(12,2) NOT NULL,
  `order` int unsigned NOT NULL DEFAULT '0',
  `is_active` tinyint(1) NOT NULL DEFAULT '1',
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `gifts_is_active_order_index` (`is_active`, `order`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Polymorphic: giftable is the post, room or user the gift was sent at. A gift once sent cannot leave the catalogue.
CREATE TABLE IF NOT EXISTS `gift_transactions` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `gift_id` bigint unsigned NOT NULL,
  `sender_id` bigint unsigned NOT NULL,
  `receiver_id` bigint unsigned NOT NULL,
  `giftable_type` varchar(255) NOT NULL,
  `giftable_id` bigint unsigned NOT NULL,
  `quantity` int unsigned NOT NULL DEFAULT '1',
  `total_price` decimal(12,2) NOT NULL,
  `message` varchar(255) NULL DEFAULT NULL,
  `transaction_id` bigint unsigned NULL DEFAULT NULL,
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `gift_transactions_giftable_type_giftable_id_index` (`giftable_type`, `giftable_id`),
  KEY `gift_transactions_receiver_id_id_index` (`receiver_id`, `id`),
  KEY `gift_transactions_sender_id_id_index` (`sender_id`, `id`),
  KEY `gift_transactions_gift_id_foreign` (`gift_id`),
  KEY `gift_transactions_transaction_id_foreign` (`transaction_id`),
  CONSTRAINT `gift_transactions_gift_id_foreign` FOREIGN KEY (`gift_id`) REFERENCES `gifts` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `gift_transactions_sender_id_foreign` FOREIGN KEY (`sender_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `gift_transactions_receiver_id_foreign` FOREIGN KEY (`receiver_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `gift_transactions_transaction_id_foreign` FOREIGN KEY (`transaction_id`) REFERENCES `transactions` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
