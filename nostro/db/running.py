"""Finds the embedded database that another process of ours keeps running, through its data directory."""

from __future__ import annotations

from pathlib import Path

from nostro.db import roles
from nostro.db.cluster import SOCKET_NAME
from nostro.db.embedded import DATABASE
from nostro.db.errors import NothingRuns
from nostro.db.urls import ConnectionUrls, socket_url


def urls_of(data: Path) -> ConnectionUrls:
    """The URLs of the embedded server that runs in `data`, from its files (0600) alone.

    Raises `NothingRuns` when no server listens there or its passwords are not ours to read.
    """
    socket = socket_directory(data)
    if socket is None:
        raise NothingRuns(
            f"No database runs in {data.parent}: start `nostro up` there first, or give "
            "--data-dir or --database-url."
        )
    try:
        owner, app, read_only = (
            socket_url(str(socket), DATABASE, role, _password(data, role))
            for role in (roles.OWNER, roles.APP, roles.READ_ONLY)
        )
    except OSError as error:
        raise NothingRuns(
            f"The passwords in {data} cannot be read ({error.strerror}): run this as the account "
            "that runs `nostro up`."
        ) from error
    return ConnectionUrls(owner, app, read_only)


def socket_directory(data: Path) -> Path | None:
    """Where the running server listens; None if none does."""
    elsewhere = recorded_directory(data)
    for directory in (data.resolve() / "socket", elsewhere):
        if directory is not None and (directory / SOCKET_NAME).exists():
            return directory
    return None


def recorded_directory(data: Path) -> Path | None:
    """The directory outside `data` that a server with too long a path has its socket in."""
    record = data / "socket_directory"
    return Path(record.read_text("utf-8")) if record.exists() else None


def _password(data: Path, role: str) -> str:
    return (data / "passwords" / role).read_text("utf-8")
