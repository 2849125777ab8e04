"""Keep what an import could not place, and what its report said, in the log, until it is placed or dismissed.

An import is a subject of its own (`import:KEY`). Each line that could not be placed is a field `line.HASH` with the
reason and the line itself. The next import from the same system tries these lines again; one that is placed is emptied,
so that the history of the field says since when. The texts can be erased like any other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Any, Final, NamedTuple

from domain.any_subject import ImportChanges, ImportedChange
from domain.fields import EXISTS
from domain.messages import Source
from domain.values import ERASED
from eventlog.entry import Caller, Receipt, Transaction
from interchange.import_batches import split_changes
from interchange.import_report import Findings, ImportReport, Remark
from interchange.sink import ImportSink
from interchange.source_file import fingerprint_of

KIND: Final = "import"
LINE_PREFIX: Final = "line."
MAX_REMARKS: Final = 1000
MAX_LINE_CHARACTERS: Final = 200_000
MAX_LINES_KEPT: Final = 10_000
"""How many lines one import keeps; the rest is only counted."""


class PendingLine(NamedTuple):
    """A line that no import could place so far: the import that keeps it, its field, and the line itself."""

    subject: str
    field: str
    data: dict[str, Any]


def field_of_line(data: dict[str, Any]) -> str:
    """Return the field in which a line is kept."""
    return f"{LINE_PREFIX}{fingerprint_of(data)[:16]}"


def find_pending(sink: ImportSink, system: str) -> Iterator[PendingLine]:
    """Yield the lines that earlier imports from a system keep."""
    for found in sink.imported_subjects(KIND):
        if found.system != system:
            continue
        state = sink.state(found.subject)
        for name in state.field_names(LINE_PREFIX):
            row = state.latest_row(name)
            if row is not None and isinstance(row.value, str) and row.value != ERASED:
                data = json.loads(row.value).get("data")
                if isinstance(data, dict):
                    yield PendingLine(found.subject, name, data)


async def record_import(
    sink: ImportSink,
    caller: Caller,
    report: ImportReport,
    findings: Findings,
    *,
    system: str,
    title: str,
    digest: str,
    product: str | None,
    pending: Iterable[PendingLine] = (),
    redact: Callable[[str], str] = str,
) -> int | None:
    """Record what an import noticed in all of its lines and could not place, and that pending lines were placed. A repetition changes nothing.

    `digest` is the hash of what was imported: the same file is the same import. `redact` takes the names of erased
    people out of a text. Return the position of the record; None if there is nothing new to record.
    """
    if sink.is_dry_run:
        return None
    unplaced = [*report.skipped, *report.rejected]
    lines = {field_of_line(one.data) if one.data else _field_of_remark(one): one for one in unplaced[:MAX_LINES_KEPT]}
    pending = list(pending)
    kept = {one.field for one in pending}
    subject = f"{KIND}:{_key(system, digest)}"
    changes = list(_changes(report, findings, system, title, product, redact))
    changes += [
        ImportedChange(field=name, text=redact(_line_text(one))) for name, one in lines.items() if name not in kept
    ]
    position = await _send_new(sink, caller, subject, system, changes, lines)
    for other in dict.fromkeys(one.subject for one in pending):
        placed = [one.field for one in pending if one.subject == other and one.field not in lines]
        if placed:
            emptied = [ImportedChange(field=name) for name in placed]
            position = await _send(sink, caller, other, system, emptied) or position
    return position


async def dismiss_lines(sink: ImportSink, caller: Caller, subject: str, fields: Iterable[str], why: str) -> int:
    """Dismiss lines of an import that are not to be placed. Return how many were kept until now."""
    state = sink.state(subject)
    found = sink.imported_subject(subject)
    kept = [name for name in fields if (row := state.latest_row(name)) is not None and row.value is not None]
    if kept and found is not None:
        changes = [ImportedChange(field=name) for name in kept]
        await _send(sink, caller, subject, found.system or "import", changes, note=why)
    return len(kept)


def _key(system: str, digest: str) -> str:
    slug = "".join(letter if letter in "abcdefghijklmnopqrstuvwxyz0123456789-" else "-" for letter in system.casefold())
    return f"{slug.strip('-')[:60] or 'import'}-{digest[:12]}"


def _field_of_remark(remark: Remark) -> str:
    return f"{LINE_PREFIX}{sha256(str(remark).encode(errors='replace')).hexdigest()[:16]}"


def _storable(text: str) -> str:
    return text.replace("\x00", "").encode(errors="replace").decode()


def _line_text(remark: Remark) -> str:
    """Return a line with the reason why it is not placed; a line that is too long is left out."""
    said = {"line": remark.line, "reason": remark.message}
    text = json.dumps({**said, "data": remark.data}, ensure_ascii=False) if remark.data else json.dumps(said)
    return _storable(text if len(text) <= MAX_LINE_CHARACTERS else json.dumps(said))


def _changes(
    report: ImportReport, findings: Findings, system: str, title: str, product: str | None, redact: Callable[[str], str]
) -> Iterator[ImportedChange]:
    yield ImportedChange(field=EXISTS, value=True)
    yield ImportedChange(field="title", text=title)
    yield ImportedChange(field="system", value=system)
    if product is not None:
        yield ImportedChange(field="products", subjects=(f"product:{product}",))
    yield ImportedChange(field="lines", value=report.lines)
    yield ImportedChange(field="unplaced", value=report.skipped.total + report.rejected.total)
    said = (
        ("warning", findings.warnings),
        ("reused name", findings.reused_names),
        ("contradiction", findings.contradictions),
    )
    remarks = [f"{kind}: {remark}"[:MAX_LINE_CHARACTERS] for kind, some in said for remark in some][:MAX_REMARKS]
    if remarks:
        yield ImportedChange(field="remarks", texts=tuple(_printable(redact(one)) for one in remarks))
    counters = {
        "unmapped_fields": findings.unmapped_fields,
        "unmapped_columns": findings.unmapped_columns,
        "left_out": findings.left_out,
        **findings.unknown_values,
    }
    counted = {name: dict(counter.most_common(100)) for name, counter in counters.items() if counter}
    if counted:
        yield ImportedChange(
            field="not_understood", text=redact(json.dumps(counted, ensure_ascii=False))[:MAX_LINE_CHARACTERS]
        )


def _printable(text: str) -> str:
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


async def _send_new(
    sink: ImportSink, caller: Caller, subject: str, system: str, changes: list[ImportedChange], lines: Iterable[str]
) -> int | None:
    """Record an import for the first time, or only what is new about it."""
    state = sink.state(subject)
    if state.version:
        # A repeated import reports only what is new in it; only its lines can have changed.
        known = {name for name in state.field_names(LINE_PREFIX) if (row := state.latest_row(name)) and row.value}
        changes = [one for one in changes if one.field.startswith(LINE_PREFIX) and one.field not in known]
        placed = known - set(lines)
        changes += [ImportedChange(field=name) for name in sorted(placed)]
        if changes:
            changes.append(ImportedChange(field="unplaced", value=len(set(lines))))
    return await _send(sink, caller, subject, system, changes) if changes else None


async def _send(
    sink: ImportSink, caller: Caller, subject: str, system: str, changes: list[ImportedChange], note: str | None = None
) -> int | None:
    """Send changes of an import; return the position of the last, or None if they are refused."""
    source = Source(system=system)
    commands = [
        ImportChanges(subject=subject, changes=group, source=source, note=note) for group in split_changes(changes)
    ]
    results = await sink.execute_many([Transaction((command,), caller) for command in commands])
    return max((result.position for result in results if isinstance(result, Receipt)), default=None)
