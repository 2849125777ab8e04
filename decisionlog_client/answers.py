"""The shape of every answer, for type checkers: at run time an answer is the JSON it came as.

The server's own description of each field is on its page `/docs`; a test holds these shapes against it, field by field.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar

Direction = Literal[
    "first", "cleared", "later", "earlier", "changed", "gained", "lost", "replaced", "reordered", "include_unchanged"
]
"""What kind of change a step is."""
Section = Literal[
    "decisions", "shipped", "dropped", "slipped", "overdue", "moved", "handed_over", "course", "next", "waiting",
    "unowned", "undecided", "late",
]  # fmt: skip
"""The parts of a progress report."""


class Problem(TypedDict):
    """Why a unit was kept out (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    field: NotRequired[str | None]
    subject: NotRequired[str | None]
    version: NotRequired[int | None]
    errors: NotRequired[list[dict[str, str]] | None]


# Parts of rows -------------------------------------------------------------------------------------------------------


class Held(TypedDict):
    """What a cell holds at an instant."""

    value: Any
    source_value: str | None


class Link(TypedDict):
    """One step of the chain from who spoke to whose act it was."""

    who: str
    grant: NotRequired[str | None]


class Origin(TypedDict):
    """Which way an act came in, and for imports where it was recorded first."""

    channel: str
    system: NotRequired[str | None]
    reference: NotRequired[str | None]
    at: NotRequired[str | None]


class Blame(TypedDict):
    """Who, when and why: the act that made something so."""

    position: int
    type: str
    at: str
    recorded_at: str
    actor: str
    principal: str
    on_behalf_of: NotRequired[list[Link] | None]
    because: list[str]
    note: NotRequired[str | None]
    source: Origin
    corrects: NotRequired[int | None]
    void: NotRequired[int | None]


class Named(TypedDict):
    """A subject and what it is called."""

    subject: str
    title: str | None


class Located(Named):
    """A field of a subject."""

    field: str


class CardCell(Held):
    """What a cell holds, and since when."""

    since: str
    until: str | None
    position: int
    blame: NotRequired[Blame | None]


Cells = dict[str, CardCell]


class Cell(CardCell, Located):
    """A cell: one field of one subject."""


class RoleRow(Cell):
    """A cell of a role, a delegation or an acknowledgement."""

    role: str | None
    status: NotRequired[str | None]


class Turnover(TypedDict):
    """What came to a list and what went from it; missing where the cell is no list."""

    gained: NotRequired[list[Any] | None]
    lost: NotRequired[list[Any] | None]


class HistoryStep(Turnover):
    """One change of one cell."""

    field: str
    before: Held
    after: Held
    direction: Direction
    at: str
    ended: bool


class Step(HistoryStep, Located):
    """One change of one cell, with whose it was."""

    position: int
    blame: Blame


class Voided(TypedDict):
    """An act that was voided."""

    position: int
    reason: str
    blame: Blame


class Change(Turnover, Located):
    """A cell that does not hold the same at two instants."""

    before: Held
    after: Held
    direction: Direction
    before_is: NotRequired[Literal["absent", "struck"] | None]
    after_is: NotRequired[Literal["absent", "struck"] | None]
    changes: list[Step]
    voided: list[Voided]


class Slip(Located):
    """A target that moved."""

    count: int
    later: int
    earlier: int
    first: Held
    now: Held
    against_first: Direction
    moves: list[Step]


class Card(Named):
    """A feature, or another subject, on the roadmap."""

    milestone: NotRequired[str | None]
    fields: Cells


class Column(TypedDict):
    """A column of the board, or a place on the timeline."""

    column: str
    title: str | None
    count: int
    cards: list[Card]


class DecisionRow(TypedDict):
    """A decision in the register."""

    subject: str
    number: dict[str, int]
    fields: dict[str, Cell]


Answered = TypedDict("Answered", {"role.accountable": NotRequired[list[str] | None]})
"""Who answers for it, where that is a cell of a row."""


class FeatureRow(Named, Answered):
    """A feature in a list; a cell that holds nothing is missing."""

    aliases: NotRequired[list[str] | None]
    status: NotRequired[str | None]
    horizon: NotRequired[str | None]
    rank: NotRequired[int | None]
    products: NotRequired[list[str] | None]


class ProductRow(Named, Answered):
    """A product in a list; a cell that holds nothing is missing."""

    status: NotRequired[str | None]
    description: NotRequired[str | None]
    line: NotRequired[str | None]


class GoalRow(Named, Answered):
    """A goal in a list; a cell that holds nothing is missing."""

    status: NotRequired[str | None]
    by: NotRequired[str | None]
    products: NotRequired[list[str] | None]


class TeamRow(Named):
    """A team in a list; a cell that holds nothing is missing."""

    status: NotRequired[str | None]


class ReleaseRow(Named):
    """A release in a list; a cell that holds nothing is missing."""

    version: NotRequired[str | None]
    on: NotRequired[str | None]
    products: NotRequired[list[str] | None]


class Act(Blame):
    """An act in the audit trail."""

    subject: str
    version: int
    transaction: str
    place: int
    credential: str | None
    references: list[dict[str, str]]
    data: dict[str, Any]
    title: str | None


class HistoryAct(Act):
    """An act on a subject, with the steps it made."""

    changes: list[HistoryStep]


_From = TypedDict("_From", {"from": str})


class Edge(_From):
    """That one decision replaces another, or rests on it."""

    to: str
    way: Literal["replaces", "replaced_by", "rests_on", "supports"]
    distance: int


class Node(Named):
    """A subject of the graph."""

    status: str | None


class UnownedRow(Named):
    """A subject that nobody is accountable for."""

    departed: list[str]
    source_value: str | None


class Hit(Located):
    """A place where the words stand."""

    position: int
    snippet: str
    current: bool


class PersonRow(TypedDict):
    """Somebody in the directory."""

    id: str
    name: str | None
    spellings: list[str]


class TokenRow(TypedDict):
    """A token; never its secret."""

    id: str
    holder: str
    rights: list[str]
    label: str
    created_at: str
    revoked_at: str | None


class CellCount(TypedDict):
    """How many cells have one thing in common; it is named after what is counted by."""

    holder: NotRequired[str | None]
    value: NotRequired[Any]
    source_value: NotRequired[str | None]
    field: NotRequired[str | None]
    kind: NotRequired[str | None]
    product: NotRequired[str | None]
    subject: NotRequired[str | None]
    count: int


class HolderCount(TypedDict):
    """How many cells name somebody."""

    holder: str
    count: int


class StepCount(TypedDict):
    """How many steps have something in common; it is named after what is counted by."""

    subject: NotRequired[str | None]
    field: NotRequired[str | None]
    direction: NotRequired[Direction | None]
    actor: NotRequired[str | None]
    principal: NotRequired[str | None]
    count: int


# Answers -------------------------------------------------------------------------------------------------------------

RowT = TypeVar("RowT")


class Spoken(TypedDict):
    """What every answer of the read model says of itself."""

    position: int
    as_of: str
    known_at: NotRequired[str | None]
    names: dict[str, str]


class Table(Spoken, Generic[RowT]):
    """An answer of rows, which comes as CSV and JSON Lines too."""

    rows: list[RowT]
    next: NotRequired[str | None]


class CellTable(Table[Cell]):
    """Cells, by subject and field."""


class CellCounts(Table[CellCount]):
    """Counts of cells, most first."""

    truncated: bool


class StepTable(Table[Step]):
    """Steps, in the order in which they took effect."""


class StepCounts(Table[StepCount]):
    """Counts of steps, most first."""

    truncated: bool


class Roadmap(Spoken):
    """The columns of a board or timeline. With `layout=table` rows are the cards themselves."""

    rows: list[Column] | list[Card]
    next: NotRequired[str | None]


class Since(TypedDict):
    """The first of two instants."""

    position: int
    as_of: str
    known_at: str | None


_FromSince = TypedDict("_FromSince", {"from": Since})


class Changes(Table[Change], _FromSince):
    """What differs between two instants; `as_of` and `known_at` are the second."""


class Totals(TypedDict):
    """How many moves there were of all targets that were asked about."""

    later: int
    earlier: int


class ReportChange(TypedDict):
    """One cell that a line of a report is about."""

    field: str
    before: NotRequired[Held | None]
    after: Held
    direction: NotRequired[Direction | None]


class ReportSlips(TypedDict):
    """How a promise was kept."""

    later: int
    first: Held | None


class ReportLine(TypedDict):
    """A line of a progress report."""

    section: Section
    subject: str
    title: str | None
    at: str
    by: list[str]
    why: str | None
    changes: list[ReportChange]
    blame: Blame
    rests_on: list[str]
    link: str
    holds: NotRequired[bool | None]
    slips: NotRequired[ReportSlips | None]
    due: NotRequired[str | None]
    departed: NotRequired[list[str] | None]
    voids: NotRequired[int | None]


class Report(Table[ReportLine]):
    """What became of a product in a span, section by section."""

    product: str
    title: str | None
    since: str
    until: str
    counts: dict[Section, int]
    titles: dict[str, str]
    sha256: str


class Slips(Table[Slip]):
    """Targets that moved, most often moved first."""

    totals: Totals


class Register(Table[DecisionRow]):
    """Decisions, in the order in which they came to the log."""


class Features(Table[FeatureRow]):
    """Features, by what they are called."""


class Products(Table[ProductRow]):
    """Products, by what they are called."""


class Goals(Table[GoalRow]):
    """Goals, by what they are called."""


class Teams(Table[TeamRow]):
    """Teams, by what they are called."""


class Releases(Table[ReleaseRow]):
    """Releases, in their order."""


class SubjectPage(Spoken):
    """All there is to say of one subject. Its CSV has a line for every cell."""

    subject: str
    version: int
    current: bool
    title: str | None
    number: dict[str, int]
    fields: dict[str, Cell]
    replaces: list[Named]
    replaced_by: list[Named]
    rests_on: list[Named]
    supports: list[Named]


class History(Table[HistoryAct]):
    """What happened to a subject, act by act."""


class Graph(Table[Edge]):
    """What a subject replaces and rests on, and what rests on it; rows are edges."""

    nodes: list[Node]
    truncated: bool


class Roles(Table[RoleRow]):
    """Who holds what."""


class HolderCounts(Table[HolderCount]):
    """Who holds how much, most first."""

    truncated: bool


class Unowned(Table[UnownedRow]):
    """What nobody is accountable for."""


class AuditTrail(Table[Act]):
    """Acts, in the order in which they were recorded."""


class Hits(Table[Hit]):
    """Where the words stand, best first."""


class People(Table[PersonRow]):
    """Everybody the directory knows."""


class Tokens(Table[TokenRow]):
    """All tokens there ever were."""


# What is no table ----------------------------------------------------------------------------------------------------


class Head(TypedDict):
    """The head of the log."""

    log: str
    size: int
    root: str
    recorded_at: str
    read_model: int


class Entry(TypedDict):
    """An entry as it is proved."""

    entry: dict[str, Any]
    leaf: str
    texts: dict[str, list[str]]


class Me(TypedDict):
    """Who you are."""

    actor: str
    credential: str
    rights: list[str]


class MadeToken(TypedDict):
    """A new token."""

    id: str
    holder: str
    rights: list[str]
    secret: str


class Health(TypedDict):
    """Whether all is well."""

    status: Literal["ok", "degraded"]
    position: int
    read_model: int
    lag: int


class Worker(TypedDict):
    """A process that carries the log out or in."""

    name: str
    place: str
    working: bool
    position: int
    lag: int
    seen_at: str
    error: str | None
    error_at: str | None


class Status(TypedDict):
    """The log, the read models, and the processes beside."""

    position: int
    read_model: int
    lag: int
    workers: list[Worker]


class Version(TypedDict):
    """What is running."""

    service: str
    version: str
    api: str


class Catalogue(TypedDict):
    """All there is to send and to find."""

    commands: dict[str, str]
    events: dict[str, list[str]]


class Recorded(TypedDict):
    """An event that was recorded."""

    position: int
    subject: str
    version: int
    type: str
    recorded_at: str


class Receipt(TypedDict):
    """What became of a unit."""

    position: int
    subject: str
    version: int
    recorded: list[Recorded]
    replayed: bool


class Outcome(TypedDict):
    """What became of one of many units: one of the two."""

    receipt: NotRequired[Receipt | None]
    refused: NotRequired[Problem | None]


class Outcomes(TypedDict):
    """What became of many units."""

    results: list[Outcome]
