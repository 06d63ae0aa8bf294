"""Messages to acquirers, whichever room they are in: attempts of payments, and refunds."""

from __future__ import annotations

from typing import Any

from nostro.kernel.table import Table
from nostro.payments.model import Attempt
from nostro.payments.store import ATTEMPTS
from nostro.refunds.model import Refund
from nostro.refunds.store import REFUNDS

Message = Attempt | Refund


def table_of(reference: str) -> Table[Any]:
    """Where the message of a reference is."""
    return REFUNDS if reference.startswith("re_") else ATTEMPTS
