"""Folders of records, imports into a log, and the fields in that log."""

import asyncio
import os
import subprocess
from pathlib import Path

from interchange.adr import export_records, import_records
from interchange.sink import DryRunSink, LogSink
from tests.interchange.tracker.support import IMPORTER, Clock, new_keys, open_log

CORPORA = Path(__file__).parents[4] / "shared" / "corpora"
NYGARD, MADR = (CORPORA / name for name in ("adr-alphagov-govuk-aws", "adr-microsoft-agent-framework"))
LATER = 1_800_000_000_000_000
"""After the last line of every history, in microseconds since 1970."""
DAY = 86_400_000_000


def a_log(folder, clock=None):
    return open_log(folder, clock or Clock(LATER))


def bring_in(folder, log, *, system="adrs", product="shop", sink=None, **options):
    sink = sink or LogSink(log)
    return asyncio.run(
        import_records(folder, sink, IMPORTER, system=system, product=product, new_key=new_keys(), **options)
    )


def rehearse(folder, log, **options):
    return bring_in(folder, log, sink=DryRunSink(log, log.dry_run()), **options)


def write_out(log, folder, **options):
    """Exports a log; tells what was noticed, by the name of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    noticed = {}
    for one in export_records(log, LATER + DAY, **options):
        path = folder / f"{one.name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.text, encoding="utf-8")
        noticed[one.name] = one.warnings
    return noticed


def decisions(log):
    return list(dict.fromkeys(row.subject for row in log.rows(0, 10**6) if row.subject.startswith("decision:")))


def cells(log, subject):
    """What every cell of a subject holds and in what word, people by their folded names."""
    state = log.state(subject)
    latest = {name: state.latest_row(name) for name in state.rows}
    return {
        name: (called(log, row.value), row.source_value)
        for name, row in latest.items()
        if row and (row.source_value is not None or row.value not in (None, []))
    }


def called(log, value):
    if not isinstance(value, list):
        return value
    return [
        log.directory.name(one).casefold() if isinstance(one, str) and one.startswith("person:") else one
        for one in value
    ]


def all_cells(log):
    return {subject: cells(log, subject) for subject in decisions(log)}


def find_alias(log, alias):
    """The subject of the record that goes by a name."""
    called = ((one, log.state(one).latest_row("aliases")) for one in decisions(log))
    (found,) = (one for one, row in called if row and row.value == [alias])
    return found


def put(folder, **files):
    """Writes files: `a_b` is for `a-b.md`, with a number before it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name.removeprefix('r').replace('_', '-')}.md").write_text(text, encoding="utf-8")
    return folder


class Repository:
    """A git work tree whose commits are made on days of 2024."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self("init", "-q", "-b", "main")

    def __call__(self, *words, day="01-01", who="Ann Arbor"):
        at = f"2024-{day}T10:00:00Z"
        name = {"GIT_AUTHOR_NAME": who, "GIT_COMMITTER_NAME": who}
        mail = {"GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_EMAIL": "a@example.com"}
        told = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at, "GIT_CONFIG_GLOBAL": os.devnull}
        quiet = ("-c", "gc.auto=0", "-c", "maintenance.auto=false")  # nothing goes on in the background
        subprocess.run(["git", *quiet, *words], cwd=self.folder, env={**os.environ, **name, **mail, **told}, check=True)

    def commit(self, day, who="Ann Arbor"):
        self("add", "-A", day=day)
        self("commit", "-qm", "change", day=day, who=who)
