"""`nostro ledger explain`: why an account holds what it holds, and what became of a payment."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from nostro.cli.ledger import audit
from nostro.cli.ledger.asking import ask, progress
from nostro.cli.ledger.options import At, instant, moment
from nostro.cli.ledger.sheet import money, show
from nostro.cli.options import Book, DatabaseUrl, DataDir, Json
from nostro.cli.programs import fail, print_json
from nostro.kernel.ports import Reader
from nostro.ledger import sides
from nostro.ledger.accounts import find_account, require_account
from nostro.ledger.breakdown import Breakdown, Part, break_down
from nostro.ledger.position import position
from nostro.ledger.story import Told
from nostro.verification import explanation
from nostro.verification.explanation import Done, Explanation

SUBJECTS_SHOWN = 20


def explain(
    identifier: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="An account's code, pi_…, ch_…, re_…, txn_… or a transfer's id."
        ),
    ],
    at: At = None,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Explain a balance by transfer code and by subject, or an object by its transfers and audit records in order.

    Each part of a balance goes down to its transfers with `nostro ledger statement CODE --code …` or `--subject …`.
    """
    at_ms = instant(at)

    async def question(reader: Reader) -> Breakdown | Explanation:
        await position(reader, book)
        account = await find_account(reader, book, identifier)
        if account is not None:
            with progress("Entries") as told:
                return await break_down(reader, book, account, at_ms, told)
        found = await explanation.explain(reader, book, identifier)
        if found is None and ":" in identifier:
            await require_account(reader, book, identifier)
        if found is None:
            fail(f"nothing is known of {identifier} in book {book}: give an account's code, pi_…, "
                 "ch_…, re_…, txn_… or a transfer's id")  # fmt: skip
        return found

    answer = ask(data_dir, database_url, question)
    if isinstance(answer, Breakdown):
        print_json(_balance(answer)) if as_json else _show_balance(answer)
    else:
        print_json(_story(answer)) if as_json else _show_story(answer)


def _balance(found: Breakdown) -> dict[str, Any]:
    return {
        "account": found.account, "currency": found.currency,
        "balance": sides.posted(found.account, found.balance),
        "pending": sides.pending(found.account, found.balance),
        "by_code": {name: _part(part) for name, part in _largest(found.by_code)},
        "by_subject": {name: _part(part) for name, part in _largest(found.by_subject)},
    }  # fmt: skip


def _part(part: Part) -> dict[str, int]:
    return {"entries": part.entries, "amount": part.amount, "pending": part.pending}


def _largest(parts: dict[str, Part]) -> list[tuple[str, Part]]:
    return sorted(parts.items(), key=lambda item: (-abs(item[1].amount), item[0]))


def _show_balance(found: Breakdown) -> None:
    amount = sides.posted(found.account, found.balance)
    print(f"{found.account}: {money(amount, found.currency)}")
    show(_parts("code", _largest(found.by_code)))
    moving = [(name, part) for name, part in _largest(found.by_subject) if part.amount]
    shown, rest = moving[:SUBJECTS_SHOWN], Part()
    for _, part in moving[SUBJECTS_SHOWN:]:
        rest.add(part)
    others = [(f"{len(moving) - len(shown)} others", rest)] if rest.entries else []
    show(_parts("subject", [*shown, *others]))
    print(f"{len(found.by_subject) - len(moving)} subjects come to zero.")


def _parts(name: str, parts: list[tuple[str, Part]]) -> Table:
    table = Table(name.capitalize(), "Entries", "Amount", "Pending", box=None)
    for label, part in parts:
        table.add_row(label, str(part.entries), str(part.amount), str(part.pending))
    return table


def _story(found: Explanation) -> dict[str, Any]:
    return {
        "id": found.id, "account": found.account, "subjects": found.subjects,
        "transfers": [_transfer(line) for line in found.transfers],
        "records": [audit.row(done) for done in found.records],
    }  # fmt: skip


def _transfer(line: Told) -> dict[str, Any]:
    return {
        "transfer": line.transfer, "seq": line.seq, "batch": line.batch, "at": moment(line.at_ms),
        "effective_on": line.effective_on, "kind": line.kind, "code": line.code,
        "subject": line.subject, "amount": line.amount, "currency": line.currency,
        "posted": line.posted, "pending": line.pending, "chain": line.chain, "hold": line.hold,
        "debit": line.debit, "credit": line.credit,
    }  # fmt: skip


def _show_story(found: Explanation) -> None:
    whose = f" of {found.account}" if found.account else ""
    print(f"{found.id}{whose}: {', '.join(found.subjects)}")
    lines: list[Told | Done] = [*found.records, *found.transfers]
    for what in sorted(lines, key=lambda line: line.at_ms):
        if isinstance(what, Told):
            _show_transfer(what)
        else:
            record = what.record
            print(f"{moment(what.at_ms)}  {record.actor}: {record.action} {record.subject}: "
                  f"{record.outcome}")  # fmt: skip


def _show_transfer(line: Told) -> None:
    about = "".join(
        f", {name} {value[:8]}…"
        for name, value in (("chain", line.chain), ("hold", line.hold))
        if value
    )
    print(f"{moment(line.at_ms)}  {line.code} ({line.kind}) {money(line.amount, line.currency)}, "
          f"{line.subject}, batch {line.batch}, transfer {line.transfer}{about}")  # fmt: skip
    for name, side in (("debit", line.debit), ("credit", line.credit)):
        held = f", held {side.held}" if side.held else ""
        print(f"    {name:6} {side.account}: {side.balance} after it{held}")
