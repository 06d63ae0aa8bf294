"""What the product logs as our own mistake is a fault of the seed, even where every book agrees afterwards.

Without it a seam that no longer fits (a renamed argument, say) looks like a world in which nothing is ever answered.
"""

import logging


class Mistakes(logging.Handler):
    """Keeps what was logged as an error since the last seed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        text = f"{record.getMessage()}: {type(error).__name__}: {error}" if error else ""
        self.heard.append(text or record.getMessage())

    def taken(self) -> list[str]:
        """Each once, and none twice."""
        heard, self.heard = self.heard, []
        return list(dict.fromkeys(heard))


MISTAKES = Mistakes()


def listen() -> None:
    """Nothing is printed in this process, and errors are kept."""
    logging.root.handlers = [MISTAKES]
    logging.root.setLevel(logging.ERROR)
