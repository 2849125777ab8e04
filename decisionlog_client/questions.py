"""Everything that can be asked, each as a value: both clients put it, as often as one likes.

The parameters are those of the interface, under its names; the server's page `/docs` says what each of them means.
Instants are aware datetimes, days, or text as the interface reads it. Where several will do, give a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, TypedDict, TypeVar, Unpack
from urllib.parse import quote

if TYPE_CHECKING:
    from decisionlog_client import answers

T = TypeVar("T")
At = datetime | date | str
Words = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """A question whose answer has the shape `T`. `awaits` says that it can wait for a position."""

    path: str
    asked: Mapping[str, Any]
    awaits: bool = True

    def behind(self, answer: T) -> Question[T] | None:
        """The same question for what comes behind an answer; None if that was all."""
        following = answer.get("next") if isinstance(answer, Mapping) else None
        return replace(self, asked={**self.asked, "cursor": following}) if following else None


# Parameters that questions have in common ----------------------------------------------------------------------------


class Then(TypedDict, total=False):
    """The two instants of a question; now if silent."""

    as_of: At
    known_at: At


class Paged(TypedDict, total=False):
    """How much of the answer."""

    limit: int
    cursor: str


class Named(TypedDict, total=False):
    """Which subjects."""

    subject: Words
    product: Words
    status: Words


class Present(TypedDict, total=False):
    """Whether also what is not, or no longer, on the record."""

    include_removed: bool


class Subjects(Named, Present, total=False):
    """Which subjects, of which kinds."""

    kind: Words


class Fields(Named, total=False):
    """Which cells."""

    kind: Words
    field: Words


class Cells(Fields, Present, total=False):
    """Which cells, by what they hold."""

    value: Words
    source_value: Words
    holder: Words


class Moves(TypedDict, total=False):
    """From what to what."""

    from_value: Words
    from_source_value: Words
    to_value: Words
    to_source_value: Words


class Spans(TypedDict, total=False):
    """When it took effect, and when it was recorded."""

    since: At
    until: At
    recorded_since: At
    recorded_until: At


# The parameters of each ----------------------------------------------------------------------------------------------


class CellsAsked(Cells, Then, Paged, total=False):
    """Parameters of `cells`."""

    blame: bool


class CellsCounted(Cells, Then, total=False):
    """Parameters of `cells_counted`."""

    min_count: int
    limit: int


class StepsOf(Fields, Moves, Spans, Then, total=False):
    """Which steps."""

    direction: Words
    by: Words
    live: bool
    include_unchanged: bool


class StepsAsked(StepsOf, Paged, total=False):
    """Parameters of `steps`."""

    order: Literal["oldest", "newest"]


class StepsCounted(StepsOf, total=False):
    """Parameters of `steps_counted`."""

    min_count: int
    limit: int


class RoadmapAsked(Cells, Then, Paged, total=False):
    """Parameters of `roadmap`."""

    show: Words
    layout: Literal["board", "timeline", "table"]
    columns: str
    milestone: str
    blame: bool


class ChangesAsked(Cells, Moves, Paged, total=False):
    """Parameters of `changes`."""

    until: At
    known_since: At
    known_until: At


class ReportAsked(TypedDict, total=False):
    """The span of a report and the position it speaks up to, or the position at which it was issued."""

    since: At
    until: At
    position: int
    issued_at: int
    lines: int


class SlipsAsked(Fields, Present, Then, Paged, total=False):
    """Parameters of `slips`."""

    direction: Words
    min_count: int


class RegisterAsked(Named, Present, Then, Paged, total=False):
    """Parameters of `decisions`."""

    kind: Words
    decider: Words
    accountable: Words
    tag: Words
    ever: Words
    text: str


class Listed(Named, Present, Then, Paged, total=False):
    """Parameters of the lists of subjects of one kind."""


class ReleasesAsked(Then, total=False):
    """Parameters of `releases`."""

    product: Words


class HistoryAsked(Then, total=False):
    """Parameters of `history`."""

    field: Words


class HeldAsked(Subjects, Then, Paged, total=False):
    """Parameters of `held_by`."""

    role: Words
    blame: bool


class HoldersCounted(Subjects, Then, total=False):
    """Parameters of `holders_counted`."""

    role: Words
    min_count: int


class UnownedAsked(Subjects, Then, Paged, total=False):
    """Parameters of `unowned`."""


class SearchAsked(Subjects, Then, total=False):
    """Parameters of `search`."""

    limit: int


class AuditAsked(Spans, Then, Paged, total=False):
    """Parameters of `audit`."""

    actor: Words
    principal: Words
    by: Words
    kind: Words
    subject: Words
    product: Words
    type: Words
    channel: Words
    system: Words
    reference: Words
    because: Words
    transaction: Words
    position: int | Sequence[int]
    text: str
    justified: bool
    corrections: bool
    voided: bool
    backdated: bool
    order: Literal["newest", "oldest"]


# The questions -------------------------------------------------------------------------------------------------------


def cells(**asked: Unpack[CellsAsked]) -> Question[answers.CellTable]:
    """What every cell holds at an instant."""
    return Question("/v1/fields", asked)


def cells_counted(group: str, **asked: Unpack[CellsCounted]) -> Question[answers.CellCounts]:
    """How many cells there are, by what they hold."""
    return Question("/v1/fields/count", {"group": group, **asked})


def steps(**asked: Unpack[StepsAsked]) -> Question[answers.StepTable]:
    """How cells came to hold what they hold."""
    return Question("/v1/fields/history", asked)


def steps_counted(group: Words, **asked: Unpack[StepsCounted]) -> Question[answers.StepCounts]:
    """How many steps there are, by what they are."""
    return Question("/v1/fields/history/count", {"group": group, **asked})


def roadmap(**asked: Unpack[RoadmapAsked]) -> Question[answers.Roadmap]:
    """The roadmap of any day."""
    return Question("/v1/roadmap", asked)


def changes(since: At, **asked: Unpack[ChangesAsked]) -> Question[answers.Changes]:
    """What differs between two instants, and why."""
    return Question("/v1/changes", {"since": since, **asked})


def report(product: str, **asked: Unpack[ReportAsked]) -> Question[answers.Report]:
    """What became of a product (its key) in a span."""
    return Question(f"/v1/products/{_in_path(product)}/report", asked)


def slips(**asked: Unpack[SlipsAsked]) -> Question[answers.Slips]:
    """How promises moved."""
    return Question("/v1/slips", asked)


def decisions(**asked: Unpack[RegisterAsked]) -> Question[answers.Register]:
    """The register of decisions."""
    return Question("/v1/decisions", asked)


def features(**asked: Unpack[Listed]) -> Question[answers.Features]:
    """All features."""
    return Question("/v1/features", asked)


def products(**asked: Unpack[Listed]) -> Question[answers.Products]:
    """All products."""
    return Question("/v1/products", asked)


def goals(**asked: Unpack[Listed]) -> Question[answers.Goals]:
    """All goals."""
    return Question("/v1/goals", asked)


def teams(**asked: Unpack[Listed]) -> Question[answers.Teams]:
    """All teams."""
    return Question("/v1/teams", asked)


def releases(**asked: Unpack[ReleasesAsked]) -> Question[answers.Releases]:
    """Releases, in their order."""
    return Question("/v1/releases", asked)


def page(subject: str, **asked: Unpack[Then]) -> Question[answers.SubjectPage]:
    """All there is to say of any subject."""
    return Question(f"/v1/subjects/{_in_path(subject)}", asked)


def history(subject: str, **asked: Unpack[HistoryAsked]) -> Question[answers.History]:
    """What happened to a subject, act by act."""
    return Question(f"/v1/subjects/{_in_path(subject)}/history", asked)


def graph(subject: str, **asked: Unpack[Then]) -> Question[answers.Graph]:
    """What a decision replaces and rests on, and what rests on it."""
    return Question(f"/v1/subjects/{_in_path(subject)}/graph", asked)


def holders(subject: str, **asked: Unpack[Then]) -> Question[answers.Roles]:
    """Who answers for a subject."""
    return Question(f"/v1/subjects/{_in_path(subject)}/accountability", asked)


def held_by(who: str, **asked: Unpack[HeldAsked]) -> Question[answers.Roles]:
    """What somebody holds."""
    return Question("/v1/accountability", {"who": who, **asked})


def holders_counted(**asked: Unpack[HoldersCounted]) -> Question[answers.HolderCounts]:
    """How much everybody holds."""
    return Question("/v1/accountability/count", asked)


def unowned(**asked: Unpack[UnownedAsked]) -> Question[answers.Unowned]:
    """What nobody is accountable for."""
    return Question("/v1/unowned", asked)


def audit(**asked: Unpack[AuditAsked]) -> Question[answers.AuditTrail]:
    """The audit trail."""
    return Question("/v1/audit", asked)


def search(text: str, **asked: Unpack[SearchAsked]) -> Question[answers.Hits]:
    """Where words stand."""
    return Question("/v1/search", {"text": text, **asked})


def people(name: str | None = None) -> Question[answers.People]:
    """The directory of people, or those who go by a name."""
    return Question("/v1/people", {"name": name})


def person(key: str) -> Question[answers.PersonRow]:
    """One person's names."""
    return Question(f"/v1/people/{_in_path(key.removeprefix('person:'))}", {}, awaits=False)


def head() -> Question[answers.Head]:
    """The log: its id, size, root and last instant."""
    return Question("/v1/log", {}, awaits=False)


def entry(position: int) -> Question[answers.Entry]:
    """One entry as it is proved."""
    return Question(f"/v1/log/entries/{position}", {}, awaits=False)


def me() -> Question[answers.Me]:
    """Who you are, as your token says."""
    return Question("/v1/me", {}, awaits=False)


def tokens() -> Question[answers.Tokens]:
    """All tokens there ever were."""
    return Question("/v1/tokens", {})


def health() -> Question[answers.Health]:
    """Whether all is well."""
    return Question("/v1/health", {}, awaits=False)


def status() -> Question[answers.Status]:
    """How far everything is that follows the log."""
    return Question("/v1/status", {}, awaits=False)


def version() -> Question[answers.Version]:
    """What is running."""
    return Question("/v1/version", {}, awaits=False)


def catalogue() -> Question[answers.Catalogue]:
    """All commands and events, by name."""
    return Question("/v1/catalog", {}, awaits=False)


def _in_path(part: str) -> str:
    return quote(part, safe=":")
