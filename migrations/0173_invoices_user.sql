-- One's own invoices, newest first.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'invoices' AND index_name = 'invoices_user_id_id_index'
ALTER TABLE `invoices` ADD KEY `invoices_user_id_id_index` (`user_id`, `id`);
