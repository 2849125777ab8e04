"""The imported log matches the history file as of any time."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby, product

import pytest

from domain.values import to_micros as of_datetime
from interchange.sink import LogSink
from projections.queries.field_values import all_field_values, by_subject
from projections.queries.filters import Filter
from projections.queries.timepoint import TimePoint, resolve_time
from tests.interchange.tracker import naive
from tests.interchange.tracker.support import Clock, open_log, read_model, run, shipped

CELLS = {
    "peps": {
        "title": "title",
        "status": "status",
        "type": "kind",
        "authors": "role.author",
        "delegate": "role.delegate",
        "sponsor": "role.sponsor",
        "created": "created",
        "superseded_by": "superseded_by",
        "replaces": "replaces",
        "requires": "requires",
        "resolution": "x.resolution",
        "discussions_to": "x.discussions_to",
        "post_history": "x.post_history",
    },
    "keps": {
        "title": "title",
        "status": "status",
        "stage": "stage",
        "number": "number",
        "owning_sig": "role.accountable",
        "participating_sigs": "role.consulted",
        "authors": "role.author",
        "approvers": "role.approver",
        "reviewers": "role.reviewer",
        "editor": "role.editor",
        "created": "created",
        "feature_gates": "x.feature_gates",
        "see_also": "x.see_also",
        "replaces": "x.replaces",
        "superseded_by": "x.superseded_by",
        "path": "x.path",
        "latest_milestone": "latest_milestone",
        **{f"milestone.{name}": f"target.{name}" for name in ("alpha", "beta", "stable", "deprecated", "removed")},
        **{f"prr.{name}": f"role.prr.{name}" for name in ("alpha", "beta", "stable", "removed")},
    },
}
FEATURE = {"title": "title", "status": "status", "python_version": "target.ship"}
NICKNAMES = {
    "gvr": "Guido van Rossum",
    "guido": "Guido van Rossum",
    "akuchlin": "A.M. Kuchling",
    "jeremy": "Jeremy Hylton",
    "skip": "Skip Montanaro",
    "tim.one": "Tim Peters",
    "with input from @bgrant0607": "@bgrant0607",
}
NOBODY = {
    "tbd",
    "xxxx",
    "n/a",
    "",
    "(?)",
    "todo containerd reviewer",
    "sig-release: tbd",
    "sig-testing: tbd",
    "todo (?): prod-readiness-approvers, http://git.k8s.io/enhancements/owners_aliases",
}
COUNTS = [4, pytest.param(20, marks=pytest.mark.slow)]
"""How many times are tried; with each, the whole log is compared."""
KINDS = {"peps": "decision", "keps": "feature"}
PRODUCTS = {"peps": "python", "keps": "kubernetes"}


@dataclass
class Imported:
    """A corpus with the log it was imported into."""

    name: str
    log: object
    read: object
    changes: list
    report: object = None
    subjects: dict = field(default_factory=dict)
    """The subject of each document: both are counted in the order in which they begin."""

    def __post_init__(self):
        begun = self.read.rows(
            "select subject from field_value where field = 'exists' and subject like :kind group by subject order by min(id)",
            {"kind": KINDS[self.name] + ":%"},
        )
        docs = dict.fromkeys(change.doc for change in self.changes)
        self.subjects = dict(zip(docs, (subject for (subject,) in begun), strict=True))
        self.person = cache(lambda spelling: self.log.directory.find(NICKNAMES.get(spelling.casefold(), spelling)))

    def wrong(self, fold, when, docs=None):
        """Whatever the log says otherwise than a naive fold, of some documents or all."""
        about = self.subjects if docs is None else {doc: self.subjects[doc] for doc in docs}
        wanted = [*about.values(), *(s.replace("decision:", "feature:") for s in about.values())]
        asked = Filter(subjects=() if docs is None else wanted, include_removed=True)
        told = by_subject(all_field_values(self.read, asked, resolve_time(self.read, when)))
        for doc, subject in about.items():
            expected = fold.docs.get(doc, {})
            yield from self.differing(subject, expected, told.get(subject, {}), CELLS[self.name])
            if self.name == "peps":
                feature = subject.replace("decision:", "feature:")
                yield from self.differing(
                    feature, expected if doc in fold.aimed else {}, told.get(feature, {}), FEATURE
                )

    def differing(self, subject, expected, told, cells):
        """The fields of one subject that the log tells otherwise, and what it has beyond them."""
        one = {"exists": expected.get("exists"), "aliases": [expected["name"]] if "name" in expected else None}
        for name, value in one.items():
            if told.get(name, {}).get("value") != value:
                yield subject, name, value, told.get(name)
        for name, cell in cells.items():
            if not self.same(name, expected.get(name), told.get(cell)):
                yield subject, name, expected.get(name), told.get(cell)
        beyond = told.keys() - set(cells.values()) - {"exists", "aliases", "products", "decisions"}
        yield from ((subject, name, None, told[name]) for name in beyond)

    def same(self, name, raw, cell):
        """Whether a field has the value of the file. What has no value of ours has the source value."""
        if not raw:
            return cell is None
        if cell is None:
            return False
        if name in ("python_version", "latest_milestone") or name.startswith("milestone."):
            return cell["source_value"] == raw and cell["value"] == naive.version(raw, PRODUCTS[self.name])
        people = name in CELLS[self.name] and CELLS[self.name][name].startswith("role.")
        if people or (name in naive.RECORDS and self.name == "peps"):
            members = [raw] if isinstance(raw, str) else raw
            split = [
                one for member in members for one in (member.split(", ") if name == "participating_sigs" else [member])
            ]
            named = [self.subject_of(name, member) for member in split]
            kept = [one for one in named if one is not None]
            whole = kept == named and split == members
            return (cell["value"] or []) == kept and (
                whole or json.loads(cell["source_value"]) == self.spelling_of(raw)
            )
        if cell["source_value"] is not None:
            return cell["source_value"] == raw
        return cell["value"] == raw

    def subject_of(self, field_, member):
        """The subject behind a member of a list; None for nobody and for what is no document."""
        if isinstance(member, int):
            return self.subjects[member]
        if field_ in naive.RECORDS or member.casefold() in NOBODY:
            return None
        team = re.fullmatch(r"@?(?:kubernetes/)?((?:sig|wg)-[a-z0-9-]+)", member)
        if field_ in ("owning_sig", "participating_sigs") or team:
            return f"team:{team[1] if team else member}"
        special = {"The Python core team": "python-core-team", "community": "python-community"}
        if member in ("Python Database SIG", *special):
            return f"team:{special.get(member, 'python-database-sig')}"
        found = self.person(member)
        assert len(found) == 1, member
        return found[0]

    def spelling_of(self, raw):
        names = {change.doc: change.fields.get("name") for change in self.changes if "name" in change.fields}
        return [names[member] if isinstance(member, int) else member for member in raw]


@pytest.fixture(scope="module", params=["peps", "keps"])
def imported(request, tmp_path_factory):
    """A corpus as it is shipped: what landed took effect when it landed."""
    name, folder = request.param, tmp_path_factory.mktemp(request.param)
    path = {"peps": naive.PEPS, "keps": naive.KEPS}[name]
    clock = Clock()
    with open_log(folder, clock) as log:
        report = run(path, shipped(name), log)
        with read_model(folder, log, clock) as read:
            yield Imported(name, log, read, list(naive.match_lines(naive.lines_of(path))), report)


def spread(instants, n):
    """As many instants, spread over a span."""
    return [min(instants) + (max(instants) - min(instants)) * k // (n - 1) for k in range(n)]


def ties(changes, at):
    """The instants at which several lines landed."""
    return sorted(instant for instant, times in Counter(at(change) for change in changes).items() if times > 1)


def at(change):
    return naive.micros(change.line["at"])


def authored(change):
    return naive.micros(change.line["authored_at"])


SKIPPED = {"peps": [], "keps": ["2105", "2196"]}
IMPORTED = {"peps": 2688, "keps": 3142}


def test_every_line_is_imported(imported):
    """Every line of the two corpora is imported, except those about KEP-2594, which was never created."""
    report = imported.report

    assert [one.line for one in report.skipped] == SKIPPED[imported.name]
    assert (report.imported, report.rejected) == (IMPORTED[imported.name], [])
    assert (report.unmapped_fields, report.unmapped_columns) == ({}, {})


@pytest.mark.parametrize("count", COUNTS)
def test_fields_as_of_any_time_match_the_file(imported, count):
    """As of some times, every field of every record equals the lines until then."""
    wrong = []

    for instant in spread([at(change) for change in imported.changes], count):
        fold = naive.fold(change for change in imported.changes if at(change) <= instant)
        wrong += imported.wrong(fold, TimePoint(as_of=instant))

    assert wrong == []


def test_the_later_line_wins_a_tie(imported):
    """At the time of a tie, and a microsecond before and after, the records match the file."""
    wrong = []
    ordered = sorted(imported.changes, key=lambda change: (at(change), change.line["seq"]))

    for instant, docs, fold in around(ordered, ties(imported.changes, at), at):
        wrong += imported.wrong(fold, TimePoint(as_of=instant), docs)

    assert wrong == []


def around(ordered, instants, when):
    """A microsecond before, at and after each instant, with who changes then and the fold of all that took effect."""
    fold, done = naive.Fold(), 0
    docs = {instant: {change.doc for change in some} for instant, some in groupby(ordered, when)}
    for tie in instants:
        for instant in (tie - 1, tie, tie + 1):
            while done < len(ordered) and when(ordered[done]) <= instant:
                fold.apply(ordered[done])
                done += 1
            yield instant, docs[tie], fold


# Two clocks

SECOND = 1_000_000


class ByTheirOwnClock(LogSink):
    """Sends the lines that landed at one instant together, when the clock of the log reads that instant."""

    async def execute_many(self, transactions):
        results = []
        for at, together in groupby(
            transactions, lambda transaction: transaction.commands[0].source and transaction.commands[0].source.at
        ):
            self.log._clock.now = of_datetime(at) if at else naive.micros("2018-12-01T07:06:41Z")
            results += await super().execute_many(list(together))
        return results


@pytest.fixture(scope="module")
def twice_dated(tmp_path_factory):
    """The KEP file recorded when each line landed, and in effect from when it was written."""
    folder, clock = tmp_path_factory.mktemp("clocks"), Clock(0)
    mapping = shipped("keps")
    columns = mapping.columns.model_copy(update={"when": "authored_at", "source_at": "at"})
    with open_log(folder, clock) as log:
        run(naive.KEPS, mapping.model_copy(update={"columns": columns}), log, sink=ByTheirOwnClock(log))
        clock.now = naive.micros("2023-01-01T00:00:00Z")
        with read_model(folder, log, clock) as read:
            yield Imported("keps", log, read, list(naive.match_lines(naive.lines_of(naive.KEPS))))


def by_authorship(changes):
    return sorted(changes, key=lambda change: (authored(change), change.line["seq"]))


@pytest.mark.slow
@pytest.mark.parametrize("count", COUNTS)
def test_as_of_uses_the_time_of_writing(twice_dated, count):
    """As of T is the result of the lines written until T, in the order of writing."""
    ordered = by_authorship(twice_dated.changes)
    instants = spread([authored(change) for change in ordered], count)

    wrong = [
        one
        for instant in instants
        for one in twice_dated.wrong(
            naive.fold(change for change in ordered if authored(change) <= instant), TimePoint(as_of=instant)
        )
    ]
    for instant, docs, fold in around(ordered, ties(twice_dated.changes, authored), authored):
        wrong += twice_dated.wrong(fold, TimePoint(as_of=instant), docs)

    assert wrong == []
    kep_1122 = next(change.doc for change in ordered if change.line["record"] == "KEP-1122")
    assert naive.fold(ordered).docs[kep_1122]["stage"] == "alpha"


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 8])
def test_known_at_goes_by_when_it_landed(twice_dated, count):
    """Known at K is the fold of the lines that had landed by then, as they took effect: the log gives lines that land
    together microseconds of their own, so that K is taken a second's fraction after, and just before."""
    wrong = []

    for instant in spread([at(change) for change in twice_dated.changes], count):
        for known in (instant - instant % SECOND + SECOND - 1, instant - instant % SECOND - 1):
            landed = [change for change in twice_dated.changes if at(change) <= known]
            wrong += twice_dated.wrong(naive.fold(by_authorship(landed)), TimePoint(known_at=known))

    assert wrong == []


@pytest.mark.parametrize("count", [3, pytest.param(6, marks=pytest.mark.slow)])
def test_as_of_and_known_at_combine(twice_dated, count):
    """As of T known at K is the result of the lines written until T that had landed by K."""
    wrong = []
    instants = spread([at(change) for change in twice_dated.changes], count)[1:]

    for as_of, second in product(instants, instants):
        known = second + SECOND - second % SECOND - 1
        seen = [change for change in twice_dated.changes if at(change) <= known and authored(change) <= as_of]
        wrong += twice_dated.wrong(naive.fold(by_authorship(seen)), TimePoint(as_of=as_of, known_at=known))

    assert wrong == []
