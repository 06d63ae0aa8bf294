-- name: read_refunds
SELECT
    id, account, charge, intent, state, amount, currency, acquirer, original, created_ms, live,
    lease_until, send_by, holder, epoch, sends, reason, metadata, from_pending, hold,
    balance_transaction, failure_balance_transaction, failure_reason, key, request_id, evidence,
    first_sent, awaiting, age_known, contradicted
FROM nostro.refunds WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_refunds
INSERT INTO nostro.refunds (
    book_id, seq, id, account, charge, intent, state, amount, currency, acquirer, original,
    created_ms, live, lease_until, send_by, holder, epoch, sends, reason, metadata,
    from_pending, hold, balance_transaction, failure_balance_transaction, failure_reason, key,
    request_id, evidence, first_sent, awaiting, age_known, contradicted
)
SELECT
    $1, x.seq, x.id, x.account, x.charge, x.intent, x.state, x.amount, x.currency, x.acquirer,
    x.original, x.created_ms, x.live, x.lease_until, x.send_by, x.holder, x.epoch, x.sends,
    x.reason, x.metadata::json, x.from_pending, x.hold, x.balance_transaction,
    x.failure_balance_transaction, x.failure_reason, x.key, x.request_id, x.evidence,
    x.first_sent, x.awaiting, x.age_known, x.contradicted
FROM unnest(
    $2::bigint [], $3::text [], $4::text [], $5::text [], $6::text [], $7::text [], $8::bigint
    [], $9::text [], $10::text [], $11::text [], $12::bigint [], $13::boolean [], $14::bigint
    [], $15::bigint [], $16::text [], $17::bigint [], $18::bigint [], $19::text [], $20::text
    [], $21::boolean [], $22::text [], $23::text [], $24::text [], $25::text [], $26::text [],
    $27::text [], $28::text [], $29::bigint [], $30::text [], $31::boolean [],
    $32::boolean []
) AS x (
    seq, id, account, charge, intent, state, amount, currency, acquirer, original, created_ms,
    live, lease_until, send_by, holder, epoch, sends, reason, metadata, from_pending, hold,
    balance_transaction, failure_balance_transaction, failure_reason, key, request_id, evidence,
    first_sent, awaiting, age_known, contradicted
);

-- name: update_refunds
WITH done AS (
    UPDATE nostro.refunds AS t
    SET
        state = x.state, lease_until = x.lease_until, send_by = x.send_by, holder = x.holder,
        epoch = x.epoch, sends = x.sends, metadata = x.metadata::json, from_pending =
        x.from_pending, hold = x.hold, balance_transaction = x.balance_transaction,
        failure_balance_transaction = x.failure_balance_transaction, failure_reason =
        x.failure_reason, evidence = x.evidence, first_sent = x.first_sent, awaiting = x.awaiting,
        age_known = x.age_known, contradicted = x.contradicted
    FROM unnest(
        $2::text [], $3::text [], $4::bigint [], $5::bigint [], $6::text [], $7::bigint [],
        $8::bigint [], $9::text [], $10::boolean [], $11::text [], $12::text [], $13::text [],
        $14::text [], $15::text [], $16::bigint [], $17::text [], $18::boolean [],
        $19::boolean []
    ) AS x (
        id, state, lease_until, send_by, holder, epoch, sends, metadata, from_pending, hold,
        balance_transaction, failure_balance_transaction, failure_reason, evidence, first_sent,
        awaiting, age_known, contradicted
    )
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: seq_of_refunds
-- Where a cursor stands.
SELECT seq FROM nostro.refunds WHERE book_id = $1 AND account = $2 AND id = $3;

-- name: older_refunds
-- A page after a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, charge, intent, state, amount, currency, acquirer, original, created_ms, live,
    lease_until, send_by, holder, epoch, sends, reason, metadata, from_pending, hold,
    balance_transaction, failure_balance_transaction, failure_reason, key, request_id, evidence,
    first_sent, awaiting, age_known, contradicted
FROM nostro.refunds
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text IS NULL OR charge = $8)
    AND ($9::text IS NULL OR intent = $9)
ORDER BY seq DESC LIMIT $7;

-- name: newer_refunds
-- A page before a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, charge, intent, state, amount, currency, acquirer, original, created_ms, live,
    lease_until, send_by, holder, epoch, sends, reason, metadata, from_pending, hold,
    balance_transaction, failure_balance_transaction, failure_reason, key, request_id, evidence,
    first_sent, awaiting, age_known, contradicted
FROM nostro.refunds
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text IS NULL OR charge = $8)
    AND ($9::text IS NULL OR intent = $9)
ORDER BY seq ASC LIMIT $7;

-- name: find_due_refunds
-- Refunds whose lease is over: the queue of the worker. Served by a partial index.
SELECT id, account, key, request_id FROM nostro.refunds
WHERE
    book_id = $1 AND state IN ('waiting', 'sending', 'unknown', 'accepted', 'provisional')
    AND lease_until <= $2 AND NOT id = any($4::text [])
ORDER BY lease_until LIMIT $3;

-- name: find_held_refunds
-- Refunds being sent whose lease an instance of an earlier generation holds; the living share a prefix.
SELECT id FROM nostro.refunds
WHERE
    book_id = $1 AND state IN ('sending', 'unknown') AND lease_until > $2
    AND NOT starts_with(holder, $3)
ORDER BY lease_until LIMIT $4;

-- name: find_refunds_ahead
-- Open refunds leased for longer than anybody leases: a clock was ahead. Till $2 what is asked about is, by any of the
-- clocks, till $3 nothing of that, and till $4 nothing at all.
SELECT id FROM nostro.refunds
WHERE
    book_id = $1 AND state IN ('waiting', 'sending', 'unknown', 'accepted', 'provisional')
    AND lease_until > $2
    AND CASE
        WHEN awaiting IS NULL AND state IN ('sending', 'unknown') THEN age_known OR lease_until > $3
        ELSE lease_until > $4
    END
ORDER BY lease_until DESC LIMIT $5;

-- name: awaiting_refunds
-- What waits for an answer that cannot be asked for, by queue: how many, and the oldest (business time).
SELECT awaiting, count(*), min(created_ms) FROM nostro.refunds
WHERE book_id = $1 AND state IN ('unknown', 'accepted', 'provisional') AND awaiting IS NOT NULL GROUP BY awaiting;

-- name: list_awaiting_refunds
-- The oldest of what waits in a queue.
SELECT id, acquirer, amount, currency, intent, created_ms FROM nostro.refunds
WHERE book_id = $1 AND state IN ('unknown', 'accepted', 'provisional') AND awaiting = $2 ORDER BY created_ms LIMIT $3;

-- name: oldest_awaiting_refunds
-- Since when each acquirer owes an answer that only its report can give (system time).
SELECT acquirer, min(first_sent) FROM nostro.refunds
WHERE book_id = $1 AND state IN ('unknown', 'accepted', 'provisional') AND awaiting IS NOT NULL GROUP BY acquirer;

-- name: overdue_refunds
-- Without an outcome for longer than is usual: $2 of what can be asked about, $3 of what waits to be told, $4 of what
-- waits for a report. What was sent after $5 was sent by a clock that was ahead. The oldest first.
SELECT id, format('refund of %s %s at %s', amount, currency, acquirer), first_sent
FROM nostro.refunds
WHERE
    book_id = $1 AND NOT id = any($6::text [])
    AND (
        state IN ('sending', 'unknown') OR (state = 'accepted' AND awaiting IS NOT NULL)
        OR (state = 'provisional' AND contradicted)
    )
    AND (
        first_sent > $5 OR first_sent <= CASE awaiting
            WHEN 'awaiting_notification' THEN $3::bigint WHEN 'awaiting_report' THEN $4::bigint
            ELSE $2::bigint
        END
    )
ORDER BY first_sent LIMIT $7;
