"""From entries to rows: the one way in which the read model changes.

Rows are added and never moved. Two columns of a cell's row change later: `void`, once, and `et`, the instant at which
the row is followed by another. A backdated entry is therefore no special case, and neither is a voided one: a row that
came or went asks for the `et` of itself and of the row before it, and of no other.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from domain.cells import STEPS_PER_EVENT, Step, Value
from domain.record import TextsForgotten
from domain.values import FORGOTTEN
from eventlog.entry import Entry, Envelope
from projections.schema import TEXTS_PER_EVENT, dumps

NOTE: Final = "note"
"""What the remark of an act is called among the fields that search looks into."""

LONGEST_MEMBER: Final = 500
"""A longer member of a list is prose, and nobody asks who holds it."""

Key = tuple[str, str, int, int]


class Head(Protocol):
    """The end of the log."""

    @property
    def size(self) -> int: ...


class Source(Protocol):
    """The log, as far as a reader needs it."""

    def read(self, after: int, limit: int) -> list[Entry]:
        """At most `limit` entries after a position, in order, without a hole."""
        ...

    def head(self) -> Head:
        """Where the log ends now."""
        ...


class Hole(Exception):
    """The next entry is not the one after the last: reading on would lose events without anybody noticing."""


@dataclass(slots=True)
class _Batch:
    """The rows of some entries."""

    acts: list[tuple[Any, ...]] = field(default_factory=list)
    becauses: list[tuple[str, int]] = field(default_factory=list)
    cells: list[tuple[Any, ...]] = field(default_factory=list)
    refs: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    texts: list[tuple[int, str, str, int, str]] = field(default_factory=list)
    voids: list[tuple[str, int, int]] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        self.acts.append(_act_row(entry))
        self.becauses.extend((decision, entry.position) for decision in dict.fromkeys(entry.envelope.because))
        for n, step in enumerate(entry.event.steps()):
            self._add_step(entry, n, step)
        self._add_text(entry, TEXTS_PER_EVENT - 1, NOTE, entry.envelope.note)
        voided = entry.event.voids()
        if voided is not None:
            self.voids.append((entry.subject, voided, entry.position))
        if isinstance(entry.event, TextsForgotten):
            self.forgotten.extend(entry.event.positions)

    def _add_step(self, entry: Entry, n: int, step: Step) -> None:
        eff = entry.eff if step.at is None else step.at
        id_ = entry.position * STEPS_PER_EVENT + n
        value = None if step.value is None else dumps(step.value)
        self.cells.append((entry.subject, step.field, eff, id_, step.until, value, step.word))
        self.refs.extend((ref, step.field, entry.subject, eff, id_) for ref in _named(step))
        if step.searchable:
            self._add_text(entry, n, step.field, [step.value, step.word])

    def _add_text(self, entry: Entry, n: int, name: str, value: Value) -> None:
        content = "\n".join(text for text in _strings(value) if text != FORGOTTEN)
        if content:
            row = entry.position * TEXTS_PER_EVENT + n
            self.texts.append((row, entry.subject, name, entry.position, content))


class Projector:
    """Writes entries to the tables of one prefix, inside the transaction of whoever calls it."""

    def __init__(self, connection: sqlite3.Connection, source: Source, prefix: str = "") -> None:
        self.connection = connection
        self._source = source
        self._sql = _statements(prefix)

    def position(self) -> int:
        """The position of the last entry written."""
        return int(self.connection.execute(self._sql["position"]).fetchone()[0])

    def apply(self, entries: Sequence[Entry]) -> bool:
        """Writes the next entries; whether texts were forgotten on the way.

        Raises:
            Hole: the first is not the one after the last written, or one is missing among them.
        """
        batch = _Batch()
        expected = self.position()
        for entry in entries:
            expected += 1
            if entry.position != expected:
                msg = f"the read model stands at {expected - 1}, and the log's next entry is {entry.position}"
                raise Hole(msg)
            batch.add(entry)
        self._insert(batch)
        self._settle(batch)
        self._forget(batch.forgotten)
        self.connection.execute(self._sql["advance"], (expected,))
        return bool(batch.forgotten)

    def _many(self, name: str, rows: Iterable[Sequence[Any]]) -> None:
        self.connection.executemany(self._sql[name], rows)

    def _insert(self, batch: _Batch) -> None:
        self._many("act", batch.acts)
        self._many("because", batch.becauses)
        self._many("cell", batch.cells)
        self._many("ref", batch.refs)
        self._many("text", batch.texts)

    def _settle(self, batch: _Batch) -> None:
        """Marks what was voided, and gives each row that came or went, and the one before it, its `et`."""
        touched: list[Key] = [row[:4] for row in batch.cells]
        for subject, voided, by in batch.voids:
            first = voided * STEPS_PER_EVENT
            found = self.connection.execute(self._sql["steps_of"], (subject, first, first + STEPS_PER_EVENT)).fetchall()
            touched += [row[:4] for row in found]
            self._many("void_cell", [(by, *row[:4]) for row in found])
            self.connection.execute(self._sql["void_act"], (by, voided))
        self._many("et", touched)
        self._many("et_before", touched)

    def _forget(self, positions: Sequence[int]) -> None:
        """Writes the rows of these entries anew, from entries whose texts are gone."""
        for position in positions:
            entry = self._source.read(position - 1, 1)[0]
            again = _Batch()
            again.add(entry)
            first = position * STEPS_PER_EVENT
            old = self.connection.execute(self._sql["steps_of"], (entry.subject, first, first + STEPS_PER_EVENT))
            gone = [(text, row[1], row[0], row[2], row[3]) for row in old.fetchall() for text in _listed(row[4])]
            self._many("unref", gone)
            self._many("ref", again.refs)
            self._many("reword", [(value, word, *key) for *key, _until, value, word in again.cells])
            row = again.acts[0]
            self.connection.execute(self._sql["react"], (row[14], row[19], row[21], position))
            self.connection.execute(self._sql["untext"], (position * TEXTS_PER_EVENT, (position + 1) * TEXTS_PER_EVENT))
            self._many("text", again.texts)
        if positions:
            # The index of words keeps deleted ones until its parts are merged.
            self.connection.execute(self._sql["merge_texts"])


def _act_row(entry: Entry) -> tuple[Any, ...]:
    """The act's row, but for `void`, which nobody knows yet."""
    who: Envelope = entry.envelope
    chain = [{"who": link.who, **({"grant": link.grant} if link.grant else {})} for link in who.on_behalf_of]
    references = [reference.model_dump(mode="json", exclude_none=True) for reference in who.references]
    return (
        entry.position, entry.recorded_at, entry.eff, who.effective_at, entry.type, entry.subject, entry.version,
        who.unit, who.place, who.actor, who.principal, dumps(chain) if chain else None, who.credential,
        dumps(list(who.because)) if who.because else None, who.note,
        who.source.channel, who.source.system, who.source.reference, who.source.at,
        dumps(references) if references else None, who.corrects,
        dumps(entry.event.model_dump(mode="json", by_alias=True, exclude_none=True)),
    )  # fmt: skip


def _named(step: Step) -> Iterator[str]:
    """What a cell can be found by: the subjects it names, and the members of its list."""
    listed = step.value if isinstance(step.value, list) else ()
    short = (item for item in listed if isinstance(item, str) and len(item) <= LONGEST_MEMBER and item != FORGOTTEN)
    return iter(dict.fromkeys((*step.refs, *short)))


def _listed(value: str | None) -> Iterator[str]:
    """The strings of a stored list."""
    listed = json.loads(value) if value and value.startswith("[") else []
    return (item for item in listed if isinstance(item, str))


def _strings(value: Value) -> Iterator[str]:
    """Every string in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from _strings(member)


def _statements(p: str) -> dict[str, str]:
    after = "(n.eff, n.id) > (c.eff, c.id)"
    settled = f"""case when c.void is not null then c.eff else (
        select n.eff from {p}cell n where n.subject = c.subject and n.field = c.field and {after} and n.void is null
        order by n.eff, n.id limit 1) end"""
    return {
        "position": f"select position from {p}projection where name = 'cells'",
        "advance": f"update {p}projection set position = ? where name = 'cells'",
        "act": f"""insert into {p}act (position, recorded_at, eff, effective_at, type, subject, version, unit, place,
            actor, principal, on_behalf_of, credential, because, note, channel, source_system, source_reference,
            source_at, refs, corrects, body) values ({", ".join("?" * 22)})""",
        "because": f"insert into {p}act_because (decision, position) values (?, ?)",
        "cell": f"""insert into {p}cell (subject, field, eff, id, until, value, word) values (?, ?, ?, ?, ?, ?, ?)""",
        "ref": f"""insert into {p}cell_ref (ref, field, subject, eff, id) values (?, ?, ?, ?, ?)
            on conflict do nothing""",
        "unref": f"delete from {p}cell_ref where ref = ? and field = ? and subject = ? and eff = ? and id = ?",
        "text": f"insert into {p}search (rowid, subject, field, position, content) values (?, ?, ?, ?, ?)",
        "untext": f"delete from {p}search where rowid >= ? and rowid < ?",
        "merge_texts": f"insert into {p}search ({p}search) values ('optimize')",
        "steps_of": f"""select subject, field, eff, id, value from {p}cell
            where subject = ? and id >= ? and id < ?""",
        "void_cell": f"""update {p}cell set void = ?
            where subject = ? and field = ? and eff = ? and id = ? and void is null""",
        "void_act": f"update {p}act set void = ? where position = ? and void is null",
        "reword": f"update {p}cell set value = ?, word = ? where subject = ? and field = ? and eff = ? and id = ?",
        "react": f"update {p}act set note = ?, refs = ?, body = ? where position = ?",
        "et": f"""update {p}cell as c set et = {settled}
            where c.subject = ?1 and c.field = ?2 and c.eff = ?3 and c.id = ?4""",
        "et_before": f"""update {p}cell as c set et = {settled}
            where c.subject = ?1 and c.field = ?2 and (c.eff, c.id) = (
                select b.eff, b.id from {p}cell b
                where b.subject = ?1 and b.field = ?2 and (b.eff, b.id) < (?3, ?4) and b.void is null
                order by b.eff desc, b.id desc limit 1)""",
    }
