"""Recording on pages: every command as a form, and *Record a decision* with its four fields first.

A form builds the same commands as the API. Its idempotency key is made when it is shown, so that sending it twice
records once; whatever is wrong with it, nothing that was typed is lost. It says at which time and position it was shown, so
that what another person changed meanwhile is not overwritten.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from secrets import token_hex
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.access_journal import record_refused_command
from api.command_routes import build_transaction
from api.pages.command_forms import Form, find_form
from api.pages.form_input import (
    RECORDED_DIFFERENTLY,
    Errors,
    Input,
    Typed,
    parse_commands,
    read_form,
    use_candidate,
)
from api.pages.form_values import current_values, defaults, item_rows, items_of, with_labels
from api.pages.page import Context, Page, PageDependency, add_page, build_address, page_router
from api.pages.references import MAX_OFFERED, Candidate, find_candidates, labels_of
from api.pages.subject_addresses import subject_path
from api.problems import HttpProblem
from api.query_execution import wait_for_position
from api.services import refuse_writes_on_replica
from domain.errors import KeyReused, Refused
from domain.messages import Command
from eventlog.entry import Receipt
from projections.queries import decisions as decision_queries
from projections.queries import search as search_queries
from projections.queries.decisions import DecisionFilter
from projections.queries.field_values import all_field_values, as_ids, subject_fields
from projections.queries.filters import Filter
from projections.queries.suggestions import find_in_other_kinds
from projections.queries.timepoint import NOW, ResolvedTime, resolve_time
from projections.read_model.model import Read

MIN_LETTERS: Final = 4
SIMILAR: Final = 5
OFFERED: Final = 4
"""How many decisions a form offers as the reason for a change."""


@dataclass(frozen=True)
class Filling:
    """A form being filled in: what it is about, what was typed, and what is wrong with it."""

    form: Form
    subject: str = ""
    typed: Typed = field(default_factory=dict)
    errors: Errors = field(default_factory=Errors)
    status: int = 200
    more: str = ""
    """The field of which one more item was asked for."""
    version: int = 0
    """The version of the subject that what was typed is compared with."""


READ_AT: Final = "read_at"
"""The hidden input with the valid time and the position of the values that a form started with."""
_READ_AT: Final = re.compile(r"(\d{1,16})\.(\d{1,15})", re.ASCII)


def router() -> APIRouter:
    """Return the routes of forms."""
    routes = page_router()
    add_page(routes, "/record", get_record, "light")
    add_page(routes, "/do/{name}", get_form, "light")
    add_page(routes, "/similar", get_similar, "light")
    routes.add_api_route("/record", post_record, methods=["POST"], response_model=None)
    routes.add_api_route("/do/{name}", post_form, methods=["POST"], response_model=None)
    return routes


FormParameter = Annotated[str, Query(max_length=2000)]


def get_record(page: PageDependency, product: FormParameter = "", title: FormParameter = "") -> Response:
    """Show the form that records a decision; the parameters fill in fields."""
    return _show(page, Filling(_form("RecordDecision"), typed=_without_empty({"products": product, "title": title})))


def get_form(
    page: PageDependency,
    name: str,
    *,
    subject: FormParameter = "",
    horizon: FormParameter = "",
    product: FormParameter = "",
    release: FormParameter = "",
    option: FormParameter = "",
    option_number: FormParameter = "",
    constraint_number: FormParameter = "",
    delegation: FormParameter = "",
    expectation: FormParameter = "",
    field: FormParameter = "",
    supports: FormParameter = "",
    under: FormParameter = "",
) -> Response:
    """Show the form of a command about a subject; the other parameters fill in fields."""
    form = _form(name)
    given = {
        "horizon": horizon,
        "expectation": expectation,
        "products": product,
        "release": release,
        "option": option,
        "option_number": option_number,
        "constraint_number": constraint_number,
        "delegation": delegation,
        "field": field,
        "supports": supports,
        "under": under,
    }
    if not form.creates:
        subject = page.services.find_subject(subject, "subject")
    return _show(page, Filling(form, subject, _without_empty(given)))


def _without_empty(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}


async def post_record(request: Request, page: PageDependency) -> Response:
    """Record a decision."""
    return await _record(request, page, "RecordDecision")


async def post_form(request: Request, page: PageDependency, name: str) -> Response:
    """Record the commands of a form."""
    return await _record(request, page, name)


def _form(name: str) -> Form:
    form = find_form(name)
    if form is None:
        raise HttpProblem(404, f"there is no form `{name}`", field="name")
    return form


# Recording ------------------------------------------------------------------------------------------------------------


async def _record(request: Request, page: Page, name: str) -> Response:
    await refuse_writes_on_replica(request, page.services)
    form = _form(name)
    typed = await read_form(request)
    filling = Filling(form, typed.get("subject", ""), typed, status=422)
    if "more" in typed or "use" in typed:  # one more item, or a candidate, before anything is recorded
        typed = use_candidate(form.every_field, typed) if "use" in typed else typed
        started = replace(filling, typed=typed, status=200, more=typed.get("more", ""))
        return await page.execution.run("light", lambda: _show(page, started))
    if filling.subject:
        filling = await _catch_up(page, filling)
    commands, again = await run_in_threadpool(_parse, page, filling)
    if commands and filling.errors.conflicts:
        receipt = await run_in_threadpool(_find_receipt, page, commands, typed.get("form_key"))
        if receipt is not None:
            return await _redirect(page, filling, receipt)
        filling = again
        for field_name, message in filling.errors.conflicts.items():
            filling.errors.add(field_name, message)
    if form.final and typed.get("confirmed") != "yes":
        filling.errors.add("confirmed", "Confirm that this cannot be undone.")
    if not filling.errors.by_field:
        try:
            page.services.quotas.take_commands(page.caller, len(commands))
            receipt = await page.services.log.execute(
                build_transaction(tuple(commands), page.caller, typed.get("form_key"), _expected_versions(filling))
            )
        except KeyReused:
            filling = replace(filling, typed={**filling.typed, "form_key": token_hex(16)})
            filling.errors.add("", RECORDED_DIFFERENTLY)
        except Refused as refused:
            record_refused_command(request, refused)
            filling.errors.add(_input_of(form, refused.field), refused.detail)
        else:
            return await _redirect(page, filling, receipt)
    return await page.execution.run("light", lambda: _show(page, filling))


def _find_receipt(page: Page, commands: Sequence[Command], key: str | None) -> Receipt | None:
    """Return the receipt of the form if it was recorded already: then its own changes are what was changed meanwhile."""
    with suppress(Refused):  # the key was used for other commands, which recording them reports
        return page.services.log.find_receipt(build_transaction(tuple(commands), page.caller, key, {}))
    return None


async def _catch_up(page: Page, filling: Filling) -> Filling:
    """Return the filling with the version of its subject, once the read model has it."""
    subject = await run_in_threadpool(
        page.services.find_subject, filling.subject, "subject"
    )  # what may not be read is unknown
    state = await run_in_threadpool(page.services.book.state, subject)
    try:
        await wait_for_position(page.services, state.position)
    except HttpProblem as problem:  # nothing that was typed is lost
        filling.errors.add("", f"{problem.detail}.")
    return replace(filling, version=state.version)


def _expected_versions(filling: Filling) -> dict[str, int]:
    return {filling.subject: filling.version} if filling.version and READ_AT in filling.typed else {}


def _input_of(form: Form, refused_field: str | None) -> str:
    """Return the input that a refusal is about; empty if the form has none for it."""
    first = (refused_field or "").partition(".")[0]
    return first if first in {each.name for each in form.fields} else ""


async def _redirect(page: Page, filling: Filling, receipt: Receipt) -> Response:
    """Return to the subject's page, once it shows what was recorded."""
    with suppress(HttpProblem):  # the page will show it a little later
        await wait_for_position(page.services, receipt.position)
    kinds = (filling.form.creates, filling.subject.partition(":")[0])
    subject = next(
        (each.subject for each in receipt.recorded if each.subject.partition(":")[0] in kinds),
        receipt.recorded[0].subject,
    )
    address = build_address(subject_path(subject), {"done": receipt.position})
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})


def _parse(page: Page, filling: Filling) -> tuple[list[Command], Filling]:
    """Return the commands, and the form as it is shown again if there are conflicts."""
    with page.services.read() as read:
        candidates = find_candidates(read, page, filling.form.every_field)
        now = resolve_time(read, NOW)
        labels = labels_of(candidates, read.merged_into)  # as the form showed them
        current = _start_of(read, filling, now, labels)
        shown = _start_of(read, filling, _read_at(read, filling.typed) or now, labels)

    def find_elsewhere(name: str, kind: str) -> Sequence[str]:
        with page.services.read() as read:
            return find_in_other_kinds(read, name, kind)

    given = Input(filling.typed, candidates, page.time.zone, filling.errors, find_elsewhere)
    commands = parse_commands(filling.form, given, shown, current)
    if not filling.errors.conflicts:
        return commands, filling
    # What was left as it was shows what it is now; sending the form again replaces the rest.
    left = {name for name in shown | current if filling.typed.get(name, "") == shown.get(name, "")}
    newer = {name: current.get(name, "") for name in left}
    return commands, replace(filling, typed={**filling.typed, **newer, READ_AT: _format_read_at(now)})


def _start_of(read: Read, filling: Filling, when: ResolvedTime, labels: Mapping[str, str]) -> dict[str, str]:
    """Return the values that a form starts with at a time, as it shows them."""
    found = defaults(filling.form) | (
        current_values(read, filling.form, filling.subject, when) if filling.subject else {}
    )
    return {name: with_labels(value, labels) for name, value in found.items()}


def _format_read_at(when: ResolvedTime) -> str:
    return f"{when.as_of}.{when.position}"


def _read_at(read: Read, typed: Typed) -> ResolvedTime | None:
    """Return when the form was shown; None if it has no such input."""
    found = _READ_AT.fullmatch(typed.get(READ_AT, ""))
    if found is None:
        return None
    position = min(int(found[2]), read.position)
    return ResolvedTime(NOW, int(found[1]), position, is_latest=position == read.position)


# Showing --------------------------------------------------------------------------------------------------------------


def _show(page: Page, filling: Filling) -> Response:
    def build(read: Read) -> Context:
        candidates = find_candidates(read, page, filling.form.every_field)
        now = resolve_time(read, NOW)
        current = current_values(read, filling.form, filling.subject, now) if filling.subject else {}
        is_first = not filling.typed.get("form_key")
        values = (
            {**_start_values(read, page, filling.form, candidates), **current, **filling.typed}
            if is_first
            else filling.typed
        )
        labels = labels_of(candidates, read.merged_into)
        values = {name: with_labels(value, labels) for name, value in values.items()}
        return {
            "form": filling.form,
            "again": not is_first,
            "subject": filling.subject,
            "values": values,
            "errors": {
                name: replace(each, message=filling.form.with_labels(each.message))
                for name, each in filling.errors.by_field.items()
            },
            "mentioned": filling.errors.mentioned,
            "more": filling.more,
            "candidates": candidates,
            "rows": {
                each.name: item_rows(each, values, is_one_more=filling.more == each.name)
                for each in filling.form.fields
                if each.fields
            },
            "picks": _list_picks(read, filling),
            "offered": _list_offered(read, page, filling, values, labels),
            "most": MAX_OFFERED,
            "form_key": filling.typed.get("form_key") or token_hex(16),
            "read_at": filling.typed.get(READ_AT) or _format_read_at(now),
        }

    template = "record.html" if filling.form.name == "RecordDecision" else "form.html"
    return page.render(template, build, status=filling.status)


def _list_picks(read: Read, filling: Filling) -> list[str]:
    """Return the titles that a field can pick among the items that the subject has."""
    picked = next((each for each in filling.form.fields if each.control == "pick"), None)
    if picked is None or not filling.subject:
        return []
    row = subject_fields(read, filling.subject, resolve_time(read, NOW)).get(picked.kind)
    return [str(each["title"]) for each in items_of(row["value"])] if row else []


def _list_offered(
    read: Read, page: Page, filling: Filling, values: Mapping[str, str], labels: Mapping[str, str]
) -> list[str]:
    """Return labels of decisions that can be the reason for a change: the latest accepted ones of its products."""
    if not any(each.name == "because" and not each.is_folded for each in filling.form.fields):
        return []
    row = subject_fields(read, filling.subject, resolve_time(read, NOW)).get("products") if filling.subject else None
    products = as_ids(row["value"]) if row else ()
    if filling.subject.startswith("product:"):
        products = (filling.subject,)
    selection = DecisionFilter(Filter(products=products, statuses=("accepted",)))
    found = decision_queries.decisions(read, selection, page.time.point, newest_first=True, limit=OFFERED).rows
    offered = [labels.get(each["subject"], each["subject"]) for each in found if each["subject"] != filling.subject]
    return [label for label in offered if label not in values.get("because", "")]


def _start_values(read: Read, page: Page, form: Form, candidates: Mapping[str, Sequence[Candidate]]) -> dict[str, str]:
    """Return what a new form starts with: its defaults, the caller as accountable, and the only product or theirs."""
    values = defaults(form)
    products = [each.subject for each in candidates.get("product", ())]
    if form.creates and len(products) > 1:
        own = Filter(subjects=products, fields=("role.accountable",), holders=(page.caller.actor,))
        products = [row["subject"] for row in all_field_values(read, own, resolve_time(read, NOW))]
    if form.creates and len(products) == 1:
        values["products"] = products[0]
    if form.creates and any(each.name == "accountable" for each in form.fields):
        known = {each.subject for each in candidates.get("holder", ())}
        values["accountable"] = page.caller.actor if page.caller.actor in known else ""
    return values


def get_similar(page: PageDependency, title: FormParameter = "") -> Response:
    """Show earlier decisions that share words with a title that is being typed."""
    words = [word for word in title.casefold().split() if len(word) >= MIN_LETTERS][:6]

    def build(read: Read) -> Context:
        hits: dict[str, int] = {}
        for word in words:
            answer = search_queries.search(read, word, Filter(kinds=("decision",)), limit=20)
            for subject in {row["subject"] for row in answer.rows}:
                hits[subject] = hits.get(subject, 0) + 1
        ranked = sorted(hits, key=lambda subject: (-hits[subject], subject))[:SIMILAR]
        return {"similar": ranked}

    return page.render("similar.html", build)
