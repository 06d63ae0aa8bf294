"""`nostro up` whose API and worker find the database and the acquirer where CHAOS_CHILDREN says: behind the wires.

`python -m tests.chaos.up`, its settings in the environment. Nothing else is changed: the same supervisor, the same
children; what they are given besides is a JSON object of variables. `DATABASE` among them is a directory, `PORTS` where
more APIs of the same installation listen, separated by commas, `PRELOADED` a library for API and worker alone.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence

from psycopg.conninfo import make_conninfo

from nostro.acquirers.places import Place
from nostro.bootstrap.up import up
from nostro.cli.processes import Child, python
from nostro.cli.up import keep_up
from nostro.config import Settings, from_environment, without_secrets

VARIABLE = "CHAOS_CHILDREN"
DATABASE, PORTS, PRELOADED = "DATABASE", "PORTS", "PRELOADED"


async def keep_behind_wires(
    settings: Settings,
    sandboxes: Sequence[Place],
    environment: Mapping[str, str],
    secret_key: str,
    as_json: bool,
) -> int:
    """As `keep_up`, with other ways to the database and to the acquirer."""
    given = json.loads(os.environ[VARIABLE])
    children = {**environment, **given}
    directory, library = children.pop(DATABASE, None), children.pop(PRELOADED, None)
    if directory is not None:
        children["NOSTRO_APP_URL"] = make_conninfo(environment["NOSTRO_APP_URL"], host=directory)
    if library is not None:
        children["LD_PRELOAD"] = library
    more = [_api(port, children) for port in children.pop(PORTS, "").split(",") if port]
    more += [_sandbox(settings, environment)]
    for child in more:
        child.start(give_up=lambda: None)
    try:
        return await keep_up(settings, (), children, secret_key, as_json)
    finally:
        for child in more:
            await child.stop()


def _api(port: str, environment: Mapping[str, str]) -> Child:
    command = python("nostro.bootstrap.child", "api")
    return Child(f"api {port}", command, {**environment, "NOSTRO_PORT": port})


def _sandbox(settings: Settings, environment: Mapping[str, str]) -> Child:
    """As `keep_up` starts it, in an environment that is not spoiled."""
    where = ["--port", str(settings.sandbox_port), "--data-dir", str(settings.data_dir / "sandbox")]
    return Child("sandbox", python("sandbox", *where), without_secrets(environment))


if __name__ == "__main__":
    sys.exit(asyncio.run(up(from_environment(), True, keep_behind_wires)))
