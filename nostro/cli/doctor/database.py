"""The database: reachable, new enough, durable, migrated, its roles separate, its clock ours."""

from __future__ import annotations

from collections.abc import Iterator

from nostro.cli.doctor.line import Line, fail, ok, warn
from nostro.config import Settings
from nostro.db.durability import OLDEST_SERVER
from nostro.db.errors import DatabaseHostError, NothingRuns, UnreachableServer
from nostro.db.examination import Examination, examine
from nostro.db.roles import urls_if_there
from nostro.db.running import urls_of
from nostro.system import SystemClock

APART_MS = 1_000


async def look(settings: Settings) -> list[Line]:
    """A line saying that nothing answers, or one for each thing the database says."""
    try:
        return list(_lines(await _examined(settings)))
    except NothingRuns as error:
        return [warn("database", "none runs", str(error))]
    except DatabaseHostError as error:
        advice = "Is it started, and are host, user and password right?"
        return [fail("database", str(error), advice)]


async def _examined(settings: Settings) -> Examination:
    if settings.database_url is None:
        return await examine(urls_of(settings.data_dir / "postgres").app)
    urls = urls_if_there(settings.database_url.reveal())
    try:
        return await examine(urls.app)
    except UnreachableServer:
        return await examine(urls.owner)  # no role of the application's own


def _lines(found: Examination) -> Iterator[Line]:
    yield _version(found)
    yield _durable(found)
    yield _migrations(found)
    yield _schema(found)
    yield _roles(found)
    yield _clock(found)
    yield _alarms(found)
    yield _overdue(found)


def _version(found: Examination) -> Line:
    said = f"PostgreSQL {found.version}"
    if found.version < OLDEST_SERVER:
        return fail("database version", said, f"Use PostgreSQL {OLDEST_SERVER} or newer.")
    return ok("database version", said)


def _durable(found: Examination) -> Line:
    if found.unsafe is not None:
        return fail("durability", "a confirmed commit may be lost", found.unsafe)
    return ok("durability", "a confirmed commit survives a crash")


def _migrations(found: Examination) -> Line:
    if found.changed_migrations:
        names = ", ".join(found.changed_migrations)
        return fail("migrations", f"edited after they ran: {names}", "Restore these files.")
    if found.missing_migrations:
        names = ", ".join(found.missing_migrations)
        return fail("migrations", f"missing: {names}", "Start `nostro up` or `api`: they migrate.")
    return ok("migrations", "current")


def _schema(found: Examination) -> Line:
    if found.altered:
        advice = "Find out who altered it: `nostro verify --full` and docs/howto/verify.md."
        return fail("schema", "; ".join(found.altered), advice)
    return ok("schema", "as the migrations made it")


def _roles(found: Examination) -> Line:
    if found.separate_roles:
        return ok("roles", "the application may not alter the ledger")
    advice = "Give a database user with CREATEROLE and a password (docs/howto/postgresql.md)."
    return warn("roles", "one role does everything: the application could alter the ledger", advice)


def _clock(found: Examination) -> Line:
    apart = abs(SystemClock().system() - found.clock_ms)
    if apart > APART_MS:
        advice = "Keep both machines' clocks right with NTP."
        return warn("database clock", f"{apart} ms apart from ours", advice)
    return ok("database clock", f"{apart} ms apart from ours")


def _alarms(found: Examination) -> Line:
    if found.alarms:
        advice = (
            "Run `nostro verify --full` and see docs/howto/verify.md: do not pay out meanwhile."
        )
        return fail("ledger alarms", "; ".join(found.alarms), advice)
    return ok("ledger alarms", "the continuous audit has found nothing")


def _overdue(found: Examination) -> Line:
    if found.overdue:
        advice = 'See docs/howto/routing.md, "Outcomes that nobody can be asked for", and `nostro queues`.'
        return warn("overdue outcomes", "; ".join(found.overdue), advice)
    return ok("overdue outcomes", "no outcome is unknown for longer than is usual")
