-- name: read_balance_transactions
SELECT
    id, account, type, reporting_category, amount, fee, currency, available_on, source,
    created_ms, description
FROM nostro.balance_transactions WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_balance_transactions
INSERT INTO nostro.balance_transactions (
    book_id, seq, id, account, type, reporting_category, amount, fee, currency, available_on,
    source, created_ms, description
)
SELECT
    $1, x.seq, x.id, x.account, x.type, x.reporting_category, x.amount, x.fee, x.currency,
    x.available_on, x.source, x.created_ms, x.description
FROM unnest(
    $2::bigint [], $3::text [], $4::text [], $5::text [], $6::text [], $7::bigint [], $8::bigint
    [], $9::text [], $10::bigint [], $11::text [], $12::bigint [], $13::text []
) AS x (
    seq, id, account, type, reporting_category, amount, fee, currency, available_on, source,
    created_ms, description
);

-- name: read_available_days
SELECT
    id, account, currency, available_on, net, released
FROM nostro.available_days WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_available_days
INSERT INTO nostro.available_days (
    book_id, id, account, currency, available_on, net, released
)
SELECT
    $1, x.id, x.account, x.currency, x.available_on, x.net, x.released
FROM unnest(
    $2::text [], $3::text [], $4::text [], $5::bigint [], $6::bigint [], $7::boolean []
) AS x (
    id, account, currency, available_on, net, released
);

-- name: update_available_days
WITH done AS (
    UPDATE nostro.available_days AS t
    SET
        net = x.net, released = x.released
    FROM unnest(
        $2::text [], $3::bigint [], $4::boolean []
    ) AS x (
        id, net, released
    )
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: seq_of_balance_transactions
-- Where a cursor stands.
SELECT seq FROM nostro.balance_transactions WHERE book_id = $1 AND account = $2 AND id = $3;

-- name: older_balance_transactions
-- A page after a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, type, reporting_category, amount, fee, currency, available_on, source,
    created_ms, description
FROM nostro.balance_transactions
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text IS NULL OR type = $8)
    AND ($9::text IS NULL OR currency = $9)
    AND ($10::text IS NULL OR source = $10)
ORDER BY seq DESC LIMIT $7;

-- name: newer_balance_transactions
-- A page before a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, type, reporting_category, amount, fee, currency, available_on, source,
    created_ms, description
FROM nostro.balance_transactions
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text IS NULL OR type = $8)
    AND ($9::text IS NULL OR currency = $9)
    AND ($10::text IS NULL OR source = $10)
ORDER BY seq ASC LIMIT $7;

-- name: find_due_days
-- Days whose funds become available by now, earliest first. Served by a partial index.
SELECT id, account, currency, available_on, net, released FROM nostro.available_days
WHERE book_id = $1 AND NOT released AND available_on <= $2 AND NOT id = any($4::text [])
ORDER BY available_on LIMIT $3;
