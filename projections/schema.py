"""The tables of the read model, and the language in which they are asked.

Instants are integer microseconds since 1970, values JSON text in one spelling (`dumps`). A row's id is its event's
position * 256 + its place among the event's steps, so that it orders and carries the position.

Questions are written once, in SQL that both databases understand but for a few words, which each of them spells in its
own way (`projections.sqlite`, `projections.postgresql`): parameters are `:name`, and there are
`in members(:list)`, `pairs(:object)`, `instr(text, part)`, `matches(alias, :words)` and `rank(alias, :words)`.
"""

from __future__ import annotations

import json
from typing import Final

from domain.fields import CHANGES_PER_EVENT

VERSION: Final = 4
"""Of these tables and of what is written to them. A model of another version is thrown away and built again."""

TABLES: Final = {
    "projection": ("name, position, version", "name"),
    "cell": ("subject, field, eff, id, et, et_id, until, void, value, word", "subject, field, eff, id"),
    "cell_ref": ("ref, field, subject, eff, id", "ref, field, subject, eff, id"),
    "act": (
        (
            "position, recorded_at, eff, effective_at, type, subject, version, unit, place, actor, principal, on_behalf_of, "
            "credential, because, note, channel, source_system, source_reference, source_at, refs, corrects, void, body"
        ),
        "position",
    ),
    "act_because": ("decision, position", "decision, position"),
    "search": ("rowid, subject, field, position, content", "rowid"),
}
"""Every table with its columns, and the order in which its rows are compared."""

SHADOW: Final = "shadow_"
"""The prefix of the tables that a rebuild fills beside those in use."""

TEXTS_PER_EVENT: Final = CHANGES_PER_EVENT + 1
"""A search row's id is position * 257 + the place of its step; the note stands last."""

_DDL: Final = """
create table {p}projection (name {text} primary key, position {integer} not null, version {integer} not null);
create table {p}cell (
    subject {text} not null, field {text} not null, eff {integer} not null, id {integer} not null,
    et {integer},     -- the next effective instant of the cell as now known; its own eff for a row that no longer counts
    et_id {integer},  -- the id of the row that takes over then
    until {integer},  -- the end of the row's own term
    void {integer},   -- the position that voided it
    value {text}, word {text},
    primary key (subject, field, eff, id)
) {keyed};
create index {tag}_cell_by_field on {p}cell (field, subject);
create index {tag}_cell_by_eff on {p}cell (eff, id);
create index {tag}_cell_by_until on {p}cell (until) where until is not null;
create index {tag}_cell_by_void on {p}cell (void) where void is not null;
create table {p}cell_ref (
    ref {text} not null, field {text} not null, subject {text} not null, eff {integer} not null, id {integer} not null,
    primary key (ref, field, subject, eff, id)
) {keyed};
create index {tag}_cell_ref_by_cell on {p}cell_ref (subject, field, eff, id);
create table {p}act (
    position {integer} primary key, recorded_at {integer} not null, eff {integer} not null, effective_at {integer},
    type {text} not null, subject {text} not null, version {integer} not null, unit {text} not null,
    place {integer} not null, actor {text} not null, principal {text} not null, on_behalf_of {text},
    credential {text} not null, because {text}, note {text}, channel {text} not null, source_system {text},
    source_reference {text}, source_at {integer}, refs {text}, corrects {integer}, void {integer}, body {text} not null
);
create unique index {tag}_act_by_recorded on {p}act (recorded_at);
create index {tag}_act_by_eff on {p}act (eff, position);
create index {tag}_act_by_type on {p}act (type, position);
create index {tag}_act_by_subject on {p}act (subject, position);
create index {tag}_act_by_actor on {p}act (actor, position);
create index {tag}_act_by_principal on {p}act (principal, position);
create index {tag}_act_by_source on {p}act (source_system, position) where source_system is not null;
create table {p}act_because (
    decision {text} not null, position {integer} not null, primary key (decision, position)
) {keyed};
"""


_NEEDED_ON_THE_WAY: Final = "_cell_ref_by_cell "
"""The index by which what is forgotten is found while tables are filled."""


def ddl(**spelt: str) -> tuple[list[str], list[str]]:
    """The statements that make all tables but `search`, in the words of one database; and those that index them, which
    are better made when many rows are there.
    """
    statements = [statement for statement in _DDL.format(**spelt).split(";\n") if statement.strip()]
    late = [each for each in statements if " index " in each and _NEEDED_ON_THE_WAY not in each]
    return [each for each in statements if each not in late], late


dumps: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
"""The one JSON spelling of a value."""


def storable(text: str) -> str:
    """The text without what no database can compare: lone surrogates and U+0000. No stored text has either."""
    return text.encode(errors="replace").decode().replace("\x00", "�")


def members(name: str) -> str:
    """SQL for the members of the list in a parameter: one parameter however many, and the statement's text stays."""
    return f"members(:{name})"


def pairs(name: str) -> str:
    """SQL for the keys and values of the object in a parameter."""
    return f"pairs(:{name})"


def kind(subject: str) -> str:
    """SQL for the kind of a subject: `feature` of `feature:gift-cards`."""
    return f"substr({subject}, 1, instr({subject}, ':') - 1)"
