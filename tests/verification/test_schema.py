"""The schema and the roles as they should be: each alteration of a superuser is one finding, which names what was altered."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from nostro.cli.verify import Held, reports_of
from nostro.db.session import Session, Statement
from nostro.db.snapshot import DatabaseSnapshot
from nostro.db.urls import ConnectionUrls, with_database
from nostro.system import SystemClock
from nostro.verification import catalogue
from nostro.verification.report import Result
from tests.database import TestServer
from tests.verification.driver import BOOK, open_book
from tests.verification.write_catalogue import PATH, fresh

NEUTERED = """CREATE OR REPLACE FUNCTION nostro.must_equal(actual bigint, expected bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN RETURN expected; END $$"""
TRIGGER = """CREATE FUNCTION pg_temp.skim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER skim BEFORE INSERT ON nostro.entries FOR EACH ROW EXECUTE FUNCTION pg_temp.skim()"""
EVENT_TRIGGER = """CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION public.watch()"""
VIEW = """ALTER TABLE nostro.alarms RENAME TO hidden;
CREATE VIEW nostro.alarms AS SELECT * FROM nostro.hidden WHERE false"""

# What it must name · what the superuser does.
ALTERATIONS = [
    ("function must_equal(actual bigint, expected bigint)", NEUTERED),
    (
        "function must_equal(actual bigint, expected bigint)",
        "ALTER FUNCTION nostro.must_equal SET search_path = public",
    ),
    (
        "function must_equal(actual bigint, expected bigint)",
        "ALTER FUNCTION nostro.must_equal SECURITY DEFINER",
    ),
    (
        "function lower(text)",
        "CREATE FUNCTION nostro.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
    ),
    (
        "operator nostro.=(bigint,bigint)",
        "CREATE OPERATOR nostro.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = int8ne)",
    ),
    ("trigger entries.skim", TRIGGER),
    ("trigger of events watch", EVENT_TRIGGER),
    (
        "trigger accounts.accounts_test_book_fkey RI_FKey_check_ins",
        "ALTER TABLE nostro.accounts DISABLE TRIGGER ALL",
    ),
    (
        "constraint accounts.accounts_fee_fixed_check",
        "ALTER TABLE nostro.accounts DROP CONSTRAINT accounts_fee_fixed_check",
    ),
    (
        "constraint accounts.accounts_fee_fixed_check",
        ("ALTER TABLE nostro.accounts DROP CONSTRAINT accounts_fee_fixed_check;"
        "ALTER TABLE nostro.accounts ADD CONSTRAINT accounts_fee_fixed_check CHECK (fee_fixed >= 0) NOT VALID"),
    ),
    (
        "constraint accounts.accounts_fee_fixed_check",
        ("ALTER TABLE nostro.accounts DROP CONSTRAINT accounts_fee_fixed_check;"
        "ALTER TABLE nostro.accounts ADD CONSTRAINT accounts_fee_fixed_check CHECK (fee_fixed >= -9)"),
    ),
    ("constraint batches.batches_pkey", "ALTER TABLE nostro.batches DROP CONSTRAINT batches_pkey"),
    ("column transfers.amount", "ALTER TABLE nostro.transfers ALTER amount DROP NOT NULL"),
    (
        "constraint transfers.loose",
        ("ALTER TABLE nostro.transfers ALTER amount DROP NOT NULL;"
        "ALTER TABLE nostro.transfers ADD CONSTRAINT loose NOT NULL amount NOT VALID"),
    ),
    ("column book_heads.next_seq", "ALTER TABLE nostro.book_heads ALTER next_seq SET DEFAULT 7"),
    ("column alarms.kind", "ALTER TABLE nostro.alarms ALTER kind TYPE varchar(9)"),
    ("column api_keys.hash_id", "ALTER TABLE nostro.api_keys ALTER hash_id DROP EXPRESSION"),
    ("column alarms.extra", "ALTER TABLE nostro.alarms ADD extra text"),
    ("index payment_attempts.payment_attempts_one_live", "DROP INDEX nostro.payment_attempts_one_live"),
    ("index alarms.more", "CREATE UNIQUE INDEX more ON nostro.alarms (kind)"),
    ("rule alarms.quiet", "CREATE RULE quiet AS ON INSERT TO nostro.alarms DO INSTEAD NOTHING"),
    ("relation alarms", "ALTER TABLE nostro.alarms SET UNLOGGED"),
    ("relation alarms", VIEW),
    ("relation alarms", "DROP TABLE nostro.alarms"),
    ("relation alarms", "ALTER TABLE nostro.alarms ENABLE ROW LEVEL SECURITY"),
    ("relation alarms", "ALTER TABLE nostro.alarms OWNER TO nostro_app"),
    ("relation schema nostro", "ALTER SCHEMA nostro OWNER TO nostro_app"),
    ("relation migrations", "DROP TABLE nostro.migrations"),
    ("relation planted", "CREATE TABLE nostro.planted (x integer)"),
    ("policy alarms.mine", "CREATE POLICY mine ON nostro.alarms USING (false)"),
    (
        "inheritance alarms.public.more_alarms",
        "CREATE TABLE public.more_alarms () INHERITS (nostro.alarms)",
    ),
    ("privilege transfers to nostro_app", "GRANT UPDATE ON nostro.transfers TO nostro_app"),
    ("privilege transfers to nostro_app", "REVOKE INSERT ON nostro.transfers FROM nostro_app"),
    ("privilege transfers.amount to nostro_app", "GRANT UPDATE (amount) ON nostro.transfers TO nostro_app"),
    ("privilege transfers to everybody", "GRANT SELECT ON nostro.transfers TO PUBLIC"),
    ("privilege api_keys to nostro_read_only", "GRANT SELECT ON nostro.api_keys TO nostro_read_only"),
    ("privilege schema nostro to nostro_app", "GRANT CREATE ON SCHEMA nostro TO nostro_app"),
    (
        "privilege what is to come of kind r to nostro_app",
        "ALTER DEFAULT PRIVILEGES FOR ROLE nostro_owner GRANT ALL ON TABLES TO nostro_app",
    ),
    (
        "privilege transfers to stranger",
        "CREATE ROLE stranger; GRANT SELECT, DELETE ON nostro.transfers TO stranger",
    ),
    ("role nostro_app", "ALTER ROLE nostro_app SUPERUSER"),
    ("role nostro_read_only", "ALTER ROLE nostro_read_only BYPASSRLS"),
    ("role nostro_owner", "ALTER ROLE nostro_owner CREATEROLE"),
    ("membership nostro_app in nostro_owner", "GRANT nostro_owner TO nostro_app"),
    ("membership stranger in nostro_app", "CREATE ROLE stranger; GRANT nostro_app TO stranger"),
    ("setting nostro_read_only search_path", "ALTER ROLE nostro_read_only SET search_path = public, nostro"),
    ("setting nostro_app work_mem", "ALTER ROLE nostro_app SET work_mem = '1GB'"),
    ("setting everybody search_path in this database", "ALTER DATABASE <database> SET search_path = public"),
    (
        "migration 0001_pre_books_and_ledger",
        "UPDATE nostro.migrations SET sha256 = 'x' WHERE number = 1",
    ),
    ("migration 0001_pre_books_and_ledger", "DELETE FROM nostro.migrations WHERE number = 1"),
    ("migration 0099_pre_planted", "INSERT INTO nostro.migrations VALUES (99, '0099_pre_planted', 'x')"),
]  # fmt: skip


@pytest.fixture(scope="module")
def urls(postgres: TestServer) -> Iterator[ConnectionUrls]:
    made = postgres.create()
    yield made
    postgres.drop(made)


async def altered(superuser: str, statement: str) -> catalogue.Catalogue:
    """The catalogue after a statement that is rolled back."""
    session = await Session.open(superuser)
    try:
        await session.run([Statement("BEGIN")])
        for one in statement.split(";\n") if "$$" in statement else statement.split(";"):
            await session.run([Statement(one)])
        return await catalogue.read(DatabaseSnapshot(session))
    finally:
        await session.close()


def found(there: catalogue.Catalogue) -> Result:
    return catalogue.compare(there, catalogue.expected()).result


@pytest.mark.parametrize(("subject", "statement"), ALTERATIONS)
def test_an_alteration_is_found(
    postgres: TestServer, urls: ConnectionUrls, subject: str, statement: str
) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(urls.app)["dbname"])
    superuser = with_database(postgres.admin_url, name)
    result = found(asyncio.run(altered(superuser, statement.replace("<database>", name))))
    assert subject in {finding.subject for finding in result.findings}, result
    assert result.count <= 20


def test_the_file_in_the_package_is_that_of_a_fresh_database(postgres: TestServer) -> None:
    """If this fails, a migration was added: write it anew with `make catalogue`."""
    now = fresh(postgres)
    assert found(now).findings == ()
    assert catalogue.to_json(now) == PATH.read_bytes()


def test_it_is_part_of_the_full_audit(urls: ConnectionUrls) -> None:
    asyncio.run(open_book(urls.owner))
    [report] = asyncio.run(reports_of(urls.read_only, None, [BOOK], SystemClock(), full=Held()))
    assert (report.off(), report.results[-1].check) == ({}, "schema")
    assert report.audited is not None and report.audited.not_compared == ()


def test_of_another_major_facts_alone_are_compared(postgres: TestServer) -> None:
    """Its own words for a constraint are no finding; a constraint that is gone is one."""
    now = fresh(postgres)
    objects = {kind: dict(named) for kind, named in now.objects.items()}
    name = "accounts.accounts_fee_fixed_check"
    objects["constraint"][name] = (objects["constraint"][name][0], "CHECK (otherwise worded)")
    other = catalogue.Catalogue(17, objects)
    compared = catalogue.compare(other, catalogue.expected())
    assert compared.result.passed and "PostgreSQL 17" in compared.not_compared[0]
    del objects["constraint"][name]
    assert found(other).findings[0].subject == f"constraint {name}"


def test_where_one_role_does_everything_roles_are_not_compared(postgres: TestServer) -> None:
    now = fresh(postgres)
    objects = {
        kind: {} if kind in catalogue.OF_ROLES else named for kind, named in now.objects.items()
    }
    alone = catalogue.Catalogue(now.major, objects, has_roles=False)
    compared = catalogue.compare(alone, catalogue.expected())
    assert compared.result.passed and "one role" in compared.not_compared[0]
