-- The reactions to a thing by their type: the summary, and the list of one type.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'reactions' AND index_name = 'reactions_reactable_type_reactable_id_type_index'
ALTER TABLE `reactions` ADD INDEX `reactions_reactable_type_reactable_id_type_index` (`reactable_type`, `reactable_id`, `type`);
