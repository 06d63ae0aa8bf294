"""What can go wrong between Nostro and its database server, before a single payment is decided.

    Misconfigured (nostro.kernel.errors)
    └── DatabaseHostError
        ├── DataDirectoryInUse      another supervisor holds the directory
        ├── DirectoryUnreachable    the server's account cannot get to its own files
        ├── NoServerAccount         there is no unprivileged account to run the server under
        ├── ServerDidNotStart       the server refused to start; the end of its log is in the message
        ├── NothingRuns             no server of ours runs in the data directory
        ├── UnreachableServer       the server somebody else runs does not answer, or refuses us
        ├── UnsafeDurability        the server may forget what it acknowledged
        ├── UnsupportedServer       the server is too old
        └── MigrationError
            ├── MigrationChanged    an applied migration's text is not what was applied
            └── MigrationMisnamed   a file in the directory is not a numbered migration

Each message says what to do. None of these is retried: a person has to act.
"""

from nostro.kernel.errors import Misconfigured


class DatabaseHostError(Misconfigured):
    """The database server cannot be used as it stands."""


class DataDirectoryInUse(DatabaseHostError):
    """Another process supervises this data directory."""


class DirectoryUnreachable(DatabaseHostError):
    """The server's system account cannot reach a directory it needs."""


class NoServerAccount(DatabaseHostError):
    """No unprivileged system account can run the server."""


class ServerDidNotStart(DatabaseHostError):
    """PostgreSQL did not become ready."""


class NothingRuns(DatabaseHostError):
    """No embedded server runs in this data directory."""


class UnreachableServer(DatabaseHostError):
    """The database server does not answer, or refuses us."""


class UnsafeDurability(DatabaseHostError):
    """A setting lets the server lose a commit it has acknowledged."""


class UnsupportedServer(DatabaseHostError):
    """The server's version is below the oldest one supported."""


class MigrationError(DatabaseHostError):
    """The schema cannot be brought up to date."""


class MigrationChanged(MigrationError):
    """A migration was edited after it had been applied."""


class MigrationMisnamed(MigrationError):
    """A migration's file name or number is not usable."""
