"""Histories that grow, are rewritten, or change branches between imports; and files that change without a history."""

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from domain.decision_messages import WithdrawDecision
from domain.values import format_micros, parse_timestamp, to_micros
from eventlog.entry import Caller, Transaction
from interchange.sink import LogSink
from tests.interchange.adr.support import Repository, a_log, bring_in, decisions, find_alias, put, rehearse

SUPERSEDED = "Superseded by [2. B](0002-b.md)"


def record(title, status, date=None, more=""):
    return f"# {title}\n\n" + (f"Date: {date}\n\n" if date else "") + f"## Status\n\n{status}\n{more}"


def times(log, alias, name):
    """Each value of a field with its day; what references records, by their names today."""
    state = log.state(find_alias(log, alias))
    return [(format_micros(row.valid_from)[:10], names_of(log, row.value)) for row in state.rows.get(name, ())]


def names_of(log, value):
    if not isinstance(value, list):
        return value
    return [log.state(one).latest_row("aliases").value[0] if one.startswith("decision:") else one for one in value]


def as_of(log, alias, name, day):
    return names_of(log, log.state(find_alias(log, alias)).value_at(name, to_micros(parse_timestamp(day))))


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "adr")


@pytest.fixture
def log(tmp_path):
    with a_log(tmp_path / "log") as opened:
        yield opened


# Links over time -----------------------------------------------------------------------------------------------------


def renumber(repository):
    """0001 is superseded by 2, which becomes 3 when another record takes its number."""
    folder = put(repository.folder, r0001_a=record("A", "Superseded by ADR-2"), r0002_b=record("B", "Accepted"))
    repository.commit("01-01")
    repository("mv", "0002-b.md", "0003-b.md")
    put(folder, r0002_c=record("C", "Accepted"))


def test_a_number_means_the_record_that_has_it_then(log, repository):
    """A link means the record that had the number at the time of the version, not the one that has it today."""
    renumber(repository)
    put(repository.folder, r0001_a=record("A", "Superseded by ADR-3"))
    repository.commit("02-01")

    bring_in(repository.folder, log)

    assert times(log, "0001-a", "superseded_by") == [("2024-01-01", ["0003-b"])]


def test_a_link_that_is_kept_keeps_its_meaning(log, repository):
    """A link that a record keeps in its next version means the same record as before."""
    renumber(repository)
    put(repository.folder, r0001_a=record("A", "Superseded by ADR-2", more="\n## Context\n\nMore.\n"))
    repository.commit("02-01")
    put(repository.folder, r0001_a=record("A", "Accepted"))
    repository.commit("03-01")
    put(repository.folder, r0001_a=record("A", "Superseded by ADR-2"))
    repository.commit("04-01")

    bring_in(repository.folder, log)

    assert times(log, "0001-a", "superseded_by") == [
        ("2024-01-01", ["0003-b"]),
        ("2024-03-01", None),
        ("2024-04-01", ["0002-c"]),
    ]


@pytest.mark.parametrize("is_repeated", [False, True])
def test_a_link_to_a_record_that_is_added_later(log, repository, is_repeated):
    """A link to a record that does not exist yet takes effect when it is added, however often that is imported."""
    steps = (
        {"r0001_a": record("A", "Accepted")},
        {"r0001_a": record("A", SUPERSEDED)},
        {"r0002_b": record("B", "Accepted")},
    )
    for month, files in enumerate(steps, 1):
        put(repository.folder, **files)
        repository.commit(f"0{month}-01")
        if is_repeated:
            assert bring_in(repository.folder, log).rejected == []

    bring_in(repository.folder, log)
    again = bring_in(repository.folder, log)

    assert times(log, "0001-a", "superseded_by") == [("2024-03-01", ["0002-b"])]
    assert (again.imported, again.unchanged, again.rejected) == (0, 3, [])


def test_a_record_that_supersedes_one_that_is_added_later(log, repository):
    """A record that says it supersedes one that does not exist yet is linked from there when it is added."""
    put(repository.folder, r0002_b=record("B", "Accepted\n\nSupersedes [1. A](0001-a.md)"))
    repository.commit("01-01")
    bring_in(repository.folder, log)
    put(repository.folder, r0001_a=record("A", "Accepted"))
    repository.commit("02-01")

    bring_in(repository.folder, log)

    assert as_of(log, "0001-a", "superseded_by", "2024-02-02") == ["0002-b"]
    assert bring_in(repository.folder, log).imported == 0


def test_a_late_link_leaves_a_managed_record_alone(log, repository):
    """A link that is found later is not imported into a record that is managed in the log; its target is imported."""
    put(repository.folder, r0001_a=record("A", "Proposed\n\nAmended by [2. B](0002-b.md)"))
    repository.commit("01-01")
    bring_in(repository.folder, log)
    withdraw = WithdrawDecision(subject=find_alias(log, "0001-a"), why="No.")
    asyncio.run(log.execute(Transaction((withdraw,), Caller("person:p", "t", "cli"))))
    put(repository.folder, r0002_b=record("B", "Accepted"))
    repository.commit("02-01")

    report = bring_in(repository.folder, log)

    assert (report.imported, report.rejected) == (1, [])
    assert times(log, "0002-b", "exists") == [("2024-02-01", True)]


def test_a_second_record_with_a_number_changes_no_earlier_link(log, repository):
    """A second record with the same number leaves the links of earlier versions as they are."""
    put(repository.folder, r0001_a=record("A", "Superseded by ADR-5"), r0005_b=record("B", "Accepted"))
    repository.commit("01-01")
    bring_in(repository.folder, log)
    put(repository.folder, r0005_c=record("C", "Accepted"))
    repository.commit("02-01")

    report = bring_in(repository.folder, log)

    assert (report.imported, report.rejected, report.warnings) == (1, [], [])
    assert times(log, "0001-a", "superseded_by") == [("2024-01-01", ["0005-b"])]


def test_a_link_in_lines_means_the_records_of_its_time(tmp_path, log):
    """A line of `history.jsonl` links to the records of its time, in whatever order the lines are."""
    folder = put(tmp_path / "lines", r0001_a=record("A", "superseded by ADR-2"), r0002_b=record("B", "accepted"))
    (folder / "history.jsonl").write_text(
        "".join(
            json.dumps({"record": name, "kind": kind, "at": at, "field": "status", "to": to}) + "\n"
            for name, kind, at, to in (
                ("0001-a", "proposed", "2024-01-01", {"title": "A", "status": "accepted"}),
                ("0001-a", "status_changed", "2024-03-01", "superseded by ADR-2"),
                ("0002-b", "proposed", "2024-02-01", {"title": "B", "status": "accepted"}),
            )
        ),
        encoding="utf-8",
    )

    bring_in(folder, log)

    assert times(log, "0001-a", "superseded_by") == [("2024-03-01", ["0002-b"])]
    assert bring_in(folder, log).imported == 0


def test_a_version_that_is_read_differently_is_kept(log, repository):
    """A version that is read differently than when it was imported stays as it is; its latest meaning is recorded now."""
    put(repository.folder, r0001_a=record("A", "Accepted"))
    repository.commit("01-01")
    bring_in(repository.folder, log, product="shop")

    report, again = (bring_in(repository.folder, log, product="other") for _ in range(2))

    assert (report.imported, report.rejected, again.imported, again.rejected) == (1, [], 0, [])
    assert "1 version would be imported with other fields" in str(again.warnings[0])
    assert [value for _, value in times(log, "0001-a", "products")] == [["product:shop"], ["product:other"]]


# Files without a history ---------------------------------------------------------------------------------------------


def test_a_changed_file_takes_effect_now(tmp_path, log):
    """A file that changed, and whose date did not, takes effect at the time of the import."""
    folder = put(tmp_path / "plain", r0001_a=record("A", "Accepted", "2016-02-12"))
    bring_in(folder, log)
    put(folder, r0001_a=record("A", "Rejected", "2016-02-12"))
    bring_in(folder, log)
    put(folder, r0001_a=record("A", "Accepted", "2026-02-12"))

    bring_in(folder, log)

    statuses = times(log, "0001-a", "status")
    assert [value for _, value in statuses] == ["accepted", "rejected", "accepted"]
    assert statuses[0][0] == "2016-02-12"
    assert statuses[1][0] > "2026-12-31"


def test_a_new_date_is_that_of_the_change(tmp_path, log):
    """A file whose date changed too takes effect on its new date."""
    folder = put(tmp_path / "plain", r0001_a=record("A", "Proposed", "2016-02-12"))
    bring_in(folder, log)
    put(folder, r0001_a=record("A", "Accepted", "2018-01-01"))

    bring_in(folder, log)

    assert times(log, "0001-a", "status") == [("2016-02-12", "proposed"), ("2018-01-01", "accepted")]


def test_a_date_in_another_notation_is_not_new(tmp_path, log):
    """A file that spells the same date in another way takes effect at the time of the import."""
    folder = put(tmp_path / "plain", r0001_a=record("A", "Proposed", "2016-02-12"))
    bring_in(folder, log)
    put(folder, r0001_a=record("A", "Accepted", "2016/02/12"))

    bring_in(folder, log)

    assert times(log, "0001-a", "status")[1][0] > "2026-12-31"


def test_a_supersession_begins_with_its_successor(tmp_path, log):
    """A record that is changed to superseded, by a record that is new too, is superseded from the date of that record."""
    folder = put(tmp_path / "plain", r0001_a=record("A", "Accepted", "2016-02-12"))
    bring_in(folder, log)
    put(folder, r0001_a=record("A", SUPERSEDED, "2016-02-12"), r0002_b=record("B", "Accepted", "2026-11-20"))

    dry, report, again = rehearse(folder, log), bring_in(folder, log), bring_in(folder, log)

    assert times(log, "0001-a", "status") == [("2016-02-12", "accepted"), ("2026-11-20", "superseded")]
    assert times(log, "0001-a", "superseded_by") == [("2026-11-20", ["0002-b"])]
    assert (dry.imported, report.imported, again.imported) == (2, 2, 0)


def test_a_supersession_by_a_known_record_begins_now(tmp_path, log):
    """A record that is changed to superseded, by one that the log had when it was not, is superseded from now on."""
    folder = put(
        tmp_path / "plain", r0001_a=record("A", "Accepted", "2016-02-12"), r0002_b=record("B", "Accepted", "2018-01-01")
    )
    bring_in(folder, log)
    put(folder, r0001_a=record("A", SUPERSEDED, "2016-02-12"))

    bring_in(folder, log)

    assert times(log, "0001-a", "superseded_by")[0][0] > "2026-12-31"
    assert as_of(log, "0001-a", "status", "2026-12-31") == "accepted"


def test_a_superseded_record_was_accepted_before(tmp_path, log):
    """On a first import, a superseded record was accepted from its own date until its successors began, one by one."""
    folder = put(
        tmp_path / "plain",
        r0001_a=record("A", "Superseded by [2. B](0002-b.md) and [3. C](0003-c.md)", "2022-01-01"),
        r0002_b=record("B", "Accepted", "2023-01-01"),
        r0003_c=record("C", "Accepted", "2024-01-01"),
        r0004_d=record("D", SUPERSEDED, "2023-06-01"),
    )

    bring_in(folder, log)

    assert times(log, "0001-a", "status") == [("2022-01-01", "accepted"), ("2023-01-01", "superseded")]
    assert times(log, "0001-a", "superseded_by") == [
        ("2023-01-01", ["0002-b"]),
        ("2024-01-01", ["0002-b", "0003-c"]),
    ]
    assert times(log, "0004-d", "status") == [("2023-06-01", "superseded")]
    assert bring_in(folder, log).imported == 0


def test_a_superseded_record_without_a_known_successor(tmp_path, log):
    """A superseded record whose successor is in no file is superseded from its own date, as nothing else is known."""
    bring_in(put(tmp_path / "plain", r0001_a=record("A", "Superseded by ADR-9", "2022-01-01")), log)

    assert times(log, "0001-a", "status") == [("2022-01-01", "superseded")]


def test_a_supersession_from_the_other_side_begins_with_both(tmp_path, log):
    """A record that says it supersedes another does so from when both exist."""
    supersedes = "Accepted\n\nSupersedes [1. A](0001-a.md)"
    folder = put(
        tmp_path / "plain", r0001_a=record("A", "Accepted", "2024-01-01"), r0002_b=record("B", supersedes, "2023-01-01")
    )

    bring_in(folder, log)

    assert times(log, "0001-a", "superseded_by") == [("2024-01-01", ["0002-b"])]
    assert bring_in(folder, log).imported == 0


def test_a_link_that_became_ambiguous_is_kept(tmp_path, log):
    """A file that did not change keeps its links in the log when another record takes the same number."""
    folder = put(tmp_path / "plain", r0001_a=record("A", "Superseded by ADR-5"), r0005_b=record("B", "Accepted"))
    bring_in(folder, log)
    put(folder, r0005_c=record("C", "Accepted"))

    report = bring_in(folder, log)

    assert (report.imported, report.rejected) == (1, [])
    assert as_of(log, "0001-a", "superseded_by", "2030-01-01") == ["0005-b"]


def test_a_stale_history_does_not_date_a_changed_file(tmp_path, log):
    """A file that changed since the last import, without a new line in `history.jsonl`, takes effect now."""
    folder = put(tmp_path / "lines", r0001_a=record("A", "Accepted"))
    line = {"record": "0001-a", "kind": "proposed", "at": "2024-01-01", "to": {"title": "A", "status": "Accepted"}}
    (folder / "history.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    bring_in(folder, log)
    put(folder, r0001_a=record("A", "Rejected"))

    bring_in(folder, log)

    assert times(log, "0001-a", "status")[0] == ("2024-01-01", "accepted")
    assert times(log, "0001-a", "status")[-1][0] > "2026-12-31"


# Branches and rewritten commits --------------------------------------------------------------------------------------


def test_another_branch(log, repository):
    """After the import of another branch, the log is what the files of the current branch say."""
    put(repository.folder, r0001_a=record("A", "Accepted"))
    repository.commit("01-01")
    repository("checkout", "-qb", "draft")
    put(repository.folder, r0001_a=record("A", "Rejected"))
    repository.commit("02-01")
    bring_in(repository.folder, log)
    repository("checkout", "-q", "main")

    dry, report, again = (job(repository.folder, log) for job in (rehearse, bring_in, bring_in))

    assert (dry.imported, report.imported, again.imported) == (1, 1, 0)
    statuses = times(log, "0001-a", "status")
    assert statuses[:2] == [("2024-01-01", "accepted"), ("2024-02-01", "rejected")]
    assert statuses[2][1] == "accepted"
    assert statuses[2][0] > "2026-12-31"


def test_a_branch_that_lands_after_another_import(log, repository):
    """What was imported from a branch too early, and was taken back, takes effect when the branch lands."""
    put(repository.folder, r0001_a=record("A", "Accepted"))
    repository.commit("01-01")
    repository("checkout", "-qb", "draft")
    put(repository.folder, r0001_a=record("A", "Rejected"))
    repository.commit("02-01")
    bring_in(repository.folder, log)
    repository("checkout", "-q", "main")
    bring_in(repository.folder, log)
    repository("merge", "-q", "--no-ff", "draft", "-m", "merge", day="03-01")

    report, again = (bring_in(repository.folder, log) for _ in range(2))

    assert (report.imported, again.imported) == (1, 0)
    assert [value for _, value in times(log, "0001-a", "status")] == ["accepted", "rejected", "accepted", "rejected"]


def test_a_record_that_another_branch_removed(log, repository):
    """A record that another branch removed or renamed is there again under the name that it has on this one."""
    put(repository.folder, r0001_a=record("A", "Accepted"), r0002_b=record("B", "Accepted"))
    repository.commit("01-01")
    repository("checkout", "-qb", "draft")
    repository("rm", "-q", "0001-a.md")
    repository("mv", "0002-b.md", "0003-b.md")
    repository.commit("02-01")
    bring_in(repository.folder, log)
    repository("checkout", "-q", "main")

    bring_in(repository.folder, log)

    assert [value for _, value in times(log, "0001-a", "exists")] == [True, False, True]
    assert [value for _, value in times(log, "0002-b", "aliases")] == [["0002-b"], ["0003-b"], ["0002-b"]]
    assert bring_in(repository.folder, log).imported == 0


@pytest.mark.parametrize("day", ["01-01", "05-01"])
def test_an_amended_commit_is_the_same_version(log, repository, day):
    """A commit that was reworded has the same author date and changes, so its version is not imported again."""
    put(repository.folder, r0001_a=record("A", "Accepted"), r0002_b=record("B", "Accepted"))
    repository.commit("01-01")
    bring_in(repository.folder, log)
    repository("commit", "-q", "--amend", "-m", "reworded", day=day)

    dry, report = rehearse(repository.folder, log), bring_in(repository.folder, log)

    assert (dry.imported, report.imported, report.unchanged) == (0, 0, 2)
    assert times(log, "0001-a", "status") == [("2024-01-01", "accepted")]


def test_an_amended_commit_with_other_content_is_imported(log, repository):
    """A commit that was amended with other content is another version."""
    put(repository.folder, r0001_a=record("A", "Accepted"))
    repository.commit("01-01")
    bring_in(repository.folder, log)
    put(repository.folder, r0001_a=record("A", "Rejected"))
    repository("commit", "-qa", "--amend", "-m", "reworded")

    report = bring_in(repository.folder, log)

    assert report.imported == 1
    assert as_of(log, "0001-a", "status", "2024-01-02") == "rejected"


def test_changes_back_and_forth_at_the_same_time_are_all_imported(log, repository):
    """Commits that make the same change at the same time are different versions."""
    for status in ("Accepted", "Rejected", "Accepted", "Rejected"):
        put(repository.folder, r0001_a=record("A", status))
        repository.commit("01-01")
        bring_in(repository.folder, log)

    assert [value for _, value in times(log, "0001-a", "status")] == ["accepted", "rejected", "accepted", "rejected"]


@dataclass(frozen=True, slots=True)
class FarSink(LogSink):
    """A log on another machine: nothing in it can be read."""

    is_readable: bool = field(default=False, init=False)

    def state(self, subject):
        assert not subject.startswith("decision:")
        return LogSink.state(self, subject)


def test_a_log_on_another_machine(log, repository):
    """A history is imported into a log that cannot be read here, links found later included, and is known again."""
    put(repository.folder, r0001_a=record("A", SUPERSEDED))
    repository.commit("01-01")
    put(repository.folder, r0002_b=record("B", "Accepted"))
    repository.commit("02-01")

    report, again = (bring_in(repository.folder, log, sink=FarSink(log)) for _ in range(2))

    assert (report.imported, again.imported, again.unchanged, again.rejected) == (3, 0, 3, [])
    assert times(log, "0001-a", "superseded_by") == [("2024-02-01", ["0002-b"])]


def test_a_managed_record_is_not_compared_with_its_file(log, repository):
    """A record from git that was changed in the log stays as it is there, and is not reported each time."""
    put(repository.folder, r0001_a=record("A", "Proposed"))
    repository.commit("01-01")
    bring_in(repository.folder, log)
    withdraw = WithdrawDecision(subject=decisions(log)[0], why="No.")
    asyncio.run(log.execute(Transaction((withdraw,), Caller("person:p", "t", "cli"))))

    report = bring_in(repository.folder, log)

    assert (report.imported, report.unchanged, report.skipped, report.rejected) == (0, 1, [], [])
