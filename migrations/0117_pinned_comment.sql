-- The comment on top of a post, and the others below it.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'comments' AND index_name = 'comments_post_id_parent_id_is_pinned_index'
ALTER TABLE `comments` ADD INDEX `comments_post_id_parent_id_is_pinned_index` (`post_id`, `parent_id`, `is_pinned`);
