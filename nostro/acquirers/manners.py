"""What the manners of the sandbox acquirer mean for us: the capabilities to claim of each, as data.

The sandbox is another program, so this is said twice; a test asks the sandbox and compares.
"""

from __future__ import annotations

import re

import msgspec

from nostro.kernel.capabilities import Capabilities
from nostro.kernel.errors import Misconfigured

HONOURS = "honours"
FORGET_AFTER_MS = 30_000
_MILLISECONDS = re.compile(r"[0-9]{1,15}")  # and no other digits: int() knows hundreds
MANNERS: dict[str, Capabilities] = {
    HONOURS: Capabilities(),
    "forgets": Capabilities(replay_window_ms=FORGET_AFTER_MS),
    "no-inquiry": Capabilities(inquiry=False),
    "ignores-send-by": Capabilities(honours_send_by=False),
    "notifies-only": Capabilities(
        inquiry=False, replay_window_ms=0, cancel_by_reference=False, notifies=True
    ),
    "mute": Capabilities(inquiry=False, replay_window_ms=0, cancel_by_reference=False),
}


def capabilities(manner: str) -> Capabilities:
    """Those of `name` or `name:milliseconds`, where that is how long references are known. Raises Misconfigured."""
    name, colon, window = manner.partition(":")
    if name not in MANNERS or (colon and not _MILLISECONDS.fullmatch(window)):
        raise Misconfigured(
            f"{manner!r} is no manner: there are {', '.join(MANNERS)}, and forgets:MILLISECONDS"
        )
    found = MANNERS[name]
    if colon and found.replay_window_ms == 0:
        raise Misconfigured(f"{manner!r} is no manner: {name} knows no reference for any time")
    return msgspec.structs.replace(found, replay_window_ms=int(window)) if colon else found


def of_a_sandbox(manner: str) -> Capabilities:
    """The same of a manner that the sandbox is to take on: it forgets, or it does not. Raises Misconfigured."""
    found = capabilities(manner)
    if ":" in manner and not manner.startswith("forgets:"):
        raise Misconfigured(f"{manner!r} is no manner of a sandbox: only forgets takes a time")
    return found
