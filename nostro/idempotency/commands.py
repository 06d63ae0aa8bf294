"""Guards a command with an idempotency key, in the same transaction as the effects it guards (DESIGN §3.4)."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.idempotency.model import Key, Replayed, Request
from nostro.idempotency.store import KEYS
from nostro.kernel.answer import Answer, Proceed, Refusal, Saved, decode, encode
from nostro.kernel.command import Command, Decision, Reads, View

KEEP_MS = 24 * 3_600_000


class Guarded:
    """A command under a key: decided once, replayed for ever after, refused while in flight."""

    def __init__(self, command: Command[Answer | Refusal | Proceed], request: Request) -> None:
        self.command, self.request = command, request
        self.book, self.seed = command.book, command.seed

    def reads(self) -> Reads:
        """The command's own reads and the key."""
        inner = self.command.reads()
        return Reads([*inner.rows, (KEYS, self.request.id)], inner.accounts, inner.holds)

    def decide(self, view: View) -> Decision[Answer | Refusal | Proceed | Replayed]:
        """Replay, refuse, or decide and remember."""
        key = view.get(KEYS, self.request.id)
        if key is not None:
            return Decision(_repeated(key, self.request))
        decision = self.command.decide(view)
        row = self._claim(view, decision.answer)
        rows = decision.rows if row is None else [*decision.rows, (KEYS, row)]
        return Decision(
            decision.answer, rows, decision.transfers, decision.deletes, notes=decision.notes
        )

    def _claim(self, view: View, answer: Answer | Refusal | Proceed) -> Key | None:
        request = self.request
        if isinstance(answer, Refusal) and not answer.saved:
            return None
        attempt = answer.attempt if isinstance(answer, Proceed) else None
        saved = None if isinstance(answer, Proceed) else encode(answer)
        return Key(
            request.id, request.endpoint, request.fingerprint, request.request_id,
            view.system_now, attempt, saved,
        )  # fmt: skip


def _repeated(key: Key, request: Request) -> Refusal | Replayed:
    shown = _shown(request.id)
    if key.endpoint != request.endpoint:
        return _misused(
            "Keys for idempotent requests can only be used for the same endpoint they were first "
            f"used for ('{request.endpoint}' vs '{key.endpoint}'). Try using a key other than "
            f"'{shown}' if you meant to execute a different request."
        )
    if key.fingerprint != request.fingerprint:
        return _misused(
            "Keys for idempotent requests can only be used with the same parameters they were first "
            f"used with. Try using a key other than '{shown}' if you meant to execute a different "
            "request."
        )
    if key.answer is None:
        return _in_flight(shown)
    return Replayed(key.answer, key.request_id)


def _shown(key_id: str) -> str:
    """The key as its sender wrote it."""
    return key_id.partition("/")[2]


def _misused(message: str) -> Refusal:
    return Refusal(400, "idempotency_error", message, saved=False)


def _in_flight(key: str) -> Refusal:
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably "
        f"means you submitted twice, and the other request is still going through): {key}. "
        "Please try again later."
    )
    return Refusal(409, "idempotency_error", message, "idempotency_key_in_use", saved=False)


def answered(view: View, key_id: str | None, answer: Saved) -> list[tuple[Any, Any]]:
    """The key's row with its answer, unless it has none or was answered before."""
    key = view.get(KEYS, key_id) if key_id else None
    if key is None or key.answer is not None:
        return []
    return [(KEYS, msgspec.structs.replace(key, answer=encode(answer)))]


def handed_on(view: View, key_id: str | None, attempt: str) -> list[tuple[Any, Any]]:
    """The key's row while it goes on waiting, now for another attempt of the same request."""
    key = view.get(KEYS, key_id) if key_id else None
    if key is None or key.answer is not None:
        return []
    return [(KEYS, msgspec.structs.replace(key, attempt=attempt))]


def told(
    view: View, key_id: str | None, answer: Saved, still_sent: bool
) -> tuple[Saved, list[tuple[Any, Any]]]:
    """For who comes late: what the key was answered before, else this answer and the row that saves it.

    While somebody else still sends, the key is theirs to answer: it stays in flight, and that is what is told.
    """
    key = view.get(KEYS, key_id) if key_id else None
    if key is not None and key.answer is not None:
        return decode(key.answer), []
    if key is not None and still_sent:
        return _in_flight(_shown(key.id)), []
    return answer, answered(view, key_id, answer)


class SaveRelated(msgspec.Struct, frozen=True):
    """Saves what an answer was shown with, so that its replay shows the same bytes.

    Whoever shows it first saves first; to anybody else, what was saved is the answer.
    """

    book: int
    seed: bytes
    key: str
    seen: Saved
    answer: Saved

    def reads(self) -> Reads:
        """The key."""
        return Reads([(KEYS, self.key)])

    def decide(self, view: View) -> Decision[Saved]:
        """What is saved under the key from now on."""
        key = view.get(KEYS, self.key)
        if key is None or key.answer is None:
            return Decision(self.answer)
        saved = decode(key.answer)
        if saved != self.seen:
            return Decision(saved)
        changed = msgspec.structs.replace(key, answer=encode(self.answer))
        return Decision(self.answer, [(KEYS, changed)])


class Prune(msgspec.Struct, frozen=True):
    """Forgets keys that were answered and are older than a day."""

    book: int
    seed: bytes
    keys: tuple[str, ...]

    def reads(self) -> Reads:
        """The candidates."""
        return Reads([(KEYS, key) for key in self.keys])

    def decide(self, view: View) -> Decision[int]:
        """Delete the answered and old among them; returns how many."""
        old = [
            key.id
            for key in (view.get(KEYS, candidate) for candidate in self.keys)
            if key and key.answer is not None and key.created_ms + KEEP_MS <= view.system_now
        ]
        return Decision(len(old), deletes=[(KEYS, key) for key in old])
