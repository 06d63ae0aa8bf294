"""A history with every kind of payment and refund in it, each ended, open or in doubt."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from nostro.audit.store import QUERIES as RECORDS
from nostro.balances.commands import ReleaseDay, TopUp
from nostro.db.pool import Pool
from nostro.kernel.clock import DAY, BusinessTime, start_of_day
from nostro.kernel.money import FeeSchedule
from nostro.kernel.outcome import NotSent, Undone, Unknown
from nostro.kernel.secret import Secret
from nostro.merchants.service import Merchants
from nostro.payments.claim import ExpireAuthorization
from nostro.payments.model import Attempt, Charge
from nostro.payments.store import ATTEMPTS, CHARGES
from tests.verification.driver import (
    BOOK,
    DECLINED,
    REFUND_FAILS_LATER,
    REFUND_PENDING,
    Driver,
)

LOST = Unknown("no answer")
MATURING_S = 0.3


@dataclass
class History:
    """The ids of what tests tamper with."""

    names: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.names[name]


async def make(driver: Driver) -> History:
    """Drive everything once."""
    history = History()
    driver.clock.ahead_ms = -9 * DAY
    forgotten = await driver.authorization(1_100)
    await _days_ago(driver, history)
    top_up = TopUp(BOOK, driver.seed(), driver.origin.account, 500, "usd")
    history.names["top_up"] = await driver.run(top_up)
    expire = ExpireAuthorization(BOOK, driver.seed(), driver.origin, forgotten)
    assert await driver.run(expire)
    history.names["expired"] = forgotten.id
    await _sales(driver, history)
    await _authorizations(driver, history)
    await _doubts(driver, history)
    await _refunds(driver, history)
    await _settings(driver, history)
    return history


async def _settings(driver: Driver, history: History) -> None:
    """An account whose fees were changed, a key that is in force and one that was revoked, an endpoint."""
    pool = Pool(driver.url)
    merchants = Merchants(pool, Secret("hash key"), driver.clock, driver.entropy)
    shop = (await merchants.create_account("Shop", books=(BOOK, BOOK))).account
    await merchants.set_fee(shop, FeeSchedule(290, 30))
    await merchants.create_key(shop, False)
    revoked = await merchants.create_key(shop, False)
    assert await merchants.revoke(revoked)
    assert await merchants.tell(BOOK, driver.committer) == 5
    keys = {key.revoked_ms is None: key.id for key in await merchants.keys(shop)}
    told = await pool.fetch(RECORDS["records_of_subject"], BOOK, history["sale_intent"])
    history.names |= {"first_intend": str(told[0][0]), "first_settle": str(told[1][0])}
    await pool.close()
    history.names |= {"shop": shop, "key": keys[True], "revoked_key": keys[False]}
    endpoint = await driver.endpoint("https://shop.example/hook?token=x", "*")
    history.names["endpoint"] = endpoint


async def _sales(driver: Driver, history: History) -> None:
    sale = await driver.sale(2_000, key="answered")
    history.names |= {
        "sale": sale.id,
        "sale_attempt": sale.reference,
        "sale_intent": sale.intent,
        "sale_transaction": str(sale.balance_transaction),
    }
    euros = await driver.sale(3_000, currency="eur")
    history.names |= {"euros": euros.id}
    declined = await driver.sale(1_000, DECLINED)
    assert declined.status == "failed"
    history.names |= {"declined": declined.id, "declined_attempt": declined.reference}
    unsent = await driver.intend(900)
    await driver.settle(unsent, NotSent("refused"))
    sending = await driver.intend(800, key="in_flight")
    history.names |= {"sending": sending.id}


async def _authorizations(driver: Driver, history: History) -> None:
    await driver.capture(await driver.authorization(4_000))
    partial = await driver.capture(await driver.authorization(5_000), 1_500)
    voided = await driver.authorization(6_000)
    void = await driver.intend_void(voided)
    await driver.settle(void, await driver.call(void))
    standing = await driver.authorization(7_000)
    history.names |= {
        "partial": partial.id,
        "voided": voided.id,
        "void": void.id,
        "standing": standing.id,
        "standing_attempt": standing.reference,
        "standing_hold": str(standing.hold),
        "standing_uuid": str(UUID(str(standing.hold))),
        "standing_intent": standing.intent,
    }


async def _doubts(driver: Driver, history: History) -> None:
    """Sales and captures whose answer was lost: found, undone, and open still."""
    found = await driver.intend(1_200)
    outcome = await driver.call(found)
    await driver.settle(found, LOST)
    await driver.settle(found, outcome)
    undone = await driver.intend(1_300)
    await driver.settle(undone, LOST)
    await driver.settle(undone, Undone("cancelled"))
    unknown = await _lost_sale(driver, 1_400)
    capture = await driver.intend_capture(await driver.authorization(1_500), 1_000)
    outcome = await driver.call(capture)
    await driver.settle(capture, LOST)
    await driver.settle(capture, outcome)
    open_capture = await driver.intend_capture(await driver.authorization(1_600))
    await driver.settle(open_capture, LOST)
    void = await driver.intend_void(await driver.authorization(1_700))
    await driver.settle(void, LOST)
    unknown = await driver.read(ATTEMPTS, unknown.id)
    history.names |= {
        "found": found.id,
        "undone": undone.id,
        "unknown": unknown.id,
        "unknown_intent": unknown.intent,
        "unknown_hold": str(unknown.doubt_hold),
    }


async def _lost_sale(driver: Driver, amount: int) -> Attempt:
    attempt = await driver.intend(amount)
    await driver.call(attempt)
    await driver.settle(attempt, LOST)
    return attempt


async def _days_ago(driver: Driver, history: History) -> None:
    """A day that was released, what came to it late, and a refund taken from it that came back late."""
    driver.clock.ahead_ms = -4 * DAY
    charge = await driver.sale(50_000)
    refused = await driver.intend_refund(charge, 700)
    assert refused is not None and refused.from_pending
    late = await driver.intend(600)
    day = BusinessTime(start_of_day(driver.clock.business()) + 2 * DAY)
    driver.clock.ahead_ms = 0
    release = ReleaseDay(BOOK, driver.seed(), driver.origin, "usd", day)
    assert await driver.run(release)
    await driver.settle_refund(refused, NotSent("refused"))
    outcome = await driver.call(late)
    driver.clock.ahead_ms = -4 * DAY
    await driver.settle(late, outcome)
    driver.clock.ahead_ms = 0
    charge = await driver.read(CHARGES, charge.id)
    history.names |= {"released": charge.id, "day": f"{charge.account}/usd/{day}"}
    history.names |= {"late": late.charge}
    await _available_refund(driver, charge, history)


async def _available_refund(driver: Driver, charge: Charge, history: History) -> None:
    refund = await driver.refund(charge, 400)
    history.names["from_available"] = refund.id


async def _refunds(driver: Driver, history: History) -> None:
    sale = await driver.sale(9_000)
    done = await driver.refund(sale, 1_000, key="refunded")
    refused = await driver.intend_refund(sale, 250)
    assert refused is not None
    await driver.settle_refund(refused, NotSent("refused"))
    unknown = await driver.intend_refund(sale, 500)
    assert unknown is not None
    await driver.settle_refund(unknown, LOST)
    accepted = await driver.refund(await driver.sale(2_100, REFUND_PENDING), 2_100)
    fails = await driver.refund(await driver.sale(2_200, REFUND_FAILS_LATER), 2_200)
    provisional = await driver.refund(await driver.sale(2_300, REFUND_FAILS_LATER), 300)
    await asyncio.sleep(MATURING_S)
    assert driver.acquirer is not None
    found = await driver.acquirer.inquire(fails.id)
    await driver.settle_refund(fails, found)  # type: ignore[arg-type]
    waiting = await _waiting(driver)
    history.names |= {
        "refund": done.id, "refunded": sale.id, "refund_unknown": unknown.id,
        "refund_hold": str(unknown.hold), "refused": refused.id,
        "accepted": accepted.id, "failed": fails.id, "provisional": provisional.id,
        "waiting": waiting,
    }  # fmt: skip


async def _waiting(driver: Driver) -> str:
    """Its fee leaves less than the whole amount, and nothing else of that currency is there."""
    charge = await driver.sale(100, currency="chf")
    refund_id = await driver.waiting_refund(charge, 100)
    return refund_id
