-- name: read_payment_methods
SELECT
    id, account, card, card_token, created_ms, live, billing, checks, metadata, customer,
    allow_redisplay
FROM nostro.payment_methods WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_payment_methods
INSERT INTO nostro.payment_methods (
    book_id, seq, id, account, card, card_token, created_ms, live, billing, checks, metadata,
    customer, allow_redisplay
)
SELECT
    $1, x.seq, x.id, x.account, x.card::json, x.card_token, x.created_ms, x.live,
    x.billing::json, x.checks::json, x.metadata::json, x.customer, x.allow_redisplay
FROM unnest(
    $2::bigint [], $3::text [], $4::text [], $5::text [], $6::text [], $7::bigint [],
    $8::boolean [], $9::text [], $10::text [], $11::text [], $12::text [], $13::text []
) AS x (
    seq, id, account, card, card_token, created_ms, live, billing, checks, metadata, customer,
    allow_redisplay
);

-- name: update_payment_methods
WITH done AS (
    UPDATE nostro.payment_methods AS t
    SET
        card = x.card::json, billing = x.billing::json, checks = x.checks::json, metadata =
        x.metadata::json, customer = x.customer, allow_redisplay = x.allow_redisplay
    FROM unnest(
        $2::text [], $3::text [], $4::text [], $5::text [], $6::text [], $7::text [], $8::text
        []
    ) AS x (
        id, card, billing, checks, metadata, customer, allow_redisplay
    )
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: find_card_of_method
-- Where the vault keeps the card of a method, and its expiry.
SELECT card_token, (card ->> 'exp_month')::integer, (card ->> 'exp_year')::integer
FROM nostro.payment_methods WHERE book_id = $1 AND id = $2;

-- name: seq_of_payment_methods
-- Where a cursor stands.
SELECT seq FROM nostro.payment_methods WHERE book_id = $1 AND account = $2 AND id = $3;

-- name: older_payment_methods
-- A page after a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, card, card_token, created_ms, live, billing, checks, metadata, customer,
    allow_redisplay
FROM nostro.payment_methods
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text IS NULL OR customer = $8)
    AND ($9::text IS NULL OR allow_redisplay = $9)
ORDER BY seq DESC LIMIT $7;

-- name: newer_payment_methods
-- A page before a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, card, card_token, created_ms, live, billing, checks, metadata, customer,
    allow_redisplay
FROM nostro.payment_methods
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text IS NULL OR customer = $8)
    AND ($9::text IS NULL OR allow_redisplay = $9)
ORDER BY seq ASC LIMIT $7;
