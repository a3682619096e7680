-- People by how many follow them (`GET /users?sort=followers`), read from an index.
-- unless: SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'user_profiles' AND index_name = 'user_profiles_followers_count_user_id_index'
ALTER TABLE `user_profiles` ADD KEY `user_profiles_followers_count_user_id_index` (`followers_count`, `user_id`);
