"""Where the history of a record comes from, and what a second import does."""

import asyncio
import json

import pytest

from domain.any_subject import ERASE_RIGHT, EraseTexts
from domain.decision import ProposeDecision, WithdrawDecision
from domain.values import format_micros
from eventlog.entry import Caller, Transaction
from interchange.adr import HistoryError, default_system
from tests.importing.support import Clock
from tests.interchange.support import (
    DAY,
    LATER,
    Repository,
    a_log,
    bring_in,
    cells,
    decisions,
    named,
    put,
    rehearse,
    write_out,
)

ONE = "# 1. One\n\nDate: 2024-01-01\n\n## Status\n\nProposed\n\n## Context\n\nOnce upon a time there was a reason.\n"
TWO = "# 2. Two\n\n## Status\n\nAccepted\n\nAmends [1. One](0001-one.md)\n"


def rows(log, alias, name):
    state = log.state(named(log, alias))
    return [(format_micros(row.valid_from)[5:10], row.value) for row in state.rows[name]]


@pytest.fixture
def repository(tmp_path):
    """Two records: the first moved here from another folder, accepted on a branch and then renamed; the second struck."""
    made = Repository(tmp_path / "project")
    put(made.folder / "doc", r0001_one=ONE)
    made.commit("01-01")
    (made.folder / "docs").mkdir()
    made("mv", "doc", "docs/adr")
    made.commit("02-01")
    made("checkout", "-qb", "branch")
    put(made.folder / "docs" / "adr", r0001_one=ONE.replace("Proposed", "Accepted"), r0002_two=TWO, README="No record.")
    made.commit("03-01", who="Bob Branch")
    made("checkout", "-q", "main")
    made("merge", "-q", "--no-ff", "branch", "-m", "merge", day="04-01", who="Mia Merger")
    made("mv", "docs/adr/0001-one.md", "docs/adr/0003-uno.md")
    made.commit("05-01")
    made("rm", "-q", "docs/adr/0002-two.md")
    made.commit("06-01")
    return made


def test_git(tmp_path, repository):
    """Each version is dated when it landed on the main line, by whoever wrote it; moves and renames keep the subject."""
    folder = repository.folder / "docs" / "adr"
    with a_log(tmp_path / "log") as log:
        report = bring_in(folder, log)
        again = bring_in(folder, log)
        accepted = next(entry for entry in log.read(0, 100) if "amends" in str(entry.event))

        assert (report.applied, again.applied, again.already_there) == (5, 0, 5)
        assert rows(log, "0003-uno", "status") == [("01-01", "proposed"), ("04-01", "accepted")]
        assert rows(log, "0003-uno", "aliases") == [("01-01", ["0001-one"]), ("05-01", ["0003-uno"])]
        assert rows(log, "0002-two", "exists") == [("04-01", True), ("06-01", False)]
        assert rows(log, "0002-two", "amends") == [("04-01", [named(log, "0003-uno")])]
        assert log.directory.name(accepted.metadata.on_behalf_of[0].who) == "Bob Branch"
        assert format_micros(accepted.metadata.source.at)[5:10] == "03-01"
        assert [str(remark) for remark in report.not_placed] == [
            "README.md: is no record: its name begins with no number"
        ]
        assert {name for one in log.directory.list_people() for name in one.spellings} == {"Ann Arbor", "Bob Branch"}


def test_what_git_does_not_know_yet(tmp_path, repository):
    """A change that is not committed has no date: it is left out, and told."""
    folder = put(repository.folder / "docs" / "adr", r0003_uno="# Changed\n", r0004_new="# New\n")
    with a_log(tmp_path / "log") as log:
        report = bring_in(folder, log)

        assert [remark.line for remark in report.not_placed if "not committed" in remark.what] == [
            "0003-uno.md",
            "0004-new.md",
        ]
        assert cells(log, named(log, "0003-uno"))["title"] == ("1. One", None)


def test_a_history_that_is_cut_short(tmp_path, repository):
    """A shallow clone would give wrong dates, and is refused with what to do."""
    repository("clone", "-q", "--depth", "1", f"file://{repository.folder}", str(tmp_path / "clone"))
    with a_log(tmp_path / "log") as log, pytest.raises(HistoryError, match="git fetch --unshallow"):
        bring_in(tmp_path / "clone" / "docs" / "adr", log)


def test_more_history(tmp_path, repository):
    """A longer history adds what is new."""
    folder = repository.folder / "docs" / "adr"
    with a_log(tmp_path / "log") as log:
        bring_in(folder, log)
        put(folder, r0003_uno=ONE.replace("Proposed", "Rejected"))
        repository.commit("07-01")
        dry, more = rehearse(folder, log), bring_in(folder, log)

        assert (dry.applied, more.applied, more.already_there) == (1, 1, 5)
        assert rows(log, "0003-uno", "status")[-1] == ("07-01", "rejected")


def test_without_a_history(tmp_path):
    """Files without a history took effect on the day they give; what changes in them is told, and what is gone emptied."""
    folder = put(tmp_path / "adr", r0001_one=ONE)
    with a_log(tmp_path / "log") as log:
        bring_in(folder, log)
        same = bring_in(folder, log)
        put(folder, r0001_one=ONE.partition("## Context")[0].replace("Proposed", "Accepted"))
        other = bring_in(folder, log)
        changed = cells(log, named(log, "0001-one"))
        put(folder, r0001_one=ONE)
        back = bring_in(folder, log)

        assert [(one.applied, one.unchanged) for one in (same, other, back)] == [(0, 1), (1, 0), (1, 0)]
        assert "context" not in changed
        assert changed["status"] == ("accepted", "Accepted")
        assert cells(log, named(log, "0001-one"))["status"] == ("proposed", "Proposed")
        assert rows(log, "0001-one", "status")[0] == ("01-01", "proposed")


def test_a_day_that_runs_backwards(tmp_path):
    """A file that gives an earlier day than before counts from now: what it says is held in the end."""
    folder = put(tmp_path / "adr", r0001_one=ONE)
    with a_log(tmp_path / "log") as log:
        bring_in(folder, log)
        put(folder, r0001_one=ONE.replace("2024-01-01", "2023-01-01"))
        bring_in(folder, log)
        again = bring_in(folder, log)

        assert cells(log, named(log, "0001-one"))["x.date"] == ("2023-01-01", None)
        assert (again.applied, again.unchanged) == (0, 1)


def lines(folder, *told):
    shared = {"who": "Ann", "field": "record"}
    (folder / "history.jsonl").write_text("".join(json.dumps(shared | line) + "\n" for line in told), encoding="utf-8")


def test_a_history_file_and_the_files(tmp_path):
    """The lines of `history.jsonl` come first; then what the files say otherwise, from the last line of each on."""
    folder = put(tmp_path / "adr", r0001_one=ONE)
    lines(
        folder,
        {"record": "0001-one", "kind": "proposed", "at": "2024-02-01", "to": {"title": "Uno", "status": "draft"}},
        {"record": "0001-one", "kind": "status_changed", "at": "2024-03-01", "field": "status", "to": "accepted"},
        {"kind": "status_changed", "at": "2024-03-01", "field": "status", "to": "accepted"},
        {"record": "0009-gone", "kind": "removed", "at": "yesterday"},
    )
    with a_log(tmp_path / "log") as log:
        dry, report = rehearse(folder, log), bring_in(folder, log)
        again = bring_in(folder, log)

        assert rows(log, "0001-one", "title") == [("02-01", "Uno"), ("03-01", "1. One")]
        assert rows(log, "0001-one", "status") == [("02-01", "proposed"), ("03-01", "accepted"), ("03-01", "proposed")]
        assert "its file says another `title` than its history" in [remark.what for remark in report.noticed]
        assert [remark.line for remark in report.not_placed] == [3, 4]
        assert (dry.applied, report.applied, again.applied) == (3, 3, 0)


def test_what_was_forgotten_is_not_told_again(tmp_path):
    """A text that was forgotten stays so when its folder is imported again."""
    folder = put(tmp_path / "adr", r0001_one=ONE)
    with a_log(tmp_path / "log") as log:
        bring_in(folder, log)
        entry = log.read(0, 100)[-1]
        forget = EraseTexts(subject=log.id, positions=(entry.position,))
        asyncio.run(log.execute(Transaction((forget,), Caller("person:p", "t", "cli", frozenset({ERASE_RIGHT})))))
        again = bring_in(folder, log)

        assert again.applied == 0
        assert "Once upon" not in str([entry.event for entry in log.read(0, 100)])


def test_a_record_that_was_made_ours(tmp_path):
    """After an ordinary command the file is no longer followed: what it says otherwise is told, and nothing is refused."""
    folder = put(tmp_path / "adr", r0001_one=ONE)
    with a_log(tmp_path / "log") as log:
        bring_in(folder, log)
        withdraw = WithdrawDecision(subject=decisions(log)[0], why="No.")
        asyncio.run(log.execute(Transaction((withdraw,), Caller("person:p", "t", "cli"))))
        report = bring_in(folder, log)

    assert (report.applied, report.refused) == (0, [])
    assert "no longer observed" in report.not_placed[0].what


def test_a_record_of_the_log_itself_comes_back(tmp_path):
    """A record that names a decision of the log is that decision; one that names something else is its own."""
    folder = put(
        tmp_path / "adr", r0001_mine="---\nsubject: decision:mine\n---\n# Another title\n",
        r0002_odd="---\nsubject: 'decision:no such: key'\n---\n# Odd\n",
    )  # fmt: skip
    with a_log(tmp_path / "log") as log:
        propose = ProposeDecision(key="mine", title="Mine")
        asyncio.run(log.execute(Transaction((propose,), Caller("person:p", "t", "cli"))))
        report = bring_in(folder, log)

        assert report.not_placed[0].line == "0001-mine"
        assert cells(log, named(log, "0002-odd"))["title"] == ("Odd", None)


def test_two_folders_with_the_same_names(tmp_path):
    """Records of two systems are records of their own, also where their files are called the same."""
    with a_log(tmp_path / "log", Clock(LATER + DAY)) as log:
        for name in ("first", "second"):
            bring_in(put(tmp_path / name, r0001_one=ONE), log, system=name)

        assert len(decisions(log)) == 2


def test_what_a_folder_is_called(tmp_path, repository):
    """Records are called by the address of their repository, else by its folder, else by their own."""
    folder = repository.folder / "docs" / "adr"
    by_folder = default_system(folder)
    repository("remote", "add", "origin", "git@example.com:shop/decisions.git")

    assert (by_folder, default_system(folder)) == ("project", "decisions")
    assert default_system(put(tmp_path / "plain", r0001_one=ONE)) == "plain"


def test_files_that_are_none(tmp_path):
    """A file that is too long, or not in UTF-8, or of no number, keeps no other out, and is told."""
    folder = put(tmp_path / "adr", r0001_one=ONE, r0002_long="# x\n" * 300_000, template="# x")
    (folder / "0003-odd.md").write_bytes(b"# \xff\x00 odd\n")
    with a_log(tmp_path / "log") as log:
        report = bring_in(folder, log)

    assert report.applied == 2
    assert sorted(str(remark.line) for remark in report.not_placed) == ["0002-long.md", "0003-odd", "template.md"]


def test_a_name_that_is_no_text(tmp_path, repository):
    """A file whose name is no UTF-8 comes in under a name that can be read."""
    (repository.folder / "docs" / "adr" / b"0005-\xff.md".decode(errors="surrogateescape")).write_text("# Five\n")
    repository.commit("08-01")
    with a_log(tmp_path / "log") as log:
        report = bring_in(repository.folder / "docs" / "adr", log)

        assert report.refused == []
        assert cells(log, named(log, "0005-\N{REPLACEMENT CHARACTER}"))["title"] == ("Five", None)


def test_nothing_to_say(tmp_path):
    """A record that says no status comes in without one, goes out without one, and comes in again the same."""
    folder = put(tmp_path / "adr", r0001_bare="# Bare\n\n## Context\n\nC.\n")
    with a_log(tmp_path / "log") as log:
        report = bring_in(folder, log)
        write_out(log, tmp_path / "out")
        held = cells(log, named(log, "0001-bare"))
    with a_log(tmp_path / "other") as log:
        bring_in(tmp_path / "out", log)

        assert [remark.what for remark in report.noticed] == ["it says no status"]
        assert held == cells(log, named(log, "0001-bare"))
        assert "status" not in held
