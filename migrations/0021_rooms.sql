-- A ban that ends by itself; null is for good. A kick is a ban of a few minutes.
-- unless: SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'hub_room_bans' AND column_name = 'until'
ALTER TABLE `hub_room_bans` ADD COLUMN `until` timestamp NULL DEFAULT NULL AFTER `banned_by`;
