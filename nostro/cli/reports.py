"""`nostro reports`: what acquirers' settlement reports say of messages whose outcome is unknown."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import to_builtins

from nostro.cli.conclude import read_evidence, show
from nostro.cli.options import Acquirers, DatabaseUrl, DataDir, Json
from nostro.cli.programs import Proposals, fail, print_json, programs, run, settings
from nostro.config import Settings
from nostro.kernel.secret import Secret

if TYPE_CHECKING:  # a command should start at once
    from nostro.notifications.reports import Heard

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
        Path | None,
        typer.Option(
            envvar="NOSTRO_REPORT",
            help="A file that came another way: proposes, with an operator's key.",
            show_default=False,
        ),
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(
            envvar="NOSTRO_DAY",
            formats=["%Y-%m-%d"],
            help="Fetch the report of this day from the acquirer.",
            show_default=False,
        ),
    ] = None,
    operator_key: Annotated[
        str | None,
        typer.Option(
            envvar="NOSTRO_OPERATOR_KEY",
            help="For a file: the operator's own key, op_…; better in the variable, out of `ps`.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
    acquirers: Acquirers = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Read a settlement report. Reading one again changes nothing.

    What the acquirer's own report of a day says of unknown outcomes settles them; the worker fetches by itself what it
    waits for. A file says what whoever wrote it says: it is evidence, by which an operator proposes and another approves.
    """
    chosen = settings(data_dir=data_dir, database_url=database_url, acquirers=acquirers)
    if file is not None and day is None:
        _show_proposals(_proposed(chosen, acquirer, file, operator_key), as_json)
    elif day is not None and file is None:
        _show(run(lambda: programs().fetch_and_hear(chosen, acquirer, day.date())), as_json)
    else:
        fail("give --file or --day")


def _proposed(chosen: Settings, acquirer: str, file: Path, key: str | None) -> Proposals:
    if not key:
        fail("a file proposes conclusions: give an operator's key, in NOSTRO_OPERATOR_KEY")
    evidence = read_evidence(file)
    return run(lambda: programs().propose_by(chosen, acquirer, Secret(key), evidence))


def _show(heard: Heard, as_json: bool) -> None:
    if as_json:
        print_json(heard)
        return
    print(f"{heard.lines} lines: {heard.settled} settled, {heard.for_a_person} for a person.")
    if heard.again:
        print(f"{heard.again} were being settled by somebody else: read it once more.")
    if heard.for_a_person:
        print("`nostro queues` names those.")


def _show_proposals(found: Proposals, as_json: bool) -> None:
    if as_json:
        shown = [{**to_builtins(each), "proposal": each.proposal} for each in found.proposed]
        print_json({**to_builtins(found), "proposed": shown})
        return
    waiting = f"{len(found.proposed)} proposed, {len(found.for_a_person)} for a person"
    print(f"{found.lines} lines: {waiting}.")
    for each in found.proposed:
        show(each, as_json)
    for reason in found.for_a_person:
        print(reason)
