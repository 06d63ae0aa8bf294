"""A book as hledger reads it. `==` asserts an exact balance, and that nothing else is in the account."""

from __future__ import annotations

from nostro.ledger.chart import AccountKind, kind_of
from nostro.ledger.days import date_of
from nostro.ledger.export.model import Movement, Standing
from nostro.ledger.export.names import commodity
from nostro.ledger.export.text import plain

TYPES = {
    AccountKind.ASSET: "A",
    AccountKind.LIABILITY: "L",
    AccountKind.EQUITY: "E",
    AccountKind.INCOME: "R",
    AccountKind.EXPENSE: "X",
}


class Hledger:
    """A journal of hledger 1.25 or newer, which its strict mode accepts."""

    def opening(self, account: Standing) -> str:
        """Declares both accounts."""
        about = f"type:{TYPES[kind_of(account.code)]}, code:{plain(account.code)}"
        return "".join(f"account {name}  ; {about}\n" for name, _ in account.parts())

    def commodity(self, name: str) -> str:
        """Declares a commodity."""
        return f"commodity {_quoted(name)}\n"

    def transaction(self, movement: Movement) -> str:
        """One transfer; its number is the transaction's code."""
        unit = _quoted(commodity(movement.currency))
        notes = ", ".join(f"{key}:{plain(value)}" for key, value in movement.notes())
        legs = "".join(f"    {name}  {amount} {unit}\n" for name, amount in movement.legs())
        day, code = date_of(movement.written_day), plain(movement.code)
        return f"\n{day} * ({movement.seq}) {code}  ; {notes}\n{legs}"

    def closing(self, account: Standing, day: int) -> str:
        """A transaction that moves nothing and asserts both balances."""
        unit = _quoted(account.commodity)
        legs = "".join(
            f"    {name}  0 {unit} == {amount} {unit}\n" for name, amount in account.parts()
        )
        return f"\n{date_of(day)} * closing\n{legs}"


def _quoted(name: str) -> str:
    """Anything but letters has to be in quotes."""
    return name if name.isalpha() else f'"{name}"'
