"""The model is right in every state, every run of it ends, and it notices the loss of each safety mechanism."""

import shutil

import pytest

from spec.check import FLOWS, MODEL, SABOTEURS, SMALL, verify

MISSING = [tool for tool in ("spin", "gcc") if shutil.which(tool) is None]
needs_spin = pytest.mark.skipif(
    bool(MISSING),
    reason=f"not installed: {', '.join(MISSING)} (apt-get install spin gcc libc6-dev)",
)


@needs_spin
@pytest.mark.parametrize("flow", FLOWS)
def test_every_state_is_safe(flow: str) -> None:
    run = verify((f"-D{flow}", *SMALL))
    assert run.complaint == ""
    assert run.states > 50_000


@needs_spin
def test_every_run_ends() -> None:
    run = verify(("-DCAPTURE", *SMALL), endings=True)
    assert run.complaint == ""
    assert run.states > 50_000


@needs_spin
def test_a_run_without_an_end_is_noticed() -> None:
    run = verify(("-DCAPTURE", "-DWITHOUT_END", *SMALL), endings=True)
    assert "non-progress" in run.complaint


@needs_spin
@pytest.mark.parametrize("mechanism", SABOTEURS)
def test_the_loss_of_a_mechanism_is_noticed(mechanism: str) -> None:
    flow, bounds = SABOTEURS[mechanism]
    run = verify((f"-D{flow}", f"-DWITHOUT_{mechanism}", *bounds), shortest=True)
    assert run.complaint, "nothing went wrong without it"


def test_every_switch_of_the_model_is_thrown() -> None:
    known = {*SABOTEURS, "EPOCH", "LEASE", "END"} - {"WORKER"}  # a bound, not a switch
    text = MODEL.read_text("utf-8")
    switches = {
        word.rstrip(")") for word in text.replace("WITHOUT_…", "").split() if "WITHOUT_" in word
    }
    assert {switch.partition("WITHOUT_")[2] for switch in switches} == known
