"""A file of commands: one unit a line."""

import asyncio

import pytest

from domain.any_subject import IMPORT_RIGHT
from domain.errors import Forbidden
from eventlog.entry import Caller
from interchange.tracker import DrySink, LogSink, import_commands
from tests.importing.support import AFTER, open_log, write

ANN = Caller("person:ann", "token-1", "import", frozenset({IMPORT_RIGHT}))
TEAM = {"type": "RegisterTeam", "key": "blue", "title": "Blue"}
PRODUCT = {"type": "DefineProduct", "key": "shop", "title": "The shop"}
VISION = {"type": "SetVision", "subject": "product:shop", "vision": "Sell."}


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path) as opened:
        yield opened


def run(path, log, *, sink=None, caller=ANN, **options):
    return asyncio.run(import_commands(path, sink or LogSink(log), caller, **options))


def test_each_line_is_applied_in_order(log, tmp_path):
    """A command can rest on what the line before it brought about; several on one line are one unit."""
    path = write(tmp_path / "a.jsonl", TEAM, {"commands": [PRODUCT, VISION]})

    report = run(path, log)

    assert (report.applied, report.refused) == (2, [])
    assert log.state("product:shop").value_at("vision", AFTER) == "Sell."


def test_the_same_file_again_changes_nothing_and_a_longer_one_adds_what_is_new(log, tmp_path):
    """A line without a key is known by what it says, and by which of its like it is."""
    path = write(tmp_path / "a.jsonl", PRODUCT, VISION, VISION)
    first = run(path, log)
    size = log.head().size

    again = run(path, log)
    unchanged = log.head().size
    longer = run(write(path, PRODUCT, VISION, VISION, TEAM), log)

    assert (first.applied, again.applied, again.already_there) == (3, 0, 3)
    assert unchanged == size
    assert (longer.applied, longer.already_there) == (1, 3)


def test_a_key_of_ones_own_is_the_idempotency_key(log, tmp_path):
    """With the same key another line is refused, not applied."""
    run(write(tmp_path / "a.jsonl", {"key": "k", "commands": [TEAM]}), log)

    report = run(write(tmp_path / "a.jsonl", {"key": "k", "commands": [PRODUCT]}), log)

    assert [one.line for one in report.refused] == [1]
    assert not log.state("product:shop").version


def test_a_unit_is_applied_whole_or_not_at_all(log, tmp_path):
    """One refused command takes the others of its line along, and no other line."""
    path = write(tmp_path / "a.jsonl", {"commands": [PRODUCT, {**VISION, "subject": "product:shed"}]}, TEAM)

    report = run(path, log)

    assert [(one.line, "commands.1" in one.what) for one in report.refused] == [(1, True)]
    assert not log.state("product:shop").version
    assert log.state("team:blue").version


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "is no JSON"),
        ("7", "is no JSON object"),
        ({"type": "Sing"}, "commands.0: there is no command 'Sing'; docs/reference/commands.md lists them all"),
        ({**TEAM, "colour": "blue"}, "commands.0.colour: there is no such field"),
        ({**TEAM, "title": [1]}, "commands.0.title: must be text"),
        ({"key": "blue"}, "needs a `type`"),
        ({"commands": TEAM}, "a line is a command"),
        ({"commands": [TEAM], "key": 7}, "a line is a command"),
        ({"commands": [TEAM], "mood": "blue"}, "a line is a command"),
        ({"commands": []}, "commands"),
        ({"commands": [7]}, "commands"),
    ],
)
def test_a_line_that_is_no_unit_is_refused_and_says_why(log, tmp_path, line, what):
    """The report names the line and what is wrong; the other lines are applied."""
    report = run(write(tmp_path / "a.jsonl", line, PRODUCT), log)

    assert [one.line for one in report.refused] == [1]
    assert what in report.refused[0].what
    assert (report.lines, report.applied) == (2, 1)


def test_a_dry_run_checks_each_line_and_writes_nothing(log, tmp_path):
    """What cannot be read is told before anything is written."""
    size = log.head().size

    report = run(write(tmp_path / "a.jsonl", TEAM, {"type": "Sing"}), log, sink=DrySink(log, log.dry_run()))

    assert (report.applied, len(report.refused)) == (1, 1)
    assert log.head().size == size


def test_a_dry_run_finds_what_the_log_would_refuse(log, tmp_path):
    """Each line is judged on top of the log and of the lines before it: what is there, repeated, unknown or taken is told."""
    run(write(tmp_path / "a.jsonl", TEAM), log)
    shed = {**VISION, "subject": "product:shed"}
    keyed = [{"key": "k", "commands": [one]} for one in ({**TEAM, "key": "red"}, {**TEAM, "key": "red"}, PRODUCT)]
    path = write(tmp_path / "b.jsonl", TEAM, PRODUCT, VISION, shed, {**PRODUCT, "title": "Another"}, *keyed)
    size = log.head().size

    dry = run(path, log, sink=DrySink(log, log.dry_run()))
    untouched = log.head().size
    wet = run(path, log)

    assert (dry.already_there, dry.applied, [one.line for one in dry.refused]) == (2, 3, [4, 5, 8])
    assert dry.to_dict() | {"dry_run": False, "position": wet.position} == wet.to_dict()
    assert untouched == size


def test_who_may_not_import_is_told_before_the_start(log, tmp_path):
    """One line that tells of another system needs the right to import, and without it nothing is sent."""
    told = {**PRODUCT, "source": {"system": "tracker"}}
    eve = Caller("person:eve", "token-2", "http")

    with pytest.raises(Forbidden, match="--right import"):
        run(write(tmp_path / "a.jsonl", TEAM, {"commands": [told]}), log, caller=eve)

    assert not log.state("team:blue").version
    assert run(write(tmp_path / "b.jsonl", TEAM), log, caller=eve).applied == 1


def test_progress_is_told(log, tmp_path):
    """Lines done of lines there are, ending with all of them."""
    told = []

    run(write(tmp_path / "a.jsonl", TEAM, PRODUCT, VISION), log, lines_at_once=2, progress=lambda *s: told.append(s))

    assert told == [(0, 3), (2, 3), (3, 3), (3, 3)]
