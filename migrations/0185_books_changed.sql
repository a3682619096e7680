-- What changed since, for the search's documents.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'books' AND index_name = 'books_updated_at_index'
ALTER TABLE `books` ADD KEY `books_updated_at_index` (`updated_at`);
