-- The id that a key's hash makes: the reader, who may not see the hash, compares it with the id of the row.

ALTER TABLE nostro.api_keys ADD COLUMN hash_id text NOT NULL
GENERATED ALWAYS AS ('key_' || left(encode(key_hash, 'hex'), 24)) STORED;
GRANT SELECT (hash_id) ON nostro.api_keys TO nostro_read_only;
