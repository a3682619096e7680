-- Mail to people (domain.md §5.1), written in the transaction of what it tells of and sent by a clock until the mail server has
-- taken it. letter is what is written, without anything secret: links are signed when it is sent. state: waiting, sent, failed.
CREATE TABLE IF NOT EXISTS `hub_mails` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `mail_id` char(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `user_id` bigint unsigned NULL DEFAULT NULL,
  `address` varchar(255) NOT NULL,
  `name` varchar(255) NOT NULL,
  `language` char(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `letter` json NOT NULL,
  `state` varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'waiting',
  `attempts` int unsigned NOT NULL DEFAULT '0',
  `due_at` datetime(3) NOT NULL,
  `last_error` varchar(255) NULL DEFAULT NULL,
  `created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_mails_mail_id_unique` (`mail_id`),
  KEY `hub_mails_state_due_at_index` (`state`, `due_at`),
  KEY `hub_mails_user_id_foreign` (`user_id`),
  CONSTRAINT `hub_mails_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
