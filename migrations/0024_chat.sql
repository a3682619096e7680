-- How often a user's unread total has changed: of two totals the one with the greater version is the newer.
-- unless: SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'hub_chat_counters' AND column_name = 'version'
ALTER TABLE `hub_chat_counters` ADD COLUMN `version` bigint unsigned NOT NULL DEFAULT '0';
