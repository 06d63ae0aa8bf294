"""Where the log's keys and files are, and who writes them."""

from __future__ import annotations

from pathlib import Path

from nostro.audit.directory import LogDirectory, book_directory
from nostro.audit.log_keys import LogKeys, open_log_keys, read_log_keys
from nostro.config import Settings
from nostro.kernel.ports import Clock, Entropy, ReferenceStore
from nostro.ledger.publishing import Publisher

KEY_FILE, LOGS = "log.keys", "log"


def key_file(settings: Settings) -> Path:
    """The file of the keys that sign checkpoints: outside the database."""
    return settings.data_dir / KEY_FILE


def log_directory(settings: Settings, book: int) -> LogDirectory:
    """The files of a book's log."""
    return LogDirectory(book_directory(settings.data_dir / LOGS, book))


def log_keys(settings: Settings, entropy: Entropy, clock: Clock) -> LogKeys:
    """The keys, made at first use. Raises Misconfigured."""
    return open_log_keys(key_file(settings), settings.log_origin, entropy, clock.system())


def publisher(settings: Settings, store: ReferenceStore, book: int, clock: Clock) -> Publisher:
    """Signs a book's log. The key file is read each time, since it may have been rotated."""
    path, directory = key_file(settings), log_directory(settings, book)
    return Publisher(book, store, lambda: read_log_keys(path), directory, clock)
