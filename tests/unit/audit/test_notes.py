"""Signed notes and checkpoints: the specification's examples, and everything it says to refuse."""

import pytest

from nostro.audit import checkpoints, notes
from nostro.audit.checkpoints import Checkpoint
from nostro.audit.notes import NoteRefused, Signer

# The example of c2sp.org/signed-note.
EXAMPLE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = """This is an example message.

\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
LOG = Signer("log.example/book/1", bytes(range(32)))
ROTATED = Signer("log.example/book/1", bytes(range(1, 33)))
WITNESS = Signer("witness.example/w", bytes(range(2, 34)))
CHECKPOINT = Checkpoint("log.example/book/1", 7, bytes([5]) * 32, 1_795_000_000_000)


def test_the_example_of_the_specification_verifies() -> None:
    key = notes.parse_vkey(EXAMPLE_VKEY)
    assert key.vkey == EXAMPLE_VKEY
    assert notes.verify(notes.parse(EXAMPLE.encode()), [key]) == [key]


def test_every_bit_of_the_example_is_signed() -> None:
    key, data = notes.parse_vkey(EXAMPLE_VKEY), EXAMPLE.encode()
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NoteRefused):
            notes.verify(notes.parse(bytes(changed)), [key])


def test_several_sign_and_unknown_ones_are_ignored() -> None:
    note = notes.parse(notes.sign("text\n", [LOG, WITNESS]))
    assert notes.verify(note, [WITNESS.verifier]) == [WITNESS.verifier]
    assert notes.verify(note, [WITNESS.verifier, LOG.verifier]) == [LOG.verifier, WITNESS.verifier]
    with pytest.raises(NoteRefused):
        notes.verify(note, [ROTATED.verifier])


def test_a_bad_signature_of_a_known_key_refuses_the_note() -> None:
    forged = "text\n\n" + LOG.line("text\n") + WITNESS.line("other\n")
    assert notes.verify(notes.parse(forged), [LOG.verifier]) == [LOG.verifier]
    with pytest.raises(NoteRefused):
        notes.verify(notes.parse(forged), [LOG.verifier, WITNESS.verifier])


def test_sixteen_large_signatures_are_read() -> None:
    large = "\u2014 pq.example " + "AAAA" * 1700 + "\n"
    note = notes.parse(notes.sign("text\n", [LOG]) + large * 15)
    assert len(note.signatures) == 16
    assert notes.verify(note, [LOG.verifier]) == [LOG.verifier]


def test_the_text_may_have_empty_lines() -> None:
    note = notes.parse(notes.sign("a\n\nb\n", [LOG]))
    assert note.text == "a\n\nb\n"
    assert notes.verify(note, [LOG.verifier])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text" + "\n\n" + LOG.line("text\n").rstrip("\n"),
        "te\txt\n\n" + LOG.line("te\txt\n"),
        "text\n\n- log AAAAAAAA\n",
        "text\n\n\u2014 log AAAA\n",
        "text\n\n\u2014 log AAAAAA=\n",
        "text\n\n\u2014 log AAAAAAB=\n",
        "text\n\n\u2014 lo+g AAAAAAAA\n",
        "text\n\n\u2014 lo\u2003g AAAAAAAA\n",
        "text\n\n\u2014  AAAAAAAA\n",
        "text\n\n" + LOG.line("text\n") * 65,
        "x" * 300_000 + "\n\n" + LOG.line("text\n"),
        b"\xff\n\n" + LOG.line("text\n").encode(),
    ],
)
def test_what_is_no_note_is_refused(note: str | bytes) -> None:
    with pytest.raises(NoteRefused):
        notes.parse(note)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        EXAMPLE_VKEY.replace("530d903a", "530d903b"),
        EXAMPLE_VKEY.replace("530d903a", "530D903A"),
        EXAMPLE_VKEY.replace("+Aeky", "+Beky"),
        EXAMPLE_VKEY + "A",
        "other" + EXAMPLE_VKEY,
    ],
)
def test_what_is_no_key_is_refused(vkey: str) -> None:
    with pytest.raises(NoteRefused):
        notes.parse_vkey(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b"])
def test_a_name_without_spaces_signs(name: str) -> None:
    with pytest.raises(NoteRefused):
        Signer(name, bytes(32))


def test_a_text_without_an_end_is_not_signed() -> None:
    with pytest.raises(NoteRefused):
        notes.sign("text", [LOG])


def test_a_checkpoint_is_signed_and_read_again() -> None:
    note = checkpoints.sign(CHECKPOINT, [LOG, WITNESS])
    assert note.startswith(
        "log.example/book/1\n7\nBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=\n"
        "nostro-time 1795000000000\n\n\u2014 log.example/book/1 "
    )
    assert checkpoints.open_checkpoint(note, [LOG.verifier]) == CHECKPOINT


def test_a_witness_alone_does_not_make_a_checkpoint() -> None:
    note = checkpoints.sign(CHECKPOINT, [WITNESS])
    with pytest.raises(NoteRefused):
        checkpoints.open_checkpoint(note, [LOG.verifier, WITNESS.verifier])


def test_a_rotated_key_signs_in_the_same_name() -> None:
    note = checkpoints.sign(CHECKPOINT, [ROTATED])
    keys = [LOG.verifier, ROTATED.verifier]
    assert checkpoints.open_checkpoint(note, keys) == CHECKPOINT


def test_other_extension_lines_are_kept() -> None:
    text = CHECKPOINT.text + "anything else\n"
    assert checkpoints.parse_text(text).extensions == ("anything else",)
    assert checkpoints.parse_text(text).text == text


def test_the_example_checkpoint_of_the_specification() -> None:
    read = checkpoints.parse_text(
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    assert (read.origin, read.size, read.time_ms) == ("example.com/behind-the-sofa", 20852163, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log\n7\n",
        CHECKPOINT.text.rstrip("\n"),
        CHECKPOINT.text.replace("\n7\n", "\n07\n"),
        CHECKPOINT.text.replace("\n7\n", "\n-7\n"),
        CHECKPOINT.text.replace("\n7\n", "\n\u0667\n"),
        CHECKPOINT.text.replace("QU=", "QV="),
        CHECKPOINT.text.replace("BQUFBQUF", "", 1),
        CHECKPOINT.text + "\n",
        CHECKPOINT.text + "nostro-time 2\n",
        CHECKPOINT.text.replace("1795", "x"),
        CHECKPOINT.text.replace("nostro-time", "other\nnostro-time"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        checkpoints.parse_text(text)


def test_a_checkpoint_with_a_line_too_many_is_not_signed() -> None:
    with pytest.raises(NoteRefused):
        checkpoints.sign(Checkpoint("log\n9", 7, bytes(32)), [LOG])
