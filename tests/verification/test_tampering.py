"""Each check is shown to fail: a superuser changes, deletes or inserts rows, and verification names the check and the row."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import pytest

from nostro.verification.acquirer_book import Line
from nostro.verification.checks import ACQUIRER_CHECKS, CHECKS
from tests.verification.conftest import Books

MERCHANT = "acct_1Verify"
LATER_MS = 4_000_000_000_000  # in 2096

# check · the row it must name · what the superuser does. `<name>` is an id of the history.
TAMPERINGS: list[tuple[str, str, tuple[str, ...]]] = [
    ("transfer_entries", "transfer 3", ("DELETE FROM nostro.entries WHERE transfer_seq = 3 AND side = 'd'",)),
    ("transfer_entries", "transfer 3", ("UPDATE nostro.entries SET posted = posted + 1 WHERE transfer_seq = 3",)),
    ("transfer_entries", "transfer 3", ("UPDATE nostro.entries SET side = 'd' WHERE transfer_seq = 3",)),
    ("transfer_entries", "transfer 3", ("DELETE FROM nostro.transfers WHERE seq = 3",)),
    ("transfer_entries", "transfer 3", ("DELETE FROM nostro.entries WHERE transfer_seq = 3",)),
    ("transfer_currency", "transfer 3", ("UPDATE nostro.transfers SET currency = 'jpy' WHERE seq = 3",)),
    (
        "trial_balance", "currency usd",
        ("UPDATE nostro.ledger_accounts SET credits_posted = credits_posted + 1 WHERE code = 'platform:fees:usd'",),
    ),
    (
        "trial_balance", "currency usd",
        ("UPDATE nostro.ledger_accounts SET debits_pending = debits_pending + 1 WHERE code = 'platform:fees:usd'",),
    ),
    (
        "account_balances", "platform:fees:usd",
        ("UPDATE nostro.ledger_accounts SET credits_posted = credits_posted + 1 WHERE code = 'platform:fees:usd'",),
    ),
    (
        "account_balances", "platform:fees:usd",
        ("UPDATE nostro.ledger_accounts SET version = version + 1 WHERE code = 'platform:fees:usd'",),
    ),
    ("account_balances", "account 1", ("DELETE FROM nostro.ledger_accounts WHERE account_no = 1",)),
    ("entry_chain", "account 1 version 3", ("DELETE FROM nostro.entries WHERE account_no = 1 AND version = 2",)),
    (
        "entry_chain", "account 1 version 2",
        ("UPDATE nostro.entries SET debits_posted = debits_posted + 1 WHERE account_no = 1 AND version = 2",),
    ),
    (
        "entry_chain", "account 1 version 2",
        ("UPDATE nostro.entries SET transfer_seq = 1 WHERE account_no = 1 AND version = 2",),
    ),
    ("transfer_sequence", "transfer 3", ("DELETE FROM nostro.transfers WHERE seq = 3",)),
    ("transfer_sequence", "book head", ("UPDATE nostro.book_heads SET next_transfer = next_transfer + 1",)),
    ("batch_sequence", "batch 3", ("DELETE FROM nostro.batches WHERE batch_no = 2",)),
    ("batch_sequence", "book head", ("UPDATE nostro.book_heads SET next_batch = next_batch + 1",)),
    ("batch_sequence", "batch 3", ("UPDATE nostro.batches SET first_transfer = 9 WHERE batch_no = 3",)),
    ("batch_transfers", "batch 2", ("UPDATE nostro.transfers SET at_ms = at_ms + 1 WHERE seq = 1",)),
    ("batch_transfers", "batch 2", ("UPDATE nostro.transfers SET batch_no = 1 WHERE seq = 1",)),
    (
        "burned_ids", "transfer 1",
        (
            ("INSERT INTO nostro.rejections (book_id, batch_no, ordinal, after_seq, transfer_id, kind, debit, "
            "credit, amount, currency, code, subject, final, reason) SELECT book_id, batch_no, 1, seq, "
            "transfer_id, kind, 'a', 'b', amount, currency, code, subject, final, 'exceeds_hold' "
            "FROM nostro.transfers WHERE seq = 1"),
        ),
    ),
    (
        "hold_fold", "hold <standing_uuid>",
        ("UPDATE nostro.holds SET remaining = remaining - 1 WHERE subject = '<standing>'",),
    ),
    ("hold_fold", "hold <standing_uuid>", ("DELETE FROM nostro.holds WHERE subject = '<standing>'",)),
    (
        "hold_fold", "hold <standing_uuid>",
        ("UPDATE nostro.holds SET credit = 'merchant:acct_2:pending:usd' WHERE subject = '<standing>'",),
    ),
    (
        "pending_balances", "acquirer:sandbox:clearing:usd",
        (
            ("UPDATE nostro.ledger_accounts SET debits_pending = debits_pending + 1 "
            "WHERE code = 'acquirer:sandbox:clearing:usd'"),
        ),
    ),
    ("posting_table", "transfer 1", ("UPDATE nostro.transfers SET code = 'gift' WHERE seq = 1",)),
    ("posting_table", "transfer 1", ("UPDATE nostro.transfers SET subject = 'ch_nobody' WHERE seq = 1",)),
    (
        "posting_table", "transfer 1",
        ("UPDATE nostro.ledger_accounts SET code = 'merchant:acct_2:pending:usd' WHERE code LIKE '%:pending:usd'",),
    ),
    (
        "posting_table", "transfer 1",
        ("UPDATE nostro.ledger_accounts SET code = 'acquirer:other:clearing:usd' WHERE code LIKE '%:clearing:usd'",),
    ),
    (
        "charge_postings", "<sale>",
        (
            ("UPDATE nostro.transfers SET amount = amount + 1, posted = posted + 1 "
            "WHERE subject = '<sale>' AND code = 'sale'"),
        ),
    ),
    ("charge_postings", "<sale>", ("DELETE FROM nostro.transfers WHERE subject = '<sale>' AND code = 'fee'",)),
    ("charge_postings", "<sale>", ("DELETE FROM nostro.charges WHERE id = '<sale>'",)),
    ("charge_postings", "<standing>", ("UPDATE nostro.charges SET released = true WHERE id = '<standing>'",)),
    ("charge_postings", "<expired>", ("UPDATE nostro.charges SET released = false WHERE id = '<expired>'",)),
    (
        "charge_postings", "<partial>",
        ("DELETE FROM nostro.transfers WHERE subject = '<partial>' AND code = 'partial_capture_reversal'",),
    ),
    (
        "charge_postings", "<sale>",
        (
            (
                "INSERT INTO nostro.transfers SELECT book_id, 999999, gen_random_uuid(), batch_no, at_ms, "
                "effective_on, kind, debit_account, credit_account, amount, posted, pending, currency, "
                "code, subject, chain_id, hold_id, final FROM nostro.transfers "
                "WHERE subject = '<sale>' AND code = 'fee'"
            ),
        ),
    ),
    (
        "transfer_entries", "transfer 3",
        (
            (
                "INSERT INTO nostro.entries SELECT book_id, account_no, 999999, transfer_seq, side, "
                "posted, pending, debits_posted, credits_posted, debits_pending, credits_pending "
                "FROM nostro.entries WHERE transfer_seq = 3 AND side = 'd'"
            ),
        ),
    ),
    (
        "charge_attempts", "<sale>",
        ("UPDATE nostro.payment_attempts SET state = 'declined' WHERE id = '<sale_attempt>'",),
    ),
    ("charge_attempts", "<sale>", ("DELETE FROM nostro.payment_attempts WHERE id = '<sale_attempt>'",)),
    (
        "charge_attempts", "<sale>",
        ("UPDATE nostro.payment_attempts SET amount = amount + 1 WHERE id = '<sale_attempt>'",),
    ),
    ("charge_attempts", "<declined_attempt>", ("DELETE FROM nostro.charges WHERE id = '<declined>'",)),
    (
        "captures_and_voids", "<voided>",
        ("UPDATE nostro.payment_attempts SET state = 'declined' WHERE id = '<void>'",),
    ),
    (
        "captures_and_voids", "<partial>",
        ("UPDATE nostro.charges SET amount_captured = amount_captured - 1 WHERE id = '<partial>'",),
    ),
    (
        "hold_owners", "hold <unknown_hold>",
        ("UPDATE nostro.payment_attempts SET state = 'declined' WHERE id = '<unknown>'",),
    ),
    ("hold_owners", "<unknown>", ("UPDATE nostro.payment_attempts SET doubt_hold = NULL WHERE id = '<unknown>'",)),
    ("hold_owners", "hold <standing_hold>", ("UPDATE nostro.charges SET hold = NULL WHERE id = '<standing>'",)),
    (
        "hold_owners", "<standing>",
        ("UPDATE nostro.holds SET remaining = 0, open = false WHERE subject = '<standing>'",),
    ),
    ("hold_owners", "<standing>", ("UPDATE nostro.holds SET remaining = remaining - 1 WHERE subject = '<standing>'",)),
    (
        "hold_owners", "hold <refund_hold>",
        ("UPDATE nostro.refunds SET state = 'succeeded' WHERE id = '<refund_unknown>'",),
    ),
    ("charge_transactions", "<sale>", ("DELETE FROM nostro.balance_transactions WHERE source = '<sale>'",)),
    (
        "charge_transactions", "<sale>",
        ("UPDATE nostro.balance_transactions SET amount = amount + 1 WHERE source = '<sale>'",),
    ),
    (
        "charge_transactions", "<sale>",
        (
            ("INSERT INTO nostro.balance_transactions SELECT book_id, 999999, 'txn_twice', account, type, "
            "reporting_category, amount, fee, currency, available_on, source, created_ms, description "
            "FROM nostro.balance_transactions WHERE source = '<sale>'"),
        ),
    ),
    (
        "charge_transactions", "<partial>",
        ("DELETE FROM nostro.balance_transactions WHERE source = '<partial>' AND type = 'adjustment'",),
    ),
    (
        "top_ups", "<top_up>",
        ("UPDATE nostro.balance_transactions SET amount = amount + 1 WHERE id = '<top_up>'",),
    ),
    ("top_ups", "<top_up>", ("DELETE FROM nostro.transfers WHERE code = 'top_up'",)),
    (
        "transaction_types", "<sale_transaction>",
        ("UPDATE nostro.balance_transactions SET type = 'gift' WHERE source = '<sale>'",),
    ),
    (
        "merchant_balances", f"{MERCHANT} usd",
        ("UPDATE nostro.balance_transactions SET amount = amount + 1 WHERE source = '<sale>'",),
    ),
    (
        "merchant_balances", f"{MERCHANT} eur",
        ("DELETE FROM nostro.ledger_accounts WHERE code LIKE 'merchant:%:pending:eur'",),
    ),
    ("available_days", "<day>", ("UPDATE nostro.available_days SET net = net + 1 WHERE id = '<day>'",)),
    ("available_days", "<day>", ("DELETE FROM nostro.transfers WHERE subject = '<day>'",)),
    ("available_days", "<day>", ("UPDATE nostro.available_days SET released = false WHERE id = '<day>'",)),
    ("available_days", "<day>", ("DELETE FROM nostro.available_days WHERE id = '<day>'",)),
    (
        "available_days", "<day>",
        ("DELETE FROM nostro.transfers WHERE subject = '<late>' AND code = 'available'",),
    ),
    (
        "pending_merchants", f"{MERCHANT} usd",
        ("UPDATE nostro.available_days SET net = net + 1 WHERE NOT released AND currency = 'usd'",),
    ),
    (
        "pending_merchants", f"{MERCHANT} usd",
        ("UPDATE nostro.refunds SET from_pending = false WHERE id = '<refund_unknown>'",),
    ),
    ("refund_postings", "<refund>", ("DELETE FROM nostro.transfers WHERE subject = '<refund>' AND code = 'refund'",)),
    ("refund_postings", "<accepted>", ("UPDATE nostro.refunds SET state = 'failed' WHERE id = '<accepted>'",)),
    ("refund_postings", "<waiting>", ("UPDATE nostro.refunds SET state = 'sending' WHERE id = '<waiting>'",)),
    ("refund_postings", "<refund>", ("DELETE FROM nostro.refunds WHERE id = '<refund>'",)),
    (
        "refund_postings", "<refused>",
        ("UPDATE nostro.transfers SET code = 'refund' WHERE subject = '<refused>' AND code = 'refund_void'",),
    ),
    ("refund_transactions", "<refund>", ("DELETE FROM nostro.balance_transactions WHERE source = '<refund>'",)),
    (
        "refund_transactions", "<failed>",
        ("UPDATE nostro.refunds SET failure_balance_transaction = NULL WHERE id = '<failed>'",),
    ),
    (
        "refund_transactions", "<from_available>",
        ("UPDATE nostro.balance_transactions SET amount = amount - 1 WHERE source = '<from_available>'",),
    ),
    (
        "charge_refunds", "<refunded>",
        ("UPDATE nostro.charges SET amount_refunded = amount_refunded + 1 WHERE id = '<refunded>'",),
    ),
    (
        "charge_refunds", "<refunded>",
        ("UPDATE nostro.charges SET refunds_reserved = refunds_reserved - 1 WHERE id = '<refunded>'",),
    ),
    ("charge_refunds", "<refunded>", ("UPDATE nostro.refunds SET account = 'acct_2' WHERE id = '<refund>'",)),
    ("intents", "<sale_intent>", ("UPDATE nostro.payment_intents SET status = 'processing' WHERE id = '<sale_intent>'",)),
    ("intents", "<sale_intent>", ("UPDATE nostro.payment_intents SET status = 'canceled' WHERE id = '<sale_intent>'",)),
    (
        "intents", "<sale_intent>",
        ("UPDATE nostro.payment_intents SET amount_received = amount_received - 1 WHERE id = '<sale_intent>'",),
    ),
    (
        "intents", "<sale_intent>",
        ("UPDATE nostro.payment_intents SET latest_charge = 'ch_nobody' WHERE id = '<sale_intent>'",),
    ),
    (
        "intents", "<standing_intent>",
        ("UPDATE nostro.payment_intents SET amount_capturable = 1 WHERE id = '<standing_intent>'",),
    ),
    (
        "intents", "<standing_intent>",
        ("UPDATE nostro.payment_intents SET status = 'succeeded' WHERE id = '<standing_intent>'",),
    ),
    ("intents", "<sale_intent>", ("UPDATE nostro.charges SET intent = '<sale_intent>' WHERE id = '<standing>'",)),
    ("intents", "<sale_intent>", ("DELETE FROM nostro.charges WHERE id = '<sale>'",)),
    (
        "intents", "<unknown_intent>",
        (
            "DROP INDEX nostro.payment_attempts_one_live",
            "UPDATE nostro.payment_attempts SET intent = '<unknown_intent>' WHERE id = '<sending>'",
        ),
    ),
    ("intents", "pi_nobody", ("UPDATE nostro.payment_attempts SET intent = 'pi_nobody' WHERE id = '<sending>'",)),
    (
        "keys_in_flight", f"key {MERCHANT}/in_flight",
        ("UPDATE nostro.payment_attempts SET state = 'unknown' WHERE id = '<sending>'",),
    ),
    (
        "keys_in_flight", f"key {MERCHANT}/answered",
        ("UPDATE nostro.idempotency_keys SET answer = NULL WHERE id LIKE '%/answered'",),
    ),
    (
        "keys_answered", f"key {MERCHANT}/answered",
        (
            ("UPDATE nostro.idempotency_keys SET answer = replace(answer, '<sale_intent>', 'pi_nobody') "
            "WHERE id LIKE '%/answered'"),
        ),
    ),
    ("keys_answered", f"key {MERCHANT}/refunded", ("DELETE FROM nostro.refunds WHERE id = '<refund>'",)),
    (
        "events", "<sale_intent>",
        (
            ("DELETE FROM nostro.events WHERE type = 'payment_intent.succeeded' "
            "AND snapshot LIKE '%<sale_intent>%'"),
        ),
    ),
    (
        "events", "<sale>",
        (
            ("INSERT INTO nostro.events SELECT book_id, 999999, 'evt_twice', account, type, created_ms, live, "
            "snapshot FROM nostro.events WHERE type = 'charge.succeeded' "
            "AND snapshot LIKE '%\"id\":\"<sale>\"%'"),
        ),
    ),
    (
        "events", "<standing_intent>",
        (
            ("UPDATE nostro.events SET type = 'payment_intent.succeeded' WHERE type LIKE '%capturable_updated' "
            "AND snapshot LIKE '%<standing_intent>%'"),
        ),
    ),
    ("audit_sequence", "audit record 3", ("DELETE FROM nostro.audit_records WHERE seq = 3",)),
    ("audit_sequence", "book head", ("UPDATE nostro.book_heads SET next_audit = next_audit + 1",)),
    ("audit_sequence", "batch 1", ("UPDATE nostro.batches SET audit_count = audit_count + 1 WHERE batch_no = 1",)),
    ("audit_sequence", "batch 1", ("UPDATE nostro.audit_records SET batch_no = 2 WHERE batch_no = 1",)),
    *[
        (
            "conclusions", "<declined_attempt>",
            (
                ("INSERT INTO nostro.evidence_files VALUES (0, encode(sha256('x'), 'hex'), 'x', 'x')"),
                ("INSERT INTO nostro.operators SELECT 0, id, id, 'active', 1 FROM unnest(ARRAY['a', 'b']) AS x (id)"),
                ("INSERT INTO nostro.conclusions VALUES (0, '<declined_attempt>', 'done', 'n', 'r', "
                 f"encode(sha256('x'), 'hex'), '{state}', 'a', 1, 'b', 1)"),
                *more,
            ),
        )
        for state, *more in (
            ("applied",),
            ("proposed", "DELETE FROM nostro.operators WHERE id = 'a'"),
            ("withdrawn", "ALTER TABLE nostro.conclusions DROP CONSTRAINT conclusions_book_id_evidence_fkey",
             "DELETE FROM nostro.evidence_files"),
            ("withdrawn", "ALTER TABLE nostro.evidence_files DROP CONSTRAINT evidence_files_check",
             "UPDATE nostro.evidence_files SET body = 'y'"),
        )
    ],
    ("audit_states", "<sale_intent>", ("UPDATE nostro.payment_intents SET status = 'canceled' WHERE id = '<sale_intent>'",)),
    (
        "audit_states", "<declined_attempt>",
        ("UPDATE nostro.payment_attempts SET state = 'approved' WHERE id = '<declined_attempt>'",),
    ),
    ("audit_states", "<declined>", ("UPDATE nostro.charges SET status = 'succeeded' WHERE id = '<declined>'",)),
    ("audit_states", "<sale>", ("DELETE FROM nostro.charges WHERE id = '<sale>'",)),
    ("audit_states", "<refund>", ("UPDATE nostro.refunds SET state = 'failed' WHERE id = '<refund>'",)),
    (
        "audit_states", "<standing_hold>",
        ("UPDATE nostro.holds SET remaining = remaining - 1 WHERE subject = '<standing>'",),
    ),
    ("audit_states", "<refund>", ("DELETE FROM nostro.audit_records WHERE subject = '<refund>'",)),
    (
        "audit_states", "<sale_intent>",
        (
            ("UPDATE nostro.audit_records SET changes = replace(changes, '\"succeeded\"', '\"failed\"') "
            "WHERE subject = '<sale_intent>' AND action = 'settle'"),
        ),
    ),
    (
        "audit_states", "<sale_intent>",
        ("UPDATE nostro.audit_records SET changes = 'no list' WHERE subject = '<sale_intent>' AND action = 'settle'",),
    ),
    ("audit_states", "audit record <first_settle>", ("DELETE FROM nostro.audit_records WHERE seq = <first_intend>",)),
    (
        "audit_states", "audit record <first_settle>",
        (
            ("UPDATE nostro.audit_records SET changes = replace(changes, '\"processing\"', '\"canceled\"') "
            "WHERE seq IN (<first_intend>, <first_settle>)"),
        ),
    ),
    (
        "audit_states", "<endpoint>",
        ("UPDATE nostro.webhook_endpoints SET url = 'https://elsewhere.example/' WHERE id = '<endpoint>'",),
    ),
    ("audit_states", "<endpoint>", ("UPDATE nostro.webhook_endpoints SET enabled_events = '[]' WHERE id = '<endpoint>'",)),
    ("audit_states", "<key>", ("UPDATE nostro.told_settings SET state = 'revoked' WHERE id = '<key>'",)),
    ("key_records", "<key>", ("UPDATE nostro.api_keys SET revoked_ms = 1 WHERE id = '<key>'",)),
    ("key_records", "<revoked_key>", ("UPDATE nostro.api_keys SET revoked_ms = NULL WHERE id = '<revoked_key>'",)),
    ("key_records", "<key>", ("DELETE FROM nostro.api_keys WHERE id = '<key>'",)),
    ("key_records", "<key>", ("UPDATE nostro.audit_records SET changes = '[]' WHERE subject = '<key>'",)),
    (
        "key_records", "<key>",
        (
            ("INSERT INTO nostro.accounts SELECT 'acct_planted', test_book, live_book, name, email, country, "
            "default_currency, fee_basis_points, fee_fixed, api_version, created_ms "
            "FROM nostro.accounts WHERE account = '<shop>'"),
            "UPDATE nostro.api_keys SET account = 'acct_planted' WHERE id = '<key>'",
        ),
    ),
    ("key_records", "<key>", ("UPDATE nostro.api_keys SET live = true WHERE id = '<key>'",)),
    ("key_records", "<key>", ("UPDATE nostro.api_keys SET key_hash = '\\x00' WHERE id = '<key>'",)),
    ("key_records", "<key>", (f"UPDATE nostro.api_keys SET created_ms = {LATER_MS} WHERE id = '<key>'",)),
    (
        "key_records", "key_000000000000000000000000",
        (
            ("INSERT INTO nostro.api_keys SELECT decode(repeat('00', 32), 'hex'), 'key_000000000000000000000000', "
            f"account, live, prefix, last4, {LATER_MS} FROM nostro.api_keys WHERE id = '<key>'"),
        ),
    ),
    (
        "key_records", "key_untold",
        (
            ("INSERT INTO nostro.setting_changes SELECT book_id, 'key_untold', 1, 'api_keys', 'x', 'x', 'x', "
            f"{LATER_MS} FROM nostro.books WHERE book_id = 0"),
        ),
    ),
    (
        "key_records", "key_planted",
        (
            ("INSERT INTO nostro.api_keys SELECT '\\x00', 'key_planted', account, live, prefix, last4, created_ms "
            "FROM nostro.api_keys WHERE id = '<key>'"),
        ),
    ),
    (
        "key_records", "<revoked_key>",
        ("UPDATE nostro.audit_records SET action = 'x' WHERE subject = '<revoked_key>' AND action = 'api_key.revoked'",),
    ),
    ("account_records", "<shop>", ("UPDATE nostro.accounts SET fee_fixed = 0 WHERE account = '<shop>'",)),
    ("account_records", "<shop>", ("DELETE FROM nostro.audit_records WHERE action = 'account.created'",)),
    (
        "account_records", "<shop>",
        (
            "UPDATE nostro.accounts SET fee_fixed = 0 WHERE account = '<shop>'",
            ("INSERT INTO nostro.setting_changes SELECT book_id, '<shop>', 9, 'accounts', 'x', 'x', 'x', "
            f"{LATER_MS} FROM nostro.books WHERE book_id = 0"),
        ),
    ),
    ("account_records", "<shop>", (f"UPDATE nostro.accounts SET created_ms = {LATER_MS} WHERE account = '<shop>'",)),
    (
        "book_mode", "book 0",
        (
            "INSERT INTO nostro.books VALUES (9, true, 'nine', 0)",
            "UPDATE nostro.accounts SET live_book = 9 WHERE account = '<shop>'",
            "UPDATE nostro.books SET live = true WHERE book_id = 0",
        ),
    ),
    (
        "account_records", "acct_planted",
        (
            ("INSERT INTO nostro.accounts SELECT 'acct_planted', test_book, live_book, name, email, country, "
            "default_currency, fee_basis_points, fee_fixed, api_version, created_ms "
            "FROM nostro.accounts WHERE account = '<shop>'"),
        ),
    ),
    ("row_sequence", "row 1", ("DELETE FROM nostro.payment_methods WHERE seq = 1",)),
    ("row_sequence", "row 2", ("UPDATE nostro.payment_methods SET seq = 2 WHERE seq = 1",)),
    ("row_sequence", "book head", ("UPDATE nostro.book_heads SET next_seq = next_seq + 1",)),
    (
        "sandbox_to_ours", "<sale_attempt>",
        ("UPDATE nostro.payment_attempts SET state = 'declined' WHERE id = '<sale_attempt>'",),
    ),
    ("sandbox_to_ours", "<sale_attempt>", ("DELETE FROM nostro.payment_attempts WHERE id = '<sale_attempt>'",)),
    ("sandbox_to_ours", "<refund>", ("UPDATE nostro.refunds SET state = 'failed' WHERE id = '<refund>'",)),
    (
        "ours_to_sandbox", "<declined_attempt>",
        ("UPDATE nostro.payment_attempts SET state = 'approved' WHERE id = '<declined_attempt>'",),
    ),
    (
        "sandbox_terms", "<sale_attempt>",
        ("UPDATE nostro.payment_attempts SET amount = amount - 1 WHERE id = '<sale_attempt>'",),
    ),
    ("sandbox_terms", "<refund>", ("UPDATE nostro.refunds SET amount = amount - 1 WHERE id = '<refund>'",)),
    (
        "sandbox_one_charge", "<sale_intent>",
        ("UPDATE nostro.payment_attempts SET intent = '<sale_intent>' WHERE id = '<standing_attempt>'",),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "row", "statements"),
    TAMPERINGS,
    ids=[f"{c}-{n}" for n, (c, _, _) in enumerate(TAMPERINGS)],
)
def test_a_tampering_is_named(
    books: Books, check: str, row: str, statements: tuple[str, ...]
) -> None:
    report = asyncio.run(books.tampered(statements))
    assert not report.clean
    assert books.named(row) in report.off().get(check, ()), report.off()


def test_every_check_was_shown_to_fail() -> None:
    assert {name for name, _, _ in TAMPERINGS} == {c.name for c in (*CHECKS, *ACQUIRER_CHECKS)}


Change = Callable[[Line], list[Line]]


def lost(line: Line) -> list[Line]:
    return []


def cancelled(line: Line) -> list[Line]:
    return [msgspec.structs.replace(line, cancelled=True, state="cancelled")]


def doubled(line: Line) -> list[Line]:
    return [msgspec.structs.replace(line, amount=2 * line.amount)]


def elsewhere(line: Line) -> list[Line]:
    return [msgspec.structs.replace(line, currency="jpy")]


def renamed(line: Line) -> list[Line]:
    return [line, msgspec.structs.replace(line, reference="att_nobody")]


def pending(line: Line) -> list[Line]:
    return [msgspec.structs.replace(line, outcome="pending", state="pending")]


def other_original(line: Line) -> list[Line]:
    return [msgspec.structs.replace(line, original="att_other")]


@pytest.mark.parametrize(
    ("name", "change", "check", "row"),
    [
        ("<sale_attempt>", lost, "ours_to_sandbox", "<sale_attempt>"),
        ("<sale_attempt>", cancelled, "ours_to_sandbox", "<sale_attempt>"),
        ("<void>", lost, "ours_to_sandbox", "<void>"),
        ("<refund>", lost, "ours_to_sandbox", "<refund>"),
        ("<accepted>", lost, "ours_to_sandbox", "<accepted>"),
        ("<sale_attempt>", doubled, "sandbox_terms", "<sale_attempt>"),
        ("<refund>", elsewhere, "sandbox_terms", "<refund>"),
        ("<refund>", pending, "sandbox_terms", "<refund>"),
        ("<void>", other_original, "sandbox_terms", "<void>"),
        ("<sale_attempt>", renamed, "sandbox_to_ours", "att_nobody"),
    ],
)
def test_a_line_of_the_acquirer_that_differs_is_named(
    books: Books, name: str, change: Change, check: str, row: str
) -> None:
    theirs = changed(books.theirs, books.named(name), change)
    report = asyncio.run(books.tampered((), theirs))
    assert report.off().get(check) == (books.named(row),), report.off()
    assert len(report.off()) == 1


def changed(lines: Sequence[Line], reference: str, change: Change) -> list[Line]:
    """The lines with those of one reference changed."""
    return [
        new for line in lines for new in (change(line) if line.reference == reference else [line])
    ]


@pytest.mark.parametrize("change", [lost, doubled, renamed])
def test_what_is_younger_than_the_watermark_is_set_apart(books: Books, change: Change) -> None:
    name = books.history["sale_attempt"]
    theirs = changed(books.theirs, name, change)
    report = asyncio.run(books.tampered((), theirs, watermark_seconds=3_600))
    assert report.off() == {}
    assert report.apart_count > 0


def test_what_is_live_is_set_apart_however_old(books: Books) -> None:
    theirs = changed(books.theirs, books.history["unknown"], lost)
    report = asyncio.run(books.tampered((), theirs))
    assert report.off() == {}
    assert books.history["unknown"] in {finding.subject for finding in report.apart}
