"""The vault's statements name the columns in the order of the fields of its values."""

from __future__ import annotations

from typing import Any

import pglast
import pytest

from nostro.vault import SealedCard, WrappedDataKey
from nostro.vault.store import CARDS, QUERIES


def selected(name: str) -> tuple[str, ...]:
    statement: Any = pglast.parse_sql(QUERIES[name])[0].stmt
    return tuple(target.val.fields[-1].sval for target in statement.targetList)


def inserted(name: str) -> tuple[str, ...]:
    statement: Any = pglast.parse_sql(QUERIES[name])[0].stmt
    return tuple(column.name for column in statement.cols)


def test_cards_are_read_and_written_in_the_order_of_their_fields() -> None:
    assert selected("read_vault_cards") == SealedCard.__struct_fields__
    assert inserted("insert_vault_cards") == ("book_id", *SealedCard.__struct_fields__)
    assert CARDS.mutable == ("token", "exp_month", "exp_year")


def test_data_keys_are_read_and_written_in_the_order_of_their_fields() -> None:
    assert selected("read_data_keys") == WrappedDataKey.__struct_fields__
    assert inserted("insert_data_key") == WrappedDataKey.__struct_fields__


@pytest.mark.parametrize("name", [name for name in QUERIES if "data_key" not in name])
def test_every_statement_on_cards_is_of_one_book(name: str) -> None:
    assert "book_id = $1" in QUERIES[name] or "SELECT $1, x.*" in QUERIES[name]
