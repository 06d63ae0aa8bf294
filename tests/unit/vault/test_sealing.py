"""A seal opens where it was made, under its keys, whole, and nowhere else."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.kernel.errors import Misconfigured, OurMistake
from nostro.kernel.secret import Pan, Secret
from nostro.vault import DataKeyUnknown, Keyring, SealBroken, SealedCard, Vault, WrappedDataKey
from nostro.vault.sealing import SEALS_PER_DATA_KEY
from tests.unit.vault.keys import NOW, ROOT, VISA, CountedEntropy, a_sealed_card, a_vault

VAULT = a_vault()
SEALED = a_sealed_card(VAULT)


@given(st.text("0123456789", min_size=12, max_size=19), st.text(), st.text())
def test_what_is_sealed_opens(number: str, owner: str, token: str) -> None:
    sealed = a_sealed_card(VAULT, number, owner, token)
    assert VAULT.open(sealed).reveal() == number
    assert number.encode() not in sealed.ciphertext


@given(st.integers(0, len(SEALED.ciphertext) * 8 - 1))
def test_any_flipped_bit_breaks_the_seal(bit: int) -> None:
    altered = bytearray(SEALED.ciphertext)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        VAULT.open(msgspec.structs.replace(SEALED, ciphertext=bytes(altered)))


@pytest.mark.parametrize("length", range(len(SEALED.ciphertext)))
def test_any_truncation_breaks_the_seal(length: int) -> None:
    with pytest.raises(SealBroken):
        VAULT.open(msgspec.structs.replace(SEALED, ciphertext=SEALED.ciphertext[:length]))


def test_a_seal_moved_to_another_row_is_broken_and_says_nothing_else() -> None:
    VAULT.load([other := VAULT.new_data_key(NOW)])
    moves = [
        msgspec.structs.replace(SEALED, account="acct_2"),
        msgspec.structs.replace(SEALED, token="pm_2"),
        msgspec.structs.replace(SEALED, account="acct_1p", token="m_1"),
        msgspec.structs.replace(SEALED, data_key_id=other.id),
    ]
    answers = set()
    for moved in moves:
        with pytest.raises(SealBroken) as broken:
            VAULT.open(moved)
        assert broken.value.__cause__ is None
        answers.add(str(broken.value))
    assert len(answers) == 1


def test_sealing_twice_never_repeats_a_nonce() -> None:
    nonces = {a_sealed_card(VAULT).ciphertext[1:13] for _ in range(2_000)}
    assert len(nonces) == 2_000


def test_a_card_sealed_elsewhere_opens_once_its_data_key_is_loaded() -> None:
    rows: list[WrappedDataKey] = []
    sealed = a_sealed_card(a_vault(rows=rows))
    reader = Vault(Keyring.from_root(ROOT), CountedEntropy(b"reader"))
    with pytest.raises(DataKeyUnknown):
        reader.open(sealed)
    reader.load(rows)
    assert reader.open(sealed).reveal() == VISA


def test_nothing_is_sealed_before_a_data_key_is_in_use() -> None:
    vault = Vault(Keyring.from_root(ROOT), CountedEntropy())
    vault.new_data_key(NOW)
    assert vault.needs_data_key
    with pytest.raises(OurMistake):
        a_sealed_card(vault)


def test_a_data_key_is_replaced_after_its_share_of_seals() -> None:
    vault = a_vault()
    vault._seals = SEALS_PER_DATA_KEY - 1
    assert not vault.needs_data_key
    first = a_sealed_card(vault)
    assert vault.needs_data_key
    vault.use(vault.new_data_key(NOW))
    assert not vault.needs_data_key
    second = a_sealed_card(vault, token="pm_2")
    assert first.data_key_id != second.data_key_id
    assert vault.open(first) == vault.open(second)


def test_an_altered_or_moved_data_key_does_not_load() -> None:
    row, other = VAULT.new_data_key(NOW), VAULT.new_data_key(NOW)
    altered = row.wrapped[:-1] + bytes([row.wrapped[-1] ^ 1])
    for forged in (
        msgspec.structs.replace(row, wrapped=altered),
        msgspec.structs.replace(row, wrapped=other.wrapped),
        msgspec.structs.replace(row, id=other.id),
        msgspec.structs.replace(row, wrapped=b""),
    ):
        with pytest.raises(SealBroken):
            VAULT.load([forged])
    with pytest.raises(Misconfigured):
        VAULT.load([msgspec.structs.replace(row, kek_id="kek_0000000000000000")])


def test_the_same_card_has_one_fingerprint_per_account() -> None:
    prints = {
        (number, owner): VAULT.fingerprint(Pan(number), owner)
        for number in (VISA, "5555555555554444")
        for owner in ("acct_1", "acct_2")
    }
    assert len(set(prints.values())) == 4
    assert a_sealed_card(VAULT, token="pm_9").fingerprint == prints[VISA, "acct_1"]
    assert all(len(print_) == 16 and print_.isalnum() for print_ in prints.values())
    assert a_vault().fingerprint(Pan(VISA), "acct_1") == prints[VISA, "acct_1"]


def rewrapped(vault: Vault, rows: list[WrappedDataKey], count: int) -> list[WrappedDataKey]:
    """What the table holds if the job stopped after `count` keys."""
    return [vault.rewrap(row) for row in rows[:count]] + rows[count:]


@settings(max_examples=20)
@given(st.integers(0, 3))
def test_a_rotation_that_stops_anywhere_leaves_every_card_readable(stopped_after: int) -> None:
    rows: list[WrappedDataKey] = []
    sealed: list[SealedCard] = []
    old = Keyring.from_root(ROOT)
    vault = a_vault(old, rows)
    for _ in range(3):
        sealed.append(a_sealed_card(vault, token=f"pm_{len(sealed)}"))
        rows.append(vault.new_data_key(NOW))
        vault.use(rows[-1])
    rotated = old.rotated(b"\x01" * 32)
    table = rewrapped(Vault(rotated, CountedEntropy(b"rotation")), rows, stopped_after)
    reader = Vault(rotated, CountedEntropy(b"reader"))
    reader.load(table)
    assert [reader.open(card).reveal() for card in sealed] == [VISA] * 3
    assert sum(reader.needs_rewrap(row) for row in table) == len(rows) - stopped_after
    assert reader.fingerprint(Pan(VISA), "acct_1") == sealed[0].fingerprint


def test_a_retired_key_that_was_destroyed_reads_nothing_and_the_new_one_everything() -> None:
    rows: list[WrappedDataKey] = []
    old = Keyring.from_root(ROOT)
    sealed = a_sealed_card(a_vault(old, rows))
    rotated = old.rotated(b"\x01" * 32)
    table = rewrapped(Vault(rotated, CountedEntropy()), rows, len(rows))
    reader = Vault(rotated.without_retired(), CountedEntropy())
    reader.load(table)
    assert reader.open(sealed).reveal() == VISA
    with pytest.raises(Misconfigured):
        reader.load(rows)
    with pytest.raises(Misconfigured):
        Vault(old, CountedEntropy()).load(table)


def test_keys_for_encryption_and_fingerprints_differ_and_weak_ones_are_refused() -> None:
    keyring = Keyring.from_root(ROOT)
    assert keyring.fingerprint_key not in keyring.key_encryption_keys().values()
    with pytest.raises(Misconfigured):
        Keyring.from_root(Secret("short"))
    with pytest.raises(Misconfigured):
        Keyring(Secret("a" * 64), Secret("a" * 64))
    with pytest.raises(Misconfigured):
        Keyring(Secret("a" * 64), Secret("b" * 63))
