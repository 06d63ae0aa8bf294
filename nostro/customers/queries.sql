-- name: read_customers
SELECT
    id, account, created_ms, live, name, email, phone, description, address, shipping, metadata,
    default_payment_method, preferred_locales, tax_exempt, invoice_prefix, deleted
FROM nostro.customers WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_customers
INSERT INTO nostro.customers (
    book_id, seq, id, account, created_ms, live, name, email, phone, description, address,
    shipping, metadata, default_payment_method, preferred_locales, tax_exempt, invoice_prefix,
    deleted
)
SELECT
    $1, x.seq, x.id, x.account, x.created_ms, x.live, x.name, x.email, x.phone, x.description,
    x.address::json, x.shipping::json, x.metadata::json, x.default_payment_method,
    x.preferred_locales::json, x.tax_exempt, x.invoice_prefix, x.deleted
FROM unnest(
    $2::bigint [], $3::text [], $4::text [], $5::bigint [], $6::boolean [], $7::text [],
    $8::text [], $9::text [], $10::text [], $11::text [], $12::text [], $13::text [], $14::text
    [], $15::text [], $16::text [], $17::text [], $18::boolean []
) AS x (
    seq, id, account, created_ms, live, name, email, phone, description, address, shipping,
    metadata, default_payment_method, preferred_locales, tax_exempt, invoice_prefix, deleted
);

-- name: update_customers
WITH done AS (
    UPDATE nostro.customers AS t
    SET
        name = x.name, email = x.email, phone = x.phone, description = x.description, address =
        x.address::json, shipping = x.shipping::json, metadata = x.metadata::json,
        default_payment_method = x.default_payment_method, preferred_locales =
        x.preferred_locales::json, tax_exempt = x.tax_exempt, deleted = x.deleted
    FROM unnest(
        $2::text [], $3::text [], $4::text [], $5::text [], $6::text [], $7::text [], $8::text
        [], $9::text [], $10::text [], $11::text [], $12::text [], $13::boolean []
    ) AS x (
        id, name, email, phone, description, address, shipping, metadata,
        default_payment_method, preferred_locales, tax_exempt, deleted
    )
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: seq_of_customers
-- Where a cursor stands.
SELECT seq FROM nostro.customers WHERE book_id = $1 AND account = $2 AND id = $3;

-- name: older_customers
-- A page after a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, created_ms, live, name, email, phone, description, address, shipping, metadata,
    default_payment_method, preferred_locales, tax_exempt, invoice_prefix, deleted
FROM nostro.customers
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text IS NULL OR email = $8)
    AND NOT deleted
ORDER BY seq DESC LIMIT $7;

-- name: newer_customers
-- A page before a cursor: $3 and $4 bound seq, $5 and $6 the time of creation, $7 is the limit.
SELECT
    id, account, created_ms, live, name, email, phone, description, address, shipping, metadata,
    default_payment_method, preferred_locales, tax_exempt, invoice_prefix, deleted
FROM nostro.customers
WHERE
    book_id = $1 AND account = $2 AND seq > $3 AND seq < $4
    AND created_ms BETWEEN $5 AND $6
    AND ($8::text IS NULL OR email = $8)
    AND NOT deleted
ORDER BY seq ASC LIMIT $7;
