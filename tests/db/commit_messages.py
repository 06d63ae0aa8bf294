"""Knows a COMMIT on PostgreSQL's wire (its documentation, "Message Formats"), however the driver says it."""


class CommitMessages:
    """One connection's: it remembers the statements that were prepared with that text."""

    def __init__(self) -> None:
        self._names: set[bytes] = set()

    def is_one(self, kind: bytes, body: bytes) -> bool:
        """Whether this message makes the server commit: a Bind of a prepared COMMIT, or a simple query of it."""
        if kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self._names.discard(name)
            if text == b"COMMIT":
                self._names.add(name)
        if kind == b"Q":
            return body.rstrip(b"\0; ").upper() == b"COMMIT"
        return kind == b"B" and body.split(b"\0", 2)[1] in self._names
