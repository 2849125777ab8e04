"""A decision recorded in one event answers every query as one that was proposed, assigned and accepted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from domain.any_subject import EntryVoided
from domain.decision_messages import DecisionAccepted, DecisionProposed, DecisionRecorded, DecisionSuperseded, Option
from domain.messages import Event
from domain.ownership import OwnershipAssigned
from domain.people import PersonRegistered
from domain.product import ProductDefined
from projections.queries import accountability
from projections.queries.audit import AuditFilter, audit
from projections.queries.changes import changes
from projections.queries.decisions import DecisionFilter, decisions, history, subject_page
from projections.queries.field_values import field_values
from projections.queries.filters import Filter
from projections.queries.report import ReportRequest, report
from projections.queries.search import search
from projections.queries.timepoint import TimePoint
from projections.read_model.model import Read, ReadModel
from tests.projections.support import BuildModel, Log, at

PRODUCT, TEA, COFFEE = "product:p", "decision:tea", "decision:coffee"
CASE: dict[str, Any] = {
    "kind": "feature",
    "products": (PRODUCT,),
    "context": "It is cold.",
    "options": (Option(title="Tea", pros=("Warm",)),),
    "evidence": ("Sweat.",),
    "assumptions": ("Water.",),
    "constraints": ("No open fire.",),
    "expected": "Smiles.",
    "review_on": "2023-09-01",
    "tags": ("guests",),
}
TAKEN: dict[str, Any] = {
    "decision": "We serve tea.",
    "why": "Thirst.",
    "option": "Tea",
    "deciders": ("person:bob", "person:ann"),
}
ONE_EVENT = (DecisionRecorded(title="Serve tea", accountable="person:bob", **CASE, **TAKEN),)
STEPWISE = (
    DecisionProposed(title="Serve tea", **CASE),
    OwnershipAssigned(role="accountable", holders=("person:bob",)),
    DecisionAccepted(**TAKEN),
)
SINCE, RECORDED, UNTIL = 5, 10, 20
LOG_KEYS = frozenset({"position", "type", "version", "recorded_at", "recorded", "known_at", "sha256", "voids"})
"""Keys of positions, versions and types in the log. They differ with the number of events."""


def log_of(events: Sequence[Event]) -> Log:
    """Return a log in which these events record a decision, in one transaction, and it supersedes another."""
    log = Log()
    for person in ("person:ann", "person:bob"):
        log.add(person, PersonRegistered(), at=-100)
    log.add(PRODUCT, ProductDefined(title="Shop", accountable="person:ann"), at=-100)
    log.add(COFFEE, replace_title(ONE_EVENT[0], "Serve coffee"), at=-50)
    first = len(log.entries)
    for event in events:
        log.add(TEA, event, at=RECORDED, by="person:bob", because=(COFFEE,))
    log.add(COFFEE, DecisionSuperseded(by=(TEA,)), at=RECORDED)
    log.entries[first:] = [one._replace(metadata=one.metadata._replace(transaction="u")) for one in log.entries[first:]]
    return log


def replace_title(event: DecisionRecorded, title: str) -> DecisionRecorded:
    return event.model_copy(update={"title": title})


QUESTIONS: dict[str, Callable[[Read], Any]] = {
    "fields": lambda read: field_values(read, Filter(subjects=(TEA, COFFEE)), blame=True).to_dict(),
    "as of": lambda read: field_values(
        read, Filter(subjects=(TEA,), include_removed=True), TimePoint(at(RECORDED))
    ).to_dict(),
    "before": lambda read: field_values(
        read, Filter(subjects=(TEA,), include_removed=True), TimePoint(at(RECORDED) - 1)
    ).to_dict(),
    "page": lambda read: subject_page(read, TEA).to_dict(),
    "decisions": lambda read: decisions(read, DecisionFilter()).to_dict(),
    "decisions of an owner": lambda read: decisions(read, DecisionFilter(accountable=("person:bob",))).to_dict(),
    "who": lambda read: accountability.roles_of_subject(read, TEA).to_dict(),
    "held": lambda read: accountability.roles_of_holder(read, "person:bob").to_dict(),
    "unowned": lambda read: accountability.unowned(read).to_dict(),
    "search": lambda read: [search(read, word).to_dict() for word in ("tea", "thirst", "warm", "sweat", "smiles")],
    "changes": lambda read: without_changes(changes(read, TimePoint(at(SINCE)), TimePoint(at(UNTIL))).to_dict()),
    "report": lambda read: without_status_before(report(read, ReportRequest(PRODUCT, at(SINCE), at(UNTIL))).to_dict()),
}


def without_changes(answer: dict[str, Any]) -> dict[str, Any]:
    """Remove the changes between two times: one flow goes through `proposed`, the other does not."""
    return {**answer, "rows": [{**row, "changes": None} for row in answer["rows"]]}


def without_status_before(answer: dict[str, Any]) -> dict[str, Any]:
    """Remove the earlier status, and the reason of a review date: a proposal gave none for it."""
    rows = [
        {
            **row,
            "changes": [{**change, "before": None, "direction": None} for change in row["changes"]],
            "reason": None if row["section"] == "waiting" else row["reason"],
        }
        for row in answer["rows"]
    ]
    return {**answer, "rows": rows}


def without_log_keys(value: Any) -> Any:
    """Remove every position, version and type at any depth."""
    if isinstance(value, dict):
        return {name: without_log_keys(member) for name, member in value.items() if name not in LOG_KEYS}
    return [without_log_keys(member) for member in value] if isinstance(value, list) else value


def answers(model: ReadModel) -> dict[str, Any]:
    with closing(model), model.read() as read:
        return {name: without_log_keys(question(read)) for name, question in QUESTIONS.items()}


def test_every_answer_is_the_same(build_model: BuildModel) -> None:
    """Fields, page, decisions, accountability, search, changes and report agree except in positions and types."""
    at_once, stepwise = answers(build_model(log_of(ONE_EVENT))), answers(build_model(log_of(STEPWISE)))

    for name in QUESTIONS:
        assert at_once[name] == stepwise[name], name
    assert {row["value"] for row in at_once["fields"]["rows"] if row["field"] == "status"} == {"accepted", "superseded"}
    assert [row["section"] for row in at_once["report"]["rows"] if row["subject"] == TEA] == ["decisions", "waiting"]


def test_a_single_event_is_one_row_of_the_audit_trail(build_model: BuildModel) -> None:
    """One event is one row with all its fields, and the subject is at version 1."""
    with closing(build_model(log_of(ONE_EVENT))) as model, model.read() as read:
        (row,) = audit(read, AuditFilter(subjects=(TEA,))).rows
        (event,) = history(read, TEA).rows

    assert (row["type"], row["version"], row["principal"]) == ("DecisionRecorded.v1", 1, "person:bob")
    assert row["data"]["accountable"] == "person:bob"
    assert row["data"].keys() == {"title", "accountable", *CASE, *TAKEN}
    assert {change["field"] for change in event["changes"]} == {
        "exists",
        "status",
        "title",
        "role.accountable",
        *CASE,
        *TAKEN,
    }


def test_a_voided_decision_leaves_nothing(build_model: BuildModel) -> None:
    """Once the event is voided, the decision has no field, owner or current search result."""
    log = log_of(ONE_EVENT)
    log.add(TEA, EntryVoided(position=5, why="Wrong."))
    with closing(build_model(log)) as model, model.read() as read:
        assert field_values(read, Filter(subjects=(TEA,), include_removed=True)).rows == []
        assert accountability.roles_of_subject(read, TEA).rows == []
        assert [
            row["current"] for row in search(read, "thirst", Filter(subjects=(TEA,), include_removed=True)).rows
        ] == [False]
        assert subject_page(read, TEA).about["current"] is False


def test_a_corrected_decision_keeps_its_number(build_model: BuildModel) -> None:
    """A corrected decision answers as if it had been recorded correctly at first, with the same number."""
    log = log_of((replace_title(ONE_EVENT[0], "Serve tee"),))
    log.add(TEA, EntryVoided(position=5, why="A slip of the pen."), at=RECORDED)
    log.add(TEA, ONE_EVENT[0], at=RECORDED, by="person:bob", because=(COFFEE,), corrects=5)
    with closing(build_model(log)) as model, model.read() as read:
        shown = {row["subject"]: row for row in decisions(read, DecisionFilter()).rows}

    assert shown[TEA]["number"] == {PRODUCT: 2}
    assert shown[TEA]["fields"]["title"]["value"] == "Serve tea"
