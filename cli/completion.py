"""What the shell completes: subjects and people by their numbers, keys and names. It never prints an error or a note."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from io import StringIO
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from cli.candidates import Candidate, fold
from cli.context import Context
from cli.finding import UNREGISTERED, Finder
from cli.settings_loading import find_location
from cli.values import format_number
from decisionlog_client import Client, questions
from domain.ids import key_of

MAX_ITEMS: Final = 200


def complete_subjects(ctx: click.Context, kinds: Sequence[str], incomplete: str) -> list[CompletionItem[Any]]:
    """Return the subjects of some kinds of which a number, key or name begins so, each with its title."""
    context = ctx.ensure_object(Context)
    try:
        with (
            redirect_stderr(StringIO()),
            context.client(find_location(data=ctx.params.get("data")), writes=False) as log,
        ):
            found = list(_list_items(log, kinds))
    except Exception:  # noqa: BLE001  (an error, like a note, would be printed into the line that the person is typing)
        return []
    begun = fold(incomplete)
    return [CompletionItem(value, help=title) for value, title in found if fold(value).startswith(begun)][:MAX_ITEMS]


def _list_items(log: Client, kinds: Sequence[str]) -> Iterator[tuple[str, str]]:
    finder = Finder(log)
    for kind in kinds:
        if kind == "decision":
            for answer in log.pages(questions.decisions(limit=1000)):
                for row in answer["rows"]:
                    yield format_number(row["number"]) or key_of(row["subject"]), row["title"] or ""
        elif kind not in UNREGISTERED:
            for each in finder.candidates(kind):
                yield _name_in_shell(each, is_person=kind == "person"), each.title


def _name_in_shell(candidate: Candidate, *, is_person: bool) -> str:
    """Return a name that needs no quotes: a handle of a person, the key of anything else."""
    key = key_of(candidate.subject)
    handles = [name for name in candidate.names if " " not in name and name not in (candidate.subject, key)]
    return (handles or [candidate.title or key])[0] if is_person else key
