"""The words that rules may use, as data: card networks as a card's brand names them, and decline codes in Stripe's words."""

from __future__ import annotations

# `unknown`: a card whose number is of no known network's range.
NETWORKS = (
    "visa", "mastercard", "amex", "diners", "discover", "jcb", "unionpay", "unknown",
)  # fmt: skip
# After these nobody is tried again: fraud, a card that is or may be reported lost or stolen, what was charged just now (another
# acquirer would charge it again), and what the networks say never to try again (Visa's category 1: response codes 04, 07, 12, 14, 15, 41, 43, 46, 57, R0, R1, R3; Mastercard's advice 03).
FINAL_DECLINES = frozenset({
    "do_not_try_again", "duplicate_transaction", "fraudulent", "incorrect_number",
    "invalid_account", "invalid_number", "lost_card", "merchant_blacklist", "pickup_card", "restricted_card",
    "revocation_of_all_authorizations", "revocation_of_authorization", "stolen_card",
    "stop_payment_order", "transaction_not_allowed",
})  # fmt: skip
# As Stripe publishes them.
DECLINES = FINAL_DECLINES | {
    "approve_with_id", "authentication_not_handled", "authentication_required", "call_issuer",
    "card_not_supported", "card_velocity_exceeded", "currency_not_supported", "do_not_honor",
    "expired_card", "generic_decline", "incorrect_address",
    "incorrect_cvc", "incorrect_pin", "incorrect_zip", "insufficient_funds", "invalid_amount",
    "invalid_cvc", "invalid_expiry_month", "invalid_expiry_year", "invalid_pin",
    "issuer_not_available", "mobile_device_authentication_required",
    "new_account_information_available", "no_action_taken", "not_permitted",
    "offline_pin_required", "online_or_offline_pin_required", "pin_try_exceeded",
    "processing_error", "reenter_transaction", "security_violation", "service_not_allowed",
    "testmode_decline", "try_again_later", "withdrawal_count_limit_exceeded",
}  # fmt: skip
