"""The adapters of one process, one to each acquirer that settings name."""

from __future__ import annotations

from nostro.acquirers.places import Place, places
from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.acquirers.sandbox_notices import SandboxNotices
from nostro.bootstrap.secret_files import secret_file
from nostro.config import Settings
from nostro.kernel.ports import Clock, Entropy
from nostro.notifications.service import Source


def adapters(settings: Settings, clock: Clock) -> dict[str, SandboxAcquirer]:
    """An adapter to each, by name, in the order of the settings. Raises Misconfigured."""
    return {place.name: _adapter(settings, clock, place) for place in places(settings)}


def _adapter(settings: Settings, clock: Clock, place: Place) -> SandboxAcquirer:
    return SandboxAcquirer(
        place.url, clock, place.name, settings.call_ms, place.capabilities,
        settings.acquirer_connections,
    )  # fmt: skip


def notifying(settings: Settings, clock: Clock, entropy: Entropy) -> dict[str, Source]:
    """Those that may tell us something, by name: a hint from most, evidence from those that can be asked nothing."""

    def source(place: Place) -> Source:
        secret = secret_file(settings.data_dir / place.notification_key, entropy)
        return Source(SandboxNotices(secret, clock), place.capabilities)

    return {place.name: source(place) for place in places(settings)}
