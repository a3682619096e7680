-- For chat.sync: what was written, edited or deleted in a conversation since a time.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'messages' AND index_name = 'messages_conversation_id_updated_at_index'
ALTER TABLE `messages` ADD INDEX `messages_conversation_id_updated_at_index` (`conversation_id`, `updated_at`);
