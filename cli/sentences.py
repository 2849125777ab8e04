"""Events as sentences: "Priya moved Night mode from now to later, because of Winter first"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from api.pages.labels import EMPTIED_FIELDS, command_label, field_label
from api.pages.verbs import verb_of
from cli.answer_titles import Titles
from cli.dates import Zone
from cli.display import Line, Span, format_day, format_when, isolate, to_single_line, wrap
from cli.forecasts import describe_expectation, describe_outcome
from domain.fields import EXISTS, STATUS
from domain.ids import LOG_SERVICE
from domain.times import parse_timestamp

Row = Mapping[str, Any]

_SAID_BY_VERB: Final = frozenset(
    {EXISTS, STATUS, "decision", "why", "context", "title", "definition", "vision", "strategy", "deciders", "kind"}
    | {"products", "tags", "superseded_by", "ended_by", "confirmed", "authority", "ratification", "rank", "options"}
    | {"version", "deferred_until", "evidence", "assumptions", "constraints", "expected", "cost", "review_on", "goals"}
    | {"attendees", "invited", "agenda", "notes", "held_on"}
)
"""Fields whose values are too long for a sentence, or that the verb says already."""
_SAID_PREFIXES: Final = (
    "advice.",
    "dissent.",
    "confirmed.",
    "ratified.",
    "acknowledged.",
    "approval.",
    "abstention.",
    "access.",
    "review.",
    "authority.",
)
_MOVES: Final = (
    "FeaturePrioritized",
    "MilestoneTargeted",
    "ReleaseRescheduled",
    "OwnershipHandedOver",
    "OwnershipAssigned",
)
_RESULTS: Final[Mapping[tuple[str, str], str]] = {
    ("GoalClosed", STATUS): "as {}",
    ("ReasoningReviewed", "review.reasoning"): "as {}",
    ("DecisionReviewed", "review.outcome"): "(outcome: {})",
}
"""The field that has the result of an event, and how a sentence says it: "closed the goal X as met"."""
_MANY: Final = 4
"""As many events of one person and one kind with the same effect share one sentence."""

IT: Final = "it"
"""What the titles of a document call its own subject."""
_SAID_OF_IT: Final = {
    "handed over": "handed it over",
    "gave up": "gave it up",
    "wrote up": "wrote it up",
    "found false:": "found it false",
    "found true:": "found it true",
    "assigned to products:": "assigned it to products",
}
"""Verbs with "it" as their object, where it does not simply follow."""

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "Reversed": ("DecisionReversed", "DecisionSuperseded", "DecisionReopened"),
    "Decided": ("DecisionRecorded", "DecisionAccepted", "DecisionRejected", "DecisionDeferred", "DecisionRatified"),
    "Shipped": ("FeatureShipped",),
    "Slipped": (),
    "Brought forward": (),
    "Moved": (
        "FeaturePrioritized",
        "MilestoneTargeted",
        "FeatureCommitted",
        "FeatureStarted",
        "FeaturePaused",
        "FeatureReopened",
        "ReleaseRescheduled",
    ),
    "Dropped": ("FeatureDropped", "DecisionWithdrawn"),
    "New": ("FeatureProposed", "DecisionProposed", "ProductDefined", "ReleaseScheduled", "GoalSet"),
    "Ownership": (
        "OwnershipAssigned",
        "OwnershipReleased",
        "OwnershipHandedOver",
        "OwnershipAcknowledged",
        "OwnershipDelegated",
        "DelegationRevoked",
        "ActionsDelegated",
    ),
    "Goals and strategy": (
        "GoalClosed",
        "VisionSet",
        "StrategySet",
        "ReleasesOrdered",
        "ProductRetired",
        "DecisionRightsSet",
    ),
    "Advice and reviews": (
        "AdviceGiven",
        "DissentRecorded",
        "DecisionApproved",
        "AbstentionRecorded",
        "DecisionReviewed",
        "ReasoningReviewed",
        "DecisionRevised",
    ),
    "People and access": (
        "PersonRegistered",
        "PersonLeft",
        "PersonMerged",
        "TeamRegistered",
        "TeamDisbanded",
        "RoleGranted",
        "RoleRevoked",
        "TokenCreated",
        "TokenRevoked",
        "SignInLinkCreated",
        "AccountConnected",
        "AccountDisconnected",
        "NamesChanged",
    ),
}
"""What happened, the weightiest first, and the events that each heading has."""
EVIDENCE: Final = "Evidence and outcomes"
OTHER: Final = "Other changes"


@dataclass
class Happening:
    """An event with the changes it made that matter here."""

    blame: Row
    subject: str
    title: str | None
    changes: list[Row] = field(default_factory=list)

    @property
    def type(self) -> str:
        """The type of the event, without its version."""
        return str(self.blame["type"]).partition(".")[0]

    @property
    def group(self) -> str:
        """The heading under which it is shown."""
        directions = {change["direction"] for change in self.changes if is_target(change["field"])}
        if "later" in directions:
            return "Slipped"
        if "earlier" in directions:
            return "Brought forward"
        if self.type.startswith(("Evidence", "Assumption", "Outcome", "ExpectedOutcome")):
            return EVIDENCE
        return next((name for name, types in GROUPS.items() if self.type in types), OTHER)


def is_target(name: str) -> bool:
    """Return whether a field says when something is due."""
    return name.startswith("target.") or name in ("due_on", "by")


def group_happenings(happenings: Iterable[Happening]) -> dict[str, list[Happening]]:
    """Return what happened under its headings, the weightiest first, each newest first."""
    found: dict[str, list[Happening]] = {name: [] for name in (*GROUPS, EVIDENCE, OTHER)}
    for each in sorted(happenings, key=lambda each: each.blame["position"], reverse=True):
        found[each.group].append(each)
    return {name: listed for name, listed in found.items() if listed}


def merge_alike(happenings: Sequence[Happening], titles: Titles) -> Iterator[tuple[Happening, list[Happening]]]:
    """Yield each event with those like it, where one person did the same to many subjects."""
    alike: dict[tuple[str, ...], list[Happening]] = {}
    for each in happenings:
        effect = describe_changes(each, titles)
        alike.setdefault((each.type, str(each.blame["principal"]), effect, each.blame["at"][:10]), []).append(each)
    for group in alike.values():
        if len(group) >= _MANY:
            yield group[0], group
        else:
            for each in group:
                yield each, [each]


def tell(happening: Happening, titles: Titles, alike: Sequence[Happening] = ()) -> list[Span]:
    """Return the sentence of an event; `alike` are others that it tells as well."""
    blame = happening.blame
    who = "The log" if blame["principal"] == LOG_SERVICE else to_single_line(titles.format(blame["principal"]))
    spans: list[Span] = [(isolate(who), "")]
    if happening.type == "ActionsDelegated":
        spans.append((" delegated actions", ""))
    elif (pronoun := titles.format(happening.subject)) == IT:
        spans.append((f" {_with_pronoun(_verb(happening), pronoun)}", ""))
    else:
        spans += [(f" {_verb(happening)} ", ""), *_name_subjects(happening, titles, alike)]
    if effect := describe_changes(happening, titles):
        spans.append((effect if effect.startswith(":") else f" {effect}", ""))
    if blame["actor"] != blame["principal"]:
        spans.append((f", recorded by {to_single_line(titles.format(blame['actor']))}", ""))
    return [*spans, *_give_reason(happening, titles)]


def _verb(happening: Happening) -> str:
    """Return what was done: an import that brings the first values of a subject added it."""
    verb = verb_of(str(happening.blame["type"]))
    is_first = any(change["field"] == EXISTS and change["after"]["value"] for change in happening.changes)
    return "added" if is_first and verb == "changed" else verb


def _with_pronoun(verb: str, pronoun: str) -> str:
    """Return a verb with its object: "handed it over", "set its vision", "moved it"."""
    if verb in _SAID_OF_IT:
        return _SAID_OF_IT[verb]
    if named := re.fullmatch(r"(\w+) the (goal|task)", verb):
        return f"{named[1]} {pronoun}"
    owned = re.fullmatch(r"(set|ordered|reviewed|judged|added to) the (.+) of", verb)
    return f"{owned[1]} {pronoun}s {owned[2]}" if owned else f"{verb} {pronoun}"


def _name_subjects(happening: Happening, titles: Titles, alike: Sequence[Happening]) -> list[Span]:
    if len(alike) < _MANY:
        return [(isolate(_title(happening, titles)), "bold")]
    named = ", ".join(isolate(_title(each, titles)) for each in alike[:2])
    return [(f"{len(alike)} subjects", "bold"), (f" ({named}, …)", "")]


def _title(happening: Happening, titles: Titles) -> str:
    called = titles.format(happening.subject)
    return to_single_line(called if called != happening.subject else happening.title or happening.subject)


def _give_reason(happening: Happening, titles: Titles) -> list[Span]:
    """Return the event's own reason: the decisions behind it, its remark, or the reason that it requires."""
    if because := happening.blame["because"]:
        return [(", because of ", ""), (to_single_line(titles.format(because)), "italic")]
    required = [each["after"]["value"] for each in happening.changes if each["field"].endswith("because")]
    note = to_single_line(str(happening.blame.get("note") or next(filter(None, required), "")))
    if note:
        return [(", because: ", ""), (isolate(note), "italic")]
    return [(", based on a decision that you may not read", "")] if happening.blame.get("because_hidden") else []


def describe_changes(happening: Happening, titles: Titles) -> str:
    """Return what an event changed: "from now to later", or "(target: 2.1 → 2.2; owner: Priya)"."""
    shown = [change for change in happening.changes if _is_shown(change)]
    if any(change["field"] == EXISTS and change["after"]["value"] for change in happening.changes):
        return ""
    if len(shown) == 1 and happening.type in _MOVES:
        before, after = (_value(shown[0][side], titles) for side in ("before", "after"))
        return f"from {before} to {after}" if before and after else f"to {after or 'nothing'}"
    for change in happening.changes:
        if words := _RESULTS.get((happening.type, change["field"])):
            return words.format(str(change["after"]["value"]).replace("-", " "))
        if change["field"].startswith("access.") and change["after"]["value"]:
            product = change["after"]["value"]
            held = "all products" if product == "all" else to_single_line(titles.format(product))
            return f"({change['field'].split('.')[1]} for {held})"
    if shown and (said := _describe_object(shown[0]["field"], shown[0]["after"]["value"], titles)):
        return said
    parts = [
        f"{field_label(change['field'])}: {_value(change['before'], titles) or '–'} → {_value(change['after'], titles) or '–'}"
        for change in shown
    ]
    return f"({'; '.join(parts)})" if parts else ""


def _describe_object(name: str, value: Any, titles: Titles) -> str:
    """Return a delegation, a report, a forecast or an outcome in words; empty for any other value."""
    if not isinstance(value, Mapping):
        return ""
    if name.startswith("delegation."):
        return describe_delegation(value, titles)
    if name == "report":
        return describe_report(value)
    if "measure" in value:
        return f": {describe_expectation(value)}"
    return f": {''.join(text for text, _ in describe_outcome(value, titles))}" if "result" in value else ""


def describe_delegation(value: Row, titles: Titles) -> str:
    """Return to whom something was delegated, and what: "to Aoife Byrne (feature)"."""
    limits = describe_limits(value, titles)
    to = to_single_line(titles.format(value.get("to")))
    return f"to {isolate(to)}" + (f" ({to_single_line(limits)})" if limits else "")


def describe_limits(value: Row, titles: Titles) -> str:
    """Return which commands and kinds of decisions a delegation covers, about what and until when; empty for all."""
    actions = [command_label(each).lower() for each in value.get("actions") or ()]
    what = ", ".join([*actions, *(value.get("kinds") or ())])
    where = titles.format(value.get("products") or [])
    until = f"until {format_day(value['until'])}" if value.get("until") else ""
    return "; ".join(part for part in (what, where, until) if part)


def describe_report(value: Row | None) -> str:
    """Return the period of a report that was issued: "from Feb 26, 2026 to May 28, 2026"."""
    return f"from {format_day(value['since'])} to {format_day(value['until'])}" if value else ""


def _is_shown(change: Row) -> bool:
    name = change["field"]
    is_said = name in _SAID_BY_VERB or (name in EMPTIED_FIELDS and not change["after"]["value"])
    return not is_said and not name.startswith(_SAID_PREFIXES) and not name.endswith("because")


def _value(cell: Row, titles: Titles) -> str:
    text = (
        to_single_line(titles.format(cell["value"])) if cell["value"] is not None else str(cell["source_value"] or "")
    )
    return isolate(format_day(text))


def lay_out_groups(
    happenings: Iterable[Happening], titles: Titles, zone: Zone, now: datetime, width: int
) -> Iterator[Line]:
    """Yield the lines of what happened, under its headings."""
    for name, listed in group_happenings(happenings).items():
        yield [(f"{name} ", "bold"), (f"({len(listed)})", "")]
        for first, alike in merge_alike(listed, titles):
            when = format_when(parse_timestamp(first.blame["at"]), now, zone)
            yield from wrap([("  • ", ""), *tell(first, titles, alike), (f" ({when})", "dim")], width, 4)
        yield []
