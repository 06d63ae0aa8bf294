"""The words that rules may use, as data: card networks as a card's brand names them, and decline codes in Stripe's words."""

from __future__ import annotations

# `unknown`: a card whose number is of no known network's range.
NETWORKS = (
    "visa", "mastercard", "amex", "diners", "discover", "jcb", "unionpay", "unknown",
)  # fmt: skip
# After these nobody is tried again: fraud, or a card that is or may be reported lost or stolen.
FINAL_DECLINES = frozenset({
    "fraudulent", "lost_card", "merchant_blacklist", "pickup_card", "restricted_card", "stolen_card",
})  # fmt: skip
# As Stripe publishes them.
DECLINES = FINAL_DECLINES | {
    "approve_with_id", "authentication_not_handled", "authentication_required", "call_issuer",
    "card_not_supported", "card_velocity_exceeded", "currency_not_supported", "do_not_honor",
    "do_not_try_again", "duplicate_transaction", "expired_card", "generic_decline", "incorrect_address",
    "incorrect_cvc", "incorrect_number", "incorrect_pin", "incorrect_zip", "insufficient_funds",
    "invalid_account", "invalid_amount", "invalid_cvc", "invalid_expiry_month", "invalid_expiry_year",
    "invalid_number", "invalid_pin", "issuer_not_available", "mobile_device_authentication_required",
    "new_account_information_available", "no_action_taken", "not_permitted", "offline_pin_required",
    "online_or_offline_pin_required", "pin_try_exceeded", "processing_error", "reenter_transaction",
    "revocation_of_all_authorizations", "revocation_of_authorization", "security_violation",
    "service_not_allowed", "stop_payment_order", "testmode_decline", "transaction_not_allowed",
    "try_again_later", "withdrawal_count_limit_exceeded",
}  # fmt: skip
