-- name: insert_audit_records
INSERT INTO nostro.audit_records (
    book_id, seq, batch_no, action, subject, changes, actor, request_id, outcome,
    address, address_salt, address_hash
)
SELECT $1, x.seq, $2, x.action, x.subject, x.changes, x.actor, x.request_id, x.outcome,
    x.address, x.address_salt, x.address_hash
FROM unnest(
    $3::bigint [], $4::text [], $5::text [], $6::text [], $7::text [], $8::text [], $9::text [],
    $10::text [], $11::bytea [], $12::bytea []
) AS x (
    seq, action, subject, changes, actor, request_id, outcome, address, address_salt, address_hash
);

-- name: read_nodes
SELECT number, hash FROM nostro.log_nodes
WHERE book_id = $1 AND height = $2 AND number >= $3 AND number < $4
ORDER BY number;

-- name: insert_nodes
-- What was a node stays one: a second publisher writes the same.
INSERT INTO nostro.log_nodes (book_id, height, number, hash)
SELECT $1, $2, x.number, x.hash FROM unnest($3::bigint [], $4::bytea []) AS x (number, hash)
ON CONFLICT DO NOTHING;

-- name: newest_checkpoint
SELECT tree_size, root, at_ms, note FROM nostro.checkpoints
WHERE book_id = $1 ORDER BY tree_size DESC LIMIT 1;

-- name: checkpoint_at_least
-- The first checkpoint of a tree of so many leaves.
SELECT tree_size, root, at_ms, note FROM nostro.checkpoints
WHERE book_id = $1 AND tree_size >= $2 ORDER BY tree_size LIMIT 1;

-- name: list_checkpoints
SELECT tree_size, root, at_ms, note FROM nostro.checkpoints
WHERE book_id = $1 AND tree_size > $2 ORDER BY tree_size LIMIT $3;

-- name: insert_checkpoint
INSERT INTO nostro.checkpoints (book_id, tree_size, root, at_ms, note)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING;

-- name: list_log_keys
SELECT public_key, origin, created_ms, retired_ms FROM nostro.log_keys ORDER BY created_ms, public_key;

-- name: insert_log_key
INSERT INTO nostro.log_keys (public_key, origin, created_ms) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING;

-- name: retire_log_key
UPDATE nostro.log_keys SET retired_ms = $2 WHERE public_key = $1 AND retired_ms IS NULL;

-- name: read_balance_snapshots
SELECT id, taken_on::text, as_of_batch, last_transfer, account_count, root
FROM nostro.balance_snapshots WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_balance_snapshots
INSERT INTO nostro.balance_snapshots (
    book_id, id, taken_on, as_of_batch, last_transfer, account_count, root
)
SELECT $1, x.* FROM unnest(
    $2::text [], $3::date [], $4::bigint [], $5::bigint [], $6::bigint [], $7::bytea []
) AS x;

-- name: newest_snapshot
SELECT id, taken_on::text, as_of_batch, last_transfer, account_count, root
FROM nostro.balance_snapshots WHERE book_id = $1 ORDER BY as_of_batch DESC LIMIT 1;

-- name: snapshot_of_day
SELECT id, taken_on::text, as_of_batch, last_transfer, account_count, root
FROM nostro.balance_snapshots WHERE book_id = $1 AND taken_on = $2::date
ORDER BY as_of_batch DESC LIMIT 1;

-- name: records_of_subject
-- An object's audit records, oldest first.
SELECT
    seq, batch_no, action, subject, changes, actor, request_id, outcome, address, address_hash
FROM nostro.audit_records WHERE book_id = $1 AND subject = $2 ORDER BY seq;

-- name: records_of_batch
SELECT
    seq, batch_no, action, subject, changes, actor, request_id, outcome, address, address_hash
FROM nostro.audit_records WHERE book_id = $1 AND seq >= $2 AND seq < $3 ORDER BY seq;

-- name: read_alarms
SELECT id, kind, subject, detail, raised_ms
FROM nostro.alarms WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_alarms
INSERT INTO nostro.alarms (book_id, id, kind, subject, detail, raised_ms)
SELECT $1, x.* FROM unnest(
    $2::text [], $3::text [], $4::text [], $5::text [], $6::bigint []
) AS x;

-- name: delete_alarms
WITH done AS (
    DELETE FROM nostro.alarms WHERE book_id = $1 AND id = any($2::text []) RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2::text [])) FROM done;

-- name: list_alarms
SELECT id, kind, subject, detail, raised_ms
FROM nostro.alarms WHERE book_id = $1 ORDER BY raised_ms, id;

-- name: records_with_address
-- Reads the book's whole log: it is asked for rarely, and an index would be one more place to erase from.
SELECT seq FROM nostro.audit_records WHERE book_id = $1 AND address = $2 ORDER BY seq LIMIT $3;

-- name: erase_addresses
UPDATE nostro.audit_records SET address = NULL, address_salt = NULL
WHERE book_id = $1 AND seq = any($2::bigint []);
