-- The books of one user, newest first, read from an index (domain.md §5.5 GET /me/library).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'book_purchases' AND index_name = 'book_purchases_user_id_status_index'
ALTER TABLE `book_purchases` ADD KEY `book_purchases_user_id_status_index` (`user_id`, `status`);
