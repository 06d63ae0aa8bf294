"""Where the embedded PostgreSQL of a data directory is reached.

The one place in the benchmark that knows. PostgreSQL writes its socket directory and port into
`postmaster.pid`, so no other layout of the data directory is relied on.
"""

from pathlib import Path

from psycopg.conninfo import make_conninfo

ADMIN = "nostro_admin"
PORT_LINE, SOCKET_LINE = 3, 4


class NoDatabase(Exception):
    """No running PostgreSQL was found below the data directory."""


def database_url(data_dir: Path, database: str = "postgres") -> str:
    """The superuser's connection string; works for the account that runs `nostro up`.

    Raises NoDatabase.
    """
    for file in sorted(data_dir.glob("**/postmaster.pid")):
        lines = file.read_text().splitlines()
        if len(lines) > SOCKET_LINE and lines[SOCKET_LINE]:
            return make_conninfo(
                host=lines[SOCKET_LINE], port=lines[PORT_LINE], dbname=database, user=ADMIN
            )
    raise NoDatabase(f"no postmaster.pid with a socket below {data_dir}")
