"""What the handlers of the API are given; made by `bootstrap`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nostro.api.fingerprint import RequestFingerprint
from nostro.events.targets import Policy
from nostro.kernel.ports import Clock, Decider, Entropy, Reader, SecretBox
from nostro.merchants.service import Merchants
from nostro.notifications.service import Inbox
from nostro.payments.service import Payments
from nostro.refunds.service import Refunds
from nostro.vault.service import CardVault


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The rooms' services and the ports that handlers need."""

    clock: Clock
    entropy: Entropy
    reader: Reader
    decider: Callable[[int], Decider]
    merchants: Merchants
    cards: CardVault
    fingerprint: RequestFingerprint
    payments: Payments
    refunds: Refunds
    inbox: Inbox
    box: SecretBox
    webhook_targets: Mapping[bool, Policy]  # by mode: where webhooks may be sent
