"""Kills, stops and spoils: a `nostro up` is ill-treated by pid while it works, a known number of times of each kind."""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import aiohttp
import psycopg

from tests.chaos.stack import LEASE_SECONDS, TIMING, Stack

KILLED = ("api", "worker", "sandbox", "postmaster", "backend")
RESTART_SECONDS = 45.0
STALL_SECONDS = LEASE_SECONDS + 1.5
# Longer than the database lets a transaction idle: a stopped API that holds the book's lock loses it.
LONG_STALL_SECONDS = 7.0
HUNT_SECONDS = 20.0
JUST_NOW_MS = 40  # an attempt intended longer ago than that has been sent
# The acquirer's faults, for inquiries and cancels too. A late answer comes within the call's time; a very late
# message is acted on after we have stopped waiting for it.
FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "reply_lost", "operation": "*", "rate": 0.05},
    {"fault": "error_after", "operation": "*", "rate": 0.05},
    {"fault": "delay", "operation": "*", "rate": 0.02, "delay_ms": 600},
    {"fault": "delay", "operation": "*", "rate": 0.015, "delay_ms": 2_500},
    {"fault": "delay_before", "operation": "*", "rate": 0.015, "delay_ms": 2_500},
)
# Of a run with wires, which lose and delay by themselves.
FAULTS_BEHIND_WIRES = tuple(rule for rule in FAULTS if rule["fault"] == "error_after")
NEWEST_SENDING = """
SELECT id FROM nostro.payment_attempts
WHERE book_id = 1 AND state = 'sending' AND epoch = 1 AND sends = 1 AND send_by > %s
ORDER BY send_by DESC LIMIT 20
"""


class Monkey:
    """So many `rounds` of each kind of kill, in an order drawn from the seed; `stalls` stops between intend and send."""

    def __init__(
        self, stack: Stack, seed: int, rounds: Mapping[str, int], stalls: int, stops: int,
        whole: int,
    ) -> None:  # fmt: skip
        self._stack, self._random = stack, Random(seed)
        self.kills: Counter[str] = Counter()
        self.hunting = True  # while there is load: without it nothing is ever on its way
        self.misses = 0  # stalls that hit nothing between intend and send
        self.stalled: list[
            str
        ] = []  # attempts that were intended, and not sent, when we stopped the API
        acts = [kind for kind in KILLED for _ in range(rounds[kind])] + ["stall"] * stalls
        acts += ["stop"] * stops
        self._random.shuffle(acts)
        for number in range(whole):
            kind = ("everything", "up")[number % 2]
            acts.insert((number + 1) * len(acts) // (whole + 1), kind)
        self._acts = acts

    async def run(self, seconds: float) -> None:
        """Every act, spread over the time; it takes longer if restarts do."""
        async with aiohttp.ClientSession() as self._http:
            pace = seconds / max(1, len(self._acts))
            for act in self._acts:
                began = time.monotonic()
                await self._do(act)
                rest = pace * self._random.uniform(0.5, 1.2) - (time.monotonic() - began)
                await asyncio.sleep(max(0.3, rest))

    async def _do(self, act: str) -> None:
        self._stack.note(f"now: {act}")
        match act:
            case "stall":
                await self._stall_before_sending()
            case "stop":
                await self._stop_api()
            case "everything" | "up":
                await self._kill_up(act)
            case _:
                await self._kill(act)

    async def _kill(self, role: str) -> None:
        pid = self._random.choice(await self._found(role))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills[role] += 1
        if role in ("api", "sandbox", "worker", "postmaster"):
            await self._until(lambda: bool(set(self._stack.find(role)) - {pid}), f"a new {role}")

    async def _kill_up(self, act: str) -> None:
        if act == "everything":
            self._stack.kill_everything()
        else:
            self._stack.processes()  # remembers the children, who outlive it for a moment
            os.kill(self._stack.find("up")[0], signal.SIGKILL)
            self._stack.reap()
        self.kills[act] += 1
        self._stack.start()
        for role in ("postmaster", "api", "worker", "sandbox"):
            await self._present(role)

    async def _stop_api(self) -> None:
        """Stop it for longer than its leases and transactions may last, wherever it is."""
        pid = (await self._found("api"))[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(LONG_STALL_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.kills["stop"] += 1

    async def _stall_before_sending(self) -> None:
        """Stop it at a moment when an attempt is committed and the acquirer has not seen it."""
        await self._present("api")
        give_up = time.monotonic() + HUNT_SECONDS
        while self.hunting and time.monotonic() < give_up:
            pids = self._stack.find("api")
            if not pids:
                await asyncio.sleep(0.2)
                continue
            found = await self._try_stall(pids[0])
            if found:
                self.kills["stall"] += 1
                self.stalled += found
                return
            self.misses += 1

    async def _try_stall(self, pid: int) -> list[str]:
        seen = await asyncio.to_thread(self._stop_when_sending, pid)
        try:
            unsent = [reference for reference in seen if await self._is_unseen(reference)]
            if unsent:
                await asyncio.sleep(STALL_SECONDS)
            return unsent
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _stop_when_sending(self, pid: int) -> list[str]:
        """Ask the database in a tight loop; the moment it shows an attempt on its way, stop the API."""
        with contextlib.suppress(psycopg.Error, OSError), self._stack.connect() as database:
            give_up = time.monotonic() + 1.0
            while time.monotonic() < give_up:
                fresh = int(time.time() * 1_000) + TIMING["send_ms"] - JUST_NOW_MS
                rows = database.execute(NEWEST_SENDING, (fresh,)).fetchall()
                if rows:
                    os.kill(pid, signal.SIGSTOP)
                    return [row["id"] for row in rows]
        return []

    async def _is_unseen(self, reference: str) -> bool:
        """Whether the acquirer knows nothing of it, asked until it says so clearly."""
        for _ in range(10):
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                url = f"{self._stack.sandbox_url}/v1/operations/{reference}"
                timeout = aiohttp.ClientTimeout(total=0.5)
                async with self._http.get(url, timeout=timeout) as answer:
                    if answer.status == 200:
                        return False
                    if answer.status == 404:
                        return not (await answer.json()).get("tombstone", False)
        return False

    async def _found(self, role: str) -> list[int]:
        """The pids of a role. A backend may be gone between two looks: its connection was cut."""
        pids: list[int] = []

        def is_there() -> bool:
            pids[:] = self._stack.find(role)
            return bool(pids)

        await self._until(is_there, f"{role} is running")
        return pids

    async def _present(self, role: str) -> None:
        await self._until(lambda: bool(self._stack.find(role)), f"{role} is running")

    async def _until(self, is_so: Any, what: str) -> None:
        give_up = time.monotonic() + RESTART_SECONDS
        while not is_so():
            if time.monotonic() > give_up:
                raise TimeoutError(f"not so after {RESTART_SECONDS} s: {what}")
            await asyncio.sleep(0.05)


async def keep_faulty(stack: Stack, seed: int, faults: Sequence[Mapping[str, Any]]) -> None:
    """Put the faults in force, and again whenever the acquirer was killed and forgot them; until cancelled."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                url = f"{stack.sandbox_url}/control/faults"
                async with http.get(url) as answer:
                    known = len((await answer.json())["faults"])
                for rule in faults[known:]:
                    async with http.post(url, json={**rule, "seed": seed + known}) as answer:
                        answer.raise_for_status()
            await asyncio.sleep(0.2)
