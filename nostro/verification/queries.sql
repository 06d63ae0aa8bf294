-- Every statement here only reads. It is given the book and returns what is off: the row, what is
-- wrong with it, and
-- how many such rows there are in all. None is the proof. Sets are joined whole; nothing is looked
-- up one by one.

-- name: pin
-- The first statement fixes what the whole verification sees.
SELECT next_seq, next_transfer, next_batch, last_ms FROM nostro.book_heads WHERE book_id = $1;

-- name: books
SELECT book_id FROM nostro.books ORDER BY book_id;

-- name: transfer_entries
WITH e AS (
    SELECT transfer_seq, side, account_no, posted, pending FROM nostro.entries WHERE book_id = $1
),
t AS (
    SELECT seq, debit_account, credit_account, posted, pending
    FROM nostro.transfers WHERE book_id = $1
),
off AS (
    SELECT
        format('transfer %s', coalesce(t.seq, e.transfer_seq)) AS subject,
        CASE
            WHEN t.seq IS NULL THEN 'an entry, and no transfer'
            WHEN e.side IS NULL THEN 'no entries'
            ELSE format(
                'entry %s on %s of %s, pending %s; the transfer is from %s to %s, of %s, pending '
                '%s',
                e.side, e.account_no, e.posted, e.pending, t.debit_account, t.credit_account,
                    t.posted, t.pending
            )
        END AS detail
    FROM t FULL JOIN e ON t.seq = e.transfer_seq
    WHERE
        t.seq IS NULL OR e.side IS NULL
        OR e.account_no <> CASE e.side WHEN 'd' THEN t.debit_account ELSE t.credit_account END
        OR e.posted <> t.posted OR e.pending <> t.pending
    UNION ALL
    SELECT
        format('transfer %s', transfer_seq),
        format('%s entries, of which %s are debits', count(*), count(*) FILTER (WHERE side = 'd'))
    FROM e GROUP BY transfer_seq
    HAVING count(*) <> 2 OR count(*) FILTER (WHERE side = 'd') <> 1
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: transfer_currency
WITH off AS (
    SELECT
        format('transfer %s', t.seq) AS subject,
        format('in %s between %s and %s', t.currency, d.code, c.code) AS detail
    FROM nostro.transfers AS t
    LEFT JOIN nostro.ledger_accounts AS d ON d.book_id = $1 AND t.debit_account = d.account_no
    LEFT JOIN nostro.ledger_accounts AS c ON c.book_id = $1 AND t.credit_account = c.account_no
    WHERE
        t.book_id = $1
        AND (d.currency IS DISTINCT FROM t.currency OR c.currency IS DISTINCT FROM t.currency)
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: trial_balance
WITH s AS (
    SELECT
        currency, sum(debits_posted) AS dp, sum(credits_posted) AS cp,
        sum(debits_pending) AS dq, sum(credits_pending) AS cq
    FROM nostro.ledger_accounts WHERE book_id = $1 GROUP BY currency
),
off AS (
    SELECT
        format('currency %s', currency) AS subject,
        format('posted debits %s, credits %s; pending debits %s, credits %s', dp, cp, dq, cq)
            AS detail
    FROM s WHERE dp <> cp OR dq <> cq
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: account_balances
WITH e AS (
    SELECT
        account_no, count(*) AS n,
        coalesce(sum(posted) FILTER (WHERE side = 'd'), 0) AS dp,
        coalesce(sum(posted) FILTER (WHERE side = 'c'), 0) AS cp,
        coalesce(sum(pending) FILTER (WHERE side = 'd'), 0) AS dq,
        coalesce(sum(pending) FILTER (WHERE side = 'c'), 0) AS cq
    FROM nostro.entries WHERE book_id = $1 GROUP BY account_no
),
a AS (
    SELECT
        account_no, code, version, debits_posted AS dp, credits_posted AS cp,
        debits_pending AS dq, credits_pending AS cq
    FROM nostro.ledger_accounts WHERE book_id = $1
),
off AS (
    SELECT
        coalesce(a.code, format('account %s', e.account_no)) AS subject,
        format(
            'stored %s, the sum of its entries is %s (posted debits, credits, pending debits, '
            'credits, version)',
            concat_ws(' ', a.dp, a.cp, a.dq, a.cq, a.version),
            concat_ws(' ', e.dp, e.cp, e.dq, e.cq, e.n)
        ) AS detail
    FROM a FULL JOIN e ON a.account_no = e.account_no
    WHERE
        a.account_no IS NULL OR a.version <> coalesce(e.n, 0)
        OR a.dp <> coalesce(e.dp, 0) OR a.cp <> coalesce(e.cp, 0)
        OR a.dq <> coalesce(e.dq, 0) OR a.cq <> coalesce(e.cq, 0)
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: entry_chain
-- What an entry says stood after it is what stood before it and its own movement, nothing else.
WITH e AS (
    SELECT
        account_no, version, transfer_seq,
        debits_posted - CASE side WHEN 'd' THEN posted ELSE 0 END AS dp,
        credits_posted - CASE side WHEN 'c' THEN posted ELSE 0 END AS cp,
        debits_pending - CASE side WHEN 'd' THEN pending ELSE 0 END AS dq,
        credits_pending - CASE side WHEN 'c' THEN pending ELSE 0 END AS cq,
        lag(version, 1, 0::bigint) OVER w AS version_before,
        lag(transfer_seq, 1, 0::bigint) OVER w AS transfer_before,
        lag(debits_posted, 1, 0::bigint) OVER w AS dp_before,
        lag(credits_posted, 1, 0::bigint) OVER w AS cp_before,
        lag(debits_pending, 1, 0::bigint) OVER w AS dq_before,
        lag(credits_pending, 1, 0::bigint) OVER w AS cq_before
    FROM nostro.entries WHERE book_id = $1
    WINDOW w AS (PARTITION BY account_no ORDER BY version)
),
off AS (
    SELECT
        format('account %s version %s', account_no, version) AS subject,
        format(
            'transfer %s follows version %s of transfer %s; before it %s, and then it starts '
            'from %s',
            transfer_seq, version_before, transfer_before,
            concat_ws(' ', dp_before, cp_before, dq_before, cq_before), concat_ws(' ', dp, cp, dq,
                cq)
        ) AS detail
    FROM e
    WHERE
        version <> version_before + 1 OR transfer_seq <= transfer_before
        OR dp <> dp_before OR cp <> cp_before OR dq <> dq_before OR cq <> cq_before
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: transfer_sequence
WITH t AS (
    SELECT seq, lag(seq, 1, 0::bigint) OVER (ORDER BY seq) AS before
    FROM nostro.transfers WHERE book_id = $1
),
last AS (SELECT coalesce(max(seq), 0) AS seq FROM t),
head AS (SELECT next_transfer FROM nostro.book_heads WHERE book_id = $1),
off AS (
    SELECT format('transfer %s', before + 1) AS subject, format('missing, up to %s', seq - 1)
        AS detail
    FROM t WHERE seq <> before + 1
    UNION ALL
    SELECT 'book head', format('the next transfer is %s, the last one %s', head.next_transfer,
        last.seq)
    FROM head CROSS JOIN last WHERE head.next_transfer <> last.seq + 1
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: batch_sequence
WITH b AS (
    SELECT
        batch_no, first_transfer, transfer_count, at_ms,
        lag(batch_no, 1, 0::bigint) OVER w AS before,
        lag(first_transfer + transfer_count, 1, 1::bigint) OVER w AS first_expected,
        lag(at_ms, 1, 0::bigint) OVER w AS at_before
    FROM nostro.batches WHERE book_id = $1
    WINDOW w AS (ORDER BY batch_no)
),
last AS (
    SELECT coalesce(max(batch_no), 0) AS batch_no, coalesce(max(first_transfer + transfer_count),
        1) AS transfer
    FROM b
),
head AS (SELECT next_batch, next_transfer FROM nostro.book_heads WHERE book_id = $1),
off AS (
    SELECT
        format('batch %s', batch_no) AS subject,
        format(
            'follows batch %s; transfers from %s where %s was next; at %s after %s',
            before, first_transfer, first_expected, at_ms, at_before
        ) AS detail
    FROM b WHERE batch_no <> before + 1 OR first_transfer <> first_expected OR at_ms < at_before
    UNION ALL
    SELECT
        'book head',
        format(
            'the next batch is %s and transfer %s; the last batch is %s and ends before transfer '
            '%s',
            head.next_batch, head.next_transfer, last.batch_no, last.transfer
        )
    FROM head CROSS JOIN last
    WHERE head.next_batch <> last.batch_no + 1 OR head.next_transfer <> last.transfer
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: batch_transfers
WITH t AS (
    SELECT
        batch_no, count(*) AS n, min(seq) AS first_seq, max(seq) AS last_seq,
        min(at_ms) AS first_at, max(at_ms) AS last_at
    FROM nostro.transfers WHERE book_id = $1 GROUP BY batch_no
),
b AS (
    SELECT batch_no, first_transfer, transfer_count, at_ms
    FROM nostro.batches WHERE book_id = $1 AND transfer_count > 0
),
off AS (
    SELECT
        format('batch %s', coalesce(b.batch_no, t.batch_no)) AS subject,
        format(
            '%s transfers from %s at %s; its transfers are %s, from %s to %s, at %s to %s',
            b.transfer_count, b.first_transfer, b.at_ms, coalesce(t.n, 0), t.first_seq, t.last_seq,
            t.first_at, t.last_at
        ) AS detail
    FROM b FULL JOIN t ON b.batch_no = t.batch_no
    WHERE
        b.batch_no IS NULL OR t.n IS DISTINCT FROM b.transfer_count
        OR t.first_seq <> b.first_transfer OR t.last_seq <> b.first_transfer + b.transfer_count - 1
        OR t.first_at <> b.at_ms OR t.last_at <> b.at_ms
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: burned_ids
WITH off AS (
    SELECT format('transfer %s', t.seq) AS subject, format('accepted, and refused as %s', r.reason)
        AS detail
    FROM nostro.transfers AS t
    INNER JOIN nostro.rejections AS r ON r.book_id = $1 AND t.transfer_id = r.transfer_id
    WHERE t.book_id = $1
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: hold_fold
WITH t AS (
    SELECT
        CASE kind WHEN 'hold' THEN transfer_id ELSE hold_id END AS hold_id,
        count(*) FILTER (WHERE kind = 'hold') AS holds,
        sum(amount) FILTER (WHERE kind = 'hold') AS amount,
        sum(pending) AS remaining,
        min(subject) FILTER (WHERE kind = 'hold') AS subject,
        min(debit_account) AS debit, max(debit_account) AS other_debit,
        min(credit_account) AS credit, max(credit_account) AS other_credit
    FROM nostro.transfers WHERE book_id = $1 AND kind <> 'single' GROUP BY 1
),
h AS (
    SELECT
        h.hold_id, h.amount, h.remaining, h.open, h.subject, h.currency,
        d.account_no AS debit, c.account_no AS credit
    FROM nostro.holds AS h
    LEFT JOIN nostro.ledger_accounts AS d
        ON d.book_id = $1 AND h.debit = d.code AND h.currency = d.currency
    LEFT JOIN nostro.ledger_accounts AS c
        ON c.book_id = $1 AND h.credit = c.code AND h.currency = c.currency
    WHERE h.book_id = $1
),
off AS (
    SELECT
        format('hold %s', coalesce(h.hold_id, t.hold_id)) AS subject,
        format(
            'of %s: amount %s, remaining %s; its transfers say %s: amount %s, remaining %s',
            h.subject, h.amount, h.remaining, t.subject, t.amount, t.remaining
        ) AS detail
    FROM h FULL JOIN t ON h.hold_id = t.hold_id
    WHERE
        h.hold_id IS NULL OR t.holds IS DISTINCT FROM 1
        OR h.amount IS DISTINCT FROM t.amount OR h.remaining IS DISTINCT FROM t.remaining
        OR h.open <> (t.remaining > 0) OR h.subject IS DISTINCT FROM t.subject
        OR h.debit IS DISTINCT FROM t.debit OR t.debit <> t.other_debit
        OR h.credit IS DISTINCT FROM t.credit OR t.credit <> t.other_credit
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: pending_balances
WITH side AS (
    SELECT debit AS code, remaining AS dq, 0 AS cq FROM nostro.holds WHERE book_id = $1 AND open
    UNION ALL
    SELECT credit, 0, remaining FROM nostro.holds WHERE book_id = $1 AND open
),
h AS (SELECT code, sum(dq) AS dq, sum(cq) AS cq FROM side GROUP BY code),
a AS (
    SELECT code, debits_pending AS dq, credits_pending AS cq
    FROM nostro.ledger_accounts WHERE book_id = $1
),
off AS (
    SELECT
        coalesce(a.code, h.code) AS subject,
        format(
            'pending debits %s, credits %s; its open holds: %s, %s',
            a.dq, a.cq, coalesce(h.dq, 0), coalesce(h.cq, 0)
        ) AS detail
    FROM a FULL JOIN h ON a.code = h.code
    WHERE a.dq IS DISTINCT FROM coalesce(h.dq, 0) OR a.cq IS DISTINCT FROM coalesce(h.cq, 0)
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: posting_table
-- Every transfer is one line of the table of postings, between accounts of its subject's own
-- merchant and acquirer. Transfers between accounts of no payment's are their poster's own business.
WITH line (code, kind, debit, credit) AS (
    VALUES
    ('authorization', 'hold', 'clearing', 'pending'),
    ('capture', 'capture', 'clearing', 'pending'),
    ('void', 'void', 'clearing', 'pending'),
    ('expire', 'expire', 'clearing', 'pending'),
    ('partial_capture_reversal', 'single', 'pending', 'clearing'),
    ('sale', 'single', 'clearing', 'pending'),
    ('sale', 'single', 'in_doubt', 'pending'),
    ('fee', 'single', 'pending', 'fees'),
    ('in_doubt', 'hold', 'clearing', 'in_doubt'),
    ('in_doubt_found', 'capture', 'clearing', 'in_doubt'),
    ('in_doubt_ended', 'void', 'clearing', 'in_doubt'),
    ('available', 'single', 'pending', 'available'),
    ('available', 'single', 'available', 'pending'),
    ('refund_hold', 'hold', 'pending', 'clearing'),
    ('refund_hold', 'hold', 'available', 'clearing'),
    ('refund', 'capture', 'pending', 'clearing'),
    ('refund', 'capture', 'available', 'clearing'),
    ('refund_void', 'void', 'pending', 'clearing'),
    ('refund_void', 'void', 'available', 'clearing'),
    ('refund_failure', 'single', 'clearing', 'available'),
    ('top_up', 'single', 'incoming', 'available')
),
account AS (
    SELECT
        account_no, code,
        split_part(code, ':', 1) IN ('merchant', 'acquirer', 'platform', 'bank') AS charted,
        CASE split_part(code, ':', 1) WHEN 'platform' THEN split_part(code, ':', 2)
            ELSE split_part(code, ':', 3) END
            AS shape,
        CASE split_part(code, ':', 1) WHEN 'merchant' THEN split_part(code, ':', 2) END AS merchant,
        CASE split_part(code, ':', 1) WHEN 'acquirer' THEN split_part(code, ':', 2) END AS acquirer
    FROM nostro.ledger_accounts WHERE book_id = $1
),
owner AS (
    SELECT charge AS subject, account, acquirer, currency FROM nostro.payment_attempts
    WHERE book_id = $1 AND operation IN ('sale', 'authorize')
    UNION ALL
    SELECT id, account, acquirer, currency FROM nostro.refunds WHERE book_id = $1
    UNION ALL
    SELECT id, account, NULL, currency FROM nostro.available_days WHERE book_id = $1
    UNION ALL
    SELECT source, account, NULL, currency FROM nostro.balance_transactions
    WHERE book_id = $1 AND type = 'topup'
),
off AS (
    SELECT
        format('transfer %s', t.seq) AS subject,
        format(
            '%s %s of %s from %s to %s%s', t.code, t.kind, t.subject, d.code, c.code,
            CASE WHEN owner.subject IS NULL THEN ': there is no such subject' ELSE '' END
        ) AS detail
    FROM nostro.transfers AS t
    LEFT JOIN account AS d ON t.debit_account = d.account_no
    LEFT JOIN account AS c ON t.credit_account = c.account_no
    LEFT JOIN line ON t.code = line.code AND t.kind = line.kind AND d.shape = line.debit
        AND c.shape = line.credit
    LEFT JOIN owner ON t.subject = owner.subject
    WHERE
        t.book_id = $1
        AND (coalesce(d.charted, true) OR coalesce(c.charted, true))
        AND (
            line.code IS NULL OR owner.subject IS NULL OR t.currency <> owner.currency
            OR coalesce(d.merchant, owner.account) <> owner.account
            OR coalesce(c.merchant, owner.account) <> owner.account
            OR coalesce(d.acquirer, owner.acquirer) <> owner.acquirer
            OR coalesce(c.acquirer, owner.acquirer) <> owner.acquirer
        )
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: charge_postings
-- Of each there is one or none, so that the largest is the sum.
WITH moved AS (
    SELECT
        subject,
        count(*) FILTER (WHERE code = 'sale') AS sales,
        coalesce(max(amount) FILTER (WHERE code = 'sale'), 0) AS sold,
        count(*) FILTER (WHERE code = 'authorization') AS authorizations,
        coalesce(max(amount) FILTER (WHERE code = 'authorization'), 0) AS authorized,
        count(*) FILTER (WHERE code = 'capture') AS captures,
        coalesce(max(amount) FILTER (WHERE code = 'capture'), 0) AS captured,
        count(*) FILTER (WHERE code = 'partial_capture_reversal') AS reversals,
        coalesce(max(amount) FILTER (WHERE code = 'partial_capture_reversal'), 0) AS reversed,
        count(*) FILTER (WHERE code IN ('void', 'expire')) AS releases,
        coalesce(max(amount) FILTER (WHERE code IN ('void', 'expire')), 0) AS released,
        count(*) FILTER (WHERE code = 'fee') AS fees,
        coalesce(max(amount) FILTER (WHERE code = 'fee'), 0) AS fee
    FROM nostro.transfers WHERE book_id = $1 AND subject LIKE 'ch\_%' GROUP BY subject
),
kept AS (
    SELECT source, max(fee) AS fee
    FROM nostro.balance_transactions WHERE book_id = $1 AND source LIKE 'ch\_%' GROUP BY source
),
due AS (
    SELECT
        c.id, c.amount, c.amount_captured,
        (c.captured AND c.hold IS NULL)::integer AS sales,
        (c.hold IS NOT NULL)::integer AS authorizations,
        (c.captured AND c.hold IS NOT NULL)::integer AS captures,
        c.released::integer AS releases, coalesce(kept.fee, 0) AS fee,
        c.status = 'succeeded' AND (
            (c.hold IS NULL AND c.captured AND c.amount_captured = c.amount AND NOT c.released)
            OR (c.hold IS NOT NULL AND NOT (c.captured AND c.released))
        ) OR (c.status = 'failed' AND NOT c.captured AND NOT c.released AND c.hold IS NULL)
            AS coherent
    FROM nostro.charges AS c LEFT JOIN kept ON c.id = kept.source
    WHERE c.book_id = $1
),
off AS (
    SELECT
        coalesce(due.id, moved.subject) AS subject,
        format(
            'posted: sales %s of %s, authorizations %s of %s, captures %s of %s less %s, '
            'releases %s of %s, '
            'fee %s; the charge of %s, captured %s, explains: sales %s, authorizations %s, '
            'captures %s, '
            'releases %s, fee %s',
            moved.sales, moved.sold, moved.authorizations, moved.authorized, moved.captures,
            moved.captured,
            moved.reversed, moved.releases, moved.released, moved.fee, due.amount,
            due.amount_captured,
            due.sales, due.authorizations, due.captures, due.releases, due.fee
        ) AS detail
    FROM due FULL JOIN moved ON due.id = moved.subject
    WHERE
        NOT coalesce(due.coherent, true)
        OR coalesce(moved.sales, 0) <> coalesce(due.sales, 0)
        OR coalesce(moved.sold, 0) <> coalesce(due.sales * due.amount, 0)
        OR coalesce(moved.authorizations, 0) <> coalesce(due.authorizations, 0)
        OR coalesce(moved.authorized, 0) <> coalesce(due.authorizations * due.amount, 0)
        OR coalesce(moved.captures, 0) <> coalesce(due.captures, 0)
        OR coalesce(moved.captured, 0) <> coalesce(due.captures * due.amount, 0)
        OR coalesce(moved.reversed, 0) <> coalesce(due.captures *
        (due.amount - due.amount_captured), 0)
        OR coalesce(moved.releases, 0) <> coalesce(due.releases, 0)
        OR coalesce(moved.released, 0) <> coalesce(due.releases * due.amount, 0)
        OR coalesce(moved.reversals, 0) <> coalesce(due.captures *
        (due.amount > due.amount_captured)::integer, 0)
        OR coalesce(moved.fee, 0) <> coalesce(due.fee, 0)
        OR coalesce(moved.fees, 0) <> coalesce((due.fee > 0)::integer, 0)
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: charge_attempts
WITH a AS (
    SELECT id, charge, account, intent, operation, state, acquirer, amount, currency, payment_method
    FROM nostro.payment_attempts
    WHERE book_id = $1 AND operation IN ('sale', 'authorize') AND state NOT IN ('sending',
        'unknown')
),
c AS (
    SELECT id, reference, account, intent, status, captured, hold, acquirer, amount, currency,
        payment_method
    FROM nostro.charges WHERE book_id = $1
),
off AS (
    SELECT
        coalesce(c.id, a.id) AS subject,
        CASE
            WHEN c.id IS NULL THEN format('%s %s has no charge', a.operation, a.state)
            WHEN a.id IS NULL THEN format('%s charge whose attempt %s is live or missing',
                c.status, c.reference)
            ELSE format(
                '%s charge of %s %s; its attempt %s is a %s %s of %s %s for %s',
                c.status, c.amount, c.currency, a.id, a.state, a.operation, a.amount, a.currency,
                    a.charge
            )
        END AS detail
    FROM c FULL JOIN a ON c.reference = a.id
    WHERE
        c.id IS NULL OR a.id IS NULL OR a.charge <> c.id OR a.account <> c.account
        OR a.intent <> c.intent OR a.acquirer <> c.acquirer OR a.amount <> c.amount
        OR a.currency <> c.currency OR a.payment_method <> c.payment_method
        OR (a.state = 'approved') <> (c.status = 'succeeded')
        OR (c.status = 'succeeded' AND (a.operation = 'authorize') <> (c.hold IS NOT NULL))
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: captures_and_voids
WITH a AS (
    SELECT
        charge,
        count(*) FILTER (WHERE operation = 'capture') AS captures,
        coalesce(sum(amount) FILTER (WHERE operation = 'capture'), 0) AS captured,
        count(*) FILTER (WHERE operation = 'void') AS voids,
        min(original) AS original
    FROM nostro.payment_attempts
    WHERE book_id = $1 AND operation IN ('capture', 'void') AND state = 'approved'
    GROUP BY charge
),
t AS (
    SELECT
        subject,
        count(*) FILTER (WHERE code = 'void') AS voids, count(*) FILTER (WHERE code = 'expire')
            AS expiries
    FROM nostro.transfers WHERE book_id = $1 AND kind IN ('void', 'expire') AND code IN ('void',
        'expire')
    GROUP BY subject
),
c AS (
    SELECT c.id, c.reference, c.captured, c.released, c.amount_captured, t.voids, t.expiries
    FROM nostro.charges AS c LEFT JOIN t ON c.id = t.subject
    WHERE c.book_id = $1 AND c.hold IS NOT NULL
),
off AS (
    SELECT
        coalesce(c.id, a.charge) AS subject,
        format(
            'captured %s (%s), released %s; approved: %s captures of %s, %s voids of %s',
            c.captured, c.amount_captured, c.released, coalesce(a.captures, 0),
                coalesce(a.captured, 0),
            coalesce(a.voids, 0), a.original
        ) AS detail
    FROM c FULL JOIN a ON c.id = a.charge
    WHERE
        c.id IS NULL OR coalesce(a.captures, 0) <> c.captured::integer
        OR coalesce(a.captured, 0) <> c.amount_captured
        OR coalesce(a.voids, 0) <> coalesce(c.voids, 0)
        OR coalesce(c.voids, 0) + coalesce(c.expiries, 0) <> c.released::integer
        OR coalesce(a.original, c.reference) <> c.reference
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: hold_owners
-- An open hold belongs to an authorization that stands, to an attempt whose outcome is unknown, or
-- to a live refund.
WITH owner AS (
    SELECT hold, id, id AS subject, amount, currency FROM nostro.charges
    WHERE book_id = $1 AND hold IS NOT NULL AND NOT captured AND NOT released
    UNION ALL
    SELECT coalesce(doubt_hold, 'none'), id, charge, amount, currency FROM nostro.payment_attempts
    WHERE book_id = $1 AND state = 'unknown' AND operation IN ('sale', 'capture')
    UNION ALL
    SELECT coalesce(hold, 'none'), id, id, amount, currency FROM nostro.refunds
    WHERE book_id = $1 AND state IN ('sending', 'unknown', 'accepted')
),
h AS (
    SELECT replace(hold_id::text, '-', '') AS hold, subject, remaining, currency
    FROM nostro.holds
    WHERE
        book_id = $1 AND open
        AND (
            split_part(debit, ':', 1) IN ('merchant', 'acquirer', 'platform', 'bank')
            OR split_part(credit, ':', 1) IN ('merchant', 'acquirer', 'platform', 'bank')
        )
),
off AS (
    SELECT
        coalesce(owner.id, format('hold %s', h.hold)) AS subject,
        CASE
            WHEN owner.id IS NULL THEN format('open for %s, which explains no hold', h.subject)
            WHEN h.hold IS NULL THEN format('its hold %s is not open', owner.hold)
            ELSE format(
                'hold %s of %s %s for %s, where %s %s are due for %s',
                h.hold, h.remaining, h.currency, h.subject, owner.amount, owner.currency,
                    owner.subject
            )
        END AS detail
    FROM owner FULL JOIN h ON owner.hold = h.hold
    WHERE
        owner.id IS NULL OR h.hold IS NULL OR h.remaining <> owner.amount
        OR h.currency <> owner.currency OR h.subject <> owner.subject
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: charge_transactions
WITH b AS (
    SELECT
        source,
        count(*) FILTER (WHERE type = 'charge') AS n,
        min(id) FILTER (WHERE type = 'charge') AS id,
        coalesce(max(amount) FILTER (WHERE type = 'charge'), 0) AS amount,
        count(*) FILTER (WHERE type = 'adjustment') AS adjustments,
        coalesce(min(amount) FILTER (WHERE type = 'adjustment'), 0) AS adjustment,
        min(account) AS account, max(account) AS other_account,
        min(currency) AS currency, max(currency) AS other_currency,
        min(available_on) AS available_on, max(available_on) AS other_available_on
    FROM nostro.balance_transactions
    WHERE book_id = $1 AND type IN ('charge', 'adjustment')
    GROUP BY source
),
c AS (
    SELECT id, account, amount, amount_captured, currency, balance_transaction, available_on
    FROM nostro.charges WHERE book_id = $1 AND captured
),
off AS (
    SELECT
        coalesce(c.id, b.source) AS subject,
        format(
            'captured %s of %s %s as %s, available on %s; %s balance transactions of %s and %s '
            '%s (%s), '
            'available on %s to %s',
            c.amount_captured, c.amount, c.currency, c.balance_transaction, c.available_on,
            coalesce(b.n, 0), b.amount, b.adjustment, b.currency, b.id, b.available_on,
            b.other_available_on
        ) AS detail
    FROM c FULL JOIN b ON c.id = b.source
    WHERE
        c.id IS NULL OR b.n IS DISTINCT FROM 1 OR b.id IS DISTINCT FROM c.balance_transaction
        OR b.adjustments <> (c.amount > c.amount_captured)::integer
        OR b.amount <> c.amount OR b.adjustment <> c.amount_captured - c.amount
        OR b.account <> c.account OR b.other_account <> c.account
        OR b.currency <> c.currency OR b.other_currency <> c.currency
        OR b.available_on IS DISTINCT FROM c.available_on
        OR b.other_available_on IS DISTINCT FROM c.available_on
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: top_ups
WITH b AS (
    SELECT id, source, account, amount, fee, currency
    FROM nostro.balance_transactions WHERE book_id = $1 AND type = 'topup'
),
t AS (
    SELECT subject, count(*) AS n, sum(amount) AS amount, min(currency) AS currency
    FROM nostro.transfers WHERE book_id = $1 AND code = 'top_up' GROUP BY subject
),
off AS (
    SELECT
        coalesce(b.id, t.subject) AS subject,
        format(
            'balance transaction of %s %s less %s, %s transfers of %s %s',
            b.amount, b.currency, b.fee, coalesce(t.n, 0), t.amount, t.currency
        ) AS detail
    FROM b FULL JOIN t ON b.source = t.subject
    WHERE
        b.id IS NULL OR t.n IS DISTINCT FROM 1 OR b.fee <> 0 OR b.amount <> t.amount OR b.currency
            <> t.currency
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: transaction_types
WITH off AS (
    SELECT id AS subject, format('a %s from %s', type, source) AS detail
    FROM nostro.balance_transactions
    WHERE
        book_id = $1
        AND (type, split_part(source, '_', 1)) NOT IN (
            ('charge', 'ch'), ('adjustment', 'ch'), ('topup', 'tu'), ('refund', 're'),
                ('refund_failure', 're')
        )
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: merchant_balances
WITH b AS (
    SELECT account, currency, sum(amount - fee) AS net
    FROM nostro.balance_transactions WHERE book_id = $1 GROUP BY account, currency
),
a AS (
    SELECT split_part(code, ':', 2) AS account, currency, sum(credits_posted - debits_posted)
        AS owed
    FROM nostro.ledger_accounts
    WHERE
        book_id = $1 AND split_part(code, ':', 1) = 'merchant'
        AND split_part(code, ':', 3) IN ('pending', 'available')
    GROUP BY 1, 2
),
off AS (
    SELECT
        format('%s %s', coalesce(a.account, b.account), coalesce(a.currency, b.currency))
            AS subject,
        format('owed %s, the sum of balance transactions is %s', coalesce(a.owed, 0),
            coalesce(b.net, 0)) AS detail
    FROM a FULL JOIN b ON a.account = b.account AND a.currency = b.currency
    WHERE coalesce(a.owed, 0) <> coalesce(b.net, 0)
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: available_days
-- A day's net is what its charges brought, less what refunds took while it was pending. What came
-- or came back after
-- its release went on to available at once, by transfers of its charges and refunds.
WITH part AS (
    SELECT account, currency, available_on, amount - fee AS net, 0 AS early
    FROM nostro.balance_transactions WHERE book_id = $1 AND type IN ('charge', 'adjustment')
    UNION ALL
    SELECT c.account, c.currency, c.available_on, -r.amount, 0
    FROM nostro.refunds AS r
    INNER JOIN nostro.charges AS c ON c.book_id = $1 AND r.charge = c.id
    WHERE r.book_id = $1 AND r.from_pending AND (r.state <> 'failed'
        OR r.balance_transaction IS NOT NULL)
    UNION ALL
    SELECT
        c.account, c.currency, c.available_on, 0,
        CASE split_part(a.code, ':', 3) WHEN 'pending' THEN t.amount ELSE -t.amount END
    FROM nostro.transfers AS t
    LEFT JOIN nostro.ledger_accounts AS a ON a.book_id = $1 AND t.debit_account = a.account_no
    LEFT JOIN nostro.refunds AS r ON r.book_id = $1 AND t.subject = r.id
    INNER JOIN nostro.charges AS c ON c.book_id = $1 AND coalesce(r.charge, t.subject) = c.id
    WHERE t.book_id = $1 AND t.code = 'available' AND (t.subject LIKE 'ch\_%'
        OR t.subject LIKE 're\_%')
),
due AS (
    SELECT format('%s/%s/%s', account, currency, available_on) AS id, sum(net) AS net, sum(early)
        AS early
    FROM part GROUP BY 1
),
release AS (
    SELECT
        t.subject, count(*) AS n,
        sum(CASE split_part(a.code, ':', 3) WHEN 'pending' THEN t.amount ELSE -t.amount END) AS net
    FROM nostro.transfers AS t
    LEFT JOIN nostro.ledger_accounts AS a ON a.book_id = $1 AND t.debit_account = a.account_no
    WHERE t.book_id = $1 AND t.code = 'available' AND t.subject LIKE '%/%'
    GROUP BY t.subject
),
d AS (
    SELECT d.id, d.net, d.released, release.n, release.net AS moved
    FROM nostro.available_days AS d LEFT JOIN release ON d.id = release.subject
    WHERE d.book_id = $1
),
off AS (
    SELECT
        coalesce(d.id, due.id) AS subject,
        format(
            'net %s, released %s by %s transfers of %s; its rows add up to %s, of which %s came '
            'after its release',
            d.net, d.released, coalesce(d.n, 0), coalesce(d.moved, 0), due.net, due.early
        ) AS detail
    FROM d FULL JOIN due ON d.id = due.id
    WHERE
        d.id IS NULL OR d.net + coalesce(due.early, 0) <> coalesce(due.net, 0)
        OR (NOT d.released AND coalesce(due.early, 0) <> 0)
        OR coalesce(d.moved, 0) <> CASE WHEN d.released THEN d.net ELSE 0 END
        OR coalesce(d.n, 0) <> (d.released AND d.net <> 0)::integer
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: pending_merchants
-- What is pending is what the days to come will release, and what refunds have taken from them and
-- hold.
WITH part AS (
    SELECT account, currency, net, 0 AS held
    FROM nostro.available_days WHERE book_id = $1 AND NOT released
    UNION ALL
    SELECT account, currency, 0, amount
    FROM nostro.refunds WHERE book_id = $1 AND from_pending AND state IN ('sending', 'unknown',
        'accepted')
),
due AS (SELECT account, currency, sum(net) AS net, sum(held) AS held FROM part GROUP BY account,
    currency),
a AS (
    SELECT split_part(code, ':', 2) AS account, currency, credits_posted - debits_posted AS owed
    FROM nostro.ledger_accounts
    WHERE book_id = $1 AND split_part(code, ':', 1) = 'merchant' AND split_part(code, ':', 3)
        = 'pending'
),
off AS (
    SELECT
        format('%s %s', coalesce(a.account, due.account), coalesce(a.currency, due.currency))
            AS subject,
        format(
            'pending %s; days to come %s, held for refunds %s',
            coalesce(a.owed, 0), coalesce(due.net, 0), coalesce(due.held, 0)
        ) AS detail
    FROM a FULL JOIN due ON a.account = due.account AND a.currency = due.currency
    WHERE coalesce(a.owed, 0) <> coalesce(due.net, 0) + coalesce(due.held, 0)
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: refund_postings
WITH t AS (
    SELECT
        subject,
        count(*) FILTER (WHERE code = 'refund_hold') AS holds,
        count(*) FILTER (WHERE code = 'refund') AS refunds,
        count(*) FILTER (WHERE code = 'refund_void') AS voids,
        count(*) FILTER (WHERE code = 'refund_failure') AS failures,
        min(amount) AS amount, max(amount) AS other_amount
    FROM nostro.transfers WHERE book_id = $1 AND subject LIKE 're\_%' GROUP BY subject
),
due AS (
    SELECT
        id, state, amount,
        (state <> 'waiting')::integer AS holds,
        (state IN ('provisional', 'succeeded') OR balance_transaction IS NOT NULL)::integer
            AS refunds,
        (state = 'failed' AND balance_transaction IS NULL)::integer AS voids,
        (state = 'failed' AND balance_transaction IS NOT NULL)::integer AS failures,
        (hold IS NOT NULL) = (state <> 'waiting') AS coherent
    FROM nostro.refunds WHERE book_id = $1
),
off AS (
    SELECT
        coalesce(due.id, t.subject) AS subject,
        format(
            '%s refund of %s; posted: %s holds, %s refunds, %s voids, %s failures, of %s to %s',
            due.state, due.amount, t.holds, t.refunds, t.voids, t.failures, t.amount, t.other_amount
        ) AS detail
    FROM due FULL JOIN t ON due.id = t.subject
    WHERE
        due.id IS NULL OR NOT due.coherent
        OR coalesce(t.holds, 0) <> due.holds OR coalesce(t.refunds, 0) <> due.refunds
        OR coalesce(t.voids, 0) <> due.voids OR coalesce(t.failures, 0) <> due.failures
        OR t.amount <> due.amount OR t.other_amount <> due.amount
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: refund_transactions
WITH b AS (
    SELECT
        source,
        count(*) FILTER (WHERE type = 'refund') AS refunds,
        min(id) FILTER (WHERE type = 'refund') AS refund,
        coalesce(sum(amount) FILTER (WHERE type = 'refund'), 0) AS refunded,
        count(*) FILTER (WHERE type = 'refund_failure') AS failures,
        min(id) FILTER (WHERE type = 'refund_failure') AS failure,
        coalesce(sum(amount) FILTER (WHERE type = 'refund_failure'), 0) AS returned,
        sum(fee) AS fee, min(account) AS account, max(account) AS other_account,
        min(currency) AS currency, max(currency) AS other_currency
    FROM nostro.balance_transactions WHERE book_id = $1 AND type IN ('refund', 'refund_failure')
    GROUP BY source
),
r AS (
    SELECT
        id, account, state, amount, currency, balance_transaction AS refund,
        failure_balance_transaction AS failure,
        state IN ('provisional', 'succeeded') OR (state = 'failed'
            AND balance_transaction IS NOT NULL) AS refunded,
        state = 'failed' AND balance_transaction IS NOT NULL AS returned
    FROM nostro.refunds WHERE book_id = $1
),
off AS (
    SELECT
        coalesce(r.id, b.source) AS subject,
        format(
            '%s refund of %s %s with %s and %s; balance transactions: %s of %s (%s), %s failures '
            'of %s (%s)',
            r.state, r.amount, r.currency, r.refund, r.failure, coalesce(b.refunds, 0), b.refunded,
                b.refund,
            coalesce(b.failures, 0), b.returned, b.failure
        ) AS detail
    FROM r FULL JOIN b ON r.id = b.source
    WHERE
        r.id IS NULL OR coalesce(b.refunds, 0) <> r.refunded::integer
        OR coalesce(b.failures, 0) <> r.returned::integer
        OR b.refund IS DISTINCT FROM r.refund OR b.failure IS DISTINCT FROM r.failure
        OR coalesce(b.refunded, 0) <> -r.amount * r.refunded::integer
        OR coalesce(b.returned, 0) <> r.amount * r.returned::integer
        OR b.fee <> 0 OR b.account <> r.account OR b.other_account <> r.account
        OR b.currency <> r.currency OR b.other_currency <> r.currency
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: charge_refunds
WITH r AS (
    SELECT
        charge,
        coalesce(sum(amount) FILTER (WHERE state IN ('provisional', 'succeeded')), 0) AS refunded,
        coalesce(sum(amount) FILTER (WHERE state IN ('waiting', 'sending', 'unknown', 'accepted')),
        0) AS reserved,
        min(account) AS account, max(account) AS other_account, min(intent) AS intent, max(intent)
            AS other_intent,
        min(currency) AS currency, max(currency) AS other_currency, min(acquirer) AS acquirer,
        max(acquirer) AS other_acquirer, min(original) AS original, max(original) AS other_original
    FROM nostro.refunds WHERE book_id = $1 GROUP BY charge
),
c AS (
    SELECT id, account, intent, currency, acquirer, reference, amount_refunded, refunds_reserved
    FROM nostro.charges WHERE book_id = $1
),
off AS (
    SELECT
        coalesce(c.id, r.charge) AS subject,
        format(
            'refunded %s, reserved %s of %s for %s; its refunds: %s, reserved %s, of %s for %s',
            c.amount_refunded, c.refunds_reserved, c.reference, c.account,
            coalesce(r.refunded, 0), coalesce(r.reserved, 0), r.original, r.account
        ) AS detail
    FROM c FULL JOIN r ON c.id = r.charge
    WHERE
        c.id IS NULL OR c.amount_refunded <> coalesce(r.refunded, 0)
        OR c.refunds_reserved <> coalesce(r.reserved, 0)
        OR r.account <> c.account OR r.other_account <> c.account
        OR r.intent <> c.intent OR r.other_intent <> c.intent
        OR r.currency <> c.currency OR r.other_currency <> c.currency
        OR r.acquirer <> c.acquirer OR r.other_acquirer <> c.acquirer
        OR r.original <> c.reference OR r.other_original <> c.reference
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: intents
WITH a AS (
    SELECT intent, count(*) AS n, min(operation) AS operation
    FROM nostro.payment_attempts WHERE book_id = $1 AND state IN ('sending',
        'unknown') GROUP BY intent
),
standing AS (
    SELECT intent, count(*) AS n
    FROM nostro.charges WHERE book_id = $1 AND status = 'succeeded' AND NOT released GROUP BY intent
),
i AS (
    SELECT
        i.id, i.status, i.amount, i.amount_capturable, i.amount_received, i.latest_charge,
        coalesce(standing.n, 0) AS standing,
        l.id AS charge, l.amount AS charged, l.captured, l.amount_captured,
        i.latest_charge IS NOT NULL AND (
            l.id IS NULL OR l.intent <> i.id OR l.account <> i.account OR l.currency <> i.currency
        ) AS stray,
        coalesce(l.status = 'succeeded' AND NOT l.released AND l.amount = i.amount, false) AS stands
    FROM nostro.payment_intents AS i
    LEFT JOIN nostro.charges AS l ON l.book_id = $1 AND i.latest_charge = l.id
    LEFT JOIN standing ON i.id = standing.intent
    WHERE i.book_id = $1
),
off AS (
    SELECT
        coalesce(i.id, a.intent) AS subject,
        format(
            '%s of %s, capturable %s, received %s; %s live attempts (%s); %s standing charges; '
            'latest %s of %s, captured %s (%s)',
            coalesce(i.status, 'no intent'), i.amount, i.amount_capturable, i.amount_received,
            coalesce(a.n, 0), a.operation, i.standing, i.latest_charge, i.charged, i.captured,
            i.amount_captured
        ) AS detail
    FROM i FULL JOIN a ON i.id = a.intent
    WHERE
        i.id IS NULL OR i.stray OR coalesce(a.n, 0) <> (i.status = 'processing')::integer
        OR NOT CASE
            WHEN i.status = 'succeeded'
                THEN
                    i.stands AND i.standing = 1 AND i.captured
                    AND i.amount_received = i.amount_captured AND i.amount_capturable = 0
            WHEN i.status = 'requires_capture' OR (i.status = 'processing' AND a.operation IN
                ('capture', 'void'))
                THEN
                    i.stands AND i.standing = 1 AND NOT i.captured
                    AND i.amount_received = 0 AND i.amount_capturable = i.amount
            ELSE i.standing = 0 AND i.amount_received = 0 AND i.amount_capturable = 0
        END
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: keys_in_flight
-- Whoever settles first, as unknown too, saves the answer: until then, and no longer, a key is in
-- flight.
WITH live AS (
    SELECT id, state FROM nostro.payment_attempts WHERE book_id = $1
    UNION ALL
    SELECT id, state FROM nostro.refunds WHERE book_id = $1
),
off AS (
    SELECT
        format('key %s', k.id) AS subject,
        format(
            '%s; its attempt %s is %s', CASE WHEN k.answer IS NULL THEN 'in flight' ELSE 'answered'
            END,
            coalesce(k.attempt, 'of no name'), coalesce(live.state, 'missing')
        ) AS detail
    FROM nostro.idempotency_keys AS k LEFT JOIN live ON k.attempt = live.id
    WHERE
        k.book_id = $1
        AND (
            (k.answer IS NULL AND live.state IS DISTINCT FROM 'sending')
            OR (k.answer IS NOT NULL AND k.attempt IS NOT NULL AND (live.state IS NULL
            OR live.state = 'sending'))
        )
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: keys_answered
-- The newest saved answers: the object that each shows is there. The first id in a snapshot is the
-- object's own.
WITH k AS (
    SELECT id, substring(answer FROM '\\"id\\":\\"([a-z]+_[0-9A-Za-z]+)\\"') AS object
    FROM nostro.idempotency_keys WHERE book_id = $1 AND answer IS NOT NULL
    ORDER BY created_ms DESC LIMIT 10000
),
known AS (
    SELECT id FROM nostro.payment_intents WHERE book_id = $1
    UNION ALL
    SELECT id FROM nostro.charges WHERE book_id = $1
    UNION ALL
    SELECT id FROM nostro.refunds WHERE book_id = $1
    UNION ALL
    SELECT id FROM nostro.payment_methods WHERE book_id = $1
    UNION ALL
    SELECT id FROM nostro.customers WHERE book_id = $1
    UNION ALL
    SELECT id FROM nostro.webhook_endpoints WHERE book_id = $1
),
off AS (
    SELECT format('key %s', k.id) AS subject, format('answered with %s, which does not exist',
        k.object) AS detail
    FROM k LEFT JOIN known ON k.object = known.id
    WHERE known.id IS NULL AND split_part(k.object, '_', 1) IN ('pi', 'ch', 're', 'pm', 'cus', 'we')
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: events
-- Each of these facts was told once, and nothing was told that is no fact. A snapshot begins
-- {"object":"…","id":"…".
WITH due AS (
    SELECT 'payment_intent.created' AS type, id FROM nostro.payment_intents WHERE book_id = $1
    UNION ALL
    SELECT 'payment_intent.' || status, id FROM nostro.payment_intents
    WHERE book_id = $1 AND status IN ('succeeded', 'canceled')
    UNION ALL
    SELECT 'charge.' || status, id FROM nostro.charges WHERE book_id = $1
    UNION ALL
    SELECT 'charge.captured', id FROM nostro.charges WHERE book_id = $1 AND captured
        AND hold IS NOT NULL
    UNION ALL
    SELECT 'refund.created', id FROM nostro.refunds WHERE book_id = $1
    UNION ALL
    SELECT 'refund.failed', id FROM nostro.refunds WHERE book_id = $1 AND state = 'failed'
),
told AS (
    SELECT type, split_part(snapshot, '"', 8) AS id, count(*) AS n
    FROM nostro.events
    WHERE
        book_id = $1
        AND type IN (
            'payment_intent.created', 'payment_intent.succeeded', 'payment_intent.canceled',
            'charge.succeeded',
            'charge.failed', 'charge.captured', 'refund.created', 'refund.failed'
        )
    GROUP BY 1, 2
),
off AS (
    SELECT
        coalesce(due.id, told.id) AS subject,
        format(
            '%s was told %s times%s', coalesce(due.type, told.type), coalesce(told.n, 0),
            CASE WHEN due.id IS NULL THEN ' and did not happen' ELSE '' END
        ) AS detail
    FROM due FULL JOIN told ON due.id = told.id AND due.type = told.type
    WHERE due.id IS NULL OR told.n IS DISTINCT FROM 1
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: book_mode
-- An account that has one book for both says nothing.
WITH off AS (
    SELECT
        format('book %s', b.book_id) AS subject,
        format(
            'it is %s, and the %s book of %s', CASE WHEN b.live THEN 'live' ELSE 'for tests' END,
            CASE WHEN b.live THEN 'test' ELSE 'live' END, min(a.account)
        ) AS detail
    FROM nostro.books AS b
    INNER JOIN nostro.accounts AS a
        ON b.book_id = CASE WHEN b.live THEN a.test_book ELSE a.live_book END
    WHERE b.book_id = $1 AND a.test_book <> a.live_book
    GROUP BY b.book_id, b.live
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: row_sequence
-- Every listed row took one number from the book's head, and none was ever taken away.
WITH row_ AS (
    SELECT seq FROM nostro.payment_intents WHERE book_id = $1
    UNION ALL
    SELECT seq FROM nostro.charges WHERE book_id = $1
    UNION ALL
    SELECT seq FROM nostro.refunds WHERE book_id = $1
    UNION ALL
    SELECT seq FROM nostro.payment_methods WHERE book_id = $1
    UNION ALL
    SELECT seq FROM nostro.customers WHERE book_id = $1
    UNION ALL
    SELECT seq FROM nostro.balance_transactions WHERE book_id = $1
    UNION ALL
    SELECT seq FROM nostro.events WHERE book_id = $1
    UNION ALL
    SELECT seq FROM nostro.webhook_endpoints WHERE book_id = $1
),
s AS (SELECT seq, lag(seq, 1, 0::bigint) OVER (ORDER BY seq) AS before FROM row_),
head AS (SELECT next_seq FROM nostro.book_heads WHERE book_id = $1),
last AS (SELECT coalesce(max(seq), 0) AS seq FROM s),
off AS (
    SELECT
        format('row %s', least(before + 1, seq)) AS subject,
        CASE WHEN seq = before THEN 'there are two' ELSE format('missing, up to %s', seq - 1) END
            AS detail
    FROM s WHERE seq <> before + 1
    UNION ALL
    SELECT 'book head', format('the next row is %s, the last one %s', head.next_seq, last.seq)
    FROM head CROSS JOIN last WHERE head.next_seq IS DISTINCT FROM last.seq + 1
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: audit_sequence
WITH r AS (
    SELECT seq, batch_no, lag(seq, 1, 0::bigint) OVER (ORDER BY seq) AS before
    FROM nostro.audit_records WHERE book_id = $1
),
n AS (
    SELECT batch_no, count(*) AS n, min(seq) AS first_seq, max(seq) AS last_seq
    FROM r GROUP BY batch_no
),
b AS (
    SELECT batch_no, first_audit, audit_count
    FROM nostro.batches WHERE book_id = $1 AND audit_count > 0
),
last AS (SELECT coalesce(max(seq), 0) AS seq FROM r),
head AS (SELECT next_audit FROM nostro.book_heads WHERE book_id = $1),
off AS (
    SELECT format('audit record %s', before + 1) AS subject, format('missing, up to %s', seq - 1)
        AS detail
    FROM r WHERE seq <> before + 1
    UNION ALL
    SELECT 'book head', format('the next audit record is %s, the last one %s', head.next_audit,
        last.seq)
    FROM head CROSS JOIN last WHERE head.next_audit <> last.seq + 1
    UNION ALL
    SELECT
        format('batch %s', coalesce(b.batch_no, n.batch_no)),
        format(
            '%s audit records from %s; there are %s, from %s to %s',
            coalesce(b.audit_count, 0), b.first_audit, coalesce(n.n, 0), n.first_seq, n.last_seq
        )
    FROM b FULL JOIN n ON b.batch_no = n.batch_no
    WHERE
        b.batch_no IS NULL OR n.n IS DISTINCT FROM b.audit_count OR n.first_seq <> b.first_audit
        OR n.last_seq <> b.first_audit + b.audit_count - 1
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: audit_states
-- What the audit log tells of an object is one chain: each change begins where the one before
-- ended, is an arrow of the object's machine ($2: table, $3: from, $4: to), and the last ends where
-- the row is now. A list of changes is [["table","id","before","after"],…], and what is no list tells
-- of no state. It is split, not parsed: that is faster, a quote inside a text is behind a backslash,
-- and what is no JSON must be a finding, not an error.
WITH arrow AS (
    SELECT a.relation, a.before, a.after
    FROM unnest($2::text [], $3::text [], $4::text []) AS a (relation, before, after)
),
change AS (
    SELECT
        r.seq, x.place, split_part(x.told, '","', 1) AS relation,
        split_part(x.told, '","', 2) AS id, split_part(x.told, '","', 3) AS before,
        split_part(x.told, '","', 4) AS after
    FROM nostro.audit_records AS r
    CROSS JOIN LATERAL string_to_table(
        substr(r.changes, 4, length(r.changes) - 6), '"],["'
    ) WITH ORDINALITY AS x (told, place)
    WHERE r.book_id = $1 AND r.changes LIKE '[["%"]]'
),
chain AS (
    SELECT
        seq, relation, id, before, after, lag(after, 1, ''::text) OVER w AS stood,
        lead(seq) OVER w IS NULL AS newest
    FROM change WINDOW w AS (PARTITION BY relation, id ORDER BY seq, place)
),
present AS (
    SELECT 'payment_intents' AS relation, id, status AS state
    FROM nostro.payment_intents WHERE book_id = $1
    UNION ALL
    SELECT 'payment_attempts', id, state FROM nostro.payment_attempts WHERE book_id = $1
    UNION ALL
    SELECT 'charges', id, status FROM nostro.charges WHERE book_id = $1
    UNION ALL
    SELECT 'refunds', id, state FROM nostro.refunds WHERE book_id = $1
    UNION ALL
    SELECT 'notifications', id, state FROM nostro.notifications WHERE book_id = $1
    UNION ALL
    SELECT 'operators', id, state FROM nostro.operators WHERE book_id = $1
    UNION ALL
    SELECT
        'conclusions', id,
        format(
            '%s by %s: %s, evidence %s', state, coalesce(decided_by, proposed_by), verdict, evidence
        )
    FROM nostro.conclusions WHERE book_id = $1
    UNION ALL
    SELECT
        'holds', replace(hold_id::text, '-', ''),
        CASE WHEN open THEN format('open %s', remaining) ELSE 'closed' END
    FROM nostro.holds WHERE book_id = $1
    UNION ALL
    -- As JSON has it, since that is what it is compared with.
    SELECT
        'webhook_endpoints', w.id,
        trim(BOTH '"' FROM to_json(concat_ws(
            ' ', CASE WHEN w.deleted THEN 'deleted' ELSE w.status END, split_part(w.url, '?', 1),
            string_agg(e.name, ' ' ORDER BY e.place)
        ))::text)
    FROM nostro.webhook_endpoints AS w
    LEFT JOIN LATERAL json_array_elements_text(w.enabled_events)
        WITH ORDINALITY AS e (name, place) ON true
    WHERE w.book_id = $1
    GROUP BY w.id, w.deleted, w.status, w.url
    UNION ALL
    SELECT CASE WHEN id LIKE 'key\_%' THEN 'api_keys' ELSE 'accounts' END, id, state
    FROM nostro.told_settings WHERE book_id = $1
),
newest AS (SELECT relation, id, after FROM chain WHERE newest),
off AS (
    SELECT
        format('audit record %s', c.seq) AS subject,
        format(
            '%s %s from "%s" to "%s", and it stood at "%s"%s', c.relation, c.id, c.before, c.after,
            c.stood, CASE WHEN c.before = c.stood THEN ': there is no such transition' ELSE '' END
        ) AS detail
    FROM chain AS c
    LEFT JOIN arrow AS a
        ON c.relation = a.relation AND c.before = a.before AND c.after = a.after
    WHERE
        c.before <> c.stood
        OR (a.relation IS NULL AND c.relation = any($2::text []))
        OR (c.relation = 'holds' AND c.before = 'closed')
    UNION ALL
    SELECT
        coalesce(p.id, c.id),
        format(
            '%s: now "%s", and the audit log''s last word is "%s"',
            coalesce(p.relation, c.relation), p.state, c.after
        )
    FROM present AS p
    FULL JOIN newest AS c ON p.relation = c.relation AND p.id = c.id
    WHERE coalesce(p.state, '') <> coalesce(c.after, '')
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: key_records
-- $2 is the watermark: what is younger may not have been recorded yet. $3 is the latest time that any clock may show.
-- Records say whose a key is since they do; older ones say no more than its state.
WITH api_key AS (
    SELECT
        k.id, k.hash_id, k.created_ms, k.revoked_ms,
        format('%s key of %s', CASE WHEN k.live THEN 'live' ELSE 'test' END, k.account) AS whose
    FROM nostro.api_keys AS k INNER JOIN nostro.accounts AS a ON k.account = a.account
    WHERE $1 = CASE WHEN k.live THEN a.live_book ELSE a.test_book END
),
due AS (
    SELECT
        id, 'api_key.created' AS action, '' AS before, 'active' AS after, created_ms AS at_ms, whose
    FROM api_key
    UNION ALL
    SELECT id, 'api_key.revoked', 'active', 'revoked', revoked_ms, whose
    FROM api_key WHERE revoked_ms IS NOT NULL
),
told AS (
    SELECT
        r.subject AS id, r.action, split_part(x.told[2], ', ', 1) AS before,
        split_part(x.told[3], ', ', 1) AS after,
        min(nullif(split_part(x.told[3], ', ', 2), '')) AS whose, count(*) AS n
    FROM nostro.audit_records AS r
    LEFT JOIN LATERAL regexp_matches(
        r.changes, '^\[\["api_keys","(\w+)","([^"]*)","([^"]+)"\]\]$'
    ) AS x (told) ON x.told[1] = r.subject
    WHERE r.book_id = $1 AND (r.action LIKE 'api\_key.%' OR r.subject LIKE 'key\_%')
    GROUP BY 1, 2, 3, 4
),
off AS (
    SELECT
        coalesce(due.id, told.id) AS subject,
        format(
            '%s was recorded %s times%s', coalesce(due.action, told.action), coalesce(told.n, 0),
            CASE
                WHEN due.id IS NULL THEN ' and did not happen'
                WHEN told.whose <> due.whose
                    THEN format(' as a %s; now it is a %s', told.whose, due.whose)
                WHEN due.at_ms > $3 THEN ', and its time has not come yet'
                ELSE ''
            END
        ) AS detail
    FROM due FULL JOIN told
        ON due.id = told.id AND due.action = told.action AND due.before = told.before
        AND due.after = told.after
    WHERE
        due.id IS NULL OR told.n > 1 OR (told.n IS NULL AND due.at_ms <= $2) OR due.at_ms > $3
        OR told.whose <> due.whose
    UNION ALL
    SELECT id, format('its key is another: the hash of it makes %s', hash_id)
    FROM api_key WHERE id IS DISTINCT FROM hash_id
    UNION ALL
    SELECT subject, format('%s is to be told, and its time has not come yet', action)
    FROM nostro.setting_changes WHERE book = $1 AND relation = 'api_keys' AND at_ms > $3
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: account_records
-- $2 is the watermark: what is younger may not have been recorded yet. $3 is the latest time that any clock may show.
WITH account AS (
    SELECT
        account, setting_no,
        format('fee %s basis points and %s', fee_basis_points, fee_fixed) AS state
    FROM nostro.accounts WHERE $1 IN (test_book, live_book)
),
told AS (
    SELECT
        r.subject, count(*) AS n, (array_agg(x.told[1] ORDER BY r.seq DESC))[1] AS state
    FROM nostro.audit_records AS r
    LEFT JOIN LATERAL regexp_matches(r.changes, ',"([^"]*)"\]\]$') AS x (told) ON true
    WHERE r.book_id = $1 AND r.action LIKE 'account.%'
    GROUP BY r.subject
),
young AS (
    SELECT DISTINCT subject FROM nostro.setting_changes
    WHERE book = $1 AND at_ms > $2 AND at_ms <= $3
),
off AS (
    SELECT
        coalesce(a.account, t.subject) AS subject,
        format(
            '"%s" after %s changes; %s were recorded, the last as "%s"', a.state, a.setting_no,
            coalesce(t.n, 0), t.state
        ) AS detail
    FROM account AS a FULL JOIN told AS t ON a.account = t.subject
    WHERE
        (a.setting_no IS DISTINCT FROM t.n OR a.state IS DISTINCT FROM t.state)
        AND coalesce(a.account, t.subject) NOT IN (SELECT y.subject FROM young AS y)
    UNION ALL
    SELECT subject, format('%s is to be told, and its time has not come yet', action)
    FROM nostro.setting_changes WHERE book = $1 AND relation = 'accounts' AND at_ms > $3
    UNION ALL
    SELECT account, 'it was created at a time that has not come yet'
    FROM nostro.accounts WHERE $1 IN (test_book, live_book) AND created_ms > $3
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: conclusions
WITH message AS (
    SELECT id, state, 'approved' AS done, 'undone' AS not_done
    FROM nostro.payment_attempts WHERE book_id = $1
    UNION ALL
    SELECT id, state, 'succeeded', 'failed' FROM nostro.refunds WHERE book_id = $1
),
off AS (
    SELECT
        c.id AS subject,
        format(
            '%s, proposed by %s, decided by %s, on %s; the message is %s', c.state, c.proposed_by,
            c.decided_by, CASE WHEN f.sha256 IS NULL THEN 'no evidence' ELSE f.name END, m.state
        ) AS detail
    FROM nostro.conclusions AS c
    LEFT JOIN
        nostro.evidence_files AS f
        ON c.book_id = f.book_id AND c.evidence = f.sha256
        AND f.sha256 = encode(sha256(f.body), 'hex')
    LEFT JOIN nostro.operators AS p ON c.book_id = p.book_id AND c.proposed_by = p.id
    LEFT JOIN nostro.operators AS d ON c.book_id = d.book_id AND c.decided_by = d.id
    LEFT JOIN message AS m ON c.id = m.id
    WHERE
        c.book_id = $1 AND (
            f.sha256 IS NULL OR p.id IS NULL OR m.id IS NULL
            OR (c.state = 'applied' AND (
                d.id IS NULL OR d.id = p.id
                OR m.state <> CASE WHEN c.verdict = 'done' THEN m.done ELSE m.not_done END
            ))
        )
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: live
-- Not errors: what is under way, or waits for evidence or money.
WITH off AS (
    SELECT id AS subject, format('%s %s of %s %s', state, operation, amount, currency) AS detail
    FROM nostro.payment_attempts WHERE book_id = $1 AND state IN ('sending', 'unknown')
    UNION ALL
    SELECT id, format('%s refund of %s %s', state, amount, currency)
    FROM nostro.refunds WHERE book_id = $1 AND state IN ('waiting', 'sending', 'unknown',
        'accepted', 'provisional')
    UNION ALL
    SELECT subject, format('%s is not in the audit log yet', action)
    FROM nostro.setting_changes WHERE book = $1
)
SELECT subject, detail, count(*) OVER () FROM off ORDER BY subject LIMIT 20;

-- name: sandbox_book
-- The acquirers' whole books against ours, both ways. $2 is the watermark (system time, ms): what
-- is younger, or live with
-- us, is set apart, since the acquirer's book is read after the snapshot was taken.
WITH theirs AS (
    SELECT
        x.reference, x.operation, x.original, x.amount, x.currency, x.state, x.created_ms,
        x.acquirer,
        NOT x.cancelled AND x.outcome <> 'declined' AND x.state IN ('approved', 'pending',
            'voided') AS stands
    FROM unnest(
        $3::text [], $4::text [], $5::text [], $6::bigint [], $7::text [], $8::text [], $9::text [],
        $10::bigint [], $11::boolean [], $12::text []
    ) AS x (
        reference, operation, original, amount, currency, outcome, state, created_ms, cancelled,
        acquirer
    )
),
ours AS (
    SELECT
        id, acquirer, intent, operation, original, amount, currency, state, send_by,
        state IN ('sending', 'unknown') AS live, state = 'approved' AS done, false AS may_fail
    FROM nostro.payment_attempts WHERE book_id = $1
    UNION ALL
    SELECT
        id, acquirer, intent, 'refund', original, amount, currency, state, send_by,
        state IN ('sending', 'unknown'), state IN ('accepted', 'provisional', 'succeeded'),
        state IN ('accepted', 'provisional')
    FROM nostro.refunds WHERE book_id = $1
),
pair AS (
    SELECT
        t.reference, o.id, o.intent, o.state AS our_state, t.state AS their_state,
        coalesce(o.operation, t.operation) AS operation,
        coalesce(o.live, false) OR coalesce(o.send_by, 0) > $2 OR coalesce(t.created_ms, 0) > $2
        AS apart,
        coalesce(t.stands, false) AS stands, coalesce(o.done, false) AS done, coalesce(o.may_fail,
        false) AS may_fail,
        t.operation <> o.operation OR t.currency <> o.currency
        OR (o.operation <> 'void' AND t.amount <> o.amount)
        OR coalesce(t.original, '') <> coalesce(o.original, '') AS differs,
        concat_ws(' ', o.state, o.operation, o.amount, o.currency, o.original) AS here,
        concat_ws(' ', t.state, t.operation, t.amount, t.currency, t.original) AS there
    FROM ours AS o FULL JOIN theirs AS t ON o.id = t.reference AND o.acquirer = t.acquirer
),
several AS (
    SELECT intent, count(*) AS n, min(id) AS first_id, max(id) AS last_id
    FROM pair
    WHERE stands AND their_state = 'approved' AND operation IN ('sale', 'authorize')
        AND intent IS NOT NULL
    GROUP BY intent HAVING count(*) > 1
),
off AS (
    SELECT
        CASE
            WHEN apart THEN 'apart'
            WHEN id IS NULL OR NOT done THEN 'sandbox_to_ours'
            WHEN reference IS NULL OR NOT (stands OR may_fail) THEN 'ours_to_sandbox'
            ELSE 'sandbox_terms'
        END AS kind,
        coalesce(id, reference) AS subject,
        format('here: %s; there: %s', coalesce(nullif(here, ''), 'nothing'), coalesce(nullif(there,
            ''), 'nothing'))
            AS detail
    FROM pair
    WHERE
        CASE
            WHEN apart THEN id IS NOT NULL OR stands
            WHEN id IS NULL OR NOT done THEN stands
            ELSE
                reference IS NULL OR NOT (stands OR may_fail) OR differs
                OR (our_state IN ('approved', 'succeeded') AND their_state = 'pending')
        END
    UNION ALL
    SELECT 'sandbox_one_charge', intent, format('%s live charges there, among them %s and %s', n,
        first_id, last_id)
    FROM several
),
ranked AS (
    SELECT
        kind, subject, detail, count(*) OVER (PARTITION BY kind) AS total,
        row_number() OVER (PARTITION BY kind ORDER BY subject) AS place
    FROM off
)
SELECT kind, subject, detail, total FROM ranked WHERE place <= 20 ORDER BY kind, subject;

-- name: head
SELECT
    epoch, next_seq, next_transfer, next_account, next_batch, next_audit, last_ms, last_leaf,
    frontier
FROM nostro.book_heads WHERE book_id = $1;

-- name: stream_batches
SELECT
    batch_no, at_ms, epoch, uuid_send(writer), first_transfer, transfer_count, balance_count,
    rejection_count, limit_count, first_audit, audit_count, transfers_root, balances_root,
    rejections_root, limits_root, audit_root, previous_leaf, leaf
FROM nostro.batches WHERE book_id = $1 AND (batch_no > $2 OR batch_no IS NULL) ORDER BY batch_no;

-- name: stream_transfers
-- A day that no calendar has is -1, which no record can hold.
SELECT
    seq, uuid_send(transfer_id), uuid_send(chain_id), uuid_send(hold_id), kind, final, amount,
    posted, pending,
    CASE WHEN isfinite(effective_on) THEN effective_on - '1970-01-01'::date ELSE -1 END,
    expires_ms, debit_account, credit_account, currency, code, subject, metadata_hash, batch_no,
    at_ms
FROM nostro.transfers WHERE book_id = $1 ORDER BY seq;

-- name: stream_entries
SELECT
    transfer_seq, side, account_no, posted, pending, debits_posted, credits_posted,
    debits_pending, credits_pending, version
FROM nostro.entries WHERE book_id = $1 ORDER BY transfer_seq ASC, side DESC;

-- name: stream_rejections
SELECT
    batch_no, ordinal, after_seq, uuid_send(transfer_id), uuid_send(chain_id), uuid_send(hold_id),
    kind, final, amount,
    CASE
        WHEN effective_on IS NULL THEN NULL
        WHEN isfinite(effective_on) THEN effective_on - '1970-01-01'::date ELSE -1
    END,
    expires_ms, debit, credit, currency, code, subject, reason, metadata_hash
FROM nostro.rejections WHERE book_id = $1 ORDER BY batch_no, ordinal;

-- name: stream_limit_changes
SELECT batch_no, ordinal, after_seq, account_no, overdraft_max, overcredit_max
FROM nostro.limit_changes WHERE book_id = $1 ORDER BY batch_no, ordinal;

-- name: stream_audit_records
SELECT
    seq, action, subject, changes, actor, request_id, outcome, address_hash, batch_no, address,
    address_salt
FROM nostro.audit_records WHERE book_id = $1 ORDER BY seq;

-- name: stream_accounts
SELECT
    account_no, code, currency, overdraft_max, overcredit_max, debits_posted, credits_posted,
    debits_pending, credits_pending, version
FROM nostro.ledger_accounts WHERE book_id = $1 ORDER BY account_no;

-- name: stream_holds
SELECT
    uuid_send(hold_id), debit, credit, currency, amount, remaining, open, subject, expires_ms
FROM nostro.holds WHERE book_id = $1 ORDER BY hold_id;

-- name: stream_effective_days
SELECT
    account_no,
    CASE WHEN isfinite(effective_on) THEN effective_on - '1970-01-01'::date ELSE -1 END,
    debits, credits
FROM nostro.effective_days WHERE book_id = $1 ORDER BY account_no, effective_on;

-- name: stream_metadata
WITH m AS (
    SELECT transfer_id, metadata, salt FROM nostro.transfer_metadata WHERE book_id = $1
),
h AS (
    SELECT transfer_id, metadata_hash FROM nostro.transfers
    WHERE book_id = $1 AND metadata_hash IS NOT NULL
    UNION ALL
    SELECT transfer_id, metadata_hash FROM nostro.rejections
    WHERE book_id = $1 AND metadata_hash IS NOT NULL
)
SELECT
    uuid_send(coalesce(m.transfer_id, h.transfer_id)), m.metadata, m.salt, h.metadata_hash
FROM m FULL JOIN h ON m.transfer_id = h.transfer_id;

-- name: all_checkpoints
SELECT tree_size, root, at_ms, note FROM nostro.checkpoints WHERE book_id = $1 ORDER BY tree_size;

-- name: all_nodes
SELECT height, number, hash FROM nostro.log_nodes WHERE book_id = $1 ORDER BY height, number;

-- name: all_log_keys
SELECT public_key, origin, created_ms, retired_ms FROM nostro.log_keys ORDER BY created_ms;

-- name: all_snapshots
SELECT id, taken_on::text, as_of_batch, last_transfer, account_count, root
FROM nostro.balance_snapshots WHERE book_id = $1 ORDER BY as_of_batch;

-- name: all_alarms
SELECT id, kind, subject, detail, raised_ms FROM nostro.alarms WHERE book_id = $1 ORDER BY id;

-- name: slice_batches
-- The statements of a slice find rows by key: they run beside payments.
SELECT
    batch_no, at_ms, epoch, uuid_send(writer), first_transfer, transfer_count, balance_count,
    rejection_count, limit_count, first_audit, audit_count, transfers_root, balances_root,
    rejections_root, limits_root, audit_root, previous_leaf, leaf
FROM nostro.batches WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
ORDER BY batch_no LIMIT $4;

-- name: slice_transfers
SELECT
    seq, uuid_send(transfer_id), uuid_send(chain_id), uuid_send(hold_id), kind, final, amount,
    posted, pending,
    CASE WHEN isfinite(effective_on) THEN effective_on - '1970-01-01'::date ELSE -1 END,
    expires_ms, debit_account, credit_account, currency, code, subject, metadata_hash, batch_no,
    at_ms
FROM nostro.transfers WHERE book_id = $1 AND seq >= $2 AND seq < $3 ORDER BY seq;

-- name: slice_standing
-- The last entry of some accounts up to transfer $3: found by halving.
WITH RECURSIVE s AS (
    SELECT account_no, 0::bigint AS low, version AS high
    FROM nostro.ledger_accounts WHERE book_id = $1 AND account_no = any($2::bigint [])
    UNION ALL
    SELECT
        s.account_no,
        CASE WHEN e.transfer_seq <= $3 THEN e.version ELSE s.low END,
        CASE WHEN e.transfer_seq <= $3 THEN s.high ELSE e.version - 1 END
    FROM s
    INNER JOIN nostro.entries AS e
        ON e.book_id = $1 AND s.account_no = e.account_no AND e.version = (s.low + s.high + 1) / 2
    WHERE s.low < s.high
)
SELECT
    e.account_no, e.debits_posted, e.credits_posted, e.debits_pending, e.credits_pending, e.version
FROM s
INNER JOIN nostro.entries AS e
    ON e.book_id = $1 AND s.account_no = e.account_no AND s.low = e.version
WHERE s.low = s.high;

-- name: slice_entries
-- The entries of some accounts between two versions of each.
SELECT
    e.transfer_seq, e.side, e.account_no, e.posted, e.pending, e.debits_posted, e.credits_posted,
    e.debits_pending, e.credits_pending, e.version
FROM unnest($2::bigint [], $3::bigint [], $4::bigint []) AS x (account_no, low, high)
INNER JOIN nostro.entries AS e
    ON
        e.book_id = $1 AND x.account_no = e.account_no
        AND x.low < e.version AND x.high >= e.version;

-- name: slice_accounts
SELECT account_no, code, currency
FROM nostro.ledger_accounts WHERE book_id = $1 AND account_no = any($2::bigint []);

-- name: slice_limits_before
-- The limits of some accounts as they stood after batch $3.
SELECT DISTINCT ON (account_no) account_no, overdraft_max, overcredit_max
FROM nostro.limit_changes
WHERE book_id = $1 AND account_no = any($2::bigint []) AND batch_no <= $3
ORDER BY account_no ASC, batch_no DESC, ordinal DESC;

-- name: slice_rejections
SELECT
    batch_no, ordinal, after_seq, uuid_send(transfer_id), uuid_send(chain_id), uuid_send(hold_id),
    kind, final, amount,
    CASE
        WHEN effective_on IS NULL THEN NULL
        WHEN isfinite(effective_on) THEN effective_on - '1970-01-01'::date ELSE -1
    END,
    expires_ms, debit, credit, currency, code, subject, reason, metadata_hash
FROM nostro.rejections WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
ORDER BY batch_no, ordinal;

-- name: slice_limit_changes
SELECT batch_no, ordinal, after_seq, account_no, overdraft_max, overcredit_max
FROM nostro.limit_changes WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
ORDER BY batch_no, ordinal;

-- name: slice_audit_records
SELECT
    seq, action, subject, changes, actor, request_id, outcome, address_hash, batch_no, address,
    address_salt
FROM nostro.audit_records WHERE book_id = $1 AND seq >= $2 AND seq < $3 ORDER BY seq;

-- name: slice_checkpoint
-- The newest checkpoint, with the batch it ends with.
SELECT
    c.tree_size, c.root, b.leaf, b.first_transfer + b.transfer_count,
    b.first_audit + b.audit_count, b.at_ms, b.epoch
FROM nostro.checkpoints AS c
INNER JOIN nostro.batches AS b ON b.book_id = $1 AND c.tree_size = b.batch_no
WHERE c.book_id = $1
ORDER BY c.tree_size DESC LIMIT 1;
