"""Text that others wrote, on one line and without what either program reads as its own."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\\",;|]')


def plain(text: str) -> str:
    r"""Breaks, control characters and `\ " , ; |` become `%` and their number, so that nothing can end a value.

    `%` itself stays: this is for people to read, and never the whole of what identifies anything.
    """
    return _SPECIAL.sub(lambda found: f"%{ord(found[0]):02X}", text)
