"""`nostro proof`: small files that anyone can verify offline with `nostro-verify`, and the keys that sign them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nostro.cli.ledger.options import day as parsed_day
from nostro.cli.options import Book, DatabaseUrl, DataDir, Json
from nostro.cli.programs import Proofs, fail, print_json, programs, run, settings

app = typer.Typer(name="proof", no_args_is_help=True, help="Proofs for outsiders.")
LONGEST_SIZE = 18  # digits
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", envvar="NOSTRO_OUTPUT", help="A file. [default: standard output]",
                 show_default=False),
]  # fmt: skip


@app.command()
def receipt(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="A payment (pi_…, ch_…) or a refund (re_…).")
    ],
    output: Output = None,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """The receipt of a payment or a refund: its transfers, and the proof that they are in the signed log."""
    proofs = _proofs(data_dir, database_url, book)
    _give_out(run(lambda: proofs.receipt(identifier)), output)


@app.command()
def consistency(
    old: Annotated[
        str,
        typer.Argument(metavar="OLD", help="A file with an older checkpoint, or its tree size."),
    ],
    output: Output = None,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """The proof that the log of today begins with the log of an older checkpoint: nothing was rewritten."""
    proofs = _proofs(data_dir, database_url, book)
    note = old if old.isdecimal() else run(lambda: Path(old).read_bytes()).decode(errors="replace")
    if old.isdecimal() and len(old) > LONGEST_SIZE:
        fail(f"a tree size has at most {LONGEST_SIZE} digits")
    _give_out(run(lambda: proofs.consistency(note)), output)


@app.command()
def balance(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's code.")],
    day: Annotated[
        str | None,
        typer.Option(envvar="NOSTRO_DAY", help="YYYY-MM-DD. [default: the newest snapshot]",
                     show_default=False),
    ] = None,
    output: Output = None,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:  # fmt: skip
    """The proof of what the daily snapshot says of an account: its balance, or that there is none of that name."""
    if day is not None:
        parsed_day(day)
    proofs = _proofs(data_dir, database_url, book)
    _give_out(run(lambda: proofs.balance(account, day)), output)


@app.command()
def checkpoint(
    output: Output = None,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """The newest checkpoint: a signed note of the log's size and root."""
    proofs = _proofs(data_dir, database_url, book)
    _give_out(run(proofs.checkpoint).encode(), output)


@app.command()
def keys(
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """The public keys that ever signed the log, the current one last: what verifiers are given."""
    found = run(_proofs(data_dir, database_url, book).keys)
    print_json({"keys": found}) if as_json else print("\n".join(found))


@app.command()
def snapshot(
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Write down, under the log, all balances at the end of the last day (UTC) that is over, as the worker does every day.

    If that was done, or nothing has happened since the last snapshot, that one is told of.
    """
    taken, new = run(_proofs(data_dir, database_url, book).snapshot)
    told = {"id": taken.id, "new": new, "day": taken.taken_on, "accounts": taken.account_count,
            "last_transfer": taken.last_transfer, "root": taken.root.hex()}  # fmt: skip
    if as_json:
        print_json(told)
    else:
        accounts = f"{taken.account_count} accounts after transfer {taken.last_transfer}"
        there = "" if new else " It was there already."
        print(f"{taken.id}: {accounts}, at the end of {taken.taken_on}.{there}")


@app.command("rotate-key")
def rotate_key(
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Retire the signing key for a new one. Every book's log records it under the old key's signature."""
    key = run(_proofs(data_dir, database_url, book).rotate_key)
    print_json({"key": key}) if as_json else print(f"From now on this key signs: {key}")


def _proofs(data_dir: Path | None, database_url: str | None, book: int) -> Proofs:
    return programs().proofs(settings(data_dir=data_dir, database_url=database_url), book)


def _give_out(data: bytes, output: Path | None) -> None:
    """Exactly these bytes: a verifier takes no other spelling."""
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        run(lambda: output.write_bytes(data))
        print(f"{output}: {len(data)} bytes", file=sys.stderr)
