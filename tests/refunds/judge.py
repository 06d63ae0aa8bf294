"""What must be true of the books after every scenario, whatever happened in it."""

from typing import LiteralString

from tests.refunds.world import BOOK, World

# Each statement finds what breaks a rule: it must return no row.
RULES: dict[str, LiteralString] = {
    "a transfer has one debit and one credit, of its own amounts": """
        SELECT t.seq FROM nostro.transfers t
        LEFT JOIN nostro.entries e ON e.book_id = t.book_id AND e.transfer_seq = t.seq
        WHERE t.book_id = $1 GROUP BY t.seq, t.posted, t.pending
        HAVING count(*) FILTER (WHERE e.side = 'd') <> 1
            OR count(*) FILTER (WHERE e.side = 'c') <> 1
            OR sum(CASE e.side WHEN 'd' THEN e.posted ELSE -e.posted END) <> 0
            OR sum(CASE e.side WHEN 'd' THEN e.pending ELSE -e.pending END) <> 0
            OR min(e.posted) <> t.posted OR min(e.pending) <> t.pending
    """,
    "an account is the sum of its entries": """
        SELECT a.code FROM nostro.ledger_accounts a
        LEFT JOIN nostro.entries e ON e.book_id = a.book_id AND e.account_no = a.account_no
        WHERE a.book_id = $1
        GROUP BY a.code, a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending
        HAVING coalesce(sum(e.posted) FILTER (WHERE e.side = 'd'), 0) <> a.debits_posted
            OR coalesce(sum(e.posted) FILTER (WHERE e.side = 'c'), 0) <> a.credits_posted
            OR coalesce(sum(e.pending) FILTER (WHERE e.side = 'd'), 0) <> a.debits_pending
            OR coalesce(sum(e.pending) FILTER (WHERE e.side = 'c'), 0) <> a.credits_pending
    """,
    "what is free of the pending balance is what the days will release": """
        WITH days AS (
            SELECT 'merchant:' || account || ':pending:' || currency AS code, sum(net) AS net
            FROM nostro.available_days WHERE book_id = $1 AND NOT released GROUP BY 1
        )
        SELECT a.code FROM nostro.ledger_accounts a LEFT JOIN days d USING (code)
        WHERE a.book_id = $1 AND a.code LIKE 'merchant:%:pending:%'
            AND a.credits_posted - a.debits_posted - a.debits_pending <> coalesce(d.net, 0)
    """,
    "the statement adds up to the balance": """
        WITH lines AS (
            SELECT account, currency, sum(amount - fee) AS net
            FROM nostro.balance_transactions WHERE book_id = $1 GROUP BY 1, 2
        )
        SELECT l.account FROM lines l
        INNER JOIN nostro.ledger_accounts a ON a.book_id = $1 AND a.code IN (
            'merchant:' || l.account || ':pending:' || l.currency,
            'merchant:' || l.account || ':available:' || l.currency
        )
        GROUP BY l.account, l.currency, l.net
        HAVING sum(a.credits_posted - a.debits_posted) <> l.net
    """,
    "a charge counts its refunds": """
        SELECT c.id FROM nostro.charges c
        LEFT JOIN nostro.refunds r ON r.book_id = c.book_id AND r.charge = c.id
        WHERE c.book_id = $1 GROUP BY c.id, c.amount_refunded, c.refunds_reserved
        HAVING c.amount_refunded <> coalesce(
                sum(r.amount) FILTER (WHERE r.state IN ('provisional', 'succeeded')), 0
            )
            OR c.refunds_reserved <> coalesce(sum(r.amount) FILTER (
                WHERE r.state IN ('waiting', 'sending', 'unknown', 'accepted')
            ), 0)
    """,
    "an open hold is that of a refund under way": """
        SELECT r.id FROM nostro.refunds r
        LEFT JOIN nostro.holds h ON h.book_id = r.book_id AND h.subject = r.id
        WHERE r.book_id = $1 GROUP BY r.id, r.state, r.amount
        HAVING coalesce(sum(h.remaining), 0)
            <> CASE WHEN r.state IN ('sending', 'unknown', 'accepted') THEN r.amount ELSE 0 END
    """,
}
CLEARED: LiteralString = """
    SELECT reference, amount_refunded FROM nostro.charges
    WHERE book_id = $1 AND status = 'succeeded' AND refunds_reserved = 0
"""


async def judge(world: World) -> None:
    """Raise if a rule is broken, or the acquirer's own book says otherwise."""
    for rule, statement in RULES.items():
        assert await world.reader.fetch(statement, BOOK) == [], rule
    for reference, refunded in await world.reader.fetch(CLEARED, BOOK):
        theirs = world.sandbox.inquire(reference)[1]["refunded"]
        assert theirs == refunded + world.refunded_elsewhere, "the acquirer's book differs"
