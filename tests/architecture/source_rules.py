"""Rules about who may import what that are finer than layers: one reader each for the driver, the
environment, time and entropy; a store for its own room; the sandbox apart from the product.

Each source file is read as a syntax tree, so that a comment or a string is not a violation.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DRIVER = frozenset({"psycopg", "psycopg_pool", "psycopg_binary", "asyncpg"})
ENVIRONMENT = frozenset({"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"})
CLOCKS = frozenset({"time", "datetime.datetime.now", "datetime.datetime.utcnow"}) | frozenset(
    {"datetime.datetime.today", "datetime.date.today"}
)
ENTROPY = frozenset({"random", "secrets", "os.urandom", "os.getrandom", "uuid.uuid1", "uuid.uuid4"})
STATEMENT = re.compile(
    r"\b(?:SELECT|INSERT|UPDATE|DELETE|MERGE)\b.*\bnostro\.", re.IGNORECASE | re.DOTALL
)
STORE = re.compile(r"nostro\.(\w+)\.store(?:\.(\w+))?")


@dataclass(frozen=True)
class Rule:
    """Names that only some modules may use. A name covers everything below it."""

    why: str
    names: frozenset[str]
    allowed: tuple[str, ...]


RULES = (
    Rule("only nostro.db imports the driver", DRIVER, ("nostro.db",)),
    Rule("only nostro.config reads the environment", ENVIRONMENT, ("nostro.config",)),
    Rule("only nostro.system reads time", CLOCKS, ("nostro.system", "sandbox")),
    Rule("only nostro.system reads entropy", ENTROPY, ("nostro.system", "sandbox")),
)
# Composition and commits: the two places that put several rooms' rows into one transaction.
OPENS_EVERY_STORE = ("nostro.db", "nostro.bootstrap")
# Migrations and their examination, before there are rooms.
WRITES_ITS_OWN_SQL = ("nostro.db",)
# Debts: to be paid by giving the room a public name for what is wanted of it.
TOLERATED = frozenset({("nostro.payments.service", "nostro.payment_methods.store.QUERIES")})


def violations(root: Path) -> list[str]:
    """Every violation in the packages `nostro` and `sandbox` below a directory."""
    files = sorted(path for name in ("nostro", "sandbox") for path in root.glob(f"{name}/**/*.py"))
    return [found for path in files for found in _violations_in(path, _module(path, root))]


def _module(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _violations_in(path: Path, module: str) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    for name, line in used_names(tree, module):
        for why in _broken(module, name):
            yield f"{path}:{line}: {name}: {why}"
    if not _below(module, WRITES_ITS_OWN_SQL):
        for line in _statements(tree):
            yield f"{path}:{line}: a statement about tables is in queries.sql, where its rules are read"


def _statements(tree: ast.Module) -> Iterator[int]:
    """Lines of SQL in strings; text that is no value of anything, such as a docstring, is none."""
    text = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in text:
            continue
        if isinstance(node.value, str) and STATEMENT.search(node.value):
            yield node.lineno


def _broken(module: str, name: str) -> Iterator[str]:
    for rule in RULES:
        if _below(name, rule.names) and not _below(module, rule.allowed):
            yield rule.why
    if _opens_a_store(module, name) and (module, name) not in TOLERATED:
        yield "a store is opened by its own room; others may name its tables"
    foreign = _below(name, ("nostro",)) and not _below(name, ("nostro.wire",))
    if foreign and _below(module, ("sandbox",)):
        yield "the sandbox imports nothing of nostro but wire"


def _opens_a_store(module: str, name: str) -> bool:
    store = STORE.match(name)
    if store is None or _below(module, (f"nostro.{store[1]}", *OPENS_EVERY_STORE)):
        return False
    # A command declares the rows it reads and writes by the tables of the rooms below it.
    return not (store[2] and store[2].isupper() and store[2] != "QUERIES")


def _below(name: str, tops: frozenset[str] | tuple[str, ...]) -> bool:
    return any(name == top or name.startswith(f"{top}.") for top in tops)


def used_names(tree: ast.Module, module: str) -> Iterator[tuple[str, int]]:
    """Imported modules and names, and what is reached through them, spelled in full."""
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for local, full in _imports(node, module):
                imported[local] = full
                yield full, node.lineno
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            full_name = _spelled(node, imported)
            if full_name is not None:
                yield full_name, node.lineno


def _imports(node: ast.Import | ast.ImportFrom, module: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.split(".")[0], alias.name
    else:
        parts = module.split(".")[: -node.level] if node.level else []
        source = ".".join([*parts, *([node.module] if node.module else [])])
        for alias in node.names:
            yield alias.asname or alias.name, f"{source}.{alias.name}"


def _spelled(node: ast.Attribute, imported: dict[str, str]) -> str | None:
    names: list[str] = []
    value: ast.expr = node
    while isinstance(value, ast.Attribute):
        names.append(value.attr)
        value = value.value
    if not isinstance(value, ast.Name) or value.id not in imported:
        return None
    return ".".join([imported[value.id], *reversed(names)])
