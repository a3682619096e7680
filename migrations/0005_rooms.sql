-- Live rooms (domain.md §4.1 rows 19-21).

-- live_room_registrations names transactions (0007): a table may be named before it is made.
SET foreign_key_checks = 0;

-- A programme of sessions (§5.6): dates, a daily window in the host's time zone, a fresh Jitsi room a session.
CREATE TABLE IF NOT EXISTS `live_rooms` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `user_id` bigint unsigned NOT NULL,
  `category_id` bigint unsigned NULL DEFAULT NULL,
  `title` varchar(255) NOT NULL,
  `description` text NULL,
  `cover_url` varchar(255) NULL DEFAULT NULL,
  `start_date` date NOT NULL,
  `end_date` date NOT NULL,
  `start_time` time NOT NULL,
  `end_time` time NOT NULL,
  `timezone` varchar(255) NOT NULL DEFAULT 'Asia/Riyadh',
  `duration_type` enum('day','week','month','3month') NOT NULL DEFAULT 'day',
  `access_type` enum('free','paid') NOT NULL DEFAULT 'free',
  `price` decimal(12,2) NOT NULL DEFAULT '0.00',
  `max_participants` int unsigned NULL DEFAULT NULL,
  `status` enum('scheduled','active','completed','cancelled') NOT NULL DEFAULT 'scheduled',
  `current_jitsi_room_id` varchar(255) NULL DEFAULT NULL,
  `started_at` timestamp NULL DEFAULT NULL,
  `ended_at` timestamp NULL DEFAULT NULL,
  `recordings` json NULL,
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  `deleted_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `live_rooms_status_start_date_index` (`status`, `start_date`),
  KEY `live_rooms_user_id_status_index` (`user_id`, `status`),
  KEY `live_rooms_category_id_status_index` (`category_id`, `status`),
  CONSTRAINT `live_rooms_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `live_rooms_category_id_foreign` FOREIGN KEY (`category_id`) REFERENCES `categories` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- One row a user and room; registered again means the same row (D17).
CREATE TABLE IF NOT EXISTS `live_room_registrations` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `user_id` bigint unsigned NOT NULL,
  `live_room_id` bigint unsigned NOT NULL,
  `status` enum('pending','registered','attended','missed','cancelled') NOT NULL DEFAULT 'pending',
  `price_paid` decimal(12,2) NOT NULL DEFAULT '0.00',
  `payment_method` varchar(255) NULL DEFAULT NULL,
  `transaction_id` bigint unsigned NULL DEFAULT NULL,
  `registered_at` timestamp NULL DEFAULT NULL,
  `attended_at` timestamp NULL DEFAULT NULL,
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `live_room_registrations_user_id_live_room_id_unique` (`user_id`, `live_room_id`),
  KEY `live_room_registrations_live_room_id_status_index` (`live_room_id`, `status`),
  KEY `live_room_registrations_transaction_id_foreign` (`transaction_id`),
  CONSTRAINT `live_room_registrations_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `live_room_registrations_live_room_id_foreign` FOREIGN KEY (`live_room_id`) REFERENCES `live_rooms` (`id`) ON DELETE CASCADE,
  CONSTRAINT `live_room_registrations_transaction_id_foreign` FOREIGN KEY (`transaction_id`) REFERENCES `transactions` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- The room's chat. A deleted message stays as a tombstone (is_deleted), so this is no soft delete of Eloquent's.
CREATE TABLE IF NOT EXISTS `live_room_messages` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `live_room_id` bigint unsigned NOT NULL,
  `user_id` bigint unsigned NOT NULL,
  `parent_id` bigint unsigned NULL DEFAULT NULL,
  `type` enum('text','emoji','system','announcement') NOT NULL DEFAULT 'text',
  `message` text NOT NULL,
  `is_pinned` tinyint(1) NOT NULL DEFAULT '0',
  `pinned_by` bigint unsigned NULL DEFAULT NULL,
  `is_deleted` tinyint(1) NOT NULL DEFAULT '0',
  `deleted_by` bigint unsigned NULL DEFAULT NULL,
  `deleted_at` timestamp NULL DEFAULT NULL,
  `reactions_count` int unsigned NOT NULL DEFAULT '0',
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `live_room_messages_live_room_id_id_index` (`live_room_id`, `id`),
  KEY `live_room_messages_live_room_id_is_pinned_index` (`live_room_id`, `is_pinned`),
  KEY `live_room_messages_user_id_foreign` (`user_id`),
  KEY `live_room_messages_parent_id_foreign` (`parent_id`),
  KEY `live_room_messages_pinned_by_foreign` (`pinned_by`),
  KEY `live_room_messages_deleted_by_foreign` (`deleted_by`),
  CONSTRAINT `live_room_messages_live_room_id_foreign` FOREIGN KEY (`live_room_id`) REFERENCES `live_rooms` (`id`) ON DELETE CASCADE,
  CONSTRAINT `live_room_messages_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `live_room_messages_parent_id_foreign` FOREIGN KEY (`parent_id`) REFERENCES `live_room_messages` (`id`) ON DELETE SET NULL,
  CONSTRAINT `live_room_messages_pinned_by_foreign` FOREIGN KEY (`pinned_by`) REFERENCES `users` (`id`) ON DELETE SET NULL,
  CONSTRAINT `live_room_messages_deleted_by_foreign` FOREIGN KEY (`deleted_by`) REFERENCES `users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
