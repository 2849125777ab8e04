"""Forms for commands, made from their models: one mechanism for everything that people record on pages.

A form belongs to one command, or to several that are recorded together. Each field of a command is a field of its form,
with the model's own description as its hint.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, Literal

from pydantic.fields import FieldInfo

from domain import feature
from domain.catalog import COMMANDS
from domain.decision_messages import RiskFinding
from domain.messages import Command, Message
from domain.money import Cost
from domain.quantities import Duration
from domain.values import (
    Actor,
    AssumptionId,
    AwaitedId,
    Day,
    DecisionId,
    DependentId,
    EvidenceId,
    FeatureId,
    GoalId,
    GroundId,
    Holder,
    Integral,
    Line,
    MeetingId,
    Person,
    ProductId,
    ReleaseId,
    Slug,
    StringKind,
    SubjectId,
    SupportedId,
    TaskId,
    Text,
    Timestamp,
)

Control = Literal[
    "line",
    "text",
    "day",
    "time",
    "number",
    "choice",
    "choices",
    "check",
    "person",
    "subject",
    "money",
    "items",
    "pick",
    "duration",
    "findings",
]
"""`items` is a list of objects with fields of their own; `pick` is the title of one of these; `findings` is text with a
line for each finding.
"""

_CONTROLS: Final[Sequence[tuple[Any, Control, str]]] = (
    (Line, "line", ""),
    (Text, "text", ""),
    (Slug, "line", ""),
    (Day, "day", ""),
    (Timestamp, "time", ""),
    (Cost, "money", ""),
    (Duration, "duration", ""),
    (RiskFinding, "findings", ""),
    (GroundId, "subject", "ground"),
    (DependentId, "subject", "dependent"),
    (SupportedId, "subject", "supported"),
    (AwaitedId, "subject", "awaited"),
    (EvidenceId, "subject", "evidence"),
    (AssumptionId, "subject", "assumption"),
    (Person, "person", "person"),
    (Holder, "person", "holder"),
    (Actor, "person", "actor"),
    (ProductId, "subject", "product"),
    (DecisionId, "subject", "decision"),
    (FeatureId, "subject", "feature"),
    (GoalId, "subject", "goal"),
    (ReleaseId, "subject", "release"),
    (MeetingId, "subject", "meeting"),
    (TaskId, "subject", "task"),
    (SubjectId, "subject", ""),
)
MOVE: Final = "MoveFeature"
COMBINED: Final[Mapping[str, tuple[type[Command], ...]]] = {MOVE: (feature.PrioritizeFeature, feature.TargetMilestone)}
"""Forms that record several commands together: only those whose fields were changed."""
HIDDEN: Final = frozenset({"type", "subject", "source", "corrects", "references", "key"})
SHORT_NAME: Final = ("DefineProduct", "key")
"""The key that people see: it is in the number of every decision of a product."""
REASONS: Final = ("note", "because")
FOLDED: Final = ("effective_at", "on_behalf_of")
"""Fields of every command that are rarely needed."""
RARE: Final[Mapping[str, frozenset[str]]] = {
    MOVE: frozenset({"milestone", "cause"}),
    "TargetMilestone": frozenset({"milestone", "cause"}),
    "DefineProduct": frozenset({"line", "because"}),
    "AssignOwnership": frozenset({"from_", "until"}),
    "HandOverOwnership": frozenset({"from_", "until"}),
    "RecordEvidence": frozenset(
        {"sha256", "asked", "sample_size", "found_on", "collected_by", "valid_until", "opposes"}
    ),
}
"""Further fields of a form that are rarely needed."""
MORE: Final = "More"
FOLDS: Final[Mapping[str, tuple[str, ...]]] = {
    "Situation, evidence and assumptions": ("context", "evidence", "assumptions", "constraints"),
    "Options and their limits": ("options", "cost_limit", "time_limit"),
    "Goals, expected outcome and review": ("goals", "expected", "review_on", "cost"),
    "Who decided, when, and what it replaces": ("deciders", "effective_at", "on_behalf_of", "supersedes", "because"),
}
"""What the folded fields of a decision are about; all others are under `MORE`."""
FINAL: Final[Mapping[str, str]] = {
    "SupersedeDecision": "A superseded decision cannot be reopened.",
    "MergePeople": "Two people who were merged cannot be separated.",
    "RecordPersonLeft": "From then on, their roles are listed as having no owner, and they cannot sign in.",
    "DisbandTeam": "A disbanded team cannot hold roles again.",
    "RetireProduct": "A retired product can no longer be changed.",
    "CloseGoal": "A closed goal cannot be opened again.",
    "VoidEntry": "A voided entry cannot be made valid again.",
    "EraseTexts": "Erased text cannot be restored.",
}
"""What cannot be undone, and what that means; forms and the terminal ask for confirmation."""
REVISIONS: Final = frozenset({"ReviseDecision", "ReviseGoal", "ReviseMeeting", "ReviseAssumption", "LinkFeature"})
"""Commands whose omitted fields stay unchanged."""
REFUSED: Final = frozenset({"ImportChanges", "EraseTexts", "IssueReport", "SetAttribute", "VoidEntry"})
"""Commands whose forms would not help: other pages or interfaces have them."""
LABELS: Final[Mapping[str, str]] = {
    "key": "Short name",
    "note": "Reason",
    "because": "Based on",
    "effective_at": "Took effect at",
    "on_behalf_of": "On behalf of",
    "from_": "From",
    "by": "By",
    "to": "To",
    "due_on": "Date",
    "day": "Date instead of a release",
    "review_on": "Review on",
    "until": "Until",
    "option": "Chosen option",
    "pros": "For",
    "cons": "Against",
    "kinds": "Kinds of decision",
    "cost_limit": "Up to a cost of",
    "time_limit": "Up to a time of",
    "cost_amount": "Cost as an amount",
    "duration": "Time as an amount",
    "sha256": "SHA-256",
    "awaits": "Waits for",
    "under": "What rests on it",
    "link": "Where to read it",
    "asked": "Who was asked",
    "holders": "People and teams",
    "rules": "Rules",
    "held_on": "Day",
    "line": "Product line",
}
PAIRS: Final = ("horizon", "rank", "release", "day")
"""Short fields of the form that moves a feature; two of them share a line."""
TARGETS: Final = frozenset({"release", "day"})
"""Inputs of one field, the target of a feature, which is a release or a day."""
PICKED: Final[Mapping[str, str]] = {"option": "options"}
"""A field that names one of the items of another."""
MAIN_OF_ITEMS: Final[Mapping[str, tuple[str, ...]]] = {
    "options": ("title", "pros", "cons"),
    "rules": ("kinds", "roles", "holders", "cost_limit", "approvals", "mode"),
}
"""The fields of an item that are shown at first."""
ITEM_LABELS: Final[Mapping[tuple[str, str], str]] = {("options", "title"): "Name of the option"}
DECISION_FORMS: Final = ("RecordDecision", "ProposeDecision")
MAIN_OF_DECISION: Final = ("title", "decision", "why", "accountable", "products")
"""The fields of a new decision that are shown at first, in this order."""


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form."""

    name: str
    label: str
    hint: str
    control: Control
    kind: str
    """For a subject its kind; for a person whether teams are allowed (`holder`) or not (`person`)."""
    choices: tuple[str, ...]
    is_list: bool
    is_required: bool
    is_folded: bool
    default: Any
    empty: str = "none"
    """What an empty choice is called where the field is optional."""
    fields: tuple[FormField, ...] = ()
    """The fields of each item, where it is a list of items."""

    @property
    def is_half(self) -> bool:
        """Whether the field is half a line wide."""
        return self.name in PAIRS

    @property
    def every(self) -> Sequence[FormField]:
        """The field itself, and those of its items."""
        return self, *self.fields


@dataclass(frozen=True, slots=True)
class Form:
    """A form with the commands that it records."""

    name: str
    commands: tuple[type[Command], ...]
    fields: tuple[FormField, ...]

    @property
    def creates(self) -> str | None:
        """The kind of the subject that it creates, if any."""
        return self.commands[0].creates

    @property
    def every_field(self) -> tuple[FormField, ...]:
        """Its fields, and those of their items."""
        return tuple(one for each in self.fields for one in each.every)

    @property
    def folds(self) -> list[tuple[str, list[FormField]]]:
        """The folded fields by what they are about; a short form has them in one fold."""
        folded = [each for each in self.fields if each.is_folded]
        folds = FOLDS if any(each.control == "items" for each in folded) else {}
        named = [(label, [each for each in folded if each.name in names]) for label, names in folds.items()]
        rest = [each for each in folded if not any(each.name in names for names in folds.values())]
        return [(label, found) for label, found in (*named, (MORE, rest)) if found]

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        if self.name == MOVE:
            return "Change when it is planned, and say why."
        text = (self.commands[0].__doc__ or "").strip().partition("\n")[0]
        return self.with_labels(text.removesuffix(" Omitted fields stay unchanged."))

    def with_labels(self, text: str) -> str:
        """Return a text that calls the fields of the form by their labels."""
        labels = {each.name: each.label for each in self.every_field}
        return re.sub(r"`([a-z_]+)`", lambda found: f"“{labels[found[1]]}”" if found[1] in labels else found[0], text)

    @property
    def final(self) -> str | None:
        """What cannot be undone, if anything."""
        return FINAL.get(self.name)

    @property
    def is_revision(self) -> bool:
        """Whether it records only the fields that were changed."""
        return self.name in REVISIONS


def commands_of(name: str) -> tuple[type[Command], ...]:
    """Return the commands that a form or a button of this name records."""
    return COMBINED.get(name) or (COMMANDS[name],)


@cache
def find_form(name: str) -> Form | None:
    """Return the form of a command, or of several together; None if there is none."""
    if name in REFUSED or (name not in COMMANDS and name not in COMBINED):
        return None
    commands = commands_of(name)
    rare = RARE.get(name, frozenset())
    fields = {
        each.name: replace(each, is_folded=each.is_folded or each.name in rare)
        for command in commands
        for each in _form_fields(command)
    }
    if len(commands) > 1:  # one of the commands may be left out
        fields = {name: _make_optional(each) for name, each in fields.items()}
    return Form(name, commands, tuple(sorted(fields.values(), key=lambda each: (each.is_folded, _rank(name, each)))))


def _make_optional(field: FormField) -> FormField:
    empty = ("",) if field.control == "choice" and field.is_required else ()
    return replace(field, is_required=False, choices=(*empty, *field.choices))


def _rank(form: str, field: FormField) -> tuple[int, bool]:
    """Reasons come after the command's own fields, required fields before the others."""
    if form in DECISION_FORMS and field.name in MAIN_OF_DECISION:
        return MAIN_OF_DECISION.index(field.name), False
    return 10 + (REASONS.index(field.name) + 1 if field.name in REASONS else 0), not field.is_required


def _form_fields(command: type[Command]) -> Iterator[FormField]:
    hints = typing.get_type_hints(command, include_extras=True)
    for name, info in command.model_fields.items():
        if name in HIDDEN and (command.__name__, name) != SHORT_NAME:
            continue
        hint, is_list = unwrap_type(hints[name])
        found = _control_of(hint)
        if found is None:
            continue
        field = _build_field(name, info, hint, found, is_list=is_list)
        if _is_remark(command, name):
            field = replace(field, label="Remark", hint="Anything else that is worth remembering.")
        is_short_name = (command.__name__, name) == SHORT_NAME
        yield replace(
            field, hint=_SHORT_NAME_HINT if is_short_name else field.hint, is_folded=_is_folded(command, name)
        )


def _build_field(
    name: str, info: FieldInfo, hint: Any, found: tuple[Control, str, tuple[str, ...]], *, is_list: bool
) -> FormField:
    control, kind, choices = found
    return FormField(
        name=name,
        label=LABELS.get(name, name.strip("_").replace("_", " ").capitalize()),
        hint=_hint_of(name, info),
        control="pick" if name in PICKED else control,
        kind=PICKED.get(name, kind),
        choices=("", *choices) if control == "choice" and _is_optional(info) else choices,
        is_list=is_list,
        is_required=info.is_required(),
        is_folded=False,
        default=None if info.is_required() else info.get_default(call_default_factory=True),
        fields=tuple(_item_fields(name, hint)) if control == "items" else (),
    )


def _is_optional(info: FieldInfo) -> bool:
    return not info.is_required() and info.default is None


def _item_fields(name: str, model: type[Message]) -> Iterator[FormField]:
    """Yield the fields of each item of a field, the main ones first."""
    hints = typing.get_type_hints(model, include_extras=True)
    main = MAIN_OF_ITEMS.get(name, tuple(model.model_fields))
    for each in sorted(model.model_fields, key=lambda one: main.index(one) if one in main else len(main)):
        info = model.model_fields[each]
        hint, is_list = unwrap_type(hints[each])
        if found := _control_of(hint):
            field = _build_field(each, info, hint, found, is_list=is_list)
            label = ITEM_LABELS.get((name, each), field.label)  # no two fields of a form are called the same
            yield replace(field, label=label, is_folded=each not in main)


def _is_folded(command: type[Command], name: str) -> bool:
    if command.__name__ in DECISION_FORMS:
        return name not in MAIN_OF_DECISION
    return name in FOLDED or _is_remark(command, name)


def _is_remark(command: type[Command], name: str) -> bool:
    """Whether a field is the note of a command that asks for its reason in a field of its own."""
    return name == "note" and "why" in command.model_fields


_SHORT_NAME_HINT: Final = (
    "Prefix of the numbers of its decisions: tide gives TIDE-1, TIDE-2. Lower case, and final. Default: from the title."
)
_SAID_BY_LABEL: Final = frozenset(
    {
        "The title, in one line.",
        "The title.",
        "The title of the option.",
        "The reason.",
        "The decision itself.",
        "A description.",
    }
)


_HINTS: Final[Mapping[str, str]] = {
    "on_behalf_of": "The person for whom you record it. It is a claim until they confirm it, unless they let you act for them.",
    "release": "The release it is planned for. Choose one or a date; with neither, the target is cleared.",
    "cost_amount": "A number with its currency, compared with the limit of the decision.",
    "duration": "A number with its unit, compared with the limit of the decision.",
    "delegation": "What the delegation is called, to revoke it later. Default: a random name.",
    "options": "The options considered.",
    "into": "The person to keep, by any of their names.",
}
"""Hints where the model's own description speaks to a program."""


def _hint_of(name: str, info: FieldInfo) -> str:
    hint = _HINTS.get(name) or (info.description or "").replace("`", "").replace("the caller", "you")
    return "" if hint in _SAID_BY_LABEL else hint


def unwrap_type(hint: Any) -> tuple[Any, bool]:
    """Return the type of a field without `None`, or of the items of a list, and whether it is a list."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(each for each in typing.get_args(hint) if each is not type(None))
    if typing.get_origin(hint) is typing.Annotated and typing.get_origin(typing.get_args(hint)[0]) is tuple:
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True
    return hint, False


def _control_of(hint: Any) -> tuple[Control, str, tuple[str, ...]] | None:
    if typing.get_origin(hint) is Literal:
        return "choice", "", typing.get_args(hint)
    for known, control, kind in _CONTROLS:
        if hint == known:
            return control, kind, ()
    if isinstance(hint, type) and issubclass(hint, Message):
        return "items", "", ()
    if typing.get_origin(hint) is typing.Annotated and Integral in typing.get_args(hint):
        return "number", "", ()
    if typing.get_origin(hint) is typing.Annotated:
        kinds = [each for each in typing.get_args(hint) if isinstance(each, StringKind)]
        return ("line", "", ()) if kinds and kinds[0] in (StringKind.CODE, StringKind.TEXT) else None
    return None
