"""The checks by name. Each has one statement, which returns the rows that are off: none is the proof."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """A name, and the sentence that is true when it passes. Its statement in `queries.sql` has the same name."""

    name: str
    proves: str


CHECKS = (
    Check(
        "transfer_entries", "each transfer has one debit and one credit entry, of its own amounts"
    ),
    Check("transfer_currency", "each transfer is between two accounts of its currency"),
    Check("trial_balance", "debits equal credits in each currency, posted and pending"),
    Check("account_balances", "stored balances are the sums of entries, and versions their number"),
    Check(
        "entry_chain", "entries of an account follow one another without a gap, and so do balances"
    ),
    Check("transfer_sequence", "transfers are numbered without a gap up to the book's head"),
    Check("batch_sequence", "batches follow one another without a gap up to the book's head"),
    Check("batch_transfers", "batches cover exactly their transfers"),
    Check("burned_ids", "no refused transfer was accepted"),
    Check("hold_fold", "holds are what their transfers make of them"),
    Check("pending_balances", "pending balances are the sums of open holds"),
    Check("posting_table", "each transfer is a line of the posting table and has its subject"),
    Check("charge_postings", "each charge is explained by exactly its transfers"),
    Check("charge_attempts", "each charge has its attempt, and each concluded attempt its charge"),
    Check(
        "captures_and_voids", "each capture and void was approved, and each approved one was made"
    ),
    Check("hold_owners", "open holds belong to authorizations, unknown outcomes and live refunds"),
    Check("charge_transactions", "captured charges and balance transactions are one to one"),
    Check("top_ups", "top-ups and their transfers are one to one"),
    Check("transaction_types", "each balance transaction is of a known type and source"),
    Check("merchant_balances", "what merchants are owed is the sum of their balance transactions"),
    Check("available_days", "each day's net is the sum of its rows, and is released once"),
    Check("pending_merchants", "pending balances are the days to come and what refunds hold"),
    Check("refund_postings", "each refund is explained by exactly its transfers"),
    Check("refund_transactions", "refunds and their balance transactions are one to one"),
    Check("charge_refunds", "charges say of refunds what refunds say themselves"),
    Check("intents", "each intent stands where its attempt and its charge put it"),
    Check(
        "keys_in_flight", "an idempotency key is in flight exactly while its attempt is being sent"
    ),
    Check("keys_answered", "saved answers show objects that exist (the newest 10,000)"),
    Check("events", "each fact was told by exactly one event, and each event is of a fact"),
    Check(
        "audit_sequence",
        "audit records are numbered without a gap, and batches cover exactly theirs",
    ),
    Check("audit_states", "audited states change along their machines, up to where the rows stand"),
    Check(
        "key_records",
        "each API key's creation and end is in the audit log, with whose it is, and nothing else is",
    ),
    Check("account_records", "each account and change of its fees is in the audit log"),
    Check(
        "conclusions",
        "each conclusion is of two operators, on its evidence, and its message stands so",
    ),
    Check("book_mode", "a book is live exactly if it is its accounts' live book"),
    Check("row_sequence", "listed rows are numbered without a gap up to the book's head"),
)

# These four come of one statement, `sandbox_book`, which names them itself.
ACQUIRER_CHECKS = (
    Check("sandbox_to_ours", "what the acquirer has approved was approved here"),
    Check("ours_to_sandbox", "what was approved here the acquirer has approved"),
    Check("sandbox_terms", "both books agree on amount, currency, operation and original"),
    Check("sandbox_one_charge", "each intent has at most one live charge at the acquirer"),
)

# What `--full` proves besides: everything the ledger and the log persist, derived again from the rows themselves.
FULL_CHECKS = (
    Check(
        "batch_headers", "each batch's leaf is the hash of its header, and follows the one before"
    ),
    Check(
        "batch_rows", "each transfer and audit record is in the batch that its number belongs to"
    ),
    Check("encodings", "each row has exactly one form in the log, and the one it has is allowed"),
    Check("transfers_root", "each batch's transfers are those its header was made of"),
    Check("balances_root", "each batch's balances are those its header was made of"),
    Check("rejections_root", "each batch's refused transfers are those its header was made of"),
    Check("limits_root", "each batch's changes of limits are those its header was made of"),
    Check("audit_root", "each batch's audit records are those its header was made of"),
    Check("account_codes", "accounts have the code and the currency that the log recorded"),
    Check(
        "outcomes",
        "decided again, everything is accepted or refused as it was, for the same reason",
    ),
    Check("entries", "decided again, every account stands after each transfer as its entry says"),
    Check(
        "accounts", "accounts, their limits and balances are what the whole history makes of them"
    ),
    Check("holds", "holds are what the whole history makes of them"),
    Check(
        "effective_days", "days of effect are what backdated and postdated transfers make of them"
    ),
    Check(
        "metadata", "metadata are those that the log holds the hash of, or were erased on record"
    ),
    Check(
        "addresses", "addresses are those that the log holds the hash of, or were erased on record"
    ),
    Check("book_head", "the book's head is where its last batch left it, and so is its tree"),
    Check("snapshots", "daily snapshots hold the balances of their moment, and the log their root"),
    Check("log_nodes", "the nodes that proofs are made from are those of the tree"),
    Check("log_keys", "the log's public keys are those of the key file and of the log's directory"),
    Check("checkpoints", "each checkpoint is signed and of this tree"),
    Check("log_directory", "checkpoints and tiles outside the database are of this tree"),
    Check("alarms", "each alarm is in the log as it was raised"),
)

# Of the database and not of a book: made with `--full`, beside the checks of each book.
SCHEMA = Check(
    "schema",
    "tables, constraints, triggers, functions, privileges and roles are those of this release",
)
