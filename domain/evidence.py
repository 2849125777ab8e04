"""Evidence: what was found out, from which source, and what it is evidence for or against.

    current ─▶ superseded, withdrawn        a current piece expires after its last valid day

One piece of evidence has any number of uses. Each is a link to a decision, a feature, a goal or an assumption.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Annotated, ClassVar, Final, Literal, assert_never

from pydantic import Field, Strict

from domain.errors import Malformed, NotAllowed, NothingChanges
from domain.fields import EXISTS, STATUS, FieldChange, Subjects, SubjectState, code, ref, refs, text, texts
from domain.guards import new_subject_id, require_change, require_status
from domain.messages import Command, CommandContext, Draft, Event, derive
from domain.values import (
    MAX_INTEGER,
    Day,
    EvidenceId,
    Integral,
    Key,
    Line,
    Person,
    ProductId,
    Sha256,
    SupportedId,
    Text,
)

CURRENT: Final = "current"
SUPERSEDED: Final = "superseded"
WITHDRAWN: Final = "withdrawn"
VALID_UNTIL: Final = "valid_until"
LINK: Final = "link."
"""The prefix of the fields that link a ground to what rests on it: `link.decision.KEY`."""

EvidenceKind = Literal["market", "competitor", "customer", "research", "experiment", "prototype", "mapping", "data"]
Strength = Literal["weak", "moderate", "strong"]
Stance = Literal["for", "against"]
SampleSize = Annotated[int, Strict(), Field(ge=0, le=MAX_INTEGER), Integral]


class RecordEvidence(Command):
    """Record a piece of evidence, and what it is for or against."""

    type: Literal["RecordEvidence"] = "RecordEvidence"
    key: Key | None = Field(None, description="The key of the new evidence; random by default.")
    title: Line = Field(description="What was found, in one line.")
    kind: EvidenceKind = Field(description="How it was found.")
    products: tuple[ProductId, ...] = Field((), max_length=50, description="The products it belongs to.")
    finding: Text | None = Field(None, description="What was found, in full.")
    link: Line | None = Field(None, description="Where to read it: a URL or the name of a document.")
    sha256: Sha256 | None = Field(None, description="The SHA-256 of the document, in hexadecimal.")
    asked: Text | None = Field(None, description="Who was asked or observed.")
    sample_size: SampleSize | None = Field(None, description="How many were asked or observed.")
    found_on: Day | None = Field(None, description="The date of the finding.")
    collected_by: Person | None = Field(None, description="The person who collected it.")
    strength: Strength | None = Field(None, description="How strong it is: `weak`, `moderate` or `strong`.")
    valid_until: Day | None = Field(None, description="The last day on which to rely on it.")
    supports: tuple[SupportedId, ...] = Field((), max_length=100, description="What it is evidence for.")
    opposes: tuple[SupportedId, ...] = Field((), max_length=100, description="What it is evidence against.")
    creates: ClassVar[str] = "evidence"


class EvidenceRecorded(Event):
    """A piece of evidence was recorded."""

    title: Line
    kind: EvidenceKind
    products: tuple[ProductId, ...] = ()
    finding: Text | None = None
    link: Line | None = None
    sha256: Sha256 | None = None
    asked: Text | None = None
    sample_size: int | None = None
    found_on: Day | None = None
    collected_by: Person | None = None
    strength: Strength | None = None
    valid_until: Day | None = None
    supports: tuple[SupportedId, ...] = ()
    opposes: tuple[SupportedId, ...] = ()

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, CURRENT)
        yield text("title", self.title)
        yield code("kind", self.kind)
        if self.products:
            yield refs("products", self.products)
        yield from texts({"finding": self.finding, "link": self.link, "asked": self.asked})
        for name in ("sha256", "sample_size", "found_on", "strength", VALID_UNTIL):
            if (value := getattr(self, name)) is not None:
                yield code(name, value)
        if self.collected_by:
            yield ref("collected_by", self.collected_by)
        yield from link_changes(self.supports, "for")
        yield from link_changes(self.opposes, "against")


class LinkEvidence(Command):
    """Link a piece of evidence to what it is for or against."""

    type: Literal["LinkEvidence"] = "LinkEvidence"
    subject: EvidenceId
    to: tuple[SupportedId, ...] = Field(min_length=1, max_length=100, description="What to link it to.")
    stance: Stance = Field("for", description="Whether it is evidence `for` or `against` it.")


class EvidenceLinked(Event):
    """A piece of evidence was linked to what it is for or against."""

    to: tuple[SupportedId, ...]
    stance: Stance

    def field_changes(self) -> Iterable[FieldChange]:
        return link_changes(self.to, self.stance)


class UnlinkEvidence(Command):
    """Remove links of a piece of evidence."""

    type: Literal["UnlinkEvidence"] = "UnlinkEvidence"
    subject: EvidenceId
    to: tuple[SupportedId, ...] = Field(min_length=1, max_length=100, description="What it is no longer linked to.")


class EvidenceUnlinked(Event):
    """Links of a piece of evidence were removed."""

    to: tuple[SupportedId, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        return link_changes(self.to, None)


class SupersedeEvidence(Command):
    """Replace a piece of evidence with a newer one. What rests on the old one is flagged."""

    type: Literal["SupersedeEvidence"] = "SupersedeEvidence"
    subject: EvidenceId
    by: EvidenceId = Field(description="The newer evidence.")
    why: Text | None = Field(None, description="The reason.")


class EvidenceSuperseded(Event):
    """A piece of evidence was superseded by a newer one."""

    by: EvidenceId
    why: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, SUPERSEDED)
        yield refs("superseded_by", (self.by,))
        if self.why:
            yield text("superseded_because", self.why)


class WithdrawEvidence(Command):
    """Withdraw a piece of evidence that turned out to be wrong. What rests on it is flagged."""

    type: Literal["WithdrawEvidence"] = "WithdrawEvidence"
    subject: EvidenceId
    why: Text = Field(description="The reason.")


class EvidenceWithdrawn(Event):
    """A piece of evidence was withdrawn."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, WITHDRAWN)
        yield text("withdrawn_because", self.why)


EvidenceCommand = RecordEvidence | LinkEvidence | UnlinkEvidence | SupersedeEvidence | WithdrawEvidence


def decide(command: EvidenceCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command about a piece of evidence.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    event: Event
    match command:
        case RecordEvidence():
            subject = new_subject_id(command, subjects)
            _require_one_stance(command)
            return [Draft(subject, derive(EvidenceRecorded, command))]
        case LinkEvidence():
            require_status(subjects[command.subject], context, (CURRENT,), "be linked", default=CURRENT)
            event = EvidenceLinked(to=command.to, stance=command.stance)
            require_new_links(event, command, context, subjects)
        case UnlinkEvidence():
            require_links(subjects[command.subject], command.to, context)
            event = EvidenceUnlinked(to=command.to)
        case SupersedeEvidence():
            _require_valid_successor(command, context, subjects)
            event = EvidenceSuperseded(by=command.by, why=command.why)
        case WithdrawEvidence():
            require_status(subjects[command.subject], context, (CURRENT,), "be withdrawn", default=CURRENT)
            event = EvidenceWithdrawn(why=command.why)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def link_changes(subjects: Iterable[str], value: str | None) -> Iterator[FieldChange]:
    """Return the changes that link a ground to subjects; None removes the links."""
    for subject in subjects:
        yield FieldChange(link_field(subject), value, refs=() if value is None else (subject,))


def link_field(subject: str) -> str:
    """Return the field of a ground that links it to a subject."""
    return LINK + subject.replace(":", ".", 1)


def linked_subject(field: str) -> str:
    """Return the subject that a field of a ground links it to."""
    return field.removeprefix(LINK).replace(".", ":", 1)


def require_links(state: SubjectState, linked: Collection[str], context: CommandContext) -> None:
    """Check that a ground is linked to subjects.

    Raises:
        NothingChanges: it is not linked to one of them.
    """
    for n, subject in enumerate(linked):
        if state.value_at(link_field(subject), context.now) is None:
            raise NothingChanges(f"{state.subject} is not linked to {subject}", field=f"to.{n}", subject=subject)


def require_new_links(event: Event, command: Command, context: CommandContext, subjects: Subjects) -> None:
    """Check that at least one of the links that a command makes is new.

    Raises:
        NothingChanges: the ground is linked to all of these subjects already.
    """
    linked = [linked_subject(change.field) for change in event.field_changes()]
    problem = f"is already linked to {', '.join(linked)}"
    require_change(event, command, context, subjects[command.subject_id()], field="to", problem=problem)


def _require_one_stance(command: RecordEvidence) -> None:
    for n, subject in enumerate(command.opposes):
        if subject in command.supports:
            raise Malformed(f"{subject} is in both `supports` and `opposes`", field=f"opposes.{n}", subject=subject)


def _require_valid_successor(command: SupersedeEvidence, context: CommandContext, subjects: Subjects) -> None:
    require_status(subjects[command.subject], context, (CURRENT,), "be superseded", default=CURRENT)
    if command.by == command.subject:
        raise NotAllowed(f"{command.by} cannot supersede itself", field="by", subject=command.subject)
    status = subjects[command.by].value_at(STATUS, context.now) or CURRENT
    if status != CURRENT:
        raise NotAllowed(
            f"{command.by} is {status}; only current evidence can supersede another", field="by", subject=command.by
        )
