"""Reading limited to some products: a snapshot in which the subjects of other products do not exist.

Every query runs on a `Read`, so the limit is applied in one place: in the statement, common table expressions with the
names of the tables hide the rows that the reader may not see. Lists, counts, history, search, titles and graphs then
cannot tell a hidden subject from one that never was.

A meeting can have decisions of other products on its agenda: these are left out of it, in its fields and in its events.
The entries of the log are the bytes that were hashed, and so are shown as they are.

Visible are the subjects that now belong to at least one of the products, and what concerns everybody: people, teams and
the log itself. What belongs to no product is hidden. Who holds which role, and which account of a provider is whose, are
hidden too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from secrets import token_hex
from typing import Any, Final

from domain.catalog import EVENT_NAMES
from domain.meeting import AGENDA
from domain.policy import CONFIDENTIAL_EVENTS, OPEN_KINDS
from domain.roles import FIELD_PREFIX, LINE_FIELD
from projections.database import Row
from projections.read_model import Read
from projections.schema import TABLES, dumps, kind, loads, members

_IS_CONFIDENTIAL: Final = "type in ({})".format(", ".join(f"'{EVENT_NAMES[each]}'" for each in CONFIDENTIAL_EVENTS))
_OPEN_KINDS: Final = ", ".join(f"'{each}'" for each in sorted(OPEN_KINDS))
_VISIBLE: Final = f"""visible_subject(subject) as (
    select r.subject from main.field_ref r join main.field_value m on m.subject = r.subject and m.field = r.field
        and m.valid_from = r.valid_from and m.id = r.id
        where r.field = 'products' and r.ref in {members("visible_products")}
        and m.valid_to is null and m.voided_by is null
    union select p.subject from main.field_value p where p.field = 'exists'
        and p.subject in {members("visible_products")})"""


def _is_visible(subject: str) -> str:
    return f"({subject} in (select subject from visible_subject) or {kind(subject)} in ({_OPEN_KINDS}))"


_CONDITIONS: Final = {
    "field_value": f"{_is_visible('subject')} and not (field >= '{FIELD_PREFIX}' and field < '{FIELD_PREFIX[:-1]}/')",
    "field_ref": f"{_is_visible('subject')} and not (field >= '{FIELD_PREFIX}' and field < '{FIELD_PREFIX[:-1]}/')"
    f" and (field <> '{AGENDA}' or {_is_visible('ref')})",
    "event": f"{_is_visible('subject')} and not {_IS_CONFIDENTIAL}",
    "event_because": _is_visible("decision"),
}
"""The rows of each table that a limited reader sees."""
_WITH_AGENDA: Final = {
    "field_value": ("value", f"field = '{AGENDA}'"),
    "event": ("body", f"{kind('subject')} = 'meeting'"),
}
"""The column of each table that can hold an agenda, and the rows in which it does."""
_COLUMNS: Final = {name: TABLES[name][0].split(", ") for name in _CONDITIONS}
_HIDDEN_ON_AGENDAS: Final = f"""with {_VISIBLE} select distinct r.ref from main.field_value a join main.field_ref r
    on r.subject = a.subject and r.field = a.field and r.valid_from = a.valid_from and r.id = a.id
    where a.field = '{AGENDA}' and not {_is_visible("r.ref")}"""
_POSITIONS: Final = "every_position as not materialized (select position, recorded_at from main.event)"
"""What `main.event` is to a limited reader: positions and their times count all entries, of whatever subject."""
_ALL_EVENTS: Final = re.compile(r"\bmain\.event\b")
_SEARCH: Final = re.compile(r"\bfrom search (\w+) where\b")
"""A full-text table cannot be hidden by an expression; its queries get the condition themselves."""


def limit(read: Read, products: Collection[str]) -> Read:
    """Return a snapshot in which only some products, those of their lines and what belongs to them can be seen."""
    visible = sorted(_expand(read, products))
    run = read.run

    hidden = frozenset(str(row[0]) for row in run(_HIDDEN_ON_AGENDAS, {"visible_products": visible}))
    mark = token_hex(8)  # no stored text begins with it

    def run_limited(sql: str, parameters: Mapping[str, Any]) -> Iterable[Row]:
        limited = _limit_statement(sql, marked=bool(hidden))
        given = {**parameters, "visible_products": visible}
        if ":agenda_mark" not in limited:
            return run(limited, given)
        rows = run(limited, {**given, "agenda_mark": mark})
        return (tuple(_hide(column, mark, hidden) for column in row) for row in rows)

    return replace(read, run=run_limited)


def _hide(column: Any, mark: str, hidden: Collection[str]) -> Any:
    """Return a column of a row, without hidden decisions if it holds an agenda, which its mark says."""
    if not isinstance(column, str) or not column.startswith(mark):
        return column
    content: Any = loads(column.removeprefix(mark))
    if isinstance(content, list):
        content = [each for each in content if each not in hidden]
    elif isinstance(content, dict) and content.get(AGENDA):
        content[AGENDA] = [each for each in content[AGENDA] if each not in hidden]
    return dumps(content)


def _expand(read: Read, products: Collection[str]) -> set[str]:
    """Return some products with all products of their lines."""
    rows = read.rows(
        "select subject, value from field_value where field = :line and valid_to is null and voided_by is null",
        {"line": LINE_FIELD},
    )
    lines = {subject: str(loads(value)) for subject, value in rows if value is not None}
    found = set(products)
    while more := {product for product, line in lines.items() if line in found} - found:
        found |= more
    return found


def _limit_statement(sql: str, *, marked: bool = False) -> str:
    """Return the statement on visible rows only; with `marked`, columns that hold an agenda begin with a mark."""
    sql, positions = _ALL_EVENTS.subn("every_position", sql)
    tables = [table for table in _CONDITIONS if re.search(rf"\b{table}\b", sql)]
    is_search = _SEARCH.search(sql) is not None
    if not tables and not is_search and not positions:
        return sql
    hidden = [
        f"{table} as not materialized (select {_select(table) if marked else '*'} from main.{table}"
        f" where {_CONDITIONS[table]})"
        for table in tables
    ]
    hidden += [_POSITIONS] if positions else []
    limited = _SEARCH.sub(lambda found: f"{found[0]} {_is_visible(f'{found[1]}.subject')} and", sql)
    own = limited.lstrip()
    rest = f", {own[5:]}" if own.startswith("with ") else f" {own}"
    return f"with {', '.join((_VISIBLE, *hidden))}{rest}"


def _select(table: str) -> str:
    """SQL: the columns of a table, those that hold an agenda with the mark before them."""
    column, holds = _WITH_AGENDA.get(table, ("", ""))
    marked = f"case when {holds} then cast(:agenda_mark as text) || {column} else {column} end as {column}"
    return ", ".join(marked if each == column else each for each in _COLUMNS[table])
