"""What PostgreSQL itself says of the vault: columns fit, readers see no seal, keys outlive cards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec
import psycopg
import pytest

from nostro.vault import SealedCard, Vault, WrappedDataKey
from nostro.vault.store import CARDS, QUERIES
from tests.unit.vault.keys import VISA, a_sealed_card, a_vault

pytest.importorskip("nostro.db.embedded")
BOOK = 7


class Urls(Protocol):
    """One URL per role."""

    owner: str
    app: str
    read_only: str


class Session:
    """A connection that speaks `$1`, as the committer's does."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True, cursor_factory=psycopg.RawCursor)

    def run(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else [(cursor.rowcount,)]

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def app(database: Urls) -> Iterator[Session]:
    session = Session(database.app)
    yield session
    session.close()


@pytest.fixture
def reader(database: Urls) -> Iterator[Session]:
    session = Session(database.read_only)
    yield session
    session.close()


def stored(app: Session, *numbers: str) -> tuple[Vault, list[SealedCard]]:
    """A vault whose data key is stored, and cards stored under it."""
    rows: list[WrappedDataKey] = []
    vault = a_vault(rows=rows)
    app.run(QUERIES["insert_data_key"], *msgspec.structs.astuple(rows[0]))
    cards = [a_sealed_card(vault, number, token=f"pm_{at}") for at, number in enumerate(numbers)]
    insert(app, cards)
    return vault, cards


def insert(app: Session, cards: list[SealedCard]) -> None:
    app.run(CARDS.insert, BOOK, *CARDS.insert_arrays(cards))


def read(app: Session, *tokens: str, book: int = BOOK) -> list[SealedCard]:
    return [CARDS.decode(row) for row in app.run(CARDS.read, book, list(tokens))]


def test_a_stored_card_opens_and_only_in_its_book(app: Session) -> None:
    vault, cards = stored(app, VISA, "5555555555554444")
    assert sorted(read(app, "pm_0", "pm_1"), key=lambda card: card.token) == cards
    assert vault.open(read(app, "pm_0")[0]).reveal() == VISA
    assert read(app, "pm_0", book=BOOK + 1) == []


def test_only_the_expiry_of_a_card_can_change(app: Session) -> None:
    _, cards = stored(app, VISA)
    renewed = msgspec.structs.replace(cards[0], exp_year=2040)
    assert CARDS.update is not None
    app.run(CARDS.update, BOOK, *CARDS.update_arrays([renewed]))
    assert read(app, "pm_0") == [renewed]
    absent = msgspec.structs.replace(renewed, token="pm_absent")
    with pytest.raises(psycopg.Error):
        app.run(CARDS.update, BOOK, *CARDS.update_arrays([absent]))
    for column in ("ciphertext = ''", "account = 'acct_2'", "token = 'pm_2'", "book_id = 1"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.run(f"UPDATE nostro.vault_cards SET {column}")


def test_the_same_card_is_found_by_its_fingerprint(app: Session) -> None:
    _, cards = stored(app, VISA, VISA, "5555555555554444")
    find = QUERIES["find_vault_cards"]
    assert app.run(find, BOOK, "acct_1", cards[0].fingerprint) == [("pm_0",), ("pm_1",)]
    assert app.run(find, BOOK, "acct_2", cards[0].fingerprint) == []
    app.run(QUERIES["delete_vault_cards"], BOOK, ["pm_0"])
    assert app.run(find, BOOK, "acct_1", cards[0].fingerprint) == [("pm_1",)]


def test_a_token_is_sealed_once(app: Session) -> None:
    vault, _ = stored(app, VISA)
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert(app, [a_sealed_card(vault, "5555555555554444", token="pm_0")])


def test_no_card_is_stored_under_a_data_key_that_is_not(app: Session) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        insert(app, [a_sealed_card(a_vault())])


def test_no_row_can_hold_a_number_in_the_clear(app: Session) -> None:
    _, cards = stored(app, VISA)
    for forged in (
        msgspec.structs.replace(cards[0], token="pm_x", ciphertext=VISA.encode()),
        msgspec.structs.replace(cards[0], token="pm_x", last4=VISA),
        msgspec.structs.replace(cards[0], token="pm_x", iin=VISA),
        msgspec.structs.replace(cards[0], token="pm_x", fingerprint="0" * 15),
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            insert(app, [forged])


def test_a_data_key_is_wrapped_anew_once_and_never_destroyed_by_the_application(
    app: Session,
) -> None:
    stored(app, VISA)
    row = WrappedDataKey(*app.run(QUERIES["read_data_keys"])[0])
    rewrap = QUERIES["rewrap_data_key"]
    assert app.run(rewrap, row.id, row.wrapped, "kek_new", row.kek_id) == [(1,)]
    assert app.run(rewrap, row.id, row.wrapped, "kek_newer", row.kek_id) == [(0,)]
    for statement in ("DELETE FROM nostro.vault_data_keys", "TRUNCATE nostro.vault_cards"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.run(statement)


def test_a_reader_sees_what_may_be_known_and_nothing_sealed(app: Session, reader: Session) -> None:
    stored(app, VISA)
    assert reader.run("SELECT last4, brand FROM nostro.vault_cards") == [("4242", "visa")]
    assert len(reader.run("SELECT id, kek_id, created_ms FROM nostro.vault_data_keys")) == 1
    for statement in (
        "SELECT ciphertext FROM nostro.vault_cards",
        "SELECT * FROM nostro.vault_cards",
        "SELECT c FROM nostro.vault_cards AS c",
        "SELECT wrapped FROM nostro.vault_data_keys",
        "COPY nostro.vault_cards TO STDOUT",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.run(statement)
