"""Reading limited to some products: a snapshot in which the subjects of other products do not exist.

Every query runs on a `Read`, so the limit is applied in one place: in the statement, common table expressions with the
names of the tables hide the rows that the reader may not see. Lists, counts, history, search, titles and graphs then
cannot tell a hidden subject from one that never was.

Visible are the subjects that now belong to at least one of the products, and what concerns everybody: people, teams and
the log itself. What belongs to no product is hidden. Who holds which role, and which account of a provider is whose, are
hidden too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from domain.catalog import EVENT_NAMES
from domain.policy import CONFIDENTIAL_EVENTS, OPEN_KINDS
from domain.roles import FIELD_PREFIX, LINE_FIELD
from projections.database import Row
from projections.read_model import Read
from projections.schema import kind, loads, members

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
    "field_ref": f"{_is_visible('subject')} and not (field >= '{FIELD_PREFIX}' and field < '{FIELD_PREFIX[:-1]}/')",
    "event": f"{_is_visible('subject')} and not {_IS_CONFIDENTIAL}",
    "event_because": _is_visible("decision"),
}
"""The rows of each table that a limited reader sees."""
_POSITIONS: Final = "every_position as not materialized (select position, recorded_at from main.event)"
"""What `main.event` is to a limited reader: positions and their times count all entries, of whatever subject."""
_ALL_EVENTS: Final = re.compile(r"\bmain\.event\b")
_SEARCH: Final = re.compile(r"\bfrom search (\w+) where\b")
"""A full-text table cannot be hidden by an expression; its queries get the condition themselves."""


def limit(read: Read, products: Collection[str]) -> Read:
    """Return a snapshot in which only some products, those of their lines and what belongs to them can be seen."""
    visible = sorted(_expand(read, products))
    run = read.run

    def run_limited(sql: str, parameters: Mapping[str, Any]) -> Iterable[Row]:
        return run(_limit_statement(sql), {**parameters, "visible_products": visible})

    return replace(read, run=run_limited)


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


def _limit_statement(sql: str) -> str:
    sql, positions = _ALL_EVENTS.subn("every_position", sql)
    tables = [table for table in _CONDITIONS if re.search(rf"\b{table}\b", sql)]
    is_search = _SEARCH.search(sql) is not None
    if not tables and not is_search and not positions:
        return sql
    hidden = [
        f"{table} as not materialized (select * from main.{table} where {_CONDITIONS[table]})" for table in tables
    ]
    hidden += [_POSITIONS] if positions else []
    limited = _SEARCH.sub(lambda found: f"{found[0]} {_is_visible(f'{found[1]}.subject')} and", sql)
    own = limited.lstrip()
    rest = f", {own[5:]}" if own.startswith("with ") else f" {own}"
    return f"with {', '.join((_VISIBLE, *hidden))}{rest}"
