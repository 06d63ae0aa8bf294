"""What the questions share: their options, and how an instant or a day is written."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from nostro.cli.options import LARGEST
from nostro.cli.programs import fail
from nostro.ledger.days import day_from


class Format(StrEnum):
    """How a table is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


OutputFormat = Annotated[
    Format, typer.Option("--format", envvar="NOSTRO_FORMAT", help="JSON is one object a line.")
]
At = Annotated[
    str | None,
    typer.Option(
        envvar="NOSTRO_AT", metavar="ISO8601", show_default=False,
        help="As recorded by an instant, such as 2026-11-01T12:00:00Z. [default: now]",
    ),
]  # fmt: skip
EffectiveOn = Annotated[
    str | None,
    typer.Option(
        envvar="NOSTRO_EFFECTIVE_ON", metavar="DATE", show_default=False,
        help="At the end of a day (UTC), by effective date, as known now.",
    ),
]  # fmt: skip
From = Annotated[
    str | None,
    typer.Option(
        "--from", envvar="NOSTRO_FROM", metavar="ISO8601", show_default=False,
        help="From this instant on. [default: the beginning]",
    ),
]  # fmt: skip
To = Annotated[
    str | None,
    typer.Option(
        "--to", envvar="NOSTRO_TO", metavar="ISO8601", show_default=False,
        help="Up to this instant, not included. [default: now]",
    ),
]  # fmt: skip
Limit = Annotated[
    int | None,
    typer.Option(envvar="NOSTRO_LIMIT", min=1, max=LARGEST, help="At most so many. [default: all]",
                 show_default=False),
]  # fmt: skip


def instant(text: str | None) -> int | None:
    """Milliseconds of an ISO 8601 time; without a zone it is UTC, without a time the day's first."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        zoned = found if found.tzinfo else found.replace(tzinfo=UTC)
        return round(zoned.timestamp() * 1_000)
    except (ValueError, OverflowError):
        fail(f"{text!r} is no ISO 8601 time: write it as 2026-11-01T12:00:00Z")


def day(text: str) -> int:
    """Days since 1970-01-01 of a date."""
    try:
        return day_from(text)
    except ValueError:
        fail(f"{text!r} is no date: write it as 2026-11-01")


def moment(at_ms: int) -> str:
    """An instant as people and programs read it."""
    at = datetime.fromtimestamp(at_ms // 1_000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1_000:03}Z"
