"""Every movement that the ledger knows, posted through the committer: what card payments do not do, and what they do not name."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from nostro.kernel.clock import DAY
from nostro.kernel.posting import Kind, LimitChange, Limits, Transfer
from nostro.ledger.commands import PostTransfers, SetLimits
from nostro.ledger.days import LAST_DAY
from nostro.ledger.refusals import Refusal
from tests.verification.driver import BOOK, Driver, mint

# Codes that a careless mapping would confuse with one another, or that neither program would take.
AWKWARD = (
    "a", "A", "a:b", "a:B", "aB", "a_b", "a-b", "a--b", "a:posted", "a:POSTED", "a:pOSTED", "usd",
    "uSD", ":", "::", "0-xa", "é:ß", "漢字", 'a "b"', "a;b  c", "line\nbreak", "tab\tand, comma", "%25",
    "merchant:acct_1:pending", "merchant:acct_1:pending:pending", "platform:fees", "x" * 255, "漢" * 255,
)  # fmt: skip
TEXTS = (
    'say "this"',
    "a\nb",
    "back\\slash",
    "2020-01-01 ; date:2020-13-45, x:y | [2020-02-30]",
    "",
)
MOST = 2**63 - 1


class Postings:
    """Makes transfers with ids of their own and posts them."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.today = driver.clock.business() // DAY

    def transfer(
        self, kind: Kind, debit: str, credit: str, amount: int, currency: str, **more: object
    ) -> Transfer:
        identifier = mint(self._driver).transfer_id()
        plain = Transfer(identifier, kind, debit, credit, amount, currency, "posting", "subject_1")
        return replace(plain, **more)

    def of_hold(self, hold: Transfer, kind: Kind, amount: int, final: bool = False) -> Transfer:
        accounts = (hold.debit, hold.credit)
        more = {"hold": hold.id, "final": final}
        return self.transfer(kind, *accounts, amount, hold.currency, **more)

    async def post(self, *chains: Sequence[Transfer]) -> list[list[Refusal | None]]:
        given = tuple(map(tuple, chains))
        answer: list[list[Refusal | None]] = await self._driver.run(
            PostTransfers(BOOK, self._driver.seed(), given)
        )
        return answer

    async def limit(self, account: str, currency: str, limits: Limits) -> None:
        change = LimitChange(account, currency, limits)
        assert await self._driver.run(SetLimits(BOOK, self._driver.seed(), change)) == [None]


async def post_everything(driver: Driver) -> None:
    """Holds and their ends, chains, refusals, limits, other days, awkward names, largest amounts."""
    postings = Postings(driver)
    for currency, unit in (("jpy", 1), ("kwd", 1_000), ("eur", 100)):
        await _holds(postings, currency, unit)
    await _refusals(postings)
    await _other_days(postings)
    await _awkward(postings)
    await _currencies(postings)


async def _holds(postings: Postings, currency: str, unit: int) -> None:
    accounts = (f"bank:first:incoming:{currency}", f"merchant:acct_2:available:{currency}")
    holds = [
        postings.transfer(Kind.HOLD, *accounts, 10 * unit + number, currency) for number in range(5)
    ]
    whole, part, many, void, expire = holds
    ends = [
        postings.of_hold(whole, Kind.CAPTURE, whole.amount),
        postings.of_hold(part, Kind.CAPTURE, 3 * unit, final=True),
        *(postings.of_hold(many, Kind.CAPTURE, unit) for _ in range(3)),
        postings.of_hold(void, Kind.VOID, void.amount),
        postings.of_hold(expire, Kind.EXPIRE, expire.amount),
    ]
    standing = postings.transfer(Kind.HOLD, *accounts, 7 * unit, currency)
    chain = [
        postings.transfer(Kind.SINGLE, *accounts, 5 * unit, currency),
        postings.transfer(Kind.SINGLE, accounts[1], f"platform:fees:{currency}", unit, currency),
        postings.transfer(
            Kind.SINGLE, f"platform:costs:sandbox:{currency}", accounts[0], unit, currency
        ),
    ]
    every = [[found] for found in (*holds, *ends, standing)]
    answers = await postings.post(*every, chain)
    assert not any(outcome for answer in answers for outcome in answer), answers


async def _refusals(postings: Postings) -> None:
    """What is refused is in no export; what is limited is, even if nothing ever moved it."""
    await postings.limit("suspense:limited:eur", "eur", Limits(0, 100))
    await postings.limit("suspense:never_moved:eur", "eur", Limits(0, 0))
    into = postings.transfer(Kind.SINGLE, "bank:first:cash:eur", "suspense:limited:eur", 100, "eur")
    more = postings.transfer(Kind.SINGLE, "bank:first:cash:eur", "suspense:limited:eur", 1, "eur")
    alone = postings.transfer(
        Kind.SINGLE, "bank:first:cash:eur", "bank:first:outgoing:eur", 1, "eur"
    )
    assert await postings.post([into]) == [[None]]
    [refused] = await postings.post([alone, more])
    assert refused == [Refusal.LINKED_TRANSFER_FAILED, Refusal.EXCEEDS_DEBITS]


async def _other_days(postings: Postings) -> None:
    """Long ago, yesterday, next year, and the last day that there is."""
    accounts = ("fx:usd:eur", "interbook:0:1")
    days = (1, postings.today - 1, postings.today + 365, LAST_DAY - 1, LAST_DAY, postings.today)
    for amount, day in enumerate(days, 11):
        found = postings.transfer(Kind.SINGLE, *accounts, amount, "usd", effective_on=day)
        assert await postings.post([found]) == [[None]]


async def _awkward(postings: Postings) -> None:
    """Each awkward code moves an amount of its own, so that no two can be taken for one another."""
    for amount, code in enumerate(AWKWARD, 1):
        text = TEXTS[amount % len(TEXTS)]
        found = postings.transfer(
            Kind.SINGLE,
            code,
            "suspense:awkward",
            amount * amount,
            "usd",
            code=text or "none",
            subject=text,
        )
        assert await postings.post([found]) == [[None]], code
        held = postings.transfer(Kind.HOLD, code, "suspense:awkward", amount, "usd")
        assert await postings.post([held]) == [[None]], code


async def _currencies(postings: Postings) -> None:
    """Units that are no ISO 4217 currency; the largest amount."""
    for currency in ("usdc2", "x", "null", "loyalty points", "naïve;", "EUR"):
        accounts = (f"one:{currency}", f"other:{currency}")
        found = postings.transfer(Kind.SINGLE, *accounts, MOST, currency)
        assert await postings.post([found]) == [[None]], currency
