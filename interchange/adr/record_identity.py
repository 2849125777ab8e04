"""Which record each version belongs to, and which record a link means. A record may be renamed over time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from pydantic import TypeAdapter, ValidationError

from domain.any_subject import ImportedChange
from domain.values import DecisionId
from interchange.adr.document import FieldTexts
from interchange.adr.record_links import target_of
from interchange.adr.record_versions import RecordVersion

_DECISION: Final = TypeAdapter[str](DecisionId)
_NUMBER: Final = re.compile(r"(?:.*/)?(?:[A-Za-z]{1,9}[-_ ]?)?([0-9]+)", re.DOTALL)
_ONLY_NUMBER: Final = re.compile(r"([0-9]+)")


@dataclass(slots=True)
class TrackedRecord:
    """A record across its versions: its subject, and its fields after the versions planned so far."""

    subject: str
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


def build_link_resolver(
    versions: Sequence[RecordVersion], records: Sequence[TrackedRecord]
) -> Callable[[str], str | None]:
    """Return a function that finds the subject of a link: by its latest name, or by a number that only it has."""
    by_name = {version.name: record.subject for version, record in zip(versions, records, strict=True)}
    by_base = {name.rpartition("/")[2]: subject for name, subject in by_name.items()}
    latest_name = {record.subject: version.name for version, record in zip(versions, records, strict=True)}
    by_number: dict[str, list[str]] = {}
    for subject, name in latest_name.items():
        number = _NUMBER.match(name)
        if number:
            by_number.setdefault(_without_zeros(number), []).append(subject)

    def resolve_link(link: str) -> str | None:
        target = target_of(link)
        number = _ONLY_NUMBER.fullmatch(target)
        if number:
            same_number = by_number.get(_without_zeros(number), [])
            return same_number[0] if len(same_number) == 1 else None
        return by_name.get(target) or by_base.get(target)

    return resolve_link


def _without_zeros(number: re.Match[str]) -> str:
    return number[1].lstrip("0") or "0"
