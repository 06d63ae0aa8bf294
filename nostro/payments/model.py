"""Payment intents, the attempts made for them, and the charges that came of it. Amounts in minor units."""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.outcome import Operation
from nostro.payment_methods.model import Address, BillingDetails, CardFacts, Checks, PaymentMethod
from nostro.payments.machine import AttemptState, IntentStatus


class Shipping(msgspec.Struct, frozen=True):
    """Where the goods go."""

    address: Address = Address()
    name: str | None = None
    phone: str | None = None
    carrier: str | None = None
    tracking_number: str | None = None


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What describes a payment without moving money."""

    description: str | None = None
    receipt_email: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    transfer_group: str | None = None
    setup_future_usage: str | None = None
    shipping: Shipping | None = None
    metadata: dict[str, str] = {}
    confirmation_method: str = "automatic"
    user_report: str | None = None  # of a charge: what the merchant says of it, safe or fraudulent
    automatic_payment_methods: bool = True
    allow_redirects: str = "always"
    payment_method_types: tuple[str, ...] = ("card",)


class PaymentError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why the last attempt did not pay."""

    code: str
    message: str
    decline_code: str | None = None
    charge: str | None = None
    payment_method: PaymentMethod | None = None


class Intent(msgspec.Struct, frozen=True, tag="payment_intent", tag_field="object"):
    """A payment as the merchant asked for it."""

    id: str
    account: str
    status: IntentStatus
    amount: int
    currency: str
    capture_method: str
    client_secret: str
    created_ms: BusinessTime
    live: bool
    terms: Terms
    customer: str | None = None
    payment_method: str | None = None
    latest_charge: str | None = None
    amount_capturable: int = 0
    amount_received: int = 0
    canceled_ms: BusinessTime | None = None
    cancellation_reason: str | None = None
    last_error: PaymentError | None = None


class Attempt(msgspec.Struct, frozen=True):
    """One operation sent to an acquirer, under our own reference (its id)."""

    id: str
    account: str
    intent: str
    charge: str
    operation: Operation
    state: AttemptState
    acquirer: str
    amount: int
    currency: str
    payment_method: str
    created_ms: BusinessTime
    send_by: SystemTime
    lease_until: SystemTime
    holder: str
    epoch: int = 1
    sends: int = 1
    replayable: bool = True
    cancelling: bool = False  # a cancel by reference may have left: nothing but a cancel follows
    final: bool = True
    original: str | None = None  # the reference of the authorization
    key: str | None = None  # the idempotency key that waits for the answer
    request_id: str | None = None
    hold: str | None = None  # of the authorization that is captured or voided
    doubt_hold: str | None = None
    reason: str | None = None  # of a cancellation
    evidence: str | None = None  # the outcome as it was learned
    first_sent: SystemTime = SystemTime(0)  # it left us then at the earliest
    awaiting: str | None = (
        None  # the queue it waits in, while it is unknown and cannot be asked about
    )
    age_known: bool = True  # no clock was seen to be wrong since it was sent
    contradicted: bool = (
        False  # the acquirer said of it what cannot be believed: people alone conclude "not done"
    )


class Charge(msgspec.Struct, frozen=True, tag="charge", tag_field="object"):
    """Money taken, authorized or refused on a card."""

    id: str
    account: str
    intent: str
    status: str  # succeeded, failed
    amount: int
    currency: str
    acquirer: str
    reference: str  # under which the acquirer knows the sale or authorization
    created_ms: BusinessTime
    live: bool
    payment_method: str
    card: CardFacts
    checks: Checks
    billing: BillingDetails
    terms: Terms
    customer: str | None = None
    captured: bool = False
    amount_captured: int = 0
    amount_refunded: int = 0
    refunds_reserved: int = 0
    released: bool = False  # an authorization that was voided or expired
    balance_transaction: str | None = None
    available_on: BusinessTime | None = None
    hold: str | None = None
    capture_before: BusinessTime | None = None
    acquirer_reference: str | None = None
    authorization_code: str | None = None
    network_reference: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    decline_code: str | None = None
    network_code: str | None = None
