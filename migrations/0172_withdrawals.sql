-- What is beside a withdrawal's row in the ledger (domain.md §5.8, D6): where the money goes, and who let it go.
CREATE TABLE IF NOT EXISTS `hub_withdrawals` (
  `transaction_id` bigint unsigned NOT NULL,
  `user_id` bigint unsigned NOT NULL,
  `amount` decimal(12,2) NOT NULL,
  `iban` varchar(34) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `account_name` varchar(255) NOT NULL,
  `status` enum('pending','approved','paid','rejected','failed','cancelled') NOT NULL DEFAULT 'pending',
  `approved_by` bigint unsigned NULL DEFAULT NULL,
  `settled_by` bigint unsigned NULL DEFAULT NULL,
  `bank_reference` varchar(255) NULL DEFAULT NULL,
  `reason` varchar(255) NULL DEFAULT NULL,
  `created_at` timestamp NULL DEFAULT NULL,
  `updated_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`transaction_id`),
  KEY `hub_withdrawals_user_id_status_index` (`user_id`, `status`),
  KEY `hub_withdrawals_status_transaction_id_index` (`status`, `transaction_id`),
  KEY `hub_withdrawals_approved_by_foreign` (`approved_by`),
  KEY `hub_withdrawals_settled_by_foreign` (`settled_by`),
  CONSTRAINT `hub_withdrawals_transaction_id_foreign` FOREIGN KEY (`transaction_id`) REFERENCES `transactions` (`id`) ON DELETE CASCADE,
  CONSTRAINT `hub_withdrawals_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `hub_withdrawals_approved_by_foreign` FOREIGN KEY (`approved_by`) REFERENCES `users` (`id`) ON DELETE SET NULL,
  CONSTRAINT `hub_withdrawals_settled_by_foreign` FOREIGN KEY (`settled_by`) REFERENCES `users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
