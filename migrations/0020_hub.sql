-- What the product needs beyond the seed (domain.md §4.3). Every table has the prefix hub_.

-- Answers of writes, by who asked and the key they chose; in the transaction of the effect (D11). status is the HTTP
-- status of the answer, body the answer, events what a repeat publishes again. Keys are case-sensitive, hence ascii_bin.
CREATE TABLE IF NOT EXISTS `hub_idempotency_keys` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `user_id` bigint unsigned NULL DEFAULT NULL,
  `scope` varchar(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `idempotency_key` varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `fingerprint` char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `status` smallint unsigned NOT NULL,
  `body` json NULL,
  `events` json NULL,
  `created_at` timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_idempotency_keys_scope_idempotency_key_unique` (`scope`, `idempotency_key`),
  KEY `hub_idempotency_keys_created_at_index` (`created_at`),
  KEY `hub_idempotency_keys_user_id_foreign` (`user_id`),
  CONSTRAINT `hub_idempotency_keys_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Durable events (D13), written with the change they tell of; a sweeper publishes what has no published_at. events holds
-- the envelopes with their channels.
CREATE TABLE IF NOT EXISTS `hub_outbox` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `eid` char(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `events` json NOT NULL,
  `created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  `published_at` datetime(3) NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_outbox_eid_unique` (`eid`),
  KEY `hub_outbox_published_at_id_index` (`published_at`, `id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Gap-free numbers, such as invoices of a year: lock the row, add one.
CREATE TABLE IF NOT EXISTS `hub_sequences` (
  `name` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `value` bigint unsigned NOT NULL DEFAULT '0',
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- blocker_id does not want to hear of blocked_id.
CREATE TABLE IF NOT EXISTS `hub_user_blocks` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `blocker_id` bigint unsigned NOT NULL,
  `blocked_id` bigint unsigned NOT NULL,
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_user_blocks_blocker_id_blocked_id_unique` (`blocker_id`, `blocked_id`),
  KEY `hub_user_blocks_blocked_id_index` (`blocked_id`),
  CONSTRAINT `hub_user_blocks_blocker_id_foreign` FOREIGN KEY (`blocker_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `hub_user_blocks_blocked_id_foreign` FOREIGN KEY (`blocked_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Who may not come back into a room.
CREATE TABLE IF NOT EXISTS `hub_room_bans` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `live_room_id` bigint unsigned NOT NULL,
  `user_id` bigint unsigned NOT NULL,
  `banned_by` bigint unsigned NULL DEFAULT NULL,
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_room_bans_live_room_id_user_id_unique` (`live_room_id`, `user_id`),
  KEY `hub_room_bans_user_id_foreign` (`user_id`),
  KEY `hub_room_bans_banned_by_foreign` (`banned_by`),
  CONSTRAINT `hub_room_bans_live_room_id_foreign` FOREIGN KEY (`live_room_id`) REFERENCES `live_rooms` (`id`) ON DELETE CASCADE,
  CONSTRAINT `hub_room_bans_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `hub_room_bans_banned_by_foreign` FOREIGN KEY (`banned_by`) REFERENCES `users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Who may not write in a room; until null is until unmuted.
CREATE TABLE IF NOT EXISTS `hub_room_mutes` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `live_room_id` bigint unsigned NOT NULL,
  `user_id` bigint unsigned NOT NULL,
  `muted_by` bigint unsigned NULL DEFAULT NULL,
  `until` timestamp NULL DEFAULT NULL,
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_room_mutes_live_room_id_user_id_unique` (`live_room_id`, `user_id`),
  KEY `hub_room_mutes_user_id_foreign` (`user_id`),
  KEY `hub_room_mutes_muted_by_foreign` (`muted_by`),
  CONSTRAINT `hub_room_mutes_live_room_id_foreign` FOREIGN KEY (`live_room_id`) REFERENCES `live_rooms` (`id`) ON DELETE CASCADE,
  CONSTRAINT `hub_room_mutes_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `hub_room_mutes_muted_by_foreign` FOREIGN KEY (`muted_by`) REFERENCES `users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- slow_mode_seconds is the least time between two messages of one member; 0 is off.
CREATE TABLE IF NOT EXISTS `hub_room_settings` (
  `live_room_id` bigint unsigned NOT NULL,
  `slow_mode_seconds` smallint unsigned NOT NULL DEFAULT '0',
  PRIMARY KEY (`live_room_id`),
  CONSTRAINT `hub_room_settings_live_room_id_foreign` FOREIGN KEY (`live_room_id`) REFERENCES `live_rooms` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- One row a sign-in (a family of refresh tokens, §7.1); current_token_id is the refresh token that is valid now.
CREATE TABLE IF NOT EXISTS `hub_token_sessions` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `session_id` char(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `user_id` bigint unsigned NOT NULL,
  `current_token_id` bigint unsigned NULL DEFAULT NULL,
  `name` varchar(255) NOT NULL,
  `ip` varchar(45) NULL DEFAULT NULL,
  `last_used_at` timestamp NULL DEFAULT NULL,
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_token_sessions_session_id_unique` (`session_id`),
  KEY `hub_token_sessions_user_id_last_used_at_index` (`user_id`, `last_used_at`),
  KEY `hub_token_sessions_current_token_id_foreign` (`current_token_id`),
  CONSTRAINT `hub_token_sessions_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `hub_token_sessions_current_token_id_foreign` FOREIGN KEY (`current_token_id`) REFERENCES `personal_access_tokens` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Rotated refresh tokens, by the id and the SHA-256 that their deleted row had: using one again revokes the session.
CREATE TABLE IF NOT EXISTS `hub_used_refresh_tokens` (
  `token_id` bigint unsigned NOT NULL,
  `token` char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `session_id` char(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `used_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`token_id`),
  KEY `hub_used_refresh_tokens_session_id_foreign` (`session_id`),
  CONSTRAINT `hub_used_refresh_tokens_session_id_foreign` FOREIGN KEY (`session_id`) REFERENCES `hub_token_sessions` (`session_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Revoked before they expired: subject is a JWT's jti or a session id.
CREATE TABLE IF NOT EXISTS `hub_revoked_tokens` (
  `subject` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `user_id` bigint unsigned NOT NULL,
  `expires_at` timestamp NOT NULL,
  PRIMARY KEY (`subject`),
  KEY `hub_revoked_tokens_expires_at_index` (`expires_at`),
  KEY `hub_revoked_tokens_user_id_foreign` (`user_id`),
  CONSTRAINT `hub_revoked_tokens_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Unread messages of a user over all conversations (cached).
CREATE TABLE IF NOT EXISTS `hub_chat_counters` (
  `user_id` bigint unsigned NOT NULL,
  `unread_total` int unsigned NOT NULL DEFAULT '0',
  PRIMARY KEY (`user_id`),
  CONSTRAINT `hub_chat_counters_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- What administrators did. Polymorphic: subject.
CREATE TABLE IF NOT EXISTS `hub_audit_logs` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `actor_id` bigint unsigned NULL DEFAULT NULL,
  `action` varchar(100) NOT NULL,
  `subject_type` varchar(100) NULL DEFAULT NULL,
  `subject_id` bigint unsigned NULL DEFAULT NULL,
  `before` json NULL,
  `after` json NULL,
  `ip` varchar(45) NULL DEFAULT NULL,
  `request_id` varchar(64) NULL DEFAULT NULL,
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  KEY `hub_audit_logs_actor_id_id_index` (`actor_id`, `id`),
  KEY `hub_audit_logs_subject_type_subject_id_index` (`subject_type`, `subject_id`),
  KEY `hub_audit_logs_action_id_index` (`action`, `id`),
  CONSTRAINT `hub_audit_logs_actor_id_foreign` FOREIGN KEY (`actor_id`) REFERENCES `users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
