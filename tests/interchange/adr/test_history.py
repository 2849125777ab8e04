"""The history of records is read from git, `history.jsonl` or the current files."""

import asyncio
import json

import pytest

from domain.any_subject import EraseTexts
from domain.decision_messages import ProposeDecision, WithdrawDecision
from domain.scopes import ERASE_SCOPE
from domain.values import format_micros
from eventlog.entry import Caller, Transaction
from interchange.adr import HistoryError, default_system
from tests.interchange.adr.support import (
    DAY,
    LATER,
    Repository,
    a_log,
    bring_in,
    cells,
    decisions,
    find_alias,
    put,
    rehearse,
    write_out,
)
from tests.interchange.tracker.support import Clock

ONE = "# 1. One\n\nDate: 2024-01-01\n\n## Status\n\nProposed\n\n## Context\n\nOnce upon a time there was a reason.\n"
TWO = "# 2. Two\n\n## Status\n\nAccepted\n\nAmends [1. One](0001-one.md)\n"


def rows(log, alias, name):
    state = log.state(find_alias(log, alias))
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


def test_git_history(tmp_path, repository):
    """A version takes effect when it lands on the main branch, and a moved or renamed record keeps its subject."""
    folder = repository.folder / "docs" / "adr"
    with a_log(tmp_path / "log") as log:
        report = bring_in(folder, log)
        again = bring_in(folder, log)
        accepted = next(entry for entry in log.read(0, 100) if "amends" in str(entry.event))

        assert (report.imported, again.imported, again.unchanged) == (5, 0, 6)
        assert rows(log, "0003-uno", "status") == [("01-01", "proposed"), ("04-01", "accepted")]
        assert rows(log, "0003-uno", "aliases") == [("01-01", ["0001-one"]), ("05-01", ["0003-uno"])]
        assert rows(log, "0002-two", "exists") == [("04-01", True), ("06-01", False)]
        assert rows(log, "0002-two", "amends") == [("04-01", [find_alias(log, "0003-uno")])]
        assert log.directory.name(accepted.metadata.on_behalf_of[0].who) == "Bob Branch"
        assert format_micros(accepted.metadata.source.at)[5:10] == "03-01"
        assert [str(remark) for remark in report.skipped] == [
            "README.md: is not a record: its name does not start with a number"
        ]
        assert {name for one in log.directory.list_people() for name in one.spellings} == {"Ann Arbor", "Bob Branch"}


def test_uncommitted_changes_are_skipped(tmp_path, repository):
    """An uncommitted change has no date, so it is skipped and reported."""
    folder = put(repository.folder / "docs" / "adr", r0003_uno="# Changed\n", r0004_new="# New\n")
    with a_log(tmp_path / "log") as log:
        report = bring_in(folder, log)

        assert [remark.line for remark in report.skipped if "uncommitted" in remark.message] == [
            "0003-uno.md",
            "0004-new.md",
        ]
        assert cells(log, find_alias(log, "0003-uno"))["title"] == ("1. One", None)


def test_a_shallow_clone_is_refused(tmp_path, repository):
    """A shallow clone is refused with how to fix it, because its dates would be wrong."""
    repository("clone", "-q", "--depth", "1", f"file://{repository.folder}", str(tmp_path / "clone"))
    with a_log(tmp_path / "log") as log, pytest.raises(HistoryError, match="git fetch --unshallow"):
        bring_in(tmp_path / "clone" / "docs" / "adr", log)


def test_a_longer_history_adds_versions(tmp_path, repository):
    """Importing a longer history adds the new versions."""
    folder = repository.folder / "docs" / "adr"
    with a_log(tmp_path / "log") as log:
        bring_in(folder, log)
        put(folder, r0003_uno=ONE.replace("Proposed", "Rejected"))
        repository.commit("07-01")
        dry, more = rehearse(folder, log), bring_in(folder, log)

        assert (dry.imported, more.imported, more.unchanged) == (1, 1, 6)
        assert rows(log, "0003-uno", "status")[-1] == ("07-01", "rejected")


def test_files_without_history(tmp_path):
    """Files without a history take effect on their own date, and later imports add what changed."""
    folder = put(tmp_path / "adr", r0001_one=ONE)
    with a_log(tmp_path / "log") as log:
        bring_in(folder, log)
        same = bring_in(folder, log)
        put(folder, r0001_one=ONE.partition("## Context")[0].replace("Proposed", "Accepted"))
        other = bring_in(folder, log)
        changed = cells(log, find_alias(log, "0001-one"))
        put(folder, r0001_one=ONE)
        back = bring_in(folder, log)

        assert [(one.imported, one.unchanged) for one in (same, other, back)] == [(0, 1), (1, 0), (1, 0)]
        assert "context" not in changed
        assert changed["status"] == ("accepted", "Accepted")
        assert cells(log, find_alias(log, "0001-one"))["status"] == ("proposed", "Proposed")
        assert rows(log, "0001-one", "status")[0] == ("01-01", "proposed")


def test_an_earlier_date_takes_effect_now(tmp_path):
    """A file whose date is earlier than its latest change takes effect now."""
    folder = put(tmp_path / "adr", r0001_one=ONE)
    with a_log(tmp_path / "log") as log:
        bring_in(folder, log)
        put(folder, r0001_one=ONE.replace("2024-01-01", "2023-01-01"))
        bring_in(folder, log)
        again = bring_in(folder, log)

        assert cells(log, find_alias(log, "0001-one"))["x.date"] == ("2023-01-01", None)
        assert (again.imported, again.unchanged) == (0, 1)


def lines(folder, *told):
    shared = {"who": "Ann", "field": "record"}
    (folder / "history.jsonl").write_text("".join(json.dumps(shared | line) + "\n" for line in told), encoding="utf-8")


def test_history_lines_and_current_files(tmp_path):
    """The lines of `history.jsonl` are imported first, and then the current files as of the last lines."""
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
        assert "`title` in the file differs from its history" in [remark.message for remark in report.warnings]
        assert [remark.line for remark in report.skipped] == [3, 4]
        assert (dry.imported, report.imported, again.imported) == (3, 3, 0)


def test_erased_text_is_not_imported_again(tmp_path):
    """An erased text stays erased when its folder is imported again."""
    folder = put(tmp_path / "adr", r0001_one=ONE)
    with a_log(tmp_path / "log") as log:
        bring_in(folder, log)
        entry = log.read(0, 100)[-1]
        forget = EraseTexts(subject=log.id, positions=(entry.position,))
        asyncio.run(log.execute(Transaction((forget,), Caller("person:p", "t", "cli", frozenset({ERASE_SCOPE})))))
        again = bring_in(folder, log)

        assert again.imported == 0
        assert "Once upon" not in str([entry.event for entry in log.read(0, 100)])


def test_a_managed_record_is_skipped(tmp_path):
    """A record that was changed in the log no longer follows its file."""
    folder = put(tmp_path / "adr", r0001_one=ONE)
    with a_log(tmp_path / "log") as log:
        bring_in(folder, log)
        withdraw = WithdrawDecision(subject=decisions(log)[0], why="No.")
        asyncio.run(log.execute(Transaction((withdraw,), Caller("person:p", "t", "cli"))))
        report = bring_in(folder, log)

    assert (report.imported, report.rejected) == (0, [])
    assert "has been managed in the log" in report.skipped[0].message


def test_a_record_can_name_its_decision(tmp_path):
    """A record that names a decision of the log is that decision."""
    folder = put(
        tmp_path / "adr",
        r0001_mine="---\nsubject: decision:mine\n---\n# Another title\n",
        r0002_odd="---\nsubject: 'decision:no such: key'\n---\n# Odd\n",
    )
    with a_log(tmp_path / "log") as log:
        propose = ProposeDecision(key="mine", title="Mine")
        asyncio.run(log.execute(Transaction((propose,), Caller("person:p", "t", "cli"))))
        report = bring_in(folder, log)

        assert report.skipped[0].line == "0001-mine"
        assert cells(log, find_alias(log, "0002-odd"))["title"] == ("Odd", None)


def test_two_systems_with_the_same_names(tmp_path):
    """Records of two systems are different records, even with the same names."""
    with a_log(tmp_path / "log", Clock(LATER + DAY)) as log:
        for name in ("first", "second"):
            bring_in(put(tmp_path / name, r0001_one=ONE), log, system=name)

        assert len(decisions(log)) == 2


def test_the_default_system(tmp_path, repository):
    """The default system is the name of the repository by address or folder, else of the folder."""
    folder = repository.folder / "docs" / "adr"
    by_folder = default_system(folder)
    repository("remote", "add", "origin", "git@example.com:shop/decisions.git")

    assert (by_folder, default_system(folder)) == ("project", "decisions")
    assert default_system(put(tmp_path / "plain", r0001_one=ONE)) == "plain"


def test_files_that_are_not_records(tmp_path):
    """A file that is too long, not UTF-8 or without a number is reported and does not stop the others."""
    folder = put(tmp_path / "adr", r0001_one=ONE, r0002_long="# x\n" * 300_000, template="# x")
    (folder / "0003-odd.md").write_bytes(b"# \xff\x00 odd\n")
    with a_log(tmp_path / "log") as log:
        report = bring_in(folder, log)

    assert report.imported == 1
    assert sorted(str(remark.line) for remark in report.skipped) == ["0002-long.md", "0003-odd", "template.md"]


def test_a_file_name_that_is_not_utf8(tmp_path, repository):
    """A file whose name is not UTF-8 is imported under a readable name."""
    (repository.folder / "docs" / "adr" / b"0005-\xff.md".decode(errors="surrogateescape")).write_text("# Five\n")
    repository.commit("08-01")
    with a_log(tmp_path / "log") as log:
        report = bring_in(repository.folder / "docs" / "adr", log)

        assert report.rejected == []
        assert cells(log, find_alias(log, "0005-\N{REPLACEMENT CHARACTER}"))["title"] == ("Five", None)


def test_a_record_without_status(tmp_path):
    """A record without a status is imported, exported and imported again without one."""
    folder = put(tmp_path / "adr", r0001_bare="# Bare\n\n## Context\n\nC.\n")
    with a_log(tmp_path / "log") as log:
        report = bring_in(folder, log)
        write_out(log, tmp_path / "out")
        held = cells(log, find_alias(log, "0001-bare"))
    with a_log(tmp_path / "other") as log:
        bring_in(tmp_path / "out", log)

        assert [remark.message for remark in report.warnings] == ["it has no status"]
        assert held == cells(log, find_alias(log, "0001-bare"))
        assert "status" not in held
