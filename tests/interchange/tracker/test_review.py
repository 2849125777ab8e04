"""What real files get wrong: which record, person and time a line is about, and what a file is."""

import asyncio
import csv
import io
import json

import pytest

from eventlog.entry import Transaction
from interchange.source_file import NotAHistoryError
from projections.queries.names import find_by_name
from projections.queries.search import search
from projections.queries.timepoint import TimePoint, resolve_time
from tests.interchange.tracker import naive
from tests.interchange.tracker.support import AFTER, Clock, example, new_keys, open_log, read_model, run, write

BASE = r"""
system = "tracker"
empty_values = ["TBD", "n/a"]
[product]
key = "shop"
title = "The shop"
[columns]
when = "created"
who = "author"
record = "issue"
kind = "action"
field = "field"
from = "fromString"
to = "toString"
[kinds]
create = ["created"]
remove = ["deleted"]
restore = ["restored"]
rename = ["moved"]
unknown_records = "create"
[releases]
pattern = 'v?(\d+\.\d+)'
[[subject]]
kind = "feature"
[subject.fields.summary]
field = "title"
[subject.fields.status]
field = "status"
as = "mapped"
[subject.fields.status.values]
"Open" = "proposed"
"In Progress" = "started"
"Done" = "shipped"
[subject.fields."Fix Version"]
field = "target.ship"
as = "release"
[subject.fields.labels]
field = "labels"
separator = " "
[subject.fields.assignee]
field = "role.accountable"
as = "people"
[subject.fields.blocks]
field = "blocks"
as = "records"
[subject.fields.team]
field = "role.responsible"
as = "teams"
"""
STRICT = BASE.replace('unknown_records = "create"', "")
EMPTY = {"field": None, "fromString": None, "toString": None}


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path) as opened:
        yield opened


@pytest.fixture
def file(tmp_path):
    return tmp_path / "history.jsonl"


def born(issue="S-1", at="2024-05-01T10:00:00Z", author="ann", **state):
    state = {"summary": issue, "status": "Open"} | state
    return {**EMPTY, "issue": issue, "action": "created", "created": at, "author": author, "toString": state}


def change(field, to, at="2024-06-01T10:00:00Z", issue="S-1", author="ann", before=None, **more):
    return {
        **EMPTY,
        "issue": issue,
        "action": "",
        "created": at,
        "author": author,
        "field": field,
        "fromString": before,
        "toString": to,
        **more,
    }


def known_as(log, subject, name, at=AFTER):
    return log.state(subject).value_at(name, at)


def features(log):
    return [one for one in log.subjects("", 10_000) if one.startswith("feature:")]


def people(log):
    return {one.id for one in log.directory.list_people() if one.id.startswith("person:") and log.state(one.id).version}


def living(log):
    return {one for one in people(log) if known_as(log, one, "merged_into") is None}


# Which record


@pytest.mark.parametrize("name", ["1", "S-1", "日本", "A long name"])
def test_one_id_in_two_systems_is_two_records(log, file, name):
    """A record is known by its system and its id: two trackers that count alike have two records."""
    other = BASE.replace('"tracker"', '"site-tracker"').replace('key = "shop"', 'key = "site"')
    run(write(file, born(name, summary="Gift cards")), example(BASE), log)
    run(write(file, born(name, "2024-06-01T10:00:00Z", summary="Parking lots")), example(other), log)
    again = run(file, example(other), log)

    found = {known_as(log, one, "title"): known_as(log, one, "products") for one in features(log)}
    assert found == {"Gift cards": ["product:shop"], "Parking lots": ["product:site"]}
    assert (again.imported, again.unchanged) == (0, 1)


def test_a_name_of_two_records_is_ambiguous(log, file):
    """A line that fits two living records is reported and given to neither."""
    lines = [
        born(summary="First"),
        born(at="2024-05-02T10:00:00Z", summary="Second"),
        change("status", "Done", "2024-05-03T10:00:00Z"),
    ]

    report = run(write(file, *lines), example(STRICT), log)

    assert ["may be 2 records" in one.message for one in report.skipped] == [True]
    assert [known_as(log, one, "status") for one in features(log)] == ["proposed", "proposed"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_column_tells_records_of_one_name_apart(log, file, order):
    """With a column for the identity, each line is about its own record, whatever names it had."""
    lines = [
        born(summary="First") | {"uid": "a/1.md"},
        born(at="2024-05-02T10:00:00Z", summary="Second") | {"uid": "b/1.md"},
        {
            **EMPTY,
            "action": "moved",
            "issue": "S-2",
            "fromString": "S-1",
            "uid": "b/1.md",
            "author": "ann",
            "created": "2024-05-03T10:00:00Z",
        },
        change("status", "Done", "2024-05-04T10:00:00Z", uid="a/1.md"),
        change("status", "In Progress", "2024-05-05T10:00:00Z", issue="S-2", uid="b/1.md"),
    ]
    mapping = example(STRICT.replace("[columns]", '[columns]\nidentity = "uid"'))

    report = run(write(file, *lines[::order]), mapping, log)

    told = {
        known_as(log, one, "title"): (known_as(log, one, "status"), known_as(log, one, "aliases"))
        for one in features(log)
    }
    assert report.is_complete
    assert told == {"First": ("shipped", ["S-1"]), "Second": ("started", ["S-2"])}


def test_a_removed_record_does_not_take_lines_of_a_living_one(log, file):
    """After one of two records of a name is removed, the name means the living one."""
    lines = [
        born(summary="First"),
        {**EMPTY, "action": "deleted", "issue": "S-1", "author": "ann", "created": "2024-05-02T10:00:00Z"},
        born(at="2024-05-03T10:00:00Z", summary="Second"),
        change("status", "Done", "2024-05-04T10:00:00Z"),
    ]

    run(write(file, *lines), example(STRICT), log)

    assert {known_as(log, one, "title"): known_as(log, one, "status") for one in features(log)} == {
        "First": "proposed",
        "Second": "shipped",
    }


@pytest.mark.parametrize("first", [0, 1])
def test_a_link_to_a_record_that_begins_in_the_same_second(log, file, first):
    """A link leads to a record that begins in the same second, in whatever order the lines come."""
    lines = [born("S-1", blocks=["S-2"]), born("S-2")]

    run(write(file, lines[first], lines[1 - first]), example(STRICT), log)

    (subject,) = [one for one in features(log) if known_as(log, one, "title") == "S-1"]
    assert known_as(log, subject, "blocks") == ["feature:s-2"]


def test_files_in_any_order_equal_one_file(log, file, tmp_path):
    """A file that continues another one finds its records, also after they were renamed."""
    lines = [
        born(),
        {
            **EMPTY,
            "action": "moved",
            "issue": "S-9",
            "fromString": "S-1",
            "author": "ann",
            "created": "2024-05-03T10:00:00Z",
        },
        change("status", "Done", "2024-05-04T10:00:00Z", issue="S-9"),
    ]
    for line in lines:
        assert run(write(file, line), example(STRICT), log).is_complete
    (tmp_path / "whole").mkdir()
    with open_log(tmp_path / "whole") as whole:
        run(write(file, *lines), example(STRICT), whole)

        for at in map(naive.micros, ("2024-05-01T10:00:00Z", "2024-05-03T10:00:00Z", "2024-05-05T10:00:00Z")):
            for name in ("status", "aliases", "title"):
                assert known_as(log, "feature:s-1", name, at) == known_as(whole, "feature:s-1", name, at)


# Who


@pytest.mark.parametrize("order", [1, -1])
def test_a_handle_with_and_without_its_sign_is_one_person(log, file, order):
    """`@ann` in one import and `ann` in a later one are one person, whatever the order of imports."""
    spelled = ["@ann", "ann"][::order]
    for n, who in enumerate(spelled):
        run(write(file, born(f"S-{n}", author=who, assignee=who)), example(BASE), log)

    owners = {str(known_as(log, one, "role.accountable")) for one in features(log)}
    assert len(living(log)) == len(owners) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("Ölmühle", "Ülmöhle"), ("C++", "C#"), ("日本", "中国"), ("Blue Team", "Blue-Team"), ("É", "È")]
)
def test_teams_of_any_name_stay_apart(log, file, one, other):
    """Two teams whose names differ in any character are two teams, and never people."""
    run(write(file, born("S-1", team=one), born("S-2", team=other)), example(BASE), log)

    teams = [known_as(log, subject, "role.responsible") for subject in features(log)]
    assert teams[0] != teams[1]
    assert all(team[0].startswith("team:") for team in teams)
    assert [known_as(log, team[0], "title") for team in teams] == [one, other]


@pytest.mark.parametrize(("one", "other"), [("日本", "中国"), ("Größe", "Grösse"), ("R 1", "R-1")])
def test_releases_of_any_name_stay_apart(log, file, one, other):
    """Two releases whose names differ are two releases."""
    mapping = example(BASE.replace(r"v?(\d+\.\d+)", "(.+)"))

    run(write(file, born("S-1", **{"Fix Version": one}), born("S-2", **{"Fix Version": other})), mapping, log)

    releases = [known_as(log, subject, "target.ship") for subject in features(log)]
    assert releases[0] != releases[1]
    assert [known_as(log, release, "version") for release in releases] == [one, other]


@pytest.mark.parametrize(
    "author", [None, "", "  ", "n/a", "x" * 5000, {}, {"id": 7}, {"displayName": None}, [], ["a", "b"], True]
)
def test_an_unknown_author_is_not_the_importer(log, file, author):
    """A change without a known author is nobody's: the importer is never shown as the one who made it."""
    run(write(file, born(author=author), change("status", "Done", author=author)), example(BASE), log)

    entries = log.stream("feature:s-1")
    assert len(entries) == 2
    assert {entry.metadata.principal for entry in entries} == {"unknown"}


@pytest.mark.parametrize(
    ("path", "author"),
    [
        ("author", {"displayName": "Ann Arbor"}),
        ("author.displayName", {"displayName": "Ann Arbor"}),
        ("author.user.name", {"user": {"name": "Ann Arbor"}}),
        ("author[0].name", [{"name": "Ann Arbor"}]),
        ("author", [{"login": "Ann Arbor"}]),
    ],
)
def test_an_author_in_an_object(log, file, path, author):
    """A mapping takes a path, and the name in an object that describes a person is found."""
    mapping = example(BASE.replace('who = "author"', f'who = "{path}"'))

    run(write(file, born(author=author)), mapping, log)

    (entry,) = log.stream("feature:s-1")
    assert log.directory.name(entry.metadata.principal) == "Ann Arbor"


@pytest.mark.parametrize("name", ["dependabot", "dependabot[bot]", "Renovate Bot"])
def test_a_service_as_author(log, file, name):
    """A mapping says which authors are services; they are no people."""
    people_table = r"""[people]
service = '(.+)\[bot\]'
services = { dependabot = ["dependabot"], renovate = ["Renovate Bot"] }
"""
    mapping = example(BASE.replace("[[subject]]", people_table + "[[subject]]", 1))

    run(write(file, born(author=name)), mapping, log)

    (entry,) = log.stream("feature:s-1")
    assert entry.metadata.principal in ("service:dependabot", "service:renovate")
    assert people(log) == set()


@pytest.mark.parametrize("last", ["Cara Cole", "Bob Branch"])
def test_an_erased_person_stays_erased(log, file, last):
    """A file that is imported again with a line more does not register an erased person."""
    lines = [
        born(author="Bob Branch", assignee="Bob Branch"),
        change("status", "In Progress", author="Cara Cole", before="Open"),
    ]
    run(write(file, *lines), example(BASE), log)
    (bob,) = log.directory.find("Bob Branch")
    log.directory.erase_names(bob)
    more = change("status", "Done", "2024-07-01T10:00:00Z", author=last, before="In Progress")
    also = change("assignee", "Bob Branch", "2024-07-02T10:00:00Z", author="Cara Cole")

    report = run(write(file, *lines, more, also), example(BASE), log)

    assert log.directory.find("Bob Branch") == ()
    assert (report.unchanged, report.imported, report.rejected) == (2, 2, [])
    assert known_as(log, "feature:s-1", "status") == "shipped"
    texts = b"".join(str(log.entry(n)).encode() for n in range(1, log.head().size + 1))
    assert b"Bob Branch" not in texts


# When


@pytest.mark.parametrize("shuffle", [slice(None, None, -1), slice(None, None, 2)])
def test_lines_in_any_order(log, file, shuffle):
    """Lines are ordered by their time; a file with the newest first is one history."""
    lines = [
        born(),
        change("status", "In Progress", "2024-06-01T10:00:00Z", before="Open"),
        change("status", "Done", "2024-07-01T10:00:00Z", before="In Progress"),
    ]
    mixed = [*lines[shuffle], *(line for line in lines if line not in lines[shuffle])]

    report = run(write(file, *mixed), example(STRICT), log)

    assert (report.is_complete, report.contradictions) == (True, [])
    at = [naive.micros(f"2024-0{n}-02T00:00:00Z") for n in (5, 6, 7)]
    assert [known_as(log, "feature:s-1", "status", one) for one in at] == ["proposed", "started", "shipped"]


def test_ties_of_a_reversed_file(log, file):
    """In a file with the newest first, the upper of two lines of one second is the later one."""
    at = "2024-06-01T10:00:00Z"
    lines = [
        change("status", "Open", "2024-07-01T10:00:00Z"),
        change("summary", "Last", at),
        change("summary", "First", at),
        born(),
    ]

    run(write(file, *lines), example(STRICT), log)

    assert known_as(log, "feature:s-1", "title") == "Last"


def test_people_teams_and_releases_begin_when_first_named(log, file):
    """A person, a team and a release are in the log from the time at which a line first names them."""
    late = change("assignee", "Dana", "2024-09-01T10:00:00Z")
    mapping = BASE.replace('title = "The shop"', 'title = "The shop"\nreleases = ["2.1", "9.9"]')
    lines = [born(team="blue", **{"Fix Version": "2.1"}), change("team", "red", "2024-08-01T10:00:00Z"), late]

    run(write(file, *lines), example(mapping), log)

    (dana,) = log.directory.find("Dana")
    starts = {one: log.state(one).started_at() for one in (dana, "team:red", "team:blue", "release:shop-2.1")}
    assert list(starts.values()) == [
        naive.micros(one)
        for one in ("2024-09-01T10:00:00Z", "2024-08-01T10:00:00Z", "2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z")
    ]
    assert not log.state("release:shop-9.9").exists_at(naive.micros("2024-09-01T10:00:00Z"))


TIMES = [
    ("2024-05-01T10:00:00.000+0000", ""),
    ("2024-05-01T10:00:00", ""),
    ("2024-05-01 10:00:00", ""),
    ("2024-05-01 10:00:00 UTC", ""),
    (1714557600000, ""),
    (1714557600, ""),
    ("1714557600", ""),
    ("01/May/24 10:00 AM", ""),
    ("Wed May 01 2024 10:00:00 GMT+0000 (GMT)", ""),
    ("May 1, 2024, 10:00 AM", ""),
    ("05/01/2024 10:00 AM", 'formats = ["MM/DD/YYYY h:mm a"]'),
    ("01.05.2024 10:00", 'formats = ["DD.MM.YYYY HH:mm"]'),
    ("01.05.2024 12:00", 'formats = ["%d.%m.%Y %H:%M"]\nzone = "Europe/Berlin"'),
    ("2024-05-01 06:00", 'zone = "America/New_York"'),
    ("01/Mai/24 10:00", ""),
    ("2024/05/01 10:00", ""),
    ("20240501T100000Z", ""),
    ("20240501T120000+0200", ""),
    ("2024年5月1日 10:00", ""),
    ("2024年5月1日 10時00分", ""),
    ("1 de mayo de 2024 10:00", ""),
    ("Wed May  1 10:00:00 UTC 2024", ""),
    ("Wed, 01 May 2024 12:00:00 +0200", ""),
    ("1714557600.000", ""),
    ("/Date(1714557600000)/", ""),
    ("5/1/2024 6:00", 'formats = ["M/D/YYYY H:mm"]\nzone = "America/New_York"'),
]


@pytest.mark.parametrize(("written", "table"), TIMES)
def test_times_as_trackers_write_them(log, file, written, table):
    """A time is read in any form that can mean only one time, else by the formats and the zone of the mapping."""
    mapping = example(BASE.replace("[columns]", f"[time]\n{table}\n[columns]"))

    report = run(write(file, born(at=written)), mapping, log)

    assert report.is_complete
    assert log.state("feature:s-1").started_at() == naive.micros("2024-05-01T10:00:00Z")


@pytest.mark.parametrize("written", ["05/01/2024 10:00 AM", "01.05.2024", "1-5-24"])
def test_a_day_and_a_month_are_never_guessed(log, file, written):
    """A date that may be day-month or month-day is not placed without a format."""
    report = run(write(file, born(), change("status", "Done", written)), example(BASE), log)

    assert [("may be day-month or month-day" in one.message) for one in report.skipped] == [True]
    assert known_as(log, "feature:s-1", "status") == "proposed"


@pytest.mark.parametrize(
    ("written", "shows"),
    [
        ("01.05.2024 10:00", "13.05.2024"),
        ("1.5.2024, 10:00", "31.12.2024 23:59"),
        ("01/05/24 10:00 AM", "13/06/24"),
        ("05/01/2024 10:00 AM", "5/13/2024 1:00 pm"),
        ("5-1-2024 10:00", "06-30-2024"),
        ("1/5/2024 10:00 UTC", "2/6/2024\n13/07/2024"),
    ],
)
def test_another_date_shows_the_order_of_day_and_month(log, file, written, shows):
    """A date with a number above 12 determines for the whole file whether the day or the month comes first."""
    later = [change("status", "Done", at) for at in shows.split("\n")]

    report = run(write(file, born(at=written), *later), example(BASE), log)

    assert report.is_complete
    assert log.state("feature:s-1").started_at() == naive.micros("2024-05-01T10:00:00Z")
    assert any("comes first" in one.message for one in report.warnings)


def test_dates_in_both_orders_are_not_settled(log, file):
    """If some dates begin with the day and others with the month, none is read without a format."""
    lines = [change("status", "Done", "13/05/2024"), change("status", "Open", "05/13/2024")]

    report = run(write(file, born(), *lines), example(BASE), log)

    assert len(report.skipped) == 2


def test_a_format_settles_the_order_of_other_dates(log, file):
    """A format of the mapping says which comes first also for dates with another time behind them."""
    mapping = example(BASE.replace("[columns]", '[time]\nformats = ["DD.MM.YYYY"]\n[columns]'))

    report = run(write(file, born(at="1.5.2024 10:00")), mapping, log)

    assert report.is_complete
    assert log.state("feature:s-1").started_at() == naive.micros("2024-05-01T10:00:00Z")


# What


def test_values_that_are_added_and_removed_one_by_one(log, file):
    """A field whose lines each add or remove one value holds what they come to."""
    lines = [
        born(**{"Fix Version": "v2.1"}),
        change("Fix Version", "v2.2", "2024-06-01T10:00:00Z"),
        change("Fix Version", None, "2024-06-02T10:00:00Z", before="v2.1"),
    ]

    run(write(file, *lines), example(BASE), log)

    assert known_as(log, "feature:s-1", "target.ship", naive.micros("2024-06-01T12:00:00Z")) == [
        "release:shop-2.1",
        "release:shop-2.2",
    ]
    assert known_as(log, "feature:s-1", "target.ship") == "release:shop-2.2"


@pytest.mark.parametrize("columns", ["several", "added"])
def test_additive_fields_by_the_mapping(log, file, columns):
    """A mapping says that a field has several values, or names the columns of what is added and removed."""
    if columns == "several":
        mapping = BASE.replace('field = "labels"\nseparator = " "', 'field = "labels"\nseveral = true')
        lines = [born(), change("labels", "a", "2024-06-01T10:00:00Z"), change("labels", "b", "2024-06-02T10:00:00Z")]
    else:
        mapping = BASE.replace('to = "toString"', 'to = "toString"\nadded = "plus"\nremoved = "minus"')
        lines = [
            born(),
            change("labels", None, plus=["a", "c"]),
            change("labels", None, "2024-06-02T10:00:00Z", plus="b", minus=["c"]),
        ]

    run(write(file, *lines), example(mapping), log)

    assert known_as(log, "feature:s-1", "labels") == ["a", "b"]


@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", " : ")])
def test_a_line_is_known_by_what_it_says(log, file, ensure_ascii, separators):
    """The same history written by another program is recognized: spaces, order of keys and escapes do not count."""
    lines = [born(author="Zoë Müller"), change("status", "Done", author="Zoë Müller", before="Open")]
    run(write(file, *lines), example(BASE), log)
    size = log.head().size
    texts = [json.dumps(line, ensure_ascii=ensure_ascii, separators=separators, sort_keys=True) for line in lines]

    report = run(write(file, *texts), example(BASE), log)

    assert (report.imported, report.unchanged, log.head().size) == (0, 2, size)


@pytest.mark.parametrize("number", ["7", "7.0", "7.00", "7e0"])
def test_a_number_is_known_however_it_is_written(log, file, number):
    """Some programs write 7.0 for 7; the line says the same."""
    lines = [json.dumps(born(points=7)), json.dumps(change("points", 7, size=7))]
    run(write(file, *lines), example(BASE), log)

    report = run(write(file, *(line.replace(": 7", f": {number}") for line in lines)), example(BASE), log)

    assert (report.imported, report.unchanged) == (0, 2)


@pytest.mark.parametrize("ids", [("1", "2", "2"), ("", "", ""), (None, "7", "7"), (1, 1, 1)])
def test_one_id_for_several_changes(log, file, ids):
    """Several changes of one entry have one id, and all are placed; an empty id is none."""
    lines = [born(), change("status", "Done"), change("Fix Version", "v2.1")]
    lines = [line | {"id": id_} for line, id_ in zip(lines, ids, strict=True)]
    mapping = example(BASE.replace("[columns]", '[columns]\nid = "id"'))

    first, again = run(write(file, *lines), mapping, log), run(file, mapping, log)

    assert (first.imported, first.rejected, again.unchanged) == (3, [], 3)
    assert known_as(log, "feature:s-1", "status") == "shipped"


def test_a_corrected_mapping_records_the_new_meaning(log, file):
    """A corrected mapping records what a value means; the source value stays, and what was known before is unchanged."""
    lines = [
        born(status="Waiting"),
        change("status", "Donne", before="Waiting"),
        change("summary", "Last", "2024-07-01T10:00:00Z"),
    ]
    run(write(file, *lines), example(BASE), log)
    size = log.head().size
    corrected = BASE.replace('"Open" = "proposed"', '"Open" = "proposed"\n"Waiting" = "proposed"\n"Donne" = "shipped"')

    report, again = run(file, example(corrected), log), run(file, example(corrected), log)

    rows = log.state("feature:s-1").rows["status"]
    assert (report.corrected, report.unchanged, report.rejected) == (2, 1, [])
    assert (again.corrected, again.unchanged) == (0, 3)
    assert known_as(log, "feature:s-1", "status", naive.micros("2024-05-15T00:00:00Z")) == "proposed"
    assert known_as(log, "feature:s-1", "status") == "shipped"
    assert {row.source_value for row in rows} == {"Waiting", "Donne"}
    assert [row.value for row in rows if row.position <= size] == [None, None]


@pytest.mark.parametrize("meanings", ["ABA", "ABABA", "ABCBA", "ABBAAB"])
def test_a_mapping_that_goes_back_takes_the_log_back(log, file, meanings):
    """Whatever mappings were applied before, the log has what the last one means; applied again, it changes nothing."""
    field_of = {
        "A": '[subject.fields.points]\nfield = "x.points"\n',
        "B": '[subject.fields.points]\nfield = "x.estimate"\n',
        "C": '[subject.fields.points]\nfield = "x.size"\n',
    }
    status_of = {"A": "", "B": '"Donne" = "shipped"\n', "C": '"Donne" = "dropped"\n'}
    named = {"A": ("x.points", None), "B": ("x.estimate", "shipped"), "C": ("x.size", "dropped")}
    write(file, born(points="8"), change("status", "Donne"), change("summary", "Last", "2024-07-01T10:00:00Z"))
    for meaning in meanings:
        status = BASE.replace('"Open" = "proposed"', f'"Open" = "proposed"\n{status_of[meaning]}')
        mapping = example(status + field_of[meaning])

        report = run(file, mapping, log)
        size = log.head().size
        again = run(file, mapping, log)

        assert report.rejected == again.rejected == []
        assert (again.corrected, again.unchanged, log.head().size) == (0, 3, size)
        points, status = named[meaning]
        assert {name: known_as(log, "feature:s-1", name) for name in ("x.points", "x.estimate", "x.size")} == {
            name: "8" if name == points else None for name in ("x.points", "x.estimate", "x.size")
        }
        assert known_as(log, "feature:s-1", "status") == status


def test_a_correction_keeps_the_order_of_one_second(log, file):
    """After a correction, the later of two lines of one second still wins."""
    at = "2024-06-01T10:00:00Z"
    lines = [born(), change("status", "Wip", at), change("status", "Done", at)]
    run(write(file, *lines), example(BASE), log)

    run(file, example(BASE.replace('"Open" = "proposed"', '"Open" = "proposed"\n"Wip" = "started"')), log)

    assert known_as(log, "feature:s-1", "status") == "shipped"


def test_a_field_that_a_mapping_moves(log, file):
    """If a corrected mapping reads a column into another field, the field that had it is emptied."""
    run(write(file, born(points="8")), example(BASE), log)
    moved_field = BASE + '[subject.fields.points]\nfield = "x.estimate"\n'

    run(file, example(moved_field), log)

    assert known_as(log, "feature:s-1", "x.estimate") == "8"
    assert known_as(log, "feature:s-1", "x.points") is None


@pytest.mark.parametrize(
    "more",
    [
        {"comment": "x" * 25_000},
        {"comment": "x\x00y"},
        {"comment": ["a", {"b": 1}]},
        {f"column {n}": "v" * 400 for n in range(60)},
        {"big": "z" * 100_000},
    ],
)
def test_a_change_is_never_lost_for_its_note(log, file, more):
    """A long note, or many columns, are kept up to a limit; the change is always kept."""
    mapping = example(BASE.replace("[columns]", '[columns]\nnote = ["comment"]'))

    report = run(write(file, born(), change("status", "Done", **more)), mapping, log)

    assert (report.imported, report.rejected) == (2, [])
    assert known_as(log, "feature:s-1", "status") == "shipped"


def test_a_long_description_is_cut(log, file):
    """A value beyond the limit is cut and reported, and the record is created."""
    report = run(write(file, born(description="y" * 250_000), change("status", "Done")), example(BASE), log)

    assert known_as(log, "feature:s-1", "status") == "shipped"
    assert any("description: 250000 characters" in str(one) for one in report.warnings)


def test_columns_that_differ_only_in_case(log, file):
    """Two columns whose names differ in case, spaces or underscores are two attributes."""
    run(write(file, born(**{"Story Points": "3", "story_points": "5", "STORY POINTS": "8"})), example(BASE), log)

    state = log.state("feature:s-1")
    assert sorted(str(state.value_at(name, AFTER)) for name in state.rows if name.startswith("x.")) == ["3", "5", "8"]


@pytest.mark.parametrize("value", ["Active review (March 3 - 9)", "active REVIEW", "Active review 2"])
def test_statuses_by_pattern(log, file, value):
    """A pattern of the mapping covers spellings that no table lists."""
    table = '[subject.fields.status.patterns]\n\'Active review.*\' = "started"\n[subject.fields."Fix Version"]'
    mapping = example(BASE.replace('[subject.fields."Fix Version"]', table))

    run(write(file, born(status=value)), mapping, log)

    assert known_as(log, "feature:s-1", "status") == "started"


# Files


FLAT = BASE.replace('kind = "action"\n', "")
ROWS = [
    {
        "issue": "S-1",
        "created": "2024-05-01T10:00:00Z",
        "author": "Zoë",
        "field": "summary",
        "fromString": "",
        "toString": 'Größe, "gut"\nzwei',
    },
    {
        "issue": "S-1",
        "created": "2024-06-01T10:00:00Z",
        "author": "Zoë",
        "field": "status",
        "fromString": "Open",
        "toString": "Done",
    },
]


def as_csv(delimiter):
    text = io.StringIO()
    writer = csv.DictWriter(text, ROWS[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_csv_of_any_delimiter_and_encoding(log, file, delimiter, encoding):
    """CSV is recognized with its delimiter and encoding, and its headers are the columns."""
    file.write_bytes(as_csv(delimiter).encode(encoding))

    report = run(file, example(FLAT), log)

    assert (report.imported, report.skipped) == (2, [])
    assert known_as(log, "feature:s-1", "title") == 'Größe, "gut"\nzwei'
    assert known_as(log, "feature:s-1", "status") == "shipped"
    assert log.directory.find("Zoë")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("shape", ["lines", "array", "indented", "wrapped"])
def test_json_of_any_shape_and_encoding(log, file, encoding, shape):
    """JSON Lines, an array and an object around one are read in UTF-8 and UTF-16."""
    texts = {
        "lines": "\n".join(map(json.dumps, ROWS)),
        "array": json.dumps(ROWS),
        "indented": json.dumps(ROWS, indent=2, ensure_ascii=False),
        "wrapped": json.dumps({"total": 2, "values": ROWS}, indent=1),
    }
    file.write_bytes(texts[shape].encode(encoding))

    report = run(file, example(FLAT), log)

    assert (report.imported, report.skipped) == (2, [])
    assert known_as(log, "feature:s-1", "status") == "shipped"


def test_the_same_history_in_another_format_is_known(log, file):
    """A history that was imported as JSON Lines is recognized in an array."""
    run(write(file, *ROWS), example(FLAT), log)
    file.write_text(json.dumps(ROWS), "utf-8")

    assert run(file, example(FLAT), log).unchanged == 2


def test_nested_items_and_paths(log, file):
    """An entry with several items is one line for each, with the columns of what it is in."""
    row = {
        "key": "S-1",
        "changelog": {
            "histories": [
                {
                    "id": "7",
                    "created": "2024-05-01T10:00:00Z",
                    "author": {"displayName": "Ann"},
                    "items": [
                        {"field": "summary", "fromString": None, "toString": "Gift cards"},
                        {"field": "status", "fromString": None, "toString": "Open"},
                    ],
                },
                {
                    "id": "8",
                    "created": "2024-06-01T10:00:00Z",
                    "author": {"displayName": "Bob"},
                    "items": [{"field": "status", "fromString": "Open", "toString": "Done"}],
                },
            ]
        },
    }
    mapping = (
        FLAT.replace('who = "author"', 'who = "author.displayName"\nid = "id"')
        .replace('record = "issue"', 'record = "key"')
        .replace("[columns]", '[file]\nitems = "changelog.histories[].items[]"\n[columns]')
    )

    report = run(write(file, row), example(mapping), log)

    assert (report.lines, report.imported) == (3, 3)
    assert known_as(log, "feature:s-1", "title") == "Gift cards"
    assert known_as(log, "feature:s-1", "status", naive.micros("2024-05-02T00:00:00Z")) == "proposed"
    assert log.directory.name(log.stream("feature:s-1")[-1].metadata.principal) == "Bob"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"PK\x03\x04zip", "a ZIP archive or an Excel workbook"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b"%PDF-1.7 x", "a PDF document"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"<?xml version='1.0'?><rss/>", "XML"),
        (b"just some words\nand more\n", "neither JSON Lines nor JSON nor CSV"),
        (b"a,b,c\n1,2,3\n", "no line has the column 'created'"),
        (b'{"a": 1}\n{"a": 2}\n', "no line has the column 'created'"),
        (b"[1, 2]", "no line of this file is a JSON object"),
        (b"[]", "the file has no lines"),
        ('[{"a": "ö"}]'.encode("latin-1"), "not in UTF-8"),
    ],
)
def test_what_is_no_history(log, file, content, said):
    """A file that is no history ends with one sentence that says what it is, and nothing is written."""
    file.write_bytes(content)
    size = log.head().size

    with pytest.raises(NotAHistoryError, match=said) as caught:
        run(file, example(FLAT), log)

    assert "\n" not in str(caught.value)
    assert log.head().size == size


def test_a_list_of_records_as_csv(log, file):
    """In a list of records each row is what a record is now: it begins when it was created."""
    mapping = BASE.replace(
        'kind = "action"\nfield = "field"\nfrom = "fromString"\nto = "toString"\n', 'created = "born"\n'
    )
    mapping = mapping.replace("[columns]", '[file]\nrows = "records"\n[columns]').replace(
        'when = "created"', 'when = "updated"'
    )
    file.write_text(
        "issue,born,updated,summary,status,assignee\nS-1,2024-05-01,2024-06-01 10:00,Gift cards,Done,Ann\n"
        "S-2,2024-05-02,2024-05-02 09:00,Parking,Open,\n",
        "utf-8",
    )
    first = run(file, example(mapping), log)
    file.write_text(
        "issue,born,updated,summary,status,assignee\nS-1,2024-05-01,2024-06-01 10:00,Gift cards,Done,Ann\n"
        "S-2,2024-05-02,2024-07-02 09:00,Parking,In Progress,\n",
        "utf-8",
    )

    again = run(file, example(mapping), log)

    assert (first.rejected, first.skipped, again.rejected, again.skipped) == ([], [], [], [])
    assert log.state("feature:s-1").started_at() == naive.micros("2024-05-01T00:00:00Z")
    assert known_as(log, "feature:s-1", "status", naive.micros("2024-05-15T00:00:00Z")) is None
    assert known_as(log, "feature:s-1", "status") == "shipped"
    assert known_as(log, "feature:s-2", "status", naive.micros("2024-06-15T00:00:00Z")) == "proposed"
    assert known_as(log, "feature:s-2", "status") == "started"
    assert again.imported == 1


def test_a_transaction_key_is_safe_everywhere(log, file):
    """Ids with spaces and other scripts become keys that every interface accepts."""
    sent = []

    class Sink:
        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            return getattr(self.inner, name)

        async def execute_many(self, transactions):
            sent.extend(one.key for one in transactions if isinstance(one, Transaction) and one.key)
            return await self.inner.execute_many(transactions)

    from interchange.sink import LogSink

    mapping = example(BASE.replace("[columns]", '[columns]\nid = "id"'))
    write(file, born() | {"id": "a b ü 日本"}, change("status", "Done") | {"id": "a\nb"})
    report = run(file, mapping, log, sink=Sink(LogSink(log)))

    assert report.imported == 2
    assert all(key.isascii() and key.isprintable() and " " not in key for key in sent)


def test_the_helpers_of_this_file_differ(log):
    """A test above would fail on an empty log."""
    assert features(log) == []
    assert asyncio.iscoroutinefunction(log.execute_many)
    assert new_keys()() == "someone-1"


# What could not be placed


def imports_of(log):
    return [log.state(one) for one in log.subjects("", 10_000) if one.startswith("import:")]


def unplaced(state):
    return [
        json.loads(known) for name in state.rows if name.startswith("line.") and (known := state.value_at(name, AFTER))
    ]


def test_an_import_keeps_what_it_could_not_place(log, file):
    """A line that cannot be placed is kept with the reason, and a repeated import keeps it once."""
    lost = change("status", "Done", issue="S-2")
    for _ in range(2):
        run(write(file, born(), lost), example(STRICT), log)

    (kept,) = imports_of(log)
    assert [(one["reason"], one["data"]) for one in unplaced(kept)] == [
        ("S-2 changes, but no earlier line has created it", lost)
    ]
    assert (known_as(log, kept.subject, "lines"), known_as(log, kept.subject, "unplaced")) == (2, 1)
    assert kept.version == 1


def test_a_kept_line_is_placed_by_a_later_import(log, file):
    """A file in any order of its pieces: what an import keeps is placed as soon as another names its record."""
    lost = change("status", "Done", issue="S-2")
    run(write(file, born(), lost), example(STRICT), log)

    report = run(write(file, born("S-2")), example(STRICT), log)

    assert (report.imported, report.skipped) == (2, [])
    assert known_as(log, "feature:s-2", "status") == "shipped"
    assert [unplaced(state) for state in imports_of(log)] == [[], []]


def test_a_kept_line_can_be_dismissed(log, file):
    """A dismissed line is not tried again, and its history says why."""
    from interchange.import_record import dismiss_lines
    from interchange.sink import LogSink
    from tests.interchange.tracker.support import IMPORTER

    run(write(file, born(), change("status", "Done", issue="S-2")), example(STRICT), log)
    (kept,) = imports_of(log)
    (name,) = [name for name in kept.rows if name.startswith("line.")]
    asyncio.run(dismiss_lines(LogSink(log), IMPORTER, kept.subject, [name], "a test issue"))

    report = run(write(file, born("S-2")), example(STRICT), log)

    assert (report.imported, unplaced(log.state(kept.subject))) == (1, [])
    assert log.stream(kept.subject)[-1].metadata.note == "a test issue"


# Asking


def test_every_name_leads_to_its_record(log, file, tmp_path):
    """Any name that a record had, in any case, leads to it as of the time asked; two candidates are both named."""
    lines = [
        born("S-1", summary="First"),
        {
            **EMPTY,
            "action": "moved",
            "issue": "S-2",
            "fromString": "S-1",
            "author": "ann",
            "created": "2024-05-03T10:00:00Z",
        },
        born("S-1", "2024-05-04T10:00:00Z", summary="Second"),
        born("日本", "2024-05-05T10:00:00Z"),
    ]
    run(write(file, *lines), example(STRICT), log)
    by_title = {known_as(log, one, "title"): one for one in features(log)}
    clock = Clock(AFTER)

    with read_model(tmp_path, log, clock) as read:

        def find(name, at=None):
            return find_by_name(read, name, resolve_time(read, TimePoint(as_of=naive.micros(at) if at else None)))

        assert find("s-2") == [by_title["First"]]
        assert find("S-1") == [by_title["Second"]]
        assert find("S-1", "2024-05-02T00:00:00Z") == [by_title["First"]]
        assert find("s-1", "2024-05-03T12:00:00Z") == [by_title["First"]]
        assert find("日本") == [by_title["日本"]]
        assert find("S-2", "2024-05-02T00:00:00Z") == find("S") == []


def test_search_obeys_both_clocks(log, file, tmp_path):
    """A text is found from the time at which it took effect, and not before."""
    run(
        write(file, born(summary="Gift cards"), change("summary", "Zebra", "2025-02-01T10:00:00Z")),
        example(STRICT),
        log,
    )

    with read_model(tmp_path, log, Clock(AFTER)) as read:
        before, after = (
            search(read, "zebra", when=TimePoint(as_of=naive.micros(at))).rows
            for at in ("2024-06-01T00:00:00Z", "2025-03-01T00:00:00Z")
        )

    assert (before, [row["current"] for row in after]) == ([], [True])
