"""The shape of every answer, for the interface document and for those who write clients.

Documentation, not a second serialisation: routes send what the questions answer, and a test holds each real answer
against the model its route declares. A field that may be missing has a default here; one that may be null says so in
its type. What a table's row has not by default stands in no column either (`api.tables`).
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.problems import MEDIA_TYPE, Problem
from projections.ordering import Direction
from projections.report import Section

At = Annotated[str, Field(pattern=r"^[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z$", json_schema_extra={"format": "date-time"})]
"""An instant as every answer writes it: RFC 3339, in UTC, with six digits."""


class Shape(BaseModel):
    """An object that has these fields and no others."""

    model_config = ConfigDict(extra="forbid", defer_build=True)  # nothing is validated here, only described


# Parts of rows -------------------------------------------------------------------------------------------------------


class Held(Shape):
    """What a cell holds at an instant."""

    value: JsonValue = Field(
        description="In our meaning: a text, a word, a number, or a list in its order; null if none."
    )
    source_value: str | None = Field(description="The source's own word, where it is another; else null.")


class Link(Shape):
    """One step of the chain from who spoke to whose act it was."""

    who: str = Field(description="On whose behalf.")
    grant: str | None = Field(None, description="The grant it rests on; without one it is a claim.")


class Origin(Shape):
    """Which way an act came in, and for imports where it was recorded first."""

    channel: str = Field(description="The way in: `http`, `cli`, `import`.")
    system: str | None = Field(None, description="The system it comes from.")
    reference: str | None = Field(None, description="That system's own name for the change.")
    at: At | None = Field(None, description="When that system says it happened.")


class Blame(Shape):
    """Who, when and why: the act that made something so."""

    position: int = Field(description="Its place in the log.")
    type: str = Field(description="The event's stored name, such as `DecisionAccepted.v1`.")
    at: At = Field(description="When it took effect.")
    recorded_at: At = Field(description="When the log heard of it.")
    actor: str = Field(description="Who put it to the log, known from the token.")
    principal: str = Field(description="Whose act it was: the one it was done on behalf of, else the actor.")
    on_behalf_of: list[Link] | None = Field(None, description="The chain from actor to principal, where they differ.")
    because: list[str] = Field(description="The decisions it rests on.")
    note: str | None = Field(None, description="What was remarked, or the reason where no decision stands behind it.")
    source: Origin = Field(description="Where it comes from.")
    corrects: int | None = Field(None, description="The position of the voided entry that it replaces.")
    void: int | None = Field(None, description="The position of the act that voided it.")


class Named(Shape):
    """A subject and what it is called."""

    subject: str = Field(description="The subject, as `kind:key`.")
    title: str | None = Field(description="What it is called; null if nothing.")


class Located(Named):
    """A field of a subject."""

    field: str = Field(description="The field, such as `horizon` or `role.accountable`.")


class CardCell(Held):
    """What a cell holds, and since when."""

    since: At = Field(description="When it came to hold this.")
    until: At | None = Field(description="When its term ends; null if it has none.")
    position: int = Field(description="The position of the act that says so.")
    blame: Blame | None = Field(None, description="Who, when and why, if asked for.")


Cells = dict[str, CardCell]


class Cell(CardCell, Located):
    """A cell: one field of one subject."""


class RoleRow(Cell):
    """A cell of a role, a delegation or an acknowledgement."""

    role: str | None = Field(description="The role, such as `accountable`; null for delegations and acknowledgements.")
    status: str | None = Field(None, description="The status of the subject; null or missing if it has none.")


class Turnover(Shape):
    """What came to a list and what went from it; missing where the cell is no list."""

    gained: list[JsonValue] | None = Field(None, description="What came to the list, in its order.")
    lost: list[JsonValue] | None = Field(None, description="What went from the list, in its order.")


class HistoryStep(Turnover):
    """One change of one cell."""

    field: str = Field(description="The field that changed.")
    before: Held = Field(description="What it held before.")
    after: Held = Field(description="What it held from then on.")
    direction: Direction = Field(description="What kind of change it was.")
    at: At = Field(description="When it took effect.")
    ended: bool = Field(description="Whether it is the end of a term, for which there is no act of its own.")


class Step(HistoryStep, Located):
    """One change of one cell, with whose it was."""

    position: int = Field(description="The position of the act that made it.")
    blame: Blame = Field(description="Who, when and why.")


class Voided(Shape):
    """An act that was voided."""

    position: int = Field(description="The position of the act that was voided.")
    reason: str = Field(description="Why it was voided.")
    blame: Blame = Field(description="Who voided it, when and why.")


class Change(Turnover, Located):
    """A cell that does not hold the same at two instants."""

    before: Held = Field(description="What it held at the first instant.")
    after: Held = Field(description="What it holds at the second.")
    direction: Direction = Field(description="What kind of change it is, net.")
    before_is: Literal["absent", "struck"] | None = Field(
        None, description="Why the subject was not on the record at the first."
    )
    after_is: Literal["absent", "struck"] | None = Field(
        None, description="Why the subject is not on the record at the second."
    )
    changes: list[Step] = Field(description="The steps that led from one to the other, in order.")
    voided: list[Voided] = Field(description="The acts on this cell that were voided in between.")


class Slip(Located):
    """A target that moved."""

    count: int = Field(description="How many moves there were that count.")
    later: int = Field(description="How many moves went later.")
    earlier: int = Field(description="How many moves went earlier.")
    first: Held = Field(description="The first promise.")
    now: Held = Field(description="The present one.")
    against_first: Direction = Field(
        description="The present promise against the first; `include_unchanged` if it is the same."
    )
    moves: list[Step] = Field(description="The moves that count, in order.")


class Card(Named):
    """A feature, or another subject, on the roadmap."""

    milestone: str | None = Field(None, description="In columns of releases: the milestone that is aimed at this one.")
    fields: Cells = Field(description="The cells to show, by field.")


class Column(Shape):
    """A column of the board, or a place on the timeline."""

    column: str = Field(description="What its cards have in common; `unplanned` if they have no place.")
    title: str | None = Field(description="What the column's subject is called, if it is one.")
    count: int = Field(description="How many cards stand in it.")
    cards: list[Card] = Field(description="Its cards, by rank and title.")


class DecisionRow(Shape):
    """A decision in the register."""

    subject: str = Field(description="The decision, as `decision:key`.")
    number: dict[str, int] = Field(description="Its number in each product it belongs to, by product.")
    fields: dict[str, Cell] = Field(description="What the register shows of it, by field.")


class FeatureRow(Named):
    """A feature in a list; a cell that holds nothing is missing."""

    aliases: list[str] | None = Field(None, description="Other names and numbers.")
    status: str | None = Field(None, description="Its status; null where only the source's word is known.")
    horizon: str | None = Field(None, description="`now`, `next` or `later`.")
    rank: int | None = Field(None, description="Its place within the horizon.")
    products: list[str] | None = Field(None, description="The products it belongs to.")
    accountable: list[str] | None = Field(None, alias="role.accountable", description="Who answers for it.")


class ProductRow(Named):
    """A product in a list; a cell that holds nothing is missing."""

    status: str | None = Field(None, description="Its status.")
    description: str | None = Field(None, description="What it is.")
    line: str | None = Field(None, description="The product line it belongs to.")
    accountable: list[str] | None = Field(None, alias="role.accountable", description="Who answers for it.")


class GoalRow(Named):
    """A goal in a list; a cell that holds nothing is missing."""

    status: str | None = Field(None, description="Its status.")
    by: str | None = Field(None, description="The day by which it is to be reached.")
    products: list[str] | None = Field(None, description="The products it is for.")
    accountable: list[str] | None = Field(None, alias="role.accountable", description="Who answers for it.")


class TeamRow(Named):
    """A team in a list; a cell that holds nothing is missing."""

    status: str | None = Field(None, description="Its status.")


class ReleaseRow(Named):
    """A release in a list; a cell that holds nothing is missing."""

    version: str | None = Field(None, description="Its version.")
    on: str | None = Field(None, description="The day it is scheduled for.")
    products: list[str] | None = Field(None, description="The products it is a release of.")


class Act(Blame):
    """An act in the audit trail."""

    subject: str = Field(description="The subject in whose stream it stands.")
    version: int = Field(description="Its place in the subject's stream.")
    transaction: str = Field(description="The id of what was sent together.")
    place: int = Field(description="Its place in that unit.")
    credential: str | None = Field(description="The id of the token it came with.")
    references: list[dict[str, str]] = Field(description="Outside ids and links: `id`, and `system` if said.")
    data: dict[str, JsonValue] = Field(description="The event in full; its shape is that of its type.")
    title: str | None = Field(description="What the subject is called; null if nothing.")


class HistoryAct(Act):
    """An act on a subject, with the steps it made."""

    changes: list[HistoryStep] = Field(description="The cells it changed, in order.")


class Edge(Shape):
    """That one decision replaces another, or rests on it."""

    from_: str = Field(alias="from", description="The subject it leads from.")
    to: str = Field(description="The subject it leads to.")
    way: Literal["replaces", "replaced_by", "rests_on", "supports"] = Field(description="What `from` does to `to`.")
    distance: int = Field(description="How many steps from the subject that was asked about.")


class Node(Named):
    """A subject of the graph."""

    status: str | None = Field(description="Its status; null if it has none.")


class UnownedRow(Named):
    """A subject that nobody is accountable for."""

    departed: list[str] = Field(description="Who was accountable and has departed.")
    source_value: str | None = Field(description="A name that could not be understood, such as `TBD`.")


class Hit(Located):
    """A place where the words stand."""

    position: int = Field(description="The position of the act that said them.")
    snippet: str = Field(description="Where they stand, each between « and ».")
    current: bool = Field(description="Whether the cell still holds this text.")


class PersonRow(Shape):
    """Somebody in the directory."""

    id: str = Field(description="The id, as `person:key`.")
    name: str | None = Field(description="The name to show; null if it was forgotten.")
    spellings: list[str] = Field(description="Every name, e-mail and handle they are known by.")


class TokenRow(Shape):
    """A token; never its secret."""

    id: str = Field(description="Its id, by which it is revoked.")
    holder: str = Field(description="Whom it is for.")
    rights: list[str] = Field(description="What it may do beyond reading and recording one's own acts.")
    label: str = Field(description="What it is for.")
    created_at: At = Field(description="When it was made.")
    revoked_at: At | None = Field(description="When it was revoked; null if it was not.")


class CellCount(Shape):
    """How many cells have one thing in common; it is named after what is counted by."""

    holder: str | None = Field(None, description="Who they name.")
    value: JsonValue = Field(None, description="What they hold.")
    source_value: str | None = Field(None, description="What they hold, in the source's word.")
    field: str | None = Field(None, description="Their field.")
    kind: str | None = Field(None, description="The kind of their subject.")
    product: str | None = Field(None, description="A product of their subject.")
    subject: str | None = Field(None, description="Their subject.")
    count: int = Field(description="How many there are.")


class HolderCount(Shape):
    """How many cells name somebody."""

    holder: str = Field(description="The person or team.")
    count: int = Field(description="How many cells name them.")


class StepCount(Shape):
    """How many steps have something in common; it is named after what is counted by."""

    subject: str | None = Field(None, description="Their subject.")
    field: str | None = Field(None, description="Their field.")
    direction: Direction | None = Field(None, description="What kind of change they are.")
    actor: str | None = Field(None, description="Who put them to the log.")
    principal: str | None = Field(None, description="Whose act they were.")
    count: int = Field(description="How many there are.")


# Answers -------------------------------------------------------------------------------------------------------------

RowT = TypeVar("RowT", bound=Shape)


class Spoken(Shape):
    """What every answer of the read model says of itself."""

    position: int = Field(description="The answer speaks up to this position of the log.")
    as_of: At = Field(description="What was in effect at this instant.")
    known_at: At | None = Field(None, description="By what the log had recorded at this instant; missing if by all.")
    names: dict[str, str] = Field(description="The names to show for the people and services in the answer, by id.")


class Table(Spoken, Generic[RowT]):
    """An answer of rows, which comes as CSV and JSON Lines too."""

    rows: list[RowT] = Field(description="What was found, in order.")
    next: str | None = Field(None, description="If there is more: the `cursor` to ask for it with.")


class CellTable(Table[Cell]):
    """Cells, by subject and field."""


class CellCounts(Table[CellCount]):
    """Counts of cells, most first."""

    truncated: bool = Field(description="Whether there are more counts than are shown; a larger `limit` shows more.")


class StepTable(Table[Step]):
    """Steps, in the order in which they took effect."""


class StepCounts(Table[StepCount]):
    """Counts of steps, most first."""

    truncated: bool = Field(description="Whether there are more counts than are shown; a larger `limit` shows more.")


class ReportChange(Shape):
    """A cell that changed, or what it holds at the end of the span."""

    field: str = Field(description="The field, such as `status` or `target.ship`.")
    before: Held | None = Field(None, description="What it held before; missing where nothing is said to have changed.")
    after: Held = Field(description="What it held from then on, or holds at the end.")
    direction: Direction | None = Field(None, description="What kind of change it was; missing where there was none.")


class ReportSlips(Shape):
    """How a promise was kept."""

    later: int = Field(description="How often it was put off, from the first promise to the end of the span.")
    first: Held | None = Field(description="The first promise; null if there was none that was understood.")


class ReportLine(Named):
    """A line of a progress report."""

    section: Section = Field(description="The part of the report in which it stands.")
    at: At = Field(description="When it took effect.")
    by: list[str] = Field(description="Who decided it, or else whose act it was.")
    why: str | None = Field(
        description="The reason that the act itself gives; null if it gives none: see also `blame`."
    )
    changes: list[ReportChange] = Field(description="The cells it is about.")
    blame: Blame = Field(description="The act behind it: who put it to the log, because of what, with what note.")
    rests_on: list[str] = Field(description="The decisions behind the subject beyond those in `blame`.")
    link: str = Field(description="Where all there is to say of the subject is answered.")
    holds: bool | None = Field(
        None, description="Whether it is still so at the end of the span; missing if it stands there."
    )
    slips: ReportSlips | None = Field(None, description="Of what slipped: how often, and from where.")
    due: str | None = Field(None, description="Of what is overdue: the day on which it was due.")
    departed: list[str] | None = Field(None, description="Of what has no owner: who was accountable and has departed.")
    voids: int | None = Field(None, description="Of a correction: the position of the entry that no longer counts.")


class Report(Table[ReportLine]):
    """What became of a product in a span, section by section. Its CSV has a line for every cell that changed."""

    product: str = Field(description="The product, as `product:key`.")
    title: str | None = Field(description="What it is called; null if nothing.")
    since: At = Field(description="Where the span begins.")
    until: At = Field(description="Where it ends, which is no more part of it; `as_of` is the instant before.")
    counts: dict[Section, int] = Field(description="How many lines each section has.")
    titles: dict[str, str] = Field(description="What the subjects are called that the lines name, by subject.")
    sha256: str = Field(description="The hash of its canonical JSON without all texts and names, in hex.")


class Roadmap(Table[Column]):
    """The columns of a board or timeline. With `layout=table` rows are the cards themselves."""

    rows: list[Column] | list[Card] = Field(description="Columns in their order; with `layout=table` the cards.")  # type: ignore[assignment]


class Since(Shape):
    """The first of two instants."""

    position: int = Field(description="The position up to which the log was known.")
    as_of: At = Field(description="The instant.")
    known_at: At | None = Field(description="The instant of knowledge; null if all was known.")


class Changes(Table[Change]):
    """What differs between two instants; `as_of` and `known_at` are the second."""

    from_: Since = Field(alias="from", description="The first.")


class Totals(Shape):
    """How many moves there were of all targets that were asked about."""

    later: int = Field(description="How many went later.")
    earlier: int = Field(description="How many went earlier.")


class Slips(Table[Slip]):
    """Targets that moved, most often moved first."""

    totals: Totals = Field(description="All moves together, whatever `min_count` leaves out.")


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

    subject: str = Field(description="The subject, as `kind:key`.")
    version: int = Field(description="Its version, also the ETag; send it as `If-Match`.")
    current: bool = Field(description="False if it was struck from the record, or had not begun.")
    title: str | None = Field(description="What it is called; null if nothing.")
    number: dict[str, int] = Field(description="A decision's number in each product it belongs to, by product.")
    fields: dict[str, Cell] = Field(description="Every cell by field, each with its blame.")
    replaces: list[Named] = Field(description="What it superseded or reversed.")
    replaced_by: list[Named] = Field(description="What superseded or reversed it.")
    rests_on: list[Named] = Field(description="The decisions its acts were taken because of.")
    supports: list[Named] = Field(description="What has acts that were taken because of it.")


class History(Table[HistoryAct]):
    """What happened to a subject, act by act."""


class Graph(Table[Edge]):
    """What a subject replaces and rests on, and what rests on it; rows are edges."""

    nodes: list[Node] = Field(description="The subjects that the edges name.")
    truncated: bool = Field(description="Whether there are more edges than are shown.")


class Roles(Table[RoleRow]):
    """Who holds what."""


class HolderCounts(Table[HolderCount]):
    """Who holds how much, most first."""

    truncated: bool = Field(description="Whether there are more holders than are shown.")


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


class Head(Shape):
    """The head of the log."""

    log: str = Field(description="The log's id.")
    size: int = Field(description="How many entries it holds: its last position.")
    root: str = Field(description="The root of the Merkle tree over all entries (RFC 6962), in hex.")
    recorded_at: At = Field(description="When the last of them was recorded.")
    read_model: int = Field(description="The position up to which answers speak.")


class Entry(Shape):
    """An entry as it is proved."""

    entry: dict[str, Any] = Field(description="The entry. As JSON Lines it stands in canonical form, byte for byte.")
    leaf: str = Field(description="SHA-256 of a zero byte and the canonical entry, in hex.")
    texts: dict[str, Annotated[list[str], Field(min_length=2, max_length=2)]] = Field(
        description="The texts beside it that are not forgotten, each with its salt before it, by JSON pointer."
    )


class Me(Shape):
    """Who you are."""

    actor: str = Field(description="Whom your token lets you speak for.")
    credential: str = Field(description="The token's id.")
    rights: list[str] = Field(description="What it may do beyond reading and recording one's own acts.")


class MadeToken(Shape):
    """A new token."""

    id: str = Field(description="Its id, by which it is revoked.")
    holder: str = Field(description="Whom it is for.")
    rights: list[str] = Field(description="What it may do beyond reading and recording one's own acts.")
    secret: str = Field(
        description="The token itself: send it as `Authorization: Bearer SECRET`. It is shown this once."
    )


class Health(Shape):
    """Whether all is well."""

    status: Literal["ok", "degraded"] = Field(
        description="`ok`, or `degraded` while expensive questions have to wait for long; else the answer is a 503."
    )
    position: int = Field(description="How many entries the log holds.")
    read_model: int = Field(description="The position up to which answers speak.")
    lag: int = Field(description="How many entries answers are behind.")


class Worker(Shape):
    """A process that carries the log out or in."""

    name: str = Field(description="What it does: `publisher`, `intake`, ...")
    place: str = Field(description="The topic or database it works on.")
    working: bool = Field(description="Whether it is at work: it said so within the last seconds, and nothing fails.")
    position: int = Field(description="The last position it is done with.")
    lag: int = Field(description="How much it has left to do: entries, or messages.")
    seen_at: At = Field(description="When it was last heard of.")
    error: str | None = Field(description="What went wrong last; it may be over.")
    error_at: At | None = Field(description="When it did.")


class Status(Shape):
    """The log, the read models, and the processes that carry the log out and in."""

    position: int = Field(description="How many entries the log holds.")
    read_model: int = Field(description="The position up to which answers speak.")
    lag: int = Field(description="How many entries answers are behind.")
    workers: list[Worker] = Field(description="Each process that was ever heard of; none, where there is no stream.")


class Version(Shape):
    """What is running."""

    service: str = Field(description="`decisionlog`.")
    version: str = Field(description="The version of the program.")
    api: str = Field(description="The version of this interface.")


class Catalogue(Shape):
    """All there is to send and to find."""

    commands: dict[str, str] = Field(description="What each command means, by its name.")
    events: dict[str, list[str]] = Field(description="The fields of each event, by its stored name.")


class Recorded(Shape):
    """An event that was recorded."""

    position: int = Field(description="Its place in the log.")
    subject: str = Field(description="The subject in whose stream it stands.")
    version: int = Field(description="Its place in that stream.")
    type: str = Field(description="Its stored name, such as `DecisionAccepted.v1`.")
    recorded_at: At = Field(description="When it was recorded.")


class Receipt(Shape):
    """What became of a unit."""

    position: int = Field(description="The last position written; pass it as `after` to read your own write.")
    subject: str = Field(description="The subject the first command addressed.")
    version: int = Field(description="The version that subject has now; also the ETag.")
    recorded: list[Recorded] = Field(description="Each event, in order.")
    replayed: bool = Field(description="Whether an idempotency key was answered again.")


class Outcome(Shape):
    """What became of one of many units: one of the two."""

    receipt: Receipt | None = Field(None, description="It was recorded.")
    refused: Problem | None = Field(None, description="It was kept out.")


class Outcomes(Shape):
    """What became of many units."""

    results: list[Outcome] = Field(description="The fate of each unit, in the order they were sent.")


# How a route declares its answer -------------------------------------------------------------------------------------

Responses = dict[int | str, dict[str, Any]]

_CSV: Final = {"text/csv": {"schema": {"type": "string", "description": "A header line, then a line for each row."}}}
_LINES: Final = {
    "application/jsonl": {"schema": {"type": "string", "description": "A JSON object for each row, one a line."}}
}


def problem(description: str) -> dict[str, Any]:
    """The declaration of a problem document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}


STOPPED: Final[Responses] = {
    503: problem(
        "The read models have stopped following the log, or the question took too long or had to wait too long; the detail "
        "says which, and `Retry-After` when to ask again."
    )
}
UNSTORED: Final[Responses] = {
    503: problem("The log failed; whether it was recorded shows when it is sent again with the same key."),
    507: problem("The disk of the log is full, and nothing was recorded."),
}
LATE: Final[Responses] = {504: problem("The position in `after` is not covered yet; ask again.")}


def declared(model: type[Shape], *, status: int = 200, more: Responses | None = None) -> dict[str, Any]:
    """Arguments for a route that sends its answer itself."""
    answer = {"model": model, "description": (model.__doc__ or "").strip().partition("\n")[0]}
    return {"response_model": None, "responses": {status: answer, **(more or {})}}


def asked(model: type[Spoken]) -> dict[str, Any]:
    """Arguments for a route that puts a question to the read model: its answer comes as CSV and JSON Lines as well."""
    found = declared(model, more={**STOPPED, **LATE})
    found["responses"][200]["content"] = {"application/json": {}, **_CSV, **_LINES}
    return found
