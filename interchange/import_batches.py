"""Send planned transactions to a sink in batches, and count the outcomes in the import report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from domain.any_subject import ImportedChange
from domain.errors import AlreadyExists, KeyReused, Malformed, Refused
from domain.fields import CHANGES_PER_EVENT
from domain.messages import Command
from eventlog.entry import Caller, Receipt, Transaction
from interchange.import_report import Findings, ImportReport, Remark
from interchange.sink import ImportSink

LINES_PER_BATCH: Final = 1000

ProgressCallback = Callable[[int, int | None], None]
"""Called with the number of lines done and the number of all lines; None while the file is read to count them."""


class SkippedLine(Exception):
    """A line that cannot become a transaction; the message says why."""


@dataclass(frozen=True, slots=True)
class PlannedTransaction:
    """A line of a file and the commands it becomes.

    `label` is the line's own id, else its number; None if it comes from no line, and then `prefix` says what it is in
    the report. Without a `key`, the transaction is not recognized on the next import.
    """

    label: str | int | None
    key: str | None
    commands: tuple[Command, ...]
    findings: Findings | None = None
    prefix: str = ""
    data: dict[str, Any] | None = None


async def send_batch(
    batch: Sequence[PlannedTransaction],
    sink: ImportSink,
    caller: Caller,
    report: ImportReport,
    *,
    keep_known: bool = False,
) -> int:
    """Send a batch and count the outcomes. Return how many were imported before with different content.

    These are rejected, or with `keep_known` unchanged: the log keeps what it has.
    """
    different = 0
    results = await sink.execute_many([Transaction(planned.commands, caller, planned.key) for planned in batch])
    for planned, result in zip(batch, results, strict=True):
        different += isinstance(result, KeyReused)
        if keep_known and isinstance(result, KeyReused):
            report.unchanged += 1
            continue
        count_outcome(report, planned.label, result, planned.prefix, planned.data)
        if planned.findings and (report.verbose or (isinstance(result, Receipt) and not result.replayed)):
            report.add(planned.findings)
    return different


async def ensure_exist(
    wanted: Sequence[tuple[Command, ...]], sink: ImportSink, caller: Caller, report: ImportReport
) -> int:
    """Send commands that create subjects, unless these exist already. Return how many were created.

    What would begin in the future of the log's clock begins now.
    """
    results = list(await sink.execute_many([Transaction(commands, caller) for commands in wanted]))
    early = [n for n, result in enumerate(results) if isinstance(result, Malformed) and result.field == "effective_at"]
    if early:
        now = [tuple(one.model_copy(update={"effective_at": None}) for one in wanted[n]) for n in early]
        again = await sink.execute_many([Transaction(commands, caller) for commands in now])
        for n, result in zip(early, again, strict=True):
            results[n] = result
    for commands, result in zip(wanted, results, strict=True):
        if isinstance(result, Refused) and not isinstance(result, AlreadyExists):
            report.rejected.append(Remark(None, f"{commands[0].subject_id()}: {result.detail}"))
    return sum(isinstance(result, Receipt) for result in results)


def count_outcome(
    report: ImportReport,
    label: str | int | None,
    result: Receipt | Refused,
    prefix: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    """Count the outcome of a transaction in the report."""
    if isinstance(result, KeyReused):
        message = f"{prefix}was imported before with different content: the line or its mapping has changed"
        report.rejected.append(Remark(label, message, data))
    elif isinstance(result, Refused):
        where = f"{result.field}: " if result.field else ""
        report.rejected.append(Remark(label, prefix + where + result.detail, data))
    else:
        report.imported += not result.replayed
        report.unchanged += result.replayed
        if not report.dry_run:
            report.position = max(report.position or 0, result.position)


def split_changes(changes: list[ImportedChange]) -> Iterator[tuple[ImportedChange, ...]]:
    """Yield changes in groups that fit in one event."""
    rest = iter(changes)
    while group := tuple(islice(rest, CHANGES_PER_EVENT)):
        yield group
