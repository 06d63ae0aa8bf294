"""No two account codes, and no two currencies, share a name; every name is one that both programs take."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.ledger.export.names import account_name, commodity
from nostro.ledger.export.text import plain

# As beancount's grammar has it, of ASCII alone.
NAME = re.compile(r"(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+")
COMMODITY = re.compile(r"[A-Z][A-Z0-9'._-]*[A-Z0-9]")
CODES = st.one_of(
    st.text(), st.text("aAbBzZ019_-:x", max_size=9), st.text("poPOSTEDINGsted:_-", max_size=9)
)


def decoded(name: str) -> str:
    """The code that a name was made of: where there is a way back, no two codes share a name."""
    return ":".join(map(_decoded_part, name.split(":")[1:]))


def _decoded_part(part: str) -> str:
    if part.startswith("0-x"):
        return _unescaped(part[3:])
    if re.fullmatch("[A-Z]{3}", part):
        return part.lower()
    return part[0].lower() + _unescaped(part[1:])


def _unescaped(text: str) -> str:
    out = bytearray()
    for found in re.finditer("--|-([0-9A-F]{2})|[A-Za-z0-9]", text):
        out += bytes([int(found[1], 16)]) if found[1] else found[0].replace("--", "_").encode()
    return out.decode()


@given(CODES)
def test_there_is_a_way_back_from_a_name(code: str) -> None:
    name = account_name(code)
    assert NAME.fullmatch(name)
    assert decoded(name) == code


@given(CODES)
def test_no_account_lies_below_the_leaf_of_another(code: str) -> None:
    assert not {"POSTED", "PENDING"} & set(account_name(code).split(":"))


@given(CODES, CODES)
def test_currencies_do_not_share_a_name(one: str, other: str) -> None:
    assert COMMODITY.fullmatch(commodity(one))
    assert (commodity(one) == commodity(other)) == (one == other)


@given(st.text())
def test_a_text_is_on_one_line_and_ends_nothing(text: str) -> None:
    made = plain(text)
    assert made.splitlines() in ([made], [])
    assert not set(made) & set('\\",;|')


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("acquirer:sandbox:clearing:usd", "Assets:Acquirer:Sandbox:Clearing:USD"),
        ("acquirer:sandbox:disputes:usd", "Assets:Acquirer:Sandbox:Disputes:USD"),
        ("bank:first:cash:jpy", "Assets:Bank:First:Cash:JPY"),
        ("bank:first:outgoing:jpy", "Liabilities:Bank:First:Outgoing:JPY"),
        ("merchant:acct_1Nostro:in_doubt:eur", "Liabilities:Merchant:Acct--1Nostro:In--doubt:EUR"),
        ("platform:fees:kwd", "Income:Platform:Fees:KWD"),
        ("platform:costs:sandbox:usd", "Expenses:Platform:Costs:Sandbox:USD"),
        ("platform:losses:usd", "Expenses:Platform:Losses:USD"),
        ("suspense:bank:usd", "Equity:Suspense:Bank:USD"),
        ("savings", "Equity:Savings"),
        ("Savings", "Equity:0-xSavings"),
        ("merchant:acct_1:bogus:usd", "Equity:Merchant:Acct--1:Bogus:USD"),
        ("café", "Equity:Caf-C3-A9"),
    ],
)
def test_names_as_the_page_has_them(code: str, name: str) -> None:
    assert account_name(code) == name
