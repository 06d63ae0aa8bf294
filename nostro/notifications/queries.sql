-- name: read_notifications
SELECT id, acquirer, reference, state, reason, received_ms, body
FROM nostro.notifications WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_notifications
INSERT INTO nostro.notifications (
    book_id, id, acquirer, reference, state, reason, received_ms, body
)
SELECT $1, x.id, x.acquirer, x.reference, x.state, x.reason, x.received_ms, x.body
FROM unnest(
    $2::text [], $3::text [], $4::text [], $5::text [], $6::text [], $7::bigint [], $8::text []
) AS x (id, acquirer, reference, state, reason, received_ms, body);

-- name: update_notifications
WITH done AS (
    UPDATE nostro.notifications AS t
    SET state = x.state, reason = x.reason
    FROM unnest($2::text [], $3::text [], $4::text []) AS x (id, state, reason)
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: open_notifications
-- What a person has to look at, the oldest first.
SELECT id, reference, state, reason, received_ms FROM nostro.notifications
WHERE book_id = $1 AND state IN ('quarantined', 'unmatched')
ORDER BY received_ms LIMIT $2;
