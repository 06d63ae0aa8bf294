"""The public keys of a log, as they are kept in the database."""

from __future__ import annotations

from nostro.audit.notes import VerifierKey
from nostro.audit.store import QUERIES
from nostro.kernel.ports import Reader


async def public_keys(reader: Reader, book: int) -> list[VerifierKey]:
    """Every key that ever signed for a book's log, the current one last."""
    rows = await reader.fetch(QUERIES["list_log_keys"])
    return [VerifierKey(f"{origin}/book/{book}", public) for public, origin, *_ in rows]
