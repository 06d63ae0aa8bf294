"""A queries file is a list of named statements, and nothing in it is lost or swallowed."""

import pytest

from nostro.kernel.queries import load, parse

TWO = """
-- Statements of a room.
-- name: first
-- Why it is so.
SELECT 1 -- one
FROM nostro.a
WHERE book_id = $1;

-- name: second
UPDATE nostro.a SET note = 'two  spaces' WHERE book_id = $1
"""


def test_statements_are_found_by_name() -> None:
    assert list(parse(TWO)) == ["first", "second"]
    assert parse(TWO)["second"] == "UPDATE nostro.a SET note = 'two  spaces' WHERE book_id = $1"


def test_a_comment_at_the_end_of_a_line_does_not_swallow_the_next() -> None:
    assert parse(TWO)["first"].splitlines()[-1] == "WHERE book_id = $1"


def test_the_mapping_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        parse(TWO)["first"] = "DROP TABLE a"  # type: ignore[index]


def test_a_missing_name_is_an_error() -> None:
    with pytest.raises(KeyError, match="third"):
        parse(TWO)["third"]


@pytest.mark.parametrize(
    "text",
    [
        "-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;",
        "-- name: a\n-- nothing but words",
        "-- name: a\n;",
        "SELECT 1;\n-- name: a\nSELECT 2;",
        "-- name:\nSELECT 1;",
        "-- name: two words\nSELECT 1;",
        "-- name: Upper\nSELECT 1;",
    ],
)
def test_a_malformed_file_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"name|empty"):
        parse(text)


def test_a_rooms_file_is_read_from_its_package() -> None:
    assert "lock_head" in load("nostro.ledger")
