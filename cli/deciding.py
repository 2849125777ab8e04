"""Decisions from a terminal: what is missing is asked for, and long text is written in an editor."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import click
from pydantic import ValidationError

from cli.errors import CannotGoOn, Exit
from cli.pages import subject_of
from cli.settings import Settings
from cli.showing import in_one_line
from cli.surroundings import here
from decisionlog_client import questions
from decisionlog_client.answers import Receipt
from domain import decision as decisions
from domain.decision import ProposeDecision, RecordDecision
from domain.messages import Command
from domain.validation_messages import describe_error

C = TypeVar("C", bound=Command)
Given = dict[str, Any]

OUTCOMES: Final[Mapping[str, type[Command]]] = {
    "accept": decisions.AcceptDecision,
    "reject": decisions.RejectDecision,
    "defer": decisions.DeferDecision,
    "withdraw": decisions.WithdrawDecision,
    "reopen": decisions.ReopenDecision,
    "supersede": decisions.SupersedeDecision,
    "reverse": decisions.ReverseDecision,
    "confirm": decisions.ConfirmDecision,
    "ratify": decisions.RatifyDecision,
}
FOUR: Final = {"title": "Title", "decision": "Decision", "why": "Why", "accountable": "Accountable"}
LONG: Final = ("decision", "why")
_OPTIONS: Final = {
    "products": "product", "deciders": "decider", "tags": "tag", "subject": "decision_", "options": "considered",
    "assumptions": "assumption", "constraints": "constraint", "references": "reference",
}  # fmt: skip
"""Fields whose options have other names."""
_OBJECTS: Final = {"options": "title", "references": "id"}
"""Fields of which an option gives one member of each object."""
_SCISSORS: Final = "# ---- what stands from here on is not read ----"
_HELP: Final = (
    f"{_SCISSORS}\nWrite below each heading. Save and close to record it; close without saving, and nothing is.\n"
)


def record(settings: Settings, given: Given, *, edit: bool, propose: bool, as_json: bool) -> None:
    """Records a decision, or puts one up to be taken.

    Raises:
        CannotGoOn: something is missing or not in order, or it was left in the editor.
        Refused: the log refused it.
    """
    said = _listed(_completed(given, settings, edit=edit, propose=propose))
    command = command_of(ProposeDecision if propose else RecordDecision, said)
    with here().client(settings, writes=True) as log:
        receipt = log.send(command)
    _tell(receipt, "Proposed" if propose else "Recorded", said["title"], as_json=as_json)


def decide(settings: Settings, named: str, outcome: str, given: Given, *, as_json: bool) -> None:
    """Brings a decision to an outcome.

    Raises:
        CannotGoOn: there is no such outcome, or something is missing or not in order.
        Refused: the log refused it.
    """
    if outcome not in OUTCOMES:
        raise CannotGoOn(f"There is no outcome {outcome}. There are {', '.join(OUTCOMES)}.", Exit.MISUNDERSTOOD)
    kind, said = OUTCOMES[outcome], _listed(given)
    if outcome == "reverse" and len(said.get("by", ())) == 1:
        said["by"] = said["by"][0]
    command_of(kind, {**said, "subject": "decision:any"})  # what is wrong here is told before the log is looked for
    with here().client(settings, writes=True) as log:
        subject = subject_of(log, named)
        receipt = log.send(command_of(kind, {**said, "subject": subject}))
    done = receipt["recorded"][-1]["type"].partition(".")[0].removeprefix("Decision")
    _tell(receipt, done, subject, as_json=as_json)


def command_of(kind: type[C], said: Given) -> C:
    """A command of what was said.

    Raises:
        CannotGoOn: something of it is not in order; the options are named.
    """
    try:
        return kind(**said)
    except ValidationError as error:
        wrong = "; ".join(
            f"{_option(each['loc'])} {'does not go with this' if each['type'] == 'extra_forbidden' else describe_error(each)}"
            for each in error.errors()
        )
        raise CannotGoOn(f"Not in order: {wrong}.", Exit.MISUNDERSTOOD) from None


def _option(place: tuple[int | str, ...]) -> str:
    name = str(place[0]) if place else ""
    option = _OPTIONS.get(name, name)
    return "DECISION" if option == "decision_" else f"--{option.replace('_', '-')}"


def _listed(said: Given) -> Given:
    """What was said under the names of the fields."""
    fields = {option: field for field, option in _OPTIONS.items()}
    listed = {fields.get(name, name): value for name, value in said.items()}
    return listed | {name: [{key: each} for each in listed[name]] for name, key in _OBJECTS.items() if name in listed}


def _completed(given: Given, settings: Settings, *, edit: bool, propose: bool) -> Given:
    """What was given, with what is missing asked for."""
    wanted = ["title"] if propose else ["title", *LONG]
    missing = [name for name in wanted if name not in given]
    if edit:
        given = {**given, **_edited({name: given.get(name) or "" for name in FOUR})}
    elif missing and sys.stdin.isatty():
        given = _asked(given, settings)
    elif missing:
        options = ["a TITLE" if name == "title" else f"--{name}" for name in missing]
        sentence = f"Give {' and '.join(options)}, or call it on a terminal, where it asks."
        raise CannotGoOn(sentence, Exit.MISUNDERSTOOD)
    if "accountable" not in given and not propose:
        given = {**given, "accountable": _yourself(settings)}
    return given


def _asked(given: Given, settings: Settings) -> Given:
    """The questions that are not answered yet, put on the terminal."""
    for name, heading in FOUR.items():
        if name in given:
            continue
        if name in LONG:
            short = click.prompt(f"{heading} (empty opens your editor)", default="", show_default=False, err=True)
            answer = short.strip() or _written(heading)
        else:
            default = _yourself(settings) if name == "accountable" else None
            answer = click.prompt(heading, default=default, err=True)
        given = {**given, name: answer}
    return given


def _yourself(settings: Settings) -> str:
    """By what the log knows whoever speaks."""
    if not settings.url and settings.token is None and settings.token_file is None:
        return settings.owner  # of the files, and of the server on this machine
    with here().client(settings, writes=False) as log:
        return log.ask(questions.me())["actor"]


def _written(heading: str) -> str:
    """One long text from the editor."""
    found = _sections(_from_editor(f"# {heading}\n\n\n{_HELP}"))
    return found.get(heading, "")


def _edited(said: Mapping[str, str]) -> Given:
    """All four from the editor, which begins with what was said already."""
    sections = "".join(f"# {FOUR[name]}\n\n{text}\n\n" for name, text in said.items())
    found = _sections(_from_editor(f"{sections}{_HELP}"))
    return {name: found[heading] for name, heading in FOUR.items() if found.get(heading)}


def _from_editor(text: str) -> str:
    """What stands in the editor when it is closed.

    Raises:
        CannotGoOn: it was not saved, or there is no editor.
    """
    try:
        written = click.edit(text, extension=".md")
    except click.ClickException as error:
        sentence = (
            f"{error.format_message().rstrip('.')}. Set EDITOR to one that is there, or use --decision and --why."
        )
        raise CannotGoOn(sentence) from error
    if written is None:
        raise CannotGoOn("Nothing was saved, and nothing is recorded.")
    return written


def _sections(text: str) -> dict[str, str]:
    """The texts below the headings."""
    headings = "|".join(FOUR.values())
    parts = re.split(rf"^# ({headings})[ \t]*$", text.partition(_SCISSORS)[0], flags=re.MULTILINE)
    return {heading: body.strip() for heading, body in zip(parts[1::2], parts[2::2], strict=True)}


def _tell(receipt: Receipt, done: str, what: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(receipt, ensure_ascii=False))
        return
    click.echo(f"{done} as {receipt['subject']}, position {receipt['position']}: {in_one_line(what)}")
