"""The pages of features, products, releases, goals, people and teams, and the lists of goals and releases.

Each shows every value with who set it, when and why, what refers to it, and its history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Response

from api.pages.cards import Card, complete_cards, list_cards, list_open_cards
from api.pages.comparison import find_differences
from api.pages.evidence import find_evidence_parts
from api.pages.fields import BlamedValue, Origins, flatten
from api.pages.labels import command_label
from api.pages.meetings import find_meetings
from api.pages.page import Context, Page, PageDependency, add_page, page_router
from api.pages.sentences import MAX_HISTORY, build_sentences
from api.pages.value_formats import parse_day, plain_value
from api.query_parameters import KeyPath
from domain.decision_rights import RIGHTS_FIELD, DecisionRule, find_rights
from domain.feature import CLOSED
from domain.ownership import DELEGATION_PREFIX
from projections.answer_types.decisions import DecisionRow
from projections.queries import accountability, listings
from projections.queries import decisions as decision_queries
from projections.queries import slips as slip_queries
from projections.queries.authority import read_subjects
from projections.queries.contributions import contribution_gaps
from projections.queries.decisions import DecisionFilter
from projections.queries.expected_outcomes import expected_outcomes
from projections.queries.field_groups import flat_fields
from projections.queries.filters import Filter
from projections.queries.paging import Row
from projections.queries.report_state import ENDED_STATUSES
from projections.queries.timepoint import resolve_time
from projections.read_model.model import Read

PROSE: Final = {
    "definition": "What it is",
    "description": "What it is",
    "vision": "Vision",
    "strategy": "Strategy",
    "measure": "Measure",
    "finding": "What was found",
    "asked": "Who was asked",
    "link": "Where to read it",
    "withdrawn_because": "Withdrawn because",
    "superseded_because": "Superseded because",
    "confirmed_because": "True because",
    "broken_because": "False because",
    "still_valid_because": "Still valid because",
    "dropped_because": "Dropped because",
    "result": "What came of it",
    "reopened_because": "Reopened because",
    "closed_because": "Closed because",
}
HIDDEN: Final = frozenset({"exists", "title", "version", "report", RIGHTS_FIELD, *PROSE})
_ELSEWHERE: Final = ("acknowledged.", "confirmed.", "link.", DELEGATION_PREFIX)
"""Fields that the history, or a table of their own, says better."""
LATEST: Final = 10
MAX_GAPS: Final = 30
_ORDER: Final = ("status", "role.accountable", "horizon", "rank", "target.ship", "due_on", "products", "goals")


def router() -> APIRouter:
    """Return the routes of subjects."""
    routes = page_router()
    for path, kind in {
        "features": "feature",
        "products": "product",
        "releases": "release",
        "goals": "goal",
        "evidence": "evidence",
        "assumptions": "assumption",
        "tasks": "task",
    }.items():
        add_page(routes, f"/{path}/{{key}}", _endpoint(kind), "light")
    add_page(routes, "/people/{key}", _endpoint("person"), "light")
    add_page(routes, "/teams/{key}", _endpoint("team"), "light")
    add_page(routes, "/goals", list_goals)
    add_page(routes, "/releases", list_releases)
    return routes


def _endpoint(kind: str) -> Callable[..., Response]:
    def get_page(page: PageDependency, key: KeyPath) -> Response:
        subject = f"{kind}:{key}"
        return page.render("subject.html", lambda read: _build(read, page, kind, subject))

    return get_page


def _build(read: Read, page: Page, kind: str, subject: str) -> Context:
    when = page.time.point
    about = decision_queries.subject_page(read, subject, when).about
    rows = dict(flat_fields(about))
    fields = Origins(read, (row["blame"] for row in rows.values()), when).values(rows)
    latest = decision_queries.latest_history(read, subject, when, MAX_HISTORY)
    status = fields["status"].content[0] if "status" in fields and fields["status"].content else None
    is_writable = page.time.is_now and about["current"]
    actions = actions_for(kind, status, has_owner="role.accountable" in fields)
    if subject == page.caller.actor and kind == "person":
        actions = ["DelegateActions", *actions]  # which only oneself can
    shared = {
        "subject": subject,
        "kind": kind,
        "about": about,
        "fields": fields,
        "status": status,
        "prose": [(label, fields[name]) for name, label in PROSE.items() if name in fields],
        "values": _group_by_event(_sorted_values(fields)),
        "history": build_sentences(read, latest.events, when),
        "event_count": latest.total,
        "difference": find_differences(read, page.time, Filter(subjects=(subject,))).get(subject),
        "actions": page.permissions.of(actions, subject) if is_writable else [],
        "version": about["version"],
        "slips": [],
        "expected": expected_outcomes(read, Filter(subjects=(subject,)), when).rows if kind == "feature" else [],
        "cards": [],
        "open_count": 0,
        "releases": [],
        "goals": [],
        "decisions": [],
        "holdings": {},
        "spellings": [],
        "rights": None,
        "delegations": find_delegations(fields),
        "is_self": subject == page.caller.actor,
        "meetings": find_meetings(read, page, subject) if kind == "task" else [],
    }
    return {**shared, **find_evidence_parts(read, page, subject), **_PARTS[kind](read, page, subject)}


def _sorted_values(fields: Mapping[str, BlamedValue]) -> list[BlamedValue]:
    def rank(name: str) -> tuple[int, str]:
        return (_ORDER.index(name) if name in _ORDER else len(_ORDER)), name

    names = (name for name in sorted(fields, key=rank) if name not in HIDDEN and not name.startswith(_ELSEWHERE))
    return [fields[name] for name in names if fields[name].content]


def _group_by_event(values: Sequence[BlamedValue]) -> list[list[BlamedValue]]:
    """Return values in groups that one event set: they have one reason, which is shown once."""
    groups: dict[int, list[BlamedValue]] = {}
    for value in values:
        groups.setdefault(value.origin.position if value.origin else 0, []).append(value)
    return [*groups.values()]


# What each kind adds --------------------------------------------------------------------------------------------------


def _feature_parts(read: Read, page: Page, subject: str) -> Context:
    slips = slip_queries.slips(read, Filter(subjects=(subject,)), page.time.point).rows
    origins = Origins(read, (move["blame"] for slip in slips for move in slip["moves"]), page.time.point)
    return {
        "slips": [
            {**slip, "moves": [{**move, "origin": origins.of(move["blame"])} for move in slip["moves"]]}
            for slip in slips
        ]
    }


def _product_parts(read: Read, page: Page, subject: str) -> Context:
    found = DecisionFilter(Filter(products=(subject,)))
    open_cards = list_open_cards(read, page, Filter(kinds=("feature",), products=(subject,)))
    return {
        "rights": find_rights_in_force(read, page, subject),
        "releases": find_releases(read, page, (subject,)),
        "goals": find_goals(read, page, (subject,)),
        "decisions": latest_decisions(read, page, found),
        "cards": complete_cards(read, page, open_cards[:LATEST]),
        "open_count": len(open_cards),
    }


def _release_parts(read: Read, page: Page, subject: str) -> Context:
    return {"cards": _cards(read, page, Filter(kinds=("feature",), fields=("target.*",), values=(subject,)))}


def _no_parts(_read: Read, _page: Page, _subject: str) -> Context:
    return {}


def _goal_parts(read: Read, page: Page, subject: str) -> Context:
    return {"cards": _cards(read, page, Filter(kinds=("feature",), fields=("goals",), values=(subject,)))}


def _holder_parts(read: Read, page: Page, subject: str) -> Context:
    when = page.time.point
    found = DecisionFilter(deciders=(subject,))
    decided = latest_decisions(read, page, found)
    directory = page.services.book.directory
    return {
        "holdings": group_holdings(accountability.roles_of_holder(read, subject, when, blame=True).rows),
        "decisions": decided,
        "spellings": list(directory.spellings(subject)) if subject.startswith("person:") else [],
    }


_PARTS: Final[Mapping[str, Callable[[Read, Page, str], Context]]] = {
    "feature": _feature_parts,
    "product": _product_parts,
    "release": _release_parts,
    "goal": _goal_parts,
    "person": _holder_parts,
    "team": _holder_parts,
    "evidence": _no_parts,
    "assumption": _no_parts,
    "task": _no_parts,
}
ENDED: Final = ENDED_STATUSES


def group_holdings(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return roles by the kind of their subject, without those of subjects that have ended."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["status"] not in ENDED:
            found.setdefault(row["subject"].partition(":")[0], []).append(row)
    return dict(sorted(found.items()))


def _cards(read: Read, page: Page, selection: Filter) -> list[Card]:
    return complete_cards(read, page, list_cards(read, page, selection))


@dataclass(frozen=True, slots=True)
class RightsInForce:
    """The decision rights that apply to a product, with the product or line that they were set on."""

    rules: tuple[DecisionRule, ...]
    product: str
    position: int

    @property
    def holders(self) -> list[str]:
        """Everyone named in a rule, whose titles the page needs."""
        return [holder for rule in self.rules for holder in rule.holders]


def find_rights_in_force(read: Read, page: Page, product: str) -> RightsInForce | None:
    """Return who may decide what about a product at the page's time, by its own rights or those of its line."""
    time = resolve_time(read, page.time.point)
    found = find_rights(product, read_subjects(read, time), time.as_of)
    return RightsInForce(found.rules, found.product, found.position) if found else None


@dataclass(frozen=True, slots=True)
class Delegation:
    """A delegation that a subject's page shows: to whom, of what, and who gave it when."""

    key: str
    to: str
    limits: list[str]
    value: BlamedValue


def find_delegations(fields: Mapping[str, BlamedValue]) -> list[Delegation]:
    """Return the delegations in effect of a person, or of the roles of a subject."""
    return [
        Delegation(
            name.removeprefix(DELEGATION_PREFIX),
            str(found.value.get("to", "")),
            [
                *(str(one) for key in ("role", "products", "kinds") for one in plain_value(found.value.get(key))),
                *(command_label(str(one)) for one in plain_value(found.value.get("actions"))),
            ],
            found,
        )
        for name, found in fields.items()
        if name.startswith(DELEGATION_PREFIX) and isinstance(found.value, dict)
    ]


def latest_decisions(read: Read, page: Page, selection: DecisionFilter) -> list[DecisionRow]:
    """Return the newest of the decisions that match."""
    return decision_queries.decisions(read, selection, page.time.point, newest_first=True, limit=LATEST).rows


def find_releases(read: Read, page: Page, products: Sequence[str]) -> list[Row]:
    """Return releases with their first day and how many days they slipped since."""
    rows = [*map(flatten, listings.releases(read, products, page.time.point).rows)]
    subjects = [row["subject"] for row in rows]
    selection = Filter(subjects=subjects, fields=("due_on",))
    slips = slip_queries.slips(read, selection, page.time.point).rows if subjects else []
    first = {row["subject"]: row["first"]["value"] for row in slips}
    return [_with_first_promise(row, first.get(row["subject"], row.get("due_on"))) for row in rows]


def _with_first_promise(row: Row, first: object) -> Row:
    begin, end = parse_day(first), parse_day(row.get("due_on"))
    return {**row, "first": first, "slipped": (end - begin).days if begin and end else 0}


def find_goals(read: Read, page: Page, products: Sequence[str]) -> list[Row]:
    """Return goals with their measure, day, status and owner."""
    fields = (
        *("status", "due_on", "measure", "role.accountable", "outcome", "closed_because"),
        *("baseline", "target", "current", "unit"),
    )
    rows = listings.subjects(read, Filter(kinds=("goal",), products=products), fields, page.time.point).rows
    return [*map(flatten, rows)]


def actions_for(kind: str, status: Any, *, has_owner: bool) -> list[str]:
    """Return the commands that a subject with a status takes, the most frequent first."""
    owning = "HandOverOwnership" if has_owner else "AssignOwnership"
    if kind != "feature":
        names = _ACTIONS[kind] if status not in ENDED | {"left", "disbanded"} else ()
        return [owning if name == _OWNING else name for name in names]
    if status in CLOSED:
        return ["ReopenFeature", "LinkFeature", "RecordOutcome"]
    next_steps = {
        "proposed": ("CommitFeature", "StartFeature"),
        "committed": ("StartFeature",),
        "paused": ("StartFeature",),
    }
    steps = next_steps.get(str(status), ("PauseFeature",) if status == "started" else ("StartFeature",))
    return [
        "MoveFeature",
        *steps,
        "ShipFeature",
        "DropFeature",
        "StateExpectedOutcome",
        "RecordOutcome",
        "DefineFeature",
        "LinkFeature",
        "ConfirmStillValid",
        owning,
        "ChangeTitle",
    ]


_OWNING: Final = "AssignOwnership"
_ACTIONS: Final[Mapping[str, Sequence[str]]] = {
    "product": (
        *("ProposeFeature", "ScheduleRelease", "SetGoal", "SetVision", "SetStrategy", "OrderReleases"),
        *(_OWNING, "DelegateOwnership", "SetDecisionRights", "ChangeTitle", "RetireProduct"),
    ),
    "release": ("RescheduleRelease",),
    "goal": ("RecordMeasurement", "ReviseGoal", "CloseGoal", _OWNING, "ConfirmStillValid", "ChangeTitle"),
    "evidence": ("LinkEvidence", "SupersedeEvidence", "WithdrawEvidence", "UnlinkEvidence", "ChangeTitle"),
    "assumption": (
        *("ConfirmAssumption", "BreakAssumption", "ReviseAssumption", "LinkAssumption", "UnlinkAssumption"),
        *(_OWNING, "ChangeTitle"),
    ),
    "task": ("CompleteTask", "RescheduleTask", "DropTask", _OWNING, "ChangeTitle"),
    "person": ("MergePeople", "RecordPersonLeft"),
    "team": ("ChangeTitle", "DisbandTeam"),
}


def list_goals(page: PageDependency) -> Response:
    """Show every goal with its measure, day and status, and what contributes to none."""

    def build(read: Read) -> Context:
        gaps = contribution_gaps(read, None, page.time.point).rows
        unserved = [row for row in gaps if row["reason"] == "no_contribution"]
        aimless = gaps[len(unserved) :]
        return {
            "goals": find_goals(read, page, ()),
            "unserved": unserved,
            "gaps": aimless[:MAX_GAPS],
            "gaps_count": len(aimless),
        }

    return page.render("goals.html", build)


def list_releases(page: PageDependency) -> Response:
    """Show every release with its first promise and its day now."""
    return page.render("releases.html", lambda read: {"releases": find_releases(read, page, ())})
