"""The manners of acquirers: what each can be asked, and for how long it knows a reference, as data.

A manner is a way of keeping to the protocol, not a fault: it holds for the program's whole life.
"""

from dataclasses import dataclass

FORGET_AFTER_MS = 30_000


@dataclass(frozen=True, slots=True)
class Manner:
    """What one kind of acquirer does. ``forget_after_ms`` None: it knows a reference for ever."""

    name: str
    about: str
    forget_after_ms: int | None = None
    answers_inquiries: bool = True
    cancels: bool = True
    honours_send_by: bool = True
    notifies: bool = False  # answers `pending`, and says the outcome in a notification only

    @property
    def forgets(self) -> bool:
        """Whether a reference may come to be executed twice."""
        return self.forget_after_ms is not None

    def remembers(self, created_ms: int, now_ms: int) -> bool:
        """Whether what was done under a reference at ``created_ms`` is still found by it."""
        return self.forget_after_ms is None or now_ms < created_ms + self.forget_after_ms


HONOURS = Manner("honours", "knows every reference for ever, and can be asked anything")
_ALL = (
    HONOURS,
    Manner(
        "forgets",
        "forgets references after a while: not found, and a repeat is executed again",
        forget_after_ms=FORGET_AFTER_MS,
    ),
    Manner("no-inquiry", "cannot be asked what became of a reference", answers_inquiries=False),
    Manner("ignores-send-by", "executes what arrives late", honours_send_by=False),
    Manner(
        "notifies-only",
        "answers `pending` and says the outcome by a signed notification alone",
        forget_after_ms=0,
        answers_inquiries=False,
        cancels=False,
        notifies=True,
    ),
    Manner(
        "mute",
        "can be asked nothing, cancels nothing by reference, and executes every repeat again",
        forget_after_ms=0,
        answers_inquiries=False,
        cancels=False,
    ),
)
MANNERS = {manner.name: manner for manner in _ALL}
