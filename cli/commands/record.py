"""`decisionlog record`."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from cli.context import get_context
from cli.errors import CommandFailed, Exit
from cli.options import drop_unset, load_settings, repeatable
from cli.receipts import Given, build_command, command_options, name_fields, print_receipt
from cli.settings import Settings
from decisionlog_client import questions
from domain.decision import ProposeDecision, RecordDecision

HEADINGS: Final = {"title": "Title", "decision": "Decision", "why": "Why", "accountable": "Accountable"}
"""What is asked on a terminal or in the editor, by field."""
LONG_FIELDS: Final = ("decision", "why")
_SCISSORS: Final = "# ---- everything below this line is ignored ----"
_INSTRUCTIONS: Final = (
    f"{_SCISSORS}\nWrite below each heading. Save and close to record the decision; close without saving to cancel.\n"
)


@click.command()
@click.argument("title", required=False)
@click.option("--decision", help="What was decided.")
@click.option("--why", help="The reason.")
@click.option("--accountable", help="Person or team accountable, by id or name.  [you]")
@click.option("--edit", "-e", is_flag=True, help="Write it in your editor ($VISUAL or $EDITOR).")
@click.option("--propose", is_flag=True, help="Propose it instead of recording a decision made.")
@click.option("--key", help="Permanent key.  [random]")
@click.option("--kind", help="Kind: strategic, feature, ownership, process, technical, or your own.  [strategic]")
@repeatable("--product", "A product it affects.")
@repeatable("--decider", "Who decided.  [you, or --on-behalf-of]")
@repeatable("--supersedes", "An accepted decision that it replaces.")
@repeatable("--tag", "A tag.")
@click.option("--context", help="The situation that requires a decision.")
@repeatable("--considered", "Title of an option that was considered.")
@click.option("--option", help="Title of the option that was chosen.")
@repeatable("--evidence", "Evidence: a figure, an interview, a test.")
@repeatable("--assumption", "An assumption the decision depends on.")
@repeatable("--constraint", "A constraint.")
@click.option("--expected", help="The expected outcome.")
@click.option("--cost", nargs=2, type=(click.IntRange(0), str), metavar="AMOUNT CURRENCY", help="What it costs.")
@click.option("--review-on", help="Date to review it, e.g. 2025-03-01.")
@command_options
def record(
    as_json: bool,
    data: Path | None,
    owner: str | None,
    effective_at: datetime | None,
    edit: bool,
    propose: bool,
    **given: Any,
) -> None:
    """Record a decision.

    On a terminal, asks for a missing title, decision, reason and accountable person; an empty answer to a long one
    opens your editor. Creates the log if there is none.
    """
    settings = load_settings(data=data, owner=owner)
    fields = drop_unset(effective_at=effective_at, **given)
    record_decision(settings, fields, edit=edit, propose=propose, as_json=as_json)


def record_decision(settings: Settings, given: Given, *, edit: bool, propose: bool, as_json: bool) -> None:
    """Record or propose a decision.

    Raises:
        CommandFailed: a field is missing or invalid, or the editor was closed without saving.
        Refused: the log refused it.
    """
    fields = name_fields(_complete(given, settings, edit=edit, propose=propose))
    command = build_command(ProposeDecision if propose else RecordDecision, fields)
    with get_context().client(settings, writes=True) as log:
        receipt = log.send(command)
    print_receipt(receipt, "Proposed" if propose else "Recorded", fields["title"], as_json=as_json)


def _complete(given: Given, settings: Settings, *, edit: bool, propose: bool) -> Given:
    """Return the fields with the missing ones asked for."""
    required = ["title"] if propose else ["title", *LONG_FIELDS]
    missing = [name for name in required if name not in given]
    if edit:
        given = {**given, **_edit_fields({name: given.get(name) or "" for name in HEADINGS})}
    elif missing and sys.stdin.isatty():
        given = _prompt_for_fields(given, settings)
    elif missing:
        names = ["TITLE" if name == "title" else f"--{name}" for name in missing]
        raise CommandFailed(
            f"Missing {' and '.join(names)}. On a terminal, the command asks for them.", Exit.USAGE_ERROR
        )
    if "accountable" not in given and not propose:
        given = {**given, "accountable": _get_own_name(settings)}
    return given


def _prompt_for_fields(given: Given, settings: Settings) -> Given:
    answers = dict(given)
    for name, heading in HEADINGS.items():
        if name in given:
            continue
        if name in LONG_FIELDS:
            line = click.prompt(f"{heading} (empty opens your editor)", default="", show_default=False, err=True)
            answers[name] = line.strip() or _edit_text(heading)
        else:
            default = _get_own_name(settings) if name == "accountable" else None
            answers[name] = click.prompt(heading, default=default, err=True)
    return answers


def _get_own_name(settings: Settings) -> str:
    """Return a name or id by which the log knows the caller."""
    if not settings.url and settings.token is None and settings.token_file is None:
        return settings.owner  # of the files, and of the server on this machine
    with get_context().client(settings, writes=False) as log:
        return log.ask(questions.me())["actor"]


def _edit_text(heading: str) -> str:
    """Return one text from the editor."""
    return _parse_sections(_open_editor(f"# {heading}\n\n\n{_INSTRUCTIONS}")).get(heading, "")


def _edit_fields(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return all fields from the editor, which opens with the given ones."""
    text = "".join(f"# {HEADINGS[name]}\n\n{text}\n\n" for name, text in fields.items())
    sections = _parse_sections(_open_editor(f"{text}{_INSTRUCTIONS}"))
    return {name: sections[heading] for name, heading in HEADINGS.items() if sections.get(heading)}


def _open_editor(text: str) -> str:
    """Return the text as it was saved.

    Raises:
        CommandFailed: it was not saved, or there is no editor.
    """
    try:
        edited = click.edit(text, extension=".md")
    except click.ClickException as error:
        raise CommandFailed(
            f"{error.format_message().rstrip('.')}. Set EDITOR to an installed editor, or use --decision and --why."
        ) from error
    if edited is None:
        raise CommandFailed("The editor was closed without saving; nothing was recorded.")
    return edited


def _parse_sections(text: str) -> dict[str, str]:
    """Return the text below each heading."""
    headings = "|".join(HEADINGS.values())
    parts = re.split(rf"^# ({headings})[ \t]*$", text.partition(_SCISSORS)[0], flags=re.MULTILINE)
    return {heading: body.strip() for heading, body in zip(parts[1::2], parts[2::2], strict=True)}
