"""Stripe's test cards: the tokens `pm_card_…` and `tok_…` that need no creation.

One rule: these numbers belong to nobody and are only ever good in a test book. What each of them
makes an issuer do is decided by the sandbox's issuer, which knows them by number.
Source: Stripe's public testing page.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

import msgspec

from nostro.kernel.secret import Pan
from nostro.vault.cards import brand, card_facts
from nostro.vault.model import CardFacts

VALIDITY_YEARS = 8
_PREFIXES = ("pm_card_", "tok_")


class TestCard(msgspec.Struct, frozen=True):
    """One test card. `name` is what follows `pm_card_` and `tok_`.

    `needs_cvc`: its effect shows only when a security code is sent.
    `three_d_secure`: its issuer may ask for authentication.
    """

    __test__ = False

    name: str
    number: str
    brand: str
    funding: str
    country: str
    needs_cvc: bool = False
    three_d_secure: bool = False


# name, number, funding, country: the cards that simply work
_WORKING = (
    ("visa", "4242424242424242", "credit", "US"),
    ("visa_debit", "4000056655665556", "debit", "US"),
    ("mastercard", "5555555555554444", "credit", "US"),
    ("mastercard_debit", "5200828282828210", "debit", "US"),
    ("mastercard_prepaid", "5105105105105100", "prepaid", "US"),
    ("amex", "378282246310005", "credit", "US"),
    ("discover", "6011111111111117", "credit", "US"),
    ("diners", "3056930009020004", "credit", "US"),
    ("jcb", "3566002020360505", "credit", "JP"),
    ("unionpay", "6200000000000005", "credit", "CN"),
    ("createDispute", "4000000000000259", "credit", "US"),
    ("createDisputeProductNotReceived", "4000000000002685", "credit", "US"),
    ("createDisputeInquiry", "4000000000001976", "credit", "US"),
    ("createIssuerFraudRecord", "4000000000005423", "credit", "US"),
    ("createMultipleDisputes", "4000000404000079", "credit", "AT"),
    ("createCe3EligibleDispute", "4000000404000038", "credit", "AT"),
    ("pendingRefund", "4000000000007726", "credit", "US"),
    ("refundFail", "4000000000005126", "credit", "US"),
    ("bypassPending", "4000000000000077", "credit", "US"),
    ("bypassPendingInternational", "4000003720000278", "credit", "IE"),
    ("radarBlock", "4100000000000019", "credit", "US"),
    ("riskLevelHighest", "4000000000004954", "credit", "US"),
    ("riskLevelElevated", "4000000000009235", "credit", "US"),
    ("cvcCheckFail", "4000000000000101", "credit", "US"),
    ("avsZipFail", "4000000000000036", "credit", "US"),
    ("avsLine1Fail", "4000000000000028", "credit", "US"),
    ("avsFail", "4000000000000010", "credit", "US"),
    ("avsUnchecked", "4000000000000044", "credit", "US"),
    ("chargeCustomerFail", "4000000000000341", "credit", "US"),
)

# name after `chargeDeclined`, number: the issuer declines, each for its reason
_DECLINING = (
    ("", "4000000000000002"),
    ("InsufficientFunds", "4000000000009995"),
    ("LostCard", "4000000000009987"),
    ("StolenCard", "4000000000009979"),
    ("ExpiredCard", "4000000000000069"),
    ("IncorrectCvc", "4000000000000127"),
    ("ProcessingError", "4000000000000119"),
    ("VelocityLimitExceeded", "4000000000006975"),
)

# name, number, country: the issuer may ask for authentication
_AUTHENTICATING = (
    ("authenticationRequiredOnSetup", "4000002500003155", "FR"),
    ("authenticationRequired", "4000002760003184", "DE"),
    ("authenticationRequiredSetupForOffSession", "4000003800000446", "IT"),
    ("authenticationRequiredChargeDeclinedInsufficientFunds", "4000008260003178", "GB"),
    ("threeDSecure2Required", "4000000000003220", "US"),
    ("threeDSecureRequired", "4000000000003063", "US"),
    ("threeDSecureRequiredChargeDeclined", "4000008400001629", "US"),
    ("threeDSecureRequiredProcessingError", "4000008400001280", "US"),
    ("threeDSecureOptional", "4000000000003055", "US"),
)

# name, number: a working card of each country. Digits 7 to 9 are the ISO 3166 number of most.
_OF_COUNTRY = (
    ("us", "4242424242424242"),
    ("ar", "4000000320000021"),
    ("br", "4000000760000002"),
    ("ca", "4000001240000000"),
    ("cl", "4000001520000001"),
    ("co", "4000001700000003"),
    ("cr", "4000001880000005"),
    ("ec", "4000002180000000"),
    ("mx", "4000004840008001"),
    ("pa", "4000005910000000"),
    ("py", "4000006000000066"),
    ("pe", "4000006040000068"),
    ("uy", "4000008580000003"),
    ("ae", "4000007840000001"),
    ("at", "4000000400000008"),
    ("be", "4000000560000004"),
    ("bg", "4000001000000000"),
    ("by", "4000001120000005"),
    ("hr", "4000001910000009"),
    ("cy", "4000001960000008"),
    ("cz", "4000002030000002"),
    ("dk", "4000002080000001"),
    ("ee", "4000002330000009"),
    ("fi", "4000002460000001"),
    ("fr", "4000002500000003"),
    ("de", "4000002760000016"),
    ("gi", "4000002920000005"),
    ("gr", "4000003000000030"),
    ("hu", "4000003480000005"),
    ("ie", "4000003720000005"),
    ("it", "4000003800000008"),
    ("lv", "4000004280000005"),
    ("li", "4000004380000004"),
    ("lt", "4000004400000000"),
    ("lu", "4000004420000006"),
    ("mt", "4000004700000007"),
    ("nl", "4000005280000002"),
    ("no", "4000005780000007"),
    ("pl", "4000006160000005"),
    ("pt", "4000006200000007"),
    ("ro", "4000006420000001"),
    ("sa", "4000006820000007"),
    ("si", "4000007050000006"),
    ("sk", "4000007030000001"),
    ("es", "4000007240000007"),
    ("se", "4000007520000008"),
    ("ch", "4000007560000009"),
    ("gb", "4000008260000000"),
    ("gb_debit", "4000058260000005"),
    ("au", "4000000360000006"),
    ("cn", "4000001560000002"),
    ("hk", "4000003440000004"),
    ("in", "4000003560000008"),
    ("jp", "4000003920000003"),
    ("my", "4000004580000002"),
    ("nz", "4000005540000008"),
    ("sg", "4000007020000003"),
    ("tw", "4000001580000008"),
    ("th_credit", "4000007640000003"),
)


def _working() -> list[TestCard]:
    return [
        TestCard(name, number, brand(Pan(number)), funding, country, name == "cvcCheckFail")
        for name, number, funding, country in _WORKING
    ]


def _declining() -> list[TestCard]:
    return [
        TestCard(prefix + reason, number, "visa", "credit", "US", reason == "IncorrectCvc")
        for reason, number in _DECLINING
        for prefix in ("chargeDeclined", "visa_chargeDeclined")
    ]


def _authenticating() -> list[TestCard]:
    return [
        TestCard(name, number, "visa", "credit", country, three_d_secure=True)
        for name, number, country in _AUTHENTICATING
    ]


def _of_country() -> list[TestCard]:
    return [
        TestCard(
            name, number, "visa", "debit" if name.endswith("_debit") else "credit", name[:2].upper()
        )
        for name, number in _OF_COUNTRY
    ]


TEST_CARDS: tuple[TestCard, ...] = (
    *_working(),
    *_declining(),
    *_authenticating(),
    *_of_country(),
)
BY_TOKEN: Mapping[str, TestCard] = MappingProxyType(
    {prefix + card.name: card for prefix in _PREFIXES for card in TEST_CARDS}
)
# Several names may share a number; the first in the table describes it.
BY_NUMBER: Mapping[str, TestCard] = MappingProxyType(
    {card.number: card for card in reversed(TEST_CARDS)}
)


def far_expiry(today: date) -> tuple[int, int]:
    """Month and year of every test card: far enough ahead never to expire in a test."""
    return today.month, today.year + VALIDITY_YEARS


def facts_in_test_book(number: Pan, month: int, year: int) -> CardFacts:
    """The facts of any card in a test book: a test card's own, or what its number tells."""
    facts = card_facts(number, month, year)
    card = BY_NUMBER.get(number.reveal())
    if card is None:
        return facts
    return msgspec.structs.replace(facts, funding=card.funding, country=card.country)
