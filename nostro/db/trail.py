"""What a command changed, as the audit log tells it: derived from the rows themselves, so that none can forget to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from nostro.audit.record import AuditRecord
from nostro.audit.texts import address_hash
from nostro.kernel.answer import Refusal
from nostro.kernel.command import Command, Decision
from nostro.kernel.posting import Hold, Kind

Change = tuple[str, str, str, str]
HOLDS = "holds"
_encode = msgspec.json.Encoder().encode


class Trail:
    """The states of audited rows and of holds before a decision; afterwards, what became of them."""

    __slots__ = ("_changes", "_holds", "_notes")

    def __init__(
        self,
        rows: Mapping[tuple[str, str], Any],
        holds: Mapping[str, Hold],
        decision: Decision[Any],
    ) -> None:
        self._notes = decision.notes
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
        if self._holds:
            self._changes += self._hold_changes(holds)
        if not self._changes and not self._notes:
            return []
        by_subject: dict[str, list[Change]] = {}
        for subject, change in self._changes:
            by_subject.setdefault(subject, []).append(change)
        action, actor, request, outcome, address = _asked(command, answer)
        return [
            *[
                AuditRecord(
                    action, subject, _encode(told).decode(), actor, request, outcome,
                    *_hidden(address, salt),
                )
                for subject, told in by_subject.items()
            ],
            *[
                AuditRecord(
                    note.action, note.subject, note.changes, note.actor or actor, request,
                    note.outcome or outcome, *_hidden(address, salt),
                )
                for note in self._notes
            ],
        ]  # fmt: skip

    def _hold_changes(self, holds: Mapping[str, Hold]) -> Iterator[tuple[str, Change]]:
        for identifier, before in self._holds.items():
            hold = holds.get(identifier)
            after = _state(hold)
            if hold is not None and after != before:
                yield hold.subject, (HOLDS, identifier, before, after)


def _asked(command: Command[Any], answer: Any) -> tuple[str, str, str | None, str, str | None]:
    """Action, actor, request, outcome and address. Around what was asked there may be an idempotency key."""
    asked = getattr(command, "command", command)
    origin = getattr(asked, "origin", None)
    if origin is None:
        return (
            action_of(type(asked)),
            getattr(asked, "actor", "nostro"),
            None,
            _outcome(answer),
            None,
        )
    return (
        action_of(type(asked)), origin.actor, origin.request_id, _outcome(answer), origin.address,
    )  # fmt: skip


def _hidden(
    address: str | None, salt: Callable[[], bytes]
) -> tuple[str, bytes, bytes] | tuple[None, None, None]:
    """The address, a salt of the record's own, and the hash that stays when both are erased."""
    if not address:
        return None, None, None
    drawn = salt()
    return address, drawn, address_hash(drawn, address)


def _row_changes(
    rows: Mapping[tuple[str, str], Any], decision: Decision[Any]
) -> Iterator[tuple[str, Change]]:
    for table, row in decision.rows:
        if table.state_of is None:
            continue
        key = table.key_of(row)
        old = rows.get((table.name, key))
        before, after = table.state_of(old) if old else "", table.state_of(row)
        if before != after:
            yield table.about(row), (table.name, key, before, after)
    for table, key in decision.deletes:
        old = rows.get((table.name, key))
        if table.state_of is not None and old:
            yield table.about(old), (table.name, key, table.state_of(old), "")


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


def action_of(command: type) -> str:
    """The command's name as words: `CreateIntent` is `create_intent`."""
    found = _ACTIONS.get(command)
    if found is None:
        found = _ACTIONS[command] = _snake(command.__name__)
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
