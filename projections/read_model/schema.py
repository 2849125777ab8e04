"""The tables of the read model, and the SQL dialect in which it is queried.

Times are integer microseconds since 1970. Values are JSON text in one canonical spelling (`dumps`). The id of a row of
`field_value` is its event's position * 256 + the index of the change within the event, so ids sort by position.

Queries are written once, in SQL that both databases understand, plus a few functions that each database module
(`projections.read_model.sqlite`, `projections.read_model.postgresql`) translates: parameters are `:name`, and there are
`in members(:list)`, `pairs(:object)`, `instr(text, part)`, `matches(alias, :words)`, `rank(alias, :words)`,
`member(column, 'name')`, which is a text in an object, `rfc3339(column)`, which is a time as texts in JSON have it, and
`main.TABLE`, which is the table itself where a table expression of that name hides it. In a query, `main.event` has the
positions of all entries and their times, even if only some of the events can be seen (see `projections.read_model.visibility`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from domain.fields import CHANGES_PER_EVENT, Value
from domain.meeting import MINUTES

VERSION: Final = 11
"""The version of these tables and of their contents. A read model of another version is dropped and rebuilt."""

TABLES: Final = {
    "projection": ("name, position, version", "name"),
    "field_value": (
        "subject, field, valid_from, id, valid_to, next_id, ends_at, voided_by, value, source_value",
        "subject, field, valid_from, id",
    ),
    "field_ref": ("ref, field, subject, valid_from, id", "ref, field, subject, valid_from, id"),
    "event": (
        (
            "position, recorded_at, valid_from, effective_at, type, subject, version, transaction_id, transaction_index, "
            "actor, principal, on_behalf_of, credential, because, note, channel, source_system, source_reference, source_at, "
            "refs, corrects, voided_by, body"
        ),
        "position",
    ),
    "event_because": ("decision, position", "decision, position"),
    "search": ("rowid, subject, field, position, content", "rowid"),
}
"""Each table with its columns and its sort key."""

UNSORTED_VALUES: Final = "unsorted_field_value"
UNSORTED_REFS: Final = "unsorted_field_ref"
UNSORTED: Final = {
    UNSORTED_VALUES: "id, subject, field, valid_from, ends_at, voided_by, value, source_value",
    UNSORTED_REFS: "id, ref, field, subject, valid_from",
}
"""Where a rebuild keeps the rows of `field_value` and `field_ref` in the order of the log, with the columns: once all are
there, they are written in the order of their keys, and their next rows are known."""

SHADOW: Final = "shadow_"
"""The prefix of the tables that a rebuild fills while the current ones stay in use."""

TEXTS_PER_EVENT: Final = CHANGES_PER_EVENT + 1
"""The id of a search row is position * 257 + the index of the change; the note has the last index."""

IS_MINUTES: Final = "type in ({})".format(", ".join(f"'{name}'" for name in MINUTES))
"""SQL: the event wrote a meeting up. Its types are literals, because the index applies only to a condition with this text."""

_DDL: Final = """
create table {p}projection (name {text} primary key, position {integer} not null, version {integer} not null);
create table {p}field_value (
    subject {text} not null, field {text} not null, valid_from {integer} not null, id {integer} not null,
    valid_to {integer},   -- when the next row of the field takes effect; valid_from itself if this row is void
    next_id {integer},    -- the id of that next row
    ends_at {integer},    -- the end of the period given with the value
    voided_by {integer},  -- the position of the event that voided this row
    value {text}, source_value {text},
    primary key (subject, field, valid_from, id)
) {keyed};
create index {tag}_field_value_by_field on {p}field_value (field, subject);
create index {tag}_field_value_by_valid_from on {p}field_value (valid_from, id);
create index {tag}_field_value_by_ends_at on {p}field_value (ends_at) where ends_at is not null;
create index {tag}_field_value_by_voided_by on {p}field_value (voided_by) where voided_by is not null;
create table {p}field_ref (
    ref {text} not null, field {text} not null, subject {text} not null, valid_from {integer} not null,
    id {integer} not null, primary key (ref, field, subject, valid_from, id)
) {keyed};
create index {tag}_field_ref_by_field_value on {p}field_ref (subject, field, valid_from, id);
create table {p}event (
    position {integer} primary key, recorded_at {integer} not null, valid_from {integer} not null,
    effective_at {integer}, type {text} not null, subject {text} not null, version {integer} not null,
    transaction_id {text} not null, transaction_index {integer} not null, actor {text} not null,
    principal {text} not null, on_behalf_of {text}, credential {text} not null, because {text}, note {text},
    channel {text} not null, source_system {text}, source_reference {text}, source_at {integer}, refs {text},
    corrects {integer}, voided_by {integer}, body {text} not null
);
create unique index {tag}_event_by_recorded on {p}event (recorded_at);
create index {tag}_event_by_valid_from on {p}event (valid_from, position);
create index {tag}_event_by_type on {p}event (type, position);
create index {tag}_event_by_subject on {p}event (subject, position);
create index {tag}_event_by_actor on {p}event (actor, position);
create index {tag}_event_by_principal on {p}event (principal, position);
create index {tag}_event_of_minutes on {p}event (transaction_id) where {is_minutes};
create index {tag}_event_by_corrects on {p}event (corrects) where corrects is not null;
create index {tag}_event_by_source on {p}event (source_system, position) where source_system is not null;
create table {p}event_because (
    decision {text} not null, position {integer} not null, primary key (decision, position)
) {keyed};
create index {tag}_event_because_by_position on {p}event_because (position, decision);
"""

_UNSORTED_DDL: Final = """
create {unlogged} table {p}unsorted_field_value (
    id {integer} primary key, subject {text} not null, field {text} not null, valid_from {integer} not null,
    ends_at {integer}, voided_by {integer}, value {text}, source_value {text}
);
create {unlogged} table {p}unsorted_field_ref (
    id {integer}, ref {text} not null, field {text} not null, subject {text} not null, valid_from {integer} not null,
    primary key (id, ref)
) {keyed}
"""


def columns_of(table: str) -> str:
    """Return the columns of a table."""
    return UNSORTED.get(table) or TABLES[table][0]


def unsorted_ddl(**dialect: str) -> list[str]:
    """Return the statements that create the tables of unsorted rows in one database's dialect."""
    return _UNSORTED_DDL.format(**dialect).split(";\n")


def ddl(**dialect: str) -> tuple[list[str], list[str]]:
    """Return the statements that create all tables but `search` in one database's dialect, and those that create the
    indexes that are best created after the tables are filled.
    """
    statements = [
        statement for statement in _DDL.format(is_minutes=IS_MINUTES, **dialect).split(";\n") if statement.strip()
    ]
    late = [each for each in statements if " index " in each]
    return [each for each in statements if each not in late], late


_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_DECODER: Final = msgspec.json.Decoder()
_encode_with_surrogates: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def dumps(value: Any) -> str:
    """Return the canonical JSON of a value."""
    try:
        return _ENCODER.encode(value).decode()
    except UnicodeEncodeError:  # a question may hold a lone surrogate
        return _encode_with_surrogates(value)


def loads(value: str | None) -> Value:
    """Return a stored value; None for null.

    Raises:
        msgspec.DecodeError: the text is damaged.
    """
    # A large answer decodes thousands of short texts; the standard library takes twenty times as long for them.
    return None if value is None else _DECODER.decode(value)


def substitute(translations: Iterable[tuple[re.Pattern[str], str]], sql: str) -> str:
    """SQL: a statement in the dialect of a database, by its translations, in order."""
    for pattern, replacement in translations:
        sql = pattern.sub(replacement, sql)
    return sql


def storable(text: str) -> str:
    """Return the text without what no database can compare: lone surrogates and U+0000. No stored text has either."""
    return text.encode(errors="replace").decode().replace("\x00", "\ufffd")


def members(name: str) -> str:
    """SQL: the members of the list in a parameter. The statement is the same for a list of any length."""
    return f"members(:{name})"


def is_any_of(column: str, name: str, values: Sequence[str], parameters: dict[str, Any]) -> str:
    """SQL: the column is one of these values. For a single one a database can plan ahead: it expects ten in a list."""
    if len(values) == 1:
        parameters[name] = values[0]
        return f"{column} = :{name}"
    parameters[name] = list(values)
    return f"{column} in {members(name)}"


def pairs(name: str) -> str:
    """SQL: the keys and values of the object in a parameter."""
    return f"pairs(:{name})"


def kind(subject: str) -> str:
    """SQL: the kind of a subject, `feature` of `feature:gift-cards`; null for text that names no subject.

    PostgreSQL refuses a negative length, in whatever order it evaluates the conditions around it.
    """
    return f"substr({subject}, 1, nullif(instr({subject}, ':'), 0) - 1)"
