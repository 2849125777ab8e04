"""`decisionlog who`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, counts_table, roles_table, title_of
from cli.answer_titles import Titles
from cli.options import Output, drop_unset, refuse_combination
from cli.query import find_subject, open_log, print_answer, print_response
from cli.table import Table
from decisionlog_client import Question, questions
from decisionlog_client.answers import Roles
from domain.ids import kind_of


@click.command()
@click.argument("name", required=False, type=options.AnySubject())
@options.repeatable("--role", "Filter by role, e.g. accountable.")
@click.option("--nobody", is_flag=True, help="List what has no accountable person or team.")
@click.option("--min-count", type=options.Number(1), help="Without NAME: minimum number of roles held.")
@click.option("--blame", is_flag=True, help="For a person or team: show who assigned each role, when and why.")
@options.product_and_status
@options.kinds
@options.include_removed
@options.bitemporal
@options.paging
@options.output
def who(output: Output, name: str | None, nobody: bool, **options_: Any) -> None:
    """Show who is accountable for what.

    NAME is a subject, to show its roles, or a person or team, to show what they hold. Without NAME, count
    the roles of every person and team.
    """
    given = drop_unset(**options_)
    if nobody:
        refuse_combination(given, "--nobody", "role", "min_count", "blame")
        print_answer(questions.unowned(**given), build_unowned_table, output)
    elif name is None:
        refuse_combination(given, "counts of all people and teams", "blame", "limit", "cursor")
        print_answer(questions.accountability_count(**given), counts_table, output)
    else:
        with open_log(output) as log:
            when: dict[str, Any] = {part: given[part] for part in ("as_of", "known_at") if part in given}
            subject = find_subject(log, name, when)
            question = _build_question(subject, given)
            print_response(log, question, roles_table, output, if_empty=_explain_no_roles(subject, given))


def _explain_no_roles(subject: str, given: dict[str, Any]) -> str:
    if kind_of(subject) in ("person", "team", "service"):
        return "" if given.keys() - {"as_of", "known_at"} else "No roles are held."
    hint = "" if given else f" Assign an owner with `decisionlog owner assign {subject}`."
    return f"No one is accountable for it.{hint}"


def _build_question(subject: str, given: dict[str, Any]) -> Question[Roles]:
    """Return the question for the roles on a subject, or for those that a person or team holds."""
    if kind_of(subject) not in ("person", "team", "service"):
        refuse_combination(given, "a subject", *given.keys() - {"as_of", "known_at"})
        return questions.accountability_of(subject, **given)
    refuse_combination(given, "NAME", "min_count")
    return questions.accountability(subject, **given)


def build_unowned_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of subjects without an accountable person or team."""
    rows = [
        [row["subject"], title_of(row, titles), titles.format(row["left"]), row["source_value"]]
        for row in answer["rows"]
    ]
    return Table(("subject", "title", "left", "named only"), rows)
