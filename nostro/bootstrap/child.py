"""A child process of `nostro up`: `python -m nostro.bootstrap.child api|worker`, its settings in the environment.

It loads neither the command line nor the other child's rooms.
"""

from __future__ import annotations

import importlib
import logging
import sys

from nostro.cli.processes import MISCONFIGURED
from nostro.config import from_environment
from nostro.kernel.errors import Misconfigured

CHILDREN = ("api", "worker")


def main(name: str) -> None:
    """Run one of the children until it is asked to stop, or a person has to act."""
    settings = from_environment()
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        importlib.import_module(f"nostro.bootstrap.{name}").run(settings)
    except Misconfigured as error:
        print(f"nostro: {error}", file=sys.stderr)
        sys.exit(MISCONFIGURED)


if __name__ == "__main__":
    assert sys.argv[1:] in [[name] for name in CHILDREN]
    main(sys.argv[1])
