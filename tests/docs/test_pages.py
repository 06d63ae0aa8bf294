"""Generated pages are current, links lead somewhere, and every setting and option is told of."""

import re
from pathlib import Path

import pytest

from docs import generate
from nostro.config import MEANING, Settings
from nostro.ledger.refusals import MEANINGS, Refusal
from tests.server import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[\w-]+)?\)")
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


@pytest.mark.parametrize("name", sorted(generate.pages()))
def test_a_generated_page_is_current(name: str) -> None:
    assert (generate.REFERENCE / name).read_text("utf-8") == generate.pages()[name], "make docs"


def test_every_setting_has_its_meaning() -> None:
    assert set(MEANING) == set(Settings.__struct_fields__)


def test_every_option_has_its_variable() -> None:
    options = [line for line in generate.cli().splitlines() if line.startswith("| `--")]
    assert len(options) > 40
    assert [line for line in options if "| `NOSTRO_" not in line] == []


def test_a_default_is_shown_as_it_is_written() -> None:
    shown = generate.cli()
    assert "[default: acct_1Nostro]" in shown and "acct_1nostro" not in shown
    assert "[default: true]" in shown and "[default: True]" not in shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in targets if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_tests_exist(page: Path) -> None:
    missing = []
    for path, name in TEST.findall(page.read_text("utf-8")):
        file = ROOT / path
        if not file.exists() or (name and f"def {name}(" not in file.read_text("utf-8")):
            missing.append((path, name))
    assert missing == []


def test_every_refusal_has_its_meaning() -> None:
    assert list(MEANINGS) == list(Refusal)
