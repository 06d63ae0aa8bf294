"""`nostro ledger`: questions to the ledger, answered by the role that may only read. One file per question."""

from __future__ import annotations

import typer

from nostro.cli.ledger import (
    accounts,
    audit,
    balance,
    explain,
    export,
    open_items,
    statement,
    trial_balance,
)

app = typer.Typer(name="ledger", no_args_is_help=True, help="Ask the ledger.")
app.command("balance")(balance.balance)
app.command("accounts")(accounts.accounts)
app.command("statement")(statement.statement)
app.command("explain")(explain.explain)
app.command("trial-balance")(trial_balance.trial_balance)
app.command("open-items")(open_items.open_items)
app.command("audit")(audit.audit)
app.command("export")(export.export)
