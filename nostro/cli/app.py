"""The commands of `nostro`. What they run is given by `bootstrap`."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from nostro.cli import conclude, keys, ledger, operators, proof, queues, routing, sim
from nostro.cli.options import (
    BOOK_MAX,
    LONGEST_MS,
    TOP_UP_MAX,
    Acquirers,
    DatabaseUrl,
    DataDir,
    FeeBasisPoints,
    FeeFixed,
    Host,
    Json,
    Port,
    Routing,
    SandboxManner,
    SandboxPort,
    SandboxUrl,
    SecretKey,
)
from nostro.cli.processes import python
from nostro.cli.programs import Full, fail, print_json, programs, run, settings, start

app = typer.Typer(
    name="nostro", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
)  # fmt: skip
app.add_typer(keys.app)
app.add_typer(proof.app)
app.add_typer(ledger.app)
app.add_typer(routing.app)
app.add_typer(operators.app)
app.add_typer(conclude.app)
app.command("queues")(queues.queues)
app.command("sim")(sim.sim)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"nostro {version('nostro')}")
        raise typer.Exit


@app.callback()
def nostro(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which it is.")
    ] = False,
) -> None:
    """Payment processing that its users own."""


@app.command()
def up(
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    sandbox_port: SandboxPort = None,
    sandbox_url: SandboxUrl = None,
    sandbox_manner: SandboxManner = None,
    acquirers: Acquirers = None,
    routing_file: Routing = None,
    database_url: DatabaseUrl = None,
    secret_key: SecretKey = None,
    fee_basis_points: FeeBasisPoints = None,
    fee_fixed: FeeFixed = None,
    as_json: Json = False,
) -> None:
    """Start everything on this machine: database, API, worker and sandbox acquirer."""
    chosen = settings(
        data_dir=data_dir, host=host, port=port, sandbox_port=sandbox_port,
        sandbox_url=sandbox_url, sandbox_manner=sandbox_manner, acquirers=acquirers,
        routing=routing_file, database_url=database_url, secret_key=secret_key,
        fee_basis_points=fee_basis_points, fee_fixed=fee_fixed,
    )  # fmt: skip
    start(chosen, lambda: programs().up(chosen, as_json))


@app.command()
def api(
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    sandbox_url: SandboxUrl = None,
    acquirers: Acquirers = None,
    routing_file: Routing = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Serve the API alone."""
    chosen = settings(
        data_dir=data_dir, host=host, port=port, sandbox_url=sandbox_url, acquirers=acquirers,
        routing=routing_file, database_url=database_url,
    )  # fmt: skip
    start(chosen, lambda: programs().api(chosen, as_json))


@app.command()
def worker(
    data_dir: DataDir = None,
    sandbox_url: SandboxUrl = None,
    acquirers: Acquirers = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Finish what is open, release funds, deliver webhooks."""
    chosen = settings(
        data_dir=data_dir, sandbox_url=sandbox_url, acquirers=acquirers, database_url=database_url
    )
    start(chosen, lambda: programs().worker(chosen, as_json))


@app.command()
def sandbox(
    data_dir: DataDir = None,
    sandbox_port: SandboxPort = None,
    refund_delay_ms: Annotated[
        int,
        typer.Option(
            envvar="NOSTRO_REFUND_DELAY_MS",
            help="How long a slow refund stays pending.",
            min=0,
            max=LONGEST_MS,
        ),
    ] = 1_000,
    manner: Annotated[
        str,
        typer.Option(
            envvar="NOSTRO_SANDBOX_MANNER",
            help="What it can be asked: honours, forgets, forgets:MILLISECONDS, no-inquiry, …",
        ),
    ] = "honours",
    as_json: Json = False,
) -> None:
    """Run the sandbox acquirer alone. Its first line, JSON in either case, says the port."""
    from nostro.acquirers.manners import of_a_sandbox  # a command should start at once

    chosen = settings(data_dir=data_dir, sandbox_port=sandbox_port)
    run(lambda: of_a_sandbox(manner))  # raises for what is none
    command = python(
        "sandbox", "--port", str(chosen.sandbox_port),
        "--data-dir", str(chosen.data_dir / "sandbox"),
        "--refund-delay-ms", str(refund_delay_ms), "--manner", manner.partition(":")[0],
        *(("--forget-after-ms", manner.partition(":")[2]) if ":" in manner else ()),
    )  # fmt: skip
    sys.stdout.flush()
    run(lambda: os.execv(command[0], command))


@app.command()
def verify(
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    sandbox_url: SandboxUrl = None,
    sandbox_port: SandboxPort = None,
    acquirers: Acquirers = None,
    book: Annotated[
        list[int] | None,
        typer.Option(
            envvar="NOSTRO_BOOK",
            help="A book; may be repeated. [default: all]",
            min=0,
            max=BOOK_MAX,
        ),
    ] = None,
    acquirer: Annotated[
        bool, typer.Option(envvar="NOSTRO_ACQUIRER", help="Compare with the acquirer's own book.")
    ] = True,
    full: Annotated[
        bool,
        typer.Option(
            "--full", envvar="NOSTRO_FULL", help="Derive everything again, hashes included."
        ),
    ] = False,
    log_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="NOSTRO_LOG_DIR",
            show_default=False,
            help="With --full: a copy of the log's files. [default: log in the data directory]",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that every entry, balance, hold and payment is explained, and that the acquirer's book agrees.

    Exit code 0: all is well. 1: something is off, and the rows are named.
    """
    chosen = settings(
        data_dir=data_dir, database_url=database_url, sandbox_url=sandbox_url,
        sandbox_port=sandbox_port, acquirers=acquirers,
    )  # fmt: skip
    wanted = Full(log_dir) if full or log_dir else None
    start(chosen, lambda: programs().verify(chosen, book or [], acquirer, as_json, wanted))


@app.command("settle-alarm")
def settle_alarm(
    alarm: Annotated[str, typer.Option(envvar="NOSTRO_ALARM", help="The alarm, alarm_…")],
    reason: Annotated[
        str,
        typer.Option(envvar="NOSTRO_REASON", help="What was found out and done; the log keeps it."),
    ],
    book: Annotated[int, typer.Option(envvar="NOSTRO_BOOK", help="The book.", min=0, max=BOOK_MAX)],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Take away an alarm of the continuous audit that a person has seen to. What is still off is raised again."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    if not run(lambda: programs().settle_alarm(chosen, book, alarm, reason)):
        fail(f"there is no alarm {alarm} in book {book}: `nostro doctor` names those there are")
    if as_json:
        print_json({"book": book, "alarm": alarm, "settled": True})
    else:
        print(f"{alarm} of book {book} is settled.")


@app.command("close-notification")
def close_notification(
    notification: Annotated[
        str, typer.Option(envvar="NOSTRO_NOTIFICATION", help="Its id, as `nostro queues` names it.")
    ],
    reason: Annotated[
        str,
        typer.Option(envvar="NOSTRO_REASON", help="What was found out and done; the log keeps it."),
    ],
    book: Annotated[int, typer.Option(envvar="NOSTRO_BOOK", help="The book.", min=0, max=BOOK_MAX)],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Close a notification, or a report's line, that a person has looked at. It settles nothing: `conclude` does."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    if not run(lambda: programs().close_notification(chosen, book, notification, reason)):
        fail(f"no notification {notification} waits in book {book}: `nostro queues` names those")
    if as_json:
        print_json({"book": book, "notification": notification, "closed": True})
    else:
        print(f"{notification} of book {book} is closed.")


@app.command("erase-address")
def erase_address(
    address: Annotated[str, typer.Option(envvar="NOSTRO_ADDRESS", help="The caller's address.")],
    reason: Annotated[str, typer.Option(envvar="NOSTRO_REASON", help="Why; the log keeps it.")],
    book: Annotated[int, typer.Option(envvar="NOSTRO_BOOK", help="The book.", min=0, max=BOOK_MAX)],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Erase a caller's address from a book's audit records. Its salted hash stays, and a record of each."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    count = run(lambda: programs().erase_address(chosen, book, address, reason))
    if as_json:
        print_json({"book": book, "erased": count})
    else:
        print(f"The address was erased from {count} audit records of book {book}.")


@app.command()
def doctor(
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    sandbox_port: SandboxPort = None,
    sandbox_url: SandboxUrl = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Look at this machine and this installation, and say what to do about what is wrong.

    Exit code 1 if anything fails; warnings are none.
    """
    chosen = settings(
        data_dir=data_dir, host=host, port=port, sandbox_port=sandbox_port,
        sandbox_url=sandbox_url, database_url=database_url,
    )  # fmt: skip
    start(chosen, lambda: programs().doctor(chosen, as_json))


@app.command()
def demo(
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Show the whole story in under a minute: payments, a lost answer, a refund, webhooks, both books.

    Uses the `nostro up` that runs in the data directory, or starts one for itself and removes it.
    """
    chosen = settings(data_dir=data_dir, database_url=database_url)
    start(chosen, lambda: programs().demo(chosen, as_json))


@app.command()
def conformance(
    adapter: Annotated[
        str,
        typer.Argument(
            help="MODULE[:FACTORY]: what to call for the adapter, its processor and its cards. "
            "FACTORY is `conformance` unless you say otherwise."
        ),
    ],
    call_ms: Annotated[
        int,
        typer.Option(
            envvar="NOSTRO_CONFORMANCE_CALL_MS",
            min=100,
            max=LONGEST_MS,
            help="The deadline that the adapter is given for a call.",
        ),
    ] = 500,
    as_json: Json = False,
) -> None:
    """Examine an adapter to a processor: every scenario of the conformance kit, against a proxy that fails on demand.

    Exit code 1 if a scenario fails. What an adapter does not claim is skipped.
    """
    raise typer.Exit(run(lambda: programs().conformance(adapter, call_ms, as_json)))


@app.command("top-up")
def top_up(
    account: Annotated[str, typer.Option(envvar="NOSTRO_ACCOUNT", help="The account, acct_…")],
    amount: Annotated[
        int,
        typer.Option(
            envvar="NOSTRO_AMOUNT", help="In minor units, 1 to 10^12.", min=1, max=TOP_UP_MAX
        ),
    ],
    currency: Annotated[
        str, typer.Option(envvar="NOSTRO_CURRENCY", help="ISO 4217, such as usd.")
    ] = "usd",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Credit a test account's available balance, as if its bank had announced the money."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    made = run(lambda: programs().top_up(chosen, account, amount, currency.lower()))
    if as_json:
        print_json({"account": account, "amount": amount, "currency": currency.lower(),
                    "balance_transaction": made})  # fmt: skip
    else:
        print(f"{made}: {amount} {currency.lower()} (minor units) are available to {account}.")
