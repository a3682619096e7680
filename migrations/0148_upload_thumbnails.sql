-- Bytes of the small picture beside a picture (domain.md §9.5); NULL where there is none.
-- unless: SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'hub_uploads' AND column_name = 'thumbnail_size'
ALTER TABLE `hub_uploads` ADD COLUMN `thumbnail_size` int unsigned NULL DEFAULT NULL;
