"""The doctor's rounds: everything once, in the order in which one thing needs another."""

from __future__ import annotations

from rich.console import Console

from nostro.cli import instance
from nostro.cli.doctor import data_directory, database, machine, network
from nostro.cli.doctor.line import Line, Verdict
from nostro.cli.programs import print_json
from nostro.config import Settings

COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}
_console = Console(highlight=False, soft_wrap=True)


async def run(settings: Settings, sandbox_url: str, as_json: bool) -> int:
    """Look at everything and print a line each. 1 if anything fails."""
    lines = await look(settings, sandbox_url)
    for line in lines:
        print_json(line) if as_json else show(line)
    return int(any(line.verdict is Verdict.FAIL for line in lines))


async def look(settings: Settings, sandbox_url: str) -> list[Line]:
    """Every line."""
    running = instance.find(settings.data_dir)
    return [
        machine.python(),
        machine.clock(),
        *data_directory.look(settings.data_dir),
        machine.disk(settings.data_dir),
        *await database.look(settings),
        await network.sandbox(sandbox_url, running is not None),
        *(await network.api(running) if running else network.ports(settings)),
    ]


def show(line: Line) -> None:
    """A line for people, with what to do below it."""
    colour = COLOURS[line.verdict]
    _console.print(f"[{colour}]{line.verdict:<4}[/{colour}]  [bold]{line.check}[/bold]: ", end="")
    _console.print(line.found, markup=False)
    if line.advice:
        _console.print(f"      → {line.advice}", markup=False)
