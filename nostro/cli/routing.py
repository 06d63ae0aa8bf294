"""`nostro routing`: which acquirer takes a payment, and why, by the rules alone."""

from __future__ import annotations

from typing import Annotated

import typer

from nostro.acquirers.places import places
from nostro.cli.options import LARGEST, Acquirers, Json, Routing, SandboxManner
from nostro.cli.programs import fail, print_json, run, settings
from nostro.kernel.money import is_currency
from nostro.routing.file import rules_from
from nostro.routing.mistakes import of_network
from nostro.routing.model import Facts, Route, Routes
from nostro.routing.route import route

app = typer.Typer(name="routing", no_args_is_help=True, help="Which acquirer takes a payment.")


@app.callback()
def routing() -> None:
    """Which acquirer takes a payment."""


@app.command()
def explain(
    amount: Annotated[
        int,
        typer.Option(envvar="NOSTRO_AMOUNT", help="In minor units, 1 or more.", min=1, max=LARGEST),
    ],
    currency: Annotated[str, typer.Option(envvar="NOSTRO_CURRENCY", help="ISO 4217, such as usd.")],
    card_network: Annotated[
        str | None, typer.Option(envvar="NOSTRO_CARD_NETWORK", help="Such as visa or mastercard.")
    ] = None,
    account: Annotated[
        str, typer.Option(envvar="NOSTRO_ACCOUNT", help="The merchant, acct_…")
    ] = "acct_1Nostro",
    rules: Routing = None,
    acquirers: Acquirers = None,
    sandbox_manner: SandboxManner = None,
    as_json: Json = False,
) -> None:
    """Say which acquirer a card payment goes to, which come next, and why the others are left out.

    By the rules alone: circuits are open or closed in the processes that serve, and are logged there.
    """
    chosen = settings(routing=rules, acquirers=acquirers, sandbox_manner=sandbox_manner)
    if not is_currency(currency.lower()):
        fail(f"{currency} is no ISO 4217 currency: give one such as usd or eur")
    wrong = None if card_network is None else of_network(card_network)
    if wrong is not None:
        fail(wrong)
    names = tuple(place.name for place in run(lambda: places(chosen)))
    routes = Routes(names, run(lambda: rules_from(chosen.routing, names)))
    facts = Facts(amount, currency.lower(), account, card_network)
    found = route(routes, facts, {})
    print_json({"facts": facts, "route": found}) if as_json else _show(found)


def _show(found: Route) -> None:
    for place, candidate in enumerate(found.candidates, 1):
        print(f"{place}. {candidate.acquirer}: {', '.join(candidate.reasons)}")
    if not found.candidates:
        print("No acquirer takes it.")
    for left in found.left_out:
        print(f"-  {left.acquirer}: {' / '.join(left.reasons)}")
