"""Reads the SQL of rooms and migrations as PostgreSQL would, and lists what breaks the house rules.

A table's owner stands above it in its migration: `-- room: ledger`, and `-- reference table` for
the few small ones that are the same for every book. The rules, one function each:

* a statement touches its own room's tables alone;
* every other table is filtered by, or filled with, `$1`, the book, a scalar;
* every primary key begins with `book_id`; nothing counts by itself (no identity, no sequence);
* nothing asks the database for the time or for chance.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pglast import ast, parse_sql
from pglast.enums import BoolExprType, ConstrType, JoinType
from pglast.parser import ParseError

BOOK = "book_id"
IMPURE = frozenset(
    [
        "now",
        "random",
        "random_normal",
        "setseed",
        "clock_timestamp",
        "statement_timestamp",
        "transaction_timestamp",
        "timeofday",
        "gen_random_uuid",
        "uuidv4",
        "uuidv7",
        "nextval",
        "txid_current",
        "pg_current_xact_id",
    ]
)
SERIALS = frozenset(["serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"])
# The one exception to the first rule: to verify is to compare the rooms with one another. It may only read.
READS_EVERY_ROOM = frozenset({"verification"})
LEVELS = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
Level = ast.SelectStmt | ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt | ast.MergeStmt


@dataclass(frozen=True)
class Table:
    """A table or view as its migration declares it."""

    name: str
    room: str | None
    reference: bool


Tables = dict[str, Table]


def tables_of(migration: str) -> Tables:
    """The tables and views a migration creates, with the owners declared above them."""
    found: Tables = {}
    for comments, statement in commented_statements(migration):
        relation = created_relation(statement)
        if relation is None:
            continue
        room = re.search(r"^-- room: (\w+)\s*$", comments, re.MULTILINE)
        reference = re.search(r"^-- reference table\s*$", comments, re.MULTILINE)
        owner = room[1] if room else None
        found[relation.relname] = Table(relation.relname, owner, reference is not None)
    return found


def created_relation(statement: ast.Node) -> ast.RangeVar | None:
    """The table or view a statement creates; partitions belong to their parent."""
    if isinstance(statement, ast.CreateStmt):
        return None if statement.partbound else statement.relation
    return statement.view if isinstance(statement, ast.ViewStmt) else None


def commented_statements(text: str) -> Iterator[tuple[str, ast.Node]]:
    """Each statement of a text, with the text since the one before."""
    plain = text.encode("ascii", "replace").decode()  # so that bytes and characters agree
    end = 0
    for raw in parse_sql(plain):
        stop = raw.stmt_location + raw.stmt_len if raw.stmt_len else len(plain)
        yield plain[end:stop], raw.stmt
        end = stop


def unowned_tables(migration: str, rooms: frozenset[str]) -> list[str]:
    """Tables whose room is not declared or does not exist."""
    return [
        f"{table.name}: no `-- room:` above it that names a room"
        for table in tables_of(migration).values()
        if table.room not in rooms
    ]


def keys_without_book(migration: str) -> list[str]:
    """Tables without a primary key, or with one that does not begin with `book_id`."""
    tables = tables_of(migration)
    return [
        f"{create.relation.relname}: its primary key does not begin with {BOOK}"
        for _, create in commented_statements(migration)
        if isinstance(create, ast.CreateStmt) and not create.partbound
        if not _key_is_good(primary_key(create), tables[create.relation.relname])
    ]


def _key_is_good(key: list[str], table: Table) -> bool:
    return bool(key) and (table.reference or key[0] == BOOK)


def primary_key(create: ast.CreateStmt) -> list[str]:
    """The columns of a table's primary key, in order; empty if it has none."""
    for element in create.tableElts or ():
        if isinstance(element, ast.Constraint) and element.contype == ConstrType.CONSTR_PRIMARY:
            return [key.sval for key in element.keys]
        for constraint in getattr(element, "constraints", None) or ():
            if constraint.contype == ConstrType.CONSTR_PRIMARY:
                return [element.colname]
    return []


def self_counting(sql: str) -> list[str]:
    """Sequences, serial columns and identity columns."""
    found: list[str] = []
    for node in walk(parse_sql(sql)):
        if isinstance(node, ast.CreateSeqStmt):
            found.append(f"sequence {node.sequence.relname}")
        elif isinstance(node, ast.ColumnDef) and node.typeName.names[-1].sval in SERIALS:
            found.append(f"serial column {node.colname}")
        elif isinstance(node, ast.Constraint) and node.contype == ConstrType.CONSTR_IDENTITY:
            found.append("identity column")
    return found


def impurities(sql: str) -> list[str]:
    """Calls that ask the database for time, chance or a counter, in function bodies too."""
    found: list[str] = []
    for node in walk(parse_sql(sql)):
        if isinstance(node, ast.FuncCall) and node.funcname[-1].sval in IMPURE:
            found.append(f"{node.funcname[-1].sval}()")
        elif isinstance(node, ast.SQLValueFunction) and _is_clock(node):
            found.append(node.op.name)
        elif isinstance(node, (ast.CreateFunctionStmt, ast.DoStmt)):
            found += _impure_words(node)
    return found


def _is_clock(node: ast.SQLValueFunction) -> bool:
    return "DATE" in node.op.name or "TIME" in node.op.name


def _impure_words(node: ast.Node) -> list[str]:
    body = " ".join(text.sval for text in walk(node) if isinstance(text, ast.String))
    words = re.findall(r"\b(\w+)\s*\(|\b(current_timestamp|current_date)\b", body, re.IGNORECASE)
    called = {(name or clock).lower() for name, clock in words}
    return [f"{word} in a body" for word in sorted(called) if word in IMPURE or "current_" in word]


def unparsable(statement: str) -> list[str]:
    """What PostgreSQL's own grammar says against a statement; a text with two is refused as well."""
    try:
        count = len(parse_sql(statement))
    except ParseError as error:
        return [str(error)]
    return [] if count == 1 else [f"{count} statements under one name"]


def foreign_tables(statement: str, room: str, tables: Tables) -> list[str]:
    """Tables a statement touches that are not its room's, or that no migration creates."""
    found: list[str] = []
    for name in sorted(touched(statement)):
        if name not in tables:
            found.append(f"{name} is created by no migration")
        elif tables[name].room != room and not _may_read_all(statement, room):
            found.append(f"{name} belongs to {tables[name].room}")
    return found


def _may_read_all(statement: str, room: str) -> bool:
    nodes = walk(parse_sql(statement))
    writes = any(isinstance(n, LEVELS) and not isinstance(n, ast.SelectStmt) for n in nodes)
    return room in READS_EVERY_ROOM and not writes


def touched(statement: str) -> set[str]:
    """The names of the tables a statement reads or writes; its own WITH names are none."""
    nodes = list(walk(parse_sql(statement)))
    ours = {node.ctename for node in nodes if isinstance(node, ast.CommonTableExpr)}
    relations = (node for node in nodes if isinstance(node, ast.RangeVar))
    return {node.relname for node in relations if node.schemaname or node.relname not in ours}


def unbound_books(statement: str, tables: Tables) -> list[str]:
    """Tables a statement uses without tying their `book_id` to `$1`, and a `$1` that is a list."""
    raw = parse_sql(statement)
    found = [] if raw and not _book_is_array(raw) else ["$1 is not a scalar"]
    names = {node.ctename for node in walk(raw) if isinstance(node, ast.CommonTableExpr)}
    reference = {name for name, table in tables.items() if table.reference}
    for statement_node in raw:
        found += _check_level(statement_node.stmt, frozenset(), names, reference)
    return found


def _book_is_array(raw: object) -> bool:
    nodes = list(walk(raw))
    cast = any(
        isinstance(node, ast.TypeCast) and _is_book(node.arg) and node.typeName.arrayBounds
        for node in nodes
    )
    calls = (node for node in nodes if isinstance(node, ast.FuncCall))
    listed = any(
        call.funcname[-1].sval == "unnest" and any(_is_book(arg) for arg in call.args or ())
        for call in calls
    )
    return cast or listed


def _check_level(
    level: Level, outer: frozenset[str], names: set[str], reference: set[str]
) -> list[str]:
    """Check one SELECT, INSERT, UPDATE or DELETE, then those inside it.

    `outer` holds the aliases already tied to the book by the statements around this one.
    """
    if isinstance(level, ast.MergeStmt):
        return ["MERGE is not understood: write INSERT or UPDATE"]
    own = list(_own_nodes(level))
    target = level.relation if isinstance(level, ast.InsertStmt) else None
    used = {_alias(n): n for n in own if isinstance(n, ast.RangeVar) and n is not target}
    free = {a for a, n in used.items() if n.schemaname is None and n.relname in names}
    exempt = {a for a, n in used.items() if n.relname in reference}
    tied = _tied(level, own, set(used) - free - exempt, outer | free)
    found = [
        f"{used[a].relname} is not filtered by {BOOK} = $1" for a in used.keys() - tied - exempt
    ]
    if target is not None and target.relname not in reference:
        found += _check_insert(level, target.relname)
    found += _moves_to_another_book(level)
    for inner in _inner_levels(level):
        found += _check_level(inner, frozenset(tied), names, reference)
    return found


def _tied(
    level: Level, own: list[ast.Node], tables: set[str], bound: frozenset[str] | set[str]
) -> set[str]:
    """The aliases whose book is `$1`, directly or by equality with one whose book is."""
    tied = set(bound)
    links: list[tuple[str, str]] = []
    for condition, may_tie in _conditions(level, own):
        for left, right in ((condition.lexpr, condition.rexpr), (condition.rexpr, condition.lexpr)):
            alias = _book_column(left, tables)
            other = _book_column(right, tables)
            if alias is None or (may_tie is not None and alias not in may_tie):
                continue
            if _is_book(right):
                tied.add(alias)
            elif other is not None:
                links.append((alias, other))
    for _ in links:
        tied |= {alias for alias, other in links if other in tied}
    return tied


def _conditions(level: Level, own: list[ast.Node]) -> Iterator[tuple[ast.A_Expr, set[str] | None]]:
    """Equalities that hold for every row, and the aliases an outer join's may restrict."""
    where = getattr(level, "whereClause", None)
    yield from ((condition, None) for condition in _conjuncts(where))
    for join in own:
        if not isinstance(join, ast.JoinExpr):
            continue
        may_tie = _restricted_by(join)
        yield from ((condition, may_tie) for condition in _conjuncts(join.quals))


def _restricted_by(join: ast.JoinExpr) -> set[str] | None:
    if join.jointype == JoinType.JOIN_INNER:
        return None
    sides = {JoinType.JOIN_LEFT: join.rarg, JoinType.JOIN_RIGHT: join.larg}
    side = sides.get(join.jointype)
    return {_alias(node) for node in walk(side) if isinstance(node, ast.RangeVar)}


def _conjuncts(condition: ast.Node | None) -> Iterator[ast.A_Expr]:
    if isinstance(condition, ast.BoolExpr) and condition.boolop == BoolExprType.AND_EXPR:
        for part in condition.args:
            yield from _conjuncts(part)
    elif isinstance(condition, ast.A_Expr) and [n.sval for n in condition.name] == ["="]:
        yield condition


def _book_column(node: ast.Node | None, tables: set[str]) -> str | None:
    """The alias in `alias.book_id`; a bare `book_id` is that of the only table."""
    if not isinstance(node, ast.ColumnRef) or not isinstance(node.fields[-1], ast.String):
        return None
    names = [field.sval for field in node.fields]
    if names[-1] != BOOK:
        return None
    if len(names) > 1:
        return str(names[-2])
    return next(iter(tables)) if len(tables) == 1 else None


def _check_insert(level: ast.InsertStmt, table: str) -> list[str]:
    columns = [column.name for column in level.cols or ()]
    if columns[:1] != [BOOK]:
        return [f"{table}: the first column of an INSERT is {BOOK}"]
    if not all(_carries_book(first) for first in _first_values(level.selectStmt)):
        return [f"{table} is not filled with $1 as its {BOOK}"]
    return []


def _first_values(select: ast.SelectStmt | None) -> Iterator[ast.Node]:
    if select is None:
        return
    if select.larg is not None:
        yield from _first_values(select.larg)
        yield from _first_values(select.rarg)
    elif select.valuesLists:
        yield from (row[0] for row in select.valuesLists)
    else:
        yield select.targetList[0].val


def _carries_book(value: ast.Node) -> bool:
    # Or the book of a row that was itself found or made with $1.
    if isinstance(value, ast.ColumnRef) and isinstance(value.fields[-1], ast.String):
        return bool(value.fields[-1].sval == BOOK)
    return _is_book(value)


def _moves_to_another_book(level: Level) -> list[str]:
    if isinstance(level, ast.UpdateStmt) and any(t.name == BOOK for t in level.targetList):
        return [f"{level.relation.relname}: an object never leaves its birth book"]
    return []


def _is_book(node: ast.Node | None) -> bool:
    if isinstance(node, ast.TypeCast):
        return not node.typeName.arrayBounds and _is_book(node.arg)
    return isinstance(node, ast.ParamRef) and node.number == 1


def _alias(relation: ast.RangeVar) -> str:
    return str(relation.alias.aliasname if relation.alias else relation.relname)


def _own_nodes(level: Level) -> Iterator[ast.Node]:
    for child in _children(level):
        yield from _down_to_levels(child)


def _down_to_levels(node: ast.Node) -> Iterator[ast.Node]:
    if isinstance(node, LEVELS):
        return
    yield node
    for child in _children(node):
        yield from _down_to_levels(child)


def _inner_levels(node: ast.Node) -> Iterator[Level]:
    for child in _children(node):
        if isinstance(child, LEVELS):
            yield child
        else:
            yield from _inner_levels(child)


def walk(node: object) -> Iterator[ast.Node]:
    """A node, or every node of a list, and all below."""
    if isinstance(node, (tuple, list)):
        for item in node:
            yield from walk(item)
    elif isinstance(node, ast.Node):
        yield node
        for child in _children(node):
            yield from walk(child)


def _children(node: ast.Node) -> Iterator[ast.Node]:
    for attribute in node:
        yield from _nodes_in(getattr(node, attribute))


def _nodes_in(value: object) -> Iterator[ast.Node]:
    if isinstance(value, ast.Node):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _nodes_in(item)
