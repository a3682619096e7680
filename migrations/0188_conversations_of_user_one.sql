-- A page of somebody's conversations, the last spoken in first, from an index: those that they are user_one of (domain.md §5.10).
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'conversations' AND index_name = 'conversations_user_one_id_last_message_id_index'
ALTER TABLE `conversations` ADD KEY `conversations_user_one_id_last_message_id_index` (`user_one_id`, `last_message_id`);
