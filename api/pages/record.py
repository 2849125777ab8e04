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
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.access_journal import record_refused_command
from api.command_routes import build_transaction
from api.pages.command_forms import Form, FormField, find_form
from api.pages.form_input import (
    RECORDED_DIFFERENTLY,
    Errors,
    Input,
    Typed,
    default_text,
    format_finding,
    is_input_of_item,
    parse_commands,
    read_form,
    use_candidate,
)
from api.pages.page import Context, Page, PageDependency, add_page, build_address, page_router
from api.pages.references import (
    MAX_OFFERED,
    Candidate,
    labels_of,
    list_candidates,
    people_candidates,
    with_distinct_labels,
)
from api.pages.subject_addresses import subject_path
from api.problems import HttpProblem
from api.query_execution import wait_for_position
from api.services import refuse_writes_on_replica
from domain.decision_rights import RIGHTS_FIELD
from domain.errors import KeyReused, Refused
from domain.fields import Value
from domain.ids import SUBJECT_IN_TEXT
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

NEW_ITEMS: Final[Mapping[str, int]] = {"options": 2, "rules": 1}
"""Blank items of a new form."""
MAX_ITEMS: Final = 60
MIN_LETTERS: Final = 4
SIMILAR: Final = 5
OFFERED: Final = 4
"""How many decisions a form offers as the reason for a change."""
PEOPLE_KINDS: Final = frozenset({"person", "holder", "actor"})
FIELD_OF_INPUT: Final[Mapping[str, str]] = {
    "release": "target.ship",
    "day": "target.ship",
    "to": "",
    "rules": RIGHTS_FIELD,
}
"""The field of the read model that an input starts with, where they have different names."""


@dataclass(frozen=True)
class Entry:
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
PER_EVENT: Final = ("deciders",)
"""Fields that belong to one event, so a form for another event on the same subject does not start with their values."""
COMPOUND_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ground": ("decision", "evidence", "assumption"),
    "dependent": ("decision", "feature", "goal"),
    "supported": ("decision", "feature", "goal", "assumption"),
    "awaited": ("evidence", "assumption", "decision", "release"),
}
"""The kinds of subject that a field takes, where it takes several."""


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
    """Show the form that records a decision, or an empty one again."""
    return _show(page, Entry(_form("RecordDecision"), typed=_without_empty({"products": product, "title": title})))


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
    return _show(page, Entry(form, subject, _without_empty(given)))


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
    entry = Entry(form, typed.get("subject", ""), typed, status=422)
    if "more" in typed or "use" in typed:  # one more item, or a candidate, before anything is recorded
        typed = use_candidate(form.every_field, typed) if "use" in typed else typed
        started = replace(entry, typed=typed, status=200, more=typed.get("more", ""))
        return await page.execution.run("light", lambda: _show(page, started))
    if entry.subject:
        entry = await _catch_up(page, entry)
    commands, again = await run_in_threadpool(_parse, page, entry)
    if commands and entry.errors.conflicts:
        receipt = await run_in_threadpool(_find_receipt, page, commands, typed.get("form_key"))
        if receipt is not None:
            return await _redirect(page, entry, receipt)
        entry = again
        for field_name, message in entry.errors.conflicts.items():
            entry.errors.add(field_name, message)
    if form.final and typed.get("confirmed") != "yes":
        entry.errors.add("confirmed", "Confirm that this cannot be undone.")
    if not entry.errors.by_field:
        try:
            page.services.quotas.take_commands(page.caller, len(commands))
            receipt = await page.services.log.execute(
                build_transaction(tuple(commands), page.caller, typed.get("form_key"), _expected_versions(entry))
            )
        except KeyReused:
            entry = replace(entry, typed={**entry.typed, "form_key": token_hex(16)})
            entry.errors.add("", RECORDED_DIFFERENTLY)
        except Refused as refused:
            record_refused_command(request, refused)
            entry.errors.add(_input_of(form, refused.field), refused.detail)
        else:
            return await _redirect(page, entry, receipt)
    return await page.execution.run("light", lambda: _show(page, entry))


def _find_receipt(page: Page, commands: Sequence[Command], key: str | None) -> Receipt | None:
    """Return the receipt of the form if it was recorded already: then its own changes are what was changed meanwhile."""
    with suppress(Refused):
        return page.services.log.find_receipt(build_transaction(tuple(commands), page.caller, key, {}))
    return None


async def _catch_up(page: Page, entry: Entry) -> Entry:
    """Return the entry with the version of its subject, once the read model has it."""
    subject = await run_in_threadpool(
        page.services.find_subject, entry.subject, "subject"
    )  # what may not be read is unknown
    state = await run_in_threadpool(page.services.book.state, subject)
    try:
        await wait_for_position(page.services, state.position)
    except HttpProblem as problem:  # nothing that was typed is lost
        entry.errors.add("", f"{problem.detail}.")
    return replace(entry, version=state.version)


def _expected_versions(entry: Entry) -> dict[str, int]:
    return {entry.subject: entry.version} if entry.version and READ_AT in entry.typed else {}


def _input_of(form: Form, refused_field: str | None) -> str:
    """Return the input that a refusal is about; empty if the form has none for it."""
    first = (refused_field or "").partition(".")[0]
    return first if first in {each.name for each in form.fields} else ""


async def _redirect(page: Page, entry: Entry, receipt: Receipt) -> Response:
    """Return to the subject's page, once it shows what was recorded."""
    with suppress(HttpProblem):
        await wait_for_position(page.services, receipt.position)
    kinds = (entry.form.creates, entry.subject.partition(":")[0])
    subject = next(
        (each.subject for each in receipt.recorded if each.subject.partition(":")[0] in kinds),
        receipt.recorded[0].subject,
    )
    address = build_address(subject_path(subject), {"done": receipt.position})
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})


def _parse(page: Page, entry: Entry) -> tuple[list[Command], Entry]:
    """Return the commands, and the form as it is shown again if there are conflicts."""
    with page.services.read() as read:
        candidates = _find_candidates(read, page, entry.form)
        now = resolve_time(read, NOW)
        labels = labels_of(candidates, read.merged_into)  # as the form showed them
        current = _start_of(read, entry, now, labels)
        shown = _start_of(read, entry, _read_at(read, entry.typed) or now, labels)

    def find_elsewhere(name: str, kind: str) -> Sequence[str]:
        with page.services.read() as read:
            return find_in_other_kinds(read, name, kind)

    given = Input(entry.typed, candidates, page.time.zone, entry.errors, find_elsewhere)
    commands = parse_commands(entry.form, given, shown, current)
    if not entry.errors.conflicts:
        return commands, entry
    # What was left as it was shows what it is now; sending the form again replaces the rest.
    left = {name for name in shown | current if entry.typed.get(name, "") == shown.get(name, "")}
    newer = {name: current.get(name, "") for name in left}
    return commands, replace(entry, typed={**entry.typed, **newer, READ_AT: _format_read_at(now)})


def _start_of(read: Read, entry: Entry, when: ResolvedTime, labels: Mapping[str, str]) -> dict[str, str]:
    """Return the values that a form starts with at a time, as it shows them."""
    found = _defaults(entry.form) | (_current_values(read, entry, when) if entry.subject else {})
    return {name: _label(value, labels) for name, value in found.items()}


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


def _show(page: Page, entry: Entry) -> Response:
    def build(read: Read) -> Context:
        candidates = _find_candidates(read, page, entry.form)
        now = resolve_time(read, NOW)
        current = _current_values(read, entry, now) if entry.subject else {}
        is_first = not entry.typed.get("form_key")
        values = (
            {**_start_values(read, page, entry.form, candidates), **current, **entry.typed} if is_first else entry.typed
        )
        labels = labels_of(candidates, read.merged_into)
        values = {name: _label(value, labels) for name, value in values.items()}
        return {
            "form": entry.form,
            "again": not is_first,
            "subject": entry.subject,
            "values": values,
            "errors": entry.errors.by_field,
            "mentioned": [
                subject for each in entry.errors.by_field.values() for subject in SUBJECT_IN_TEXT.findall(each.message)
            ],
            "more": entry.more,
            "candidates": candidates,
            "rows": {each.name: _rows_of(each, values, entry) for each in entry.form.fields if each.fields},
            "picks": _list_picks(read, entry),
            "offered": _list_offered(read, page, entry, values, labels),
            "most": MAX_OFFERED,
            "form_key": entry.typed.get("form_key") or token_hex(16),
            "read_at": entry.typed.get(READ_AT) or _format_read_at(now),
        }

    template = "record.html" if entry.form.name == "RecordDecision" else "form.html"
    return page.render(template, build, status=entry.status)


def _label(value: str, labels: Mapping[str, str]) -> str:
    """Return a value with what its ids are called; people who were merged are one."""
    return "; ".join(dict.fromkeys(labels.get(each, each) for each in value.split("; "))) if ":" in value else value


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item of a field as it was typed."""

    texts: Mapping[str, str]
    is_open: bool
    """Whether one of its folded fields is filled in."""


def _rows_of(field_: FormField, values: Mapping[str, str], entry: Entry) -> list[ItemRow]:
    """Return the items of a field as typed, with blank ones: those of a new form, and the one that was asked for."""
    prefix = f"{field_.name}."
    numbers = {int(name.split(".")[1]) for name in values if is_input_of_item(name, field_.name)}
    count = max(numbers, default=-1) + 1 or NEW_ITEMS.get(field_.name, 1)
    blank = {each.name: default_text(each) for each in field_.fields}
    rows = [
        {each: values.get(f"{prefix}{row}.{each}", "" if row in numbers else text) for each, text in blank.items()}
        for row in range(min(count, MAX_ITEMS))
    ]
    folded = [each.name for each in field_.fields if each.is_folded]
    added = [blank] if entry.more == field_.name and len(rows) < MAX_ITEMS else []
    return [ItemRow(row, any(row[name] != blank[name] for name in folded)) for row in (*rows, *added)]


def _list_picks(read: Read, entry: Entry) -> list[str]:
    """Return the titles that a field can pick among the items that the subject has."""
    picked = next((each for each in entry.form.fields if each.control == "pick"), None)
    if picked is None or not entry.subject:
        return []
    row = subject_fields(read, entry.subject, resolve_time(read, NOW)).get(picked.kind)
    return [str(each["title"]) for each in _items_of(row["value"])] if row else []


def _list_offered(
    read: Read, page: Page, entry: Entry, values: Mapping[str, str], labels: Mapping[str, str]
) -> list[str]:
    """Return labels of decisions that can be the reason for a change: the latest accepted ones of its products."""
    if not any(each.name == "because" and not each.is_folded for each in entry.form.fields):
        return []
    row = subject_fields(read, entry.subject, resolve_time(read, NOW)).get("products") if entry.subject else None
    products = as_ids(row["value"]) if row else ()
    if entry.subject.startswith("product:"):
        products = (entry.subject,)
    selection = DecisionFilter(Filter(products=products, statuses=("accepted",)))
    found = decision_queries.decisions(read, selection, page.time.point, newest_first=True, limit=OFFERED).rows
    offered = [labels.get(each["subject"], each["subject"]) for each in found if each["subject"] != entry.subject]
    return [label for label in offered if label not in values.get("because", "")]


def _items_of(value: Value) -> list[dict[str, Value]]:
    """Return the items of a list that are objects."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _start_values(read: Read, page: Page, form: Form, candidates: Mapping[str, Sequence[Candidate]]) -> dict[str, str]:
    """Return what a new form starts with: its defaults, the caller as accountable, and the only product or theirs."""
    values = _defaults(form)
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


def _defaults(form: Form) -> dict[str, str]:
    return {each.name: each.default for each in form.fields if isinstance(each.default, str)}


def _current_values(read: Read, entry: Entry, when: ResolvedTime) -> dict[str, str]:
    """Return the values that the subject has at a time, as a form shows them."""
    fields = subject_fields(read, entry.subject, when)
    found: dict[str, str] = {}
    for each in entry.form.fields:
        row = fields.get(FIELD_OF_INPUT.get(each.name, each.name))
        if row and each.control == "items":
            found |= _flatten_items(each, _items_of(row["value"]))
        elif row and _fits(each, row["value"], entry.form):
            found[each.name] = _as_text(each, row["value"])
    return found


def _flatten_items(field_: FormField, items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return items as the inputs of a form, such as `options.0.title`."""
    found = {}
    for row, item in enumerate(items):
        for each in field_.fields:
            value = item.get(each.name)
            found[f"{field_.name}.{row}.{each.name}"] = default_text(each) if value is None else _as_text(each, value)
    return found


def _fits(field_: FormField, value: Any, form: Form) -> bool:
    """Return whether a value belongs into an input: a target can be a release or a day."""
    if field_.name == "release":
        return str(value).startswith("release:")
    if field_.name == "day":
        return not str(value).startswith("release:")
    if field_.name == "why" and form.is_revision:
        return value is not None
    return value is not None and field_.name not in ("why", "by", "until", *PER_EVENT)


def _as_text(field_: FormField, value: Any) -> str:
    if field_.control == "findings":
        return "\n".join(map(format_finding, value))
    if isinstance(value, list):
        return ("\n" if field_.control == "text" else "; ").join(map(str, value))
    if isinstance(value, Mapping):
        return f"{value['amount']} {value.get('currency') or value.get('unit')}"
    return str(value)


def _find_candidates(read: Read, page: Page, form: Form) -> dict[str, Sequence[Candidate]]:
    """Return what each kind of field can refer to."""
    kinds = {each.kind for each in form.every_field if each.control in ("subject", "person") and each.kind}
    found: dict[str, Sequence[Candidate]] = {
        kind: [each for one in COMPOUND_KINDS.get(kind, (kind,)) for each in list_candidates(read, one)]
        for kind in kinds - PEOPLE_KINDS
    }
    if kinds & PEOPLE_KINDS:
        everyone = [*page.services.book.directory.list_people()]
        people = people_candidates(everyone, read.merged_into)
        found |= {"person": people, "holder": [*people, *list_candidates(read, "team")]}
        if "actor" in kinds:
            found["actor"] = people_candidates(everyone, read.merged_into, ("person:", "service:"))
    return {kind: with_distinct_labels(each) for kind, each in found.items()}


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
