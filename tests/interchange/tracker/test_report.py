"""The progress report on an imported history matches the history file."""

import re

import pytest

from projections.queries.report import ReportRequest, report
from tests.interchange.tracker import naive
from tests.interchange.tracker.support import AFTER, Clock, open_log, read_model, run, shipped

SINCE, UNTIL = "2021-04-01T00:00:00Z", "2021-07-01T00:00:00Z"
MEANT = {
    "provisional": "proposed",
    "draft": "proposed",
    "pending": "proposed",
    "implemented": "shipped",
    "deferred": "paused",
    "implemented (alpha)": "started",
    "implemented (beta)": "started",
    **dict.fromkeys(("implementable", "implementeable", "impementable"), "committed"),
    **dict.fromkeys(("rejected", "withdrawn", "replaced", "removed"), "dropped"),
}
STAGES = {"alpha", "beta", "stable", "removed"}


def cells_of(fields):
    """What some fields of the file mean for the roadmap: each cell that is understood."""
    for name, said in fields.items():
        raw = said[0] if isinstance(said, list) and said else said
        if name == "exists":
            yield "exists", said
        elif name == "status":
            yield "status", MEANT.get(raw)
        elif name == "stage":
            yield "stage", next((stage for stage in STAGES if raw and raw.split(" (")[0] == stage), None)
        elif name.startswith("milestone."):
            found = raw and re.fullmatch(r"v?(\d+\.\d+)(\.\d+)?", raw)
            release = found and f"release:kubernetes-{found[0].removeprefix('v')}"
            yield name.replace("milestone", "target"), release if raw != "v0.0" else None
        elif name == "owning_sig":
            yield "owner", bool(raw and re.fullmatch(r"@?(kubernetes/)?(sig|wg)-[a-z0-9-]+", raw)) and raw


def number(release):
    return tuple(map(int, release.rpartition("-")[2].split(".")))


def section(cell, before, after):
    if cell == "owner":
        return "handed_over"
    if cell == "exists":
        return "moved" if after else "dropped"
    if cell == "status" and after in ("shipped", "dropped"):
        return after
    if cell.startswith("target.") and before and after and number(before) < number(after):
        return "slipped"
    return "moved"


def told_by_the_file(lines):
    """Every line of the span as (section, document, cell, before, after, at, who), and all that holds at its end."""
    happened, held = [], {}
    for said in sorted(naive.match_lines(lines), key=lambda said: (said.line["at"], said.line["seq"])):
        at = said.line["at"]
        if at >= UNTIL:
            continue
        document = held.setdefault(said.doc, {})
        new = not document
        for cell, after in cells_of(said.fields):
            before = document.get(cell)
            document[cell] = after
            if at >= SINCE and before != after and not (new and cell == "owner"):
                who = said.line["who"]
                happened.append((section(cell, before, after), said.doc, cell, before, after, at, who))
    return happened, {doc: cells for doc, cells in held.items() if cells["exists"]}


@pytest.fixture(scope="module")
def keps(tmp_path_factory):
    """The log with the file in it, a snapshot of its read model, and the subject of each document."""
    folder = tmp_path_factory.mktemp("keps")
    clock = Clock()
    with open_log(folder, clock) as log:
        assert not run(naive.KEPS, shipped("keps"), log).rejected
        clock.now = AFTER
        with read_model(folder, log, clock) as read:
            begun = read.rows(
                "select subject from field_value where field = 'exists' and subject like 'feature:%' group by subject order by min(id)",
                {},
            )
            documents = dict.fromkeys(said.doc for said in naive.match_lines(naive.lines_of(naive.KEPS)))
            yield log, read, {subject: doc for doc, (subject,) in zip(documents, begun, strict=True)}


@pytest.fixture(scope="module")
def keps_report(keps):
    """The report of the second quarter of 2021."""
    since, until = naive.micros(SINCE), naive.micros(UNTIL)
    return report(keps[1], ReportRequest("product:kubernetes", since, until))


def test_what_happened_is_what_the_file_tells(keps, keps_report):
    """Every line of the file in the quarter that moves the roadmap is reported once, under the right heading, with day, person
    and pull request, and nothing else is."""
    log, _, documents = keps
    expected, _ = told_by_the_file(naive.lines_of(naive.KEPS))

    found = [
        (
            row["section"],
            documents[row["subject"]],
            change["field"].replace("role.accountable", "owner"),
            change["before"]["value"],
            change["after"]["value"],
            row["at"][:19] + "Z",
            row["by"],
        )
        for row in keps_report.rows
        if row["section"] in ("shipped", "dropped", "slipped", "moved", "handed_over")
        for change in row["changes"]
    ]

    assert len(expected) > 200
    named = [(*line[:6], list(log.directory.find(line[6]))) for line in expected]
    assert sorted(map(repr, found)) == sorted(map(repr, named))


def test_the_open_items_match_the_file(keps, keps_report):
    """The features to come, without owner and without decision at the end of the quarter are those of the file."""
    documents = keps[2]
    _, held = told_by_the_file(naive.lines_of(naive.KEPS))
    open_ = {doc: cells for doc, cells in held.items() if cells.get("status") not in ("shipped", "dropped")}
    planned = {
        doc
        for doc, cells in open_.items()
        if cells.get("status") in ("committed", "started", "paused")
        or any(release for cell, release in cells.items() if cell.startswith("target."))
    }

    def documents_in(name):
        return {documents.get(row["subject"], row["subject"]) for row in keps_report.rows if row["section"] == name}

    assert documents_in("next") == {doc for doc in planned if open_[doc].get("status") != "paused"}
    assert documents_in("undecided") == planned, "no proposal of the file names a decision of ours"
    assert documents_in("unowned") == {doc for doc in open_ if not open_[doc].get("owner")} | {"product:kubernetes"}
    assert documents_in("overdue") == documents_in("waiting") == documents_in("decisions") == set()


def test_each_line_names_its_reason_and_entry(keps, keps_report):
    """Each line has the reason from the file and the position of its entry."""
    by_reference = {}
    for line in naive.lines_of(naive.KEPS):
        by_reference.setdefault(line["commit"], set()).add(line["subject"])

    for row in keps_report.rows:
        if row["section"] in ("shipped", "dropped", "slipped", "moved"):
            blame = row["blame"]
            entry = keps[0].entry(blame["position"])
            assert blame["note"] in by_reference[blame["source"]["reference"].rpartition("commit:")[2]]
            assert (entry.subject, entry.metadata.note) == (row["subject"], blame["note"])


def test_a_missing_line_is_detected():
    """The expected report without one line of the file differs from the one with it."""
    lines = naive.lines_of(naive.KEPS)
    shipped_in_may = next(
        n
        for n, line in enumerate(lines)
        if line["field"] == "status" and line["at"][:7] == "2021-05" and line["to"] == "implemented"
    )

    whole, _ = told_by_the_file(lines)
    less, _ = told_by_the_file(lines[:shipped_in_may] + lines[shipped_in_may + 1 :])

    assert [line[0] for line in whole if line not in less] == ["shipped"]
