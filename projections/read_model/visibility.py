"""Reading limited to some products: a snapshot in which the subjects of other products do not exist.

Every query runs on a `Read`, so the limit is applied in one place: in the statement, common table expressions with the
names of the tables hide the rows that the reader may not see. Lists, counts, history, search, titles and graphs then
cannot tell a hidden subject from one that never was.

What names a subject that is hidden, such as the reason of a change or the agenda of a meeting, is shown without it.

Visible are the subjects that now belong to at least one of the products, and what concerns everybody: people, teams and
the log itself. What belongs to no product is hidden. Who holds which role, and which account of a provider is whose, are
hidden too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from domain.evidence import LINK
from domain.ids import SUBJECT_PATTERN
from domain.read_access import CONFIDENTIAL_EVENTS, OPEN_KINDS
from domain.roles import GRANT_PREFIX, LINE_FIELD
from projections.read_model.database import Row
from projections.read_model.model import Read
from projections.read_model.schema import dumps, kind, loads, members

_IS_CONFIDENTIAL: Final = "type in ({})".format(", ".join(f"'{each}'" for each in sorted(CONFIDENTIAL_EVENTS)))
_OPEN_KINDS: Final = ", ".join(f"'{each}'" for each in sorted(OPEN_KINDS))
_VISIBLE: Final = f"""visible_subject(subject) as (
    select r.subject from main.field_ref r cross join main.field_value m
        where r.field = 'products' and r.ref in {members("visible_products")} and m.subject = r.subject
        and m.field = r.field and m.valid_from = r.valid_from and m.id = r.id
        and m.valid_to is null and m.voided_by is null
    union select p.subject from main.field_value p where p.field = 'exists'
        and p.subject in {members("visible_products")})"""


def _is_visible(subject: str) -> str:
    return f"({subject} in (select subject from visible_subject) or {kind(subject)} in ({_OPEN_KINDS}))"


_LINK_KEY: Final = f"substr(field, {len(LINK) + 1})"
_LINKED: Final = f"substr({_LINK_KEY}, 1, nullif(instr({_LINK_KEY}, '.'), 0) - 1) || ':' || substr({_LINK_KEY}, instr({_LINK_KEY}, '.') + 1)"
"""SQL: the subject in the name of a field such as `link.decision.tea`."""
_IS_SHOWN: Final = f"{_is_visible('subject')} and not (field >= '{GRANT_PREFIX}' and field < '{GRANT_PREFIX[:-1]}/')"
_NAMES_NONE: Final = f"{_IS_SHOWN} and (field < '{LINK}' or field >= '{LINK[:-1]}/' or {_is_visible(_LINKED)})"
_CONDITIONS: Final = {
    "field_value": _IS_SHOWN,
    "field_ref": _IS_SHOWN,
    "event": f"{_is_visible('subject')} and not {_IS_CONFIDENTIAL}",
    "event_because": _is_visible("decision"),
}
"""The rows of each table that are about what a limited reader sees."""
_CONDITIONS_ON_NAMES: Final = _CONDITIONS | {
    "field_value": _NAMES_NONE,
    "field_ref": f"{_NAMES_NONE} and {_is_visible('ref')}",
}
"""Those of them that name no hidden subject in their field or as their reference."""
_HIDDEN: Final = f"""with {_VISIBLE} select distinct p.subject from main.field_value p
    where p.subject in {members("named")} and not {_is_visible("p.subject")}"""
_NAMED: Final = re.compile(rf'"((?!(?:{"|".join(sorted(OPEN_KINDS))}):){SUBJECT_PATTERN})"')
"""A subject in the JSON of a row, unless its kind is readable by everyone."""
_ROWS_AT_ONCE: Final = 500
_POSITIONS: Final = "every_position as not materialized (select position, recorded_at from main.event)"
"""What `main.event` is to a limited reader: positions and their times count all entries, of whatever subject."""
_ALL_EVENTS: Final = re.compile(r"\bmain\.event\b")
_SEARCH: Final = re.compile(r"\bfrom search (\w+) where\b")
"""A full-text table cannot be hidden by an expression; its queries get the condition themselves."""


def limit(read: Read, products: Collection[str]) -> Read:
    """Return a snapshot in which only some products, those of their lines and what belongs to them can be seen."""
    visible = sorted(_expand(read, products))
    run = read.run

    parameter = {"visible_products": visible}
    known: dict[str, bool] = {}

    def find_hidden(rows: Sequence[Row]) -> frozenset[str]:
        """Return which of the subjects that rows name are hidden."""
        named = {name for row in rows for column in row if type(column) is str for name in _NAMED.findall(column)}
        if new := sorted(named - known.keys()):
            known.update(dict.fromkeys(new, False))
            known.update({str(row[0]): True for row in run(_HIDDEN, {**parameter, "named": new})})
        return frozenset(name for name in named if known[name])

    def run_unabridged(sql: str, parameters: Mapping[str, Any]) -> Iterable[Row]:
        return run(_limit_statement(sql, _CONDITIONS), {**parameters, **parameter})

    def run_limited(sql: str, parameters: Mapping[str, Any]) -> Iterable[Row]:
        found = iter(run(_limit_statement(sql, _CONDITIONS_ON_NAMES), {**parameters, **parameter}))
        while rows := list(islice(found, _ROWS_AT_ONCE)):
            hidden = find_hidden(rows)
            yield from (tuple(_withhold(column, hidden) for column in row) for row in rows) if hidden else rows

    def abridge(value: Any) -> Any:
        return _without(value, find_hidden([(dumps(value),)]))

    return replace(read, run=run_limited, unabridged=run_unabridged, complete=run, abridge=abridge)


def _withhold(column: Any, hidden: frozenset[str]) -> Any:
    """Return a column of a row; if it is JSON that names hidden subjects, without them."""
    if type(column) is not str or hidden.isdisjoint(_NAMED.findall(column)):
        return column
    content = _without(loads(column), hidden)
    return None if content is None else dumps(content)


def _without(value: Any, hidden: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_without(each, hidden) for each in value if not (isinstance(each, str) and each in hidden)]
    if isinstance(value, dict):
        return {name: _without(each, hidden) for name, each in value.items() if name not in hidden}
    return None if isinstance(value, str) and value in hidden else value


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


def _limit_statement(sql: str, conditions: Mapping[str, str]) -> str:
    """Return the statement on visible rows only."""
    sql, positions = _ALL_EVENTS.subn("every_position", sql)
    tables = [table for table in conditions if re.search(rf"\b{table}\b", sql)]
    is_search = _SEARCH.search(sql) is not None
    if not tables and not is_search and not positions:
        return sql
    hidden = [f"{table} as not materialized (select * from main.{table} where {conditions[table]})" for table in tables]
    hidden += [_POSITIONS] if positions else []
    limited = _SEARCH.sub(lambda found: f"{found[0]} {_is_visible(f'{found[1]}.subject')} and", sql)
    own = limited.lstrip()
    rest = f", {own[5:]}" if own.startswith("with ") else f" {own}"
    return f"with {', '.join((_VISIBLE, *hidden))}{rest}"
