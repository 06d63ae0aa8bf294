"""Which check guards which column: every column of the rooms `ledger` and `audit`, by the name of its check.

A column that is not here is not proven by anything; the tests refuse it, and the tamper drill changes each.
"""

from __future__ import annotations

from collections.abc import Mapping


def _all_by(check: str, columns: str, **others: str) -> Mapping[str, str]:
    return dict.fromkeys(columns.split(), check) | others


GUARDS: Mapping[str, Mapping[str, str]] = {
    "book_heads": _all_by(
        "book_head",
        "book_id epoch next_transfer next_account next_batch next_audit last_ms last_leaf frontier",
        next_seq="row_sequence",
    ),
    "batches": _all_by(
        "batch_headers",
        "book_id batch_no at_ms epoch writer first_transfer transfer_count balance_count "
        "rejection_count limit_count first_audit audit_count transfers_root balances_root "
        "rejections_root limits_root audit_root previous_leaf leaf",
    ),
    "ledger_accounts": _all_by(
        "accounts",
        "book_id account_no currency overdraft_max overcredit_max debits_posted credits_posted "
        "debits_pending credits_pending version",
        code="account_codes",
    ),
    "limit_changes": _all_by(
        "limits_root",
        "book_id batch_no ordinal after_seq account_no overdraft_max overcredit_max",
    ),
    "transfers": _all_by(
        "transfers_root",
        "book_id seq transfer_id effective_on kind debit_account credit_account amount posted "
        "pending currency code subject chain_id hold_id final expires_ms metadata_hash",
        batch_no="batch_rows",
        at_ms="batch_rows",
    ),
    "transfer_metadata": _all_by("metadata", "book_id transfer_id metadata salt"),
    "entries": _all_by(
        "entries",
        "book_id account_no version transfer_seq side posted pending debits_posted credits_posted "
        "debits_pending credits_pending",
    ),
    "effective_days": _all_by("effective_days", "book_id account_no effective_on debits credits"),
    "holds": _all_by(
        "holds",
        "book_id hold_id debit credit currency amount remaining open subject expires_ms",
    ),
    "rejections": _all_by(
        "rejections_root",
        "book_id batch_no ordinal after_seq transfer_id chain_id kind debit credit amount currency "
        "code subject hold_id final effective_on expires_ms metadata_hash reason",
    ),
    "audit_records": _all_by(
        "audit_root",
        "book_id seq action subject changes actor request_id outcome address_hash",
        batch_no="batch_rows",
        address="addresses",
        address_salt="addresses",
    ),
    "checkpoints": _all_by("checkpoints", "book_id tree_size root at_ms note"),
    "log_nodes": _all_by("log_nodes", "book_id height number hash"),
    "log_keys": _all_by("log_keys", "public_key origin created_ms retired_ms"),
    "balance_snapshots": _all_by(
        "snapshots", "book_id id taken_on as_of_batch last_transfer account_count root"
    ),
    "alarms": _all_by("alarms", "book_id id kind subject detail raised_ms"),
}
