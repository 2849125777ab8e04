"""Routes for the register of decisions, single subjects, accountability, the audit trail and search."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api import answers
from api.admission import LaneName
from api.asking import (
    AskedFor,
    AskedKey,
    AskedNamed,
    AskedPage,
    AskedSubject,
    AskedSubjects,
    AskedWhen,
    IncludeRemoved,
    KindWord,
    MinCount,
    ProductWord,
    SubjectWord,
    key_of,
    known_kinds,
    question,
    span,
    words,
)
from api.problems import HttpProblem
from api.services import Served
from api.v1 import v1
from domain.catalog import EVENTS
from domain.values import MAX_INTEGER, Timestamp, documented
from projections import accountability as accountability_questions
from projections import audit as audit_questions
from projections import decisions as decision_questions
from projections import listings, search
from projections.audit import AuditFilter
from projections.decisions import RegisterFilter
from projections.query import TimePoint

TypeWord = Annotated[str, documented(enum=sorted({*EVENTS, *(name.removesuffix(".v1") for name in EVENTS)}))]
_COLLECTIONS: Final = {"decisions": "decision", "features": "feature", "products": "product", "releases": "release", "goals": "goal", "teams": "team"}  # fmt: skip
_REGISTER: Final = (*decision_questions.COLUMNS, "decision", "why")
_LISTED: Final[dict[str, tuple[str, type[answers.Spoken], tuple[str, ...]]]] = {
    "features": ("feature", answers.Features, ("aliases", "status", "horizon", "rank", "products", "role.accountable")),
    "products": ("product", answers.Products, ("status", "description", "line", "role.accountable")),
    "goals": ("goal", answers.Goals, ("status", "by", "products", "role.accountable")),
    "teams": ("team", answers.Teams, ("status",)),
}


def router() -> APIRouter:
    """Every route of registers and subjects."""
    routes = v1("Ask")

    def get(path: str, ask: Any, model: type[answers.Spoken], summary: str, lane: LaneName = "heavy") -> None:
        routes.add_api_route(path, question(ask, lane), methods=["GET"], summary=summary, **answers.asked(model))

    get("/decisions", register, answers.Register, "The register of decisions")
    get("/releases", releases, answers.Releases, "Releases, in their order")
    for collection, (kind, model, fields) in _LISTED.items():
        get(f"/{collection}", _list_of(kind, fields), model, f"All {collection}")
    for collection, kind in _COLLECTIONS.items():
        get(
            f"/{collection}/{{key}}", _page_of(kind), answers.SubjectPage, f"All there is to say of one {kind}", "light"
        )
    get("/subjects/{subject}", subject_page, answers.SubjectPage, "All there is to say of any subject", "light")
    get("/subjects/{subject}/history", history, answers.History, "What happened to it, act by act")
    get("/subjects/{subject}/graph", graph, answers.Graph, "What it replaces and rests on, and what rests on it")
    get("/subjects/{subject}/accountability", accountability_of, answers.Roles, "Who answers for it", "light")
    get("/accountability", accountability, answers.Roles, "What somebody holds")
    get("/accountability/count", accountability_counted, answers.HolderCounts, "How much everybody holds")
    get("/unowned", unowned, answers.Unowned, "What nobody is accountable for")
    get("/audit", audit, answers.AuditTrail, "The audit trail")
    get("/search", search_texts, answers.Hits, "Full-text search")
    return routes


# Registers -----------------------------------------------------------------------------------------------------------


def register(
    *,
    asked: AskedFor,
    served: Served,
    when: AskedWhen,
    page: AskedPage,
    about: AskedNamed,
    kind: Annotated[list[str], words("`strategic`, `feature`, `ownership`, `process`, `technical`, your own.")],
    decider: Annotated[list[str], words("Who took them: an id, or a name the directory knows.")],
    accountable: Annotated[list[str], words("Who answers for them.")],
    tag: Annotated[list[str], words("Tags.")],
    ever: Annotated[list[str], words("A status they have at some time had, in our meaning or the source's word.")],
    text: Annotated[str | None, Query(max_length=500, description="Words in their texts.")] = None,
    include_removed: IncludeRemoved = False,
) -> Response:
    """The decisions that fit, in the order in which they came to the log, each with its number in every product."""
    found = RegisterFilter(
        about=replace(about, include_removed=include_removed), kinds=kind, tags=tag, ever=ever, text=text,
        deciders=[served.somebody(each, "decider") for each in decider],
        accountable=[served.somebody(each, "accountable") for each in accountable],
    )  # fmt: skip
    return asked(
        lambda read: decision_questions.register(
            read, found, when, columns=_REGISTER, limit=page.limit, cursor=page.cursor
        )
    )


def _list_of(kind: str, fields: tuple[str, ...]) -> Any:
    def listed(
        asked: AskedFor, about: AskedNamed, when: AskedWhen, page: AskedPage, include_removed: IncludeRemoved = False
    ) -> Response:
        """By what they are called, each with the cells that tell it apart."""
        wanted = replace(about, kinds=(kind,), include_removed=include_removed)
        return asked(lambda read: listings.subjects(read, wanted, fields, when, limit=page.limit, cursor=page.cursor))

    return listed


def releases(
    asked: AskedFor,
    served: Served,
    when: AskedWhen,
    product: Annotated[list[ProductWord], words("Only those of these products.")],
) -> Response:
    """In the order their product has said, else by version number."""
    products = [served.subject(each, "product", kind="product") for each in product]
    return asked(lambda read: listings.releases(read, products, when))


# One subject ---------------------------------------------------------------------------------------------------------


def _page_of(kind: str) -> Any:
    def page(asked: AskedFor, when: AskedWhen, key: AskedKey) -> Response:
        """Every cell with its blame, what it replaces and rests on, what rests on it; its version is the ETag."""
        return _subject_page(asked, f"{kind}:{key}", when)

    return page


def subject_page(asked: AskedFor, when: AskedWhen, subject: AskedSubject) -> Response:
    """Every cell with its blame, what it replaces and rests on, what rests on it; its version is the ETag."""
    return _subject_page(asked, subject, when)


def _subject_page(asked: AskedFor, subject: str, when: TimePoint) -> Response:
    return asked(lambda read: decision_questions.page_of(read, subject, when), etag=True)


def history(
    asked: AskedFor, served: Served, when: AskedWhen, subject: AskedSubject,
    field: Annotated[list[str], words("Only acts that changed one of these fields, or `role.*`.")],
) -> Response:  # fmt: skip
    """Its acts in the order in which they took effect, each with who, why, and the steps it made."""
    known = served.subject(subject, "subject")
    return asked(lambda read: decision_questions.history(read, known, when, fields=field))


def graph(asked: AskedFor, served: Served, when: AskedWhen, subject: AskedSubject) -> Response:
    """All it replaces, is replaced by, rests on and supports, directly and through others; rows are edges."""
    known = served.subject(subject, "subject")
    return asked(lambda read: decision_questions.graph(read, known, when))


# Accountability ------------------------------------------------------------------------------------------------------


def accountability_of(asked: AskedFor, served: Served, when: AskedWhen, subject: AskedSubject) -> Response:
    """Every role on it and every delegation of it: who holds it, since when, until when, and because of what."""
    known = served.subject(subject, "subject")
    return asked(lambda read: accountability_questions.of_subject(read, known, when))


Roles = Annotated[list[str], words("Roles, such as `accountable`; any, if silent.")]


def accountability(
    asked: AskedFor,
    served: Served,
    when: AskedWhen,
    page: AskedPage,
    about: AskedSubjects,
    who: Annotated[str, Query(max_length=500, description="A person or team: an id, or a name the directory knows.")],
    role: Roles,
    blame: Annotated[bool, Query(description="With who, when and why.")] = False,
) -> Response:
    """Everything a person or team holds at an instant, in some roles or in any."""
    holder = served.somebody(who, "who")
    return asked(
        lambda read: accountability_questions.of_person(
            read, holder, when, roles=role, asked=about, blame=blame, limit=page.limit, cursor=page.cursor
        )
    )


def accountability_counted(
    asked: AskedFor, when: AskedWhen, about: AskedSubjects, role: Roles, min_count: MinCount = 1
) -> Response:
    """How many cells each holder is named in at an instant, most first."""
    return asked(
        lambda read: accountability_questions.counted(read, when, roles=role, asked=about, min_count=min_count)
    )


def unowned(asked: AskedFor, when: AskedWhen, page: AskedPage, about: AskedSubjects) -> Response:
    """Subjects on the record for which nobody was named, or all who were have departed."""
    return asked(lambda read: accountability_questions.unowned(read, about, when, limit=page.limit, cursor=page.cursor))


# Audit and search ----------------------------------------------------------------------------------------------------


async def _audit_filter(
    *,
    served: Served,
    actor: Annotated[list[str], words("Who put it to the log.")],
    principal: Annotated[list[str], words("Whose act it was.")],
    by: Annotated[list[str], words("Either.")],
    kind: Annotated[list[KindWord], words("Kinds of subject.")],
    subject: Annotated[list[SubjectWord], words("Subjects, as `kind:key`.")],
    product: Annotated[list[ProductWord], words("Products.")],
    type: Annotated[list[TypeWord], words("Event types, such as `DecisionAccepted`.")],  # noqa: A002
    channel: Annotated[list[str], words("The way in: `http`, `cli`, `import`.")],
    system: Annotated[list[str], words("For imports: the system it comes from.")],
    reference: Annotated[list[str], words("For imports: that system's own name for the change.")],
    because: Annotated[list[Annotated[str, key_of("decision")]], words("Decisions it rests on.")],
    transaction: Annotated[list[str], words("Ids of units: what was sent together.")],
    position: Annotated[list[Annotated[int, Field(ge=1, le=MAX_INTEGER)]], words("Positions.")],
    since: Annotated[Timestamp | None, Query(description="It took effect at or after this instant.")] = None,
    until: Annotated[Timestamp | None, Query(description="It took effect before this instant.")] = None,
    recorded_since: Annotated[Timestamp | None, Query(description="It was recorded at or after this instant.")] = None,
    recorded_until: Annotated[Timestamp | None, Query(description="It was recorded before this instant.")] = None,
    text: Annotated[str | None, Query(max_length=500, description="Words in its texts.")] = None,
    justified: Annotated[bool | None, Query(description="Whether a decision stands behind it.")] = None,
    corrections: Annotated[bool, Query(description="Only acts that void another or replace one.")] = False,
    voided: Annotated[bool | None, Query(description="Whether it was voided.")] = None,
    backdated: Annotated[bool, Query(description="Only what was dated earlier than it was recorded.")] = False,
) -> AuditFilter:
    def named(given: list[str], name: str) -> list[str]:
        return [served.somebody(each, name) for each in given]

    return AuditFilter(
        actors=named(actor, "actor"), principals=named(principal, "principal"), by=named(by, "by"),
        kinds=known_kinds(kind), subjects=[served.subject(each, "subject") for each in subject],
        products=[served.subject(each, "product", kind="product") for each in product],
        types=_known_types(type), channels=channel, systems=system, references=reference,
        because=[served.subject(each, "because", kind="decision") for each in because], transactions=transaction, positions=position,
        span=span(since, until), recorded=span(recorded_since, recorded_until, of="recorded_until"),
        text=text, justified=justified, corrections=corrections, voided=voided, backdated=backdated,
    )  # fmt: skip


def _known_types(types: list[str]) -> list[str]:
    for named in types:
        if named not in EVENTS and f"{named}.v1" not in EVENTS:
            detail = f"there is no event type {named!r}; GET /v1/catalog lists them all"
            raise HttpProblem(422, detail, field="type")
    return types


def audit(
    asked: AskedFor,
    about: Annotated[AuditFilter, Depends(_audit_filter)],
    when: AskedWhen,
    page: AskedPage,
    order: Annotated[Literal["newest", "oldest"], Query(description="Which come first.")] = "newest",
) -> Response:
    """Every act that fits: who, on whose behalf, when on both clocks, why, from where, and what was said in full."""
    return asked(
        lambda read: audit_questions.audit(
            read, about, when, oldest_first=order == "oldest", limit=page.limit, cursor=page.cursor
        )
    )


def search_texts(
    asked: AskedFor,
    about: AskedSubjects,
    when: AskedWhen,
    text: Annotated[str, Query(min_length=1, max_length=500, description="Words; the last may be a beginning.")],
    limit: Annotated[int, Query(ge=1, le=1000, description="At most this many.")] = 50,
) -> Response:
    """Where the words stand, best first, and whether they still do."""
    return asked(lambda read: search.search(read, text, about, when, limit=limit))
