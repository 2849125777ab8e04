"""The tables of the read model, and all that is particular to SQLite. A second database is a second module like this.

Instants are integer microseconds since 1970, values JSON text in one spelling (`dumps`). A row's id is its event's
position * 256 + its place among the event's steps, so that it orders and carries the position.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, Final

from domain.cells import STEPS_PER_EVENT

VERSION: Final = 2
"""Of these tables and of what is written to them. A model of another version is thrown away and built again."""

TABLES: Final = {
    "projection": "name",
    "cell": "subject, field, eff, id",
    "cell_ref": "ref, field, subject, eff, id",
    "act": "position",
    "act_because": "decision, position",
    "search": "rowid",
}
"""Every table, with the order in which its rows are compared."""

SHADOW: Final = "shadow_"
"""The prefix of the tables that a rebuild fills beside those in use."""

TEXTS_PER_EVENT: Final = STEPS_PER_EVENT + 1
"""A search row's id is position * 257 + the place of its step; the note stands last."""

_DDL: Final = """
create table {p}projection (name text primary key, position integer not null, version integer not null);
create table {p}cell (
    subject text not null, field text not null, eff integer not null, id integer not null,
    et integer,     -- the next effective instant of the cell as now known; its own eff for a row that no longer counts
    until integer,  -- the end of the row's own term
    void integer,   -- the position that voided it
    value text, word text,
    primary key (subject, field, eff, id)
) without rowid;
create index {tag}_cell_by_field on {p}cell (field, subject);
create index {tag}_cell_by_eff on {p}cell (eff, id);
create index {tag}_cell_by_until on {p}cell (until) where until is not null;
create index {tag}_cell_by_void on {p}cell (void) where void is not null;
create table {p}cell_ref (
    ref text not null, field text not null, subject text not null, eff integer not null, id integer not null,
    primary key (ref, field, subject, eff, id)
) without rowid;
create index {tag}_cell_ref_by_cell on {p}cell_ref (subject, field, eff, id);
create table {p}act (
    position integer primary key, recorded_at integer not null, eff integer not null, effective_at integer,
    type text not null, subject text not null, version integer not null, unit text not null, place integer not null,
    actor text not null, principal text not null, on_behalf_of text, credential text not null, because text, note text,
    channel text not null, source_system text, source_reference text, source_at integer, refs text, corrects integer,
    void integer, body text not null
);
create unique index {tag}_act_by_recorded on {p}act (recorded_at);
create index {tag}_act_by_eff on {p}act (eff, position);
create index {tag}_act_by_type on {p}act (type, position);
create index {tag}_act_by_subject on {p}act (subject, position);
create index {tag}_act_by_actor on {p}act (actor, position);
create index {tag}_act_by_principal on {p}act (principal, position);
create index {tag}_act_by_source on {p}act (source_system, position) where source_system is not null;
create table {p}act_because (
    decision text not null, position integer not null, primary key (decision, position)
) without rowid;
create virtual table {p}search using fts5(
    subject unindexed, field unindexed, position unindexed, content, tokenize = 'unicode61 remove_diacritics 2'
);
"""


def dumps(value: Any) -> str:
    """The one JSON spelling of a value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def connect(path: Path) -> sqlite3.Connection:
    """A connection on which transactions are begun by hand, and from which nothing deleted can be read again."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=60, cached_statements=512)
    try:
        for pragma in (
            "journal_mode = wal", "synchronous = normal", "secure_delete = on", "temp_store = memory",
            "cache_size = -32000",
        ):  # fmt: skip
            connection.execute(f"pragma {pragma}").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def create(connection: sqlite3.Connection, prefix: str = "") -> None:
    """Makes the tables, empty, at position 0."""
    for statement in _DDL.format(p=prefix, tag=_free_tag(connection)).split(";\n"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"insert into {prefix}projection values ('cells', 0, ?)", (VERSION,))


def drop(connection: sqlite3.Connection, prefix: str = "") -> None:
    """Drops the tables, if they are there."""
    for table in TABLES:
        connection.execute(f"drop table if exists {prefix}{table}")


def rename(connection: sqlite3.Connection, prefix: str) -> None:
    """Puts the tables of this prefix in the place of those without one."""
    drop(connection)
    for table in TABLES:
        connection.execute(f"alter table {prefix}{table} rename to {table}")


def _free_tag(connection: sqlite3.Connection) -> str:
    """Of two names for a set of indexes the one not in use: SQLite cannot rename an index when its table is renamed."""
    taken = connection.execute("select 1 from sqlite_master where type = 'index' and name like 'a\\_%' escape '\\'")
    return "b" if taken.fetchone() else "a"


def members(name: str) -> str:
    """SQL for the members of the JSON list in a parameter: one parameter however many, and the statement's text stays."""
    return f"(select value from json_each(:{name}))"


def pairs(name: str) -> str:
    """SQL for the keys and values of the JSON object in a parameter."""
    return f"(select key, value from json_each(:{name}))"


def kind(subject: str) -> str:
    """SQL for the kind of a subject: `feature` of `feature:gift-cards`."""
    return f"substr({subject}, 1, instr({subject}, ':') - 1)"
