"""Why a charge may not be refunded, in Stripe's words."""

from __future__ import annotations

from nostro.kernel.answer import Refusal, invalid
from nostro.kernel.money import exponent
from nostro.payments.model import Charge
from nostro.refunds.model import Refund

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def left(charge: Charge) -> int:
    """What may still be refunded: captured, neither refunded nor reserved for a refund under way."""
    return charge.amount_captured - charge.amount_refunded - charge.refunds_reserved


def not_refundable(charge: Charge, amount: int | None) -> Refusal | None:
    """Why `amount` (None: all that is left) of this charge cannot be refunded, if it cannot."""
    if charge.status == "failed":
        return invalid(f"Charge {charge.id} failed, so there is nothing to refund.")
    if charge.released:
        return _already_refunded(charge)
    if not charge.captured:
        return _uncaptured(charge, amount)
    if left(charge) == 0:
        return _already_refunded(charge)
    if amount is not None and amount <= 0:
        return invalid(
            "This value must be greater than or equal to 1.", "parameter_invalid_integer", "amount"
        )
    return _too_much(charge, amount) if amount and amount > left(charge) else None


def without_charge(intent: str) -> Refusal:
    """The intent has no charge that took money."""
    message = f"This PaymentIntent ({intent}) does not have a successful charge to refund."
    return invalid(message)


def not_cancelable(refund: Refund) -> Refusal:
    """The API cancels a refund only while its customer has to act, which a card refund never asks."""
    return invalid(
        f"Refund {refund.id} could not be canceled because it has a status of {refund.status}. "
        "Only a Refund with one of the following statuses may be canceled: requires_action."
    )


def shown(amount: int, currency: str) -> str:
    """An amount as the error texts write it: `$1,250.00`, `¥500`, `12.50 CHF`."""
    places = exponent(currency)
    whole, part = divmod(amount, 10**places)
    digits = f"{whole:,}" + (f".{part:0{places}}" if places else "")
    symbol = _SYMBOLS.get(currency)
    return f"{symbol}{digits}" if symbol else f"{digits} {currency.upper()}"


def _already_refunded(charge: Charge) -> Refusal:
    message = f"Charge {charge.id} has already been refunded."
    return invalid(message, "charge_already_refunded")


def _uncaptured(charge: Charge, amount: int | None) -> Refusal:
    if amount is not None and amount < charge.amount:
        return invalid(
            "You cannot partially refund an uncaptured charge. Instead, capture the charge for an "
            "amount less than the original amount.",
            param="amount",
        )
    return invalid(
        "This charge has not been captured; cancel its PaymentIntent instead "
        f"(POST /v1/payment_intents/{charge.intent}/cancel)."
    )


def _too_much(charge: Charge, amount: int) -> Refusal:
    asked, rest = shown(amount, charge.currency), shown(left(charge), charge.currency)
    return invalid(
        f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})",
        param="amount",
    )
