"""The embedded server's configuration files, written anew at every start.

Sized for two cores and a small resident set; `shared_buffers` is the one to raise on a machine
that has memory to spare.
"""

from dataclasses import dataclass

from nostro.db import roles

ADMIN = "nostro_admin"
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@dataclass(frozen=True)
class ServerSettings:
    """What an operator may choose. Sizes are PostgreSQL's, such as `128MB`."""

    shared_buffers: str = "128MB"
    max_connections: int = 64
    max_wal_size: str = "4GB"


def postgresql_conf(settings: ServerSettings, socket_directory: str) -> str:
    """The text of postgresql.conf."""
    chosen = {
        "unix_socket_directories": f"'{socket_directory}'",
        "shared_buffers": settings.shared_buffers,
        "max_connections": str(settings.max_connections),
        "max_wal_size": settings.max_wal_size,
    }
    lines = [f"{name} = {value}" for name, value in {**FIXED, **DURABLE, **chosen}.items()]
    return "# Written by Nostro at every start; edits are lost.\n" + "\n".join(lines) + "\n"


# The superuser has no password: only the supervising system account can be it, vouched for by the
# kernel. Everybody else shows a password. There is no line that trusts, and none for TCP.
PG_HBA = f"""\
local all {ADMIN} peer map=supervisor
local all {roles.OWNER},{roles.APP},{roles.READ_ONLY} scram-sha-256
"""


def pg_ident(supervisor: str) -> str:
    """The text of pg_ident.conf: which system account may be the superuser."""
    return f'supervisor "{supervisor}" {ADMIN}\n'


FIXED = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    # Card data must not reach a log: neither a failing row nor a statement's text is written.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
    # A checkpoint makes the next change of each page write it whole: few, spread, compressed.
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "min_wal_size": "256MB",
    "wal_buffers": "16MB",
    "wal_compression": "on",
    # Small tables updated in place all day (heads, balances, due rows): clean early and often.
    "autovacuum_naptime": "10s",
    "autovacuum_max_workers": "2",
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_insert_scale_factor": "0.2",
    "autovacuum_analyze_scale_factor": "0.05",
    "autovacuum_vacuum_cost_limit": "2000",
    # Short statements by key: compiling or spreading one costs more than running it.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "random_page_cost": "1.1",
    # Processes we would only pay memory for.
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "max_worker_processes": "4",
}
