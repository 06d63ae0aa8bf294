"""Settings of one process: one typed object; the only reader of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from nostro.kernel.errors import Misconfigured
from nostro.kernel.secret import Secret

LOG_LEVELS = ("debug", "info", "warning", "error")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every option of `nostro`; each has its NOSTRO_… variable."""

    data_dir: Path = Path(".nostro")
    host: str = "127.0.0.1"
    port: int = 4242
    sandbox_port: int = 4243
    sandbox_url: str | None = None
    sandbox_manner: str = "honours"
    acquirers: str | None = None
    routing: Path | None = None
    database_url: Secret | None = None
    app_url: Secret | None = None  # the app role's URL, given to the children of `nostro up`
    secret_key: Secret | None = None
    log_origin: str | None = None
    fee_basis_points: int = 0
    fee_fixed: int = 0
    shared_buffers_mb: int = 128
    webhook_private_addresses: bool = True  # of test books only; never of live ones
    log_level: str = "warning"
    generation: str | None = None  # names every instance of one `nostro up`; given to its children
    send_ms: int = 2_000  # a message not written by then is never written
    call_ms: int = 10_000  # an acquirer's answer after that is no answer
    settle_ms: int = 10_000  # how much longer than the call an instance holds its attempt
    retry_ms: int = 1_000  # an unknown outcome is first asked about after this
    acquirer_connections: int = 1_024  # each carries one message that waits for its answer

    @property
    def acquirer_url(self) -> str:
        """Where the sandbox acquirer is."""
        return self.sandbox_url or f"http://127.0.0.1:{self.sandbox_port}"


def from_environment(**given: object) -> Settings:
    """Settings from what was given on the command line (None: not given), then from NOSTRO_… variables."""
    values: dict[str, object] = dict(_environment(os.environ))
    values.update({name: value for name, value in given.items() if value is not None})
    level = str(values.get("log_level", "warning"))
    if level not in LOG_LEVELS:
        raise Misconfigured(
            f"{variable('log_level')} is one of {', '.join(LOG_LEVELS)}: not {level!r}"
        )
    try:
        return Settings(**{name: _typed(name, value) for name, value in values.items()})  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise Misconfigured(str(error)) from error


def variable(name: str) -> str:
    """The environment variable of an option."""
    return f"NOSTRO_{name.upper()}"


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: environment[variable(name)]
        for name in Settings.__struct_fields__
        if variable(name) in environment
    }


_HOUR_MS = 3_600_000
# What each number may be, both ends included.
_WHOLE: Mapping[str, tuple[int, int]] = {
    "port": (0, 65_535), "sandbox_port": (0, 65_535),
    "fee_basis_points": (0, 10_000), "fee_fixed": (0, 2**63 - 1),
    "shared_buffers_mb": (1, 1_048_576), "acquirer_connections": (1, 65_535),
    "send_ms": (1, _HOUR_MS), "call_ms": (1, _HOUR_MS),
    "settle_ms": (1, _HOUR_MS), "retry_ms": (1, _HOUR_MS),
}  # fmt: skip
_DIGITS = re.compile(r"-?[0-9]{1,19}")  # int() takes other spellings, and raises for very long ones
_SECRETS = ("database_url", "app_url", "secret_key")


def _typed(name: str, value: object) -> object:
    if name in _WHOLE:
        return _whole(name, value)
    if not isinstance(value, str):
        return value
    if name in _SECRETS:
        return Secret(value)
    if name in ("data_dir", "routing"):
        return Path(value)
    return value.lower() in ("1", "true", "yes") if name.startswith("webhook") else value


def _whole(name: str, value: object) -> int:
    least, most = _WHOLE[name]
    text = str(value).strip()
    if _DIGITS.fullmatch(text) and least <= int(text) <= most:
        return int(text)
    raise Misconfigured(f"{variable(name)} is a whole number from {least} to {most}: not {text!r}")


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment that makes a child process see the same settings, and no other of ours."""
    environment = dict(os.environ)
    for name in Settings.__struct_fields__:
        value = getattr(settings, name)
        environment.pop(variable(name), None)  # what is not set is not inherited either
        if value is not None:
            plain = value.reveal() if isinstance(value, Secret) else str(value)
            environment[variable(name)] = plain
    return environment


# What each setting is about, for the reference; a test holds it to the fields above.
MEANING: Mapping[str, str] = {
    "data_dir": "Where data, keys and the embedded database live.",
    "host": "Address the API listens on.",
    "port": "Port of the API.",
    "sandbox_port": "Port of the sandbox acquirer, on 127.0.0.1.",
    "sandbox_url": "A sandbox acquirer that runs elsewhere; `nostro up` then starts none.",
    "sandbox_manner": "What the sandbox acquirer can be asked: `honours`, `forgets`, `no-inquiry`, `ignores-send-by`, "
    "`notifies-only` or `mute`. Several, separated by commas: `nostro up` starts one of each, on the ports from "
    "`NOSTRO_SANDBOX_PORT` on.",
    "acquirers": "The acquirers, `name=URL` separated by commas, each with `#manner` if it has another than `honours`: "
    "`sandbox=http://127.0.0.1:4243,second=http://10.0.0.7:4243#forgets`. Without it: the sandbox.",
    "routing": "A TOML file of routing rules. Without it: every payment goes to the first acquirer, and fails over to the others.",
    "database_url": "An external PostgreSQL, 15 or newer, as its owner. Without it: the embedded one.",
    "app_url": "The application role's URL. `nostro up` gives it to its children.",
    "secret_key": "Registers this `sk_test_…` key for the first account.",
    "log_origin": "What the ledger's public log is named, such as pay.example.com. Without it: a random name. "
    "Chosen once: a log cannot be renamed.",
    "fee_basis_points": "What an account pays per captured payment, in 1/100 % of the amount.",
    "fee_fixed": "What it pays besides, per captured payment, in minor units.",
    "shared_buffers_mb": "Memory of the embedded database's page cache, in MB.",
    "webhook_private_addresses": "Webhooks of test books may go to private addresses. Live: never.",
    "log_level": "debug, info, warning or error; to standard error.",
    "generation": "Names all processes of one `nostro up`, which gives it to its children.",
    "send_ms": "A message to an acquirer that is not written by then is never written. Milliseconds.",
    "call_ms": "An acquirer's answer after this is no answer. Milliseconds.",
    "settle_ms": "How much longer than the call a process holds its attempt. Milliseconds.",
    "retry_ms": "An unknown outcome is first asked about after this. Milliseconds.",
    "acquirer_connections": "How many connections one process may have to one acquirer. Each carries one message at a time: that many "
    "payments at once can wait for an answer.",
}


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child that needs none of our secrets."""
    secrets = {variable(name) for name in _SECRETS}
    return {name: value for name, value in environment.items() if name not in secrets}
