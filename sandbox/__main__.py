"""``python -m sandbox``: run the sandbox acquirer."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from sandbox.manners import MANNERS
from sandbox.notices import Notify
from sandbox.server import REFUND_DELAY_MS, CannotStart, run


def notify_of(url: str | None, secret_file: str | None) -> Notify | None:
    """Where notifications go; None if neither is given. Raises `CannotStart` for half of it."""
    if url is None and secret_file is None:
        return None
    if url is None or secret_file is None:
        raise CannotStart("--notify-url and --notify-secret-file go together.")
    try:
        return Notify(url, Path(secret_file).read_text("utf-8").strip())
    except OSError as error:
        raise CannotStart(f"The secret for notifications cannot be read: {error}.") from error


def main() -> int:
    """Read the command line and serve; 1 if the sandbox cannot start."""
    parser = argparse.ArgumentParser(prog="sandbox", description="The sandbox acquirer.")
    parser.add_argument("--port", type=int, default=4243, help="0 takes a free port")
    parser.add_argument("--data-dir", default="./.nostro/sandbox")
    parser.add_argument("--refund-delay-ms", type=int, default=REFUND_DELAY_MS)
    parser.add_argument("--manner", choices=sorted(MANNERS), default="honours")
    parser.add_argument("--forget-after-ms", type=int, help="instead of the manner's own")
    parser.add_argument("--notify-url", help="where notifications are sent")
    parser.add_argument("--notify-secret-file", help="holds the secret they are signed with")
    given = parser.parse_args()
    manner = MANNERS[given.manner]
    if given.forget_after_ms is not None and manner.forgets:
        manner = replace(manner, forget_after_ms=given.forget_after_ms)
    try:
        notify = notify_of(given.notify_url, given.notify_secret_file)
        run(given.port, given.data_dir, given.refund_delay_ms, manner, notify)
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
