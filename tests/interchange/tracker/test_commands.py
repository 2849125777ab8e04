"""A file of commands is imported, one transaction a line."""

import asyncio

import pytest

from domain.errors import Forbidden
from domain.scopes import DEFAULT_SCOPES, IMPORT_SCOPE
from eventlog.entry import Caller
from interchange.command_file import import_commands
from interchange.sink import DryRunSink, LogSink
from tests.interchange.tracker.support import AFTER, open_log, write

ANN = Caller("person:ann", "token-1", "import", DEFAULT_SCOPES | {IMPORT_SCOPE})
TEAM = {"type": "RegisterTeam", "key": "blue", "title": "Blue"}
PRODUCT = {"type": "DefineProduct", "key": "shop", "title": "The shop"}
VISION = {"type": "SetVision", "subject": "product:shop", "vision": "Sell."}


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path) as opened:
        yield opened


def run(path, log, *, sink=None, caller=ANN, **options):
    return asyncio.run(import_commands(path, sink or LogSink(log), caller, **options))


def test_lines_are_applied_in_order(log, tmp_path):
    """A command can depend on the line before it, and the commands of one line are one transaction."""
    path = write(tmp_path / "a.jsonl", TEAM, {"commands": [PRODUCT, VISION]})

    report = run(path, log)

    assert (report.imported, report.rejected) == (2, [])
    assert log.state("product:shop").value_at("vision", AFTER) == "Sell."


def test_importing_again_adds_only_new_lines(log, tmp_path):
    """A line without a key is recognized by its content and its number among identical lines."""
    path = write(tmp_path / "a.jsonl", PRODUCT, VISION, VISION)
    first = run(path, log)
    size = log.head().size

    again = run(path, log)
    unchanged = log.head().size
    longer = run(write(path, PRODUCT, VISION, VISION, TEAM), log)

    assert (first.imported, again.imported, again.unchanged) == (3, 0, 3)
    assert unchanged == size
    assert (longer.imported, longer.unchanged) == (1, 3)


def test_the_key_of_a_line_is_its_idempotency_key(log, tmp_path):
    """Another line with the same key is rejected."""
    run(write(tmp_path / "a.jsonl", {"key": "k", "commands": [TEAM]}), log)

    report = run(write(tmp_path / "a.jsonl", {"key": "k", "commands": [PRODUCT]}), log)

    assert [one.line for one in report.rejected] == [1]
    assert not log.state("product:shop").version


def test_a_line_is_applied_all_or_none(log, tmp_path):
    """One refused command rejects its whole line, and no other line."""
    path = write(tmp_path / "a.jsonl", {"commands": [PRODUCT, {**VISION, "subject": "product:shed"}]}, TEAM)

    report = run(path, log)

    assert [(one.line, "commands.1" in one.message) for one in report.rejected] == [(1, True)]
    assert not log.state("product:shop").version
    assert log.state("team:blue").version


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "is not JSON"),
        ("7", "is not a JSON object"),
        ('{"type": "RegisterTeam", "title": "Blue", "title": "Green"}', "has `title` twice"),
        ({"type": "Sing"}, "commands.0: unknown command 'Sing'; docs/reference/commands.md lists all commands"),
        ({**TEAM, "color": "blue"}, "commands.0.color: no such field"),
        ({**TEAM, "title": [1]}, "commands.0.title: must be text"),
        ({"key": "blue"}, "`type` is missing"),
        ({"commands": TEAM}, "a line is a command"),
        ({"commands": [TEAM], "key": 7}, "a line is a command"),
        ({"commands": [TEAM], "mood": "blue"}, "a line is a command"),
        ({"commands": []}, "commands"),
        ({"commands": [7]}, "commands"),
    ],
)
def test_an_invalid_line_is_rejected(log, tmp_path, line, what):
    """An invalid line is rejected with the reason, and the others are applied."""
    report = run(write(tmp_path / "a.jsonl", line, PRODUCT), log)

    assert [one.line for one in report.rejected] == [1]
    assert what in report.rejected[0].message
    assert (report.lines, report.imported) == (2, 1)


def test_a_dry_run_checks_every_line(log, tmp_path):
    """A dry run rejects invalid lines and writes nothing."""
    size = log.head().size

    report = run(write(tmp_path / "a.jsonl", TEAM, {"type": "Sing"}), log, sink=DryRunSink(log, log.dry_run()))

    assert (report.imported, len(report.rejected)) == (1, 1)
    assert log.head().size == size


def test_a_dry_run_applies_the_rules(log, tmp_path):
    """A dry run checks each line against the log and the lines before it."""
    run(write(tmp_path / "a.jsonl", TEAM), log)
    shed = {**VISION, "subject": "product:shed"}
    keyed = [{"key": "k", "commands": [one]} for one in ({**TEAM, "key": "red"}, {**TEAM, "key": "red"}, PRODUCT)]
    path = write(tmp_path / "b.jsonl", TEAM, PRODUCT, VISION, shed, {**PRODUCT, "title": "Another"}, *keyed)
    size = log.head().size

    dry = run(path, log, sink=DryRunSink(log, log.dry_run()))
    untouched = log.head().size
    wet = run(path, log)

    assert (dry.unchanged, dry.imported, [one.line for one in dry.rejected]) == (2, 3, [4, 5, 8])
    assert dry.to_dict() | {"dry_run": False, "position": wet.position} == wet.to_dict()
    assert untouched == size


def test_a_source_needs_the_right_to_import(log, tmp_path):
    """If one line has a source and the scope to import is missing, nothing is sent."""
    told = {**PRODUCT, "source": {"system": "tracker"}}
    eve = Caller("person:eve", "token-2", "http")

    with pytest.raises(Forbidden, match="--scope import"):
        run(write(tmp_path / "a.jsonl", TEAM, {"commands": [told]}), log, caller=eve)

    assert not log.state("team:blue").version
    assert run(write(tmp_path / "b.jsonl", TEAM), log, caller=eve).imported == 1


def test_progress_is_reported(log, tmp_path):
    """Progress is reported up to all lines."""
    told = []

    run(write(tmp_path / "a.jsonl", TEAM, PRODUCT, VISION), log, lines_per_batch=2, progress=lambda *s: told.append(s))

    assert told == [(0, 3), (2, 3), (3, 3), (3, 3)]
