"""`nostro keys`: API keys are created, shown once, listed without their secret, and revoked at once."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from nostro.cli.options import DatabaseUrl, DataDir, FeeBasisPoints, FeeFixed, Json
from nostro.cli.programs import NewKeys, fail, print_json, programs, run, settings
from nostro.kernel.money import FeeSchedule
from nostro.kernel.secret import Secret
from nostro.merchants.model import KeyFacts

app = typer.Typer(name="keys", no_args_is_help=True, help="API keys.")
Account = Annotated[
    str | None, typer.Option(envvar="NOSTRO_ACCOUNT", help="The account, acct_…", metavar="acct_…")
]
WIDTH_MAX = 1_000


@app.command()
def create(
    account_name: Annotated[
        str, typer.Option(envvar="NOSTRO_ACCOUNT_NAME", help="Name of each new account.")
    ] = "Account",
    account: Account = None,
    live: Annotated[
        bool, typer.Option("--live", envvar="NOSTRO_LIVE", help="Keys of the live book.")
    ] = False,
    count: Annotated[
        int, typer.Option(envvar="NOSTRO_COUNT", help="How many.", min=1, max=100_000)
    ] = 1,
    fee_basis_points: FeeBasisPoints = None,
    fee_fixed: FeeFixed = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Create keys: for the account given, or each with a new account of its own. Shown this once."""
    chosen = settings(
        data_dir=data_dir, database_url=database_url, fee_basis_points=fee_basis_points,
        fee_fixed=fee_fixed,
    )  # fmt: skip
    fee = FeeSchedule(chosen.fee_basis_points, chosen.fee_fixed)
    wanted = NewKeys(account, account_name, live, count, fee)
    made = run(lambda: programs().create_keys(chosen, wanted))
    for of, key in made:
        row = {"account": of, "secret_key": key.reveal()}
        print_json(row) if as_json else print(f"{of}  {key.reveal()}")


@app.command("list")
def list_keys(
    account: Account = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """List keys, the oldest first: never the key itself, only its last four characters."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    found = run(lambda: programs().list_keys(chosen, account))
    if as_json:
        for key in found:
            print_json(key)
    else:
        _show(found)


@app.command()
def revoke(
    key: Annotated[
        str, typer.Argument(help="The whole key; - reads it from standard input, out of `ps`.")
    ],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Revoke a key. The next request with it is refused, in every process."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    secret = Secret(sys.stdin.readline().strip() if key == "-" else key)
    if not run(lambda: programs().revoke_key(chosen, secret)):
        fail("no such key is in force: give the whole key, as `nostro keys create` printed it")
    ending = secret.reveal()[-4:]
    print_json({"revoked": True, "last4": ending}) if as_json else print(f"Revoked …{ending}.")


def _show(keys: list[KeyFacts]) -> None:
    table = Table("Account", "Key", "Book", "Created (UTC)", "Revoked (UTC)", box=None)
    for key in keys:
        table.add_row(
            key.account, f"{key.prefix}…{key.last4}", "live" if key.live else "test",
            _moment(key.created_ms), _moment(key.revoked_ms),
        )  # fmt: skip
    # An id that was cut could not be given to another command: rather wider than the terminal than shortened.
    console = Console(soft_wrap=True)
    widest = console.measure(table, options=console.options.update(max_width=WIDTH_MAX)).maximum
    Console(width=max(console.width, widest), soft_wrap=True).print(table)


def _moment(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return f"{datetime.fromtimestamp(milliseconds / 1_000, UTC):%Y-%m-%d %H:%M:%S}"
