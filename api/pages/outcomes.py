"""What was expected and what came of it, how good forecasts were, and the review of a decision on two axes."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api.pages.decisions import LISTS, PROSE
from api.pages.page import Context, PageDependency, add_page, page_router
from api.pages.value_formats import plain_value
from api.parameter_checks import check_choices
from api.query_parameters import CURSOR_PATTERN, KeyPath, ProductText, list_parameter
from projections.queries import expected_outcomes as outcome_queries
from projections.queries import forecasts as forecast_queries
from projections.queries import reviews as review_queries
from projections.queries.filters import Filter
from projections.read_model.model import Read

ROWS: Final = 60
STATES: Final = ("overdue", "open", "recorded")


def router() -> APIRouter:
    """Return the routes of these pages."""
    routes = page_router()
    add_page(routes, "/outcomes", list_outcomes)
    add_page(routes, "/decisions/{key}/review", get_review)
    return routes


def list_outcomes(
    page: PageDependency,
    product: Annotated[list[ProductText], list_parameter("Only what is about these products.")],
    state: Annotated[list[str], list_parameter("Only those in these states.")],
    by: Annotated[list[str], list_parameter("Only what these people expected.")],
    cursor: Annotated[str | None, Query(max_length=2000, pattern=CURSOR_PATTERN)] = None,
) -> Response:
    """Show what was expected and what came of it, and how good the reader's forecasts and those of all were."""
    check_choices(state, STATES, "state")
    products = [page.services.find_subject(each, "product", kind="product") for each in product]
    people = [page.services.find_person(each, "by") for each in by]

    def build(read: Read) -> Context:
        about = Filter(products=products)
        answer = outcome_queries.expected_outcomes(
            read, about, page.time.point, states=state, by=people, limit=ROWS, cursor=cursor
        )
        me = page.caller.actor
        scored = [
            (label, who, forecast_queries.calibration(read, me, who, about, page.time.point))
            for label, who in (("Your forecasts", me), ("All forecasts together", None))
            if who is None or me.startswith("person:")
        ]
        return {
            "rows": answer.rows,
            "next": answer.next,
            "counts": answer.about["counts"],
            "scores": [(label, {**found.about, "curve": found.rows}) for label, _, found in scored],
            "states": STATES,
            "chosen_state": state,
            "chosen": {"product": products, "by": people},
        }

    return page.render("outcomes.html", build)


def get_review(
    page: PageDependency, key: KeyPath, result: Annotated[bool, Query(description="Show the result.")] = False
) -> Response:
    """Show what was known when a decision was made, then how it was reasoned, then what came of it."""
    subject = f"decision:{key}"

    def build(read: Read) -> Context:
        about = review_queries.review(read, subject, page.time.point, with_result=result)
        then = about.about["then"]
        fields = then["fields"] if then else {}
        actions = page.permissions.of(("ReviewReasoning", "ReviewDecision", "RecordOutcome"), subject)
        return {
            "subject": subject,
            "review": about.about,
            "expected": about.rows,
            "then_prose": [(label, fields[name]["value"]) for name, label in PROSE.items() if name in fields],
            "then_lists": [
                (label, plain_value(fields[name]["value"])) for name, label in LISTS.items() if name in fields
            ],
            "then_rests_on": [each["subject"] for each in then["rests_on"]] if then else [],
            "actions": actions if page.time.is_now else [],
        }

    return page.render("review.html", build)
