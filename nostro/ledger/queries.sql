-- name: lock_head
-- The lock on the book's head row serializes every batch of the book. Always the first statement, alone.
SELECT
    epoch, next_seq, next_transfer, next_account, next_batch, next_audit, last_ms, last_leaf,
    frontier
FROM nostro.book_heads WHERE book_id = $1 FOR UPDATE;

-- name: advance_head
-- Counters only grow; the epoch fences a writer that should be gone.
WITH done AS (
    UPDATE nostro.book_heads
    SET
        next_seq = $2, next_transfer = $3, next_account = $4, next_batch = $5, next_audit = $6,
        last_ms = $7, last_leaf = $8, frontier = $9
    WHERE book_id = $1 AND next_batch = $5 - 1
    RETURNING 1
)
SELECT nostro.must_equal(count(*), 1) FROM done;

-- name: find_batch
-- Asked under the head lock after a lost COMMIT: did the batch of this writer commit?
SELECT batch_no FROM nostro.batches WHERE book_id = $1 AND batch_no = $2 AND writer = $3::uuid;

-- name: insert_batch
INSERT INTO nostro.batches (
    book_id, batch_no, at_ms, epoch, writer, first_transfer, transfer_count, balance_count,
    rejection_count, limit_count, first_audit, audit_count, transfers_root, balances_root,
    rejections_root, limits_root, audit_root, previous_leaf, leaf
)
VALUES (
    $1, $2, $3, $4, $5::uuid, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19
);

-- name: read_accounts
SELECT
    code, currency, account_no, overdraft_max, overcredit_max,
    debits_posted, credits_posted, debits_pending, credits_pending, version
FROM nostro.ledger_accounts WHERE book_id = $1 AND code = any($2::text []);

-- name: insert_accounts
INSERT INTO nostro.ledger_accounts (
    book_id, account_no, code, currency, overdraft_max, overcredit_max,
    debits_posted, credits_posted, debits_pending, credits_pending, version
)
SELECT $1, x.* FROM unnest(
    $2::bigint [], $3::text [], $4::text [], $5::bigint [], $6::bigint [],
    $7::bigint [], $8::bigint [], $9::bigint [], $10::bigint [], $11::bigint []
) AS x;

-- name: update_accounts
-- The version that was read must still be there: a second writer would show itself here.
-- Counters and limits in one statement, since a check compares them: neither fits the other's old value.
WITH done AS (
    UPDATE nostro.ledger_accounts AS a
    SET
        overdraft_max = x.overdraft_max, overcredit_max = x.overcredit_max,
        debits_posted = x.dp, credits_posted = x.cp,
        debits_pending = x.dq, credits_pending = x.cq, version = x.version
    FROM unnest(
        $2::bigint [], $3::bigint [], $4::bigint [], $5::bigint [], $6::bigint [], $7::bigint [],
        $8::bigint [], $9::bigint [], $10::bigint []
    ) AS x (account_no, overdraft_max, overcredit_max, dp, cp, dq, cq, version, version_read)
    WHERE a.book_id = $1 AND a.account_no = x.account_no AND a.version = x.version_read
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: insert_limit_changes
INSERT INTO nostro.limit_changes (
    book_id, batch_no, ordinal, after_seq, account_no, overdraft_max, overcredit_max
)
SELECT $1, $2, x.* FROM unnest(
    $3::integer [], $4::bigint [], $5::bigint [], $6::bigint [], $7::bigint []
) AS x;

-- name: insert_transfers
-- A transfer and both its entries take their amounts from the same row of parameters: sums of zero are structural.
-- d_… and c_… are the counters of the debited and the credited account after the transfer.
WITH x AS MATERIALIZED (
    SELECT u.* FROM unnest(
        $4::bigint [], $5::uuid [], $6::text [], $7::bigint [], $8::bigint [], $9::bigint [],
        $10::bigint [], $11::bigint [], $12::text [], $13::text [], $14::text [], $15::uuid [],
        $16::boolean [], $17::uuid [], $18::date [], $19::bigint [], $20::bytea [],
        $21::bigint [], $22::bigint [], $23::bigint [], $24::bigint [], $25::bigint [],
        $26::bigint [], $27::bigint [], $28::bigint [], $29::bigint [], $30::bigint []
    ) AS u (
        seq, transfer_id, kind, debit, credit, amount, posted, pending, currency, code, subject,
        hold_id, final, chain_id, effective_on, expires_ms, metadata_hash,
        d_dp, d_cp, d_dq, d_cq, d_version, c_dp, c_cp, c_dq, c_cq, c_version
    )
),
t AS (
    INSERT INTO nostro.transfers (
        book_id, seq, transfer_id, batch_no, at_ms, kind, debit_account, credit_account,
        amount, posted, pending, currency, code, subject, hold_id, final, chain_id, effective_on,
        expires_ms, metadata_hash
    )
    SELECT
        $1, x.seq, x.transfer_id, $2, $3, x.kind, x.debit, x.credit,
        x.amount, x.posted, x.pending, x.currency, x.code, x.subject, x.hold_id, x.final,
        x.chain_id, x.effective_on, x.expires_ms, x.metadata_hash
    FROM x
),
done AS (
    INSERT INTO nostro.entries (
        book_id, account_no, version, transfer_seq, side, posted, pending,
        debits_posted, credits_posted, debits_pending, credits_pending
    )
    SELECT
        $1, e.account_no, e.version, x.seq, e.side, x.posted, x.pending, e.dp, e.cp, e.dq, e.cq
    FROM x
    CROSS JOIN LATERAL (
        VALUES
        ('d', x.debit, x.d_version, x.d_dp, x.d_cp, x.d_dq, x.d_cq),
        ('c', x.credit, x.c_version, x.c_dp, x.c_cp, x.c_dq, x.c_cq)
    ) AS e (side, account_no, version, dp, cp, dq, cq)
    RETURNING 1
)
SELECT nostro.must_equal(count(*), 2 * cardinality($4)) FROM done;

-- name: read_holds
SELECT
    replace(hold_id::text, '-', ''), debit, credit, currency, amount, remaining, open, subject,
    expires_ms
FROM nostro.holds WHERE book_id = $1 AND hold_id = any($2::uuid []);

-- name: insert_holds
INSERT INTO nostro.holds (
    book_id, hold_id, debit, credit, currency, amount, remaining, open, subject, expires_ms
)
SELECT $1, x.* FROM unnest(
    $2::uuid [], $3::text [], $4::text [], $5::text [], $6::bigint [], $7::bigint [],
    $8::boolean [], $9::text [], $10::bigint []
) AS x;

-- name: update_holds
WITH done AS (
    UPDATE nostro.holds AS h SET remaining = x.remaining, open = x.open
    FROM unnest($2::uuid [], $3::bigint [], $4::boolean []) AS x (hold_id, remaining, open)
    WHERE h.book_id = $1 AND h.hold_id = x.hold_id
    RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: read_due_holds
-- Holds whose time is over, the oldest first.
SELECT
    replace(hold_id::text, '-', ''), debit, credit, currency, amount, remaining, open, subject,
    expires_ms
FROM nostro.holds WHERE book_id = $1 AND open AND expires_ms <= $2
ORDER BY expires_ms LIMIT $3;

-- name: read_metadata
SELECT replace(transfer_id::text, '-', ''), metadata, salt
FROM nostro.transfer_metadata WHERE book_id = $1 AND transfer_id = any($2::uuid []);

-- name: delete_metadata
-- Erased: the salted hash in the transfer stays.
WITH done AS (
    DELETE FROM nostro.transfer_metadata
    WHERE book_id = $1 AND transfer_id = any($2::uuid []) RETURNING 1
)
SELECT nostro.must_equal(count(*), cardinality($2)) FROM done;

-- name: insert_metadata
INSERT INTO nostro.transfer_metadata (book_id, transfer_id, metadata, salt)
SELECT $1, x.* FROM unnest($2::uuid [], $3::text [], $4::bytea []) AS x;

-- name: move_effective_days
-- Entries of other days than the one they were recorded on: given to their own day, taken from the other.
INSERT INTO nostro.effective_days AS d (book_id, account_no, effective_on, debits, credits)
SELECT $1, x.account_no, x.effective_on, sum(x.debits), sum(x.credits)
FROM unnest($2::bigint [], $3::date [], $4::bigint [], $5::bigint []) AS x (
    account_no, effective_on, debits, credits
)
GROUP BY x.account_no, x.effective_on
ON CONFLICT (book_id, account_no, effective_on)
DO UPDATE SET debits = d.debits + excluded.debits, credits = d.credits + excluded.credits;

-- name: insert_rejections
-- A refused transfer burns its id: the same id can never be accepted later.
INSERT INTO nostro.rejections (
    book_id, batch_no, ordinal, after_seq, transfer_id, chain_id, kind, debit, credit, amount,
    currency, code, subject, hold_id, final, effective_on, expires_ms, metadata_hash, reason
)
SELECT $1, $2, x.* FROM unnest(
    $3::integer [], $4::bigint [], $5::uuid [], $6::uuid [], $7::text [], $8::text [], $9::text [],
    $10::bigint [], $11::text [], $12::text [], $13::text [], $14::uuid [], $15::boolean [],
    $16::date [], $17::bigint [], $18::bytea [], $19::text []
) AS x;

-- name: read_known
-- What became of transfers that were posted or refused before, by id.
SELECT
    replace(t.transfer_id::text, '-', ''), t.kind, d.code, c.code, t.amount, t.currency, t.code,
    t.subject, replace(t.hold_id::text, '-', ''), t.final, t.effective_on - '1970-01-01'::date,
    t.expires_ms, m.metadata, t.metadata_hash IS NOT NULL, NULL
FROM nostro.transfers AS t
INNER JOIN nostro.ledger_accounts AS d ON d.book_id = $1 AND t.debit_account = d.account_no
INNER JOIN nostro.ledger_accounts AS c ON c.book_id = $1 AND t.credit_account = c.account_no
LEFT JOIN nostro.transfer_metadata AS m ON m.book_id = $1 AND t.transfer_id = m.transfer_id
WHERE t.book_id = $1 AND t.transfer_id = any($2::uuid [])
UNION ALL
SELECT
    replace(r.transfer_id::text, '-', ''), r.kind, r.debit, r.credit, r.amount, r.currency, r.code,
    r.subject, replace(r.hold_id::text, '-', ''), r.final, r.effective_on - '1970-01-01'::date,
    r.expires_ms, m.metadata, r.metadata_hash IS NOT NULL, r.reason
FROM nostro.rejections AS r
LEFT JOIN nostro.transfer_metadata AS m ON m.book_id = $1 AND r.transfer_id = m.transfer_id
WHERE r.book_id = $1 AND r.transfer_id = any($2::uuid []);

-- name: read_place
-- Where in the book a transfer was posted (its number) or refused (no number).
SELECT batch_no, at_ms, seq, replace(chain_id::text, '-', '')
FROM nostro.transfers WHERE book_id = $1 AND transfer_id = $2::uuid
UNION ALL
SELECT r.batch_no, b.at_ms, NULL, replace(r.chain_id::text, '-', '')
FROM nostro.rejections AS r
INNER JOIN nostro.batches AS b ON b.book_id = $1 AND r.batch_no = b.batch_no
WHERE r.book_id = $1 AND r.transfer_id = $2::uuid;

-- name: read_history
-- An account's entries after a version, with the account on the other side. Versions have no gaps: $4 rows at most.
SELECT
    e.version, t.seq, replace(t.transfer_id::text, '-', ''), t.kind, e.side, o.code, e.posted,
    e.pending, t.code, t.subject, t.effective_on - '1970-01-01'::date, t.at_ms,
    e.debits_posted, e.credits_posted, e.debits_pending, e.credits_pending
FROM nostro.ledger_accounts AS a
INNER JOIN nostro.entries AS e ON e.book_id = $1 AND a.account_no = e.account_no
INNER JOIN nostro.transfers AS t ON t.book_id = $1 AND e.transfer_seq = t.seq
INNER JOIN nostro.ledger_accounts AS o
    ON o.book_id = $1
    AND o.account_no = CASE e.side WHEN 'd' THEN t.credit_account ELSE t.debit_account END
WHERE
    a.book_id = $1 AND a.code = $2
    AND e.version > $3::bigint AND e.version <= $3::bigint + $4::bigint
ORDER BY e.version;

-- name: open_book
-- A book begins with its head. Idempotent: opening it again changes nothing.
INSERT INTO nostro.book_heads (book_id) VALUES ($1) ON CONFLICT DO NOTHING;

-- name: read_balances
-- Balances of some accounts as committed, without locks.
SELECT code, currency, debits_posted, credits_posted, debits_pending, credits_pending, version
FROM nostro.ledger_accounts WHERE book_id = $1 AND code = any($2::text []);

-- name: read_merchant_balances
-- A merchant's accounts in every currency: $2 is `merchant:{id}:`.
SELECT code, currency, debits_posted, credits_posted, debits_pending, credits_pending, version
FROM nostro.ledger_accounts WHERE book_id = $1 AND starts_with(code, $2);

-- name: read_transfers_of
-- What explains an object: its transfers, with the codes of both accounts.
SELECT
    t.seq, replace(t.transfer_id::text, '-', ''), t.kind, d.code, c.code, t.amount, t.currency,
    t.code, t.subject, t.posted, t.pending
FROM nostro.transfers AS t
INNER JOIN nostro.ledger_accounts AS d ON d.book_id = $1 AND t.debit_account = d.account_no
INNER JOIN nostro.ledger_accounts AS c ON c.book_id = $1 AND t.credit_account = c.account_no
WHERE t.book_id = $1 AND t.subject = any($2::text [])
ORDER BY t.seq;

-- name: read_tree
-- A book's tree as it stands: one leaf per batch.
SELECT next_batch - 1, frontier, next_transfer - 1 FROM nostro.book_heads WHERE book_id = $1;

-- name: read_leaves
SELECT leaf FROM nostro.batches WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
ORDER BY batch_no;

-- name: read_headers
SELECT
    batch_no, at_ms, epoch, replace(writer::text, '-', ''), first_transfer, transfer_count,
    balance_count, rejection_count, limit_count, first_audit, audit_count, transfers_root,
    balances_root, rejections_root, limits_root, audit_root, previous_leaf, leaf
FROM nostro.batches WHERE book_id = $1 AND batch_no = any($2::bigint []) ORDER BY batch_no;

-- name: last_batch_before
-- The last batch before an instant, and the last transfer by then.
SELECT batch_no, first_transfer + transfer_count - 1 FROM nostro.batches
WHERE book_id = $1 AND at_ms < $2 ORDER BY at_ms DESC, batch_no DESC LIMIT 1;

-- name: balances_as_of
-- Every account as it stood after transfer $2 and batch $3: the version is found by halving, the limits in their history.
WITH RECURSIVE s AS (
    SELECT a.account_no, 0::bigint AS low, a.version AS high
    FROM nostro.ledger_accounts AS a WHERE a.book_id = $1
    UNION ALL
    SELECT
        s.account_no,
        CASE WHEN e.transfer_seq <= $2 THEN e.version ELSE s.low END,
        CASE WHEN e.transfer_seq <= $2 THEN s.high ELSE e.version - 1 END
    FROM s
    INNER JOIN nostro.entries AS e
        ON e.book_id = $1 AND s.account_no = e.account_no AND e.version = (s.low + s.high + 1) / 2
    WHERE s.low < s.high
),
l AS (
    SELECT DISTINCT ON (account_no) account_no, overdraft_max, overcredit_max
    FROM nostro.limit_changes WHERE book_id = $1 AND batch_no <= $3
    ORDER BY account_no ASC, batch_no DESC, ordinal DESC
)
SELECT
    a.account_no, s.low, coalesce(e.debits_posted, 0), coalesce(e.credits_posted, 0),
    coalesce(e.debits_pending, 0), coalesce(e.credits_pending, 0),
    l.overdraft_max, l.overcredit_max, a.code, a.currency
FROM s
INNER JOIN nostro.ledger_accounts AS a ON a.book_id = $1 AND s.account_no = a.account_no
LEFT JOIN nostro.entries AS e
    ON e.book_id = $1 AND s.account_no = e.account_no AND s.low = e.version
LEFT JOIN l ON s.account_no = l.account_no
WHERE s.low = s.high AND (s.low > 0 OR l.account_no IS NOT NULL)
ORDER BY convert_to(a.code, 'UTF8');

-- name: numbers_of_subject
-- Which transfers explain an object, and in which batches they are.
SELECT seq, batch_no FROM nostro.transfers WHERE book_id = $1 AND subject = $2 ORDER BY seq;

-- name: read_transfer_records
-- Transfers as the log holds them, with their metadata as far as it was not erased.
SELECT
    t.seq, t.transfer_id::text, t.chain_id::text, t.hold_id::text, t.kind, t.final, t.amount,
    t.posted, t.pending, t.effective_on - '1970-01-01'::date, t.expires_ms, d.code, c.code,
    t.currency, t.code, t.subject, t.metadata_hash, m.salt, m.metadata
FROM nostro.transfers AS t
INNER JOIN nostro.ledger_accounts AS d ON d.book_id = $1 AND t.debit_account = d.account_no
INNER JOIN nostro.ledger_accounts AS c ON c.book_id = $1 AND t.credit_account = c.account_no
LEFT JOIN nostro.transfer_metadata AS m ON m.book_id = $1 AND t.transfer_id = m.transfer_id
WHERE t.book_id = $1 AND t.seq >= $2 AND t.seq < $3
ORDER BY t.seq;

-- name: page_transfers
-- Transfers after $2 up to $3 in order. The day is a number since 1970-01-01.
SELECT
    t.seq, replace(t.transfer_id::text, '-', ''), t.effective_on - '1970-01-01'::date, t.kind,
    d.code, c.code, t.posted, t.pending, t.currency, t.code, t.subject,
    replace(t.hold_id::text, '-', ''), replace(t.chain_id::text, '-', '')
FROM nostro.transfers AS t
INNER JOIN nostro.ledger_accounts AS d ON d.book_id = $1 AND t.debit_account = d.account_no
INNER JOIN nostro.ledger_accounts AS c ON c.book_id = $1 AND t.credit_account = c.account_no
WHERE t.book_id = $1 AND t.seq > $2 AND t.seq <= $3 ORDER BY t.seq LIMIT $4;

-- name: page_accounts
-- Accounts after number $2, with what is stored of them: debits less credits, posted and pending.
SELECT
    account_no, code, currency, debits_posted - credits_posted, debits_pending - credits_pending
FROM nostro.ledger_accounts WHERE book_id = $1 AND account_no > $2 ORDER BY account_no LIMIT $3;
