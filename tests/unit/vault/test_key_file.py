"""The key file is private, whole and durable, or it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from nostro.kernel.errors import Misconfigured
from nostro.kernel.secret import Secret
from nostro.vault import Keyring, open_key_file, read_key_file, write_key_file
from tests.unit.vault.keys import ROOT, CountedEntropy


def test_the_file_is_made_once_and_read_ever_after(tmp_path: Path) -> None:
    path = tmp_path / "vault.keys"
    made = open_key_file(path, CountedEntropy())
    again = open_key_file(path, CountedEntropy(b"other"))
    assert again.to_text() == made.to_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["vault.keys"]


def test_processes_that_start_at_once_read_the_same_keys(tmp_path: Path) -> None:
    path = tmp_path / "vault.keys"

    class SlowEntropy(CountedEntropy):
        """Another process creates the file between our look and our write."""

        def bytes(self, count: int) -> bytes:
            if not path.exists():
                write_key_file(path, Keyring.from_root(ROOT))
            return super().bytes(count)

    ours = open_key_file(path, SlowEntropy())
    assert ours.to_text() == Keyring.from_root(ROOT).to_text()
    assert [file.name for file in tmp_path.iterdir()] == ["vault.keys"]


def test_a_rotated_keyring_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "vault.keys"
    keyring = Keyring.from_root(ROOT).rotated(b"\x01" * 32).rotated(b"\x02" * 32)
    (tmp_path / ".vault.keys.left").write_text("left by a crash")
    write_key_file(path, keyring)
    read = read_key_file(path)
    assert read.key_encryption_keys() == keyring.key_encryption_keys()
    assert len(read.key_encryption_keys()) == 3
    assert read.current_kek_id == keyring.current_kek_id
    assert read.fingerprint_key == Keyring.from_root(ROOT).fingerprint_key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "vault.keys"
    write_key_file(path, Keyring.from_root(ROOT))
    path.chmod(mode)
    with pytest.raises(Misconfigured):
        read_key_file(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fingerprint " + "a" * 64,
        "current " + "b" * 64 + "\nfingerprint " + "a" * 64,
        "fingerprint " + "a" * 64 + "\ncurrent " + "b" * 64 + "\nother " + "c" * 64,
        "fingerprint " + "a" * 64 + "\ncurrent",
        "fingerprint " + "é" * 64 + "\ncurrent " + "b" * 64,
    ],
)
def test_a_malformed_file_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        Keyring.from_text(Secret(text))
    assert "aaaa" not in str(refusal.value) and "bbbb" not in str(refusal.value)
