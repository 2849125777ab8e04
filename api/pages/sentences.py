"""Events as sentences: "Ann moved SSO from Q3 to later", each with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.pages.fields import Origin, Origins, content_of
from api.pages.labels import EMPTIED_FIELDS, status_mark
from api.pages.value_formats import format_forecast
from api.pages.verbs import verb_of, verb_with_this
from api.report_text import format_period
from domain.evidence import LINK, linked_subject
from domain.fields import EXISTS, STATUS
from projections.answer_types.changes import FieldChange
from projections.answer_types.parts import Blame
from projections.queries.field_history import ChangeFilter, all_field_history
from projections.queries.timepoint import TimePoint, resolve_time
from projections.read_model.model import Read

_QUIET: Final = frozenset(
    {EXISTS, "decision", "why", "context", "title", "definition", "vision", "strategy", "evidence"}
)
"""Fields whose values are too long for a sentence, or that the verb says already."""
_SAID_BY_VERB: Final = frozenset(
    {STATUS, "deciders", "kind", "products", "tags", "superseded_by", "confirmed", "authority", "ratification"}
    | {"authority.ending", "authority.self_approved", "ended_by", "decision_rights"}
    | {"review.by", "review.finding", "review.learned", "review.reasoning_by", "review.reasoning_finding"}
)
_LONG_FIELDS: Final = (
    *("advice.", "dissent.", "confirmed.", "ratified.", "acknowledged.", "approval.", "abstention."),
)
IMPORTED: Final = "ChangesImported"
MAX_HISTORY: Final = 200
"""The events that the page of a subject shows, the latest ones."""
_PLACES: Final = ("horizon", "target.", "due_on")
_MOVES: Final = ("FeaturePrioritized", "MilestoneTargeted", "ReleaseRescheduled", "TaskRescheduled")
_HANDOVERS: Final = ("OwnershipAssigned", "OwnershipHandedOver")
_PHRASES: Final = {
    ("GoalClosed", STATUS): "as",
    ("MeasurementRecorded", "current"): "at",
    ("ReasoningReviewed", "review.reasoning"): "as",
}
"""The word that joins the value of a field to the sentence."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field that an event changed, with the values before and after."""

    field: str
    before: list[Any]
    after: list[Any]
    is_slip: bool
    is_phrase: bool = False
    """Whether `field` is the word before the value, as in "closed the goal as met"."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """An event in words."""

    type: str
    verb: str
    subject: str
    changes: list[Change]
    origin: Origin
    is_voided: bool

    quote: str | None = None
    """The words of the event, such as the advice that was given."""

    @property
    def verb_with_this(self) -> str:
        """The verb with "this" in the place of the subject: "moved this", "found this false"."""
        return f"{self.verb} this" if self.is_imported else verb_with_this(self.type)

    @property
    def is_move(self) -> bool:
        """Whether one change says it all: "moved X from A to B", "handed over X from A to B"."""
        if len(self.changes) != 1:
            return False
        if self.type == IMPORTED:
            return self.changes[0].field.startswith(_PLACES)
        return self.type in _MOVES or (self.type in _HANDOVERS and self.changes[0].field.startswith("role."))

    @property
    def is_imported(self) -> bool:
        """Whether it was imported from another system."""
        return self.type == IMPORTED


class EventWithChanges(Blame):
    """The members of an event that its sentence needs."""

    subject: str
    changes: list[FieldChange]


def build_sentences(read: Read, events: Iterable[EventWithChanges], when: TimePoint) -> list[Sentence]:
    """Return events as sentences, in the same order."""
    found = list(events)
    origins = Origins(read, found, when)
    return [
        Sentence(
            event["type"].partition(".")[0],
            _verb_of(event),
            event["subject"],
            []
            if _is_creation(event["changes"])
            else [*_shown_changes(event["type"].partition(".")[0], event["changes"])],
            origins.of(event),
            event.get("voided_by") is not None,
            _quote(event["changes"]),
        )
        for event in found
    ]


def find_sentences(read: Read, selection: ChangeFilter, when: TimePoint) -> list[Sentence]:
    """Return the events that made the selected changes as sentences, newest first."""
    events: dict[tuple[int, str], EventWithChanges] = {}
    for change in all_field_history(read, selection, resolve_time(read, when)):
        key = change["position"], change["subject"]
        event = events.setdefault(key, {**change["blame"], "subject": change["subject"], "changes": []})
        event["changes"].append(change)
    newest = sorted(events.values(), key=lambda event: (event["at"], event["position"]), reverse=True)
    return build_sentences(read, newest, when)


def _is_creation(changes: Sequence[FieldChange]) -> bool:
    return any(change["field"] == EXISTS and change["after"]["value"] for change in changes)


def _verb_of(event: EventWithChanges) -> str:
    """Return the verb of an event; an imported change of horizon, target or due date is "moved"."""
    if not event["type"].startswith(IMPORTED):
        return verb_of(event["type"])
    if _is_creation(event["changes"]):
        return "added"
    shown = [*_shown_changes(IMPORTED, event["changes"])]
    return "moved" if len(shown) == 1 and shown[0].field.startswith(_PLACES) else verb_of(event["type"])


def _quote(changes: Sequence[FieldChange]) -> str | None:
    """Return the advice that an event gave."""
    return next((str(each["after"]["value"]) for each in changes if each["field"].startswith("advice.")), None)


def _shown_changes(type_: str, changes: Sequence[FieldChange]) -> Iterable[Change]:
    names = {change["field"] for change in changes}
    records: list[Change] = []
    for change in changes:
        name = change["field"]
        before, after = content_of(change["before"]), content_of(change["after"])
        if before == after or (name in EMPTIED_FIELDS and not after):
            continue
        if (type_, name) in _PHRASES:
            yield Change(_PHRASES[type_, name], [], _words(after), is_slip=False, is_phrase=True)
        elif name == "rank" and "horizon" not in names and after:
            yield Change("to rank", [], after, is_slip=False, is_phrase=True)
        elif name.startswith(LINK):
            yield Change("to" if after else "no longer to", [], [linked_subject(name)], is_slip=False, is_phrase=True)
        elif (record := _describe_record(name, before, after)) is not None:
            if record not in records:  # the end of a period says nothing new
                records.append(record)
                yield record
        elif not _is_said(name) or (type_ == IMPORTED and name == STATUS):
            is_review = name == "review.outcome"
            yield Change(name, before, _words(after) if is_review else after, change["direction"] == "later")


def _words(codes: Sequence[Any]) -> list[Any]:
    return [status_mark(each).word for each in codes]


def _products(held: Sequence[Any]) -> list[Any]:
    return ["all products" if each == "all" else each for each in held]


def _describe_record(name: str, before: list[Any], after: list[Any]) -> Change | None:
    """Return what a sentence says about a field whose value has several members; None for any other field."""
    group, _, rest = name.partition(".")
    match group, (after or before)[0]:
        case "access", _:
            return Change(f"{rest.partition('.')[0]} for", _products(before), _products(after), is_slip=False)
        case "delegation", {"to": to}:
            return Change("to", [], [to], is_slip=False, is_phrase=True)
        case "expectation", {"measure": _} as forecast:
            return Change("", [], [format_forecast(forecast)], is_slip=False)
        case "outcome", {"result": result, **more}:
            return Change("", [], [*_words([result]), *filter(None, [more.get("actual")])], is_slip=False)
        case "report", {"since": since, "until": until}:
            return Change("for", [], [format_period(since, until)], is_slip=False, is_phrase=True)
    return None


def _is_said(name: str) -> bool:
    """Return whether the verb says a change already, or its value is too long for a sentence."""
    return (
        name in _QUIET
        or name in _SAID_BY_VERB
        or name in ("rank", "deferred_until", "dropped_because")
        or name.startswith(_LONG_FIELDS)
        or name.endswith("because")
    )
