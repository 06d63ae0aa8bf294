"""`nostro ledger audit`: who did what."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from nostro.audit.asking import newest_records
from nostro.cli.ledger.asking import ask
from nostro.cli.ledger.options import Format, OutputFormat, moment
from nostro.cli.ledger.sheet import Sheet
from nostro.cli.options import LARGEST, Book, DatabaseUrl, DataDir, Json
from nostro.kernel.ports import Reader
from nostro.ledger.position import position
from nostro.verification.explanation import Done, dated
from nostro.verification.subjects import subjects_of

COLUMNS = ("record", "at", "action", "subject", "actor", "outcome", "request", "changes")


def audit(
    subject: Annotated[
        str | None,
        typer.Argument(metavar="[SUBJECT]", help="Only about this object: pi_…, ch_…, re_…"),
    ] = None,
    before: Annotated[
        int | None,
        typer.Option(
            envvar="NOSTRO_BEFORE", min=1, max=LARGEST, help="Only records older than this number."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(envvar="NOSTRO_LIMIT", min=1, max=10_000, help="At most so many.")
    ] = 100,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    form: OutputFormat = Format.TABLE,
    as_json: Json = False,
) -> None:
    """Records of the audit log, the newest first; turn the page with --before."""
    sheet = Sheet(COLUMNS, form, as_json)

    async def question(reader: Reader) -> tuple[list[Done], bool]:
        await position(reader, book)
        subjects = None
        if subject is not None:
            known = await subjects_of(reader, book, subject)
            subjects = [subject] if known is None else known.subjects
        records, more = await newest_records(reader, book, subjects, before, limit)
        return await dated(reader, book, records), more

    found, more = ask(data_dir, database_url, question)
    sheet.add(map(row, found))
    last = found[-1].record.seq if found else 0
    sheet.close(f"There are more: --before {last}." if more else f"{len(found)} records.")


def row(done: Done) -> dict[str, object]:
    """A record under its columns."""
    record = done.record
    return {
        "record": record.seq, "at": moment(done.at_ms), "action": record.action,
        "subject": record.subject, "actor": record.actor, "outcome": record.outcome,
        "request": record.request_id, "changes": msgspec.json.decode(record.changes),
    }  # fmt: skip
