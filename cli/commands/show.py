"""`decisionlog show`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click

from cli import options
from cli.answer_tables import (
    OPTIONAL,
    TARGET,
    Answer,
    headings,
    parse_time,
    roles_table,
    state_cells,
    state_columns,
    title_of,
)
from cli.answer_titles import WHO, Titles
from cli.context import get_context
from cli.display import MAX_TEXT_WIDTH, Line
from cli.documents import Document
from cli.errors import CommandFailed, Exit
from cli.finding import Finder
from cli.options import Output, drop_unset
from cli.paging import is_terminal, print_lines, width_of_terminal
from cli.query import open_log, print_answer, print_notes, print_response
from cli.table import Cell, Table, layout
from decisionlog_client import Client, Refused, questions
from domain.fields import EXISTS
from domain.ids import key_of, kind_of
from projections.queries.field_groups import flat_fields

_UNWRAPPED = 100_000
"""The width of lines in a pipe."""

_FIELD_COLUMNS: Final = ("subject", "title", "field", "value", "since", "until", *WHO)
_SUBJECT_HEADINGS: Final = {"role.accountable": "owner", "due_on": "date"}


@click.command()
@click.argument("subject", required=False, type=options.AnySubject())
@options.product_and_status
@options.kinds
@options.fields
@options.current_values
@options.shown_fields
@options.include_removed
@click.option("--blame", is_flag=True, help="With filters: show who set each field, when and why.")
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@options.bitemporal
@options.paging
@options.output
def show(output: Output, subject: str | None, opens: bool, **options_: Any) -> None:
    """Show a decision or another subject.

    SUBJECT is the number of a decision (TIDE-11), a key, a title, a person's name, or the beginning of any of these. With
    filters instead, list the fields that match them; in a terminal, --kind without --field lists the subjects.
    """
    given = drop_unset(**options_)
    if subject and not given.keys() - {"as_of", "known_at"}:
        show_subject(output, subject, given, opens=opens)
        return
    if not subject and not given.keys() - {"as_of", "known_at", "limit", "cursor"}:
        raise CommandFailed("Missing SUBJECT, or a filter such as --kind feature.", Exit.USAGE_ERROR)
    if _lists_subjects(output, given):
        shown = questions.fields(field=[EXISTS], show=["status", "role.accountable"], **given)
        print_answer(shown, build_list_table, output)
        return
    filters: dict[str, Any] = {"subject": [subject]} if subject else {}
    print_answer(questions.fields(**filters, **given), build_fields_table, output)


_OF_SUBJECTS: Final = frozenset(
    {"kind", "product", "status", "where", "without", "include_removed", "as_of", "known_at", "limit", "cursor"}
)
"""Filters that select subjects and no field of them."""


def _lists_subjects(output: Output, given: Mapping[str, Any]) -> bool:
    """Return whether a person at a terminal asks for subjects of a kind, and for no field of them."""
    return is_terminal() and not (output.format or output.select) and "kind" in given and given.keys() <= _OF_SUBJECTS


def show_subject(output: Output, name: str, when: Mapping[str, Any], *, opens: bool = False) -> None:
    """Print everything about one subject.

    Raises:
        CommandFailed: nothing, or more than one subject, is called so.
    """
    with open_log(output) as log:
        found = Finder(log, when, prefers_decision=True).find(name)
        if opens:
            from cli.browser import open_page  # noqa: PLC0415  (only with --open)

            open_page(log, found)
            return
        if output.format:
            print_response(log, questions.subject(found, **when), build_subject_table, output)
            return
        page = log.ask(questions.subject(found, **when))
        print_lines(build_document(log, page, when).lines())
        print_notes(page, log, output)


def build_document(log: Client, page: Any, when: Mapping[str, Any]) -> Document:
    """Return the document of a subject's page."""
    history = [row for answer in log.pages(questions.history(page["subject"], **when)) for row in answer["rows"]]
    own = {page["subject"]: page["title"]} if page["title"] else {}
    names = dict(page["titles"]) | own
    verdicts: list[Any] = []
    if kind_of(page["subject"]) == "decision":
        authority = _ask_authority(log, page["subject"], when)
        names |= authority.get("titles", {})
        verdicts = authority.get("rows", [])
    for answer in log.pages(questions.history(page["subject"], **when)):
        names |= answer.get("titles", {})
    width = min(width_of_terminal(), MAX_TEXT_WIDTH) if is_terminal() else _UNWRAPPED
    sections = _list_sections(log, page, when, width)
    context = get_context()
    return Document(page, Titles(names), history, verdicts, sections, context.zone, context.now(), width)


def _ask_authority(log: Client, subject: str, when: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return log.ask(questions.decision_authority(key_of(subject), **when))
    except Refused:  # a decision that was never decided, or that was imported
        return {}


def _list_sections(log: Client, page: Any, when: Mapping[str, Any], width: int) -> dict[str, list[Line]]:
    """Return what belongs to a person, a team, a product or a release."""
    subject, kind = page["subject"], kind_of(page["subject"])
    context = get_context()
    if kind in ("person", "team"):
        answer = log.ask(questions.accountability(subject, **when))
        table = roles_table(answer, Titles(answer["titles"]))
        return {"Holds": list(layout(table.drop_columns(frozenset({"holders"})), context.zone, context.now(), width))}
    if kind == "product":
        answers = {
            "Releases": log.ask(questions.releases(product=subject, **when)),
            "Goals": log.ask(questions.goals(product=subject, **when)),
        }
        return {
            heading: list(
                layout(build_kind_table(answer, Titles(answer["titles"])), context.zone, context.now(), width)
            )
            for heading, answer in answers.items()
            if answer["rows"]
        }
    if kind == "release":
        question = questions.fields(field=["target.*"], value=[subject], show=["status", "role.accountable"], **when)
        planned = log.ask(question)
        table = build_targets_table(planned, Titles(planned["titles"]))
        return {"Planned for it": list(layout(table, context.zone, context.now(), width))}
    return {}


def build_subject_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of one subject."""
    rows: list[list[Cell]] = [
        [field, titles.format_field(cell), parse_time(cell["since"]), *titles.blame_cells(cell["blame"])]
        for field, cell in flat_fields(answer)
        if field != "exists"
    ]
    for relation in ("replaces", "replaced_by", "rests_on", "supports"):
        rows += [
            [relation.replace("_", " "), f"{each['subject']} {each['title'] or ''}", None, *[None] * len(WHO)]
            for each in answer[relation]
        ]
    return Table(("field", "value", "since", *WHO), rows, OPTIONAL)


def build_fields_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of fields and their values."""
    has_blame = any("blame" in row for row in answer["rows"])
    shown = state_columns(answer)
    rows = [
        [
            row["subject"],
            title_of(row, titles),
            titles.format_field_name(row["field"]),
            titles.format_field(row),
            parse_time(row["since"]),
            parse_time(row["until"]),
            *state_cells(row, shown, titles),
            *(titles.blame_cells(row.get("blame")) if has_blame else [row["position"]]),
        ]
        for row in answer["rows"]
    ]
    columns = (
        "subject",
        "title",
        "field",
        "value",
        "since",
        "until",
        *headings(shown, _FIELD_COLUMNS),
        *(WHO if has_blame else ("position",)),
    )
    return Table(
        columns,
        rows,
        OPTIONAL | {"until"},
        frozenset({"subject", "title", "field"}),
        below=frozenset({"value", "subject"}),
    )


def build_list_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of subjects with their status and owner, from one field of each."""
    rows: list[list[Cell]] = [
        [title_of(row, titles), *state_cells(row, ("status", "role.accountable"), titles), row["subject"]]
        for row in answer["rows"]
    ]
    return Table(("title", "status", "owner", "subject"), rows, below=frozenset({"subject"}))


def build_kind_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of subjects of one kind."""
    fields = list(dict.fromkeys(name for row in answer["rows"] for name, _ in flat_fields(row)))
    hidden = ("title", "exists", "products", "decisions", "rank", "version")
    shown = [name for name in fields if name not in hidden]
    rows: list[list[Cell]] = [
        [
            row["title"] or titles.format(row["subject"]),
            *(titles.format_field(dict(flat_fields(row)).get(name)) for name in shown),
            row["subject"],
        ]
        for row in answer["rows"]
    ]
    return Table(
        ["title", *(_SUBJECT_HEADINGS.get(name) or name.removeprefix("role.") for name in shown), "subject"], rows
    )


def build_targets_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of what is planned for a release."""
    rows: list[list[Cell]] = [
        [
            row["title"] or titles.format(row["subject"]),
            row["field"].removeprefix(TARGET),
            *state_cells(row, ("status", "role.accountable"), titles),
            row["subject"],
        ]
        for row in answer["rows"]
    ]
    return Table(("title", "milestone", "status", "owner", "subject"), rows, shared=frozenset({"milestone"}))
