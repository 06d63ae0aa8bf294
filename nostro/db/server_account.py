"""Which system account runs the server, and what it needs to reach its own files.

PostgreSQL refuses to run as root. Started by root, it runs as the account `nostro`, created if
missing. A clone may live where that account cannot go (`/root` is closed to others): the server is
then given one capability, CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE where the first is withheld or
the programs are executable by root alone. It is given none where it needs none, and no SQL role
with a password is a superuser, so no query can use it.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nostro.db.errors import DirectoryUnreachable, NoServerAccount

NAME = "nostro"
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAP_SETPCAP = 8  # needed to hand another one on


@dataclass(frozen=True)
class ServerAccount:
    """A system account: its name and numeric ids."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        """True if this process runs as this account already."""
        return self.uid == os.geteuid()

    def take(self, path: Path) -> None:
        """Make a directory private to this account."""
        if not self.is_ours:
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700)


def choose(data_directory: Path | None = None) -> ServerAccount:
    """The account for a server: the owner of existing data, else ourselves, else `nostro`.

    Raises `NoServerAccount` if there is none and none can be made.
    """
    if os.geteuid() != 0:
        return _of(os.geteuid())
    if data_directory is not None and data_directory.exists():
        owner = data_directory.stat().st_uid
        if owner != 0:
            return _of(owner)
    return _named(NAME)


def _of(uid: int) -> ServerAccount:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise NoServerAccount(
            f"User id {uid} has no entry in the password file, which PostgreSQL needs: "
            f"add one (useradd --uid {uid} --system {NAME}) or run as another user."
        ) from None
    return ServerAccount(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _named(name: str) -> ServerAccount:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        _create(name)
        entry = pwd.getpwnam(name)
    if entry.pw_uid == 0:
        raise NoServerAccount(f"The account {name} is root itself; PostgreSQL refuses to run so.")
    return ServerAccount(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _create(name: str) -> None:
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    command = [program or "useradd", "--system", "--no-create-home", "--user-group", name]
    command += ["--shell", "/usr/sbin/nologin"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as failure:
        if _exists(name):  # another process made it meanwhile
            return
        raise NoServerAccount(
            f"PostgreSQL refuses to run as root, and the account {name!r} could not be created "
            f"({failure}). Create it, or run Nostro as an ordinary user."
        ) from failure


def _exists(name: str) -> bool:
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


def capability_needed(
    account: ServerAccount, paths: Iterable[Path], program: Path | None = None
) -> int:
    """The capability the account needs to reach `paths` and run `program`; 0 if it needs none.

    Raises `DirectoryUnreachable` if it needs one that this process does not have.
    """
    closed = next((c for path in paths if (c := closed_ancestor(account, path))), None)
    unrunnable = program is not None and not _may_enter(account, program)
    if account.is_ours or (closed is None and not unrunnable):
        return 0
    # Searching directories is not enough to execute what only its owner may.
    enough = (CAP_DAC_OVERRIDE,) if unrunnable else (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE)
    for capability in enough:
        if {capability, CAP_SETPCAP} <= _permitted():
            return capability
    closed = closed or program
    raise DirectoryUnreachable(
        f"PostgreSQL runs as {account.name!r} and cannot enter {closed}. Move the data directory "
        f"(--data-dir /var/lib/nostro), or let others pass: chmod o+x {closed}."
    )


def closed_ancestor(account: ServerAccount, path: Path) -> Path | None:
    """The first directory on the way to `path` that the account may not enter."""
    resolved = path.resolve()
    for directory in [*reversed(resolved.parents), resolved]:
        if directory.is_dir() and not _may_enter(account, directory):
            return directory
    return None


def _may_enter(account: ServerAccount, path: Path) -> bool:
    """Whether the execute bit, which for a directory means entering it, is set for the account."""
    status = path.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == account.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)


def _permitted() -> frozenset[int]:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return frozenset()
    mask = next(int(line.split()[1], 16) for line in status.splitlines() if "CapPrm" in line)
    return frozenset(number for number in range(64) if mask >> number & 1)


def name_of_this_process() -> str:
    """The name of the account this process runs as; what the kernel tells the server of us."""
    return _of(os.geteuid()).name
