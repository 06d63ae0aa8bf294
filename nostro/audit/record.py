"""One record of the audit log: who changed what, on whose word, and how it went."""

from __future__ import annotations

from typing import NamedTuple


class AuditRecord(NamedTuple):
    """What a command changed besides money.

    `action` is the command, `subject` the object it is about. `changes` is a JSON array of
    `[table, id, state before, state after]`, "" before for what is new. `actor` is the API key's id, `worker` or
    `operator`. `address` is where the request came from; it may be erased, its hash under `salt` stays in the log.
    """

    action: str
    subject: str
    changes: str
    actor: str
    request_id: str | None
    outcome: str
    address: str | None = None
    salt: bytes | None = None
    address_hash: bytes | None = None
