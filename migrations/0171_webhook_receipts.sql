-- Events of payment providers that were dealt with (domain.md §5.8): each once, however often it is delivered.
CREATE TABLE IF NOT EXISTS `hub_webhook_receipts` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `provider` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `event_id` varchar(191) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `received_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `hub_webhook_receipts_provider_event_id_unique` (`provider`, `event_id`),
  KEY `hub_webhook_receipts_received_at_index` (`received_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
