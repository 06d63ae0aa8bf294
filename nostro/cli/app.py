"""The commands of `nostro`. What they run is given by `bootstrap`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from nostro.config import Settings, from_environment
from nostro.kernel.errors import NostroError

app = typer.Typer(
    name="nostro", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Payment processing that its users own.",
)  # fmt: skip
DataDir = Annotated[Path | None, typer.Option(help="Where data live. [default: ./.nostro]")]
Port = Annotated[int | None, typer.Option(help="Port of the API. [default: 4242]")]
SandboxPort = Annotated[int | None, typer.Option(help="Port of the sandbox acquirer. [4243]")]
DatabaseUrl = Annotated[str | None, typer.Option(help="An external PostgreSQL, 15 or newer.")]
SecretKey = Annotated[str | None, typer.Option(help="Seeds the first account's sk_test_… key.")]
FeeBasisPoints = Annotated[int | None, typer.Option(help="Fee of the first account, 1/100 %.")]
FeeFixed = Annotated[int | None, typer.Option(help="Fixed fee per payment, in minor units.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Programs(Protocol):
    """What the commands run; `bootstrap` implements it."""

    def up(self, settings: Settings) -> int: ...
    def api(self, settings: Settings) -> int: ...


programs: Any = None


@app.command()
def up(
    data_dir: DataDir = None,
    port: Port = None,
    sandbox_port: SandboxPort = None,
    database_url: DatabaseUrl = None,
    secret_key: SecretKey = None,
    fee_basis_points: FeeBasisPoints = None,
    fee_fixed: FeeFixed = None,
) -> None:
    """Start everything on this machine: database, API, worker and sandbox acquirer."""
    settings = from_environment(
        data_dir=data_dir, port=port, sandbox_port=sandbox_port, database_url=database_url,
        secret_key=secret_key, fee_basis_points=fee_basis_points, fee_fixed=fee_fixed,
    )  # fmt: skip
    _run(programs.up, settings)


@app.command()
def api(data_dir: DataDir = None, port: Port = None, database_url: DatabaseUrl = None) -> None:
    """Serve the API alone."""
    settings = from_environment(data_dir=data_dir, port=port, database_url=database_url)
    _run(programs.api, settings)


@app.command()
def worker(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Finish what is open, release funds, deliver webhooks."""
    _run(programs.worker, from_environment(data_dir=data_dir, database_url=database_url))


def _run(program: Any, settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        raise typer.Exit(program(settings))
    except NostroError as error:
        print(f"nostro: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
