-- name: find_identity
-- Whom a key speaks for: by the keyed hash of the whole key, unless revoked.
SELECT
    a.account, a.test_book, a.live_book, a.name, a.email, a.country, a.default_currency,
    a.fee_basis_points, a.fee_fixed, a.api_version, a.created_ms, k.live, k.id
FROM nostro.api_keys AS k
INNER JOIN nostro.accounts AS a ON k.account = a.account
WHERE k.key_hash = $1 AND k.revoked_ms IS NULL;

-- name: find_account
SELECT
    account, test_book, live_book, name, email, country, default_currency,
    fee_basis_points, fee_fixed, api_version, created_ms, false
FROM nostro.accounts WHERE account = $1;

-- name: list_accounts
SELECT
    account, test_book, live_book, name, email, country, default_currency,
    fee_basis_points, fee_fixed, api_version, created_ms, false
FROM nostro.accounts ORDER BY created_ms, account LIMIT $1;

-- name: insert_book
INSERT INTO nostro.books (book_id, live, name, created_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING;

-- name: insert_account
INSERT INTO nostro.accounts (
    account, test_book, live_book, name, email, country, default_currency,
    fee_basis_points, fee_fixed, api_version, created_ms
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING;

-- name: update_fees
UPDATE nostro.accounts SET fee_basis_points = $2, fee_fixed = $3 WHERE account = $1;

-- name: insert_key
INSERT INTO nostro.api_keys (key_hash, id, account, live, prefix, last4, created_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING;

-- name: list_keys
SELECT account, live, prefix, last4, created_ms, revoked_ms, id FROM nostro.api_keys
WHERE account = $1 ORDER BY created_ms;

-- name: list_every_key
SELECT account, live, prefix, last4, created_ms, revoked_ms, id FROM nostro.api_keys
ORDER BY created_ms, account, last4;

-- name: revoke_key
UPDATE nostro.api_keys SET revoked_ms = $2 WHERE key_hash = $1 AND revoked_ms IS NULL
RETURNING account, live, id;

-- name: list_books
SELECT book_id, live, name FROM nostro.books ORDER BY book_id;
