"""Something may have been written, and no definitive answer comes back: whatever happens, the outcome is Unknown."""

from __future__ import annotations

from nostro.conformance import faults
from nostro.conformance.calls import Step
from nostro.conformance.exchange import Fault
from nostro.conformance.scenario import EVERY_STEP, Case, Scenario
from nostro.conformance.stage import Stage
from nostro.kernel.outcome import Unknown

_MAYBE = "the processor may have acted: only Unknown keeps it from being done again or given up"
_FOREIGN = "this is not the processor speaking: it says nothing of what the processor did"
_ENDLESS = "an answer that is read whatever its size takes the memory of every payment with it"
_REDIRECT = faults.answer_head(
    b"307 Temporary Redirect", b"location: /elsewhere", b"content-length: 0"
)
_UPGRADE = faults.answer_head(b"101 Switching Protocols", b"upgrade: other", b"connection: upgrade")
_ONE_OF_EACH_KIND = (Step.SALE, Step.REFUND, Step.INQUIRE, Step.CANCEL)
_ACTS, _NOBODY = 1, 0


def unknown(fault: Fault, messages: int) -> Case:
    """Under this fault nothing but Unknown is right, and the processor gets so many messages."""

    async def case(stage: Stage, step: Step) -> None:
        call = await stage.call(step, await stage.prepare(step), fault)
        stage.expect_result(call, Unknown)
        stage.expect_messages(call, messages)

    return case


def _maybe(name: str, fault: Fault, messages: int = _ACTS, why: str = _MAYBE) -> Scenario:
    case = unknown(fault, messages)
    return Scenario(name=name, why=why, case=case, steps=EVERY_STEP)


def _page(status: bytes) -> Scenario:
    return Scenario(
        name=f"{status.decode()}, as a page", why=_FOREIGN, steps=_ONE_OF_EACH_KIND,
        case=unknown(faults.instead(faults.page(status)), _NOBODY),
    )  # fmt: skip


SCENARIOS = (
    _maybe("the request is cut midway", faults.request_cut, _NOBODY),
    _maybe("the reply is lost", faults.reply_lost),
    _maybe("the connection is reset after the act", faults.reset_after),
    _maybe("the reply is cut in its head", faults.cut_in_head),
    _maybe("the reply is cut in its body", faults.cut_in_body),
    _maybe("the reply is cut before its last byte", faults.cut_before_last_byte),
    _maybe("the reply in chunks is cut before its end", faults.chunks_without_end),
    _maybe("half a reply ends with the connection", faults.half_without_length),
    _maybe("half a reply that looks whole", faults.half_that_looks_whole),
    _maybe("a garbled body", faults.garbled),
    _maybe("an empty body", faults.with_body(b"")),
    _maybe("a body of another shape", faults.with_body(b"[]")),
    _maybe("a body without what was asked", faults.with_body(b"{}")),
    _maybe("a web page with status 200", faults.instead(faults.page(b"200 OK")), _NOBODY, _FOREIGN),
    _maybe("an endless body", faults.oversized, why=_ENDLESS),
    _maybe("an endless head", faults.endless_head, why=_ENDLESS),
    _maybe("an error 500 after the act", faults.page_after(b"500 Internal Server Error")),
    _maybe("an error 500 that shows the request", faults.page_after(b"500 Oops", echo=True)),
    _maybe("an error 504 after the act", faults.page_after(b"504 Gateway Timeout")),
    _page(b"502 Bad Gateway"),
    _page(b"503 Service Unavailable"),
    _page(b"408 Request Timeout"),
    _page(b"400 Bad Request"),
    _page(b"403 Forbidden"),
    _page(b"404 Not Found"),
    _page(b"407 Proxy Authentication Required"),
    _page(b"429 Too Many Requests"),
    _maybe(
        "a redirection", faults.instead(_REDIRECT), _NOBODY,
        "a card number goes to the configured host alone, and a second request may charge twice",
    ),
    _maybe("another protocol from here on", faults.instead(_UPGRADE), _NOBODY, _FOREIGN),
    _maybe(
        "a protocol that is not HTTP", faults.instead(b"220 mail ready\r\n", ends=True), _NOBODY,
        _FOREIGN,
    ),
)  # fmt: skip
