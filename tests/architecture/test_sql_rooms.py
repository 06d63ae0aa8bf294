"""The product's SQL keeps the house rules, and each rule catches what it forbids."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import nostro
from nostro.kernel.queries import parse
from tests.architecture import sql_rooms
from tests.architecture.sql_rooms import Table, Tables

PACKAGE = Path(nostro.__file__).parent
MIGRATIONS = sorted((PACKAGE / "db" / "migrations").glob("*.sql"))
ROOMS = frozenset(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())


def product_tables() -> Tables:
    """Every table of every migration."""
    found: Tables = {}
    for path in MIGRATIONS:
        found |= sql_rooms.tables_of(path.read_text())
    return found


def product_statements() -> Iterator[tuple[str, str, str]]:
    """Room, name and text of every statement of every room."""
    for path in sorted([*PACKAGE.glob("*/queries.sql"), *PACKAGE.glob("*/asking.sql")]):
        for name, statement in parse(path.read_text()).items():
            yield path.parent.name, name, statement


STATEMENTS = list(product_statements())
TABLES = product_tables()
names = [f"{room}.{name}" for room, name, _ in STATEMENTS]


def test_there_is_something_to_check() -> None:
    assert len(STATEMENTS) > 10
    assert len(TABLES) > 5


@pytest.mark.parametrize(("room", "name", "statement"), STATEMENTS, ids=names)
def test_a_statement_keeps_to_its_room_and_its_book(room: str, name: str, statement: str) -> None:
    assert sql_rooms.unparsable(statement) == []
    assert sql_rooms.foreign_tables(statement, room, TABLES) == []
    assert sql_rooms.impurities(statement) == []
    if not all(TABLES[table].reference for table in sql_rooms.touched(statement)):
        assert sql_rooms.unbound_books(statement, TABLES) == []


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.stem)
def test_a_migration_keeps_to_the_rules(path: Path) -> None:
    text = path.read_text()
    assert sql_rooms.unowned_tables(text, ROOMS) == []
    assert sql_rooms.keys_without_book(text) == []
    assert sql_rooms.self_counting(text) == []
    assert sql_rooms.impurities(text) == []


PLANTED_TABLES: Tables = {
    "a": Table("a", "ledger", reference=False),
    "b": Table("b", "ledger", reference=False),
    "rates": Table("rates", "ledger", reference=True),
    "charges": Table("charges", "payments", reference=False),
}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT x FROM a",
        "SELECT x FROM a WHERE book_id = $2 AND x = $1",
        "SELECT x FROM a WHERE book_id = $1 OR true",
        "SELECT x FROM a WHERE NOT book_id = $1",
        "SELECT x FROM a WHERE book_id >= $1",
        "SELECT x FROM a WHERE book_id = any($1::int[])",
        "SELECT x FROM a WHERE book_id = 7",
        "SELECT a.x FROM a, b WHERE a.book_id = $1",
        "SELECT a.x FROM a, b WHERE a.book_id = b.book_id",
        "SELECT a.x FROM a LEFT JOIN b ON a.book_id = $1 AND b.book_id = $1",
        "SELECT a.x FROM a FULL JOIN b ON a.book_id = $1 AND b.book_id = $1",
        "SELECT x FROM a WHERE book_id = $1 AND EXISTS (SELECT 1 FROM b)",
        "SELECT x FROM a WHERE book_id = $1 UNION ALL SELECT x FROM a",
        "WITH c AS (SELECT x FROM b) SELECT x FROM a JOIN c USING (x) WHERE a.book_id = $1",
        "UPDATE a SET x = 1",
        "UPDATE a SET x = 1 FROM unnest($1::int[], $2::int[]) AS u (book, n) WHERE a.book_id = u.book",
        "UPDATE a SET book_id = 2 WHERE book_id = $1",
        "DELETE FROM a WHERE x = $1",
        "INSERT INTO a (x, book_id) VALUES ($2, $1)",
        "INSERT INTO a (book_id, x) VALUES ($1, 1), (7, 2)",
        "INSERT INTO a (book_id, x) SELECT u.* FROM unnest($1::int[], $2::int[]) AS u",
        "INSERT INTO a SELECT $1, 2",
        "MERGE INTO a USING b ON a.x = b.x WHEN MATCHED THEN DELETE",
    ],
)
def test_a_statement_without_its_book_is_found(sql: str) -> None:
    assert sql_rooms.unbound_books(sql, PLANTED_TABLES)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT x FROM a WHERE book_id = $1 AND x = $2",
        "SELECT x FROM a WHERE $1::int = book_id",
        "SELECT a.x FROM a JOIN b ON a.book_id = b.book_id WHERE b.book_id = $1",
        "SELECT a.x FROM a LEFT JOIN b ON b.book_id = $1 AND a.x = b.x WHERE a.book_id = $1",
        "SELECT x FROM a WHERE book_id = $1 AND EXISTS (SELECT 1 FROM b WHERE b.book_id = a.book_id)",
        "SELECT x FROM a JOIN rates USING (x) WHERE a.book_id = $1",
        "INSERT INTO a (book_id, x) SELECT $1, u.* FROM unnest($2::int[]) AS u",
        """WITH c AS (INSERT INTO a (book_id, x) VALUES ($1, $2) RETURNING book_id, x)
        INSERT INTO b (book_id, x) SELECT c.book_id, c.x FROM c""",
        "UPDATE a SET x = u.n FROM unnest($2::int[]) AS u (n) WHERE a.book_id = $1",
        "DELETE FROM a USING b WHERE a.book_id = $1 AND b.book_id = a.book_id",
    ],
)
def test_a_statement_with_its_book_is_left_alone(sql: str) -> None:
    assert sql_rooms.unbound_books(sql, PLANTED_TABLES) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM charges WHERE book_id = $1",
        "SELECT 1 FROM nostro.charges WHERE book_id = $1",
        "WITH c AS (DELETE FROM charges WHERE book_id = $1) SELECT 1",
        "UPDATE a SET x = 1 FROM charges WHERE a.book_id = $1",
        "SELECT x FROM a WHERE book_id = $1 AND x IN (SELECT x FROM charges)",
        "WITH charges AS (SELECT 1) SELECT 1 FROM nostro.charges",
        "SELECT 1 FROM nowhere",
    ],
)
def test_another_rooms_table_is_found(sql: str) -> None:
    assert sql_rooms.foreign_tables(sql, "ledger", PLANTED_TABLES)
    assert not sql_rooms.foreign_tables(
        "WITH c AS (SELECT 1) SELECT 1 FROM a, c", "ledger", PLANTED_TABLES
    )


def test_verification_reads_every_room_and_writes_none() -> None:
    read = "SELECT 1 FROM charges, a"
    assert sql_rooms.foreign_tables(read, "verification", PLANTED_TABLES) == []
    for sql in ("DELETE FROM charges", "WITH c AS (UPDATE charges SET x = 1) SELECT 1"):
        assert sql_rooms.foreign_tables(sql, "verification", PLANTED_TABLES)


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT 1; SELECT 2", ""])
def test_what_is_not_one_statement_is_found(sql: str) -> None:
    assert sql_rooms.unparsable(sql)
    assert not sql_rooms.unparsable("SELECT 1")


Checker = Callable[[str], list[str]]


def unowned(sql: str) -> list[str]:
    """With one room in the house."""
    return sql_rooms.unowned_tables(sql, frozenset({"ledger"}))


@pytest.mark.parametrize(
    ("checker", "sql"),
    [
        (unowned, "CREATE TABLE t (book_id int PRIMARY KEY)"),
        (unowned, "-- room: attic\nCREATE TABLE t (book_id int PRIMARY KEY)"),
        (unowned, "-- room: ledger\nSELECT 1; CREATE TABLE t (book_id int PRIMARY KEY)"),
        (unowned, "CREATE VIEW v AS SELECT 1"),
        (sql_rooms.keys_without_book, "-- room: ledger\nCREATE TABLE t (book_id int)"),
        (sql_rooms.keys_without_book, "CREATE TABLE t (id int PRIMARY KEY, book_id int)"),
        (
            sql_rooms.keys_without_book,
            "CREATE TABLE t (id int, book_id int, PRIMARY KEY (id, book_id))",
        ),
        (sql_rooms.keys_without_book, "-- reference table\nCREATE TABLE t (id int)"),
        (sql_rooms.self_counting, "CREATE TABLE t (id bigserial)"),
        (sql_rooms.self_counting, "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY)"),
        (sql_rooms.self_counting, "CREATE SEQUENCE s"),
        (sql_rooms.self_counting, "ALTER TABLE t ADD COLUMN id serial"),
        (sql_rooms.impurities, "SELECT now()"),
        (sql_rooms.impurities, "SELECT pg_catalog.clock_timestamp()"),
        (sql_rooms.impurities, "SELECT random()"),
        (sql_rooms.impurities, "SELECT CURRENT_TIMESTAMP"),
        (sql_rooms.impurities, "SELECT CURRENT_DATE"),
        (sql_rooms.impurities, "SELECT LOCALTIME"),
        (sql_rooms.impurities, "CREATE TABLE t (at timestamptz DEFAULT now())"),
        (sql_rooms.impurities, "CREATE TABLE t (id uuid DEFAULT gen_random_uuid())"),
        (sql_rooms.impurities, "SELECT nextval('s')"),
        (
            sql_rooms.impurities,
            "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM Now (); END$$",
        ),
        (sql_rooms.impurities, "DO $$BEGIN PERFORM current_timestamp; END$$"),
    ],
)
def test_a_migration_that_breaks_a_rule_is_found(checker: Checker, sql: str) -> None:
    assert checker(sql)


GOOD = """
-- room: ledger
CREATE TABLE t (book_id int, n bigint, PRIMARY KEY (book_id, n)) PARTITION BY RANGE (n);
CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (9);
-- room: ledger
-- reference table
CREATE TABLE r (name text PRIMARY KEY, who text DEFAULT current_user);
"""


@pytest.mark.parametrize(
    "checker",
    [unowned, sql_rooms.keys_without_book, sql_rooms.self_counting, sql_rooms.impurities],
)
def test_a_migration_that_breaks_none_is_left_alone(checker: Checker) -> None:
    assert checker(GOOD) == []
