-- name: read_operators
SELECT id, key_hash, state, created_ms
FROM nostro.operators WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_operators
INSERT INTO nostro.operators (book_id, id, key_hash, state, created_ms)
SELECT $1, x.* FROM unnest($2::text [], $3::text [], $4::text [], $5::bigint []) AS x;

-- name: update_operators
WITH done AS (
    UPDATE nostro.operators AS t
    SET key_hash = x.key_hash, state = x.state, created_ms = x.created_ms
    FROM unnest($2::text [], $3::text [], $4::text [], $5::bigint []) AS x (
        id, key_hash, state, created_ms
    )
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: list_operators
SELECT id, key_hash, state, created_ms FROM nostro.operators WHERE book_id = $1 ORDER BY id;

-- name: find_operator
-- Whose key it is, by its keyed hash.
SELECT id FROM nostro.operators WHERE book_id = $1 AND key_hash = $2 AND state = 'active';

-- name: read_conclusions
SELECT
    id, verdict, acquirer_reference, reason, evidence, state, proposed_by, proposed_ms, decided_by,
    decided_ms
FROM nostro.conclusions WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_conclusions
INSERT INTO nostro.conclusions (
    book_id, id, verdict, acquirer_reference, reason, evidence, state, proposed_by, proposed_ms,
    decided_by, decided_ms
)
SELECT $1, x.* FROM unnest(
    $2::text [], $3::text [], $4::text [], $5::text [], $6::text [], $7::text [], $8::text [],
    $9::bigint [], $10::text [], $11::bigint []
) AS x;

-- name: update_conclusions
WITH done AS (
    UPDATE nostro.conclusions AS t
    SET
        verdict = x.verdict, acquirer_reference = x.acquirer_reference, reason = x.reason,
        evidence = x.evidence, state = x.state, proposed_by = x.proposed_by,
        proposed_ms = x.proposed_ms, decided_by = x.decided_by, decided_ms = x.decided_ms
    FROM unnest(
        $2::text [], $3::text [], $4::text [], $5::text [], $6::text [], $7::text [], $8::text [],
        $9::bigint [], $10::text [], $11::bigint []
    ) AS x (
        id, verdict, acquirer_reference, reason, evidence, state, proposed_by, proposed_ms,
        decided_by, decided_ms
    )
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: list_conclusions
-- The open ones first, then the newest.
SELECT
    id, verdict, acquirer_reference, reason, evidence, state, proposed_by, proposed_ms, decided_by,
    decided_ms
FROM nostro.conclusions WHERE book_id = $1
ORDER BY state <> 'proposed', proposed_ms DESC LIMIT $2;

-- name: insert_evidence
-- A file is what its hash says: one that is there stays.
INSERT INTO nostro.evidence_files (book_id, sha256, name, body) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING;

-- name: read_evidence
SELECT name, body FROM nostro.evidence_files WHERE book_id = $1 AND sha256 = $2;
