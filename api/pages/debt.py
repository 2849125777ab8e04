"""What is left undone about decisions, why targets slipped, and what a person holds: each with what clears it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from api.command_routes import build_transaction
from api.pages.cards import Releases
from api.pages.form_input import read_form
from api.pages.page import Context, Page, PageDependency, add_page, build_address, page_router
from api.parameter_checks import check_choice, check_choices
from api.problems import HttpProblem, of_refusal, unprocessable
from api.query_parameters import CURSOR_PATTERN, KeyPath, ProductText, list_parameter
from api.services import refuse_writes_on_replica
from domain.catalog import COMMAND
from domain.errors import NothingChanges, Refused
from domain.fields import STATUS
from domain.people import INACTIVE_STATUSES
from projections.queries import debt as debt_queries
from projections.queries import slip_causes as slip_queries
from projections.queries import succession as succession_queries
from projections.queries.debt import CODES, DebtFilter
from projections.queries.field_values import all_field_values
from projections.queries.filters import Filter
from projections.queries.paging import Row
from projections.queries.slip_causes import CAUSES, SlipFilter
from projections.queries.timepoint import resolve_time
from projections.read_model.model import Read

ROWS: Final = 60
MONTHS: Final = 6
LABELS: Final[Mapping[str, str]] = {
    "no_reason": "no reason given",
    "undecided": "no live decision behind it",
    "review_overdue": "review overdue",
    "outcome_overdue": "outcome overdue",
    "unratified": "exceeds authority, not ratified",
    "unconfirmed_decider": "decider has not confirmed",
    "no_owner": "no owner",
    "owner_left": "owner left",
    "unconfirmed_owner": "owner has not acknowledged",
    "ending_delegation": "delegation about to end",
    "stale": "not confirmed for a while",
    "task_overdue": "task overdue",
    "minutes_missing": "meeting not written up",
    "broken_assumption": "rests on a broken assumption",
    "unchecked_assumption": "assumption to be checked",
    "withdrawn_evidence": "rests on withdrawn evidence",
    "superseded_evidence": "rests on superseded evidence",
    "expired_evidence": "rests on expired evidence",
}
GROUPS: Final[Mapping[slip_queries.SlipGroup, str]] = {
    "quarter": "By quarter",
    "owner": "By owner at the time",
    "release": "By release",
}
SUCCESSION_LABELS: Final[Mapping[str, str]] = {
    **LABELS,
    "delegation": "acts for another person",
    "open_decision": "proposed, not decided yet",
    "open_outcome": "outcome not due yet",
    "overdue_outcome": "outcome overdue",
}
Cursor = Annotated[str | None, Query(max_length=2000, pattern=CURSOR_PATTERN)]


def router() -> APIRouter:
    """Return the routes of these pages."""
    routes = page_router()
    add_page(routes, "/debt", list_debt)
    add_page(routes, "/slips", list_slips)
    add_page(routes, "/succession/{key}", get_succession)
    routes.add_api_route("/succession/{key}", post_succession, methods=["POST"], response_model=None)
    return routes


def list_debt(
    page: PageDependency,
    product: Annotated[list[ProductText], list_parameter("Only what is about these products.")],
    code: Annotated[list[str], list_parameter("Only these codes.")],
    owner: Annotated[list[str], list_parameter("Only what these people should do.")],
    cursor: Cursor = None,
    *,
    months: Annotated[bool, Query()] = False,
) -> Response:
    """Show what is left undone, the oldest first; with `months`, how much there was at the end of each month, too."""
    check_choices(code, CODES, "code")
    products = [page.services.find_subject(each, "product", kind="product") for each in product]
    owners = [page.services.find_person(each, "owner") for each in owner]
    selection = DebtFilter(Filter(products=products), code, owners)

    def build(read: Read) -> Context:
        answer = debt_queries.debt(read, selection, page.time.point, limit=ROWS, cursor=cursor)
        everything = DebtFilter(Filter(products=products), (), owners)
        counts = debt_queries.debt(read, everything, page.time.point, limit=1).about["counts"] if code else None
        return {
            "rows": answer.rows,
            "next": answer.next,
            "counts": counts or answer.about["counts"],
            "months": _build_months(read, selection, page) if months else None,
            "labels": LABELS,
            "chosen_code": code,
            "chosen": {"product": products, "owner": owners},
            "mine": page.caller.actor,
        }

    return page.render("debt.html", build)


def _build_months(read: Read, selection: DebtFilter, page: Page) -> Row:
    """Return the counts of the last months as a table: the months, and the counts of each code that has any."""
    rows = debt_queries.debt_by_month(read, selection, page.time.point, months=MONTHS).rows
    months = sorted({row["month"] for row in rows})
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        of_code = counts.setdefault(row["code"], {})
        of_code[row["month"]] = of_code.get(row["month"], 0) + row["count"]
    return {"months": months, "counts": {code: counts[code] for code in CODES if code in counts}}


def list_slips(
    page: PageDependency,
    product: Annotated[list[ProductText], list_parameter("Only targets of these products.")],
    cause: Annotated[list[str], list_parameter("Only these causes.")],
    owner: Annotated[list[str], list_parameter("Only what these people were accountable for then.")],
    group: Annotated[str, Query()] = "quarter",
    cursor: Cursor = None,
) -> Response:
    """Show each move of a target to later with its cause, and the counts by quarter, owner or release."""
    check_choice(group, GROUPS, "group")
    check_choices(cause, CAUSES, "cause")
    products = [page.services.find_subject(each, "product", kind="product") for each in product]
    owners = [page.services.find_person(each, "owner") for each in owner]
    selection = SlipFilter(Filter(products=products), cause, owners)

    def build(read: Read) -> Context:
        answer = slip_queries.slip_causes(read, selection, page.time.point, limit=ROWS, cursor=cursor)
        counted = [
            (label, slip_queries.count_slips(read, selection, by, page.time.point, limit=20).rows)
            for by, label in GROUPS.items()
            if by == group
        ]
        return {
            "rows": answer.rows,
            "next": answer.next,
            "counts": answer.about["counts"],
            "groups": counted,
            "group_labels": GROUPS,
            "group": group,
            "release_products": Releases(read).products(page.time.point),
            "causes": CAUSES,
            "chosen_cause": cause,
            "chosen": {"product": products, "owner": owners},
        }

    return page.render("slips.html", build)


# Succession ------------------------------------------------------------------------------------------------------------


def get_succession(page: PageDependency, key: KeyPath, to: Annotated[str, Query(max_length=500)] = "") -> Response:
    """Show what a person holds, owes and waits for, and the form that hands over their roles."""
    person = f"person:{key}"
    page.services.find_subject(person, "key")
    return page.render("succession.html", lambda read: _build_succession(read, page, person, to, ""))


def _build_succession(read: Read, page: Page, person: str, to: str, error: str) -> Context:
    answer = succession_queries.succession(read, person, page.time.point, to=person)
    resolved = resolve_time(read, page.time.point)
    people = all_field_values(read, Filter(kinds=("person", "team"), fields=(STATUS,)), resolved)
    return {
        "person": person,
        "groups": [
            (label, [row for row in answer.rows if row["relation"] == relation])
            for relation, label in (("holds", "Holds"), ("owes", "Owes"), ("waits_for", "Waits for"))
        ],
        "labels": SUCCESSION_LABELS,
        "number": len(answer.about["commands"]),
        "candidates": [
            row["subject"] for row in people if row["subject"] != person and row["value"] not in INACTIVE_STATUSES
        ],
        "to": to,
        "error": error,
        "may": page.time.is_now and page.permissions.may_anywhere("HandOverOwnership"),
    }


async def post_succession(request: Request, page: PageDependency, key: KeyPath) -> Response:
    """Hand over all roles of a person in one transaction."""
    await refuse_writes_on_replica(request, page.services)
    if not page.permissions.may_anywhere("HandOverOwnership"):
        raise HttpProblem(403, "to hand over roles, you need the role `manager` for a product")
    person = f"person:{key}"
    typed = await read_form(request)
    to = typed.get("to", "").strip()
    try:
        if not to:
            raise unprocessable("name who takes over", field="to")
        successor = await run_in_threadpool(page.services.find_person, to, "to")
        if typed.get("confirmed") != "yes":
            raise unprocessable("confirm that all roles are handed over", field="confirmed")
        commands = await run_in_threadpool(_find_commands, page, person, successor)
        page.services.quotas.take_commands(page.caller, len(commands))
        transaction = build_transaction(
            tuple(COMMAND.validate_python(each) for each in commands), page.caller, typed.get("form_key"), {}
        )
        receipt = await page.services.log.execute(transaction)
    except (Refused, HttpProblem) as error:
        if isinstance(error, HttpProblem) and error.status != 422:  # noqa: PLR2004
            raise
        detail, status = str(error), error.status if isinstance(error, HttpProblem) else of_refusal(error)["status"]

        def show() -> Response:
            return page.render(
                "succession.html", lambda read: _build_succession(read, page, person, to, detail), status=status
            )

        return await page.execution.run("light", show)
    return RedirectResponse(
        build_address(f"/succession/{key}", {"done": receipt.position}), 303, headers={"Cache-Control": "no-store"}
    )


def _find_commands(page: Page, person: str, successor: str) -> list[dict[str, Any]]:
    with page.services.read() as read:
        commands = succession_queries.succession(read, person, to=successor).about["commands"]
    if not commands:
        raise NothingChanges("there are no roles to hand over", subject=person)
    return list(commands)
