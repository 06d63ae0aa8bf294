"""Values that cannot be printed: secrets, card numbers and card security codes.

The one rule: whatever formats, logs, pickles or encodes such a value sees a mask.
The plain value leaves by `reveal()` alone, so a reader can search for every place that does it.
"""

from __future__ import annotations

import hmac
from typing import NoReturn


class _Unprintable:
    """A string that shows a mask wherever it is shown."""

    __slots__ = ("_value",)
    _value: str

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "_value", value)

    def reveal(self) -> str:
        """Return the plain value. Each call is a place to review."""
        return self._value

    def _mask(self) -> str:
        return "••••"

    def __repr__(self) -> str:
        return self._mask()

    def __str__(self) -> str:
        return self._mask()

    def __format__(self, spec: str) -> str:
        return self._mask()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be pickled or copied")

    def __eq__(self, other: object) -> bool:
        """Compare in constant time with a value of the same type."""
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        raise TypeError(f"{type(self).__name__} cannot be hashed: a dict of secrets leaks them")


class Secret(_Unprintable):
    """An API key, a password, a webhook secret or key material as text."""

    __slots__ = ()
    __hash__ = _Unprintable.__hash__


class Pan(_Unprintable):
    """A primary account number: the digits of a card. Shows its last four alone (PCI DSS 3.4.1)."""

    __slots__ = ()
    __hash__ = _Unprintable.__hash__

    @property
    def last4(self) -> str:
        """The last four digits."""
        return self._value[-4:]

    @property
    def bin(self) -> str:
        """The first six digits, which name the issuer."""
        return self._value[:6]

    def _mask(self) -> str:
        return f"•••• {self.last4}" if len(self._value) >= 12 else "••••"


class Cvc(_Unprintable):
    """A card security code. Lives in memory until authorization and is never stored (PCI 3.3.1)."""

    __slots__ = ()
    __hash__ = _Unprintable.__hash__
