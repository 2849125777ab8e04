"""Which record each version belongs to, and which record a link means. A record may be renamed over time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from posixpath import normpath
from typing import Final

from pydantic import TypeAdapter, ValidationError

from domain.any_subject import ImportedChange
from domain.values import DecisionId
from interchange.adr.document import FieldTexts
from interchange.adr.record_links import SERIES, path_of, series_of
from interchange.adr.record_versions import RecordVersion

_DECISION: Final = TypeAdapter[str](DecisionId)
_NUMBER: Final = re.compile(
    r"(?:.*/)?(?:(?:[A-Za-z][A-Za-z0-9]{0,11}[-_ ])?[Aa][Dd][Rr][-_ ](?:[A-Za-z]{1,15}[-_ ])?|[A-Za-z]{1,9}[-_ ]?)?([0-9]+)",
    re.DOTALL,
)
_ONLY_NUMBER: Final = re.compile(r"([0-9]+)")
_DECISIONS: Final = re.compile(r"[a-z]{0,3}dr|ad|dec(?:ision)?")
"""The series whose records are decisions. Records of other series, such as RFC, have numbers of their own."""
_IN_TITLE: Final = re.compile(rf"\W{{0,5}}({SERIES})[-_ #]{{0,2}}[0-9]", re.IGNORECASE)
MAX_FOLDERS: Final = 20
"""How many parts of a link's path, from its end, are compared with the paths of records."""


@dataclass(slots=True)
class TrackedRecord:
    """A record across its versions: its subject, and its fields after the versions planned so far."""

    subject: str
    name: str = ""
    fields: FieldTexts = field(default_factory=dict)
    changes: dict[str, ImportedChange] = field(default_factory=dict)
    successors: dict[str, None] = field(default_factory=dict)
    """The records that say of themselves that they supersede this one, as far as they are planned."""
    said_successors: set[str] = field(default_factory=set)
    """The same, of all versions of the folder."""
    supersedes: tuple[str, ...] = ()
    is_created: bool = False
    is_removed: bool = False


def identify_records(versions: Sequence[RecordVersion], system: str) -> list[TrackedRecord]:
    """Return the record of each version. A renamed record keeps its subject.

    The key of a subject is the first number of the record and a hash of its first name and its system. So it is the same
    in every import, and contains no title. A record that names its subject, as exported records do, has that one.
    """
    current: dict[str, TrackedRecord] = {}
    occurrences: Counter[str] = Counter()
    records = []
    for version in versions:
        before = version.previous_name
        record = current.pop(before, None) if before is not None else current.get(version.name)
        if record is None:
            name = before or version.name
            occurrences[name] += 1
            record = TrackedRecord(_named_subject(version) or _derived_subject(system, name, occurrences[name]))
        current[version.name] = record
        records.append(record)
    return records


def _named_subject(version: RecordVersion) -> str | None:
    subject = version.document.subject if version.document else None
    try:
        return None if subject is None else _DECISION.validate_python(subject)
    except ValidationError:
        return None


def _derived_subject(system: str, name: str, occurrence: int) -> str:
    number = _NUMBER.match(name)
    digest = sha256(f"{system}\n{name}\n{occurrence}".encode(errors="surrogatepass")).hexdigest()
    return f"decision:adr-{number[1][:20]}-{digest[:8]}" if number else f"decision:adr-{digest[:16]}"


class LinkResolver:
    """Finds the record that a link means: by its path, by its file name, or by its number.

    It knows the records of the versions that were added so far, with the names that they have by then. So what an earlier
    version says does not depend on what comes later. What several records have in common means the one in the folder of
    the record with the link. If there is none, or several there, the link means no record, and is reported.

    A link that a record keeps from version to version keeps its meaning, even if its target is renamed.
    """

    def __init__(self, versions: Sequence[RecordVersion] = (), records: Sequence[TrackedRecord] = ()) -> None:
        self._by_name: dict[str, str] = {}
        self._latest_names: dict[str, str] = {}
        self._removed: set[str] = set()
        self._by_base: dict[str, dict[str, str]] = {}
        """The names of records, with their subjects, by the last part of the name."""
        self._by_number: dict[str, dict[str, str]] = {}
        self._series: dict[str, str] = {}
        """The series of the records that have one, by their names, such as `rfc`: from the name, else from the title."""
        self._meant: dict[str, dict[str, str | None]] = {}
        """What the links in the latest version of a record mean, by subject."""
        self._said: dict[str, dict[str, str | None]] = {}
        """The same, of the version that is being read."""
        self._waiting: dict[str, dict[str, str]] = {}
        """The records with a link that means none so far, with their names, by the end of the link's path or its number."""
        self.add(versions, records)

    def add(self, versions: Sequence[RecordVersion], records: Sequence[TrackedRecord]) -> None:
        """Add versions that took effect at the same time."""
        for version, record in zip(versions, records, strict=True):
            name, subject = version.name, record.subject
            before = self._latest_names.get(subject, name)
            if before != name and (number := _number_of(before)) and self._by_number[number].get(before) == subject:
                del self._by_number[number][before]
            self._latest_names[subject] = name
            self._by_name[name] = subject
            self._by_base.setdefault(_base_of(name), {})[name] = subject
            if number := _number_of(name):
                self._by_number.setdefault(number, {})[name] = subject
            title = version.fields.get("title")
            named = series_of(_base_of(name)) or series_of_title(title if isinstance(title, str) else "")
            if named:
                self._series[name] = named
            (self._removed.add if version.is_removal else self._removed.discard)(subject)

    def find(self, link: str, origin: str = "") -> str | None:
        """Return the subject of a link in the record with the name `origin`; None if it means none, or several."""
        subject = self._by_name.get(origin, "")
        found = self._meant.get(subject, {}).get(link) or self._look_up(link, origin)
        self._said.setdefault(subject, {})[link] = found
        if found is None:
            path = path_of(link)
            number = _ONLY_NUMBER.fullmatch(path)
            self._waiting.setdefault(_without_zeros(number) if number else _base_of(path), {})[subject] = origin
        return found

    def end_version(self, subject: str) -> None:
        """Forget what the links meant that a record had before the version that was read."""
        self._meant[subject] = self._said.pop(subject, {})

    def has_lost_links(self, subject: str) -> bool:
        """Whether a link in the version of a record that was read last means no record, or several."""
        return None in self._said.get(subject, self._meant.get(subject, {})).values()

    def find_waiting(self, name: str) -> Iterator[str]:
        """Yield the records with a link that meant no record so far, and means one now that one has this name."""
        for key in filter(None, (_base_of(name), _number_of(name))):
            for subject, origin in self._waiting.pop(key, {}).items():
                lost = (link for link, found in self._meant.get(subject, {}).items() if found is None)
                if any(self._look_up(link, origin) for link in lost):
                    yield subject

    def _look_up(self, link: str, origin: str) -> str | None:
        path = path_of(link)
        if (number := _ONLY_NUMBER.fullmatch(path)) is not None:
            named = self._by_number.get(_without_zeros(number), {})
            return self._only_one(self._in_series(named, series_of(link)), origin)
        relative = normpath(f"{origin.rpartition('/')[0]}/{path}".lstrip("/"))
        if relative in self._by_name:
            return self._by_name[relative]
        parts = [part for part in path.split("/") if part not in ("", ".", "..")][-MAX_FOLDERS:]
        named = self._by_base.get(parts[-1], {}) if parts else {}
        for start in range(len(parts) if len(named) > 1 else 0):
            tail = "/" + "/".join(parts[start:])
            ending = {name: subject for name, subject in named.items() if f"/{name}".endswith(tail)}
            if ending:
                return self._only_one(ending, origin)
        return self._only_one(named, origin)

    def _in_series(self, named: dict[str, str], series: str) -> dict[str, str]:
        """Return the names that may be meant by a number with the name of a series before it."""
        if not series:
            return named
        is_decision = _DECISIONS.fullmatch(series) is not None
        found = {name: self._series.get(name, "adr" if is_decision else "") for name in named}
        return {
            name: subject
            for name, subject in named.items()
            if found[name] == series or (is_decision and _DECISIONS.fullmatch(found[name]))
        }

    def _only_one(self, named: dict[str, str], origin: str) -> str | None:
        """Return the only subject of some names: of all, of those not removed, or of those in the folder of the origin."""
        if len(set(named.values())) > 1:
            named = {name: subject for name, subject in named.items() if subject not in self._removed}
        if len(set(named.values())) > 1:
            folder = origin.rpartition("/")[0]
            named = {name: subject for name, subject in named.items() if name.rpartition("/")[0] == folder}
        subjects = set(named.values())
        return subjects.pop() if len(subjects) == 1 else None


def series_of_title(title: str) -> str:
    """Return the series that a title names before a number, such as `rfc` of `RFC 7: Use queues`."""
    found = _IN_TITLE.match(title[:100])
    return found[1].casefold() if found else ""


def _base_of(name: str) -> str:
    return name.rpartition("/")[2]


def _number_of(name: str) -> str | None:
    number = _NUMBER.match(name)
    return _without_zeros(number) if number else None


def _without_zeros(number: re.Match[str]) -> str:
    return number[1].lstrip("0") or "0"
