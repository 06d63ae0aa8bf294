"""Which operations a processor takes, and what a reference may be: what its adapter states besides its `Capabilities`."""

from __future__ import annotations

import string

import msgspec


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter's. Nothing is assumed that is not stated; references are sent unaltered."""

    captures: bool = False  # authorize now, capture or void later
    partial_captures: bool = False
    refunds: bool = False
    partial_refunds: bool = False
    reference_length: int = 64
    reference_alphabet: str = string.ascii_letters + string.digits + "_"
