-- name: read_events
SELECT
    id, account, type, created_ms, live, snapshot, previous, request_id, key
FROM nostro.events WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_events
INSERT INTO nostro.events (
    book_id, seq, id, account, type, created_ms, live, snapshot, previous, request_id, key
)
SELECT
    $1, x.seq, x.id, x.account, x.type, x.created_ms, x.live, x.snapshot, x.previous,
    x.request_id, x.key
FROM unnest(
    $2::bigint [], $3::text [], $4::text [], $5::text [], $6::bigint [], $7::boolean [],
    $8::text [], $9::text [], $10::text [], $11::text []
) AS x (
    seq, id, account, type, created_ms, live, snapshot, previous, request_id, key
);

-- name: read_webhook_endpoints
SELECT
    id, account, url, enabled_events, created_ms, live, secret, description, api_version,
    status, metadata, deleted
FROM nostro.webhook_endpoints WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_webhook_endpoints
INSERT INTO nostro.webhook_endpoints (
    book_id, seq, id, account, url, enabled_events, created_ms, live, secret, description,
    api_version, status, metadata, deleted
)
SELECT
    $1, x.seq, x.id, x.account, x.url, x.enabled_events::json, x.created_ms, x.live, x.secret,
    x.description, x.api_version, x.status, x.metadata::json, x.deleted
FROM unnest(
    $2::bigint [], $3::text [], $4::text [], $5::text [], $6::text [], $7::bigint [],
    $8::boolean [], $9::text [], $10::text [], $11::text [], $12::text [], $13::text [],
    $14::boolean []
) AS x (
    seq, id, account, url, enabled_events, created_ms, live, secret, description, api_version,
    status, metadata, deleted
);

-- name: update_webhook_endpoints
WITH done AS (
    UPDATE nostro.webhook_endpoints AS t
    SET
        url = x.url, enabled_events = x.enabled_events::json, description = x.description,
        status = x.status, metadata = x.metadata::json, deleted = x.deleted
    FROM unnest(
        $2::text [], $3::text [], $4::text [], $5::text [], $6::text [], $7::text [],
        $8::boolean []
    ) AS x (
        id, url, enabled_events, description, status, metadata, deleted
    )
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: read_webhook_deliveries
SELECT
    id, endpoint, event, event_seq, attempts, due_at, state, last_error
FROM nostro.webhook_deliveries WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_webhook_deliveries
INSERT INTO nostro.webhook_deliveries (
    book_id, id, endpoint, event, event_seq, attempts, due_at, state, last_error
)
SELECT
    $1, x.id, x.endpoint, x.event, x.event_seq, x.attempts, x.due_at, x.state, x.last_error
FROM unnest(
    $2::text [], $3::text [], $4::text [], $5::bigint [], $6::bigint [], $7::bigint [], $8::text
    [], $9::text []
) AS x (
    id, endpoint, event, event_seq, attempts, due_at, state, last_error
);

-- name: update_webhook_deliveries
WITH done AS (
    UPDATE nostro.webhook_deliveries AS t
    SET
        attempts = x.attempts, due_at = x.due_at, state = x.state, last_error = x.last_error
    FROM unnest(
        $2::text [], $3::bigint [], $4::bigint [], $5::text [], $6::text []
    ) AS x (
        id, attempts, due_at, state, last_error
    )
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: seq_of_events
-- Where a cursor stands.
SELECT seq FROM nostro.events WHERE book_id = $1 AND account = $2 AND id = $3;

-- name: older_events
-- A page after a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, type, created_ms, live, snapshot, previous, request_id, key
FROM nostro.events
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text [] IS NULL OR type LIKE any($8))
ORDER BY seq DESC LIMIT $7;

-- name: newer_events
-- A page before a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, type, created_ms, live, snapshot, previous, request_id, key
FROM nostro.events
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text [] IS NULL OR type LIKE any($8))
ORDER BY seq ASC LIMIT $7;

-- name: seq_of_webhook_endpoints
-- Where a cursor stands.
SELECT seq FROM nostro.webhook_endpoints WHERE book_id = $1 AND account = $2 AND id = $3;

-- name: older_webhook_endpoints
-- A page after a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, url, enabled_events, created_ms, live, secret, description, api_version,
    status, metadata, deleted
FROM nostro.webhook_endpoints
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND NOT deleted
ORDER BY seq DESC LIMIT $7;

-- name: newer_webhook_endpoints
-- A page before a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, url, enabled_events, created_ms, live, secret, description, api_version,
    status, metadata, deleted
FROM nostro.webhook_endpoints
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND NOT deleted
ORDER BY seq ASC LIMIT $7;

-- name: find_endpoints_behind
-- Endpoints for which events were committed that they have not heard of, and how far each has heard.
-- One probe of an index per endpoint: cheap when nothing happened.
SELECT
    coalesce(c.seq, e.seq) AS heard, e.id, e.account, e.url, e.enabled_events, e.created_ms,
    e.live, e.secret, e.description, e.api_version, e.status, e.metadata, e.deleted
FROM nostro.webhook_endpoints AS e
LEFT JOIN nostro.webhook_cursors AS c ON c.book_id = $1 AND e.id = c.endpoint
WHERE
    e.book_id = $1 AND NOT e.deleted AND NOT e.id = any($2::text [])
    AND EXISTS (
        SELECT 1 FROM nostro.events AS v
        WHERE v.book_id = $1 AND v.account = e.account AND v.seq > coalesce(c.seq, e.seq)
    )
LIMIT $3;

-- name: find_events_after
SELECT
    seq, id, account, type, created_ms, live, snapshot, previous, request_id, key
FROM nostro.events WHERE book_id = $1 AND account = $2 AND seq > $3
ORDER BY seq LIMIT $4;

-- name: count_pending_webhooks
-- Of some events: how many endpoints asked for each and have not accepted it yet.
SELECT v.id, count(*)
FROM nostro.events AS v
INNER JOIN nostro.webhook_endpoints AS e
    ON
        e.book_id = $1 AND v.account = e.account AND v.seq > e.seq
        AND e.status = 'enabled' AND NOT e.deleted
        AND (e.enabled_events::jsonb ? '*' OR e.enabled_events::jsonb ? v.type)
LEFT JOIN nostro.webhook_cursors AS c ON c.book_id = $1 AND e.id = c.endpoint
LEFT JOIN nostro.webhook_deliveries AS d ON d.book_id = $1 AND d.id = e.id || '/' || v.id
WHERE
    v.book_id = $1 AND v.id = any($2::text [])
    AND (d.state = 'due' OR (d.id IS NULL AND v.seq > coalesce(c.seq, e.seq)))
GROUP BY v.id;

-- name: find_last_event
SELECT max(seq) FROM nostro.events WHERE book_id = $1 AND account = $2;

-- name: find_event_seq
SELECT seq FROM nostro.events WHERE book_id = $1 AND account = $2 AND id = $3;

-- name: move_cursor
-- A cursor never goes back: that everything up to it was delivered or recorded stays true, whoever says it.
INSERT INTO nostro.webhook_cursors AS c (book_id, endpoint, seq) VALUES ($1, $2, $3)
ON CONFLICT (book_id, endpoint) DO UPDATE SET seq = excluded.seq
WHERE c.book_id = $1 AND c.seq < excluded.seq;

-- name: find_due_deliveries
-- Failed deliveries whose next attempt is due. Served by a partial index.
SELECT
    id, endpoint, event, event_seq, attempts, due_at, state, last_error
FROM nostro.webhook_deliveries
WHERE book_id = $1 AND state = 'due' AND due_at <= $2 AND NOT endpoint = any($4::text [])
ORDER BY due_at LIMIT $3;
