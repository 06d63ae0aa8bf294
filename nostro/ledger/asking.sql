-- Questions to the ledger. It is append-only: what is asked as of a transfer's number has the same answer for ever, however
-- many statements the answer takes. The version of an account as of a transfer is found by halving the range of its
-- versions, each step one look-up in the primary key of the entries: never a scan.

-- name: last_transfer
-- The number of the newest transfer; no row: no such book.
SELECT next_transfer - 1 FROM nostro.book_heads WHERE book_id = $1;

-- name: last_transfer_by
-- The number of the last transfer recorded by an instant.
SELECT first_transfer + transfer_count - 1 FROM nostro.batches
WHERE book_id = $1 AND at_ms <= $2
ORDER BY at_ms DESC, batch_no DESC LIMIT 1;

-- name: find_accounts
SELECT
    code, currency, account_no, debits_posted, credits_posted, debits_pending, credits_pending, version
FROM nostro.ledger_accounts WHERE book_id = $1 AND code = any($2::text []);

-- name: next_accounts
-- Accounts by code: from $2 on, after $3, their codes begin with $4, of one currency or all.
SELECT
    code, currency, account_no, debits_posted, credits_posted, debits_pending, credits_pending, version
FROM nostro.ledger_accounts
WHERE
    book_id = $1 AND code > $2 AND starts_with(code, $3)
    AND ($4::text IS NULL OR currency = $4)
ORDER BY code LIMIT $5;

-- name: previous_accounts
-- The same backwards, before $2.
SELECT
    code, currency, account_no, debits_posted, credits_posted, debits_pending, credits_pending, version
FROM nostro.ledger_accounts
WHERE
    book_id = $1 AND code < $2 AND starts_with(code, $3)
    AND ($4::text IS NULL OR currency = $4)
ORDER BY code DESC LIMIT $5;

-- name: balances_as_of
-- For pairs of an account and a transfer's number: the account's counters after that transfer. Version 0: not yet there.
WITH RECURSIVE s AS (
    SELECT w.n, w.account_no, w.seq, 0::bigint AS low, a.version AS high
    FROM unnest($2::bigint [], $3::bigint []) WITH ORDINALITY AS w (account_no, seq, n)
    INNER JOIN nostro.ledger_accounts AS a ON a.book_id = $1 AND w.account_no = a.account_no
    UNION ALL
    SELECT
        s.n, s.account_no, s.seq,
        CASE WHEN e.transfer_seq <= s.seq THEN e.version ELSE s.low END,
        CASE WHEN e.transfer_seq <= s.seq THEN s.high ELSE e.version - 1 END
    FROM s
    INNER JOIN nostro.entries AS e
        ON e.book_id = $1 AND s.account_no = e.account_no AND e.version = (s.low + s.high + 1) / 2
    WHERE s.low < s.high
)
SELECT
    coalesce(e.debits_posted, 0), coalesce(e.credits_posted, 0),
    coalesce(e.debits_pending, 0), coalesce(e.credits_pending, 0), s.low
FROM s
LEFT JOIN nostro.entries AS e
    ON e.book_id = $1 AND s.account_no = e.account_no AND s.low = e.version
WHERE s.low = s.high
ORDER BY s.n;

-- name: balance_by_effective_date
-- As recorded by the end of a day ($3 is its last millisecond), and what counts for that day or earlier though it was
-- recorded on another, in one statement: a transfer that is being recorded is in both or in neither.
WITH RECURSIVE last AS (
    SELECT b.first_transfer + b.transfer_count - 1 AS seq FROM nostro.batches AS b
    WHERE b.book_id = $1 AND b.at_ms <= $3
    ORDER BY b.at_ms DESC, b.batch_no DESC LIMIT 1
),
s AS (
    SELECT a.account_no, 0::bigint AS low, a.version AS high
    FROM nostro.ledger_accounts AS a WHERE a.book_id = $1 AND a.account_no = $2
    UNION ALL
    SELECT
        s.account_no,
        CASE WHEN e.transfer_seq <= l.seq THEN e.version ELSE s.low END,
        CASE WHEN e.transfer_seq <= l.seq THEN s.high ELSE e.version - 1 END
    FROM s
    CROSS JOIN last AS l
    INNER JOIN nostro.entries AS e
        ON e.book_id = $1 AND s.account_no = e.account_no AND e.version = (s.low + s.high + 1) / 2
    WHERE s.low < s.high
),
d AS (
    SELECT coalesce(sum(x.debits), 0)::bigint AS debits, coalesce(sum(x.credits), 0)::bigint AS credits
    FROM nostro.effective_days AS x
    WHERE x.book_id = $1 AND x.account_no = $2 AND x.effective_on <= $4::date
)
SELECT coalesce(e.debits_posted, 0) + d.debits, coalesce(e.credits_posted, 0) + d.credits
FROM d
LEFT JOIN s ON s.low = s.high
LEFT JOIN nostro.entries AS e
    ON e.book_id = $1 AND s.account_no = e.account_no AND s.low = e.version;

-- name: next_entries
-- An account's entries after version $3 up to version $4, each with its transfer and the account across from it.
SELECT
    e.version, e.transfer_seq, replace(t.transfer_id::text, '-', ''), t.at_ms, t.effective_on::text,
    t.kind, t.code, t.subject, o.code, e.side, e.posted, e.pending,
    e.debits_posted, e.credits_posted, e.debits_pending, e.credits_pending
FROM nostro.entries AS e
INNER JOIN nostro.transfers AS t ON t.book_id = $1 AND e.transfer_seq = t.seq
INNER JOIN nostro.ledger_accounts AS o
    ON o.book_id = $1
    AND o.account_no = CASE WHEN e.side = 'd' THEN t.credit_account ELSE t.debit_account END
WHERE
    e.book_id = $1 AND e.account_no = $2 AND e.version > $3 AND e.version <= $4
    AND ($5::text IS NULL OR t.code = $5) AND ($6::text IS NULL OR t.subject = $6)
ORDER BY e.version LIMIT $7;

-- name: previous_entries
-- The same backwards.
SELECT
    e.version, e.transfer_seq, replace(t.transfer_id::text, '-', ''), t.at_ms, t.effective_on::text,
    t.kind, t.code, t.subject, o.code, e.side, e.posted, e.pending,
    e.debits_posted, e.credits_posted, e.debits_pending, e.credits_pending
FROM nostro.entries AS e
INNER JOIN nostro.transfers AS t ON t.book_id = $1 AND e.transfer_seq = t.seq
INNER JOIN nostro.ledger_accounts AS o
    ON o.book_id = $1
    AND o.account_no = CASE WHEN e.side = 'd' THEN t.credit_account ELSE t.debit_account END
WHERE
    e.book_id = $1 AND e.account_no = $2 AND e.version > $3 AND e.version <= $4
    AND ($5::text IS NULL OR t.code = $5) AND ($6::text IS NULL OR t.subject = $6)
ORDER BY e.version DESC LIMIT $7;

-- name: sums_of_entries
-- What the entries of a range of versions come to, by code and subject. Transfers in doubt count what is held as well.
SELECT
    t.code, t.subject, count(*),
    coalesce(sum(e.posted) FILTER (WHERE e.side = 'd'), 0)::bigint,
    coalesce(sum(e.posted) FILTER (WHERE e.side = 'c'), 0)::bigint,
    coalesce(sum(e.pending) FILTER (WHERE e.side = 'd'), 0)::bigint,
    coalesce(sum(e.pending) FILTER (WHERE e.side = 'c'), 0)::bigint,
    min(t.at_ms), max(t.at_ms)
FROM nostro.entries AS e
INNER JOIN nostro.transfers AS t ON t.book_id = $1 AND e.transfer_seq = t.seq
WHERE e.book_id = $1 AND e.account_no = $2 AND e.version > $3 AND e.version <= $4
GROUP BY t.code, t.subject;

-- name: movements
-- What the entries of a range of versions did to their items, in order.
SELECT t.subject, t.at_ms, e.side, e.posted, e.pending
FROM nostro.entries AS e
INNER JOIN nostro.transfers AS t ON t.book_id = $1 AND e.transfer_seq = t.seq
WHERE e.book_id = $1 AND e.account_no = $2 AND e.version > $3 AND e.version <= $4
ORDER BY e.version;

-- name: transfers_about
-- What explains some subjects, in order, with the accounts of each.
SELECT
    t.seq, replace(t.transfer_id::text, '-', ''), t.batch_no, t.at_ms, t.effective_on::text, t.kind,
    t.amount, t.posted, t.pending, t.currency, t.code, t.subject,
    replace(t.chain_id::text, '-', ''), replace(t.hold_id::text, '-', ''), t.final,
    d.account_no, d.code, c.account_no, c.code
FROM nostro.transfers AS t
INNER JOIN nostro.ledger_accounts AS d ON d.book_id = $1 AND t.debit_account = d.account_no
INNER JOIN nostro.ledger_accounts AS c ON c.book_id = $1 AND t.credit_account = c.account_no
WHERE t.book_id = $1 AND t.subject = any($2::text []) AND t.seq <= $3
ORDER BY t.seq LIMIT $4;

-- name: subjects_of_transfer
-- What a transfer is about, and what its hold and the others of its chain are about.
WITH t AS (
    SELECT x.subject, x.chain_id, x.hold_id, x.batch_no FROM nostro.transfers AS x
    WHERE x.book_id = $1 AND x.transfer_id = $2::uuid
)
SELECT t.subject FROM t
UNION
SELECT h.subject FROM t INNER JOIN nostro.holds AS h ON h.book_id = $1 AND t.hold_id = h.hold_id
UNION
SELECT x.subject FROM t
INNER JOIN nostro.batches AS b ON b.book_id = $1 AND t.batch_no = b.batch_no
INNER JOIN nostro.transfers AS x
    ON x.book_id = $1 AND b.first_transfer <= x.seq AND b.first_transfer + b.transfer_count > x.seq
WHERE x.chain_id = t.chain_id;

-- name: version_of_transfer
-- An account's version after a transfer that moved it.
WITH RECURSIVE s AS (
    SELECT a.account_no, t.seq, 0::bigint AS low, a.version AS high
    FROM nostro.transfers AS t
    INNER JOIN nostro.ledger_accounts AS a ON a.book_id = $1 AND a.account_no = $2
    WHERE t.book_id = $1 AND t.transfer_id = $3::uuid AND $2 IN (t.debit_account, t.credit_account)
    UNION ALL
    SELECT
        s.account_no, s.seq,
        CASE WHEN e.transfer_seq <= s.seq THEN e.version ELSE s.low END,
        CASE WHEN e.transfer_seq <= s.seq THEN s.high ELSE e.version - 1 END
    FROM s
    INNER JOIN nostro.entries AS e
        ON e.book_id = $1 AND s.account_no = e.account_no AND e.version = (s.low + s.high + 1) / 2
    WHERE s.low < s.high
)
SELECT low FROM s WHERE low = high;

-- name: times_of_batches
SELECT batch_no, at_ms FROM nostro.batches WHERE book_id = $1 AND batch_no = any($2::bigint []);
