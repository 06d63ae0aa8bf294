"""What an adapter says its processor can do. Rooms ask only for what is claimed here; `nostro conformance` holds it to that."""

from __future__ import annotations

import string

import msgspec


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of one adapter. Nothing is assumed that is not claimed.

    `replay_window_ms`: how long the same message under the same reference acts once and is answered alike; None: never.
    `reference_length`, `reference_alphabet`: what a reference may be; the adapter sends it unaltered.
    """

    inquiry: bool = False
    replay_window_ms: int | None = None
    cancel_by_reference: bool = False
    captures: bool = False  # authorize now, capture or void later
    partial_captures: bool = False
    refunds: bool = False
    partial_refunds: bool = False
    reference_length: int = 64
    reference_alphabet: str = string.ascii_letters + string.digits + "_"
