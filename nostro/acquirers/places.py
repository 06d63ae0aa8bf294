"""Where the acquirers are, as settings say it: `name=URL#manner`, separated by commas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from nostro.acquirers.manners import capabilities
from nostro.config import Settings
from nostro.kernel.capabilities import Capabilities
from nostro.kernel.errors import Misconfigured

# A name is a part of ledger accounts, `acquirer:NAME:clearing`, and is there for ever.
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
FIRST = "sandbox"


class Place(msgspec.Struct, frozen=True):
    """An acquirer: its name, for ever, its address, and what can be asked of it."""

    name: str
    url: str
    manner: str = "honours"

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
    """The acquirers named, in the order given. Raises Misconfigured."""
    places = tuple(_place(text.strip()) for text in acquirers.split(",") if text.strip())
    names = [place.name for place in places]
    if not places or len(set(names)) < len(names):
        raise Misconfigured(f"{acquirers!r} names no acquirer, or one of them twice")
    return places


def sandboxes(manners: str, first_url: str, first_port: int) -> tuple[Place, ...]:
    """A sandbox of each manner: the first is `sandbox`, the others are named for their manner, a port on each."""
    given = [manner.strip() for manner in manners.split(",") if manner.strip()]
    places = [Place(FIRST, first_url, given[0] if given else "honours")]
    for ahead, manner in enumerate(given[1:], 1):
        name, url = manner.partition(":")[0], f"http://127.0.0.1:{first_port + ahead}"
        places.append(Place(name, url, manner))
    return configured(",".join(spelled(place) for place in places))


def spelled(place: Place) -> str:
    """A place as `configured` reads it."""
    return f"{place.name}={place.url}#{place.manner}"


def urls(places: tuple[Place, ...]) -> Mapping[str, str]:
    """The address of each, by name."""
    return {place.name: place.url for place in places}


def _place(text: str) -> Place:
    name, _, rest = text.partition("=")
    url, _, manner = rest.partition("#")
    if not _NAME.fullmatch(name) or not _is_address(url):
        raise Misconfigured(f"{text!r} is no acquirer: write name=URL or name=URL#manner")
    place = Place(name, url, manner or "honours")
    capabilities(place.manner)  # raises for what is none
    return place


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is none, as urlsplit does for half an IPv6 address
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
