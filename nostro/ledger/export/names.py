"""Names that both beancount and hledger take, for account codes and currencies that may be any text.

Both mappings are injective: two codes never share a name. docs/howto/export.md has the rules as a table.
"""

from __future__ import annotations

import re
from functools import lru_cache

from nostro.ledger.chart import AccountKind, kind_of

ROOTS = {
    AccountKind.ASSET: "Assets",
    AccountKind.LIABILITY: "Liabilities",
    AccountKind.EQUITY: "Equity",
    AccountKind.INCOME: "Income",
    AccountKind.EXPENSE: "Expenses",
}
# Capitals: no part of a code is ever written so, but one of three letters. An account that is asserted must not lie below
# another, since beancount adds what is below.
POSTED, PENDING = "POSTED", "PENDING"
# No escape begins with x: what follows this mark is written as inside a part, not as at its beginning.
_MARK = "0-x"
_KNOWN = 65_536
_CURRENCY = re.compile(r"[a-z]{3}")
_SEEN_AS_CAPITALS = re.compile(r"[a-z][A-Z]+")
_FIRST = re.compile(r"[a-z0-9]")
_OTHER = re.compile(r"[^A-Za-z0-9]")
_PLAIN_COMMODITY = re.compile(r"[a-z][a-z0-9]{1,22}")
_KEYWORDS = frozenset({"true", "false", "null"})  # of beancount


@lru_cache(maxsize=_KNOWN)
def account_name(code: str) -> str:
    """The name of an account; below it are its posted and its pending amounts."""
    return ":".join([ROOTS[kind_of(code)], *map(_part, code.split(":"))])


@lru_cache(maxsize=_KNOWN)
def commodity(currency: str) -> str:
    """The name of a currency: its letters in capitals, or `X.` and its bytes for what is not letters and digits."""
    if _PLAIN_COMMODITY.fullmatch(currency) and currency not in _KEYWORDS:
        return currency.upper()
    return f"X.{currency.encode().hex().upper()}0"


def _part(part: str) -> str:
    """Letters and digits as they are, but a capital at the beginning; `--` for `_`; `-` and two digits for other bytes."""
    if _CURRENCY.fullmatch(part):
        return part.upper()
    if _FIRST.match(part) and not _SEEN_AS_CAPITALS.fullmatch(part):
        return part[0].upper() + _OTHER.sub(_escape, part[1:])
    return _MARK + _OTHER.sub(_escape, part)


def _escape(found: re.Match[str]) -> str:
    if found[0] == "_":
        return "--"
    return "".join(f"-{byte:02X}" for byte in found[0].encode())
