"""Say what was recorded, or what would be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import click

from api.pages.verbs import verb_of
from cli.answer_titles import Titles
from cli.display import DIRECTION_MARKS, isolate, to_single_line
from cli.paging import is_terminal, print_lines, width_of_terminal
from cli.table import print_note, wrap_sentences
from cli.values import describe, format_number
from decisionlog_client import Client, questions
from decisionlog_client.answers import Receipt
from decisionlog_client.errors import ClientError

Verb = Mapping[str, Any]

_CONSEQUENCES: Final = ("TokenRevoked.", "RoleRevoked.")
"""Events that a command records in addition, as when a person left; a command of its own has no other."""


def print_receipt(receipt: Receipt, verb: Verb, command: Mapping[str, Any], log: Client) -> None:
    """Print what was done in a sentence, and how to refer to it."""
    try:
        sentence = _sentence_of(receipt, verb, command, log)
    except ClientError as error:  # an error alone would read as if nothing had been recorded
        sentence = "Recorded."
        print_note(f"What was recorded cannot be shown: {error}.")
    _print(f"{sentence} ({receipt['subject']}, position {receipt['position']})")


def _sentence_of(receipt: Receipt, verb: Verb, command: Mapping[str, Any], log: Client) -> str:
    name, title = _call(receipt["subject"], log)
    sentence = _describe(receipt, verb, command, name, title, log)
    return f"{sentence} {_judge_ratification(receipt, log)}" if verb["command"] == "RatifyDecision" else sentence


def _judge_ratification(receipt: Receipt, log: Client) -> str:
    """Return whether a ratification counts, as the log judged it, and why not."""
    answer = log.ask(questions.decision_authority(receipt["subject"].partition(":")[2]))
    titles = Titles(answer["titles"])
    own = [row for row in answer["rows"] if row["position"] == receipt["position"]]
    if answer["verdict"] != "exceeds":
        return "The decision did not need it: it does not exceed the authority of its deciders."
    if any(row["verdict"] != "within" or "self_approved" in row["flags"] for row in own):
        why = " ".join(titles.format_sentence(each) for row in own for each in row["explanation"])
        return f"This does not count, and the decision still needs ratification: {why}"
    return "It counts: the person who ratified it had the authority to decide it."


def print_preview(receipt: Receipt, verb: Verb, command: Mapping[str, Any], log: Client, *, as_json: bool) -> None:
    """Print what would be recorded."""
    if as_json:
        click.echo(json.dumps(receipt, ensure_ascii=False))
        return
    name, title = ("", "") if verb["creates"] else _call(receipt["subject"], log)
    sentence = _describe(receipt, verb, command, name, title, log)
    types = ", ".join(each["type"].partition(".")[0] for each in receipt["recorded"])
    _print(f"Dry run, nothing recorded: {sentence} ({types})")


def _print(sentence: str) -> None:
    """Print a sentence; on a terminal in lines that fit, with its marks of direction, which other output escapes."""
    lines = wrap_sentences(sentence, width_of_terminal()) if is_terminal() else [sentence]
    print_lines([(line, "")] for line in lines)


def _call(subject: str, log: Client) -> tuple[str, str]:
    """Return the number of a decision, and the title of a subject."""
    if subject.startswith("log:"):
        return "", "the log"
    if subject.startswith("person:"):
        return "", str(log.ask(questions.person(subject))["name"] or "")
    page = log.ask(questions.subject(subject))
    return format_number(page["number"]), page["title"] or describe(subject, log)


def _isolate(text: str) -> str:
    """Return a text in one line, which on a terminal runs in its own direction."""
    line = to_single_line(text)
    return isolate(line) if is_terminal() else line


def past_tense(event_type: str) -> str:
    """Return what a command did: "moved" for `FeaturePrioritized.v1`."""
    return "set the target of" if event_type.startswith("MilestoneTargeted.") else verb_of(event_type)


def _describe(receipt: Receipt, verb: Verb, command: Mapping[str, Any], name: str, title: str, log: Client) -> str:
    own = [each for each in receipt["recorded"] if each["subject"] == receipt["subject"]] or receipt["recorded"]
    meant = [each for each in own if not each["type"].startswith(_CONSEQUENCES)] or own
    done = past_tense(meant[-1]["type"])
    if done == "set the target of" and not command.keys() & {"release", "day"}:
        done = "cleared the target of"
    created = command.get("title") or command.get("name") or command.get("version") if verb["creates"] else None
    called = " ".join(each for each in (name, _isolate(title or str(created or ""))) if each)
    fields = [each for each in verb["fields"] if "argument" in each and each["name"] != "subject"]
    values = (
        [] if verb["creates"] else [_describe_value(each, command, log) for each in fields if each["name"] in command]
    )
    values += [describe(command[name], log) for name in ("release", "day") if name in command and not verb["creates"]]
    detail = f": {', '.join(map(_isolate, values))}" if values else ""
    if verb["creates"] and command.get("supersedes"):
        detail = f", which supersedes {to_single_line(describe(command['supersedes'], log))}"
    if verb["command"] == "ChangeTitle":  # whose subject may have its new title already
        return f"Renamed {receipt['subject']} to {detail.removeprefix(': ')}."
    if verb["command"] in _SENTENCES and values:
        return f"{_SENTENCES[verb['command']].format(called, ', '.join(map(_isolate, values)) or 'no product')}."
    sentence = f"{done[:1].upper()}{done[1:]} {called}{detail}".replace("  ", " ")
    return sentence if sentence.rstrip(DIRECTION_MARKS).endswith((".", "!", "?", "。")) else f"{sentence}."


_SENTENCES: Final = {
    "SupersedeDecision": "Superseded {} by {}",
    "SupersedeEvidence": "Superseded {} by {}",
    "HandOverOwnership": "Handed over {} to {}",
    "MergePeople": "Merged {} into {}",
    "RescheduleRelease": "Moved {} to {}",
    "RescheduleTask": "Moved the task {} to {}",
    "DelegateOwnership": "Delegated {} to {}",
    "DelegateActions": "Let {1} act on behalf of {0}",
    "AssignToProducts": "Assigned {} to {}",
}
"""The receipts of commands in which a colon would not say what became of what: of the subject, and of the value."""


def _describe_value(field: Mapping[str, Any], command: Mapping[str, Any], log: Client) -> str:
    """Return a value in words; a number with what it counts: "option 1"."""
    value = describe(command[field["name"]], log)
    is_number = field["name"].endswith("_number")
    return f"{field['name'].removesuffix('_number')} {value}" if is_number else value
