"""A large file is imported in constant memory, killed half way, and imported again to its end.

    python -m tests.faults import --size 1000 --kind sqlite

The size is in megabytes of JSON Lines. With `--kind http` the log is behind a running server, and the importer has none of
its files, as on another machine.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from eventsourcing.persistence import OperationalError

from cli.bootstrap import open_for_write, open_read_only
from cli.errors import CommandFailed
from cli.settings import Settings
from eventlog.checkpoint import Checkpoint
from eventlog.errors import LogError
from tests.support_postgresql import cluster, fresh_schema
from tests.support_serving import COMMAND, serving, surroundings

MEGABYTE: Final = 1_000_000
RECORDS: Final = 2_000
"""The records of the file, whatever its size: its lines are their changes."""
POLL_INTERVAL_S: Final = 0.1
WRONG: Final = "WRONG"
KILL_AT: Final = 0.4
"""The part of the lines after which the first import is killed."""
TIMEOUT_S: Final = 7_200
STATUSES: Final = ("Open", "In progress", "Blocked", "In review", "Done", "Reopened")
MAPPING: Final = """
system = "large"
[product]
key = "shop"
title = "Shop"
[columns]
id = "seq"
when = "at"
who = "who"
record = "record"
kind = "kind"
field = "field"
from = "from"
to = "to"
note = ["note"]
[kinds]
create = ["created"]
[[subject]]
kind = "feature"
[subject.fields.summary]
field = "title"
[subject.fields.status]
field = "status"
as = "mapped"
[subject.fields.status.values]
"Open" = "proposed"
"In progress" = "started"
"Blocked" = "paused"
"In review" = "started"
"Done" = "shipped"
"Reopened" = "proposed"
[subject.fields.assignee]
field = "role.accountable"
as = "people"
"""


@dataclass(frozen=True)
class LargeFile:
    """A file of changes, and how many lines it has."""

    path: Path
    mapping: Path
    lines: int


def write_file(folder: Path, size: int, seed: int) -> LargeFile:
    """Write a file of about `size` bytes."""
    chance, path, written, lines = Random(seed), folder / "large.jsonl", 0, 0
    mapping = folder / "large.toml"
    mapping.write_text(MAPPING)
    with path.open("w", encoding="utf-8") as file:
        for line in _lines(chance):
            written += file.write(json.dumps(line) + "\n")
            lines += 1
            if written >= size:
                return LargeFile(path, mapping, lines)
    raise AssertionError("the lines never end")


def _lines(chance: Random) -> Iterator[dict[str, Any]]:
    """Yield the creation of every record, and then changes without an end, in the order of their times."""
    statuses = dict.fromkeys((f"S-{n}" for n in range(RECORDS)), "Open")
    began = 1_262_304_000  # 2010-01-01
    for seq in range(1 << 62):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began + seq * 60))
        line = {"seq": seq, "at": at, "who": f"Person {chance.randrange(200)}", "note": "n" * chance.randrange(400)}
        if seq < RECORDS:
            name = f"S-{seq}"
            yield {**line, "record": name, "kind": "created", "to": {"status": "Open", "summary": f"Feature {seq}"}}
            continue
        name = f"S-{chance.randrange(RECORDS)}"
        after = chance.choice([each for each in STATUSES if each != statuses[name]])
        yield {**line, "record": name, "kind": "changed", "field": "status", "from": statuses[name], "to": after}
        statuses[name] = after


@dataclass
class ImportRun:
    """One run of the importer."""

    code: int
    peak_mb: float
    report: dict[str, Any]
    seconds: float
    error: str


def run_import(file: LargeFile, environment: dict[str, str], kill_when: Any = None) -> ImportRun:
    """Import the file, and kill the importer as soon as `kill_when` returns true."""
    begun, peak = time.monotonic(), 0.0
    command = [COMMAND, "import", "changes", "--yes", str(file.path), "--mapping", str(file.mapping), "--json"]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
        while process.poll() is None:
            peak = max(peak, _resident_mb(process.pid))
            if kill_when is not None and kill_when():
                process.send_signal(signal.SIGKILL)
                kill_when = None
            if time.monotonic() - begun > TIMEOUT_S:
                process.kill()
            time.sleep(POLL_INTERVAL_S)
        out.seek(0)
        err.seek(0)
        said, error = out.read().decode(), err.read().decode()
    report = json.loads(said) if said.startswith("{") else {}
    return ImportRun(process.returncode, peak, report, time.monotonic() - begun, error)


def _resident_mb(pid: int) -> float:
    """The most memory that the process has had, without the pages of files that it maps."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def run(size: int, kind: str = "sqlite", seed: int = 1) -> Iterator[str]:
    """Import a file of `size` megabytes, kill the importer, and import it again to its end.

    Raises:
        SystemExit: something was lost, or is in the log twice.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = write_file(Path(folder), size * MEGABYTE, seed)
        yield f"{size} MB, {file.lines} lines of {RECORDS} records, {kind}"
        wrong = []
        for line in import_and_check(file, Path(folder), kind):
            wrong += [line] if line.startswith(WRONG) else []
            yield line
        if wrong:
            raise SystemExit(f"{len(wrong)} faults")


def import_and_check(file: LargeFile, folder: Path, kind: str) -> Iterator[str]:
    """Yield what happened; a line that starts with `WRONG` says what is wrong."""
    with ExitStack() as opened:
        store = opened.enter_context(fresh_schema(cluster().url)) if kind == "postgresql" else ""
        settings = Settings(data=folder / "data", store=store)
        with ExitStack() as serving_:
            environment = _environment(settings, kind, serving_)
            yield from _import_twice(file, settings, environment)
        yield from _check_log(file, settings)


def _environment(settings: Settings, kind: str, opened: ExitStack) -> dict[str, str]:
    """Return the environment of the importer: with the log's files, its database, or only the address of its server."""
    if kind != "http":
        return surroundings(settings.data, DECISIONLOG_STORE=settings.store)
    server = opened.enter_context(serving(settings.data))
    return surroundings(settings.data / "elsewhere", DECISIONLOG_URL=server.address, DECISIONLOG_TOKEN=server.token)


def _import_twice(file: LargeFile, settings: Settings, environment: dict[str, str]) -> Iterator[str]:
    killed = run_import(file, environment, lambda: _count_entries(settings) >= file.lines * KILL_AT)
    yield f"killed after {killed.seconds:.0f} s, peak {killed.peak_mb:.0f} MB, {_count_entries(settings)} entries"
    if killed.code != -signal.SIGKILL:
        yield f"{WRONG}: the import ended with {killed.code} before it was killed: {killed.error[-500:]}"
    resumed = run_import(file, environment)
    counts = {name: resumed.report.get(name, 0) for name in ("lines", "imported", "unchanged")}
    yield f"resumed in {resumed.seconds:.0f} s, peak {resumed.peak_mb:.0f} MB, {counts}"
    if resumed.code != 0 or counts["imported"] + counts["unchanged"] != file.lines:
        yield f"{WRONG}: the second import ended with {resumed.code}: {counts} {resumed.error[-500:]}"
    if not counts["unchanged"] or not counts["imported"]:
        yield f"{WRONG}: nothing was imported before or after the kill: {counts}"


def _count_entries(settings: Settings) -> int:
    """Return how many entries the log has, while another process writes it; 0 if it is not there yet."""
    try:
        with open_read_only(settings, whole=False) as log:
            return log.head().size
    except (CommandFailed, LogError, OperationalError):
        return 0


def _check_log(file: LargeFile, settings: Settings) -> Iterator[str]:
    """Yield what is wrong with the log: each line must be in it once, and each status as the file leaves it."""
    final = {}
    with file.path.open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            final[line["record"]] = line["to"] if line["kind"] == "changed" else line["to"]["status"]
    with open_for_write(settings) as log:
        verdict = log.verify_against()
        if not isinstance(verdict, Checkpoint):
            yield f"{WRONG}: {verdict}"
        for name, status in final.items():
            row = log.state(f"feature:{name.lower()}").row_at("status", log.now())
            if row is None or (row.source_value or "").casefold() != status.casefold():
                yield f"{WRONG}: {name} is {row}, not {status}"
        rows = sum(len(log.state(f"feature:{name.lower()}").rows["status"]) for name in final)
        if rows != file.lines:
            yield f"{WRONG}: {rows} changes of status are in the log, and {file.lines} in the file"
