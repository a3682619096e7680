-- Streaks of equal gifts (realtime.md §7): one row for each sender, gift and thing, which each next streak uses again,
-- so that the one that is open can be locked. streak_id names the streak (a ULID), repeat_count, quantity and
-- total_price are its sums so far, gift_transaction_id is its last gift, last_at when that was given, by this server's
-- clock; ended_at says that its end was told. giftable_type is the short name (live_room, post, user), whatever the
-- spelling elsewhere.
CREATE TABLE IF NOT EXISTS `hub_gift_streaks` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `streak_id` char(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `gift_id` bigint unsigned NOT NULL,
  `sender_id` bigint unsigned NOT NULL,
  `receiver_id` bigint unsigned NOT NULL,
  `giftable_type` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `giftable_id` bigint unsigned NOT NULL,
  `gift_transaction_id` bigint unsigned NOT NULL DEFAULT '0',
  `repeat_count` int unsigned NOT NULL DEFAULT '0',
  `quantity` bigint unsigned NOT NULL DEFAULT '0',
  `total_price` decimal(12,2) NOT NULL DEFAULT '0.00',
  `last_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_gift_streaks_sender_gift_giftable_unique` (`sender_id`, `gift_id`, `giftable_type`, `giftable_id`),
  KEY `hub_gift_streaks_ended_at_last_at_index` (`ended_at`, `last_at`),
  KEY `hub_gift_streaks_gift_id_foreign` (`gift_id`),
  KEY `hub_gift_streaks_receiver_id_foreign` (`receiver_id`),
  CONSTRAINT `hub_gift_streaks_gift_id_foreign` FOREIGN KEY (`gift_id`) REFERENCES `gifts` (`id`) ON DELETE CASCADE,
  CONSTRAINT `hub_gift_streaks_sender_id_foreign` FOREIGN KEY (`sender_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `hub_gift_streaks_receiver_id_foreign` FOREIGN KEY (`receiver_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
