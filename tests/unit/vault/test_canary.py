"""However a value of the vault is shown, no card number, security code or key is seen."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
import pytest

from nostro.kernel.secret import Cvc, Pan, Secret
from nostro.vault import Keyring, PresealedCards, SealBroken, check_card
from nostro.vault.cards import check_cvc
from tests.unit.vault.keys import ROOT, a_sealed_card, a_vault

NUMBER = "4000123412349010"
CODE = "739"
VAULT = a_vault()
SEALED = a_sealed_card(VAULT, NUMBER)
KEYS = Keyring.from_root(ROOT)
KEY_TEXTS = [line.split()[1] for line in KEYS.to_text().reveal().splitlines()]
CANARIES = [
    NUMBER,
    NUMBER[:12],
    NUMBER[6:],
    CODE,
    NUMBER.encode().hex(),
    ROOT.reveal(),
    *KEY_TEXTS,
]

VALUES: list[Any] = [
    Pan(NUMBER),
    Cvc(CODE),
    ROOT,
    KEYS,
    VAULT,
    SEALED,
    SEALED.facts,
    PresealedCards(VAULT, date(2026, 1, 1)),
    check_card(Pan(NUMBER + "1"), 12, 2034, Cvc(CODE), date(2026, 1, 1)),
    check_card(Pan(NUMBER), 12, 2034, Cvc(CODE + "9"), date(2026, 1, 1)),
    check_cvc(Cvc(CODE), "amex"),
    {"card": Pan(NUMBER), "cvc": Cvc(CODE)},
    [(Pan(NUMBER), Secret(KEY_TEXTS[0]))],
]


def logged(value: object) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("nostro.canary")
    logger.addHandler(handler)
    logger.warning("%s %r %s", value, value, [value])
    logger.removeHandler(handler)
    return stream.getvalue()


def raised(value: object) -> str:
    """A traceback with the locals of every frame, as error reporters make them."""
    try:
        raise ValueError(value)
    except ValueError as error:
        return "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )


def printf(value: object) -> str:
    return "%s %r %a" % (value, value, value)  # noqa: UP031 (a way of showing that must be tried)


SHOWN_BY: list[Callable[[Any], object]] = [
    repr,
    str,
    ascii,
    format,
    printf,
    lambda value: f"{value!s:>80}{value!r}",
    logged,
    raised,
    json.dumps,
    lambda value: json.dumps(value, default=str),
    lambda value: json.dumps(value, default=vars),
    msgspec.json.encode,
    lambda value: msgspec.json.encode(value, enc_hook=str),
    msgspec.to_builtins,
    pickle.dumps,
    copy.deepcopy,
    dir,
]


@pytest.mark.parametrize("show", SHOWN_BY)
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_no_way_of_showing_a_value_shows_a_secret(
    value: object, show: Callable[[Any], object]
) -> None:
    try:
        shown = show(value)
    except Exception as refusal:  # noqa: BLE001 (a refusal to show may not show it either)
        shown = "".join(traceback.format_exception(refusal))
    text = shown.decode("latin-1") if isinstance(shown, bytes) else repr(shown) + str(shown)
    assert [canary for canary in CANARIES if canary in text] == []


def test_the_canaries_would_be_seen_if_a_value_were_plain() -> None:
    assert NUMBER in str(json.dumps({"card": NUMBER}))
    assert NUMBER in logged(NUMBER) and NUMBER in raised(NUMBER)


def test_a_broken_seal_leaves_no_number_in_the_traceback() -> None:
    try:
        VAULT.open(msgspec.structs.replace(SEALED, token="pm_moved"))
    except SealBroken as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert [canary for canary in CANARIES if canary in "".join(shown.format())] == []
    else:
        raise AssertionError("a moved seal opened")


def test_sealed_rows_hold_no_number_in_any_field() -> None:
    for field in SEALED.__struct_fields__:
        value = getattr(SEALED, field)
        assert NUMBER not in repr(value) and NUMBER[6:12] not in repr(value)
