"""Which acquirers are candidates, in which order, and why; pure."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.api.render.outcome import _ADVICE, _SELLER
from nostro.kernel.errors import Misconfigured
from nostro.kernel.outcome import (
    ActionRequired,
    Approved,
    Declined,
    NotSent,
    Outcome,
    Pending,
    Rejected,
    Unknown,
)
from nostro.routing.caps import NETWORK_CAPS, OwnCap
from nostro.routing.failover import verdict
from nostro.routing.file import rules_from
from nostro.routing.model import Cost, Facts, Route, Routes, Rule, Rules
from nostro.routing.route import NO_RULES, after, first, route
from nostro.routing.words import DECLINES, FINAL_DECLINES, NETWORKS
from nostro.vault import cards

FACTS = Facts(2_000, "usd", "acct_1", "visa")
BOTH = ("alpha", "beta")


def routes(*rules: Rule, acquirers: tuple[str, ...] = BOTH) -> Routes:
    return Routes(acquirers, Rules(rules))


def names(found: Route) -> list[str]:
    return [candidate.acquirer for candidate in found.candidates]


def test_without_rules_it_is_the_order_of_the_settings() -> None:
    found = route(routes(), FACTS, {})
    assert names(found) == ["alpha", "beta"]
    assert found.candidates[0].reasons == (NO_RULES,)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (Rule("alpha", currencies=("eur",)), "usd is none of its currencies (eur)"),
        (Rule("alpha", networks=("amex",)), "visa is none of its networks (amex)"),
        (Rule("alpha", merchants=("acct_2",)), "acct_1 is none of its merchants"),
        (Rule("alpha", amount_min=2_001), "2000 is less than 2001"),
        (Rule("alpha", amount_max=1_999), "2000 is more than 1999"),
    ],
)
def test_a_rule_that_does_not_fit_says_why(rule: Rule, reason: str) -> None:
    found = route(routes(rule, Rule("beta")), FACTS, {})
    assert names(found) == ["beta"]
    assert found.left_out[0].reasons == (reason,)


def test_a_rule_fits_at_its_very_bounds() -> None:
    rule = Rule("alpha", ("usd",), ("visa",), ("acct_1",), 2_000, 2_000)
    found = route(routes(rule), FACTS, {})
    assert names(found) == ["alpha"]
    assert found.left_out[0].reasons == ("no rule names it",)


def test_priority_goes_before_cost_and_cost_before_order() -> None:
    dear, cheap = Cost(300, 30), Cost(50, 5)
    found = route(routes(Rule("alpha", cost=dear), Rule("beta", cost=cheap)), FACTS, {})
    assert names(found) == ["beta", "alpha"]
    assert [candidate.cost for candidate in found.candidates] == [15, 90]
    found = route(
        routes(Rule("alpha", cost=dear, priority=-1), Rule("beta", cost=cheap)), FACTS, {}
    )
    assert names(found) == ["alpha", "beta"]
    assert names(route(routes(Rule("beta"), Rule("alpha")), FACTS, {})) == ["alpha", "beta"]


def test_the_best_of_an_acquirers_rules_counts() -> None:
    rules = (Rule("alpha", cost=Cost(100)), Rule("alpha", networks=("visa",), cost=Cost(10)))
    assert route(routes(*rules), FACTS, {}).candidates[0].cost == 2


def test_an_open_circuit_is_left_out_for_now() -> None:
    found = route(routes(), FACTS, {"alpha": "open"})
    assert names(found) == ["beta"]
    assert (found.left_out[0].reasons, found.left_out[0].for_now) == (("open",), True)
    assert first(routes(), FACTS, {"alpha": "open"}) == "beta"
    assert first(routes(), FACTS, {"alpha": "open", "beta": "open"}) == "alpha"


def test_nobody_takes_what_no_rule_lets_in() -> None:
    assert first(routes(Rule("alpha", currencies=("eur",))), FACTS, {}) is None


def test_the_next_is_never_one_that_was_tried() -> None:
    assert after(routes(), FACTS, {}, ("alpha",)) == "beta"
    assert after(routes(), FACTS, {}, ("alpha", "beta")) is None
    assert after(routes(), FACTS, {"beta": "open"}, ("alpha",)) is None


rule_strategy = st.builds(
    Rule,
    acquirer=st.sampled_from(BOTH),
    currencies=st.none() | st.just(("usd",)) | st.just(("eur",)),
    networks=st.none() | st.just(("visa",)),
    amount_min=st.integers(0, 3_000),
    amount_max=st.none() | st.integers(0, 3_000),
    priority=st.integers(-2, 2),
    cost=st.builds(Cost, st.integers(0, 500), st.integers(0, 100)),
)


@given(st.lists(rule_strategy, max_size=6), st.integers(1, 4_000), st.sets(st.sampled_from(BOTH)))
def test_every_acquirer_is_told_of_once_and_first_is_the_first(
    rules: list[Rule], amount: int, down: set[str]
) -> None:
    facts, health = Facts(amount, "usd", "acct_1", "visa"), dict.fromkeys(down, "open")
    there = routes(*rules)
    found = route(there, facts, health)
    told = names(found) + [left.acquirer for left in found.left_out]
    assert sorted(told) == sorted(BOTH)
    ranks = [(candidate.priority, candidate.cost) for candidate in found.candidates]
    assert ranks == sorted(ranks)
    assert not set(names(found)) & down
    if found.candidates:
        assert first(there, facts, health) == names(found)[0]


SOFT = Rules(soft_declines=("issuer_not_available",), tries_max=3)
SOFTLY = Declined("issuer_not_available", "91")


@pytest.mark.parametrize(
    ("outcome", "allowed"),
    [
        (NotSent("refused"), True),
        (Rejected("invalid"), True),
        (SOFTLY, True),
        (Declined("insufficient_funds", "51"), False),
        (Declined("issuer_not_available", "41"), False),  # a code after which Visa forbids it
        (Unknown("500"), False),
        (Pending("x", 1), False),
        (ActionRequired("x", "3ds"), False),
        (Approved("x", 1, "usd"), False),
    ],
)
def test_after_which_outcomes_another_may_try(outcome: Outcome, allowed: bool) -> None:
    assert verdict(SOFT, outcome, "visa", 1, 0).allowed is allowed


def test_by_default_no_decline_is_soft() -> None:
    assert not verdict(Rules(), SOFTLY, "visa", 1, 0).allowed


def test_tries_are_bounded() -> None:
    assert verdict(SOFT, NotSent("x"), "visa", 2, 0).allowed
    assert not verdict(SOFT, NotSent("x"), "visa", 3, 0).allowed


@pytest.mark.parametrize(
    ("network", "before", "allowed"),
    [
        ("visa", 13, True), ("visa", 14, False), ("mastercard", 33, True),
        ("mastercard", 34, False), ("unheard_of", 14, False), (None, 14, False),
    ],
)  # fmt: skip
def test_networks_bound_the_tries_of_a_card(
    network: str | None, before: int, allowed: bool
) -> None:
    assert verdict(SOFT, SOFTLY, network, 1, before).allowed is allowed


def test_a_file_may_say_otherwise_of_a_network() -> None:
    rules = Rules(soft_declines=SOFT.soft_declines, retry_caps={"visa": OwnCap((), 2)})
    assert verdict(rules, SOFTLY, "visa", 1, 0).allowed
    assert not verdict(rules, SOFTLY, "visa", 1, 1).allowed


def test_rules_are_read_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "routing.toml"
    path.write_text(
        'soft_declines = ["try_again_later"]\ntries_max = 2\n[[rules]]\nacquirer = "beta"\n'
        'currencies = ["eur"]\ncost = { basis_points = 90, fixed = 5 }\n'
        "[retry_caps.visa]\ntries_max = 3\n"
    )
    rules = rules_from(path, BOTH)
    assert rules.rules == (Rule("beta", ("eur",), cost=Cost(90, 5)),)
    assert (rules.tries_max, rules.soft_declines) == (2, ("try_again_later",))
    assert rules.cap("visa").tries_max == 3
    assert rules_from(None, BOTH) == Rules()


BETA = '[[rules]]\nacquirer = "beta"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[rules]]\nacquirer = "gamma"', "there is no acquirer 'gamma': there are alpha, beta"),
        ('[[rules]]\nacquirer = "beta"\ncurrencies = ["USD"]', "'USD' is no currency"),
        ('[[rules]]\nacquirer = "beta"\nprio = 1', "unknown field `prio`"),
        ("tries_max = 0", "tries_max"),
        ("[[rules", "routing rules"),
        (BETA + 'networks = ["Visa"]', r"rule 1 \(beta\), networks: 'Visa' .* write visa$"),
        (BETA + 'networks = ["vsia"]', "networks: 'vsia' is no card network: there are visa, "),
        (BETA + "networks = []", "networks is empty"),
        (BETA + "currencies = []", "currencies is empty"),
        (BETA + "merchants = []", "merchants is empty"),
        (BETA + "amount_min = -1", "amount_min is 0 or more"),
        (BETA + "amount_max = -1", "amount_max is -1"),
        (
            BETA + "amount_max = 0",
            r"rule 1 \(beta\), amount_max is 0, so nothing fits: an amount is",
        ),
        (BETA + "amount_min = 9\namount_max = 8", "amount_max is 8, less than amount_min, 9"),
        (BETA + "cost = { basis_points = -1 }", "cost.basis_points is 0"),
        (BETA + "cost = { fixed = -1 }", "cost.fixed is 0"),
        ("[retry_caps.Visa]\ndays = 2", "retry_caps.Visa: 'Visa' is no card network: write visa"),
        ("[retry_caps.visa]\ntries_max = -1", "retry_caps.visa.tries_max is 0 or more"),
        ("[retry_caps.visa]\ndays = 0", "retry_caps.visa.days is 1 or more"),
        ('[retry_caps.visa]\nnever = ["frauduent"]', "never: 'frauduent' is no response code"),
        (
            "[breaker]\nopen_longest_ms = 9\nopen_ms = 10",
            "open_longest_ms is 9, less than open_ms, 10",
        ),
        ("[breaker]\nwindow_ms = 0", "breaker.window_ms is 1"),
        ("[breaker]\ncalls_min = 0", "breaker.calls_min is 1"),
        ("[breaker]\nopen_ms = -5", "breaker.open_ms is 1"),
        ("[breaker]\nopen_longest_ms = 0", "breaker.open_longest_ms is 1"),
        ("[breaker]\nfailures_percent = 0", "breaker.failures_percent is from 1 to 100"),
        ("[breaker]\nfailures_percent = 101", "breaker.failures_percent is from 1 to 100"),
        ('soft_declines = ["do_not_honour"]', "'do_not_honour' is no decline code"),
        ('soft_declines = ["Try_Again_Later"]', "write try_again_later"),
        *((f'soft_declines = ["{code}"]', f"{code!r} is final") for code in sorted(FINAL_DECLINES)),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "routing.toml"
    path.write_text(text)
    with pytest.raises(Misconfigured, match=said):
        rules_from(path, BOTH)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="nowhere.toml"):
        rules_from(tmp_path / "nowhere.toml", BOTH)


def test_what_is_at_its_bounds_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "routing.toml"
    path.write_text(
        "[[rules]]\nacquirer = 'beta'\namount_min = 0\namount_max = 1\nnetworks = ['unknown']\n"
        "[retry_caps.amex]\ntries_max = 0\ndays = 1\n"
        "[breaker]\nfailures_percent = 100\nwindow_ms = 1\ncalls_min = 1\n"
    )
    assert rules_from(path, BOTH).breaker.failures_percent == 100


def test_a_network_is_what_a_card_can_be_of() -> None:
    brands = {found.brand for found in cards._RANGES} | {cards.UNKNOWN}
    assert set(NETWORKS) == brands
    assert NETWORK_CAPS.keys() <= brands


def test_every_decline_that_we_have_words_for_is_known() -> None:
    assert _SELLER.keys() | _ADVICE.keys() <= DECLINES
    assert {code for code, advice in _ADVICE.items() if advice == "do_not_try_again"} <= (
        FINAL_DECLINES
    )
