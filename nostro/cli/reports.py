"""`nostro reports`: what acquirers' settlement reports say of messages whose outcome is unknown."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from nostro.cli.options import Acquirers, DatabaseUrl, DataDir, Json
from nostro.cli.programs import WantedReport, fail, print_json, programs, run, settings

app = typer.Typer(name="reports", no_args_is_help=True, help="Settlement reports of acquirers.")


@app.callback()
def reports() -> None:
    """Settlement reports of acquirers."""


@app.command()
def read(
    acquirer: Annotated[
        str, typer.Option(envvar="NOSTRO_REPORT_ACQUIRER", help="Whose report it is.")
    ],
    file: Annotated[
        Path | None, typer.Option(envvar="NOSTRO_REPORT", help="The file.", show_default=False)
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(
            envvar="NOSTRO_DAY",
            formats=["%Y-%m-%d"],
            help="Fetch the report of this day instead.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
    acquirers: Acquirers = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Read a settlement report: what it says of unknown outcomes settles them. Reading one again changes nothing.

    The worker fetches by itself what it waits for; this is for files that came another way.
    """
    if (file is None) == (day is None):
        fail("give --file or --day")
    chosen = settings(data_dir=data_dir, database_url=database_url, acquirers=acquirers)
    try:
        data = file.read_bytes() if file else None
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    wanted = WantedReport(acquirer, data, day.date() if day else None)
    heard = run(lambda: programs().read_report(chosen, wanted))
    if as_json:
        print_json(heard)
        return
    print(f"{heard.lines} lines: {heard.settled} settled, {heard.for_a_person} for a person.")
    if heard.again:
        print(f"{heard.again} were being settled by somebody else: read it once more.")
    if heard.for_a_person:
        print("`nostro queues` names those.")
