"""The list of decisions, and each decision as a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from api.pages.comparison import LEGEND, find_differences
from api.pages.evidence import find_evidence_parts
from api.pages.fields import BlamedValue, Origins
from api.pages.graph import lay_out
from api.pages.meetings import find_meetings
from api.pages.page import Context, Page, PageDependency, add_page, page_router
from api.pages.sentences import MAX_HISTORY, Sentence, build_sentences
from api.query_parameters import CURSOR_PATTERN, KeyPath, ProductText, list_parameter
from domain.decision_messages import Option
from domain.ids import SUBJECT_IN_TEXT
from domain.statuses import ENDED_DECISION
from projections.queries import authority as authority_queries
from projections.queries import decisions as decision_queries
from projections.queries.decisions import DecisionFilter
from projections.queries.expected_outcomes import expected_outcomes
from projections.queries.field_groups import flat_fields
from projections.queries.field_values import count_fields
from projections.queries.filters import Filter
from projections.queries.options import weighed_options
from projections.queries.paging import Row
from projections.read_model.model import Read

ROWS: Final = 50
COLUMNS: Final = (*decision_queries.COLUMNS, "why", "decision")
PROSE: Final = {
    "context": "Situation",
    "decision": "Decision",
    "why": "Why",
    "expected": "Expected outcome",
    "deferred_until": "Deferred until",
    "rejected_because": "Rejected because",
    "withdrawn_because": "Withdrawn because",
    "reversed_because": "Reversed because",
    "reopened_because": "Reopened because",
}
_OPEN_STEPS: Final = {"revisit_on": "Decide again", "review_on": "Review"}
"""The steps that are still to come, by the fields that say on which day."""
LISTS: Final = {"evidence": "Evidence", "assumptions": "Assumptions", "constraints": "Constraints"}
STEP_LABELS: Final = {
    "DecisionProposed": "Proposed",
    "DecisionRecorded": "Decided",
    "DecisionAccepted": "Accepted",
    "DecisionRejected": "Rejected",
    "DecisionDeferred": "Deferred",
    "DecisionWithdrawn": "Withdrawn",
    "DecisionReopened": "Reopened",
    "DecisionSuperseded": "Superseded",
    "DecisionReversed": "Reversed",
    "DecisionConfirmed": "Confirmed",
    "DecisionRatified": "Ratified",
    "ReasoningReviewed": "Reasoning reviewed",
    "DecisionReviewed": "Reviewed",
}
STEP_TYPES: Final = (*STEP_LABELS, "AdviceGiven")


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the life of a decision."""

    label: str
    who: str | None
    at: str | None
    day: str | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a person said about a decision."""

    person: str
    kind: str
    value: BlamedValue


def router() -> APIRouter:
    """Return the routes of decisions."""
    routes = page_router()
    add_page(routes, "/decisions", list_decisions)
    add_page(routes, "/decisions/{key}", get_decision, "light")
    return routes


def list_decisions(  # noqa: PLR0917  (the filters of the page)
    page: PageDependency,
    product: Annotated[list[ProductText], list_parameter("Only decisions of these products.")],
    status: Annotated[list[str], list_parameter("Only decisions with these statuses.")],
    kind: Annotated[list[str], list_parameter("Only these kinds of decision.")],
    decider: Annotated[list[str], list_parameter("Only decisions taken by these people.")],
    accountable: Annotated[list[str], list_parameter("Only decisions that these people are accountable for.")],
    text: Annotated[str, Query(max_length=500)] = "",
    unratified: Annotated[bool, Query()] = False,
    cursor: Annotated[str | None, Query(max_length=2000, pattern=CURSOR_PATTERN)] = None,
) -> Response:
    """Show the decisions that match, the newest first."""
    find_person = page.services.find_person
    products = [page.services.find_subject(each, "product", kind="product") for each in product]
    selection = DecisionFilter(
        Filter(products=products, statuses=status),
        kind,
        [find_person(each, "decider") for each in decider],
        [find_person(each, "accountable") for each in accountable],
        text=text or None,
        unratified=unratified,
    )

    def build(read: Read) -> Context:
        answer = decision_queries.decisions(
            read, selection, page.time.point, columns=COLUMNS, newest_first=True, limit=ROWS, cursor=cursor
        )
        in_products = Filter(kinds=("decision",), products=products)
        return {
            "rows": [{**row, "fields": dict(flat_fields(row))} for row in answer.rows],
            "next": answer.next,
            "statuses": _count(read, page, in_products, "status"),
            "kinds": _count(read, page, in_products, "kind"),
            "chosen_status": status,
            "chosen_kind": kind,
            "chosen_product": products,
            "chosen_people": [*selection.deciders, *selection.accountable],
            "text": text,
            "legend": LEGEND,
            "unratified": unratified,
            "differences": find_differences(read, page.time, Filter(kinds=("decision",), products=products)),
        }

    return page.render("decisions.html", build)


def _count(read: Read, page: PageDependency, about: Filter, field: str) -> list[tuple[str, int]]:
    counted = Filter(kinds=about.kinds, products=about.products, fields=(field,))
    rows = count_fields(read, counted, "value", page.time.point).rows
    return [(str(row["value"]), row["count"]) for row in rows if row["value"] is not None]


def get_decision(page: PageDependency, key: KeyPath) -> Response:
    """Show a decision as a document: what was decided and why, by whom, what others said, and what came of it."""
    subject = f"decision:{key}"

    def build(read: Read) -> Context:
        about = decision_queries.subject_page(read, subject, page.time.point).about
        rows = dict(flat_fields(about))
        fields = Origins(read, (row["blame"] for row in rows.values()), page.time.point).values(rows)
        authority = find_authority(read, subject, page)
        latest = decision_queries.latest_history(read, subject, page.time.point, MAX_HISTORY)
        history = step_history = build_sentences(read, latest.events, page.time.point)
        if not latest.is_complete:
            deciding = decision_queries.latest_history(read, subject, page.time.point, MAX_HISTORY, STEP_TYPES)
            step_history = build_sentences(read, deciding.events, page.time.point)
        options = list_options(fields)
        status = fields["status"].content[0] if "status" in fields and fields["status"].content else None
        return {
            "subject": subject,
            "about": about,
            "version": about["version"],
            "fields": fields,
            "status": status,
            "steps": find_steps(step_history, fields),
            "prose": [(label, fields[name]) for name, label in PROSE.items() if name in fields],
            "lists": [(label, fields[name]) for name, label in LISTS.items() if name in fields],
            "options": options,
            "option_columns": find_option_columns(options),
            "opinions": find_opinions(fields),
            "graph": lay_out(subject, about),
            "weighed": find_weighed(read, subject, page),
            "may_check": page.time.is_now and bool(page.permissions.of(("CheckConstraint",), subject)),
            **find_evidence_parts(read, page, subject),
            "history": history,
            "event_count": latest.total,
            "meetings": find_meetings(read, page, subject),
            "difference": find_differences(read, page.time, Filter(subjects=(subject,))).get(subject),
            "authority": authority,
            "expected": expected_outcomes(read, Filter(subjects=(subject,)), page.time.point).rows,
            "mentioned": [
                each for row in authority["rows"] for text in row["sentences"] for each in SUBJECT_IN_TEXT.findall(text)
            ],
            "actions": page.permissions.of(actions_for(status), subject)
            if page.time.is_now and about["current"]
            else [],
        }

    return page.render("decision.html", build)


def find_weighed(read: Read, subject: str, page: Page) -> list[Row]:
    """Return the options of a decision with what was found for each, in their order."""
    rows = weighed_options(read, subject, page.time.point).rows
    return [
        {
            **row,
            "risks": {each["risk"]: each for each in row["findings"]},
            "later": {each["risk"]: each for each in row["afterward"]},
        }
        for row in rows
    ]


def find_authority(read: Read, subject: str, page: Page) -> Row:
    """Return the verdict on the authority of the deciders, with its explanation in sentences."""
    answer = authority_queries.decision_authority(read, subject, page.time.point)
    rows = [
        {**row, "sentences": row["explanation"], "changed": row["verdict_now"] != row["verdict"]} for row in answer.rows
    ]
    return {**answer.about, "rows": rows}


def find_steps(history: Sequence[Sentence], fields: Mapping[str, BlamedValue]) -> list[Step]:
    """Return the steps of a decision with names and times; advice counts as one step, and what is still to come is open."""
    steps: list[Step] = []
    advice = [each for each in history if each.type == "AdviceGiven" and not each.is_voided]
    for sentence in history:
        if sentence.is_voided:
            continue
        if sentence.type in STEP_LABELS:
            steps.append(Step(STEP_LABELS[sentence.type], sentence.origin.who, sentence.origin.at))
        elif advice and sentence is advice[0]:
            steps.append(Step(f"Advice from {len({each.origin.who for each in advice})}", None, sentence.origin.at))
    status = fields["status"].content if "status" in fields else []
    for name, label in _OPEN_STEPS.items() if ENDED_DECISION.isdisjoint(map(str, status)) else ():
        if days := fields[name].content if name in fields else []:
            steps.append(Step(label, None, None, str(days[0]), is_open=True))
    return steps


def find_opinions(fields: Mapping[str, BlamedValue]) -> list[Opinion]:
    """Return advice and dissent by name, the latest first."""
    found = [
        Opinion(f"person:{name.partition('.')[2]}", "dissent" if name.startswith("dissent.") else "advice", value)
        for name, value in fields.items()
        if name.startswith(("advice.", "dissent."))
    ]
    return sorted(found, key=lambda each: each.value.origin.at if each.value.origin else "", reverse=True)


def list_options(fields: Mapping[str, BlamedValue]) -> list[Mapping[str, Any]]:
    """Return the options; imported ones may be texts, which are titles."""
    content = fields["options"].content if "options" in fields else []
    return [each if isinstance(each, Mapping) else {"title": str(each)} for each in content]


def find_option_columns(options: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the criteria by which at least one option was judged, in the order of the model."""
    return [
        name for name in Option.model_fields if name not in _OPTION_PARTS and any(each.get(name) for each in options)
    ]


_OPTION_PARTS: Final = ("title", "pros", "cons", "findings", "cost_amount", "duration")
_OPEN_ACTIONS: Final = (
    *("AcceptDecision", "RejectDecision", "DeferDecision", "AdviseOnDecision", "DissentFromDecision"),
    *("ApproveDecision", "AbstainFromDecision"),
)
_ACTIONS: Final[Mapping[str, Sequence[str]]] = {
    "proposed": (*_OPEN_ACTIONS, "ReviseDecision", "WithdrawDecision"),
    "deferred": (*_OPEN_ACTIONS, "ReviseDecision", "WithdrawDecision"),
    "accepted": (
        "SupersedeDecision",
        "ReverseDecision",
        "StateExpectedOutcome",
        "RecordOutcome",
        "ReviewReasoning",
        "ReviewDecision",
        "JudgeChoice",
        "LinkDecision",
        "ConfirmStillValid",
        "ConfirmDecision",
        "RatifyDecision",
        "DissentFromDecision",
    ),
    "rejected": ("ReopenDecision", "ReviewReasoning"),
    "withdrawn": ("ReopenDecision",),
    "reversed": ("ReopenDecision", "RecordOutcome", "ReviewReasoning", "ReviewDecision"),
    "superseded": ("RecordOutcome", "ReviewReasoning", "ReviewDecision"),
}


def actions_for(status: Any) -> Sequence[str]:
    """Return the commands that a decision with a status takes, the weightiest first."""
    return _ACTIONS.get(str(status), _OPEN_ACTIONS)
