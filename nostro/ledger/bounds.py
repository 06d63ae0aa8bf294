"""What may be asked of the ledger at all. Anything beyond is no refusal and leaves no trace: it never reaches the book."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from nostro.kernel.errors import NostroError
from nostro.kernel.posting import Kind, LimitChange, Transfer
from nostro.ledger.days import LAST_DAY

TEXT_MAX = 255  # characters
METADATA_BYTES_MAX = 16_384
TRANSFERS_MAX = 1_000  # in one call
INTEGER_MAX = 2**63 - 1
_TRANSFER_ID = re.compile(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")
_NO_METADATA = f"metadata is no JSON text of {METADATA_BYTES_MAX} bytes at most"
_ON_A_HOLD = (Kind.CAPTURE, Kind.VOID, Kind.EXPIRE)


class InvalidArgument(NostroError, ValueError):
    """Something that the ledger cannot be asked; nothing happened. The message names the field."""


def check_chains(chains: Sequence[Sequence[Transfer]]) -> None:
    """Raises InvalidArgument for what is no chain of transfers, or for too many."""
    if sum(map(len, chains)) > TRANSFERS_MAX:
        raise InvalidArgument(f"more than {TRANSFERS_MAX} transfers in one call")
    for chain in chains:
        if not chain:
            raise InvalidArgument("a chain without a transfer")
        for found in chain:
            check_transfer(found)


def check_transfer(found: Transfer) -> None:
    """Raises InvalidArgument. An amount of zero or below is in bounds: the ledger refuses it and keeps that."""
    if not isinstance(found, Transfer):
        raise InvalidArgument(f"{type(found).__name__} is no Transfer")
    if not isinstance(found.kind, Kind):
        raise InvalidArgument("kind is none of Kind")
    check_id("id", found.id)
    check_account(found.debit, "debit")
    check_account(found.credit, "credit")
    _check_integer("amount", found.amount, -INTEGER_MAX, INTEGER_MAX)
    _check_text("currency", found.currency)
    _check_text("code", found.code)
    _check_text("subject", found.subject, least=0)
    _check_hold(found)
    if found.effective_on is not None:  # the log writes 0 for a day that was not given
        _check_integer("effective_on", found.effective_on, 1, LAST_DAY)
    if found.metadata is not None:
        _check_metadata(found.metadata)


def _check_hold(found: Transfer) -> None:
    if (found.hold is not None) != (found.kind in _ON_A_HOLD):
        raise InvalidArgument("hold is for a capture, a void or an expiry, and they need one")
    if found.hold is not None:
        check_id("hold", found.hold)
    if not isinstance(found.final, bool) or (found.final and found.kind is not Kind.CAPTURE):
        raise InvalidArgument("final is True or False, and True only for a capture")
    if found.expires_ms is not None:
        if found.kind is not Kind.HOLD:
            raise InvalidArgument("expires_ms is for a hold")
        _check_integer("expires_ms", found.expires_ms, 1, INTEGER_MAX)


def check_limits(change: LimitChange) -> None:
    """Raises InvalidArgument for limits or an account that cannot be."""
    check_account(change.account)
    _check_text("currency", change.currency)
    for name in ("overdraft_max", "overcredit_max"):
        value = getattr(change.limits, name)
        if value is not None:
            _check_integer(name, value, 0, INTEGER_MAX)


def check_account(code: str, name: str = "code") -> None:
    """Raises InvalidArgument for what is no account's code."""
    _check_text(name, code)


def check_reason(reason: str) -> None:
    """Raises InvalidArgument for what is no reason to erase something."""
    _check_text("reason", reason)


def check_page(after: int, limit: int) -> None:
    """Raises InvalidArgument for what is no page of a history."""
    _check_integer("after", after, 0, INTEGER_MAX - TRANSFERS_MAX)
    _check_integer("limit", limit, 1, TRANSFERS_MAX)


def check_id(name: str, value: str) -> None:
    """Raises InvalidArgument for what is no UUID of version 7 in 32 small hexadecimal digits."""
    if not isinstance(value, str) or _TRANSFER_ID.fullmatch(value) is None:
        raise InvalidArgument(f"{name} is no UUID of version 7 as 32 hexadecimal digits")


def _check_text(name: str, value: str, least: int = 1) -> None:
    if not isinstance(value, str) or not least <= len(value) <= TEXT_MAX:
        raise InvalidArgument(f"{name} is no text of {least} to {TEXT_MAX} characters")
    if "\0" in value or not (value.isascii() or _is_unicode(value)):
        raise InvalidArgument(f"{name} holds what a text cannot: NUL or half a surrogate pair")


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_integer(name: str, value: int, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidArgument(f"{name} is no integer from {least} to {most}")


def _check_metadata(text: str) -> None:
    if not isinstance(text, str) or len(text) > METADATA_BYTES_MAX or not _is_unicode(text):
        raise InvalidArgument(_NO_METADATA)
    data = text.encode()
    if len(data) > METADATA_BYTES_MAX:
        raise InvalidArgument(_NO_METADATA)
    try:
        msgspec.json.decode(data)
    except (ValueError, RecursionError):  # not JSON, or nested too deeply for a reader
        raise InvalidArgument(_NO_METADATA) from None
