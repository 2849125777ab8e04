"""A function for every question that the server answers; pass its result to `Client.ask`, `text` or `pages`.

The parameters are the query parameters of the HTTP interface, which the server's page `/docs` describes. Times are
aware datetimes, dates, or strings in a format that the server reads. Several values of one parameter are a list.
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
Time = datetime | date | str
Texts = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """A question whose answer is a `T`. `awaits` says whether its answer can wait for a position."""

    path: str
    parameters: Mapping[str, Any]
    awaits: bool = True

    def next_page(self, answer: T) -> Question[T] | None:
        """Return the question for the page that follows an answer, or None if there is none."""
        following = answer.get("next") if isinstance(answer, Mapping) else None
        return replace(self, parameters={**self.parameters, "cursor": following}) if following else None


# Parameters that several questions share ----------------------------------------------------------------------------


class AtTime(TypedDict, total=False):
    """The valid time and the transaction time of the answer; now by default."""

    as_of: Time
    known_at: Time


class Paged(TypedDict, total=False):
    """The size of a page, and where it begins."""

    limit: int
    cursor: str


class SubjectFilter(TypedDict, total=False):
    """Select subjects."""

    subject: Texts
    product: Texts
    status: Texts
    where: Texts
    without: Texts


class IncludeRemoved(TypedDict, total=False):
    """Include removed subjects."""

    include_removed: bool


class KindFilter(SubjectFilter, IncludeRemoved, total=False):
    """Select subjects, by kind too."""

    kind: Texts


class FieldFilter(SubjectFilter, total=False):
    """Select fields of subjects."""

    kind: Texts
    field: Texts


class FieldValueFilter(FieldFilter, IncludeRemoved, total=False):
    """Select fields by their values."""

    value: Texts
    source_value: Texts
    holder: Texts


class ChangeFilter(TypedDict, total=False):
    """Select changes by the value before and after."""

    from_value: Texts
    from_source_value: Texts
    to_value: Texts
    to_source_value: Texts


class Periods(TypedDict, total=False):
    """Select by the time of effect and the time of recording."""

    since: Time
    until: Time
    recorded_since: Time
    recorded_until: Time


# The parameters of each ----------------------------------------------------------------------------------------------


class FieldsParameters(FieldValueFilter, AtTime, Paged, total=False):
    """Parameters of `fields`."""

    blame: bool
    show: Texts


class FieldsCountParameters(FieldValueFilter, AtTime, Paged, total=False):
    """Parameters of `fields_count`."""

    min_count: int


class FieldHistoryFilter(FieldFilter, ChangeFilter, Periods, AtTime, total=False):
    """Select changes of fields."""

    direction: Texts
    by: Texts
    live: bool
    include_unchanged: bool
    then_value: Texts
    then_source_value: Texts
    held_at_least: str
    held_less_than: str
    open: bool


class FieldHistoryParameters(FieldHistoryFilter, Paged, total=False):
    """Parameters of `field_history`."""

    show: Texts
    durations: bool
    order: Literal["oldest", "newest"]


class FieldHistoryCountParameters(FieldHistoryFilter, Paged, total=False):
    """Parameters of `field_history_count`."""

    min_count: int


class RoadmapParameters(FieldValueFilter, AtTime, Paged, total=False):
    """Parameters of `roadmap`."""

    show: Texts
    layout: Literal["board", "timeline", "table"]
    columns: str
    milestone: str
    blame: bool


class ChangesParameters(FieldValueFilter, ChangeFilter, Paged, total=False):
    """Parameters of `changes`."""

    until: Time
    known_since: Time
    known_until: Time


class ReportParameters(TypedDict, total=False):
    """Parameters of `report`: its period and the position it covers, or the position at which it was issued."""

    since: Time
    until: Time
    position: int
    issued_at: int
    lines: int


class SlipsParameters(FieldFilter, IncludeRemoved, AtTime, Paged, total=False):
    """Parameters of `slips`."""

    direction: Texts
    min_count: int


class DecisionsParameters(SubjectFilter, IncludeRemoved, AtTime, Paged, total=False):
    """Parameters of `decisions`."""

    kind: Texts
    decider: Texts
    accountable: Texts
    tag: Texts
    ever: Texts
    text: str
    authority: Texts
    unratified: bool
    self_approved: bool
    backdated: bool


class SelectionParameters(SubjectFilter, AtTime, Paged, total=False):
    """Parameters of `flags`, `arrivals`, `contributions` and `contribution_gaps`."""


class ExpectedOutcomesParameters(SubjectFilter, AtTime, Paged, total=False):
    """Parameters of `expected_outcomes`."""

    state: Texts
    by: Texts


class SlipCausesParameters(FieldFilter, AtTime, Paged, total=False):
    """Parameters of `slip_causes`."""

    cause: Texts
    owner: Texts
    since: Time
    until: Time


class SlipCountsParameters(SlipCausesParameters, total=False):
    """Parameters of `slip_counts`."""

    by: str


class SuccessionParameters(AtTime, total=False):
    """Parameters of `succession`."""

    to: str


class CalibrationParameters(AtTime, total=False):
    """Parameters of `calibration`."""

    product: Texts
    who: str


class DebtFilter(SubjectFilter, AtTime, total=False):
    """Select what is left undone."""

    kind: Texts
    code: Texts
    owner: Texts
    stale_days: int


class DebtParameters(DebtFilter, Paged, total=False):
    """Parameters of `debt`."""


class DebtByMonthParameters(DebtFilter, Paged, total=False):
    """Parameters of `debt_by_month`."""

    months: int


class ListParameters(SubjectFilter, IncludeRemoved, AtTime, Paged, total=False):
    """Parameters of the lists of subjects of one kind."""


class ReleasesParameters(AtTime, Paged, total=False):
    """Parameters of `releases`."""

    product: Texts


class HistoryParameters(AtTime, Paged, total=False):
    """Parameters of `history`."""

    field: Texts


class AccountabilityParameters(KindFilter, AtTime, Paged, total=False):
    """Parameters of `accountability`."""

    role: Texts
    blame: bool


class AccountabilityCountParameters(KindFilter, AtTime, Paged, total=False):
    """Parameters of `accountability_count`."""

    role: Texts
    min_count: int


class UnownedParameters(KindFilter, AtTime, Paged, total=False):
    """Parameters of `unowned`."""


class SearchParameters(KindFilter, AtTime, Paged, total=False):
    """Parameters of `search`."""


class AccessJournalParameters(Paged, total=False):
    """Parameters of `access_journal`."""

    kind: Texts
    who: Texts
    since: Time
    until: Time


class ActivityParameters(Paged, total=False):
    """Parameters of `activity`."""

    source: Texts
    type: Texts
    kind: Texts
    who: Texts
    since: Time
    until: Time


class AuditParameters(Periods, AtTime, Paged, total=False):
    """Parameters of `audit`."""

    actor: Texts
    principal: Texts
    by: Texts
    kind: Texts
    subject: Texts
    product: Texts
    type: Texts
    channel: Texts
    system: Texts
    reference: Texts
    because: Texts
    transaction: Texts
    position: int | Sequence[int]
    text: str
    justified: bool
    corrections: bool
    voided: bool
    backdated: bool
    unexplained: bool
    on_behalf_of: bool
    verdict: Texts
    self_approved: bool
    order: Literal["newest", "oldest"]


class GrantsParameters(AtTime, Paged, total=False):
    """Parameters of `grants`."""

    holder: str
    product: str


class SessionsParameters(Paged, total=False):
    """Parameters of `sessions`."""

    person: str


class AccountsParameters(Paged, total=False):
    """Parameters of `accounts`."""

    person: str


class ReviewParameters(AtTime, total=False):
    """Parameters of `review`."""

    result: bool


class RolesOfSubjectParameters(AtTime, Paged, total=False):
    """Parameters of `accountability_of`."""


class DecidersParameters(AtTime, total=False):
    """Parameters of `deciders`."""

    kind: str
    cost: int
    currency: str


# The questions -------------------------------------------------------------------------------------------------------


def fields(**parameters: Unpack[FieldsParameters]) -> Question[answers.FieldTable]:
    """The fields of subjects and their values."""
    return Question("/v1/fields", parameters)


def fields_count(group: str, **parameters: Unpack[FieldsCountParameters]) -> Question[answers.FieldCounts]:
    """The number of fields, grouped."""
    return Question("/v1/fields/count", {"group": group, **parameters})


def field_history(**parameters: Unpack[FieldHistoryParameters]) -> Question[answers.FieldChangeTable]:
    """The changes of fields over time."""
    return Question("/v1/fields/history", parameters)


def field_history_count(
    group: Texts, **parameters: Unpack[FieldHistoryCountParameters]
) -> Question[answers.FieldChangeCounts]:
    """The number of changes, grouped."""
    return Question("/v1/fields/history/count", {"group": group, **parameters})


def roadmap(**parameters: Unpack[RoadmapParameters]) -> Question[answers.Roadmap]:
    """The roadmap, now or as of a past time."""
    return Question("/v1/roadmap", parameters)


def changes(since: Time, **parameters: Unpack[ChangesParameters]) -> Question[answers.Changes]:
    """The differences between two times, with their reasons."""
    return Question("/v1/changes", {"since": since, **parameters})


def report(product: str, **parameters: Unpack[ReportParameters]) -> Question[answers.Report]:
    """The progress report of a product, by its key or id."""
    return Question(f"/v1/products/{_key('product', product)}/report", parameters)


def slips(**parameters: Unpack[SlipsParameters]) -> Question[answers.Slips]:
    """Target dates and releases that moved."""
    return Question("/v1/slips", parameters)


def decisions(**parameters: Unpack[DecisionsParameters]) -> Question[answers.Decisions]:
    """The decisions."""
    return Question("/v1/decisions", parameters)


def decision_authority(key: str, **parameters: Unpack[AtTime]) -> Question[answers.DecisionAuthority]:
    """Whether the people who decided were entitled to, as judged then and with what is known now."""
    return Question(f"/v1/decisions/{_key('decision', key)}/authority", parameters)


def decision_options(key: str, **parameters: Unpack[AtTime]) -> Question[answers.WeighedOptions]:
    """The options of a decision, with what was found for each and whether they keep the limits."""
    return Question(f"/v1/decisions/{_key('decision', key)}/options", parameters)


def review(key: str, **parameters: Unpack[ReviewParameters]) -> Question[answers.DecisionReview]:
    """A decision as it was known when it was decided, how it was reasoned, and what came of it."""
    return Question(f"/v1/decisions/{_key('decision', key)}/review", parameters)


def deciders(product: str, **parameters: Unpack[DecidersParameters]) -> Question[answers.Deciders]:
    """Who may decide about a product."""
    return Question(f"/v1/products/{_key('product', product)}/deciders", parameters)


def expected_outcomes(**parameters: Unpack[ExpectedOutcomesParameters]) -> Question[answers.ExpectedOutcomes]:
    """What decisions and features were expected to bring, and what came of it."""
    return Question("/v1/expected-outcomes", parameters)


def slip_causes(**parameters: Unpack[SlipCausesParameters]) -> Question[answers.SlipCauses]:
    """Why targets moved to later."""
    return Question("/v1/slips/causes", parameters)


def slip_counts(**parameters: Unpack[SlipCountsParameters]) -> Question[answers.SlipCounts]:
    """How many moves to later there were by cause, release, owner or quarter."""
    return Question("/v1/slips/count", parameters)


def succession(who: str, **parameters: Unpack[SuccessionParameters]) -> Question[answers.Succession]:
    """What a person holds, owes and waits for, and the commands that hand it over."""
    return Question("/v1/succession", {"who": who, **parameters})


def calibration(**parameters: Unpack[CalibrationParameters]) -> Question[answers.Calibration]:
    """How good the forecasts of a person, or of all together, were."""
    return Question("/v1/calibration", parameters)


def evidence(**parameters: Unpack[ListParameters]) -> Question[answers.Subjects]:
    """All evidence."""
    return Question("/v1/evidence", parameters)


def assumptions(**parameters: Unpack[ListParameters]) -> Question[answers.Subjects]:
    """All assumptions."""
    return Question("/v1/assumptions", parameters)


def meetings(**parameters: Unpack[ListParameters]) -> Question[answers.Subjects]:
    """All meetings."""
    return Question("/v1/meetings", parameters)


def minutes(meeting: str, **parameters: Unpack[AtTime]) -> Question[answers.Minutes]:
    """The minutes of a meeting."""
    return Question(f"/v1/meetings/{_key('meeting', meeting)}/minutes", parameters)


def tasks(**parameters: Unpack[ListParameters]) -> Question[answers.Subjects]:
    """All tasks."""
    return Question("/v1/tasks", parameters)


def flags(**parameters: Unpack[SelectionParameters]) -> Question[answers.Flags]:
    """What rests on a broken assumption, or on evidence that no longer holds."""
    return Question("/v1/flags", parameters)


def debt(**parameters: Unpack[DebtParameters]) -> Question[answers.Debt]:
    """What is left undone about decisions, with the command that clears it."""
    return Question("/v1/debt", parameters)


def debt_by_month(**parameters: Unpack[DebtByMonthParameters]) -> Question[answers.DebtByMonth]:
    """Decision debt month by month."""
    return Question("/v1/debt/months", parameters)


def arrivals(**parameters: Unpack[SelectionParameters]) -> Question[answers.Arrivals]:
    """Deferred decisions whose wait is over."""
    return Question("/v1/arrivals", parameters)


def contributions(**parameters: Unpack[SelectionParameters]) -> Question[answers.Contributions]:
    """What contributes to which goal, through decisions and features to releases."""
    return Question("/v1/contributions", parameters)


def contribution_gaps(**parameters: Unpack[SelectionParameters]) -> Question[answers.ContributionGaps]:
    """Goals that nothing contributes to, and decisions and features that contribute to no goal."""
    return Question("/v1/contributions/gaps", parameters)


def features(**parameters: Unpack[ListParameters]) -> Question[answers.Subjects]:
    """All features."""
    return Question("/v1/features", parameters)


def imports(**parameters: Unpack[ListParameters]) -> Question[answers.Subjects]:
    """All imports."""
    return Question("/v1/imports", parameters)


def products(**parameters: Unpack[ListParameters]) -> Question[answers.Subjects]:
    """All products."""
    return Question("/v1/products", parameters)


def goals(**parameters: Unpack[ListParameters]) -> Question[answers.Subjects]:
    """All goals."""
    return Question("/v1/goals", parameters)


def teams(**parameters: Unpack[ListParameters]) -> Question[answers.Subjects]:
    """All teams."""
    return Question("/v1/teams", parameters)


def releases(**parameters: Unpack[ReleasesParameters]) -> Question[answers.Subjects]:
    """All releases in their order."""
    return Question("/v1/releases", parameters)


def subject(subject: str, **parameters: Unpack[AtTime]) -> Question[answers.SubjectPage]:
    """One subject with all its fields."""
    return Question(f"/v1/subjects/{_quote(subject)}", parameters)


def history(subject: str, **parameters: Unpack[HistoryParameters]) -> Question[answers.History]:
    """The events of a subject."""
    return Question(f"/v1/subjects/{_quote(subject)}/history", parameters)


def graph(subject: str, **parameters: Unpack[AtTime]) -> Question[answers.Graph]:
    """The decisions that a subject replaces and is based on, and those based on it."""
    return Question(f"/v1/subjects/{_quote(subject)}/graph", parameters)


def accountability_of(subject: str, **parameters: Unpack[RolesOfSubjectParameters]) -> Question[answers.Roles]:
    """The people and teams with a role in a subject."""
    return Question(f"/v1/subjects/{_quote(subject)}/accountability", parameters)


def accountability(who: str, **parameters: Unpack[AccountabilityParameters]) -> Question[answers.Roles]:
    """The roles that a person or a team has."""
    return Question("/v1/accountability", {"who": who, **parameters})


def accountability_count(**parameters: Unpack[AccountabilityCountParameters]) -> Question[answers.FieldCounts]:
    """The number of roles of each person and team."""
    return Question("/v1/accountability/count", parameters)


def unowned(**parameters: Unpack[UnownedParameters]) -> Question[answers.Unowned]:
    """Subjects without an accountable person."""
    return Question("/v1/unowned", parameters)


def audit(**parameters: Unpack[AuditParameters]) -> Question[answers.AuditTrail]:
    """The audit trail."""
    return Question("/v1/audit", parameters)


def activity(**parameters: Unpack[ActivityParameters]) -> Question[answers.Activity]:
    """The audit trail with access: events, sign-ins, refusals, exports and audits by time."""
    return Question("/v1/activity", parameters)


def access_journal(**parameters: Unpack[AccessJournalParameters]) -> Question[answers.AccessJournal]:
    """The access journal: sign-ins, refusals, exports and audits."""
    return Question("/v1/access-journal", parameters)


def search(text: str, **parameters: Unpack[SearchParameters]) -> Question[answers.SearchResults]:
    """Full-text search."""
    return Question("/v1/search", {"text": text, **parameters})


def people(name: str | None = None, **parameters: Unpack[Paged]) -> Question[answers.People]:
    """The people in the directory, optionally those with a name."""
    return Question("/v1/people", {"name": name, **parameters})


def person(key: str) -> Question[answers.PersonRow]:
    """One person by key or id."""
    return Question(f"/v1/people/{_key('person', key)}", {}, awaits=False)


def head() -> Question[answers.Head]:
    """The head of the log: id, size and Merkle root."""
    return Question("/v1/log", {}, awaits=False)


def entry(position: int) -> Question[answers.Entry]:
    """One entry in the form that is hashed."""
    return Question(f"/v1/log/entries/{position}", {}, awaits=False)


def me() -> Question[answers.Me]:
    """The identity and scopes of the token."""
    return Question("/v1/me", {}, awaits=False)


def grants(**parameters: Unpack[GrantsParameters]) -> Question[answers.Grants]:
    """Who holds which role, optionally those of a holder or those that count for a product."""
    return Question("/v1/roles", parameters)


def tokens() -> Question[answers.Tokens]:
    """All tokens, including revoked ones."""
    return Question("/v1/tokens", {})


def accounts(**parameters: Unpack[AccountsParameters]) -> Question[answers.Accounts]:
    """The accounts at an OpenID provider, and whom each signs in."""
    return Question("/v1/accounts", parameters)


def sessions(**parameters: Unpack[SessionsParameters]) -> Question[answers.Sessions]:
    """Your own sessions, or those of another person."""
    return Question("/v1/sessions", parameters)


def health() -> Question[answers.Health]:
    """The health of the server."""
    return Question("/v1/health", {}, awaits=False)


def status() -> Question[answers.Status]:
    """The position and lag of every process that follows the log."""
    return Question("/v1/status", {}, awaits=False)


def version() -> Question[answers.Version]:
    """The version of the server."""
    return Question("/v1/version", {}, awaits=False)


def catalog() -> Question[answers.Catalog]:
    """All commands and events by name."""
    return Question("/v1/catalog", {}, awaits=False)


def _key(kind: str, subject: str) -> str:
    """Return the key of a subject of a kind that is named by its key or its id, for a path."""
    return _quote(subject.removeprefix(f"{kind}:"))


def _quote(part: str) -> str:
    return quote(part, safe=":")
