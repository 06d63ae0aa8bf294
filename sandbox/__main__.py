"""``python -m sandbox``: run the sandbox acquirer."""

import argparse
import sys

from sandbox.server import REFUND_DELAY_MS, CannotStart, run


def main() -> int:
    """Read the command line and serve; 1 if the sandbox cannot start."""
    parser = argparse.ArgumentParser(prog="sandbox", description="The sandbox acquirer.")
    parser.add_argument("--port", type=int, default=4243, help="0 takes a free port")
    parser.add_argument("--data-dir", default="./.nostro/sandbox")
    parser.add_argument("--refund-delay-ms", type=int, default=REFUND_DELAY_MS)
    given = parser.parse_args()
    try:
        run(given.port, given.data_dir, given.refund_delay_ms)
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
