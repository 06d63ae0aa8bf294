"""Where the acquirers are, as settings say it: `name=URL#manner`, separated by commas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from nostro.acquirers.manners import HONOURS, capabilities, of_a_sandbox
from nostro.config import Settings
from nostro.kernel.capabilities import Capabilities
from nostro.kernel.errors import Misconfigured

# A name is a part of ledger accounts, `acquirer:NAME:clearing`, and is there for ever.
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
FIRST = "sandbox"
PORT_MAX = 65_535


class Place(msgspec.Struct, frozen=True):
    """An acquirer: its name, for ever, its address, and what can be asked of it."""

    name: str
    url: str
    manner: str = HONOURS

    @property
    def capabilities(self) -> Capabilities:
        """What can be asked of it."""
        return capabilities(self.manner)

    @property
    def notification_key(self) -> str:
        """A file in the data directory: the secret that its notifications are signed with, and nobody else's."""
        return f"notifications-{self.name}.key"


def places(settings: Settings) -> tuple[Place, ...]:
    """Where the acquirers are: those named, else the sandboxes. Raises Misconfigured."""
    if settings.acquirers is not None:
        return configured(settings.acquirers)
    return sandboxes(settings.sandbox_manner, settings.acquirer_url, settings.sandbox_port)


def configured(acquirers: str) -> tuple[Place, ...]:
    """The acquirers named, in the order given. Raises Misconfigured, with no word of what may be a password."""
    if "@" in acquirers:  # a password may hold what separates the others: nothing of it is shown
        raise Misconfigured(
            "NOSTRO_ACQUIRERS (--acquirers) holds an @: write name=URL without a user and a password"
        )
    places = tuple(_place(text.strip()) for text in acquirers.split(",") if text.strip())
    names = [place.name for place in places]
    if not places or len(set(names)) < len(names):
        raise Misconfigured(f"{acquirers!r} names no acquirer, or one of them twice")
    return places


def sandboxes(manners: str, first_url: str, first_port: int) -> tuple[Place, ...]:
    """A sandbox of each manner: the first is `sandbox`, the others are named for their manner, a port on each.

    Raises Misconfigured in the words of the settings that were given, not of the places made of them.
    """
    first, *others = [manner.strip() for manner in manners.split(",") if manner.strip()] or [
        HONOURS
    ]
    names = [manner.partition(":")[0] for manner in others]
    if len(set(names)) < len(names):
        raise Misconfigured(
            f"NOSTRO_SANDBOX_MANNER (--sandbox-manner) is {manners!r}:"
            " after the first, each is named for its manner, and one is there twice"
        )
    if first_port + len(others) > PORT_MAX:
        raise Misconfigured(
            f"NOSTRO_SANDBOX_PORT (--sandbox-port) is {first_port}: there is no room above it for {1 + len(others)} sandboxes"
        )
    more = [
        Place(name, f"http://127.0.0.1:{first_port + ahead}", manner)
        for ahead, (name, manner) in enumerate(zip(names, others, strict=True), 1)
    ]
    for manner in (first, *others):
        of_a_sandbox(manner)  # raises for what is none
    return (Place(FIRST, _sandbox_address(first_url), first), *more)


def _sandbox_address(url: str) -> str:
    if "@" in url:
        raise Misconfigured(
            "NOSTRO_SANDBOX_URL (--sandbox-url) holds an @: write it without a user and a password"
        )
    if not _is_address(url):
        raise Misconfigured(
            f"NOSTRO_SANDBOX_URL (--sandbox-url) is {url!r}: write http://HOST:PORT"
        )
    return url


def urls(places: tuple[Place, ...]) -> Mapping[str, str]:
    """The address of each, by name."""
    return {place.name: place.url for place in places}


def _place(text: str) -> Place:
    name, _, rest = text.partition("=")
    url, _, manner = rest.partition("#")
    if not _NAME.fullmatch(name) or not _is_address(url):
        raise Misconfigured(f"{text!r} is no acquirer: write name=URL or name=URL#manner")
    place = Place(name, url, manner or HONOURS)
    capabilities(place.manner)  # raises for what is none
    return place


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is none, as urlsplit does for half an IPv6 address
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment
