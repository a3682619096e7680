-- What one user sells, newest first, read from an index (domain.md §5.5 GET /users/{id}/books).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'books' AND index_name = 'books_user_id_status_index'
ALTER TABLE `books` ADD KEY `books_user_id_status_index` (`user_id`, `status`);
