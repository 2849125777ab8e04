"""Events as sentences: "Ann moved SSO from Q3 to later", each with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.pages.fields import Origin, Origins, content_of
from api.pages.verbs import verb_of
from domain.evidence import LINK, linked_subject
from domain.fields import EXISTS, STATUS
from projections.answers.changes import FieldChange
from projections.answers.parts import Blame
from projections.field_history import ChangeFilter, all_field_history
from projections.read_model import Read
from projections.timepoint import TimePoint, resolve_time

_QUIET: Final = frozenset(
    {EXISTS, "decision", "why", "context", "title", "definition", "vision", "strategy", "evidence"}
)
"""Fields whose values are too long for a sentence, or that the verb says already."""
_SAID_BY_VERB: Final = frozenset(
    {STATUS, "deciders", "kind", "products", "tags", "superseded_by", "confirmed", "authority", "ratification"}
    | {"authority.ending", "ended_by"}
)
_LONG_FIELDS: Final = ("advice.", "dissent.", "confirmed.", "ratified.", "acknowledged.", "approved.", "abstained.")


@dataclass(frozen=True, slots=True)
class Change:
    """A field that an event changed, with the values before and after."""

    field: str
    before: list[Any]
    after: list[Any]
    is_slip: bool


@dataclass(frozen=True, slots=True)
class Sentence:
    """An event in words."""

    type: str
    verb: str
    subject: str
    changes: list[Change]
    origin: Origin
    is_voided: bool

    @property
    def verb_with_this(self) -> str:
        """The verb with "this" in the place of the subject: "moved this", "found this false"."""
        first, _, rest = self.verb.partition(" ")
        is_apart = self.verb.endswith(":") and self.type != "ActionsDelegated"
        return f"{first} this {rest.rstrip(':')}" if is_apart else f"{self.verb.rstrip(':')} this"

    @property
    def is_move(self) -> bool:
        """Whether one change says it all: "moved X from A to B"."""
        return len(self.changes) == 1 and self.type in ("FeaturePrioritized", "MilestoneTargeted", "ReleaseRescheduled")


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
            verb_of(event["type"]),
            event["subject"],
            [] if _is_creation(event["changes"]) else [*_shown_changes(event["changes"])],
            origins.of(event),
            event.get("voided_by") is not None,
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


def _shown_changes(changes: Sequence[FieldChange]) -> Iterable[Change]:
    for change in changes:
        name = change["field"]
        is_said = name in _QUIET or name in _SAID_BY_VERB or name.startswith(_LONG_FIELDS) or name.endswith("because")
        if not is_said and name not in ("rank", "deferred_until", "dropped_because"):
            before, after = content_of(change["before"]), content_of(change["after"])
            if before != after and name.startswith(LINK):
                yield Change("to" if after else "no longer to", [], [linked_subject(name)], is_slip=False)
            elif before != after:
                yield Change(name, before, after, change["direction"] == "later")
