"""The list of meetings, the minutes of each, the form that writes one up in one transaction, and the list of tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.access_journal import record_refused_command
from api.command_routes import build_transaction
from api.pages.fields import flatten
from api.pages.form_input import RECORDED_DIFFERENTLY, Errors, is_input_of_item, read_form
from api.pages.page import Context, Page, PageDependency, add_page, build_address, page_router
from api.pages.references import (
    Candidate,
    NotFoundError,
    find_one,
    labels_of,
    list_candidates,
    noun_of,
    people_candidates,
    with_distinct_labels,
)
from api.problems import HttpProblem
from api.query_parameters import KeyPath
from api.services import refuse_writes_on_replica
from domain.catalog import COMMAND
from domain.decision_messages import OPEN as OPEN_DECISION
from domain.errors import KeyReused, NothingChanges, Refused
from domain.fields import STATUS
from domain.ids import is_subject
from domain.meeting import HELD, PLANNED
from domain.messages import Command
from domain.task import OPEN as OPEN_TASK
from domain.validation_messages import list_errors
from projections.queries import decisions as decision_queries
from projections.queries import listings
from projections.queries import minutes as minute_queries
from projections.queries.field_values import all_field_values, as_ids, subject_fields
from projections.queries.filters import Filter
from projections.queries.paging import Row
from projections.queries.timepoint import NOW, TimePoint, resolve_time
from projections.read_model.model import Read

MEETING_FIELDS: Final = ("status", "held_on", "products", "agenda", "attendees", "invited")
TASK_FIELDS: Final = ("status", "due_on", "products", "role.accountable")
SAID: Final = 4
"""Blank rows for advice and objections."""
TASKS: Final = 3
MAX_ROWS: Final = 60
_INPUTS: Final = ("attendees", "held_on", "notes")
"""The inputs that are fields of the meeting itself."""
_OUTCOME_INPUTS: Final = ("outcome", "deciders", "decision", "why")
"""The inputs of each decision on the agenda."""
_COMMAND_FIELD: Final = re.compile(r"(?:commands\.(?P<number>\d{1,4})\.)?(?P<name>\w+).*", re.ASCII)
OUTCOMES: Final[Mapping[str, str]] = {
    "": "not decided",
    "AcceptDecision": "accepted",
    "RejectDecision": "rejected",
    "DeferDecision": "deferred",
}
"""The statuses that a decision can have after a meeting, by the command that records each."""
STANCES: Final[Mapping[str, str]] = {"AdviseOnDecision": "advice", "DissentFromDecision": "objection"}
KIND_LABELS: Final[Mapping[str, str]] = {
    "advice": "Advice",
    "dissent": "Objections",
    "approval": "Approvals",
    "abstention": "Abstentions",
    "decision": "Decided",
    "task": "Tasks",
    "other": "Also recorded",
}


def router() -> APIRouter:
    """Return the routes of meetings and tasks."""
    routes = page_router()
    add_page(routes, "/meetings", list_meetings)
    add_page(routes, "/meetings/{key}", get_meeting, "light")
    add_page(routes, "/meetings/{key}/write-up", get_write_up, "light")
    routes.add_api_route("/meetings/{key}/write-up", post_write_up, methods=["POST"], response_model=None)
    add_page(routes, "/tasks", list_tasks)
    return routes


def list_meetings(page: PageDependency) -> Response:
    """Show planned meetings, the next one first, and past meetings, the latest first."""

    def build(read: Read) -> Context:
        rows = [
            *map(
                flatten,
                listings.subjects(read, Filter(kinds=("meeting",)), MEETING_FIELDS, page.time.point).rows,
            )
        ]
        rows.sort(key=lambda row: str(row.get("held_on")))
        planned = [row for row in rows if row.get("status") == PLANNED]
        return {"planned": planned, "past": [row for row in reversed(rows) if row.get("status") != PLANNED]}

    return page.render("meetings.html", build)


def list_tasks(page: PageDependency, *, closed: Annotated[bool, Query()] = False) -> Response:
    """Show open tasks, or those that are done or dropped, in the order of their due dates."""

    def build(read: Read) -> Context:
        found = listings.subjects(read, Filter(kinds=("task",)), TASK_FIELDS, page.time.point).rows
        rows = [row for row in map(flatten, found) if (row.get("status") != OPEN_TASK) is closed]
        rows.sort(key=lambda row: (str(row.get("due_on") or "9999"), row["subject"]))
        return {"rows": rows, "closed": closed, "me": page.caller.actor}

    return page.render("tasks.html", build)


def get_meeting(page: PageDependency, key: KeyPath) -> Response:
    """Show the minutes of a meeting: its attendees, each decision with what was said about it, and the tasks."""
    return page.render("meeting.html", lambda read: _build_meeting(read, page, f"meeting:{key}"))


def _build_meeting(read: Read, page: Page, subject: str) -> Context:
    when = page.time.point
    about = decision_queries.subject_page(read, subject, when).about
    answer = minute_queries.minutes(read, subject, when)
    agenda = list(dict.fromkeys([*answer.about["agenda"], *_decisions_of(answer.rows)]))
    status = answer.about["status"]
    names = {PLANNED: ("ReviseMeeting", "CancelMeeting", "ChangeTitle"), HELD: ("ChangeTitle",)}
    writing = "HoldMeeting" if status == PLANNED else "AddMinutes"
    is_writable = page.time.is_now and about["current"]
    fields = about["fields"]
    return {
        "subject": subject,
        "about": about,
        "version": about["version"],
        "minutes": answer.about,
        "agenda": [_build_item(decision, answer.rows) for decision in agenda],
        "statuses": _find_statuses(read, agenda, when),
        "tasks": [row for row in answer.rows if row["kind"] == "task"],
        "others": [row for row in answer.rows if row["kind"] == "other"],
        "canceled": fields["canceled_because"]["value"] if "canceled_because" in fields else None,
        "of_products": as_ids(fields["products"]["value"]) if "products" in fields else (),
        "owners": as_ids(about["roles"]["accountable"]["value"]) if "accountable" in about.get("roles", {}) else (),
        "actions": page.permissions.of(names.get(str(status), ()), subject) if is_writable else [],
        "may_write_up": is_writable and status in names and bool(page.permissions.of((writing,), subject)),
        "labels": KIND_LABELS,
        "mine": page.caller.actor,
    }


def _decisions_of(rows: Sequence[Row]) -> list[str]:
    return [row["subject"] for row in rows if row["subject"].startswith("decision:")]


def _build_item(decision: str, rows: Sequence[Row]) -> Row:
    """Return a decision with what was said about it, by kind in the order of the labels."""
    own = [row for row in rows if row["subject"] == decision]
    groups = [(label, [row for row in own if row["kind"] == kind]) for kind, label in KIND_LABELS.items()]
    return {"subject": decision, "groups": [(label, found) for label, found in groups if found]}


def _find_statuses(read: Read, subjects: Sequence[str], when: TimePoint) -> dict[str, str]:
    if not subjects:
        return {}
    rows = all_field_values(read, Filter(subjects=subjects, fields=(STATUS,)), resolve_time(read, when))
    return {row["subject"]: str(row["value"]) for row in rows}


def find_meetings(read: Read, page: Page, subject: str) -> list[Row]:
    """Return the meetings on whose agenda a subject is, or in whose minutes it occurs, with their day and status."""
    resolved = resolve_time(read, page.time.point)
    found = minute_queries.meetings_of(read, subject, resolved)
    if not found:
        return []
    rows = listings.subjects(read, Filter(subjects=found), ("status", "held_on"), page.time.point).rows
    return sorted(map(flatten, rows), key=lambda row: str(row.get("held_on")))


# Writing up ----------------------------------------------------------------------------------------------------------


@dataclass
class Draft:
    """A form that writes a meeting up: what was typed, and the errors in it."""

    subject: str
    typed: Mapping[str, str] = field(default_factory=dict)
    errors: Errors = field(default_factory=Errors)
    status: int = 200


def get_write_up(page: PageDependency, key: KeyPath) -> Response:
    """Show the form that writes a meeting up."""
    return _show(page, Draft(page.services.find_subject(f"meeting:{key}", "key")))


async def post_write_up(request: Request, page: PageDependency, key: KeyPath) -> Response:
    """Record the minutes of a meeting in one transaction."""
    await refuse_writes_on_replica(request, page.services)
    typed = await read_form(request)
    subject = await run_in_threadpool(page.services.find_subject, f"meeting:{key}", "key")
    draft = Draft(subject, typed, status=200 if "more" in typed else 422)
    commands = [] if "more" in typed else await run_in_threadpool(_parse, page, draft)
    if commands and not draft.errors.by_field:
        try:
            page.services.quotas.take_commands(page.caller, len(commands))
            receipt = await page.services.log.execute(
                build_transaction(tuple(commands), page.caller, typed.get("form_key"), {})
            )
        except KeyReused:
            draft.typed = {**typed, "form_key": token_hex(16)}
            draft.errors.add("", RECORDED_DIFFERENTLY)
        except Refused as refused:
            record_refused_command(request, refused)
            if await run_in_threadpool(_was_held_meanwhile, page, draft):
                draft.typed = {**typed, "planned": "no", "form_key": token_hex(16)}
                draft.errors.add(
                    "", "The meeting was written up meanwhile. Send the form again to add this to its minutes."
                )
            elif isinstance(refused, NothingChanges):
                draft.errors.add("", "Nothing was added. Write down what was said, decided or assigned.")
            else:
                draft.errors.add(_input_of(refused.field, commands), refused.detail)
        else:
            address = build_address(f"/meetings/{key}", {"done": receipt.position, "min_position": receipt.position})
            return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})
    return await page.execution.run("light", lambda: _show(page, draft))


def _show(page: Page, draft: Draft) -> Response:
    def build(read: Read) -> Context:
        fields = subject_fields(read, draft.subject, resolve_time(read, NOW))
        values = {name: row["value"] for name, row in fields.items()}
        if values.get(STATUS) not in (PLANNED, HELD):
            raise HttpProblem(
                409, f"{draft.subject} is {values.get(STATUS)}; only a planned or held meeting can be written up"
            )
        candidates = _find_candidates(read, page)
        labels = labels_of(candidates, read.merged_into)
        present = as_ids(values.get("attendees")) or as_ids(values.get("invited"))
        start = {
            "attendees": "; ".join(dict.fromkeys(labels.get(each, each) for each in present)),
            "held_on": str(values.get("held_on") or ""),
            "notes": str(values.get("notes") or ""),
        }
        decisions = _list_agenda(read, [*as_ids(values.get("agenda")), *_typed_decisions(draft)])
        more = 3 if draft.typed.get("more") else 0
        return {
            "subject": draft.subject,
            "again": bool(draft.typed),
            "is_planned": _is_planned(draft, values),
            "decisions": decisions,
            "undecided": [
                each for each, status in decisions if status in OPEN_DECISION or each in _typed_decisions(draft)
            ],
            "values": draft.typed or start,
            "errors": draft.errors.by_field,
            "outcomes": OUTCOMES,
            "stances": STANCES,
            "said": range(min(_count(draft.typed, "said", SAID) + more, MAX_ROWS)),
            "tasks": range(min(_count(draft.typed, "tasks", TASKS) + more, MAX_ROWS)),
            "people": [each.label for each in candidates["person"]],
            "form_key": draft.typed.get("form_key") or token_hex(16),
        }

    return page.render("write_up.html", build, status=draft.status)


def _is_planned(draft: Draft, values: Mapping[str, Any]) -> bool:
    """Return whether the form holds the meeting, as it was shown: sent twice, it records the same."""
    return draft.typed["planned"] == "yes" if "planned" in draft.typed else values.get(STATUS) == PLANNED


def _input_of(refused_field: str | None, commands: Sequence[Command]) -> str:
    """Return the input that a refusal is about; empty if it is about none.

    Each command has its own number in the field, unless it is the only one.
    """
    found = _COMMAND_FIELD.fullmatch(refused_field or "")
    command = commands[int(found["number"] or 0)] if found else commands[0]
    subject = "" if command.creates else command.subject_id()
    if found and command is commands[0]:
        return found["name"] if found["name"] in _INPUTS else ""
    return f"agenda.{subject}.outcome" if found and type(command).__name__ in OUTCOMES else ""


def _list_agenda(read: Read, agenda: Sequence[str]) -> list[tuple[str, str]]:
    """Return the decisions of an agenda that the reader may read, each with its status."""
    statuses = _find_statuses(read, agenda, NOW)
    return [(decision, statuses[decision]) for decision in dict.fromkeys(agenda) if decision in statuses]


def _typed_decisions(draft: Draft) -> list[str]:
    """Return the decisions about which something was typed, whether they are still on the agenda or not."""
    parts = [name.removeprefix("agenda.").rpartition(".") for name, text in draft.typed.items() if text.strip()]
    return [decision for decision, _, part in parts if part in _OUTCOME_INPUTS and is_subject(decision)]


def _was_held_meanwhile(page: Page, draft: Draft) -> bool:
    """Return whether a form that was shown for a planned meeting finds it held."""
    return (
        draft.typed.get("planned") == "yes"
        and page.services.book.state(draft.subject).value_at(STATUS, page.time.now) == HELD
    )


def _count(typed: Mapping[str, str], name: str, blank: int) -> int:
    """Return the number of rows to show: those typed, at least the blank ones of a new form."""
    numbers = [int(each.split(".")[1]) for each in typed if is_input_of_item(each, name)]
    return max(max(numbers, default=-1) + 1, blank)


def _find_candidates(read: Read, page: Page) -> dict[str, Sequence[Candidate]]:
    people = people_candidates(page.services.book.directory.list_people(), read.merged_into)
    found = {"person": people, "holder": [*people, *list_candidates(read, "team")]}
    return {kind: with_distinct_labels(each) for kind, each in found.items()}


class _Reader:
    """Reads what was typed as commands."""

    def __init__(self, draft: Draft, candidates: Mapping[str, Sequence[Candidate]]) -> None:
        self.draft, self.candidates = draft, candidates

    def text(self, name: str) -> str:
        return self.draft.typed.get(name, "").strip()

    def people(self, name: str, kind: str = "person") -> list[str]:
        """Return the people in a field, separated by semicolons; an unknown name is an error of the field."""
        found = []
        for typed in filter(None, map(str.strip, self.text(name).split(";"))):
            try:
                found.append(find_one(typed, self.candidates[kind], noun_of(kind)))
            except NotFoundError as error:
                self.draft.errors.add(name, error.message, error.candidates)
        return found

    def given(self, **values: Any) -> dict[str, Any]:
        """Return the values that are not empty."""
        return {name: value for name, value in values.items() if value}

    def commands(
        self, meeting: str, *, is_planned: bool, products: Sequence[str], agenda: Sequence[str]
    ) -> Iterator[Row]:
        """Yield the commands of the minutes, as the catalog has them: first the meeting, then what was said and decided."""
        shared = self.given(attendees=self.people("attendees"), notes=self.text("notes"))
        if is_planned:
            yield {"type": "HoldMeeting", "subject": meeting, **shared, **self.given(held_on=self.text("held_on"))}
        else:
            yield {"type": "AddMinutes", "subject": meeting, **shared}
        yield from self._build_statements()
        for decision in agenda:  # whether it is still open is for the log to say
            yield from self._outcome(decision)
        yield from self._tasks(products)

    def _build_statements(self) -> Iterator[Row]:
        for number in range(_count(self.draft.typed, "said", 0)):
            name = f"said.{number}"
            words, who = self.text(f"{name}.text"), self.people(f"{name}.who")
            if not words and not self.text(f"{name}.who"):
                continue
            stance = self.text(f"{name}.stance")
            if stance not in STANCES or not self.text(f"{name}.decision"):
                self.draft.errors.add(name, "Choose a decision, and whether the person advised or objected.")
            elif not words or len(who) != 1:
                self.draft.errors.add(f"{name}.who", "Name one person, and write what they said.")
            else:
                said = "advice" if stance == "AdviseOnDecision" else "why"
                yield {"type": stance, "subject": self.text(f"{name}.decision"), "by": who[0], said: words}

    def _outcome(self, decision: str) -> Iterator[Row]:
        name = f"agenda.{decision}"
        command, words, why = (self.text(f"{name}.{each}") for each in ("outcome", "decision", "why"))
        deciders = self.people(f"{name}.deciders")
        match command:
            case "AcceptDecision":
                more = self.given(decision=words, why=why, deciders=deciders)
            case "RejectDecision":
                more = self.given(why=why or words, deciders=deciders)
            case "DeferDecision":
                more = self.given(until=words or why)
            case _:
                if words or why or deciders:
                    self.draft.errors.add(f"{name}.outcome", "Choose the status after the meeting.")
                return
        yield {"type": command, "subject": decision, **more}

    def _tasks(self, products: Sequence[str]) -> Iterator[Row]:
        for number in range(_count(self.draft.typed, "tasks", 0)):
            name = f"tasks.{number}"
            title, who = self.text(f"{name}.title"), self.people(f"{name}.who", "holder")
            if not title and not self.text(f"{name}.who"):
                continue
            if not title or len(who) != 1:
                self.draft.errors.add(f"{name}.who", "Describe the task, and name one owner: a person or a team.")
                continue
            due = self.given(due_on=self.text(f"{name}.due_on"), products=list(products))
            yield {"type": "AssignTask", "title": title, "accountable": who[0], **due}


def _parse(page: Page, draft: Draft) -> list[Command]:
    with page.services.read() as read:
        fields = subject_fields(read, draft.subject, resolve_time(read, NOW))
        values = {name: row["value"] for name, row in fields.items()}
        agenda = [each for each, _ in _list_agenda(read, as_ids(values.get("agenda")))]
        for each in _typed_decisions(draft):
            if each not in agenda:
                draft.errors.add(
                    f"agenda.{each}.outcome", f"{each} is no longer on the agenda. Clear what you typed about it."
                )
        reader = _Reader(draft, _find_candidates(read, page))
    raw = list(
        reader.commands(
            draft.subject,
            is_planned=_is_planned(draft, values),
            products=as_ids(values.get("products")),
            agenda=agenda,
        )
    )
    found = []
    for command in raw:
        try:
            found.append(COMMAND.validate_python(command))
        except ValidationError as error:
            for path, message in list_errors(error.errors(include_url=False, include_input=False)):
                draft.errors.add(path.partition(".")[0], f"{command['type']}: {path}: {message}")
    return found
