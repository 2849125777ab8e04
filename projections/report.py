"""The progress report of a product over a span, for somebody who was not there.

It is a function of the log up to a position, and nothing else: asked again with the same span and position it answers
the same rows, whatever was recorded since. Its hash is that of its canonical JSON, in which every text is left out.
What was said stands in the log at the positions it names, each text under its own salted commitment; so the hash holds
when texts are forgotten, and nobody can try a guess on it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import islice
from typing import Any, Final, Literal, TypeVar

from domain.decision import OPEN as OPEN_DECISION
from domain.feature import CLOSED, PROPOSED
from domain.fields import EXISTS, STATUS
from domain.values import format_micros, is_subject, kind_of, parse_timestamp, to_micros
from eventlog.canonical import canonical
from projections.accountability import unowned
from projections.audit import AuditFilter, all_events
from projections.field_history import ChangeFilter, each_step
from projections.field_values import all_field_values, by_subject, with_blame
from projections.ordering import Order, as_one
from projections.query import (
    Answer,
    Filter,
    ResolvedTime,
    Row,
    TimePoint,
    answer,
    find_blames,
    resolve_time,
    subjects_where,
    titles,
)
from projections.read_model import PinnedRead, Read
from projections.schema import members

Section = Literal[
    "decisions", "shipped", "dropped", "slipped", "overdue", "moved", "handed_over", "course", "next", "waiting",
    "unowned", "undecided", "late",
]  # fmt: skip
SECTIONS: Final[tuple[Section, ...]] = Section.__args__  # type: ignore[attr-defined]

ACCOUNTABLE: Final = "role.accountable"
TARGET: Final = "target."
FIELDS: Final = (
    STATUS, EXISTS, "products", "horizon", "rank", "stage", "target.*", ACCOUNTABLE, "delegation.*", "on",
)  # fmt: skip
"""The cells whose steps are told. `stage` is what trackers call how mature a feature is."""
AT_THE_END: Final = (
    STATUS,
    "horizon",
    "rank",
    "target.*",
    ACCOUNTABLE,
    "decisions",
    "deciders",
    "review_on",
    "by",
    "on",
)
HORIZONS: Final = ("now", "next", "later")
PROMISED: Final = frozenset({"committed", "started"})
OVER: Final = CLOSED | {"retired", "met", "missed", "rejected", "withdrawn", "superseded", "reversed"}
"""What nobody need be accountable for any more."""
COURSE: Final = ("VisionSet", "StrategySet", "ProductRetired")
OWN_REASONS: Final = ("why", "reason", "finding", "vision", "strategy")
"""Where the data of an act says why, or what for, in the order in which it is looked for."""
TEXTS: Final = frozenset({"title", "titles", "why", "note", "source_value", "names"})
"""What has no part in the canonical JSON: it can be forgotten, or is no part of the log."""

Line = Row
MOST_LINES: Final = 1_000
"""Lines of a section. Nobody reads as many, and a report has to fit into memory."""
STEPS_AT_ONCE: Final = 500
LINE_BYTES: Final = 4_000
"""What a line takes in memory, about."""
One = TypeVar("One")
Values = Mapping[str, Mapping[str, Row]]
"""Cells at the end of the span, by subject and field."""


class NoSuchReport(LookupError):
    """There is no such position, or no report was issued there."""


class NotWhatWasIssued(Exception):
    """The log no longer says what was issued."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a report is asked for. Instants are microseconds since 1970, the span half open.

    Without `until` it ends now, without `position` it speaks up to the last that is recorded.
    """

    product: str
    since: int
    until: int | None = None
    position: int | None = None


def report(read: Read, span: Span) -> Answer:
    """What became of a product in a span, line by line, each with who, when, why and where in the log.

    Rows have their `section`, in the order of `SECTIONS`: `decisions` that were taken, turned down, put off or undone;
    what was `shipped`, `dropped`, or `slipped` to later, what is `overdue`, what else `moved` on the roadmap; what was
    `handed_over`; the `course` (vision, strategy, goals); what comes `next` and what is `waiting` to be decided; what is
    `unowned`, and what is planned with no decision behind it (`undecided`); and what was learnt `late`: acts and
    corrections recorded in the span of what was before it.

    A section has at most `MOST_LINES` lines: of what happened those whose contents hold still, then the latest; of how
    things stand the first. `counts` says how many there are.

    Raises:
        NoSuchReport: the log does not go so far.
    """
    position = read.position if span.position is None else span.position
    known = _recorded_at(read, position)
    until = max(read.now, known + 1) if span.until is None else span.until  # the last act lies before the end
    pinned = PinnedRead(read.ask, read.clock, position, bounds=read.bounds)
    then = resolve_time(pinned, TimePoint(until - 1, known))
    reporter = _Reporter(pinned, replace(span, until=until), then)
    rows = reporter.rows()
    called = titles(pinned, [*_named(rows), *(row["subject"] for row in rows)], then)
    for row in rows:
        row["title"] = called.get(row["subject"])
    counts = {section: reporter.counts[section] for section in SECTIONS}
    about = {
        "product": span.product, "title": titles(pinned, [span.product], then).get(span.product),
        "since": format_micros(span.since), "until": format_micros(until), "counts": counts,
        "titles": {subject: called[subject] for subject in _named(rows) if subject in called},
    }  # fmt: skip
    told = answer(then, rows, about=about)
    return replace(told, about={**about, "sha256": hash_of(told.to_dict())})


def issued(read: Read, product: str, position: int) -> Answer:
    """The report that was issued at a position, once more.

    Raises:
        NoSuchReport: none was issued there.
        NotWhatWasIssued: it had another hash then.
    """
    span, digest = _issued(read, product, position)
    told = report(read, span)
    if told.about["sha256"] != digest:
        msg = (
            f"what was issued at position {position} had the SHA-256 {digest}, and what the log says now up to position "
            f"{span.position} has {told.about['sha256']}; `decisionlog verify` and `decisionlog rebuild` find out why"
        )
        raise NotWhatWasIssued(msg)
    return told


def _issued(read: Read, product: str, position: int) -> tuple[Span, str]:
    """The span of a report that was issued at a position, and the hash it had."""
    sql = "select body from act where position = :p and type = 'ReportIssued.v1' and subject = :s"
    found = read.one(sql, {"p": position, "s": product})
    if found is None:
        msg = f"no report of {product} was issued at position {position}"
        raise NoSuchReport(msg)
    data = json.loads(found[0])
    since, until = (to_micros(parse_timestamp(data[name])) for name in ("since", "until"))
    return Span(product, since, until, data["position"]), data["sha256"]


def hash_of(told: Row) -> str:
    """SHA-256 of a report's canonical JSON, in hex. Takes a report as it is answered, also with its names and its hash."""
    return sha256(
        canonical(_without_texts({name: said for name, said in told.items() if name != "sha256"}))
    ).hexdigest()


def _without_texts(value: Any) -> Any:
    if isinstance(value, dict):
        kept = ((name, said) for name, said in value.items() if name not in TEXTS and said is not None)
        return {name: _without_texts(said) for name, said in kept}
    return [_without_texts(member) for member in value if member is not None] if isinstance(value, list) else value


def _recorded_at(read: Read, position: int) -> int:
    """When a position was recorded: the instant that pins it, as no two share one."""
    found = read.one("select recorded_at from act where position = :p", {"p": position})
    if found is None:
        msg = f"the log ends at position {read.position}; there is no {position}"
        raise NoSuchReport(msg)
    return int(found[0])


def _named(rows: Iterable[Row]) -> list[str]:
    """The subjects that the lines name without saying what they are called."""
    named = ([row["changes"], row["blame"]["because"], row["rests_on"], row.get("slips")] for row in rows)
    return sorted({one for said in named for one in _subjects_in(said)})


def _subjects_in(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return [value] if is_subject(value) else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [one for member in inner for one in _subjects_in(member)]


@dataclass(frozen=True)
class _Act:
    """What the read model keeps of an act beside its blame."""

    transaction: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class _Standing:
    """How something stands at the end of the span: the cells that say so, and what else its line says."""

    section: Section
    subject: str
    fields: Sequence[str]
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Told:
    """A line of what happened, with how many of the cells it changed still hold what it says."""

    line: Line | None
    number: int
    holding: int = 0


class _Happened:
    """Lines of what happened, made of steps in their order. Of a long section only its weightiest lines are kept."""

    def __init__(self) -> None:
        self.counts: Counter[Section] = Counter()
        self._told: dict[Section, dict[tuple[Any, ...], _Told]] = {}
        self._last: dict[tuple[str, str], _Told | None] = {}
        """By which line each cell holds what it does."""

    def add(self, section: Section | None, step: Row, data: Mapping[str, Any], line: Callable[..., Line]) -> None:
        """Adds a step to the line of its act in a section, which is begun with `line` if there is none."""
        told = self._line_for(section, step, data, line) if section else None
        cell = (step["subject"], step["field"])
        before = self._last.get(cell)
        if before:
            before.holding -= 1
        self._last[cell] = told
        if told and told.line:
            told.holding += 1
            change = {name: step[name] for name in ("field", "before", "after", "direction")}
            told.line["changes"].append(change)

    def _line_for(self, section: Section, step: Row, data: Mapping[str, Any], line: Callable[..., Line]) -> _Told:
        found = self._told.setdefault(section, {})
        key = (step["subject"], step["at"], step["position"])
        if key not in found:
            self.counts[section] += 1
            if len(found) >= 2 * MOST_LINES:
                self._thin_out(section)
            self._told[section][key] = _Told(line(section, step, data), self.counts[section])
        return self._told[section][key]

    def _thin_out(self, section: Section) -> None:
        """Keeps the weightiest lines of a section: those whose contents hold still, then the latest."""
        found = self._told[section]
        by_weight = sorted(found, key=lambda key: (found[key].holding > 0, found[key].number))
        for key in by_weight[:-MOST_LINES]:
            found.pop(key).line = None

    def lines(self) -> list[Line]:
        """The lines that were kept, in their order."""
        for section in self._told:
            self._thin_out(section)
        told = [one for found in self._told.values() for one in found.values()]
        return [{**one.line, "holds": one.holding > 0} for one in told if one.line]


class _Reporter:
    """Puts a report together from one snapshot."""

    def __init__(self, read: Read, span: Span, then: ResolvedTime) -> None:
        assert span.until is not None
        self.read, self.span, self.then = read, span, then
        self.until = span.until
        self.day = format_micros(self.until)[:10]
        self.order = Order(read, then)
        self.counts: Counter[Section] = Counter()
        self.members = self._members()
        self.values: Values = by_subject(self._at_the_end())

    def rows(self) -> list[Line]:
        """All lines, section by section."""
        happened = sorted(
            (*self._happened(), *self._course()), key=lambda line: (line["at"], line["blame"]["position"])
        )
        told = [*happened, *self._stands(), *self._late()]
        self.read.bounds.keep(len(told) * LINE_BYTES)
        behind = self._behind(line["subject"] for line in told)
        for line in told:
            line["rests_on"] = [one for one in behind.get(line["subject"], ()) if one not in line["blame"]["because"]]
        return sorted(told, key=lambda line: SECTIONS.index(line["section"]))  # stable: each section keeps its order

    def _members(self) -> list[str]:
        """All that belonged to the product when the span began or when it ended, on the record or not."""
        began = replace(self.then, at=self.span.since - 1)
        found: set[str] = set()
        for then in (began, self.then):
            where, parameters = subjects_where(
                self.read, Filter(products=[self.span.product], include_removed=True), then, "c.subject"
            )
            sql = f"select distinct c.subject from cell c where c.field = 'exists' and {where}"
            found.update(row[0] for row in self.read.rows(sql, parameters))
        return sorted(found)

    def _at_the_end(self) -> list[Row]:
        return all_field_values(self.read, Filter(products=[self.span.product], fields=AT_THE_END), self.then)

    def _first(self, section: Section, lines: Sequence[One]) -> Sequence[One]:
        """Those lines of a section that are told, of all that there are."""
        self.counts[section] += len(lines)
        return lines[:MOST_LINES]

    # What happened

    def _happened(self) -> list[Line]:
        """A line for each act and section, with the cells that it changed."""
        told, begun = _Happened(), self._begun()
        for steps, acts in self._steps(FIELDS):
            for step in steps:
                act = acts[step["position"]]
                section = _section(step, self.span.product, new=(act.transaction, step["subject"]) in begun)
                told.add(section, step, act.data, self._line)
        self.counts += told.counts
        lines = told.lines()
        for line in lines:
            if line["section"] == "slipped":
                line["slips"] = self._slips(line["subject"], line["changes"][-1]["field"])
        return lines

    def _begun(self) -> set[tuple[str, str]]:
        """The units that put a subject on the record in the span, each with the subject."""
        return {
            (acts[step["position"]].transaction, step["subject"])
            for steps, acts in self._steps((EXISTS,))
            for step in steps
            if _began(step)
        }

    def _steps(self, fields: Sequence[str]) -> Iterator[tuple[list[Row], Mapping[int, _Act]]]:
        """The steps of the span in batches, each with its acts; a batch is not kept."""
        asked = ChangeFilter(fields=Filter(subjects=self.members, fields=fields), span=(self.span.since, self.until))
        steps = (step for step in each_step(self.read, asked, self.then) if self._changed(step))
        while batch := list(islice(steps, STEPS_AT_ONCE)):
            read_before = self.read.bounds.read
            yield batch, self._acts(step["position"] for step in batch)
            self.read.bounds.release(read_before)

    def _changed(self, step: Row) -> bool:
        """Whether it changed what is meant, and not the word for it alone."""
        before, after = (as_one(step[side]["value"], self.read.same) for side in ("before", "after"))
        return before != after and not (before in (None, []) and after in (None, []))

    def _line(self, section: Section, step: Row, data: Mapping[str, Any]) -> Line:
        """A line with no changes yet. Who decided is named where the act says so, else whose act it was."""
        deciders = data.get("deciders") if section == "decisions" else None
        return _line(
            section, step, step["blame"], at=step["at"], by=deciders, why=_own_reason(step["blame"]["type"], data)
        ) | {"holds": False}

    def _slips(self, subject: str, field: str) -> Row:
        """How often a promise was put off by the end of the span, and what was promised first."""
        asked = ChangeFilter(fields=Filter(subjects=[subject], fields=[field]))
        steps = list(each_step(self.read, asked, self.then))  # which are not kept for long
        first = next((step["after"] for step in steps if step["after"]["value"] is not None), None)
        return {"later": sum(step["direction"] == "later" for step in steps), "first": first}

    def _acts(self, positions: Iterable[int]) -> Mapping[int, _Act]:
        sql = f"select position, unit, body from act where position in {members('positions')}"
        rows = self.read.rows(sql, {"positions": sorted(set(positions))})
        return {position: _Act(transaction, json.loads(body)) for position, transaction, body in rows}

    def _course(self) -> list[Line]:
        """Acts that say where the product goes."""
        asked = AuditFilter(
            subjects=[self.span.product], types=COURSE, span=(self.span.since, self.until), voided=False
        )
        acts = all_events(self.read, asked, self.then)
        return [self._of_act("course", act) for act in self._first("course", acts)]

    def _of_act(self, section: Section, act: Row) -> Line:
        blame = {name: said for name, said in act.items() if name not in _OF_ACT}
        return _line(section, act, blame, at=act["at"], by=None, why=_own_reason(act["type"], act["data"]))

    # How things stand at the end

    def _stands(self) -> list[Line]:
        features = self._of_kind("feature", lambda cells: _value(cells, STATUS) not in CLOSED)
        planned = [one for one in features if _is_planned(self.values[one])]
        coming = [one for one in planned if _value(self.values[one], STATUS) != "paused"]
        standing = [
            *self._overdue(features),
            *(_Standing("next", one, _plans(self.values[one])) for one in sorted(coming, key=self._turn)),
            *self._waiting(),
            *self._undecided(planned),
        ]
        told = [*self._standing(standing), *self._unowned()]
        acts = self._acts(line["blame"]["position"] for line in told)
        return [
            {**line, "why": _own_reason(line["blame"]["type"], acts[line["blame"]["position"]].data)} for line in told
        ]

    def _of_kind(self, kind: str, fits: Callable[[Mapping[str, Row]], bool]) -> list[str]:
        return [one for one, cells in self.values.items() if kind_of(one) == kind and fits(cells)]

    def _standing(self, standing: Sequence[_Standing]) -> list[Line]:
        """A line for each, with the blame of the latest of its cells; of each section those that are told."""
        by_section: dict[Section, list[_Standing]] = {}
        for one in standing:
            by_section.setdefault(one.section, []).append(one)
        told = [one for section, found in by_section.items() for one in self._first(section, found)]
        cells = [[cell for name, cell in self.values[one.subject].items() if name in one.fields] for one in told]
        latest = [max(found, key=lambda cell: (cell["since"], cell["position"])) for found in cells]
        blamed = find_blames(self.read, (cell["position"] for cell in latest), self.then)
        lines = []
        for one, found, last in zip(told, cells, latest, strict=True):
            line = _line(one.section, last, blamed[last["position"]], at=last["since"], by=None, why=None)
            line["changes"] = [
                {"field": cell["field"], "after": {"value": cell["value"], "source_value": cell["source_value"]}}
                for cell in found
            ]
            lines.append({**line, **one.more})
        return lines

    def _overdue(self, features: Sequence[str]) -> list[_Standing]:
        """Open features and goals of which every day that was promised is over."""
        late = [(one, name) for one in features if (name := self._latest_target(one))]
        goals = self._of_kind(
            "goal", lambda cells: _value(cells, STATUS) == "open" and self._is_over(_value(cells, "by"))
        )
        return [
            *(_Standing("overdue", one, [name], {"due": self._due(one, name)}) for one, name in late),
            *(_Standing("overdue", one, ["by"], {"due": self._due(one, "by")}) for one in goals),
        ]

    def _due(self, subject: str, name: str) -> Any:
        return self._day_of(self.values[subject][name]["value"])

    def _latest_target(self, feature: str) -> str | None:
        """The last of a feature's targets, if the days of all of them are over."""
        days = {
            name: self._day_of(cell["value"]) for name, cell in self.values[feature].items() if _is_target(name, cell)
        }
        if not days or not all(self._is_over(day) for day in days.values()):
            return None
        return max(days, key=lambda name: (str(days[name]), name))

    def _day_of(self, target: Any) -> Any:
        """The day of a target, if it is one, or a release that has one."""
        return _value(self.values.get(str(target), {}), "on") if str(target).startswith("release:") else target

    def _is_over(self, day: Any) -> bool:
        return isinstance(day, str) and day < self.day

    def _turn(self, feature: str) -> tuple[Any, ...]:
        """Where a feature stands among those that come next."""
        cells = self.values[feature]
        horizon, rank = _value(cells, "horizon"), _value(cells, "rank")
        targets = sorted(self.order.key(cell["value"]) for name, cell in cells.items() if _is_target(name, cell))
        return (
            HORIZONS.index(horizon) if horizon in HORIZONS else len(HORIZONS), rank if isinstance(rank, int) else 1 << 53,
            not targets, targets[:1], feature,
        )  # fmt: skip

    def _waiting(self) -> list[_Standing]:
        """Decisions that are still to be taken, and those whose day to be looked at again is there."""
        open_ = self._of_kind("decision", lambda cells: (_value(cells, STATUS) or PROPOSED) in OPEN_DECISION)
        due = self._of_kind(
            "decision", lambda cells: _value(cells, STATUS) == "accepted" and self._is_over(_value(cells, "review_on"))
        )
        return [
            *(_Standing("waiting", one, [STATUS]) for one in open_ if STATUS in self.values[one]),
            *(_Standing("waiting", one, ["review_on"]) for one in due),
        ]

    def _unowned(self) -> list[Line]:
        """What nobody is accountable for, of what is still going on."""
        found = unowned(self.read, Filter(products=[self.span.product]), self.then.when, limit=len(self.members) + 1)
        going_on = self._first("unowned", [row for row in found.rows if self._goes_on(row["subject"])])
        acts = self._last_acts(row["subject"] for row in going_on)
        return [
            _line("unowned", row, acts[row["subject"]], at=acts[row["subject"]]["at"], by=None, why=None)
            | {"departed": row["departed"]}
            for row in going_on
        ]

    def _goes_on(self, subject: str) -> bool:
        status = _value(self.values.get(subject, {}), STATUS)
        return status not in OVER

    def _last_acts(self, subjects: Iterable[str]) -> Mapping[str, Row]:
        """What was last said of who owns each of these, or else when it began."""
        asked = Filter(subjects=sorted(subjects), fields=(ACCOUNTABLE, EXISTS), include_removed=True)
        cells = (
            with_blame(self.read, all_field_values(self.read, asked, self.then), self.then) if asked.subjects else []
        )
        return {cell["subject"]: cell["blame"] for cell in sorted(cells, key=lambda cell: cell["field"] == ACCOUNTABLE)}

    def _undecided(self, planned: Sequence[str]) -> list[_Standing]:
        """Planned features that neither name a decision nor have an act that rests on one."""
        behind = self._behind(planned)
        return [_Standing("undecided", one, _plans(self.values[one])) for one in planned if one not in behind]

    def _behind(self, subjects: Iterable[str]) -> Mapping[str, Sequence[str]]:
        """The decisions behind each of these that has any: those its acts rest on, in their order, and those it names."""
        asked = sorted(set(subjects))
        sql = f"""select a.subject, b.decision from act_because b join act a on a.position = b.position
            where a.subject in {members("subjects")} and a.position <= :p and a.eff <= :t and (a.void is null or a.void > :p)
            order by a.eff, a.position, b.decision"""
        found: dict[str, list[str]] = {}
        for subject, decision in self.read.rows(sql, {"subjects": asked, **self.then.parameters}):
            found.setdefault(subject, []).append(decision)
        for subject in asked:
            linked = _value(self.values.get(subject, {}), "decisions")
            if linked:
                found.setdefault(subject, []).extend(linked)
        return {subject: list(dict.fromkeys(decisions)) for subject, decisions in found.items()}

    # What was learnt late

    def _late(self) -> list[Line]:
        """Acts recorded in the span that took effect before it, and entries that were voided in it."""
        recorded = (self.span.since, self.until)
        then = replace(self.then, when=replace(self.then.when, as_of=None))  # what was voided need not be in effect
        backdated = all_events(self.read, AuditFilter(subjects=self.members, recorded=recorded, backdated=True), then)
        voids = all_events(
            self.read, AuditFilter(subjects=self.members, recorded=recorded, types=["EntryVoided"]), then
        )
        since = format_micros(self.span.since)
        late = [act for act in backdated if act["at"] < since and act["type"] != "ChangesImported.v1"]
        found = {act["position"]: act for act in (*late, *voids)}
        told = self._first("late", [act for _, act in sorted(found.items())])
        return [self._of_act("late", act) | _voiding(act) for act in told]


_OF_ACT: Final = ("subject", "title", "version", "transaction", "index", "credential", "references", "data")


def _line(section: Section, about: Row, blame: Row, *, at: str, by: Sequence[str] | None, why: str | None) -> Line:
    """One line: what it is about, when, by whom, why, and where it can be looked up."""
    return {
        "section": section, "subject": about["subject"], "title": about["title"], "at": at,
        "by": list(by or [blame["principal"]]), "why": why, "changes": [], "blame": blame,
        "link": f"/v1/subjects/{about['subject']}",
    }  # fmt: skip


def _voiding(act: Row) -> Row:
    return {"voids": act["data"]["position"]} if act["type"] == "EntryVoided.v1" else {}


def _own_reason(type_: str, data: Mapping[str, Any]) -> str | None:
    names = ("until",) if type_ == "DecisionDeferred.v1" else OWN_REASONS
    return next((str(data[name]) for name in names if data.get(name)), None)


def _section(step: Row, product: str, *, new: bool) -> Section | None:
    """Where a step is told, if it is; `new` if its subject was put on the record in the same unit."""
    kind, field, after = kind_of(step["subject"]), step["field"], step["after"]["value"]
    if field == ACCOUNTABLE or field.startswith("delegation."):
        return None if new and step["direction"] == "first" else "handed_over"
    if kind == "feature":
        return _of_feature(step, product)
    if kind == "decision":
        proposed = field == STATUS and _began(step) and after == PROPOSED
        return "decisions" if field in (STATUS, EXISTS) and not proposed and not _is_birth(step) else None
    if kind == "goal":
        return "course" if field in (STATUS, EXISTS) and not _is_birth(step) else None
    if kind == "release" and field == "on":
        return "slipped" if step["direction"] == "later" else "moved"
    return None


def _of_feature(step: Row, product: str) -> Section | None:
    field, after = step["field"], step["after"]["value"]
    if field == "products":
        left = product in (step["before"]["value"] or ()) and product not in (after or ())
        return "dropped" if left else None if _began(step) else "moved"
    if field == EXISTS:
        return "dropped" if _was_struck(step) else "moved"
    if field == STATUS and after in CLOSED:
        return "shipped" if after == "shipped" else "dropped"
    return "slipped" if field.startswith(TARGET) and step["direction"] == "later" else "moved"


def _began(step: Row) -> bool:
    """Whether there was nothing before."""
    return step["before"]["value"] is None and step["before"]["source_value"] is None


def _is_birth(step: Row) -> bool:
    return step["field"] == EXISTS and _began(step)


def _was_struck(step: Row) -> bool:
    return step["field"] == EXISTS and step["after"]["value"] is False


def _value(cells: Mapping[str, Row], field: str) -> Any:
    return cells[field]["value"] if field in cells else None


def _is_target(name: str, cell: Row) -> bool:
    return name.startswith(TARGET) and cell["value"] is not None


def _is_planned(cells: Mapping[str, Row]) -> bool:
    return bool(_plans(cells))


def _plans(cells: Mapping[str, Row]) -> list[str]:
    """The cells that say a feature is to come: promised or under way, near on the board, or aimed at something."""
    return [
        name
        for name, cell in cells.items()
        if _is_target(name, cell)
        or (name == STATUS and cell["value"] in PROMISED | {"paused"})
        or (name == "horizon" and cell["value"] in ("now", "next"))
    ]
