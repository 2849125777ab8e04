"""Lines of a tracker's history become entries of the log."""

import asyncio
import json

import pytest

from domain.catalog import COMMAND
from domain.errors import Forbidden
from eventlog.entry import Caller, Transaction
from interchange.sink import LogSink
from interchange.tracker import entries, import_changes
from interchange.tracker.mapping import build_person_matcher, build_value_parser
from tests.interchange.tracker import naive
from tests.interchange.tracker.support import (
    AFTER,
    EXAMPLE,
    IMPORTER,
    example,
    new_keys,
    open_log,
    rehearse,
    run,
    shipped,
    write,
)

COLUMNS = {"n": None, "when": "2024-05-01T10:00:00Z", "who": "@ann", "issue": "T-1", "what": "changed"}


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path) as opened:
        yield opened


@pytest.fixture
def file(tmp_path):
    return tmp_path / "history.jsonl"


def lines(*some):
    """Lines of the example's tracker: an hour apart, numbered from 1."""
    return [
        {**COLUMNS, "n": n, "when": f"2024-05-{1 + n // 24:02}T{n % 24:02}:00:00Z", **line}
        for n, line in enumerate(some, 1)
    ]


def created(**state):
    return {"what": "made", "field": "issue", "new": state}


def cell(log, subject, name, at=AFTER):
    return log.state(subject).value_at(name, at)


def word(log, subject, name):
    return log.state(subject).row_at(name, AFTER).source_value


# What a line becomes


def test_an_entry_has_the_metadata_of_its_line(log, file):
    """An entry has the person, time, note, reference and system of its line."""
    write(file, *lines(created(title="Vouchers") | {"comment": "To have something to give.", "commit": "abc1"}))

    report = run(file, example(), log)

    (entry,) = log.stream("decision:t-1")
    assert (entry.metadata.principal,) == log.directory.find("Ann Arbor")
    assert entry.metadata.actor == IMPORTER.actor
    assert entry.effective_at == naive.micros("2024-05-01T01:00:00Z")
    assert (entry.metadata.note, entry.metadata.source.reference) == ("To have something to give.", "commit:abc1")
    assert (entry.metadata.source.channel, entry.metadata.source.system) == ("import", "tracker")
    assert (report.imported, report.is_complete, report.position) == (1, True, entry.position)


def test_unknown_values_are_kept_as_source_values(log, file):
    """A source value is kept with its value, or alone if it is unknown, and is counted."""
    write(file, *lines(created(state="Done"), {"field": "state", "old": "Done", "new": "so so"}))

    report = run(file, example(), log)

    first, second = log.state("decision:t-1").rows["status"]
    assert (first.value, first.source_value) == ("accepted", "Done")
    assert (second.value, second.source_value) == (None, "so so")
    assert report.unknown_values == {"state": {"so so": 1}}


def test_a_field_without_a_mapping_is_kept_as_an_attribute(log, file):
    """An unmapped field becomes an attribute, whatever its type, and is counted."""
    write(file, *lines(created(**{"Story Points": 3}), {"field": "labels", "new": ["a", "b"]}))

    report = run(file, example(), log)

    assert cell(log, "decision:t-1", "x.story_points") == "3"
    assert cell(log, "decision:t-1", "x.labels") == ["a", "b"]
    assert report.unmapped_fields == {"Story Points": 1, "labels": 1}


@pytest.mark.parametrize(
    ("name", "cell_name"),
    [
        ("状態", "x.8huq10b"),
        ("Größe", "x.grsse-kua"),
        ("Grüße", "x.grsse-lva"),
        ("!!!", "x.212121"),
        ("???", "x.3f3f3f"),
    ],
)
def test_field_names_in_any_alphabet_stay_distinct(log, file, name, cell_name):
    """A field with a name in any characters is kept, and no two of them become one."""
    write(file, *lines(created(**{name: "5"})))

    report = run(file, example(), log)

    assert report.unmapped_fields == {name: 1}
    assert cell(log, "decision:t-1", cell_name) == "5"


def test_an_unmapped_column_is_reported(log, file):
    """The report counts columns that the mapping does not name."""
    write(file, *lines(created(title="Vouchers") | {"color": "red"}))

    report = run(file, example(), log)

    assert report.unmapped_columns == {"color": 1}
    (written,) = log.stream("decision:t-1")
    assert [(each.system, each.id) for each in written.metadata.references] == [("color", "red")]


def test_a_long_reference_goes_to_the_note(log, file):
    """A text that is too long for a reference is kept in the note."""
    write(file, *lines(created(title="Vouchers") | {"log": "first\nsecond"}))

    run(file, example(), log)

    (written,) = log.stream("decision:t-1")
    assert "log: first\nsecond" in written.metadata.note


def test_no_key_contains_a_title(log, file):
    """A record named by a sentence gets a hashed key, and its name becomes an alias."""
    write(file, *lines(created(title="x") | {"issue": "Merger with ACME (secret)"}))

    run(file, example(), log)

    (subject,) = {entry.subject for entry in log.read(0, 100) if entry.subject.startswith("decision:")}
    assert "acme" not in subject
    assert cell(log, subject, "aliases") == ["Merger with ACME (secret)"]


def test_to_is_imported_if_from_is_wrong(log, file):
    """If `from` differs from the previous value, it is kept and reported, and `to` is imported."""
    write(file, *lines(created(state="open"), {"field": "state", "old": "closed", "new": "done"}))

    report = run(file, example(), log)

    assert cell(log, "decision:t-1", "status") == "accepted"
    assert log.stream("decision:t-1")[-1].event.changes[0].contradicts == "closed"
    assert [(one.line, one.message) for one in report.contradictions] == [
        ("2", "T-1 state: from closed, but the previous value is open")
    ]


def test_empty_values_are_equal(log, file):
    """Null, an empty list and an empty text do not contradict each other."""
    write(file, *lines(created(), {"field": "owners", "old": [], "new": ["@ann"]}))

    assert run(file, example(), log).contradictions == []


def test_a_feature_is_created_by_its_field(log, file):
    """The second subject is created when its field is set, with the values that the record has by then."""
    write(
        file,
        *lines(created(title="Vouchers"), {"field": "title", "new": "Gift cards"}, {"field": "aim", "new": "v1.10"}),
        *lines({}, {}, {}, {"field": "title", "new": "Gifts"})[3:],
    )

    run(file, example(), log)

    feature, began = "feature:t-1", naive.micros("2024-05-01T03:00:00Z")
    assert log.state(feature).started_at() == began
    assert cell(log, feature, "title", began) == "Gift cards"
    assert cell(log, feature, "title") == "Gifts"
    assert cell(log, feature, "decisions") == ["decision:t-1"]
    assert (cell(log, feature, "target.ship"), word(log, feature, "target.ship")) == ("release:shop-1.10", "v1.10")
    assert cell(log, "decision:t-1", "target.ship") is None


def test_a_release_starts_at_its_first_use(log, file):
    """A later line about an earlier time moves the start of a release back."""
    one, two, three = lines(created(aim="1.0"), created(aim="v1.0") | {"issue": "T-2"}, created() | {"issue": "T-3"})
    write(file, one, two | {"when": "2024-04-01T00:00:00Z"}, three)

    run(file, example(), log)

    assert log.state("release:shop-1.0").started_at() == naive.micros("2024-04-01T00:00:00Z")
    assert cell(log, "release:shop-1.0", "version") == "1.0"
    assert cell(log, "release:shop-1.0", "products") == ["product:shop"]


def test_the_order_of_releases_can_be_set(log, file):
    """A mapping can list releases whose order is not that of their numbers."""
    write(file, *lines(created()))
    listed = EXAMPLE.replace('title = "The shop"', 'title = "The shop"\nreleases = ["1.9", "1.10"]')

    run(file, example(listed), log)
    again = run(file, example(listed), log)

    assert cell(log, "product:shop", "releases") == ["release:shop-1.9", "release:shop-1.10"]
    assert again.imported == 0


# Beginning, striking, restoring, renaming


def test_removing_and_restoring_a_record(log, file):
    """Removing and restoring a record affects all of its subjects, which stay the same."""
    write(file, *lines(created(title="Vouchers", aim="1.0"), {"what": "deleted"}, {"what": "undeleted"}))

    run(file, example(), log)

    hours = [naive.micros(f"2024-05-01T0{n}:00:00Z") for n in (1, 2, 3)]
    for subject in ("decision:t-1", "feature:t-1"):
        assert [log.state(subject).exists_at(hour) for hour in hours] == [True, False, True]


def test_a_reused_name_is_another_record(log, file):
    """A new record with a used name gets another key, and later lines are about it."""
    again = created(title="Other")
    write(file, *lines(created(title="One"), {"what": "deleted"}, again, {"field": "title", "new": "Third"}))

    report = run(file, example(), log)

    assert cell(log, "decision:t-1", "title") == "One"
    assert cell(log, "decision:t-1~2", "title") == "Third"
    assert not log.state("decision:t-1").exists_at(AFTER)
    assert [one.line for one in report.reused_names] == ["3"]


def test_a_renamed_record_keeps_its_subject(log, file):
    """A renamed record keeps its subject, and another record may take its old name."""
    moved = {"what": "moved", "issue": "T-9", "old": "T-1", "new": "T-9"}
    later = {"issue": "T-9", "field": "title", "new": "Renamed"}
    write(file, *lines(created(title="One"), moved, later, created(title="Two")))

    report = run(file, example(), log)

    assert (cell(log, "decision:t-1", "title"), cell(log, "decision:t-1", "aliases")) == ("Renamed", ["T-9"])
    assert (cell(log, "decision:t-1~2", "title"), cell(log, "decision:t-1~2", "aliases")) == ("Two", ["T-1"])
    assert report.reused_names == []


def test_names_with_the_same_key_are_two_subjects(log, file):
    """`T/1` and `T-1` become two subjects, and a name without letters gets a key too."""
    write(
        file, *lines(created(title="a"), created(title="b") | {"issue": "T/1"}, created(title="c") | {"issue": "日本"})
    )

    report = run(file, example(), log)

    assert report.is_complete
    assert (cell(log, "decision:t-1", "title"), cell(log, "decision:t-1~2", "title")) == ("a", "b")


def test_a_line_about_an_unknown_record_is_skipped(log, file):
    """A line about a record that was never created is skipped and reported."""
    renamed = {"what": "moved", "issue": "T-9", "old": "T-8", "new": "T-9"}
    write(file, *lines({"field": "title", "new": "?"}, renamed, {"what": "deleted"}))

    report = run(file, example(), log)

    assert [one.line for one in report.skipped] == ["1", "2", "3"]
    assert not log.state("decision:t-1").version


def test_unknown_records_can_be_created(log, file):
    """With `unknown_records = "create"`, the first line about a record creates it."""
    write(file, *lines({"field": "state", "old": "open", "new": "done"}))

    report = run(file, example(EXAMPLE.replace("[kinds]", '[kinds]\nunknown_records = "create"')), log)

    assert report.is_complete
    assert cell(log, "decision:t-1", "status") == "accepted"


# People


def test_all_spellings_of_a_person_are_one_person(log, file):
    """A handle, a name in any case, an alias and a local alias mean the same person."""
    write(file, *lines(created(owners=["@ann", "ANN ARBOR", "Ann  Arbor", "the boss", "ann"])))

    report = run(file, example(), log)

    (ann,) = log.directory.find("@ann")
    assert cell(log, "decision:t-1", "role.accountable") == [ann] * 5
    assert report.people_registered == 1
    assert log.directory.find("the boss") == ()


def test_an_empty_value_is_left_out_of_a_list(log, file):
    """An empty value is left out of a list, and the list is kept as source value."""
    write(file, *lines(created(owners=["tbd", "@bob"]), {"field": "owners", "new": "TBD"}))

    run(file, example(), log)

    first, second = log.state("decision:t-1").rows["role.accountable"]
    assert (first.value, first.source_value) == ([*log.directory.find("@bob")], '["tbd", "@bob"]')
    assert (second.value, second.source_value) == ([], "TBD")


def test_a_team_can_have_a_role(log, file):
    """A name that matches the pattern of teams is registered as a team."""
    write(file, *lines(created(owners=["team-blue", "@bob"])))

    report = run(file, example(), log)

    assert cell(log, "decision:t-1", "role.accountable") == ["team:team-blue", *log.directory.find("@bob")]
    assert log.state("team:team-blue").exists_at(AFTER)
    assert report.teams_registered == 1


def test_new_spellings_are_merged_into_a_known_person(log, file):
    """A person registered before the import gets the new spellings."""
    known = COMMAND.validate_python({"type": "RegisterPerson", "key": "a1", "name": "Ann Arbor"})
    asyncio.run(log.execute(Transaction((known,), IMPORTER)))
    write(file, *lines(created(owners=["@ann"])))

    run(file, example(), log)
    again = run(file, example(), log)

    (other,) = log.directory.find("@ann")
    assert cell(log, other, "merged_into") == "person:a1"
    assert again.people_registered == 0


def test_links_between_records(log, file):
    """Links between records become links between subjects, and an unknown name stays a source value."""
    blocks = {"issue": "T-2", "field": "blocks", "new": ["T-1", "elsewhere"]}
    write(file, *lines(created(), created(blocks=["T-1"]) | {"issue": "T-2"}, blocks))

    report = run(file, example(), log)

    first, second = log.state("decision:t-2").rows["blocks"]
    assert (first.value, first.source_value) == (["decision:t-1"], None)
    assert (second.value, second.source_value) == (["decision:t-1"], '["T-1", "elsewhere"]')
    assert report.unknown_values == {"blocks": {"elsewhere": 1}}


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ("2024-02-29", {"value": "2024-02-29"}),
        ("2019-1-3", {"value": "2019-01-03", "source_value": "2019-1-3"}),
        ("2023-02-29", {"source_value": "2023-02-29"}),
        ("soon", {"source_value": "soon"}),
    ],
)
def test_a_date_must_be_in_the_calendar(value, change):
    """What is not a date is kept as the source value."""
    mapping = example(EXAMPLE.replace('field = "title"', 'field = "created"\nas = "date"', 1))

    parser = build_value_parser(mapping, build_person_matcher(mapping), lambda _: None)
    parsed = parser.parse(mapping.subject[0].fields["title"], value)

    assert parsed.change == change


def parse_day(value, *, zone=None, formats=()):
    mapping = EXAMPLE.replace('field = "title"', 'field = "target.ga"\nas = "date"', 1)
    settings = ([f'zone = "{zone}"'] if zone else []) + ([f"formats = {json.dumps(formats)}"] if formats else [])
    mapping = example(mapping.replace("[kinds]", "\n".join(["[time]", *settings, "[kinds]"]), 1))
    parser = build_value_parser(mapping, build_person_matcher(mapping), lambda _: None)
    return parser.parse(mapping.subject[0].fields["title"], value).change


@pytest.mark.parametrize(
    ("value", "zone", "day"),
    [
        ("2024-03-30T23:00:00Z", "Europe/Berlin", "2024-03-31"),
        ("2024-03-30 23:00:00+00:00", "Europe/Berlin", "2024-03-31"),
        ("30 Mar 2024 23:00 UTC", "Europe/Berlin", "2024-03-31"),
        ("2024-03-31T03:00:00.000Z", "America/New_York", "2024-03-30"),
        ("2024-03-31T02:00:00+0200", "America/New_York", "2024-03-30"),
        ("2024-03-30T20:00:00", "America/New_York", "2024-03-30"),
        ("30 Mar 2024 20:00", "America/New_York", "2024-03-30"),
        ("2024-03-30T23:00:00Z", None, "2024-03-30"),
        ("2024-03-31T01:00:00+02:00", None, "2024-03-31"),
        ("31 Mar 2024 01:00 +0200", None, "2024-03-31"),
    ],
)
def test_the_day_of_a_time_is_the_day_in_the_zone_of_the_mapping(value, zone, day):
    """A time with an offset falls on a day in the zone of the mapping; without a zone, on the day that is written."""
    assert parse_day(value, zone=zone) == {"value": day, "source_value": value}


@pytest.mark.parametrize("zone", ["America/New_York", "UTC", "Asia/Tokyo", None])
@pytest.mark.parametrize(
    "value",
    [
        "2024-03-31",
        "31 Mar 2024",
        "2024-03-31T00:00:00",
        "2024-03-31 00:00:00.0",
        "2024-03-31T00:00:00.000Z",
        "2024-03-31T00:00:00.000+0200",
        "31 Mar 2024 00:00 UTC",
    ],
)
def test_midnight_means_the_day_that_is_written(value, zone):
    """Trackers write a day as midnight, so it is the same day in every zone."""
    assert parse_day(value, zone=zone)["value"] == "2024-03-31"


def test_an_iso_date_is_read_by_the_formats_of_the_mapping():
    """Where a format of the mapping fits a date, it is read by this format; what follows an ISO date is ignored."""
    assert parse_day("2024-03-04", formats=["YYYY-DD-MM"])["value"] == "2024-04-03"
    assert parse_day("2024-03-04", formats=["DD.MM.YYYY"])["value"] == "2024-03-04"
    assert parse_day("2024-03-04 or later")["value"] == "2024-03-04"


def test_a_day_that_reads_differently_is_corrected_once(log, file):
    """Of a file that was imported before, only days that the zone changes are imported again, and that once."""
    due = EXAMPLE.replace('field = "title"', 'field = "target.ga"\nas = "date"', 1)
    in_berlin = example(due.replace("[kinds]", '[time]\nzone = "Europe/Berlin"\n[kinds]', 1))
    line = {"n": 1, "when": "2024-01-01T00:00:00Z", "who": "@ann", "issue": "T-1"}
    days = ["2024-03-31", "2024-03-31T00:00:00Z", "2024-03-30T23:00:00Z"]
    dues = [{**line, "n": n, "what": "changed", "field": "title", "new": day} for n, day in enumerate(days, 2)]
    write(file, {**line, "what": "made"}, *dues)

    first, again, corrected, then = (run(file, one, log) for one in (example(due), example(due), in_berlin, in_berlin))

    assert [one.imported for one in (first, again, corrected, then)] == [4, 0, 1, 0]
    assert everything(log)[-1].changes[0].value == "2024-03-31"


# Again, longer, interrupted, dry


def everything(log):
    return [log.entry(n).event for n in range(1, log.head().size + 1)]


@pytest.mark.parametrize("name", ["peps", "keps"])
def test_importing_again_changes_nothing(log, file, name):
    """Importing a file again changes nothing, and a longer file adds the new lines."""
    path = {"peps": naive.PEPS, "keps": naive.KEPS}[name]
    told = path.read_text(encoding="utf-8").splitlines()[:700]
    write(file, *told[:600])
    first = run(file, shipped(name), log)
    size = log.head().size

    again = run(file, shipped(name), log)
    unchanged = log.head().size
    longer = run(write(file, *told), shipped(name), log)

    assert (first.imported, again.imported, again.unchanged) == (600, 0, 600)
    assert unchanged == size
    assert (longer.imported, longer.unchanged) == (100, 600)


def test_an_interrupted_import_can_be_continued(file, tmp_path):
    """An import that is interrupted anywhere and run again has the same result."""
    told = naive.KEPS.read_text(encoding="utf-8").splitlines()[:300]
    write(file, *told)
    (tmp_path / "whole").mkdir()
    (tmp_path / "stopped").mkdir()

    def stop(done, _all):
        if done >= 120:
            raise KeyboardInterrupt

    with open_log(tmp_path / "whole") as whole, open_log(tmp_path / "stopped") as stopped:
        run(file, shipped("keps"), whole, new_key=new_keys())
        with pytest.raises(KeyboardInterrupt):
            run(file, shipped("keps"), stopped, new_key=new_keys(), progress=stop, lines_per_batch=60)
        half = stopped.head().size
        report = run(file, shipped("keps"), stopped)

        assert half < whole.head().size
        assert (report.unchanged, report.imported) == (120, 180)
        assert everything(stopped) == everything(whole)


def test_a_line_that_changed_is_rejected(log, file):
    """A changed line with a used id is rejected and reported."""
    run(write(file, *lines(created(title="One"))), example(), log)

    report = run(write(file, *lines(created(title="Two"))), example(), log)

    assert [(one.line, "has changed" in one.message) for one in report.rejected] == [("1", True)]
    assert cell(log, "decision:t-1", "title") == "One"


def test_lines_without_ids_are_known_by_their_content(log, file):
    """Two identical lines are two lines, and importing them again changes nothing."""
    anonymous = example(EXAMPLE.replace('id = "n"\n', 'ignore = ["n"]\n'))
    begun, change = lines(created(title="One"), {"field": "title", "new": "Two"})
    write(file, begun, change, change)

    first, again = run(file, anonymous, log), run(file, anonymous, log)

    assert (first.imported, again.imported, again.unchanged) == (3, 0, 3)


def test_a_dry_run_reports_what_an_import_does(log, file):
    """The report of a dry run equals that of the import, and nothing is written."""
    write(file, *naive.KEPS.read_text(encoding="utf-8").splitlines()[:400])
    size = log.head().size

    dry = rehearse(file, shipped("keps"), log)
    untouched = log.head().size
    wet = run(file, shipped("keps"), log)

    assert untouched == size
    assert dry.to_dict() | {"dry_run": False, "position": wet.position} == wet.to_dict()


def test_a_dry_run_compares_with_the_log(log, file):
    """A dry run recognizes imported, changed and new lines."""
    told = lines(
        created(title="One", owners=["@bob", "team-b"]),
        {"field": "title", "new": "Two"},
        {"field": "state", "new": "open"},
    )
    run(write(file, *told[:2]), example(), log)

    longer = rehearse(write(file, *told), example(), log)
    changed = rehearse(write(file, {**told[0], "new": {"title": "Another"}}, *told[1:]), example(), log)

    assert (longer.unchanged, longer.imported, longer.rejected) == (2, 1, [])
    assert (longer.people_registered, longer.teams_registered) == (0, 0)
    assert [(one.line, "has changed" in one.message) for one in changed.rejected] == [("1", True)]
    assert cell(log, "decision:t-1", "status") is None


def test_findings_are_reported_once(log, file):
    """A repeated import reports findings in imported lines only with `verbose`."""
    write(file, *lines(created(odd=1, state="hm"), {"field": "state", "old": "x", "new": "open"}))

    first, again, verbose = (run(file, example(), log, verbose=verbose) for verbose in (False, False, True))

    assert (len(first.contradictions), first.unmapped_fields) == (1, {"odd": 1})
    assert len(str(again).splitlines()) == 1
    assert (verbose.contradictions, verbose.unknown_values) == (first.contradictions, first.unknown_values)


def test_the_import_right_is_checked_first(log, file):
    """Without the scope to import nothing is written, not even a person."""
    write(file, *lines(created(title="One"), created(title="Two")))
    size = log.head().size

    with pytest.raises(Forbidden, match="token create NAME --scope import"):
        asyncio.run(
            import_changes(file, example(), LogSink(log), Caller("person:eve", "t", "http"), new_key=new_keys())
        )

    assert log.head().size == size


def test_handles_are_displayed_as_the_mapping_says(log, file):
    """A decorated handle is shown as `display_as` says; a bare handle and a known name are unchanged."""
    mapping = example(EXAMPLE.replace("handle = '@?([a-z]+)'", "handle = '[“]?@?([a-z]+)@?[”]?'\ndisplay_as = '@{}'"))
    write(file, *lines(created(owners=["bob@", "“@cid”", "@cid", "dan", "Ann Arbor@", "ann@"])))

    run(file, mapping, log)

    spelled = {
        spelling: log.directory.name(log.directory.find(spelling)[0]) for spelling in ("bob@", "“@cid”", "dan", "ann@")
    }
    assert spelled == {"bob@": "@bob", "“@cid”": "@cid", "dan": "dan", "ann@": "Ann Arbor"}


def test_progress_is_reported(log, file):
    """Progress is reported from zero to all lines, in order."""
    told = []
    write(file, *lines(*[created() | {"issue": f"T-{n}"} for n in range(5)]))

    run(file, example(), log, progress=lambda *step: told.append(step), lines_per_batch=2)

    assert told == [(0, 5), (2, 5), (4, 5), (5, 5), (5, 5)]


def test_progress_is_reported_while_the_file_is_read(log, file, monkeypatch):
    """Before its lines are counted, progress is the number of those that were read, and the total is not known."""
    monkeypatch.setattr(entries, "ENTRIES_PER_CALL", 2)
    told = []
    write(file, *lines(*[created() | {"issue": f"T-{n}"} for n in range(5)]))

    run(file, example(), log, progress=lambda *step: told.append(step))

    assert told[:3] == [(2, None), (4, None), (0, 5)]


# What goes wrong


def test_invalid_lines_are_skipped(log, file):
    """An invalid line is skipped with the reason, and the others are imported."""
    good = lines(*[{}] * 9, created(title="One"))[-1]
    bad = [
        "{",
        "[1]",
        '{"x": NaN}',
        "[" * 100_000,
        {**COLUMNS, "n": 5, "issue": None},
        {**COLUMNS, "n": 6, "when": "yesterday"},
        {**COLUMNS, "n": 7, "when": None},
        {**COLUMNS, "n": 8, "when": "0000-01-01T00:00:00Z"},
    ]
    write(file, *bad, "", good)

    report = run(file, example(), log)

    told = [one.line for one in report.skipped]
    assert told == [1, 2, 3, 4, "5", "6", "7", "8"]
    assert (report.lines, report.imported) == (9, 1)


def test_a_value_that_is_too_long_is_cut(log, file):
    """A text beyond its limit is cut and reported, and the change is kept; an impossible time is rejected by field."""
    long = created(title="x" * 200_001)
    write(file, *lines(long, created(title="y") | {"issue": "T-2"}, created() | {"issue": "T-3", "when": "9999-01-01"}))

    report = run(file, example(), log)

    assert [one.line for one in report.rejected] == ["3"]
    assert report.rejected[0].message.startswith("effective_at")
    assert [str(one) for one in report.warnings] == ["1: title: 200001 characters; only the first 200000 are kept"]
    assert len(cell(log, "decision:t-1", "title")) == 200_000
    assert cell(log, "decision:t-2", "title") == "y"


def test_control_characters_in_a_note_are_replaced(log, file):
    """A note keeps its text, with control characters replaced."""
    write(file, *lines(created(title="One") | {"comment": "ring\x07 the bell"}))

    run(file, example(), log)

    assert log.stream("decision:t-1")[0].metadata.note == "ring\N{REPLACEMENT CHARACTER} the bell"


def test_nothing_is_imported_without_the_right(log, file):
    """If the log refuses an import, the report says why."""

    class Stranger(LogSink):
        async def execute_many(self, transactions):
            caller = Caller("person:eve", "token-2", "http")
            return await super().execute_many(
                [Transaction(transaction.commands, caller, transaction.key) for transaction in transactions]
            )

    write(file, *lines(created(title="One")))

    report = run(file, example(), log, sink=Stranger(log))

    assert report.imported == 0
    assert [one.line for one in report.rejected] == ["1"]
    assert not log.state("decision:t-1").version


def test_the_report_as_text_and_json(log, file):
    """The text and the JSON form of a report have the same counts."""
    write(file, *lines(created(odd=1, state="hm"), {"field": "state", "old": "x", "new": "open"}, {"issue": "T-7"}))

    report = run(file, example(), log)

    said = str(report)
    assert "3 lines: 2 imported, 0 unchanged, 0 rejected, 1 skipped" in said
    assert "T-7 changes, but no earlier line has created it" in said
    assert "1 x odd" in said
    assert "1 x hm" in said
    assert report.to_dict()["contradictions"] == [
        {"line": "2", "message": "T-1 state: from x, but the previous value is hm"}
    ]
