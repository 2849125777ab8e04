"""`import commands`: a file of commands, one unit a line, as any client can write it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from domain.catalog import COMMAND
from domain.errors import Malformed
from domain.messages import Command
from eventlog.entry import Caller, Transaction
from interchange.tracker.changes import LINES_AT_ONCE, Progress, settle
from interchange.tracker.import_report import Remark, Report, faults
from interchange.tracker.jsonl import FileLine, read_lines
from interchange.tracker.sink import Sink, must_be_allowed


async def import_commands(
    path: Path, sink: Sink, caller: Caller, *,
    progress: Progress = lambda _done, _all: None, lines_at_once: int = LINES_AT_ONCE,
) -> Report:  # fmt: skip
    """Sends each line of a file as a unit. What was sent before is answered again, and changes nothing.

    A line is a command, or `{"commands": [...], "key": "..."}` for several that are applied whole or not at all. The
    key is the idempotency key; if silent, it is the line's own hash and which of the lines alike it is.

    Raises:
        Forbidden: a line says where it was recorded first, and the caller does not have the right to import.
        OSError: the file cannot be read.
    """
    report = Report(dry_run=sink.rehearses)
    tell_of_others = [_tells_of_another_system(line) for line in read_lines(path)]
    if any(tell_of_others):
        must_be_allowed(caller)
    total = len(tell_of_others)
    progress(0, total)
    transactions = _transactions_of(read_lines(path), caller, report)
    while batch := list(islice(transactions, lines_at_once)):
        results = await sink.execute_many([transaction for _, transaction in batch])
        for (line, _), result in zip(batch, results, strict=True):
            settle(report, line.number, result)
        progress(report.lines, total)
    progress(total, total)
    return report


def _tells_of_another_system(line: FileLine) -> bool:
    """Whether a line has a command that says where it was recorded first."""
    told: dict[str, Any] = line.told or {}
    commands = told.get("commands", [told])
    return isinstance(commands, list) and any(isinstance(one, dict) and one.get("source") for one in commands)


def _transactions_of(
    lines: Iterator[FileLine], caller: Caller, report: Report
) -> Iterator[tuple[FileLine, Transaction]]:
    for line in lines:
        report.lines += 1
        try:
            yield line, _transaction_of(line, caller)
        except Malformed as error:
            report.refused.append(Remark(line.number, error.detail))


def _transaction_of(line: FileLine, caller: Caller) -> Transaction:
    """The unit that a line is.

    Raises:
        Malformed: it is none, or one of its commands is not in order.
    """
    if line.told is None:
        raise Malformed(line.error)
    told: dict[str, Any] = line.told
    several = told if "commands" in told else {"commands": [told]}
    commands, key = several["commands"], several.get("key", line.fingerprint)
    if several.keys() - {"commands", "key"} or not isinstance(commands, list) or not isinstance(key, str) or not key:
        msg = 'a line is a command, or {"commands": [...], "key": "..."}, where `key` may be left out'
        raise Malformed(msg)
    return Transaction(tuple(_command(n, command) for n, command in enumerate(commands)), caller, key)


def _command(n: int, told: Any) -> Command:
    try:
        return COMMAND.validate_python(told)
    except ValidationError as error:
        raise Malformed(faults(error, "commands", n)) from None
