"""The first pass over a tracker history: its length and order, its records, and the people and teams that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, pairwise
from typing import Any, Final, Literal

from interchange.scratch import DiskDict, Scratch, SortedRows, require_room
from interchange.times import TimeReader
from interchange.tracker.columns import build_getter
from interchange.tracker.entries import CREATED, PROBLEM, Entry, EntryReader, EntrySpool, author_of
from interchange.tracker.mapping import Mapping, build_person_matcher, build_value_parser
from interchange.tracker.records import IdentityEvent
from interchange.value_parsers import FieldRule, as_text, field_name_part

RISES_PER_FALL: Final = 10
"""In a file with the newest first, at most one line in this number is later than the one above it."""
IN_MEMORY_BYTES: Final = 8 * 1024 * 1024
"""The entries of a file up to this size are kept in memory while it is imported; they take some ten times as much."""
READ_ONCE_BYTES: Final = 64 * 1024 * 1024
"""A file up to this size is kept while it is scanned, so that it is read only once."""
ROOM_FOR_RECORDS: Final = 0.35
"""The temporary disk space for the records of a file, as a share of its size."""
ROOM_FOR_ENTRIES: Final = 1.7
"""The same for its records and its entries, if its entries have to be kept."""
SAMPLE_ENTRIES: Final = 200
"""A larger file is kept only if its first entries are not in the order of their times."""


@dataclass(slots=True)
class FirstNamed:
    """When something is first named, and the key of the first line in the file that does."""

    at: datetime
    key: str


@dataclass(slots=True)
class FirstLine:
    """The time of the first line about a record, and the places of the first and the last line of that time.

    `last_name` is its name in the last line so far, and `is_created` says whether any line creates it, or renames to it.
    """

    at: int
    first: int
    last: int
    name: str
    identity: str | None
    effective: int
    last_name: str
    is_created: bool = False


FirstValues = dict[str, tuple[int, int, Any]]
"""The value before the first change of each field of a record, with the time and the place of that change."""


@dataclass(slots=True)
class FileScan:
    """What a file contains. `people`, `teams` and `services` are by spelling, in order of appearance."""

    scratch: Scratch
    lines: int = 0
    since: datetime | None = None
    people: dict[str, FirstNamed] = field(default_factory=dict)
    teams: dict[str, tuple[str, FirstNamed]] = field(default_factory=dict)
    services: dict[str, tuple[str, FirstNamed]] = field(default_factory=dict)
    releases: set[str] = field(default_factory=set)
    first_lines: DiskDict[str, FirstLine] = field(init=False)
    """The first line of each name, or of each identity where the mapping names a column for it."""
    first_values: DiskDict[str, FirstValues] = field(init=False)
    """By the record's identity or name."""
    spool: EntrySpool | None = None
    """All entries, if the file is small or not in the order of their times."""
    unmapped: set[str] = field(default_factory=set)
    columns: dict[str, None] = field(default_factory=dict)
    readable: int = 0
    problems: int = 0
    """The rows of a known system that are no record and no change of one."""
    first_error: str = ""
    """Why the first row that cannot be read cannot."""
    rises: int = 0
    falls: int = 0
    source_falls: int = 0
    source_times: int = 0
    additive: set[str] = field(default_factory=set)
    """The fields whose lines each add or remove one member."""
    orders: dict[str, str] = field(default_factory=dict)
    """Numeric dates that show whether the day or the month comes first, each with the answer."""
    _events: SortedRows = field(init=False)

    def __post_init__(self) -> None:
        """Create the tables for data that grows with the file."""
        self.first_lines, self.first_values = DiskDict(self.scratch), DiskDict(self.scratch)
        self._events = SortedRows(self.scratch)

    def add_event(self, event: IdentityEvent) -> None:
        """Add a line that creates, renames, removes or restores a record."""
        self._events.add(event.at, event.place, event)

    def events(self) -> Iterator[IdentityEvent]:
        """Yield the lines that create, rename, remove or restore records."""
        for row in self._events.as_added():
            event = IdentityEvent(*row)
            yield event._replace(place=-event.place) if self.order == "reversed" else event

    def implied_creations(self) -> Iterator[IdentityEvent]:
        """Yield the creation, with its first line, of each record that no line creates."""
        for line in self.lines_of_records():
            if not line.is_created:
                place = -line.last if self.order == "reversed" else line.first
                yield IdentityEvent(line.at, place, "create", line.name, line.identity, effective=line.effective)

    def lines_of_records(self) -> Iterator[FirstLine]:
        """Yield the first line of each record."""
        return (line for _, line in self.first_lines.items())

    def names(self) -> Iterator[str]:
        """Yield the names that lines use for records; some are repeated."""
        for event in self.events():
            yield from (event.name, event.old_name)
        for line in self.lines_of_records():
            yield line.name

    @property
    def follows_second_clock(self) -> bool:
        """Whether the file is in the order of its second clock, and not in that of the time of effect."""
        return bool(self.falls and self.source_times == self.readable and not self.source_falls)

    @property
    def order(self) -> Literal["sorted", "reversed", "unsorted"]:
        """Whether the file is `sorted` by time, `reversed`, or `unsorted`."""
        if not self.falls:
            return "sorted"
        return "reversed" if self.rises * RISES_PER_FALL <= self.falls else "unsorted"


def scan(reader: EntryReader, mapping: Mapping, scratch: Scratch, *, with_keys: bool = True) -> FileScan:
    """Scan the entries of a file. If it is in the order of its second clock, entries are ordered by that from now on."""
    found = _scan_once(reader, mapping, scratch, with_keys=with_keys)
    orders = _settle_orders(reader.times)
    if orders:
        found = _scan_once(reader, mapping, scratch, with_keys=with_keys)
    if found.follows_second_clock and not reader.is_ordered_by_source:
        reader.is_ordered_by_source = True
        found = _scan_once(reader, mapping, scratch, with_keys=with_keys)
    if found.order != "sorted" and found.spool is None:
        found.spool = _create_spool(reader, scratch)
        for entry in reader.read():
            found.spool.add(entry)
    reader.value_times.orders = {**reader.times.orders, **reader.value_times.orders}
    found.orders = orders | _settle_orders(reader.value_times)
    return found


def _settle_orders(times: TimeReader) -> dict[str, str]:
    """Determine whether the day or the month comes first in dates; return the dates that show it."""
    examples = times.settle_orders()
    return {example: times.orders[mark] for example in examples for mark in times.orders if mark in example[:3]}


def _scan_once(reader: EntryReader, mapping: Mapping, scratch: Scratch, *, with_keys: bool) -> FileScan:
    is_kept = reader.size_bytes <= READ_ONCE_BYTES or _must_sort(reader)
    require_room(int(reader.size_bytes * ROOM_FOR_RECORDS))
    spool = _create_spool(reader, scratch) if is_kept else None
    return _Scanner(mapping, reader, scratch, spool).scan(reader.read(with_keys=with_keys or spool is not None))


def _create_spool(reader: EntryReader, scratch: Scratch) -> EntrySpool:
    require_room(int(reader.size_bytes * ROOM_FOR_ENTRIES))
    return EntrySpool(scratch, in_memory=reader.size_bytes <= IN_MEMORY_BYTES)


def _must_sort(reader: EntryReader) -> bool:
    """Whether the first entries are not in the order of their times."""
    first = islice(reader.read(with_keys=False), SAMPLE_ENTRIES)
    return any(after < before for before, after in pairwise(entry.order_at for entry in first if not entry.error))


class _Scanner:
    def __init__(self, mapping: Mapping, reader: EntryReader, scratch: Scratch, spool: EntrySpool | None) -> None:
        self._mapping = mapping
        self._reader = reader
        self._last_source = 0
        self._found = FileScan(scratch, spool=spool)
        self._matcher = build_person_matcher(mapping)
        self._parser = build_value_parser(mapping, self._matcher, lambda _: None, reader.value_times)
        self._rules: dict[str, list[FieldRule]] = {}
        self._known_fields: set[str] = set()
        columns = mapping.columns
        self._get_who = build_getter(columns.who) if columns.who else None
        self._get_from = build_getter(columns.from_) if columns.from_ else None
        self._changed_values = [build_getter(name) for name in (columns.to, columns.added, columns.removed) if name]
        self._get_to = build_getter(columns.to) if columns.to else None
        self._sets = AdditiveFields(mapping, scratch)

    def scan(self, entries: Iterable[Entry]) -> FileScan:
        found, last = self._found, None
        for entry in entries:
            found.lines += 1
            if found.spool is not None:
                found.spool.add(entry)
            if not found.readable and entry.data and len(found.columns) < 200:  # noqa: PLR2004
                found.columns.update((name, None) for name in entry.data if name != PROBLEM)
            found.problems += PROBLEM in entry.data
            if entry.error or entry.when is None:  # its time could not be read
                found.first_error = found.first_error or entry.error
                continue
            found.readable += 1
            if last is not None:
                found.rises += entry.order_at > last
                found.falls += entry.order_at < last
            last = entry.order_at
            self._follow_second_clock(entry)
            found.since = entry.when if found.since is None else min(entry.when, found.since)
            self._add_record(entry)
            self._add_author(entry)
            self._add_values(entry)
            self._sets.add(entry)
            if self._reader.is_known_system:
                self._note_first_value(entry)
        found.additive = self._sets.names() if found.order == "sorted" else self._sets.candidates()
        return found

    def _note_first_value(self, entry: Entry) -> None:
        """Note the value before a change, if no change before it is known."""
        if not entry.field or "from" not in entry.data:
            return
        who = entry.identity or entry.record
        values = self._found.first_values.get(who)
        if values is None:
            values = self._found.first_values[who] = {}
        known = values.get(entry.field)
        if known is None or (entry.order_at, entry.place) < known[:2]:
            values[entry.field] = (entry.order_at, entry.place, entry.data["from"])

    def _follow_second_clock(self, entry: Entry) -> None:
        source = self._reader.source_time(entry.data) if self._mapping.columns.source_at else None
        if source is not None:
            self._found.source_times += 1
            self._found.source_falls += source < self._last_source
            self._last_source = source

    def _add_record(self, entry: Entry) -> None:
        found = self._found
        name, old, kind = entry.record, "", self._kind_of_event(entry)
        who = entry.identity if entry.identity is not None else name
        line = found.first_lines.get(who)
        if kind == "rename" and self._get_from is not None:
            old = as_text(self._get_from(entry.data) or "").strip()
        elif line is not None and line.last_name != name and kind not in ("create", "rename"):
            found.add_event(IdentityEvent(entry.order_at, entry.place, "rename", name, entry.identity, line.last_name))
        if kind is not None:
            effective = entry.at if kind == "create" else None
            found.add_event(IdentityEvent(entry.order_at, entry.place, kind, name, entry.identity, old, effective))
        if line is None:
            line = found.first_lines[who] = FirstLine(
                entry.order_at, entry.place, entry.place, name, entry.identity, entry.at, name
            )
        elif entry.order_at < line.at:
            line.at, line.first, line.last = entry.order_at, entry.place, entry.place
            line.name, line.effective = name, entry.at
        elif entry.order_at == line.at:
            line.last = entry.place
        line.last_name = name
        line.is_created = line.is_created or kind == "create" or (kind == "rename" and entry.identity is None)

    def _kind_of_event(self, entry: Entry) -> Literal["create", "rename", "remove", "restore"] | None:
        kinds = self._mapping.kinds
        if entry.kind == CREATED or entry.kind in kinds.create:
            return "create"
        if entry.kind in kinds.rename:
            return "rename"
        if entry.kind in kinds.remove:
            return "remove"
        return "restore" if entry.kind in kinds.restore else None

    def _add_author(self, entry: Entry) -> None:
        if self._get_who is None:
            return
        who = author_of(self._get_who(entry.data))
        if not who or self._parser.is_empty(who):
            return
        service = self._matcher.find_service(who)
        if service is not None:
            self._note_title(self._found.services, service, entry, who)
        else:
            self._name_person(who, entry)

    def _add_values(self, entry: Entry) -> None:
        for name, value in self._values(entry):
            if name not in self._known_fields:
                self._known_fields.add(name)
                if all(subject.find_rule(name) is None for subject in self._mapping.subject):
                    self._found.unmapped.add(name)
            if value is None:
                continue
            rules = self._rules.get(name)
            if rules is None:
                rules = self._rules[name] = _subject_rules(self._mapping, name)
            for rule in rules:
                if rule.as_ == "date":
                    self._parser.parse(rule, value)  # what one date shows about the order of day and month is for all
                    continue
                if rule.as_ == "release":
                    self._name_releases(rule, value)
                    continue
                for spelling, team in self._parser.people_in(rule, value):
                    if team is not None:
                        self._note_title(self._found.teams, team, entry, spelling.removeprefix("@"))
                    else:
                        self._name_person(spelling, entry)

    def _values(self, entry: Entry) -> Iterator[tuple[str, Any]]:
        if self._mapping.file.rows == "records":
            names = self._mapping.columns.all_names()
            yield from ((name, value) for name, value in entry.own.items() if name not in names)
            return
        to = self._get_to(entry.data) if self._get_to else None
        if isinstance(to, dict):
            yield from to.items()
        elif entry.field or to is not None:
            for get in self._changed_values:
                yield entry.field, get(entry.data)

    def _name_releases(self, rule: FieldRule, value: Any) -> None:
        for text in self._parser.split(rule, value):
            version = None if self._parser.is_empty(text) else self._parser.release_version(text)
            if version is not None:
                self._found.releases.add(version)

    def _name_person(self, spelling: str, entry: Entry) -> None:
        known = self._found.people.get(spelling)
        if known is None:
            self._found.people[spelling] = FirstNamed(entry.when, entry.key)  # type: ignore[arg-type]
        elif entry.when is not None and entry.when < known.at:
            known.at = entry.when

    def _note_title(self, found: dict[str, tuple[str, FirstNamed]], key: str, entry: Entry, title: str) -> None:
        if key not in found:
            found[key] = (title, FirstNamed(entry.when, entry.key))  # type: ignore[arg-type]
        elif entry.when is not None and entry.when < found[key][1].at:
            found[key][1].at = entry.when


class AdditiveFields:
    """Finds the fields with several values of which each line adds or removes one.

    It is such a field if every line of it has only an old or only a new value, some line adds to a value that is there,
    and the lines make sense as a set: only what is in it is removed.
    """

    def __init__(self, mapping: Mapping, scratch: Scratch) -> None:
        columns = mapping.columns
        self._get_from = build_getter(columns.from_) if columns.from_ else None
        self._get_to = build_getter(columns.to) if columns.to else None
        self._create = mapping.kinds.create
        self._mapping = mapping
        self._may_be: dict[str, bool] = {}
        """Whether all lines of a field have only an old or only a new value."""
        self._is_set: dict[str, bool] = {}
        """Whether the lines of a field, in this order, remove only values that it contains."""
        self._kinds: set[tuple[str, str]] = set()
        self._members: DiskDict[str, list[Any]] = DiskDict(scratch)
        self._grows: set[str] = set()
        self._shrinks: set[str] = set()

    def add(self, entry: Entry) -> None:
        """Take one more line into account."""
        if self._get_from is None or self._get_to is None:
            return
        to = self._get_to(entry.data)
        if entry.kind in self._create or isinstance(to, dict):
            if isinstance(to, dict):
                for name, value in to.items():
                    if value not in (None, "", []) and not isinstance(value, list) and self._is_candidate(name):
                        self._members[f"{name}\n{entry.record}"] = [value]
            return
        name = entry.field
        if not name or not self._is_candidate(name):
            return
        before = self._get_from(entry.data)
        has_before, has_after = before not in (None, "", []), to not in (None, "", [])
        if has_before == has_after or isinstance(before, list | dict) or isinstance(to, list):
            self._may_be[name] = False
            return
        self._kinds.add((name, "added" if has_after else "removed"))
        if self._is_set.setdefault(name, True):
            self._change_members(name, entry.record, before, to if has_after else None)

    def _change_members(self, name: str, record: str, before: Any, added: Any) -> None:
        where = f"{name}\n{record}"
        members = self._members.get(where)
        if members is None:
            members = self._members[where] = []
        if added is not None:
            self._grows.update([name] if members else [])
            members.append(added)
        elif before in members:
            self._shrinks.add(name)
            members.remove(before)
        else:
            self._is_set[name] = False

    def names(self) -> set[str]:
        """Return the fields found so far, if the lines came in the order of their times."""
        return {name for name in self._grows & self._shrinks if self._may_be[name] and self._is_set[name]}

    def candidates(self) -> set[str]:
        """Return the fields of which `names` may return some if the lines come in another order."""
        return {
            name
            for name, kind in self._kinds
            if kind == "added" and (name, "removed") in self._kinds and self._may_be[name]
        }

    def _is_candidate(self, name: str) -> bool:
        if name not in self._may_be:
            rules = [rule for subject in self._mapping.subject if (rule := subject.find_rule(name)) is not None]
            self._may_be[name] = not any(
                rule.several is False or rule.as_ in ("mapped", "date") or rule.field == "title" for rule in rules
            )
        return self._may_be[name]


def distinct_attribute_names(names: Iterable[str]) -> dict[str, str]:
    """Return the attribute of each field without a mapping. Two names that differ only in case or spaces stay two."""
    taken: dict[str, str] = {}
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (name != field_name_part(name), name)):
        part = field_name_part(name)
        n = 1
        while part in taken:
            n += 1
            part = f"{field_name_part(name)[:95]}~{n}"
        taken[part] = name
        found[name] = part
    return found


def _subject_rules(mapping: Mapping, name: str) -> list[FieldRule]:
    rules = (subject.find_rule(name) for subject in mapping.subject)
    return [rule for rule in rules if rule is not None and rule.as_ in ("people", "teams", "release", "date")]
