-- Sealed card numbers and the wrapped keys that seal them. The keys that wrap are not in the database.

-- room: vault
-- reference table
CREATE TABLE nostro.vault_data_keys (
    id text PRIMARY KEY CHECK (id LIKE 'vdk\_%'),
    wrapped bytea NOT NULL CHECK (octet_length(wrapped) = 61),
    kek_id text NOT NULL CHECK (kek_id LIKE 'kek\_%'),
    created_ms bigint NOT NULL
);

-- room: vault
-- The foreign key is a promise: no card is stored under a data key that is not durable itself.
-- A sealed number has 12 to 19 digits: one byte of format, 12 of nonce, 16 of tag around it.
CREATE TABLE nostro.vault_cards (
    book_id integer NOT NULL,
    token text NOT NULL,
    account text NOT NULL,
    ciphertext bytea NOT NULL CHECK (octet_length(ciphertext) BETWEEN 41 AND 48),
    data_key_id text NOT NULL REFERENCES nostro.vault_data_keys (id),
    fingerprint text NOT NULL CHECK (fingerprint ~ '^[0-9A-Za-z]{16}$'),
    brand text NOT NULL,
    funding text NOT NULL CHECK (funding IN ('credit', 'debit', 'prepaid', 'unknown')),
    country text CHECK (country ~ '^[A-Z]{2}$'),
    iin text NOT NULL CHECK (iin ~ '^[0-9]{6}$'),
    last4 text NOT NULL CHECK (last4 ~ '^[0-9]{4}$'),
    exp_month integer NOT NULL CHECK (exp_month BETWEEN 1 AND 12),
    exp_year integer NOT NULL CHECK (exp_year BETWEEN 2000 AND 2199),
    PRIMARY KEY (book_id, token)
);

-- room: vault
CREATE INDEX vault_cards_by_fingerprint
ON nostro.vault_cards (book_id, account, fingerprint);

-- Readers see every new table by default; of these two they may see everything but what is sealed.
-- A card is sealed once and never sealed anew; only its expiry may be corrected.
-- The app may not destroy a data key: that would destroy every card under it.
REVOKE ALL ON nostro.vault_data_keys, nostro.vault_cards FROM nostro_app, nostro_read_only;
GRANT SELECT, INSERT, UPDATE (wrapped, kek_id) ON nostro.vault_data_keys TO nostro_app;
GRANT SELECT, INSERT, DELETE, UPDATE (exp_month, exp_year) ON nostro.vault_cards TO nostro_app;
GRANT SELECT (id, kek_id, created_ms) ON nostro.vault_data_keys TO nostro_read_only;
GRANT SELECT (
    book_id, token, account, data_key_id, fingerprint,
    brand, funding, country, iin, last4, exp_month, exp_year
) ON nostro.vault_cards TO nostro_read_only;
