-- name: read_idempotency_keys
SELECT
    id, endpoint, fingerprint, request_id, created_ms, attempt, answer
FROM nostro.idempotency_keys WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_idempotency_keys
INSERT INTO nostro.idempotency_keys (
    book_id, id, endpoint, fingerprint, request_id, created_ms, attempt, answer
)
SELECT
    $1, x.id, x.endpoint, x.fingerprint, x.request_id, x.created_ms, x.attempt, x.answer
FROM unnest(
    $2::text [], $3::text [], $4::bytea [], $5::text [], $6::bigint [], $7::text [], $8::text []
) AS x (
    id, endpoint, fingerprint, request_id, created_ms, attempt, answer
);

-- name: update_idempotency_keys
WITH done AS (
    UPDATE nostro.idempotency_keys AS t
    SET
        attempt = x.attempt, answer = x.answer
    FROM unnest(
        $2::text [], $3::text [], $4::text []
    ) AS x (
        id, attempt, answer
    )
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: delete_idempotency_keys
WITH done AS (
    DELETE FROM nostro.idempotency_keys WHERE book_id = $1 AND id = any($2::text [])
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: find_old_keys
SELECT id FROM nostro.idempotency_keys
WHERE book_id = $1 AND created_ms <= $2 AND answer IS NOT NULL
ORDER BY created_ms LIMIT $3;
