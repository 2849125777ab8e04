"""Home: what needs the reader, what changed, and how things stand; for a manager, a superior or an auditor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api.pages.audit import find_verification
from api.pages.cards import Card, complete_cards, list_urgent_cards
from api.pages.debt import LABELS
from api.pages.demo import may_load_demo
from api.pages.evidence import find_flags
from api.pages.labels import Mark
from api.pages.page import Context, Page, PageDependency, add_page, page_router
from api.pages.people import find_gaps
from api.pages.sentences import Sentence, find_sentences
from api.pages.subjects import find_goals, find_releases
from api.pages.times import parse_page_time
from api.pages.value_formats import count_of, format_day, parse_day
from api.pages.visits import DAY_US, DEFAULT_DAYS, LOOKED_COOKIE, find_visits
from api.parameter_checks import check_choice
from api.permissions import why_not
from domain.actions import AUDIT
from domain.decision_messages import OPEN
from domain.meeting import PLANNED as PLANNED_MEETING
from domain.task import OPEN as OPEN_TASK
from domain.values import format_micros, from_micros
from identity.decision_log import DecisionLog
from projections.answer_types.decisions import DecisionRow
from projections.queries import arrivals as arrival_queries
from projections.queries import audit as audit_queries
from projections.queries import decisions as decision_queries
from projections.queries.debt import DebtFilter, debt
from projections.queries.decisions import DecisionFilter
from projections.queries.field_history import ChangeFilter
from projections.queries.field_values import all_field_values, as_ids, by_subject, find_accountable
from projections.queries.filters import Filter, subjects_where
from projections.queries.paging import Row
from projections.queries.timepoint import NOW, resolve_time
from projections.read_model.model import Read

VIEWS: Final = {"manager": "Manager", "superior": "Superior", "auditor": "Auditor"}
VIEW_COOKIE: Final = "decisionlog-view"
COOKIE_DAYS: Final = 400
STEP_KINDS: Final = ("product", "decision", "feature")
NEW_ENTRIES: Final = 100
"""A log with fewer entries shows the first steps that are left."""
NEEDS: Final = 8
NOW_CARDS: Final = 6
CHANGES: Final = 15
RELEASES: Final = 8
PAST_RELEASES: Final = 2
CHANGE_FIELDS: Final = ("exists", "status", "horizon", "target.*", "role.accountable", "due_on", "vision", "strategy")
HOME_KINDS: Final = ("decision", "feature", "goal", "release", "product")


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person, with the action that clears it."""

    subject: str
    detail: str
    mark: Mark
    action: str
    people: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()
    """The subjects whose ids are in `detail`."""


def router() -> APIRouter:
    """Return the route of Home."""
    routes = page_router()
    add_page(routes, "/", get_home)
    return routes


def get_home(
    page: PageDependency, view: Annotated[str, Query()] = "", since: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """Show Home in one of its views; the choice is remembered."""
    chosen = view or page.request.cookies.get(VIEW_COOKIE, "manager")
    if view or chosen not in VIEWS:
        chosen = check_choice(view or "manager", VIEWS, "view")
    last, started = find_visits(page.request, page.time.now)
    asked = parse_page_time({"as_of": since}, page.time.now, page.time.zone).point.as_of if since else None
    before = page.time.valid_time - DEFAULT_DAYS * DAY_US
    begin = asked or (last if page.time.is_now else before)  # the last visit does not matter on a Home of the past
    begin = before if begin > page.time.valid_time else begin

    def build(read: Read) -> Context:
        kinds = _find_kinds(read)
        if not kinds:
            return {"is_empty": True, "done_steps": (), "may_load_demo": may_load_demo(page)}
        is_new = page.time.is_now and read.position < NEW_ENTRIES and len(kinds) < len(STEP_KINDS)
        shared = {
            "is_empty": False,
            "done_steps": kinds if is_new else None,
            "view": chosen,
            "views": VIEWS,
            "since": begin,
            "since_at": format_micros(begin),
        }
        builders = {"manager": _manager, "superior": _superior, "auditor": _auditor}
        return {**shared, "greeting": _greeting(page), **builders[chosen](read, page, begin)}

    response = page.render("home.html", build)
    if page.time.is_now:
        cookies = {LOOKED_COOKIE: f"{last}.{started}.{page.time.now}", **({VIEW_COOKIE: view} if view else {})}
        for name, value in cookies.items():
            response.set_cookie(name, value, max_age=COOKIE_DAYS * 86_400, httponly=True, samesite="lax")
    return response


def _find_kinds(read: Read) -> frozenset[str]:
    """Return which of the kinds of the first steps there are."""
    found = set()
    for kind in STEP_KINDS:
        where, parameters = subjects_where(read, Filter(kinds=(kind,)), resolve_time(read, NOW), "c.subject")
        if read.one(f"select 1 from field_value c where c.field = 'exists' and {where} limit 1", parameters):
            found.add(kind)
    return frozenset(found)


def _greeting(page: Page) -> str:
    """Return a greeting that is right at any hour: the reader's zone is not known here."""
    name = page.services.book.directory.name(page.caller.actor)
    return f"Hello, {name.split()[0]}" if name else "Hello"


# What needs the reader ------------------------------------------------------------------------------------------------


def find_needs(read: Read, page: Page, cards: Sequence[Card]) -> list[Need]:
    """Return what waits, the reader's own first: decisions, overdue reviews and features, and what has no owner."""
    found = [
        *_find_arrived(read, page),
        *_waiting(read, page),
        *_find_unratified(read, page),
        *_reviews(read, page),
        *_overdue(cards),
        *_find_flagged(read, page),
        *_find_promised(read, page),
        *_find_unowned(read, page),
    ]
    me = page.caller.actor
    return sorted(found, key=lambda need: (me not in need.people, need.mark.shape != "bad"))


def _waiting(read: Read, page: Page) -> list[Need]:
    selection = DecisionFilter(Filter(statuses=sorted(OPEN)))
    rows = decision_queries.decisions(read, selection, page.time.point, limit=200).rows
    return [_waiting_need(row, page) for row in rows]


_ARRIVED: Final[Mapping[str, str]] = {
    "evidence_recorded": "The evidence it waits for is recorded",
    "assumption_confirmed": "The assumption it waits for turned out true",
    "assumption_broken": "The assumption it waits for turned out false",
    "decision_settled": "The decision it waits for is settled",
    "release_due": "The release it waits for is due",
    "day_reached": "The day it waits for has come",
}


def _find_arrived(read: Read, page: Page) -> list[Need]:
    """Return the deferred decisions whose wait is over, with the reason."""
    rows = arrival_queries.arrivals(read, None, page.time.point).rows
    return [
        Need(
            row["subject"],
            ": ".join([_ARRIVED[row["reason"]], *([row["awaited"]] if row["awaited"] else [])]) + ".",
            Mark("bad", "wait is over"),
            "AcceptDecision",
            tuple(row["accountable"]),
            (row["awaited"],) if row["awaited"] else (),
        )
        for row in rows
    ]


def _find_flagged(read: Read, page: Page) -> list[Need]:
    """Return what rests on a ground that no longer holds, once for each subject and cause."""
    found = {(row["subject"], row["cause"]): row for row in find_flags(read, page, Filter())}
    return [
        Need(
            subject,
            f"It rests on “{cause}”." if subject != cause else "It was to be checked by now.",
            Mark("bad", row["word"]),
            "ConfirmStillValid" if subject != cause else "ConfirmAssumption",
            tuple(row["accountable"]),
            (cause,),
        )
        for (subject, cause), row in found.items()
    ]


def _waiting_need(row: DecisionRow, page: Page) -> Need:
    status = row["fields"]["status"]
    days = _days_since(status["since"], page)
    people = _holders(row)
    is_mine = page.caller.actor in people
    detail = f"{str(status['value']).capitalize()} {count_of(days, 'day')} ago, no decision yet."
    return Need(row["subject"], detail, Mark("warn", "waits for you" if is_mine else "waits"), "AcceptDecision", people)


def _find_unratified(read: Read, page: Page) -> list[Need]:
    rows = decision_queries.decisions(read, DecisionFilter(unratified=True), page.time.point, limit=200).rows
    return [
        Need(
            row["subject"],
            "The deciders were not entitled to decide this.",
            Mark("bad", "exceeds authority"),
            "RatifyDecision",
            _holders(row),
        )
        for row in rows
        if row["fields"]["status"]["value"] == "accepted"
    ]


def _holders(row: DecisionRow) -> tuple[str, ...]:
    accountable = row.get("roles", {}).get("accountable")
    return as_ids(accountable["value"]) if accountable else ()


def _days_since(at: str, page: Page) -> int:
    begin = datetime.fromisoformat(at)
    return max(0, (from_micros(page.time.valid_time) - begin).days)


def _reviews(read: Read, page: Page) -> list[Need]:
    """Return the decisions whose day of review has come; an imported one may have anything else as its day."""
    time = resolve_time(read, page.time.point)
    rows = all_field_values(read, Filter(kinds=("decision",), fields=("review_on",), statuses=("accepted",)), time)
    days = {row["subject"]: day for row in rows if (day := parse_day(row["value"]))}
    late = {subject: (page.time.today - day).days for subject, day in days.items() if day <= page.time.today}
    owners = find_accountable(read, [*late], time)
    return [
        Need(
            subject,
            "Was the outcome as expected?",
            Mark("bad", f"review {count_of(days_late, 'day')} late") if days_late else Mark("warn", "review due today"),
            "ReviewDecision",
            tuple(owners.get(subject, ())),
        )
        for subject, days_late in late.items()
    ]


def _overdue(cards: Sequence[Card]) -> list[Need]:
    return [
        Need(
            card.subject,
            "Its target has passed.",
            Mark("bad", f"{count_of(card.days_late, 'day')} late"),
            "MoveFeature",
            tuple(card.owners),
        )
        for card in sorted(cards, key=lambda card: -card.days_late)
        if card.days_late
    ]


def _find_promised(read: Read, page: Page) -> list[Need]:
    """Return the reader's open tasks, overdue tasks of others, and past meetings that were not written up."""
    time = resolve_time(read, page.time.point)
    today = page.time.today.isoformat()
    tasks = by_subject(all_field_values(read, Filter(kinds=("task",), fields=_TASK_FIELDS), time))
    found = [
        _build_promise(subject, fields, "due_on", "CompleteTask", today)
        for subject, fields in tasks.items()
        if "status" in fields and fields["status"]["value"] == OPEN_TASK
    ]
    meetings = by_subject(all_field_values(read, Filter(kinds=("meeting",), fields=_TASK_FIELDS), time))
    planned = [
        _build_promise(subject, fields, "held_on", "HoldMeeting", today)
        for subject, fields in meetings.items()
        if "status" in fields and fields["status"]["value"] == PLANNED_MEETING
    ]
    mine = page.caller.actor
    return [need for need in found if need.mark.shape == "bad" or mine in need.people] + [
        need for need in planned if need.mark.shape == "bad"
    ]


_TASK_FIELDS: Final = ("status", "due_on", "held_on", "role.accountable")


def _build_promise(subject: str, fields: Mapping[str, Row], name: str, action: str, today: str) -> Need:
    """Return a task to be done by a day, or a meeting to be written up after its day."""
    day = str(fields[name]["value"]) if name in fields and fields[name]["value"] else None
    people = as_ids(fields["role.accountable"]["value"]) if "role.accountable" in fields else ()
    is_late = day is not None and day < today
    word = "overdue" if name == "due_on" else "not written up"
    detail = (
        "A task without a date."
        if day is None
        else f"{'Due' if name == 'due_on' else 'Planned for'} {format_day(day)}."
    )
    return Need(subject, detail, Mark("bad", word) if is_late else Mark("ring", "to do"), action, people)


def _find_unowned(read: Read, page: Page) -> list[Need]:
    rows = find_gaps(read, Filter(kinds=("product", "feature", "goal")), page.time.point)
    return [
        Need(
            row["subject"],
            "Everyone who owned it has left." if row["left"] else "No one owns it.",
            Mark("warn", "no owner"),
            "AssignOwnership",
        )
        for row in rows
    ]


# The views ------------------------------------------------------------------------------------------------------------


def _changes(read: Read, page: Page, since: int) -> list[Sentence]:
    selection = ChangeFilter(
        fields=Filter(kinds=HOME_KINDS, fields=CHANGE_FIELDS), span=(since, page.time.valid_time + 1)
    )
    return find_sentences(read, selection, page.time.point)


def _summary(sentences: Sequence[Sentence]) -> str:
    decisions = sum(each.type in ("DecisionRecorded", "DecisionAccepted", "DecisionRejected") for each in sentences)
    moves = sum(each.is_move for each in sentences)
    slips = sum(any(change.is_slip for change in each.changes) for each in sentences)
    return f"{count_of(decisions, 'decision')}, {count_of(moves, 'move')}, {count_of(slips, 'slip')}"


def _manager(read: Read, page: Page, since: int) -> Context:
    cards = list_urgent_cards(read, page, horizon="now")
    needs = find_needs(read, page, cards)
    now = [card for card in cards if card.horizon == "now"]
    sentences = _changes(read, page, since)
    return {
        "needs": needs[:NEEDS],
        "needs_count": len(needs),
        "debt": debt(read, DebtFilter(), page.time.point, limit=1).about["counts"],
        "debt_labels": LABELS,
        "sentences": sentences[:CHANGES],
        "changes_count": len(sentences),
        "summary": _summary(sentences),
        "goals": find_goals(read, page, ()),
        "releases": find_next_releases(read, page),
        "now_cards": complete_cards(read, page, now[:NOW_CARDS]),
        "now_count": len(now),
    }


def find_next_releases(read: Read, page: Page) -> list[Row]:
    """Return the releases to come in the order of their days, after the last ones that are past; without a day last."""
    today = page.time.today.isoformat()
    dated = sorted(find_releases(read, page, ()), key=lambda row: str(row.get("due_on") or "9999"))
    past = [row for row in dated if str(row.get("due_on") or "9999") < today]
    to_come = [row for row in dated[len(past) :] if row.get("due_on")]
    undated = [row for row in dated[len(past) :] if not row.get("due_on")]
    return [*past[-PAST_RELEASES:], *to_come, *undated[-RELEASES:]][:RELEASES]


def _superior(read: Read, page: Page, since: int) -> Context:
    late = list_urgent_cards(read, page)
    sentences = _changes(read, page, since)
    issued = audit_queries.audit(
        read, audit_queries.AuditFilter(types=("ReportIssued",), voided=False), page.time.point, limit=5
    ).rows
    return {
        "sentences": sentences[: CHANGES * 2],
        "changes_count": len(sentences),
        "summary": _summary(sentences),
        "goals": find_goals(read, page, ()),
        "releases": find_next_releases(read, page),
        "late": late,
        "gaps": find_gaps(read, Filter(), page.time.point),
        "issued": issued,
    }


@dataclass(frozen=True, slots=True)
class AuditException:
    """What an auditor looks at first: how often it occurs, and the trail or register of only that."""

    label: str
    count: int
    address: str
    is_serious: bool


def find_exceptions(read: Read, page: Page) -> list[AuditException]:
    """Return what an auditor looks at first, the gravest first."""
    when = page.time.point
    flags = audit_queries.count_events(read, None, when).flags
    exceeding = audit_queries.count_events(read, audit_queries.AuditFilter(verdicts=("exceeds",)), when).count
    alone = audit_queries.count_events(read, audit_queries.AuditFilter(self_approved=True), when).count
    unratified = len(decision_queries.decisions(read, DecisionFilter(unratified=True), when, limit=1_000).rows)

    def trail(**flag: str) -> str:
        return page.url("/audit", **flag)

    return [
        AuditException("exceed authority", exceeding, trail(verdict="exceeds"), is_serious=True),
        AuditException("not ratified", unratified, page.url("/decisions", unratified="true"), is_serious=True),
        AuditException("backdated", flags["backdated"], trail(backdated="true"), is_serious=False),
        AuditException("self-approved", alone, trail(self_approved="true"), is_serious=False),
        AuditException("without a reason", flags["unexplained"], trail(unexplained="true"), is_serious=False),
        AuditException("corrections", flags["corrections"], trail(corrections="true"), is_serious=False),
        AuditException("on behalf of another", flags["on_behalf_of"], trail(on_behalf_of="true"), is_serious=False),
    ]


def _auditor(read: Read, page: Page, since: int) -> Context:  # noqa: ARG001  (every view has the same parameters)
    when = page.time.point
    counts = audit_queries.count_events(read, None, when)
    backdated = audit_queries.audit(read, audit_queries.AuditFilter(backdated=True), when, limit=5).rows
    corrections = audit_queries.audit(read, audit_queries.AuditFilter(corrections=True), when, limit=5).rows
    exceeding = decision_queries.decisions(
        read, DecisionFilter(verdicts=("exceeds",)), when, newest_first=True, limit=200
    ).rows
    log = page.services.book
    return {
        "exceeding": exceeding,
        "counts": counts,
        "exceptions": find_exceptions(read, page),
        "may_see_journal": why_not(page.services, page.caller, AUDIT) is None,
        "backdated": backdated,
        "corrections": corrections,
        "head": log.head() if isinstance(log, DecisionLog) and page.time.is_now else None,  # of the present log
        "verification": find_verification(page),
        "gaps": find_gaps(read, Filter(), when),
    }
