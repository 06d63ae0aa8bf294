"""Our signatures satisfy the official SDK, and ours refuses what is old, new or forged."""

from __future__ import annotations

import json
import time

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from nostro.wire.webhook_signature import SignatureRefused, sign, verify

SECRET = "whsec_first"
BODY = json.dumps({"id": "evt_1", "object": "event", "type": "é"}, ensure_ascii=False).encode()
NOW = 1_800_000_000


def test_the_official_sdk_accepts_our_header_under_either_secret() -> None:
    header = sign(BODY, [SECRET, "whsec_second"], int(time.time()))
    for secret in (SECRET, "whsec_second"):
        event = stripe.Webhook.construct_event(BODY, header, secret)
        assert event.id == "evt_1"


def test_the_official_sdk_refuses_our_header_under_another_secret() -> None:
    header = sign(BODY, [SECRET], int(time.time()))
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(BODY, header, "whsec_third")


def test_we_accept_the_official_sdks_header() -> None:
    header = stripe.WebhookSignature.generate_signature_header(BODY.decode(), SECRET, NOW)
    assert verify(header, BODY, ["whsec_other", SECRET], NOW) == NOW
    assert header == sign(BODY, [SECRET], NOW)


def test_the_tolerance_holds_in_both_directions() -> None:
    header = sign(BODY, [SECRET], NOW)
    for now in (NOW - 300, NOW + 300):
        assert verify(header, BODY, [SECRET], now) == NOW
    for now in (NOW - 301, NOW + 301):
        with pytest.raises(SignatureRefused):
            verify(header, BODY, [SECRET], now)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "v1=aa",
        "t=,v1=aa",
        "t=-1,v1=aa",
        "t=١,v1=aa",
        "t=1,t=2,v1=aa",
        "t=1,v0=aa",
        "t=1,v1=é",
        "t=" + "9" * 13 + ",v1=aa",
        "t=1," + "v1=aa," * 2_000,
    ],
)
def test_a_malformed_header_is_refused(header: str) -> None:
    with pytest.raises(SignatureRefused):
        verify(header, BODY, [SECRET], 1)


@given(st.integers(0, len(BODY) * 8 - 1))
def test_any_flipped_bit_of_the_body_is_refused(bit: int) -> None:
    forged = bytearray(BODY)
    forged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureRefused):
        verify(sign(BODY, [SECRET], NOW), bytes(forged), [SECRET], NOW)


def test_other_schemes_are_skipped_and_never_enough() -> None:
    header = sign(BODY, [SECRET], NOW)
    assert verify(header + ",v0=00", BODY, [SECRET], NOW) == NOW
    with pytest.raises(SignatureRefused):
        verify(header.replace("v1=", "v0="), BODY, [SECRET], NOW)


def test_nothing_is_signed_without_a_secret() -> None:
    for secrets in ([], [""]):
        with pytest.raises(ValueError):
            sign(BODY, secrets, NOW)
