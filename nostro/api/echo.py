"""What a caller typed, fit to be repeated to them: short, printable, and never a card number.

A number put into the wrong field would otherwise leave by way of an error message.
"""

from __future__ import annotations

import re

from nostro.kernel.secret import Pan
from nostro.vault.cards import LONGEST_NUMBER, SHORTEST_NUMBER, UNKNOWN, brand, check_number

LONGEST = 100
_DIGITS = re.compile(r"\d(?:[ -]*\d){11,}", re.ASCII)


def echo(text: str) -> str:
    """The text with control characters replaced, cut to 100 characters, card numbers hidden."""
    text = _DIGITS.sub(_without_cards, text[: 2 * LONGEST])
    text = "".join([character if character.isprintable() else "\ufffd" for character in text])
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _without_cards(run: re.Match[str]) -> str:
    digits = run[0].replace(" ", "").replace("-", "")
    return "••••" if _holds_card(digits) else run[0]


def _holds_card(digits: str) -> bool:
    """Whether some of the digits in a row are a correct number of a known brand."""
    parts = (
        Pan(digits[start : start + length])
        for length in range(SHORTEST_NUMBER, min(LONGEST_NUMBER, len(digits)) + 1)
        for start in range(len(digits) - length + 1)
    )
    return any(brand(part) != UNKNOWN and check_number(part) is None for part in parts)
