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
    created_ms bigint NOT NULL,
    setting_no integer NOT NULL DEFAULT 1 CHECK (setting_no > 0)
);

-- room: merchants
-- reference table
CREATE TABLE nostro.api_keys (
    key_hash bytea PRIMARY KEY,
    id text NOT NULL UNIQUE,
    account text NOT NULL REFERENCES nostro.accounts,
    live boolean NOT NULL,
    prefix text NOT NULL,
    last4 text NOT NULL,
    created_ms bigint NOT NULL,
    revoked_ms bigint
);

-- room: merchants
-- reference table
-- What became of accounts and keys and the audit log has not been told yet: written in the statement that changes them,
-- removed once a book's log has it.
CREATE TABLE nostro.setting_changes (
    book integer NOT NULL REFERENCES nostro.books,
    subject text NOT NULL,
    no integer NOT NULL CHECK (no > 0),
    relation text NOT NULL CHECK (relation IN ('accounts', 'api_keys')),
    action text NOT NULL,
    state text NOT NULL,
    actor text NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (book, subject, no)
);

-- room: merchants
-- How far a book's log was told of an account or a key; written in the transaction of the audit record, so that it is told
-- once.
CREATE TABLE nostro.told_settings (
    book_id integer NOT NULL,
    id text NOT NULL,
    no integer NOT NULL CHECK (no > 0),
    state text NOT NULL,
    PRIMARY KEY (book_id, id)
);

-- room: ledger
-- `frontier` is the book's RFC 6962 tree of batch headers, folded up: the roots of its perfect subtrees, the largest
-- first. `last_leaf` is the hash of its newest leaf.
CREATE TABLE nostro.book_heads (
    book_id integer PRIMARY KEY,
    epoch integer NOT NULL DEFAULT 1,
    next_seq bigint NOT NULL DEFAULT 1,
    next_transfer bigint NOT NULL DEFAULT 1,
    next_account bigint NOT NULL DEFAULT 1,
    next_batch bigint NOT NULL DEFAULT 1,
    next_audit bigint NOT NULL DEFAULT 1,
    last_ms bigint NOT NULL DEFAULT 0,
    last_leaf bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    frontier bytea NOT NULL DEFAULT ''
) WITH (fillfactor = 10);

-- room: ledger
-- A row is the header of its batch: leaf `batch_no - 1` of the book's tree. docs/reference/ledger-log.md has its bytes.
CREATE TABLE nostro.batches (
    book_id integer NOT NULL,
    batch_no bigint NOT NULL,
    at_ms bigint NOT NULL,
    epoch integer NOT NULL,
    writer uuid NOT NULL,
    first_transfer bigint NOT NULL,
    transfer_count integer NOT NULL,
    balance_count integer NOT NULL,
    rejection_count integer NOT NULL,
    limit_count integer NOT NULL,
    first_audit bigint NOT NULL,
    audit_count integer NOT NULL,
    transfers_root bytea NOT NULL CHECK (length(transfers_root) = 32),
    balances_root bytea NOT NULL CHECK (length(balances_root) = 32),
    rejections_root bytea NOT NULL CHECK (length(rejections_root) = 32),
    limits_root bytea NOT NULL CHECK (length(limits_root) = 32),
    audit_root bytea NOT NULL CHECK (length(audit_root) = 32),
    previous_leaf bytea NOT NULL CHECK (length(previous_leaf) = 32),
    leaf bytea NOT NULL CHECK (length(leaf) = 32),
    PRIMARY KEY (book_id, batch_no)
);
-- What stood at an instant is found through the batch that was the last by then.
CREATE INDEX batches_by_time ON nostro.batches (book_id, at_ms);

-- room: ledger
-- `overdraft_max`: by how much debits may exceed credits, holds included; `overcredit_max` the reverse. NULL: no limit.
CREATE TABLE nostro.ledger_accounts (
    book_id integer NOT NULL,
    account_no bigint NOT NULL,
    code text NOT NULL,
    currency text NOT NULL,
    overdraft_max bigint CHECK (overdraft_max >= 0),
    overcredit_max bigint CHECK (overcredit_max >= 0),
    debits_posted bigint NOT NULL CHECK (debits_posted >= 0),
    credits_posted bigint NOT NULL CHECK (credits_posted >= 0),
    debits_pending bigint NOT NULL CHECK (debits_pending >= 0),
    credits_pending bigint NOT NULL CHECK (credits_pending >= 0),
    version bigint NOT NULL CHECK (version >= 0),
    PRIMARY KEY (book_id, account_no),
    UNIQUE (book_id, code),
    CHECK (overdraft_max IS NULL OR debits_posted - credits_posted + debits_pending <= overdraft_max),
    CHECK (overcredit_max IS NULL OR credits_posted - debits_posted + credits_pending <= overcredit_max)
) WITH (fillfactor = 50);

-- room: ledger
-- The history of limits: the change came after transfer `after_seq`, as the `ordinal`th of what its batch did besides
-- accepting transfers.
CREATE TABLE nostro.limit_changes (
    book_id integer NOT NULL,
    batch_no bigint NOT NULL,
    ordinal integer NOT NULL,
    after_seq bigint NOT NULL,
    account_no bigint NOT NULL,
    overdraft_max bigint,
    overcredit_max bigint,
    PRIMARY KEY (book_id, batch_no, ordinal)
);
CREATE INDEX limit_changes_by_account ON nostro.limit_changes (book_id, account_no, batch_no, ordinal);

-- room: ledger
CREATE TABLE nostro.transfers (
    book_id integer NOT NULL,
    seq bigint NOT NULL,
    transfer_id uuid NOT NULL,
    batch_no bigint NOT NULL,
    at_ms bigint NOT NULL,
    effective_on date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('single', 'hold', 'capture', 'void', 'expire')),
    debit_account bigint NOT NULL,
    credit_account bigint NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    posted bigint NOT NULL CHECK (posted >= 0),
    pending bigint NOT NULL,
    currency text NOT NULL,
    code text NOT NULL,
    subject text NOT NULL,
    chain_id uuid,
    hold_id uuid,
    final boolean NOT NULL,
    expires_ms bigint,
    metadata_hash bytea,
    PRIMARY KEY (book_id, seq),
    UNIQUE (book_id, transfer_id),
    CHECK (debit_account <> credit_account),
    CHECK ((kind IN ('capture', 'void', 'expire')) = (hold_id IS NOT NULL)),
    CHECK (kind = 'hold' OR expires_ms IS NULL),
    CHECK (expires_ms > 0 AND effective_on > '1970-01-01'),
    CHECK (kind <> 'single' OR (posted = amount AND pending = 0)),
    CHECK (kind <> 'hold' OR (posted = 0 AND pending = amount)),
    CHECK (kind <> 'capture' OR (posted = amount AND pending <= -amount)),
    CHECK (kind NOT IN ('void', 'expire') OR (posted = 0 AND pending = -amount))
);
CREATE INDEX transfers_by_subject ON nostro.transfers (book_id, subject);

-- room: ledger
-- What a caller wrote beside a transfer. The row may be erased; its salted hash in the transfer stays.
CREATE TABLE nostro.transfer_metadata (
    book_id integer NOT NULL,
    transfer_id uuid NOT NULL,
    metadata text NOT NULL,
    salt bytea NOT NULL,
    PRIMARY KEY (book_id, transfer_id)
);

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
-- Backdating costs one row a day: what counts for another day than the one it was recorded on, taken from the one and
-- given to the other. A balance by effective date is the balance as recorded and the sum of these.
CREATE TABLE nostro.effective_days (
    book_id integer NOT NULL,
    account_no bigint NOT NULL,
    effective_on date NOT NULL,
    debits bigint NOT NULL,
    credits bigint NOT NULL,
    PRIMARY KEY (book_id, account_no, effective_on)
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
    expires_ms bigint,
    PRIMARY KEY (book_id, hold_id)
) WITH (fillfactor = 70);
CREATE INDEX holds_by_expiry ON nostro.holds (book_id, expires_ms) WHERE open AND expires_ms IS NOT NULL;

-- room: ledger
-- A refused transfer, whole, so that the book can be decided again from nothing; its id is burned.
CREATE TABLE nostro.rejections (
    book_id integer NOT NULL,
    batch_no bigint NOT NULL,
    ordinal integer NOT NULL,
    after_seq bigint NOT NULL,
    transfer_id uuid NOT NULL,
    chain_id uuid,
    kind text NOT NULL,
    debit text NOT NULL,
    credit text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    code text NOT NULL,
    subject text NOT NULL,
    hold_id uuid,
    final boolean NOT NULL,
    effective_on date,
    expires_ms bigint,
    metadata_hash bytea,
    reason text NOT NULL,
    CHECK (expires_ms > 0 AND effective_on > '1970-01-01'),
    PRIMARY KEY (book_id, batch_no, ordinal),
    UNIQUE (book_id, transfer_id)
);

-- room: audit
-- What a command changed besides money, for whom and on whose word. The address may be erased; its salted hash stays.
CREATE TABLE nostro.audit_records (
    book_id integer NOT NULL,
    seq bigint NOT NULL,
    batch_no bigint NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    changes text NOT NULL,
    actor text NOT NULL,
    request_id text,
    outcome text NOT NULL,
    address text,
    address_salt bytea,
    address_hash bytea,
    PRIMARY KEY (book_id, seq)
);
CREATE INDEX audit_records_by_subject ON nostro.audit_records (book_id, subject);

-- room: audit
-- Signed states of a book's tree, as they were published.
CREATE TABLE nostro.checkpoints (
    book_id integer NOT NULL,
    tree_size bigint NOT NULL,
    root bytea NOT NULL CHECK (length(root) = 32),
    at_ms bigint NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (book_id, tree_size)
);

-- room: audit
-- Hashes over 256, 65,536, … leaves of a book's tree, from its first leaf on: what a proof would otherwise hash anew.
CREATE TABLE nostro.log_nodes (
    book_id integer NOT NULL,
    height integer NOT NULL CHECK (height > 0 AND height % 8 = 0),
    number bigint NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (book_id, height, number)
);

-- room: audit
-- reference table
CREATE TABLE nostro.log_keys (
    public_key bytea PRIMARY KEY CHECK (length(public_key) = 32),
    origin text NOT NULL,
    created_ms bigint NOT NULL,
    retired_ms bigint
);

-- room: audit
-- All balances of a book as they stood after a transfer, as one tree sorted by account code. Its root is in the log, in
-- the audit record of the batch that recorded it.
CREATE TABLE nostro.balance_snapshots (
    book_id integer NOT NULL,
    id text NOT NULL,
    taken_on date NOT NULL,
    as_of_batch bigint NOT NULL,
    last_transfer bigint NOT NULL,
    account_count bigint NOT NULL,
    root bytea NOT NULL CHECK (length(root) = 32),
    PRIMARY KEY (book_id, id)
);

-- room: audit
-- What the continuous audit found to be off: one row for each finding, until a person settles it.
CREATE TABLE nostro.alarms (
    book_id integer NOT NULL,
    id text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL,
    raised_ms bigint NOT NULL,
    PRIMARY KEY (book_id, id)
);

-- The app appends to the ledger and moves its projections; it cannot rewrite what was posted.
GRANT SELECT, INSERT ON
nostro.books, nostro.accounts, nostro.api_keys, nostro.setting_changes, nostro.told_settings,
nostro.book_heads, nostro.batches,
nostro.ledger_accounts, nostro.limit_changes, nostro.transfers, nostro.transfer_metadata,
nostro.entries, nostro.effective_days, nostro.holds, nostro.rejections, nostro.audit_records,
nostro.checkpoints, nostro.log_nodes, nostro.log_keys, nostro.balance_snapshots, nostro.alarms
TO nostro_app;
GRANT UPDATE (fee_basis_points, fee_fixed, setting_no, name, email) ON nostro.accounts TO nostro_app;
GRANT UPDATE (revoked_ms) ON nostro.api_keys TO nostro_app;
GRANT DELETE ON nostro.setting_changes TO nostro_app;
GRANT UPDATE (no, state) ON nostro.told_settings TO nostro_app;
GRANT UPDATE (
    epoch, next_seq, next_transfer, next_account, next_batch, next_audit, last_ms, last_leaf, frontier
) ON nostro.book_heads TO nostro_app;
GRANT UPDATE (
    overdraft_max, overcredit_max,
    debits_posted, credits_posted, debits_pending, credits_pending, version
) ON nostro.ledger_accounts TO nostro_app;
GRANT UPDATE (debits, credits) ON nostro.effective_days TO nostro_app;
GRANT UPDATE (remaining, open) ON nostro.holds TO nostro_app;
GRANT UPDATE (retired_ms) ON nostro.log_keys TO nostro_app;
-- Personal data can be erased; the hashes that the log holds stay.
GRANT DELETE ON nostro.transfer_metadata TO nostro_app;
-- An alarm that a person has settled goes; the log keeps that it was raised and who settled it.
GRANT DELETE ON nostro.alarms TO nostro_app;
GRANT UPDATE (address, address_salt) ON nostro.audit_records TO nostro_app;
