"""`import commands`: a JSON Lines file of commands, one transaction a line."""

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
from interchange.import_batches import LINES_PER_BATCH, ProgressCallback, count_outcome
from interchange.import_report import ImportReport, Remark, describe_errors
from interchange.jsonl import JsonLine, read_lines
from interchange.sink import ImportSink, require_import_right


async def import_commands(
    path: Path,
    sink: ImportSink,
    caller: Caller,
    *,
    progress: ProgressCallback = lambda _done, _all: None,
    lines_per_batch: int = LINES_PER_BATCH,
) -> ImportReport:
    """Send each line of a file as a transaction. A line that was imported before changes nothing.

    A line is a command, or `{"commands": [...], "key": "..."}` for several that are applied all or none. `key` is the
    idempotency key. By default it is the hash of the line and its number among identical lines.

    Raises:
        Forbidden: a line has a `source`, and the caller does not have the scope to import.
        OSError: the file cannot be read.
    """
    report = ImportReport(dry_run=sink.is_dry_run)
    lines_with_source = [_has_source(line) for line in read_lines(path)]
    if any(lines_with_source):
        require_import_right(caller)
    total = len(lines_with_source)
    progress(0, total)
    transactions = _transactions(read_lines(path), caller, report)
    while batch := list(islice(transactions, lines_per_batch)):
        results = await sink.execute_many([transaction for _, transaction in batch])
        for (line, _), result in zip(batch, results, strict=True):
            count_outcome(report, line.number, result)
        progress(report.lines, total)
    progress(total, total)
    return report


def _has_source(line: JsonLine) -> bool:
    """Whether a command in a line names the system that it comes from."""
    data: dict[str, Any] = line.data or {}
    commands = data.get("commands", [data])
    return isinstance(commands, list) and any(isinstance(one, dict) and one.get("source") for one in commands)


def _transactions(
    lines: Iterator[JsonLine], caller: Caller, report: ImportReport
) -> Iterator[tuple[JsonLine, Transaction]]:
    for line in lines:
        report.lines += 1
        try:
            yield line, _transaction(line, caller)
        except Malformed as error:
            report.rejected.append(Remark(line.number, error.detail))


def _transaction(line: JsonLine, caller: Caller) -> Transaction:
    """Return the transaction in a line.

    Raises:
        Malformed: the line has another form, or one of its commands is invalid.
    """
    if line.data is None:
        raise Malformed(line.error)
    data: dict[str, Any] = line.data if "commands" in line.data else {"commands": [line.data]}
    commands, key = data["commands"], data.get("key", line.fingerprint)
    if data.keys() - {"commands", "key"} or not isinstance(commands, list) or not isinstance(key, str) or not key:
        raise Malformed('a line is a command, or {"commands": [...], "key": "..."} with an optional `key`')
    return Transaction(tuple(_command(n, command) for n, command in enumerate(commands)), caller, key)


def _command(number: int, data: Any) -> Command:
    try:
        return COMMAND.validate_python(data)
    except ValidationError as error:
        raise Malformed(describe_errors(error, "commands", number)) from None
