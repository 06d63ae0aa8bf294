"""The client of a run: many at once, each retrying with the same key; it writes down every answer it was given.

The file is the evidence: what is in it was said to a merchant, and must still be true in the end.
"""

import asyncio
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import msgspec

from tests.chaos.plans import Plan, Step

TRIES_MAX = 200
STEP_SECONDS = 240.0
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
# Some clients are patient, some hang up on a slow server and ask again.
PATIENCE_SECONDS = (2.0, 6.0, 20.0)
ASKED_AGAIN = 0.3
RETRIED = (409, 429, 500, 502, 503, 504)


class Line(msgspec.Struct, omit_defaults=True):
    """One try and what came of it. `at` is Unix time; `status` None means no answer came."""

    at: float
    payment: int
    step: str
    key: str
    attempt: int
    status: int | None
    replayed: bool = False
    body: Any = None
    error: str = ""

    @property
    def is_final(self) -> bool:
        """Whether a client stops asking at this answer."""
        return self.status is not None and self.status not in RETRIED


class GaveUp(Exception):
    """A step had no final answer in its time."""


class LeftProcessing(Exception):
    """A payment was processing for too long for its client."""


class Witness:
    """Drives every plan once, at `rate` new payments a second, `clients` at a time; begins none after `seconds`."""

    def __init__(
        self, urls: Sequence[str], secret_key: str, file: Path, clients: int, rate: float,
        seed: int, seconds: float = math.inf, patience: Sequence[float] = PATIENCE_SECONDS,
    ) -> None:  # fmt: skip
        self._urls, self._rate, self._seconds, self._patience = urls, rate, seconds, patience
        self._headers = {"Authorization": f"Bearer {secret_key}"}
        self._file = file.open("ab")
        self._clients = asyncio.Semaphore(clients)
        self._random = Random(seed)
        self.gave_up: list[str] = []
        self.left_processing = 0  # told the truth to the end, which the books must then make final
        self.begun = self.finished = 0
        self.tries = 0

    async def run(self, plans: Sequence[Plan]) -> None:
        """Until every plan that was begun is finished or given up."""
        async with self._session() as self._http:
            began = time.monotonic()
            async with asyncio.TaskGroup() as tasks:
                for plan in plans:
                    due = began + plan.number / self._rate
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                    await self._clients.acquire()
                    if time.monotonic() - began > self._seconds:
                        break
                    self.begun += 1
                    tasks.create_task(self._pay(plan))

    async def ask_once(self, plans: Sequence[Plan], rate: float = math.inf) -> None:
        """`rate` a second, and nobody asks again: what becomes of these is not up to their clients."""
        async with self._session() as self._http, asyncio.TaskGroup() as tasks:
            began = time.monotonic()
            for at, plan in enumerate(plans):
                await asyncio.sleep(max(0.0, began + at / rate - time.monotonic()))
                step = plan.steps()[0]
                tasks.create_task(self._ask("POST", plan, step.name, step.path, step.form, 0))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0)
        return aiohttp.ClientSession(connector=connector, headers=self._headers)

    async def _pay(self, plan: Plan) -> None:
        try:
            await self._steps(plan)
        except GaveUp as given_up:
            self.gave_up.append(str(given_up))
        except LeftProcessing:
            self.left_processing += 1
        finally:
            self.finished += 1
            self._clients.release()

    async def _steps(self, plan: Plan) -> None:
        intent = ""
        for step in plan.steps():
            status = await self._settled(plan, intent) if intent else ""
            if status == "requires_payment_method" and step.name != "confirm":
                return  # it was not paid: there is nothing to capture, cancel or refund
            line = await self._insist(plan, step, intent)
            if step.name != "refund":
                intent = intent or _intent_of(line.body) or ""
        if intent:
            await self._settled(plan, intent)

    async def _settled(self, plan: Plan, intent: str) -> str:
        """Ask until the payment is not processing."""
        give_up = time.monotonic() + STEP_SECONDS
        pause = FIRST_PAUSE_SECONDS
        while time.monotonic() < give_up:
            line = await self._ask("GET", plan, "look", f"/v1/payment_intents/{intent}", None, 0)
            if line.status == 200 and line.body["status"] != "processing":
                return str(line.body["status"])
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
        raise LeftProcessing

    async def _insist(self, plan: Plan, step: Step, intent: str) -> Line:
        """The same request under the same key until there is an answer to keep."""
        path = step.path.format(intent=intent)
        form = {name: value.format(intent=intent) for name, value in step.form.items()}
        give_up = time.monotonic() + STEP_SECONDS
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(TRIES_MAX):
            line = await self._ask("POST", plan, step.name, path, form, attempt)
            if line.is_final:
                if self._random.random() < ASKED_AGAIN:  # as one does who lost the answer
                    await self._ask("POST", plan, step.name, path, form, attempt + 1)
                return line
            if time.monotonic() > give_up:
                break
            await asyncio.sleep(pause * self._random.uniform(0.5, 1.0))
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
        raise GaveUp(f"payment {plan.number}: no answer to {step.name}")

    async def _ask(
        self, method: str, plan: Plan, name: str, path: str, form: Any, attempt: int
    ) -> Line:
        key = "" if method == "GET" else f"chaos-{plan.number}-{name}"
        headers = {"Idempotency-Key": key} if key else {}
        patience = self._patience[plan.number % len(self._patience)]
        url = self._urls[plan.number % len(self._urls)]
        line = Line(0.0, plan.number, name, key, attempt, None)
        try:
            async with self._http.request(
                method, url + path, data=form, headers=headers,
                timeout=aiohttp.ClientTimeout(total=patience),
            ) as answer:  # fmt: skip
                body = json.loads(await answer.read())
                line.status, line.body = answer.status, body
                line.replayed = answer.headers.get("Idempotent-Replayed") == "true"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            line.error = f"{type(error).__name__}: {error}"
        line.at = time.time()
        self.tries += 1
        self._file.write(msgspec.json.encode(line) + b"\n")
        return line


def read(file: Path) -> list[Line]:
    """Everything the witness wrote, in order."""
    decode = msgspec.json.Decoder(Line).decode
    return [decode(text) for text in file.read_bytes().splitlines()]


def _intent_of(body: dict[str, Any]) -> str | None:
    if "error" in body:
        body = body["error"].get("payment_intent") or {}
    found = body.get("id")
    return str(found) if found else None


def shown_intent(line: Line) -> dict[str, Any] | None:
    """The payment that an answer shows, inside an error too."""
    body = line.body or {}
    if not isinstance(body, dict):
        return None
    if "error" in body:
        body = body["error"].get("payment_intent") or {}
    return body if body.get("object") == "payment_intent" else None
