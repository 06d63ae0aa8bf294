"""What a command changed, as the audit log tells it: derived from the rows themselves, so that none can forget to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from nostro.audit.record import AuditRecord
from nostro.kernel.answer import Refusal
from nostro.kernel.command import Command, Decision
from nostro.kernel.posting import Hold, Kind

Change = tuple[str, str, str, str]
HOLDS = "holds"
_encode = msgspec.json.Encoder().encode


class Trail:
    """The states of audited rows and of holds before a decision; afterwards, what became of them."""

    def __init__(
        self,
        rows: Mapping[tuple[str, str], Any],
        holds: Mapping[str, Hold],
        decision: Decision[Any],
    ) -> None:
        self._decision = decision
        self._changes = list(_row_changes(rows, decision))
        self._holds = {identifier: _state(holds.get(identifier)) for identifier in _held(decision)}

    def records(
        self,
        command: Command[Any],
        answer: Any,
        holds: Mapping[str, Hold],
        salt: Callable[[], bytes],
    ) -> list[AuditRecord]:
        """A record for each object the command's changes are about, and one for each of its notes."""
        changes, notes = self._changes, self._decision.notes
        if self._holds:
            changes = [*changes, *self._hold_changes(holds)]
        if not changes and not notes:
            return []
        by_subject: dict[str, list[Change]] = {}
        for subject, change in changes:
            by_subject.setdefault(subject, []).append(change)
        asked = getattr(command, "command", command)  # what an idempotency key guards
        origin = getattr(asked, "origin", None)
        actor = str(getattr(origin, "actor", None) or getattr(asked, "actor", "nostro"))
        address = getattr(origin, "address", None)
        request = getattr(origin, "request_id", None)
        outcome = _outcome(answer)
        records = [
            AuditRecord(
                _action(asked), subject, _encode(found).decode(), actor, request, outcome, address,
                salt() if address else None,
            )
            for subject, found in by_subject.items()
        ]  # fmt: skip
        records += [
            AuditRecord(
                note.action, note.subject, note.changes, note.actor or actor, request,
                note.outcome or outcome, address, salt() if address else None,
            )
            for note in notes
        ]  # fmt: skip
        return records

    def _hold_changes(self, holds: Mapping[str, Hold]) -> Iterator[tuple[str, Change]]:
        for identifier, before in self._holds.items():
            hold = holds.get(identifier)
            after = _state(hold)
            if hold is not None and after != before:
                yield hold.subject, (HOLDS, identifier, before, after)


def _row_changes(
    rows: Mapping[tuple[str, str], Any], decision: Decision[Any]
) -> Iterator[tuple[str, Change]]:
    for table, row in decision.rows:
        if table.state_of is None:
            continue
        key = table.key_of(row)
        old = rows.get((table.name, key))
        before, after = str(table.state_of(old)) if old else "", str(table.state_of(row))
        if before != after:
            yield table.about(row), (table.name, key, before, after)
    for table, key in decision.deletes:
        old = rows.get((table.name, key))
        if table.state_of is not None and old:
            yield table.about(old), (table.name, key, str(table.state_of(old)), "")


def _held(decision: Decision[Any]) -> list[str]:
    chains = decision.chains if decision.chains is not None else (decision.transfers,)
    return [
        found.hold or found.id
        for chain in chains
        for found in chain
        if found.kind is not Kind.SINGLE
    ]


def _state(hold: Hold | None) -> str:
    if hold is None:
        return ""
    return f"open {hold.remaining}" if hold.open else "closed"


def _action(command: Command[Any]) -> str:
    """The command's name as words: `CreateIntent` is `create_intent`."""
    kind = type(command)
    found = _ACTIONS.get(kind)
    if found is None:
        found = _ACTIONS[kind] = _snake(kind.__name__)
    return found


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _outcome(answer: Any) -> str:
    """`done`, or the refusal's code, and the acquirer's own in brackets."""
    found = getattr(answer, "answer", answer)
    if isinstance(found, Refusal):
        declined = f" ({found.decline_code})" if found.decline_code else ""
        return f"refused: {found.code or found.type}{declined}"
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], str):
        return f"refused: {found[0]}"
    return "done"


_ACTIONS: dict[type, str] = {}
