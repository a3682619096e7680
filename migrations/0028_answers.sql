-- An answer is written with every message, so its row is to cost little: no further indexes than the key's, no check of
-- the user beside that of the message, and texts that nobody parses. Old rows are found by their ids, which ascend with time.
-- unless: SELECT COUNT(*) = 0 FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'hub_idempotency_keys' AND index_name = 'hub_idempotency_keys_created_at_index'
ALTER TABLE `hub_idempotency_keys`
  DROP FOREIGN KEY `hub_idempotency_keys_user_id_foreign`,
  DROP INDEX `hub_idempotency_keys_user_id_foreign`,
  DROP INDEX `hub_idempotency_keys_created_at_index`,
  MODIFY COLUMN `body` mediumtext NULL,
  MODIFY COLUMN `events` mediumtext NULL;
