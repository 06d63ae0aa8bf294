"""`nostro operators`: the people who may conclude what no acquirer can be asked about, and their keys."""

from __future__ import annotations

from typing import Annotated

import typer

from nostro.cli.options import Book, DatabaseUrl, DataDir, Json
from nostro.cli.programs import fail, print_json, programs, run, settings
from nostro.conclusions.model import Refused

app = typer.Typer(
    name="operators", no_args_is_help=True, help="People who conclude, and their keys."
)
Name = Annotated[str, typer.Argument(help="Letters, digits and underscores.")]


@app.command()
def add(
    name: Name,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Add a person and show the key, this once. Give it to that person alone."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    key = run(lambda: programs().conclude(chosen, book, lambda it: it.add_operator(name)))
    if isinstance(key, Refused):
        fail(key.reason)
    print_json({"operator": name, "key": key.reveal()}) if as_json else print(key.reveal())


@app.command()
def remove(
    name: Name,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Make a person's key void, at once. What the person proposed stays, for others to judge."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    if not run(lambda: programs().conclude(chosen, book, lambda it: it.remove_operator(name))):
        fail(f"there is no active operator {name} in book {book}")
    print_json({"operator": name, "removed": True}) if as_json else print(f"{name} is removed.")


@app.command("list")
def list_operators(
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """List who is or was one."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    for known in run(lambda: programs().conclude(chosen, book, lambda it: it.operators())):
        row = {"operator": known.id, "state": known.state, "since_ms": known.created_ms}
        print_json(row) if as_json else print(f"{known.id}  {known.state}")
