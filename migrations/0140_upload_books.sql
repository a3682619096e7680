-- PDFs of books are uploads of a kind of their own (domain.md §5.5, §9.5).
ALTER TABLE `hub_uploads` MODIFY COLUMN `kind` enum('image','video','audio','document','book') NOT NULL;
