"""Two real folders of records are imported, exported and imported again."""

import json
import re
from pathlib import Path
from shutil import copytree

import pytest

from domain.values import parse_timestamp, to_micros
from tests.interchange.adr.madr import faults_of
from tests.interchange.adr.support import (
    MADR,
    NYGARD,
    a_log,
    all_cells,
    bring_in,
    cells,
    decisions,
    find_alias,
    rehearse,
    write_out,
)

FOLDERS = pytest.mark.parametrize("folder", [NYGARD, MADR], ids=["nygard", "madr"])


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """For each folder a log into which it was imported, and the report. The tests only read them."""
    found = {}
    for folder in (NYGARD, MADR):
        log = a_log(tmp_path_factory.mktemp(folder.name))
        found[folder] = (log, bring_in(folder, log))
    yield found
    for log, _ in found.values():
        log.close()


def words_in(text):
    """The words of a text, without what is only form: marks of headings, quotes, braces and list brackets."""
    return re.findall(r"\w+", text)


@FOLDERS
def test_every_line_is_imported(logs, folder):
    """Every line below the title of a file is in a field of its record."""
    log, report = logs[folder]
    files = sorted(folder.glob("*.md"))
    missing = {}
    for file in files:
        held = "\n".join(texts_of(cells(log, find_alias(log, file.stem))))
        kept = {line.rstrip() for line in held.split("\n")}
        lines = [line.rstrip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
        lost = [line for line in lines if line and line not in kept and not is_form(line, held)]
        missing |= {file.name: lost} if lost else {}

    assert len(files) >= 38
    assert missing == {}
    assert report.rejected == report.skipped == []


def texts_of(held):
    for value, word in held.values():
        yield from (str(one) for one in (value if isinstance(value, list) else [value, word]) if one is not None)
        if isinstance(value, list) and word is not None:
            yield word


KNOWN = {
    "context",
    "decision",
    "consequences",
    "status",
    "context and problem statement",
    "decision drivers",
    "considered options",
    "decision outcome",
    "confirmation",
    "validation",
    "pros and cons of the options",
    "more information",
    "---",
}


def is_form(line, held):
    """Whether a line is the heading of a known section, or one of the header whose value a cell holds."""
    if line.strip("# ").casefold() in KNOWN:
        return True
    if line.startswith("#") and line.strip("# ") in held:
        return True
    key, _, value = line.partition(":")
    folded = held.casefold()
    return key.casefold() in HEADER and all(word.casefold() in folded for word in words_in(value))


HEADER = {"status", "contact", "date", "deciders", "consulted", "informed"}


@FOLDERS
def test_every_word_comes_from_the_files(logs, folder):
    """Every word of every field is in the file or its history, except mapped values."""
    log, _ = logs[folder]
    told = (folder / "history.jsonl").read_text(encoding="utf-8")
    for file in folder.glob("*.md"):
        text = file.read_text(encoding="utf-8-sig")
        known = {word.casefold() for word in words_in(text + told + file.stem)} | OURS
        held = {name: said for name, said in cells(log, find_alias(log, file.stem)).items() if name not in SUBJECTS}
        assert {word for said in texts_of(held) for word in words_in(said) if word.casefold() not in known} == set()


SUBJECTS = ("products", "amends", "amended_by", "superseded_by")
OURS = {"true", "proposed", "accepted", "superseded", *" ".join(KNOWN).split(), "team"}


@FOLDERS
def test_a_dry_run_and_a_second_import(tmp_path, folder):
    """A dry run reports what the import does, and a second import changes nothing."""
    with a_log(tmp_path) as log:
        dry = rehearse(folder, log)
        first = bring_in(folder, log)
        size = log.head().size
        again = bring_in(folder, log)

    assert (dry.imported, dry.people_registered, dry.teams_registered) == (
        first.imported,
        first.people_registered,
        first.teams_registered,
    )
    assert (again.imported, again.rejected, again.position) == (0, [], again.position)
    assert again.unchanged == again.lines
    assert size == first.position


@FOLDERS
def test_exported_records_can_be_imported(tmp_path, folder):
    """Records that are exported as MADR 4 and imported into another log have the same fields."""
    with a_log(tmp_path / "first") as log:
        bring_in(folder, log)
        noticed = write_out(log, tmp_path / "out")
        before = {one: held for one, held in all_cells(log).items() if held["exists"] == (True, None)}
    with a_log(tmp_path / "second") as log:
        report = bring_in(tmp_path / "out", log, system="another")
        after = all_cells(log)

    assert before == after
    assert set(noticed.values()) == {()}
    assert report.rejected == []
    written = [path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir()]
    assert len(written) == len(list(folder.glob("*.md")))
    assert [fault for text in written for fault in faults_of(text, texts=False)] == []


def test_the_history_of_a_status(logs):
    """A changed status has the date of its line, its successor and its source value."""
    log, _ = logs[MADR]
    state = log.state(find_alias(log, "0026-hosted-session-identity-context"))
    rows, by = state.rows["status"], state.latest_row("superseded_by")

    assert [row.value for row in rows] == ["accepted", "superseded"]
    assert rows[1].source_value == "superseded by [ADR-0030](0030-hosted-platform-context-agentserver-2.0.md)"
    assert rows[1].valid_from == by.valid_from == to_micros(parse_timestamp("2026-06-29T23:39:54Z"))
    assert by.value == [find_alias(log, "0030-hosted-platform-context-agentserver-2.0")]


def test_records_with_the_same_number(logs):
    """Two records with one number are two decisions, and a renumbered record stays the same."""
    log, _ = logs[MADR]
    sixteen = {find_alias(log, "0016-python-context-middleware"), find_alias(log, "0016-structured-output")}
    tools = log.state(find_alias(log, "0002-agent-tools"))

    assert len(sixteen) == 2
    assert [row.value for row in tools.rows["aliases"]] == [["0001-agent-tools"], ["0002-agent-tools"]]


@FOLDERS
def test_every_status_in_the_history(logs, folder):
    """Each status takes effect at the time of its line, with its source value."""
    log, _ = logs[folder]
    held = {
        (row.valid_from, row.source_value if row.source_value is not None else row.value)
        for one in decisions(log)
        for row in log.state(one).rows.get("status", ())
    }
    told = set()
    for line in map(json.loads, (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()):
        first = line["to"].get("status") if line["kind"] == "proposed" else None
        said = line["to"] if line["kind"] == "status_changed" else first
        told |= {(to_micros(parse_timestamp(line["at"])), said)} if said else set()

    assert len(told) >= 35
    assert told - held == set()


@FOLDERS
def test_people_and_teams(logs, folder):
    """Authors of the history are registered as people, and no team is registered as a person."""
    log, _ = logs[folder]
    lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    known = {somebody.name for somebody in log.directory.list_people() if somebody.id.startswith("person:")}

    assert {json.loads(line)["who"] for line in lines} <= known
    assert [name for name in known if re.search(r"(?i)\b(team|community)$", name)] == []


def test_our_own_records(tmp_path):
    """The records of this project are exported as they were imported, with their subject added."""
    copytree(OURS_IN, tmp_path / "in")
    with a_log(tmp_path / "log") as log:
        report = bring_in(tmp_path / "in", log)
        write_out(log, tmp_path / "out")

    files = sorted(path.name for path in OURS_IN.glob("*.md"))
    assert len(files) >= 10
    assert (report.imported, report.warnings) == (len(files), [])
    for name in files:
        text = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert re.sub(r"^subject: decision:\S+\n", "", text, flags=re.MULTILINE) == (OURS_IN / name).read_text("utf-8")


OURS_IN = Path(__file__).parents[3] / "docs" / "decisions"
