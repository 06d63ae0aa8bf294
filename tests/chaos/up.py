"""`nostro up` whose API and worker find the database and the acquirer where CHAOS_CHILDREN says: behind the wires.

`python -m tests.chaos.up`, its settings in the environment. Nothing else is changed: the same supervisor, the same
children; what they are given besides is a JSON object of variables. `DATABASE` among them is a directory.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence

from psycopg.conninfo import make_conninfo

from nostro.acquirers.places import Place
from nostro.bootstrap.up import up
from nostro.cli.up import keep_up
from nostro.config import Settings, from_environment

VARIABLE = "CHAOS_CHILDREN"
DATABASE = "DATABASE"


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
    directory = children.pop(DATABASE, None)
    if directory is not None:
        children["NOSTRO_APP_URL"] = make_conninfo(environment["NOSTRO_APP_URL"], host=directory)
    return await keep_up(settings, sandboxes, children, secret_key, as_json)


if __name__ == "__main__":
    sys.exit(asyncio.run(up(from_environment(), True, keep_behind_wires)))
