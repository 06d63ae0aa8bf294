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
-- Both of its books' logs are to be told.
WITH made AS (
    INSERT INTO nostro.accounts (
        account, test_book, live_book, name, email, country, default_currency,
        fee_basis_points, fee_fixed, api_version, created_ms
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT DO NOTHING
    RETURNING account, test_book, live_book, setting_no, created_ms
),
told AS (
    SELECT test_book AS book, account, setting_no, created_ms FROM made
    UNION
    SELECT live_book, account, setting_no, created_ms FROM made
)
INSERT INTO nostro.setting_changes (book, subject, no, relation, action, state, actor, at_ms)
SELECT
    told.book, told.account, told.setting_no, 'accounts', 'account.created', $12::text, $13::text,
    told.created_ms
FROM told;

-- name: update_fees
-- Nothing happens where they are so already.
WITH changed AS (
    UPDATE nostro.accounts SET
        fee_basis_points = $2::integer, fee_fixed = $3::bigint, setting_no = setting_no + 1
    WHERE account = $1 AND (fee_basis_points <> $2::integer OR fee_fixed <> $3::bigint)
    RETURNING account, test_book, live_book, setting_no
),
told AS (
    SELECT test_book AS book, account, setting_no FROM changed
    UNION
    SELECT live_book, account, setting_no FROM changed
)
INSERT INTO nostro.setting_changes (book, subject, no, relation, action, state, actor, at_ms)
SELECT
    told.book, told.account, told.setting_no, 'accounts', 'account.fees_changed', $4::text,
    $5::text, $6::bigint
FROM told;

-- name: insert_key
WITH made AS (
    INSERT INTO nostro.api_keys (key_hash, id, account, live, prefix, last4, created_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT DO NOTHING
    RETURNING id, account, live, created_ms
)
INSERT INTO nostro.setting_changes (book, subject, no, relation, action, state, actor, at_ms)
SELECT
    CASE WHEN k.live THEN a.live_book ELSE a.test_book END, k.id, 1, 'api_keys', 'api_key.created',
    format('active, %s key of %s', CASE WHEN k.live THEN 'live' ELSE 'test' END, k.account),
    $8::text, k.created_ms
FROM made AS k
INNER JOIN nostro.accounts AS a ON k.account = a.account;

-- name: list_keys
SELECT account, live, prefix, last4, created_ms, revoked_ms, id FROM nostro.api_keys
WHERE account = $1 ORDER BY created_ms;

-- name: list_every_key
SELECT account, live, prefix, last4, created_ms, revoked_ms, id FROM nostro.api_keys
ORDER BY created_ms, account, last4;

-- name: revoke_key
WITH revoked AS (
    UPDATE nostro.api_keys SET revoked_ms = $2 WHERE key_hash = $1 AND revoked_ms IS NULL
    RETURNING id, account, live, revoked_ms
)
INSERT INTO nostro.setting_changes (book, subject, no, relation, action, state, actor, at_ms)
SELECT
    CASE WHEN k.live THEN a.live_book ELSE a.test_book END, k.id, 2, 'api_keys', 'api_key.revoked',
    format('revoked, %s key of %s', CASE WHEN k.live THEN 'live' ELSE 'test' END, k.account),
    $3::text, k.revoked_ms
FROM revoked AS k
INNER JOIN nostro.accounts AS a ON k.account = a.account
RETURNING subject;

-- name: untold_changes
-- What the book's log has not been told of, in the order in which it happened to each.
SELECT subject, no, relation, action, state, actor, at_ms FROM nostro.setting_changes
WHERE book = $1 ORDER BY book, subject, no LIMIT $2;

-- name: forget_changes
-- The book's log has them.
DELETE FROM nostro.setting_changes AS c
USING unnest($2::text [], $3::integer []) AS x (subject, no)
WHERE c.book = $1 AND c.subject = x.subject AND c.no = x.no;

-- name: read_told_settings
SELECT id, no, state FROM nostro.told_settings WHERE book_id = $1 AND id = any($2::text []);

-- name: insert_told_settings
INSERT INTO nostro.told_settings (book_id, id, no, state)
SELECT $1, x.* FROM unnest($2::text [], $3::integer [], $4::text []) AS x;

-- name: update_told_settings
-- Returns how many rows were changed.
WITH touched AS (
    UPDATE nostro.told_settings AS t SET no = x.no, state = x.state
    FROM unnest($2::text [], $3::integer [], $4::text []) AS x (id, no, state)
    WHERE t.book_id = $1 AND t.id = x.id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM touched;

-- name: list_books
SELECT book_id, live, name FROM nostro.books ORDER BY book_id;
