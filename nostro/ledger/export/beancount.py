"""A book as beancount reads it. Its balances are asserted with a tolerance of zero: by default it may forgive a unit."""

from __future__ import annotations

from nostro.ledger.days import date_of
from nostro.ledger.export.model import Movement, Standing
from nostro.ledger.export.names import commodity
from nostro.ledger.export.text import plain

# Before any day that a transfer may count for.
OPENED = date_of(0)


class Beancount:
    """Directives of beancount 2 and 3."""

    def opening(self, account: Standing) -> str:
        """Opens both accounts, for one currency alone."""
        return "".join(
            f'{OPENED} open {name} {account.commodity}\n  code: "{plain(account.code)}"\n'
            for name, _ in account.parts()
        )

    def commodity(self, name: str) -> str:
        """Declares a commodity."""
        return f"{OPENED} commodity {name}\n"

    def transaction(self, movement: Movement) -> str:
        """One transfer."""
        unit = commodity(movement.currency)
        notes = "".join(f'  {key}: "{plain(value)}"\n' for key, value in movement.notes())
        legs = "".join(f"  {name} {amount} {unit}\n" for name, amount in movement.legs())
        day, code = date_of(movement.written_day), plain(movement.code)
        return f'\n{day} * "{code}"\n  seq: {movement.seq}\n{notes}{legs}'

    def closing(self, account: Standing, day: int) -> str:
        """What both accounts stood at when the day began."""
        return "".join(
            f"{date_of(day)} balance {name} {amount} ~ 0 {account.commodity}\n"
            for name, amount in account.parts()
        )
