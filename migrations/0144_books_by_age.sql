-- All books, newest first, for administrators: read from an index (domain.md §5.11 /admin/books).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'books' AND index_name = 'books_created_at_index'
ALTER TABLE `books` ADD KEY `books_created_at_index` (`created_at`);
