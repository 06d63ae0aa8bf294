-- Books, the ledger and its batches. Every key begins with book_id; counters come from the book's head.

-- The row count of every UPDATE is asserted inside its transaction, before COMMIT, in the same round trip.
CREATE FUNCTION nostro.must_equal(actual bigint, expected bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF actual IS DISTINCT FROM expected THEN
        RAISE EXCEPTION 'the statement touched % rows, not %', actual, expected
        USING ERRCODE = '23N01';
    END IF;
    RETURN actual;
END
$$;

-- room: merchants
-- reference table
CREATE TABLE nostro.books (
    book_id integer PRIMARY KEY CHECK (book_id BETWEEN 0 AND 65535),
    live boolean NOT NULL,
    name text NOT NULL UNIQUE,
    created_ms bigint NOT NULL
);

-- room: merchants
-- reference table
CREATE TABLE nostro.accounts (
    account text PRIMARY KEY,
    test_book integer NOT NULL REFERENCES nostro.books,
    live_book integer NOT NULL REFERENCES nostro.books,
    name text NOT NULL,
    email text,
    country text NOT NULL,
    default_currency text NOT NULL,
    fee_basis_points integer NOT NULL DEFAULT 0 CHECK (fee_basis_points BETWEEN 0 AND 10000),
    fee_fixed bigint NOT NULL DEFAULT 0 CHECK (fee_fixed >= 0),
    api_version text NOT NULL,
    created_ms bigint NOT NULL
);

-- room: merchants
-- reference table
CREATE TABLE nostro.api_keys (
    key_hash bytea PRIMARY KEY,
    account text NOT NULL REFERENCES nostro.accounts,
    live boolean NOT NULL,
    prefix text NOT NULL,
    last4 text NOT NULL,
    created_ms bigint NOT NULL,
    revoked_ms bigint
);

-- room: ledger
CREATE TABLE nostro.book_heads (
    book_id integer PRIMARY KEY,
    epoch integer NOT NULL DEFAULT 1,
    next_seq bigint NOT NULL DEFAULT 1,
    next_transfer bigint NOT NULL DEFAULT 1,
    next_account bigint NOT NULL DEFAULT 1,
    next_batch bigint NOT NULL DEFAULT 1,
    last_ms bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);

-- room: ledger
-- The roots and hashes are the place of the tamper-evident log; they stay NULL until it is built.
CREATE TABLE nostro.batches (
    book_id integer NOT NULL,
    batch_no bigint NOT NULL,
    first_transfer bigint NOT NULL,
    transfer_count integer NOT NULL,
    at_ms bigint NOT NULL,
    epoch integer NOT NULL,
    writer uuid NOT NULL,
    transfers_root bytea,
    balances_root bytea,
    rejections_root bytea,
    audit_root bytea,
    previous_hash bytea,
    header_hash bytea,
    PRIMARY KEY (book_id, batch_no)
);

-- room: ledger
CREATE TABLE nostro.ledger_accounts (
    book_id integer NOT NULL,
    account_no bigint NOT NULL,
    code text NOT NULL,
    currency text NOT NULL,
    flags bigint NOT NULL,
    debits_posted bigint NOT NULL CHECK (debits_posted >= 0),
    credits_posted bigint NOT NULL CHECK (credits_posted >= 0),
    debits_pending bigint NOT NULL CHECK (debits_pending >= 0),
    credits_pending bigint NOT NULL CHECK (credits_pending >= 0),
    version bigint NOT NULL CHECK (version >= 0),
    PRIMARY KEY (book_id, account_no),
    UNIQUE (book_id, code),
    CHECK (flags & 1 = 0 OR debits_posted + debits_pending <= credits_posted)
) WITH (fillfactor = 50);

-- room: ledger
CREATE TABLE nostro.transfers (
    book_id integer NOT NULL,
    seq bigint NOT NULL,
    transfer_id uuid NOT NULL,
    batch_no bigint NOT NULL,
    at_ms bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('single', 'hold', 'capture', 'void', 'expire')),
    debit_account bigint NOT NULL,
    credit_account bigint NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    posted bigint NOT NULL CHECK (posted >= 0),
    pending bigint NOT NULL,
    currency text NOT NULL,
    code text NOT NULL,
    subject text NOT NULL,
    hold_id uuid,
    final boolean NOT NULL,
    PRIMARY KEY (book_id, seq),
    UNIQUE (book_id, transfer_id),
    CHECK (debit_account <> credit_account),
    CHECK ((kind IN ('capture', 'void', 'expire')) = (hold_id IS NOT NULL)),
    CHECK (kind <> 'single' OR (posted = amount AND pending = 0)),
    CHECK (kind <> 'hold' OR (posted = 0 AND pending = amount)),
    CHECK (kind <> 'capture' OR (posted = amount AND pending <= -amount)),
    CHECK (kind NOT IN ('void', 'expire') OR (posted = 0 AND pending = -amount))
);
CREATE INDEX transfers_by_subject ON nostro.transfers (book_id, subject);

-- room: ledger
CREATE TABLE nostro.entries (
    book_id integer NOT NULL,
    account_no bigint NOT NULL,
    version bigint NOT NULL,
    transfer_seq bigint NOT NULL,
    side text NOT NULL CHECK (side IN ('d', 'c')),
    posted bigint NOT NULL,
    pending bigint NOT NULL,
    debits_posted bigint NOT NULL,
    credits_posted bigint NOT NULL,
    debits_pending bigint NOT NULL,
    credits_pending bigint NOT NULL,
    PRIMARY KEY (book_id, account_no, version)
);

-- room: ledger
CREATE TABLE nostro.holds (
    book_id integer NOT NULL,
    hold_id uuid NOT NULL,
    debit text NOT NULL,
    credit text NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    remaining bigint NOT NULL CHECK (remaining BETWEEN 0 AND amount),
    open boolean NOT NULL CHECK (open = (remaining > 0)),
    subject text NOT NULL,
    PRIMARY KEY (book_id, hold_id)
) WITH (fillfactor = 70);

-- room: ledger
CREATE TABLE nostro.rejections (
    book_id integer NOT NULL,
    transfer_id uuid NOT NULL,
    batch_no bigint NOT NULL,
    reason text NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (book_id, transfer_id)
);

-- The app appends to the ledger and moves its projections; it cannot rewrite what was posted.
GRANT SELECT ON
nostro.books, nostro.accounts, nostro.api_keys, nostro.book_heads, nostro.batches,
nostro.ledger_accounts, nostro.transfers, nostro.entries, nostro.holds, nostro.rejections
TO nostro_app;
GRANT INSERT ON
nostro.books, nostro.accounts, nostro.api_keys, nostro.book_heads, nostro.batches,
nostro.ledger_accounts, nostro.transfers, nostro.entries, nostro.holds, nostro.rejections
TO nostro_app;
GRANT UPDATE (fee_basis_points, fee_fixed, name, email) ON nostro.accounts TO nostro_app;
GRANT UPDATE (revoked_ms) ON nostro.api_keys TO nostro_app;
GRANT UPDATE (epoch, next_seq, next_transfer, next_account, next_batch, last_ms)
ON nostro.book_heads TO nostro_app;
GRANT UPDATE (debits_posted, credits_posted, debits_pending, credits_pending, version)
ON nostro.ledger_accounts TO nostro_app;
GRANT UPDATE (remaining, open) ON nostro.holds TO nostro_app;
