"""Ledger accounts, entries and explanations. Minor units; seconds; positive on the account's normal side."""

from __future__ import annotations

from typing import Any

from nostro.kernel.clock import SECOND
from nostro.kernel.posting import Balance
from nostro.ledger import sides
from nostro.ledger.accounts import LedgerAccount
from nostro.ledger.statement import Entry
from nostro.ledger.story import Side, Told
from nostro.verification.explanation import Done, Explanation

Body = dict[str, Any]


def account_object(
    account: LedgerAccount, found: Balance, at: int | None = None, effective_on: str | None = None
) -> Body:
    """An account with a balance of it. By effective date nothing is held: holds have no effective date."""
    code, now = account.code, effective_on is None
    return {
        "id": code, "object": "ledger_account", "currency": account.currency,
        "balance": sides.posted(code, found), "debits_posted": found.debits_posted,
        "credits_posted": found.credits_posted,
        "pending": sides.pending(code, found) if now else None,
        "debits_pending": found.debits_pending if now else None,
        "credits_pending": found.credits_pending if now else None,
        "at": at, "effective_on": effective_on,
    }  # fmt: skip


def entry_object(entry: Entry) -> Body:
    """A line of a statement. Its id is its transfer's, and the cursor of lists."""
    return {
        "id": entry.transfer, "object": "ledger_entry", "amount": entry.amount,
        "pending": entry.pending, "balance": entry.balance, "created": entry.at_ms // SECOND,
        "effective_on": entry.effective_on, "kind": entry.kind, "code": entry.code,
        "subject": entry.subject, "counter_account": entry.counter_account,
    }  # fmt: skip


def explanation_object(found: Explanation, own: str) -> Body:
    """A story. Balances are shown of accounts whose codes begin with `own`."""
    return {
        "id": found.id, "object": "ledger_explanation", "subjects": list(found.subjects),
        "transfers": [_transfer(line, own) for line in found.transfers],
        "records": [_record(done) for done in found.records],
    }  # fmt: skip


def _transfer(line: Told, own: str) -> Body:
    return {
        "id": line.transfer, "created": line.at_ms // SECOND, "effective_on": line.effective_on,
        "kind": line.kind, "code": line.code, "subject": line.subject, "amount": line.amount,
        "posted": line.posted, "pending": line.pending, "currency": line.currency,
        "chain": line.chain, "hold": line.hold, "batch": line.batch,
        "debit": _side(line.debit, own), "credit": _side(line.credit, own),
    }  # fmt: skip


def _side(side: Side, own: str) -> Body:
    if not side.account.startswith(own):
        return {"account": side.account}
    return {"account": side.account, "balance": side.balance, "pending": side.held}


def _record(done: Done) -> Body:
    record = done.record
    return {
        "created": done.at_ms // SECOND, "action": record.action, "subject": record.subject,
        "actor": record.actor, "request": record.request_id, "outcome": record.outcome,
    }  # fmt: skip
