-- How many pages a PDF of a book has, counted once, when it comes in.
-- unless: SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'hub_uploads' AND column_name = 'pages'
ALTER TABLE `hub_uploads` ADD COLUMN `pages` int unsigned NULL DEFAULT NULL;
