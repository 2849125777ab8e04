"""`export madr`: the decisions of a log as MADR 4, one file each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.decision import SUPERSEDED, SUPERSEDED_BY
from domain.fields import STATUS, SubjectState
from domain.values import format_micros
from eventlog.log import DecisionLog
from interchange.adr.document import Told, read, written
from interchange.adr.status_words import PEOPLE

BATCH: Final = 1000
_STEM: Final = re.compile(r"[0-9][A-Za-z0-9._~-]{0,150}")
_TEXTS: Final = frozenset({"title", "context", "decision", "expected"})
_ELSEWHERE: Final = frozenset({
    "exists", "status", "products", "aliases", "deciders", "option", "why", "options", "constraints", "evidence",
    "assumptions", SUPERSEDED_BY, "amended_by", "amends",
})  # fmt: skip
"""Cells that are written in another form, or follow from what is."""
_WORDS: Final = {"reversed": "deprecated"}


@dataclass(frozen=True, slots=True)
class Exported:
    """A decision as a file. `noticed` says what of it MADR has no place for, or would be read otherwise."""

    subject: str
    name: str
    text: str
    noticed: tuple[str, ...]


def exported(log: DecisionLog, now: int, product: str | None = None) -> Iterator[Exported]:
    """The decisions on record, in the order in which they came to the log; with `product`, only those of it.

    `now` is in microseconds since 1970. A record that was imported is named as it was; others are numbered after them.
    """
    states = [state for state in map(log.state, _decisions(log)) if state.exists_at(now)]
    names = _names(states, now)
    for state in states:
        if product is None or f"product:{product}" in state.subjects_at("products", now):
            yield _exported(state, names, lambda who: log.directory.name(who) or _title(log, who, now), now)


def _decisions(log: DecisionLog) -> Iterator[str]:
    """Every decision, in order."""
    seen: dict[str, None] = {}
    position = 0
    while rows := log.rows(position, BATCH):
        seen.update(dict.fromkeys(row.subject for row in rows if row.subject.startswith("decision:")))
        position = rows[-1].position
    yield from seen


def _title(log: DecisionLog, who: str, now: int) -> str:
    return str(log.state(who).value_at("title", now) or who)


def _names(states: Sequence[SubjectState], now: int) -> dict[str, str]:
    """The name of each decision's file, without its ending."""
    taken: set[str] = set()
    names: dict[str, str] = {}
    for state in states:
        for alias in state.subjects_at("aliases", now)[:1]:
            if _STEM.fullmatch(alias) and alias.casefold() not in taken:
                names[state.subject] = alias
                taken.add(alias.casefold())
    number = max((int(match[0]) for name in taken if (match := re.match(r"[0-9]{1,6}(?![0-9])", name))), default=0)
    for state in states:
        if state.subject not in names:
            number += 1
            names[state.subject] = f"{number:04}-{_slug(state, now)}"
    return names


def _slug(state: SubjectState, now: int) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", str(state.value_at("title", now) or "").casefold()).strip("-")[:80].rstrip("-")
    return words or state.subject.partition(":")[2]


def _exported(state: SubjectState, names: Mapping[str, str], name_of: Callable[[str], str], now: int) -> Exported:
    told, left = _told(state, names, name_of, now)
    text = written(told, state.subject)
    noticed = [f"MADR has no place for {', '.join(left)}"] if left else []
    back = read(text).told
    changed = sorted(name for name in told.keys() | back.keys() if told.get(name) != back.get(name))
    if changed:
        noticed.append(f"read again, it would say something else of {', '.join(changed)}")
    return Exported(state.subject, names[state.subject], text, tuple(noticed))


def _told(
    state: SubjectState, names: Mapping[str, str], name_of: Callable[[str], str], now: int
) -> tuple[Told, list[str]]:
    """What a record tells of a decision, and the cells it does not tell."""
    date, latest = state.row_at("x.date", now), state.row_at(STATUS, now)
    told: Told = {} if _is_empty(latest) else {"status": _status(state, names, now)}
    if date is not None and not _is_empty(date):
        told["date"] = str(date.source_value if date.source_value is not None else date.value)
    elif latest is not None and state.is_managed:
        told["date"] = format_micros(latest.valid_from)[:10]
    for name, cell in PEOPLE.items():
        row = state.row_at(cell, now)
        if row is not None and (row.value is not None or row.source_value is not None):
            named = ", ".join(name_of(who) for who in state.subjects_at(cell, now))
            told[name] = named if row.source_value is None else row.source_value
    for cell in state.rows:
        row = state.row_at(cell, now)
        if row is not None and row.value is not None and (cell in _TEXTS or cell.startswith("x.")) and cell != "x.date":
            told[cell] = [str(one) for one in row.value] if isinstance(row.value, list) else str(row.value)
    told.update(_own(state, told, now))
    shown = {*_ELSEWHERE, *PEOPLE.values(), *told}
    left = [
        cell for cell in state.rows if cell not in shown and cell != "x.date" and not _is_empty(state.row_at(cell, now))
    ]
    return told, sorted(left)


def _is_empty(row: Any) -> bool:
    return row is None or (row.value in (None, []) and row.source_value is None)


def _status(state: SubjectState, names: Mapping[str, str], now: int) -> str:
    """The record's own word, else ours; what it was superseded by is linked."""
    row = state.row_at(STATUS, now)
    if row is not None and row.source_value is not None:
        return row.source_value
    status = str(state.value_at(STATUS, now) or "")
    later = [f"[{names[by]}]({names[by]}.md)" for by in state.subjects_at(SUPERSEDED_BY, now) if by in names]
    if status == SUPERSEDED and later:
        return f"superseded by {', '.join(later)}"
    return _WORDS.get(status, status)


# Decisions that were made here have parts that MADR writes as prose ------------------------------------------------


def _own(state: SubjectState, told: Told, now: int) -> Told:
    """The sections made of the parts of a decision that was made here, where there is no such section already."""
    parts = {
        name: state.value_at(name, now)
        for name in ("option", "why", "options", "constraints", "evidence", "assumptions")
    }
    made = {
        "decision": _decision(told.get("decision"), parts["option"], parts["why"]),
        "x.decision-drivers": _bullets(parts["constraints"]),
        "x.considered-options": _bullets(one["title"] for one in _options(parts["options"])),
        "x.pros-and-cons": "\n\n".join(_argued(one) for one in _options(parts["options"]) if _is_argued(one)),
        "x.more-information": "\n\n".join(
            f"### {name.capitalize()}\n\n{_bullets(parts[name])}" for name in ("evidence", "assumptions") if parts[name]
        ),
    }
    return {name: text for name, text in made.items() if text and (name == "decision" or name not in told)}


def _decision(decision: Any, option: Any, why: Any) -> str:
    parts = [f'Chosen option: "{option}".' if option else "", decision or "", f"Because: {why}" if why else ""]
    return "\n\n".join(part for part in parts if part)


def _options(options: Any) -> list[dict[str, Any]]:
    return [one for one in options if isinstance(one, dict)] if isinstance(options, list) else []


def _is_argued(option: Mapping[str, Any]) -> bool:
    return any(said for name, said in option.items() if name != "title")


def _argued(option: Mapping[str, Any]) -> str:
    """An option with what speaks for and against it."""
    said = [f"Good, because {pro}" for pro in option.get("pros", ())]
    said += [f"Neutral, because of its {name}: {option[name]}" for name in ("cost", "time") if name in option]
    said += [
        f"Neutral, because of whether it is {name}: {option[name]}"
        for name in ("valuable", "usable", "feasible", "viable")
        if name in option
    ]
    said += [f"Bad, because {con}" for con in option.get("cons", ())]
    return f"### {option['title']}\n\n{_bullets(said)}"


def _bullets(texts: Any) -> str:
    """A list in the manner of MADR. What takes several lines is indented, so that it stays one member."""
    return "\n".join("* " + str(text).strip().replace("\n", "\n  ") for text in texts or ())
