"""Reads a Markdown page's fenced blocks and runs them as a reader would: one after the other, against one server.

A `python` block shares its names with those before it and may await, as in `python -m asyncio`; a `sh` block runs in a shell that has `nostro`; a `text`
block is what the block before it has to print, where … stands for anything. Other blocks are not run.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.server import ROOT, Server

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 30


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line on which it begins."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """A page's fenced blocks."""
    text = page.read_text("utf-8")
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start()) + 2)
        for found in FENCE.finditer(text)
    ]


@dataclass
class Reader:
    """Follows one page."""

    page: Path
    server: Server
    names: dict[str, Any] = field(default_factory=dict)
    printed: str = ""
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def follow(self) -> int:
        """Run every block. Returns how many were run or compared."""
        try:
            return self._follow()
        finally:
            self.loop.close()

    def _follow(self) -> int:
        done = 0
        for block in blocks(self.page):
            act = {"python": self._python, "sh": self._shell, "text": self._compare}.get(
                block.language
            )
            if act is not None:
                act(block)
                done += 1
        return done

    def _python(self, block: Block) -> None:
        # Empty lines before it, so that a traceback tells the line of the page.
        text = "\n" * (block.line - 1) + self._here(block.text)
        code = compile(text, str(self.page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            result = eval(code, self.names)
            if inspect.isawaitable(result):
                self.loop.run_until_complete(result)
        self.printed = output.getvalue()

    def _shell(self, block: Block) -> None:
        done = subprocess.run(
            ["sh", "-e", "-c", f'nostro() {{ "{sys.executable}" -m nostro "$@"; }}\n'
             + self._here(block.text)],
            env=os.environ | {
                "PYTHONPATH": str(ROOT), "NOSTRO_DATA_DIR": str(self.server.data_dir)
            },
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{self.page}:{block.line}: {done.stdout}{done.stderr}"
        assert '"error"' not in done.stdout, f"{self.page}:{block.line}: {done.stdout}"
        self.printed = done.stdout

    def _compare(self, block: Block) -> None:
        pattern = re.escape(block.text.strip()).replace("…", ".*")
        found = self.printed.strip()
        assert re.fullmatch(pattern, found, re.DOTALL), f"{self.page}:{block.line}: {found}"

    def _here(self, text: str) -> str:
        text = text.replace("http://127.0.0.1:4242", self.server.url)
        text = text.replace("http://127.0.0.1:4243", self.server.sandbox_url)
        return text.replace("sk_test_yours", self.server.secret_key)
