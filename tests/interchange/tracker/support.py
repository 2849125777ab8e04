"""A temporary log, an example mapping, and imports into the log."""

import asyncio
import json
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path

from domain.scopes import DEFAULT_SCOPES, IMPORT_SCOPE
from eventlog.entry import Caller
from identity.decision_log import DecisionLog
from interchange.sink import DryRunSink, LogSink
from interchange.tracker import import_changes, load_mapping
from interchange.tracker.mapping import parse_mapping
from projections.read_model.model import ReadModel
from projections.read_model.sqlite import SqliteDatabase
from tests.projections.support import catch_up

MAPPINGS = Path(__file__).parents[3] / "examples" / "mappings"
TODAY = 1_750_000_000_000_000
AFTER = TODAY + 3_600_000_000
"""An hour after all entries; entries recorded at the same time are a microsecond apart."""
IMPORTER = Caller("service:importer", "token-1", "import", DEFAULT_SCOPES | {IMPORT_SCOPE})
EXAMPLE = """
system = "tracker"
empty_values = ["TBD"]
[product]
key = "shop"
title = "The shop"
[columns]
id = "n"
when = "when"
who = "who"
record = "issue"
kind = "what"
field = "field"
from = "old"
to = "new"
note = ["comment"]
reference = ["commit"]
[kinds]
create = ["made"]
remove = ["deleted"]
restore = ["undeleted"]
rename = ["moved"]
[releases]
pattern = 'v?([0-9.]+)'
[people]
team = '(team-[a-z]+)'
handle = '@?([a-z]+)'
[[person]]
name = "Ann Arbor"
aliases = ["@ann"]
local_aliases = ["the boss"]
[[subject]]
kind = "decision"
[subject.fields.title]
field = "title"
[subject.fields.state]
field = "status"
as = "mapped"
[subject.fields.state.values]
open = "proposed"
done = "accepted"
[subject.fields.owners]
field = "role.accountable"
as = "people"
[subject.fields.blocks]
field = "blocks"
as = "records"
[[subject]]
kind = "feature"
created_by = "aim"
link = "decisions"
[subject.fields.title]
field = "title"
[subject.fields.aim]
field = "target.ship"
as = "release"
"""


class Clock:
    """Stands where it is put."""

    def __init__(self, now=TODAY):
        self.now = now

    def __call__(self):
        return self.now


def foretold():
    """Bytes that are the same in every run, and never the same twice."""
    numbers = count()
    return lambda length: sha256(next(numbers).to_bytes(8)).digest()[:length]


def new_keys():
    """Keys that are the same in every run, and never the same twice."""
    numbers = count(1)
    return lambda: f"someone-{next(numbers)}"


_NEW_KEY = new_keys()


def open_log(folder, clock=None):
    log = DecisionLog.open(Path(folder) / "log.sqlite", clock=clock or Clock(), entropy=foretold())
    log.default_role = "admin"
    return log


def example(text=EXAMPLE):
    return parse_mapping(text)


def shipped(name):
    return load_mapping(MAPPINGS / f"{name}.toml")


def write(path, *lines):
    """A file of lines: what is no string is written as JSON."""
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), "utf-8")
    return path


def run(path, mapping, log, *, sink=None, new_key=_NEW_KEY, **options):
    """Imports a file of changes."""
    return asyncio.run(import_changes(path, mapping, sink or LogSink(log), IMPORTER, new_key=new_key, **options))


def rehearse(path, mapping, log, **options):
    """A dry run of `run`."""
    return run(path, mapping, log, sink=DryRunSink(log, log.dry_run()), **options)


@contextmanager
def read_model(folder, log, clock):
    """A snapshot of a read model that has read the whole log."""
    model = ReadModel.open(SqliteDatabase(Path(folder) / "model.sqlite"), log, clock)
    catch_up(model, log, 1000)
    with model.read() as read:
        yield read
    model.close()
