-- name: read_payment_intents
SELECT
    id, account, status, amount, currency, capture_method, client_secret, created_ms, live,
    terms, customer, payment_method, latest_charge, amount_capturable, amount_received,
    canceled_ms, cancellation_reason, last_error
FROM nostro.payment_intents WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_payment_intents
INSERT INTO nostro.payment_intents (
    book_id, seq, id, account, status, amount, currency, capture_method, client_secret,
    created_ms, live, terms, customer, payment_method, latest_charge, amount_capturable,
    amount_received, canceled_ms, cancellation_reason, last_error
)
SELECT
    $1, x.seq, x.id, x.account, x.status, x.amount, x.currency, x.capture_method,
    x.client_secret, x.created_ms, x.live, x.terms::json, x.customer, x.payment_method,
    x.latest_charge, x.amount_capturable, x.amount_received, x.canceled_ms,
    x.cancellation_reason, x.last_error::json
FROM unnest(
    $2::bigint [], $3::text [], $4::text [], $5::text [], $6::bigint [], $7::text [], $8::text
    [], $9::text [], $10::bigint [], $11::boolean [], $12::text [], $13::text [], $14::text [],
    $15::text [], $16::bigint [], $17::bigint [], $18::bigint [], $19::text [], $20::text []
) AS x (
    seq, id, account, status, amount, currency, capture_method, client_secret, created_ms, live,
    terms, customer, payment_method, latest_charge, amount_capturable, amount_received,
    canceled_ms, cancellation_reason, last_error
);

-- name: update_payment_intents
WITH done AS (
    UPDATE nostro.payment_intents AS t
    SET
        status = x.status, amount = x.amount, currency = x.currency, capture_method =
        x.capture_method, terms = x.terms::json, customer = x.customer, payment_method =
        x.payment_method, latest_charge = x.latest_charge, amount_capturable =
        x.amount_capturable, amount_received = x.amount_received, canceled_ms = x.canceled_ms,
        cancellation_reason = x.cancellation_reason, last_error = x.last_error::json
    FROM unnest(
        $2::text [], $3::text [], $4::bigint [], $5::text [], $6::text [], $7::text [], $8::text
        [], $9::text [], $10::text [], $11::bigint [], $12::bigint [], $13::bigint [], $14::text
        [], $15::text []
    ) AS x (
        id, status, amount, currency, capture_method, terms, customer, payment_method,
        latest_charge, amount_capturable, amount_received, canceled_ms, cancellation_reason,
        last_error
    )
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: read_payment_attempts
SELECT
    id, account, intent, charge, operation, state, acquirer, amount, currency, payment_method,
    created_ms, send_by, lease_until, holder, epoch, sends, replayable, cancelling, final, original,
    key, request_id, hold, doubt_hold, reason, evidence, first_sent, awaiting,
    age_known, contradicted
FROM nostro.payment_attempts WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_payment_attempts
INSERT INTO nostro.payment_attempts (
    book_id, id, account, intent, charge, operation, state, acquirer, amount, currency,
    payment_method, created_ms, send_by, lease_until, holder, epoch, sends, replayable, cancelling,
    final, original, key, request_id, hold, doubt_hold, reason, evidence, first_sent, awaiting,
    age_known, contradicted
)
SELECT
    $1, x.id, x.account, x.intent, x.charge, x.operation, x.state, x.acquirer, x.amount,
    x.currency, x.payment_method, x.created_ms, x.send_by, x.lease_until, x.holder, x.epoch,
    x.sends, x.replayable, x.cancelling, x.final, x.original, x.key, x.request_id, x.hold,
    x.doubt_hold, x.reason, x.evidence, x.first_sent, x.awaiting, x.age_known, x.contradicted
FROM unnest(
    $2::text [], $3::text [], $4::text [], $5::text [], $6::text [], $7::text [], $8::text [],
    $9::bigint [], $10::text [], $11::text [], $12::bigint [], $13::bigint [], $14::bigint [],
    $15::text [], $16::bigint [], $17::bigint [], $18::boolean [], $19::boolean [], $20::boolean [],
    $21::text [], $22::text [], $23::text [], $24::text [], $25::text [], $26::text [], $27::text [],
    $28::bigint [], $29::text [], $30::boolean [], $31::boolean []
) AS x (
    id, account, intent, charge, operation, state, acquirer, amount, currency, payment_method,
    created_ms, send_by, lease_until, holder, epoch, sends, replayable, cancelling, final, original,
    key, request_id, hold, doubt_hold, reason, evidence, first_sent, awaiting,
    age_known, contradicted
);

-- name: update_payment_attempts
WITH done AS (
    UPDATE nostro.payment_attempts AS t
    SET
        state = x.state, lease_until = x.lease_until, send_by = x.send_by, holder = x.holder,
        epoch = x.epoch, sends = x.sends, cancelling = x.cancelling, doubt_hold = x.doubt_hold,
        evidence = x.evidence, awaiting = x.awaiting, age_known = x.age_known,
        contradicted = x.contradicted
    FROM unnest(
        $2::text [], $3::text [], $4::bigint [], $5::bigint [], $6::text [], $7::bigint [],
        $8::bigint [], $9::boolean [], $10::text [], $11::text [], $12::text [],
        $13::boolean [], $14::boolean []
    ) AS x (
        id, state, lease_until, send_by, holder, epoch, sends, cancelling, doubt_hold, evidence,
        awaiting, age_known, contradicted
    )
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: read_charges
SELECT
    id, account, intent, status, amount, currency, acquirer, reference, created_ms, live,
    payment_method, card, checks, billing, terms, customer, captured, amount_captured,
    amount_refunded, refunds_reserved, released, balance_transaction, available_on, hold,
    capture_before, acquirer_reference, authorization_code, network_reference, failure_code,
    failure_message, decline_code, network_code
FROM nostro.charges WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_charges
INSERT INTO nostro.charges (
    book_id, seq, id, account, intent, status, amount, currency, acquirer, reference,
    created_ms, live, payment_method, card, checks, billing, terms, customer, captured,
    amount_captured, amount_refunded, refunds_reserved, released, balance_transaction,
    available_on, hold, capture_before, acquirer_reference, authorization_code,
    network_reference, failure_code, failure_message, decline_code, network_code
)
SELECT
    $1, x.seq, x.id, x.account, x.intent, x.status, x.amount, x.currency, x.acquirer,
    x.reference, x.created_ms, x.live, x.payment_method, x.card::json, x.checks::json,
    x.billing::json, x.terms::json, x.customer, x.captured, x.amount_captured,
    x.amount_refunded, x.refunds_reserved, x.released, x.balance_transaction, x.available_on,
    x.hold, x.capture_before, x.acquirer_reference, x.authorization_code, x.network_reference,
    x.failure_code, x.failure_message, x.decline_code, x.network_code
FROM unnest(
    $2::bigint [], $3::text [], $4::text [], $5::text [], $6::text [], $7::bigint [], $8::text
    [], $9::text [], $10::text [], $11::bigint [], $12::boolean [], $13::text [], $14::text [],
    $15::text [], $16::text [], $17::text [], $18::text [], $19::boolean [], $20::bigint [],
    $21::bigint [], $22::bigint [], $23::boolean [], $24::text [], $25::bigint [], $26::text [],
    $27::bigint [], $28::text [], $29::text [], $30::text [], $31::text [], $32::text [],
    $33::text [], $34::text []
) AS x (
    seq, id, account, intent, status, amount, currency, acquirer, reference, created_ms, live,
    payment_method, card, checks, billing, terms, customer, captured, amount_captured,
    amount_refunded, refunds_reserved, released, balance_transaction, available_on, hold,
    capture_before, acquirer_reference, authorization_code, network_reference, failure_code,
    failure_message, decline_code, network_code
);

-- name: update_charges
WITH done AS (
    UPDATE nostro.charges AS t
    SET
        status = x.status, terms = x.terms::json, captured = x.captured, amount_captured =
        x.amount_captured, amount_refunded = x.amount_refunded, refunds_reserved =
        x.refunds_reserved, released = x.released, balance_transaction = x.balance_transaction,
        available_on = x.available_on
    FROM unnest(
        $2::text [], $3::text [], $4::text [], $5::boolean [], $6::bigint [], $7::bigint [],
        $8::bigint [], $9::boolean [], $10::text [], $11::bigint []
    ) AS x (
        id, status, terms, captured, amount_captured, amount_refunded, refunds_reserved,
        released, balance_transaction, available_on
    )
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: find_intent_links
-- The method and the charge of an intent, read before the queue; the decision compares them under the lock.
SELECT payment_method, latest_charge FROM nostro.payment_intents
WHERE book_id = $1 AND account = $2 AND id = $3;

-- name: find_due_attempts
-- Attempts whose lease is over: the queue of the worker. Served by a partial index.
SELECT id, account, key, request_id FROM nostro.payment_attempts
WHERE
    book_id = $1 AND state IN ('sending', 'unknown') AND lease_until <= $2
    AND NOT id = any($4::text [])
ORDER BY lease_until LIMIT $3;

-- name: find_held_attempts
-- Live attempts whose lease an instance of an earlier generation holds; the living share a prefix.
SELECT id FROM nostro.payment_attempts
WHERE
    book_id = $1 AND state IN ('sending', 'unknown') AND lease_until > $2
    AND NOT starts_with(holder, $3)
ORDER BY lease_until LIMIT $4;

-- name: find_attempts_ahead
-- Live attempts leased for longer than anybody leases: a clock was ahead. Till $2 what is asked about is, by any of the
-- clocks, till $3 nothing of that, and till $4 nothing at all.
SELECT id FROM nostro.payment_attempts
WHERE
    book_id = $1 AND state IN ('sending', 'unknown') AND lease_until > $2
    AND CASE WHEN awaiting IS NULL THEN age_known OR lease_until > $3 ELSE lease_until > $4 END
ORDER BY lease_until DESC LIMIT $5;

-- name: find_expired_authorizations
SELECT id FROM nostro.charges
WHERE
    book_id = $1 AND hold IS NOT NULL AND NOT captured AND NOT released AND capture_before <= $2
    AND NOT id = any($4::text [])
ORDER BY capture_before LIMIT $3;

-- name: seq_of_payment_intents
-- Where a cursor stands.
SELECT seq FROM nostro.payment_intents WHERE book_id = $1 AND account = $2 AND id = $3;

-- name: older_payment_intents
-- A page after a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, status, amount, currency, capture_method, client_secret, created_ms, live,
    terms, customer, payment_method, latest_charge, amount_capturable, amount_received,
    canceled_ms, cancellation_reason, last_error
FROM nostro.payment_intents
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text IS NULL OR customer = $8)
ORDER BY seq DESC LIMIT $7;

-- name: newer_payment_intents
-- A page before a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, status, amount, currency, capture_method, client_secret, created_ms, live,
    terms, customer, payment_method, latest_charge, amount_capturable, amount_received,
    canceled_ms, cancellation_reason, last_error
FROM nostro.payment_intents
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text IS NULL OR customer = $8)
ORDER BY seq ASC LIMIT $7;

-- name: seq_of_charges
-- Where a cursor stands.
SELECT seq FROM nostro.charges WHERE book_id = $1 AND account = $2 AND id = $3;

-- name: older_charges
-- A page after a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, intent, status, amount, currency, acquirer, reference, created_ms, live,
    payment_method, card, checks, billing, terms, customer, captured, amount_captured,
    amount_refunded, refunds_reserved, released, balance_transaction, available_on, hold,
    capture_before, acquirer_reference, authorization_code, network_reference, failure_code,
    failure_message, decline_code, network_code
FROM nostro.charges
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text IS NULL OR customer = $8)
    AND ($9::text IS NULL OR intent = $9)
ORDER BY seq DESC LIMIT $7;

-- name: newer_charges
-- A page before a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, intent, status, amount, currency, acquirer, reference, created_ms, live,
    payment_method, card, checks, billing, terms, customer, captured, amount_captured,
    amount_refunded, refunds_reserved, released, balance_transaction, available_on, hold,
    capture_before, acquirer_reference, authorization_code, network_reference, failure_code,
    failure_message, decline_code, network_code
FROM nostro.charges
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text IS NULL OR customer = $8)
    AND ($9::text IS NULL OR intent = $9)
ORDER BY seq ASC LIMIT $7;

-- name: awaiting_attempts
-- What waits for an answer that cannot be asked for, by queue: how many, and the oldest (business time).
SELECT awaiting, count(*), min(created_ms) FROM nostro.payment_attempts
WHERE book_id = $1 AND state = 'unknown' AND awaiting IS NOT NULL GROUP BY awaiting;

-- name: list_awaiting_attempts
-- The oldest of what waits in a queue.
SELECT id, operation, acquirer, amount, currency, intent, created_ms FROM nostro.payment_attempts
WHERE book_id = $1 AND state = 'unknown' AND awaiting = $2 ORDER BY created_ms LIMIT $3;

-- name: count_declined
-- How often a card was declined for this amount since $4 (business time).
SELECT count(*) FROM nostro.charges
WHERE
    book_id = $1 AND status = 'failed' AND card ->> 'fingerprint' = $2 AND amount = $3
    AND created_ms >= $4 AND decline_code IS NOT NULL;

-- name: oldest_awaiting_payment_attempts
-- Since when each acquirer owes an answer that only its report can give (system time).
SELECT acquirer, min(first_sent) FROM nostro.payment_attempts
WHERE book_id = $1 AND state = 'unknown' AND awaiting IS NOT NULL GROUP BY acquirer;

-- name: overdue_payment_attempts
-- Without an outcome for longer than is usual: $2 of what can be asked about, $3 of what waits to be told, $4 of what
-- waits for a report. What was sent after $5 was sent by a clock that was ahead. The oldest first.
SELECT id, format('%s of %s %s at %s', operation, amount, currency, acquirer), first_sent
FROM nostro.payment_attempts
WHERE
    book_id = $1 AND state IN ('sending', 'unknown') AND NOT id = any($6::text [])
    AND (
        first_sent > $5 OR first_sent <= CASE awaiting
            WHEN 'awaiting_notification' THEN $3::bigint WHEN 'awaiting_report' THEN $4::bigint
            ELSE $2::bigint
        END
    )
ORDER BY first_sent LIMIT $7;
