"""`export madr`: the decisions of a log as MADR 4, one file each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.decision_messages import RISKS, SUPERSEDED, SUPERSEDED_BY
from domain.fields import STATUS, SubjectState
from domain.ids import key_of
from domain.values import format_micros
from identity.decision_log import DecisionLog
from interchange.adr.current_files import is_record_name
from interchange.adr.document import PEOPLE_FIELDS, FieldTexts, parse_record
from interchange.adr.madr_rendering import render_madr
from interchange.person_matching import distinct_key

BATCH_ENTRIES: Final = 1000
_FILE_PATH: Final = re.compile(
    r"(?:(?!node_modules/)[A-Za-z0-9][A-Za-z0-9_~-]{0,80}/){0,5}[A-Za-z0-9][A-Za-z0-9 ._~-]{0,150}(?<![ .])"
)
"""The names of records, with their folders, that a file can have on every system."""
_TEXT_FIELDS: Final = frozenset({"title", "context", "decision", "expected"})
_COVERED_FIELDS: Final = frozenset(
    {
        "exists",
        "status",
        "products",
        "aliases",
        "deciders",
        "option",
        "why",
        "options",
        "constraints",
        "evidence",
        "assumptions",
        SUPERSEDED_BY,
        "amended_by",
        "amends",
    }
)
"""Fields that are exported in another form, or follow from exported ones."""
_MADR_STATUSES: Final = {"reversed": "deprecated"}


@dataclass(frozen=True, slots=True)
class ExportedRecord:
    """A decision as a file. `warnings` name what MADR cannot express, or what an import would read differently."""

    subject: str
    name: str
    text: str
    warnings: tuple[str, ...]


def export_records(log: DecisionLog, now: int, product: str | None = None) -> Iterator[ExportedRecord]:
    """Yield the current decisions in the order of their first entry; with `product`, only those of one product.

    `now` is in microseconds since 1970. An imported record keeps its file name, in its folder, so that the links of others
    find it; if another record has this name, it is in a folder named after its system. Others get the numbers after these.
    """
    states = [state for state in map(log.state, _decision_ids(log)) if state.exists_at(now)]
    names = _file_names(states, lambda state: _system(log, state), now)
    for state in states:
        if product is None or f"product:{product}" in state.subjects_at("products", now):
            yield _export(state, names, lambda who: log.directory.name(who) or _title(log, who, now), now)


def _decision_ids(log: DecisionLog) -> Iterator[str]:
    seen: dict[str, None] = {}
    position = 0
    while rows := log.rows(position, BATCH_ENTRIES):
        seen.update(dict.fromkeys(row.subject for row in rows if row.subject.startswith("decision:")))
        position = rows[-1].position
    yield from seen


def _title(log: DecisionLog, who: str, now: int) -> str:
    return str(log.state(who).value_at("title", now) or who)


def _system(log: DecisionLog, state: SubjectState) -> str:
    """Return the system that a decision was imported from; empty if it was recorded here."""
    entry = log.entry(min(state.events)) if state.events else None
    return (entry.metadata.source.system if entry else None) or ""


def _file_names(states: Sequence[SubjectState], system_of: Callable[[SubjectState], str], now: int) -> dict[str, str]:
    """Return the file name of each decision, without the extension."""
    taken: set[str] = set()
    names: dict[str, str] = {}
    for state in states:
        for alias in state.subjects_at("aliases", now)[:1]:
            paths = (alias, f"{distinct_key(system_of(state))}/{alias}") if alias.casefold() in taken else (alias,)
            path = next((one for one in paths if _is_file_path(one) and one.casefold() not in taken), None)
            if path is not None:
                names[state.subject] = path
                taken.add(path.casefold())
    number = max((int(match[0]) for name in taken if (match := re.match(r"[0-9]{1,6}(?![0-9])", name))), default=0)
    for state in states:
        if state.subject not in names:
            number += 1
            names[state.subject] = f"{number:04}-{_slug(state, now)}"
    return names


def _is_file_path(name: str) -> bool:
    return _FILE_PATH.fullmatch(name) is not None and is_record_name(f"{name}.md")


def _slug(state: SubjectState, now: int) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", str(state.value_at("title", now) or "").casefold()).strip("-")[:80].rstrip("-")
    return words or key_of(state.subject)


def _export(state: SubjectState, names: Mapping[str, str], name_of: Callable[[str], str], now: int) -> ExportedRecord:
    fields, missing = _fields(state, names, name_of, now)
    text = render_madr(fields, state.subject)
    warnings = [f"MADR cannot express {', '.join(missing)}"] if missing else []
    was = next(iter(state.subjects_at("aliases", now)), names[state.subject])
    if was != names[state.subject] and not names[state.subject].endswith(f"/{was}"):
        warnings.append(f"its file was named {was!r}, which links of other records may still use")
    parsed = parse_record(text).fields
    changed = sorted(name for name in fields.keys() | parsed.keys() if fields.get(name) != parsed.get(name))
    if changed:
        warnings.append(f"an import of this file would change {', '.join(changed)}")
    return ExportedRecord(state.subject, names[state.subject], text, tuple(warnings))


def _fields(
    state: SubjectState, names: Mapping[str, str], name_of: Callable[[str], str], now: int
) -> tuple[FieldTexts, list[str]]:
    """Return the texts of a decision by field, and the fields that MADR cannot express."""
    date, latest = state.row_at("x.date", now), state.row_at(STATUS, now)
    fields: FieldTexts = {} if _is_empty(latest) else {"status": _status(state, names, now)}
    if date is not None and not _is_empty(date):
        fields["date"] = str(date.source_value if date.source_value is not None else date.value)
    elif latest is not None and state.is_managed:
        fields["date"] = format_micros(latest.valid_from)[:10]
    for name, field in PEOPLE_FIELDS.items():
        row = state.row_at(field, now)
        if row is not None and (row.value is not None or row.source_value is not None):
            named = [name_of(who) for who in state.subjects_at(field, now)]
            has_comma = any("," in one or ";" in one for one in named)
            text: str | list[str] = named if has_comma else ", ".join(named)
            fields[name] = text if row.source_value is None else row.source_value
    for field in state.rows:
        row = state.row_at(field, now)
        is_text = field in _TEXT_FIELDS or (field.startswith("x.") and field != "x.date")
        if is_text and row is not None and row.value is not None:
            fields[field] = [str(one) for one in row.value] if isinstance(row.value, list) else str(row.value)
    fields.update(_composed_sections(state, fields, now))
    covered = {*_COVERED_FIELDS, *PEOPLE_FIELDS.values(), *fields, "x.date"}
    missing = [field for field in state.rows if field not in covered and not _is_empty(state.row_at(field, now))]
    return fields, sorted(missing)


def _is_empty(row: Any) -> bool:
    return row is None or (row.value in (None, []) and row.source_value is None)


def _status(state: SubjectState, names: Mapping[str, str], now: int) -> str:
    """Return the source value of the status, else its value, with links to the decisions that supersede it."""
    row = state.row_at(STATUS, now)
    if row is not None and row.source_value is not None:
        return row.source_value
    status = str(state.value_at(STATUS, now) or "")
    later = [f"[{names[by]}]({names[by]}.md)" for by in state.subjects_at(SUPERSEDED_BY, now) if by in names]
    if status == SUPERSEDED and later:
        return f"superseded by {', '.join(later)}"
    return _MADR_STATUSES.get(status, status)


# Decisions that were recorded here have parts that MADR writes as prose ---------------------------------------------


def _composed_sections(state: SubjectState, fields: FieldTexts, now: int) -> FieldTexts:
    """Return the sections composed from the parts of a decision, except those that the record already has."""
    parts = {
        name: state.value_at(name, now)
        for name in ("option", "why", "options", "constraints", "evidence", "assumptions")
    }
    sections = {
        "decision": _decision_text(fields.get("decision"), parts["option"], parts["why"]),
        "x.decision-drivers": _bullets(parts["constraints"]),
        "x.considered-options": _bullets(one["title"] for one in _options(parts["options"])),
        "x.pros-and-cons": "\n\n".join(_option_text(one) for one in _options(parts["options"]) if _has_arguments(one)),
        "x.more-information": "\n\n".join(
            f"### {name.capitalize()}\n\n{_bullets(parts[name])}" for name in ("evidence", "assumptions") if parts[name]
        ),
    }
    return {name: text for name, text in sections.items() if text and (name == "decision" or name not in fields)}


def _decision_text(decision: Any, option: Any, why: Any) -> str:
    parts = [f'Chosen option: "{option}".' if option else "", decision or "", f"Because: {why}" if why else ""]
    return "\n\n".join(part for part in parts if part)


def _options(options: Any) -> list[dict[str, Any]]:
    return [one for one in options if isinstance(one, dict)] if isinstance(options, list) else []


def _has_arguments(option: Mapping[str, Any]) -> bool:
    return any(value for name, value in option.items() if name != "title")


def _option_text(option: Mapping[str, Any]) -> str:
    """Return an option with its arguments."""
    arguments = [f"Good, because {pro}" for pro in option.get("pros", ())]
    arguments += [f"Neutral, because of its {name}: {option[name]}" for name in ("cost", "time") if name in option]
    arguments += [f"Neutral, because of whether it is {name}: {option[name]}" for name in RISKS if name in option]
    arguments += [f"Bad, because {con}" for con in option.get("cons", ())]
    return f"### {option['title']}\n\n{_bullets(arguments)}"


def _bullets(texts: Any) -> str:
    """Return a list as MADR writes it. The further lines of a member are indented, so that it stays one member."""
    return "\n".join("* " + str(text).strip().replace("\n", "\n  ") for text in texts or ())
