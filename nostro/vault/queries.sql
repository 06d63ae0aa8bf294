-- The vault's statements. Columns are in the order of the fields of `SealedCard` and `WrappedDataKey`.
-- Data keys are a reference table without a book, so their statements have no book either.

-- name: read_vault_cards
-- The cards of these tokens. Only an attempt about to be sent, or the worker that finishes it, asks.
SELECT
    token, account, ciphertext, data_key_id, fingerprint,
    brand, funding, country, iin, last4, exp_month, exp_year
FROM nostro.vault_cards WHERE book_id = $1 AND token = any($2::text []);

-- name: insert_vault_cards
-- A token is sealed once: a second row under it is refused by the primary key.
INSERT INTO nostro.vault_cards (
    book_id, token, account, ciphertext, data_key_id, fingerprint,
    brand, funding, country, iin, last4, exp_month, exp_year
)
SELECT $1, x.* FROM unnest(
    $2::text [], $3::text [], $4::bytea [], $5::text [], $6::text [],
    $7::text [], $8::text [], $9::text [], $10::text [], $11::text [],
    $12::integer [], $13::integer []
) AS x;

-- name: update_vault_cards
-- The issuer extended the card: the number stays sealed as it is.
WITH done AS (
    UPDATE nostro.vault_cards AS c
    SET exp_month = x.exp_month, exp_year = x.exp_year
    FROM unnest($2::text [], $3::integer [], $4::integer []) AS x (token, exp_month, exp_year)
    WHERE c.book_id = $1 AND c.token = x.token
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: delete_vault_cards
-- The owner removed the card; attempts keep its facts, which are not card data.
DELETE FROM nostro.vault_cards WHERE book_id = $1 AND token = any($2::text []);

-- name: find_vault_cards
-- The tokens under which an account holds the same card: $2 is the account, $3 the fingerprint.
SELECT token FROM nostro.vault_cards
WHERE book_id = $1 AND account = $2 AND fingerprint = $3 ORDER BY token;

-- name: read_data_keys
-- Every data key, wrapped. Read at start, and again when a card names one that is not loaded.
SELECT id, wrapped, kek_id, created_ms FROM nostro.vault_data_keys ORDER BY created_ms, id;

-- name: insert_data_key
-- Committed on its own before the first card is sealed under it: id, wrapped, kek_id, created_ms.
INSERT INTO nostro.vault_data_keys (id, wrapped, kek_id, created_ms) VALUES ($1, $2, $3, $4);

-- name: rewrap_data_key
-- One key of a rotation: $4 is the kek_id that was read, so a second rotation cannot undo this one.
UPDATE nostro.vault_data_keys SET wrapped = $2, kek_id = $3 WHERE id = $1 AND kek_id = $4;
