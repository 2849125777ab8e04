"""What becomes of the lines of a history, one by one."""

import asyncio

import pytest

from domain.catalog import COMMAND
from domain.errors import Forbidden
from eventlog.entry import Caller, Transaction
from interchange.tracker import LogSink, import_changes
from interchange.tracker.authors import People
from interchange.tracker.value_parsers import Meanings
from tests.importing import naive
from tests.importing.support import (
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
)  # fmt: skip

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


def made(**state):
    return {"what": "made", "field": "issue", "new": state}


def cell(log, subject, name, at=AFTER):
    return log.state(subject).value_at(name, at)


def word(log, subject, name):
    return log.state(subject).row_at(name, AFTER).source_value


# What a line becomes


def test_a_line_says_who_when_why_and_from_where(log, file):
    """An entry carries the line's person, instant, note and reference, and the system it comes from."""
    write(file, *lines(made(title="Vouchers") | {"comment": "To have something to give.", "commit": "abc1"}))

    report = run(file, example(), log)

    (entry,) = log.stream("decision:t-1")
    assert (entry.metadata.principal,) == log.directory.find("Ann Arbor")
    assert entry.metadata.actor == IMPORTER.actor
    assert entry.eff == naive.micros("2024-05-01T01:00:00Z")
    assert (entry.metadata.note, entry.metadata.source.reference) == ("To have something to give.", "commit:abc1")
    assert (entry.metadata.source.channel, entry.metadata.source.system) == ("import", "tracker")
    assert (report.applied, report.complete, report.position) == (1, True, entry.position)


def test_a_word_is_kept_beside_its_meaning_and_alone_where_it_has_none(log, file):
    """What is not understood stands as it is, means nothing, and is counted."""
    write(file, *lines(made(state="Done"), {"field": "state", "old": "Done", "new": "so so"}))

    report = run(file, example(), log)

    first, second = log.state("decision:t-1").rows["status"]
    assert (first.value, first.source_value) == ("accepted", "Done")
    assert (second.value, second.source_value) == (None, "so so")
    assert report.unknown_words == {"state": {"so so": 1}}


def test_a_field_without_a_mapping_is_kept_as_an_attribute(log, file):
    """Nothing is lost: an unknown field is an attribute, whatever its shape, and is counted."""
    write(file, *lines(made(**{"Story Points": 3}), {"field": "labels", "new": ["a", "b"]}))

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
def test_a_field_in_any_alphabet_has_a_cell_of_its_own(log, file, name, cell_name):
    """Whatever letters a field is called by, or none: it is kept, and no two become one."""
    write(file, *lines(made(**{name: "5"})))

    report = run(file, example(), log)

    assert report.unmapped_fields == {name: 1}
    assert cell(log, "decision:t-1", cell_name) == "5"


def test_a_column_that_the_mapping_does_not_name_is_reported(log, file):
    """Whoever writes a mapping hears of the columns they have left out."""
    write(file, *lines(made(title="Vouchers") | {"colour": "red"}))

    report = run(file, example(), log)

    assert report.unmapped_columns == {"colour": 1}
    (written,) = log.stream("decision:t-1")
    assert [(each.system, each.id) for each in written.metadata.references] == [("colour", "red")]


def test_what_is_too_long_for_a_reference_goes_to_the_note(log, file):
    """Nothing is lost for its length or its lines."""
    write(file, *lines(made(title="Vouchers") | {"log": "first\nsecond"}))

    run(file, example(), log)

    (written,) = log.stream("decision:t-1")
    assert "log: first\nsecond" in written.metadata.note


def test_no_key_is_made_of_a_title(log, file):
    """A record that goes by a sentence gets a key that says nothing; its name is a cell."""
    write(file, *lines(made(title="x") | {"issue": "Merger with ACME (secret)"}))

    run(file, example(), log)

    (subject,) = {entry.subject for entry in log.read(0, 100) if entry.subject.startswith("decision:")}
    assert "acme" not in subject
    assert cell(log, subject, "aliases") == ["Merger with ACME (secret)"]


def test_to_wins_over_a_from_that_contradicts_it(log, file):
    """What the line says it was before is kept and reported; what the line says it is now counts."""
    write(file, *lines(made(state="open"), {"field": "state", "old": "closed", "new": "done"}))

    report = run(file, example(), log)

    assert cell(log, "decision:t-1", "status") == "accepted"
    assert log.stream("decision:t-1")[-1].event.changes[0].contradicts == "closed"
    assert [(one.line, one.what) for one in report.contradictions] == [
        ("2", "T-1 state: from closed, but it was told to be open")
    ]


def test_empty_does_not_contradict_empty(log, file):
    """Nothing, an empty list and an empty text are the same nothing."""
    write(file, *lines(made(), {"field": "owners", "old": [], "new": ["@ann"]}))

    assert run(file, example(), log).contradictions == []


def test_a_record_becomes_a_feature_when_it_first_aims_at_a_release(log, file):
    """The feature begins then, rests on the decision, and takes over what the record is by then."""
    write(
        file,
        *lines(made(title="Vouchers"), {"field": "title", "new": "Gift cards"}, {"field": "aim", "new": "v1.10"}),
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


def test_a_release_is_there_from_the_earliest_instant_at_which_anything_aims_at_it(log, file):
    """A line that lands later but took effect earlier moves the beginning of the release back."""
    one, two, three = lines(made(aim="1.0"), made(aim="v1.0") | {"issue": "T-2"}, made() | {"issue": "T-3"})
    write(file, one, two | {"when": "2024-04-01T00:00:00Z"}, three)

    run(file, example(), log)

    assert log.state("release:shop-1.0").started_at() == naive.micros("2024-04-01T00:00:00Z")
    assert cell(log, "release:shop-1.0", "version") == "1.0"
    assert cell(log, "release:shop-1.0", "products") == ["product:shop"]


def test_the_order_of_releases_can_be_told(log, file):
    """Releases whose order is no order of numbers are listed in the mapping."""
    write(file, *lines(made()))
    listed = EXAMPLE.replace('title = "The shop"', 'title = "The shop"\nreleases = ["1.9", "1.10"]')

    run(file, example(listed), log)
    again = run(file, example(listed), log)

    assert cell(log, "product:shop", "releases") == ["release:shop-1.9", "release:shop-1.10"]
    assert again.applied == 0


# Beginning, striking, restoring, renaming


def test_what_is_struck_is_off_the_record_and_what_is_restored_is_the_old_one(log, file):
    """Striking and restoring speak of the same subject, and of every subject of the record."""
    write(file, *lines(made(title="Vouchers", aim="1.0"), {"what": "deleted"}, {"what": "undeleted"}))

    run(file, example(), log)

    hours = [naive.micros(f"2024-05-01T0{n}:00:00Z") for n in (1, 2, 3)]
    for subject in ("decision:t-1", "feature:t-1"):
        assert [log.state(subject).exists_at(hour) for hour in hours] == [True, False, True]


def test_a_name_used_again_is_another_record(log, file):
    """The new record has a key of its own, and later lines speak of it."""
    again = made(title="Other")
    write(file, *lines(made(title="One"), {"what": "deleted"}, again, {"field": "title", "new": "Third"}))

    report = run(file, example(), log)

    assert cell(log, "decision:t-1", "title") == "One"
    assert cell(log, "decision:t-1~2", "title") == "Third"
    assert not log.state("decision:t-1").exists_at(AFTER)
    assert [one.line for one in report.reused] == ["3"]


def test_a_renamed_record_is_the_same_subject_and_its_old_name_is_free(log, file):
    """The name is a cell: it changes, and may pass to another subject."""
    moved = {"what": "moved", "issue": "T-9", "old": "T-1", "new": "T-9"}
    later = {"issue": "T-9", "field": "title", "new": "Renamed"}
    write(file, *lines(made(title="One"), moved, later, made(title="Two")))

    report = run(file, example(), log)

    assert (cell(log, "decision:t-1", "title"), cell(log, "decision:t-1", "aliases")) == ("Renamed", ["T-9"])
    assert (cell(log, "decision:t-1~2", "title"), cell(log, "decision:t-1~2", "aliases")) == ("Two", ["T-1"])
    assert report.reused == []


def test_two_names_that_make_the_same_key_are_two_subjects(log, file):
    """`T/1` and `T-1` differ to the tracker, so they differ in the log; a name without a letter has a key all the same."""
    write(file, *lines(made(title="a"), made(title="b") | {"issue": "T/1"}, made(title="c") | {"issue": "日本"}))

    report = run(file, example(), log)

    assert report.complete
    assert (cell(log, "decision:t-1", "title"), cell(log, "decision:t-1~2", "title")) == ("a", "b")


def test_what_never_began_is_not_placed(log, file):
    """A line about a record that never began is reported with its id, and nothing is recorded."""
    renamed = {"what": "moved", "issue": "T-9", "old": "T-8", "new": "T-9"}
    write(file, *lines({"field": "title", "new": "?"}, renamed, {"what": "deleted"}))

    report = run(file, example(), log)

    assert [one.line for one in report.not_placed] == ["1", "2", "3"]
    assert not log.state("decision:t-1").version


def test_where_nothing_announces_records_they_can_begin_with_their_first_change(log, file):
    """`unannounced = "begin"` is for trackers whose export has no line for a beginning."""
    write(file, *lines({"field": "state", "old": "open", "new": "done"}))

    report = run(file, example(EXAMPLE.replace("[kinds]", '[kinds]\nunannounced = "begin"')), log)

    assert report.complete
    assert cell(log, "decision:t-1", "status") == "accepted"


# People


def test_every_spelling_of_a_person_is_the_same_person(log, file):
    """Handle, name in any case, a spelling of the mapping and a nickname of the file all lead to one id."""
    write(file, *lines(made(owners=["@ann", "ANN ARBOR", "Ann  Arbor", "the boss", "ann"])))

    report = run(file, example(), log)

    (ann,) = log.directory.find("@ann")
    assert cell(log, "decision:t-1", "role.accountable") == [ann] * 5
    assert report.persons_registered == 1
    assert log.directory.find("the boss") == ()


def test_nobody_is_nobody_and_the_list_stands_as_its_word(log, file):
    """A word for nobody is left out of the list; what the file said is kept beside it."""
    write(file, *lines(made(owners=["tbd", "@bob"]), {"field": "owners", "new": "TBD"}))

    run(file, example(), log)

    first, second = log.state("decision:t-1").rows["role.accountable"]
    assert (first.value, first.source_value) == ([*log.directory.find("@bob")], '["tbd", "@bob"]')
    assert (second.value, second.source_value) == ([], "TBD")


def test_a_team_can_hold_what_a_person_can(log, file):
    """What fits the pattern of teams is a team, made known before it is named."""
    write(file, *lines(made(owners=["team-blue", "@bob"])))

    report = run(file, example(), log)

    assert cell(log, "decision:t-1", "role.accountable") == ["team:team-blue", *log.directory.find("@bob")]
    assert log.state("team:team-blue").exists_at(AFTER)
    assert report.teams_registered == 1


def test_whom_the_log_knows_already_is_joined_with_the_spellings_it_does_not(log, file):
    """Somebody registered before the import stays one person, whatever the file calls them."""
    known = COMMAND.validate_python({"type": "RegisterPerson", "key": "a1", "name": "Ann Arbor"})
    asyncio.run(log.execute(Transaction((known,), IMPORTER)))
    write(file, *lines(made(owners=["@ann"])))

    run(file, example(), log)
    again = run(file, example(), log)

    (other,) = log.directory.find("@ann")
    assert cell(log, other, "merged_into") == "person:a1"
    assert again.persons_registered == 0


def test_a_record_is_named_by_what_its_name_means_then(log, file):
    """Links between records become links between subjects; what is no record stands as a word."""
    blocks = {"issue": "T-2", "field": "blocks", "new": ["T-1", "elsewhere"]}
    write(file, *lines(made(), made(blocks=["T-1"]) | {"issue": "T-2"}, blocks))

    report = run(file, example(), log)

    first, second = log.state("decision:t-2").rows["blocks"]
    assert (first.value, first.source_value) == (["decision:t-1"], None)
    assert (second.value, second.source_value) == (["decision:t-1"], '["T-1", "elsewhere"]')
    assert report.unknown_words == {"blocks": {"elsewhere": 1}}


@pytest.mark.parametrize(
    ("told", "means"),
    [
        ("2024-02-29", {"value": "2024-02-29"}),
        ("2019-1-3", {"value": "2019-01-03", "source_value": "2019-1-3"}),
        ("2023-02-29", {"source_value": "2023-02-29"}),
        ("soon", {"source_value": "soon"}),
    ],
)
def test_a_day_is_a_day_of_the_calendar(told, means):
    """What is no day stands as a word."""
    mapping = example(EXAMPLE.replace('cell = "title"', 'cell = "created"\nas = "day"', 1))

    read = Meanings(mapping, People(mapping), lambda _: None).read(mapping.subject[0].fields["title"], told)

    assert read.step == means


# Again, longer, interrupted, dry


def everything(log):
    return [log.entry(n).event for n in range(1, log.head().size + 1)]


@pytest.mark.parametrize("name", ["peps", "keps"])
def test_the_same_file_again_changes_nothing(log, file, name):
    """A second import answers every line from its key; a longer file then adds only what is new."""
    path = {"peps": naive.PEPS, "keps": naive.KEPS}[name]
    told = path.read_text(encoding="utf-8").splitlines()[:700]
    write(file, *told[:600])
    first = run(file, shipped(name), log)
    size = log.head().size

    again = run(file, shipped(name), log)
    unchanged = log.head().size
    longer = run(write(file, *told), shipped(name), log)

    assert (first.applied, again.applied, again.already_there) == (600, 0, 600)
    assert unchanged == size
    assert (longer.applied, longer.already_there) == (100, 600)


def test_an_interrupted_import_goes_on_and_ends_as_if_it_had_not_been(file, tmp_path):
    """Wherever it stops, the same import finishes it: the log then holds what it would have held."""
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
            run(file, shipped("keps"), stopped, new_key=new_keys(), progress=stop, lines_at_once=60)
        half = stopped.head().size
        report = run(file, shipped("keps"), stopped)

        assert half < whole.head().size
        assert (report.already_there, report.applied) == (120, 180)
        assert everything(stopped) == everything(whole)


def test_a_line_that_changed_since_is_refused_and_named(log, file):
    """A key that was used for another line is no second change of mind."""
    run(write(file, *lines(made(title="One"))), example(), log)

    report = run(write(file, *lines(made(title="Two"))), example(), log)

    assert [(one.line, "has changed" in one.what) for one in report.refused] == [("1", True)]
    assert cell(log, "decision:t-1", "title") == "One"


def test_lines_without_ids_are_known_by_what_they_say_and_how_often_they_said_it(log, file):
    """Two lines alike are two lines, and the file imported again changes nothing."""
    anonymous = example(EXAMPLE.replace('id = "n"\n', 'leave_out = ["n"]\n'))
    begun, change = lines(made(title="One"), {"field": "title", "new": "Two"})
    write(file, begun, change, change)

    first, again = run(file, anonymous, log), run(file, anonymous, log)

    assert (first.applied, again.applied, again.already_there) == (3, 0, 3)


def test_a_dry_run_writes_nothing_and_says_what_an_import_would(log, file):
    """Its report is that of the import, but for what is not known before."""
    write(file, *naive.KEPS.read_text(encoding="utf-8").splitlines()[:400])
    size = log.head().size

    dry = rehearse(file, shipped("keps"), log)
    untouched = log.head().size
    wet = run(file, shipped("keps"), log)

    assert untouched == size
    assert dry.to_dict() | {"dry_run": False, "position": wet.position} == wet.to_dict()


def test_a_dry_run_looks_at_the_log(log, file):
    """What is there already is counted as such, a changed line is refused, and a longer file has only its rest to apply."""
    told = lines(
        made(title="One", owners=["@bob", "team-b"]),
        {"field": "title", "new": "Two"},
        {"field": "state", "new": "open"},
    )
    run(write(file, *told[:2]), example(), log)

    longer = rehearse(write(file, *told), example(), log)
    changed = rehearse(write(file, {**told[0], "new": {"title": "Another"}}, *told[1:]), example(), log)

    assert (longer.already_there, longer.applied, longer.refused) == (2, 1, [])
    assert (longer.persons_registered, longer.teams_registered) == (0, 0)
    assert [(one.line, "has changed" in one.what) for one in changed.refused] == [("1", True)]
    assert cell(log, "decision:t-1", "status") is None


def test_findings_are_told_once(log, file):
    """A repeated import is silent about the lines that are there, unless it is asked for all."""
    write(file, *lines(made(odd=1, state="hm"), {"field": "state", "old": "x", "new": "open"}))

    first, again, verbose = (run(file, example(), log, verbose=verbose) for verbose in (False, False, True))

    assert (len(first.contradictions), first.unmapped_fields) == (1, {"odd": 1})
    assert len(str(again).splitlines()) == 1
    assert (verbose.contradictions, verbose.unknown_words) == (first.contradictions, first.unknown_words)


def test_who_may_not_import_is_told_before_the_start(log, file):
    """Without the right to import there is one refusal, and nothing is written, not even a person."""
    write(file, *lines(made(title="One"), made(title="Two")))
    size = log.head().size

    with pytest.raises(Forbidden, match="token create NAME --right import"):
        asyncio.run(
            import_changes(file, example(), LogSink(log), Caller("person:eve", "t", "http"), new_key=new_keys())
        )

    assert log.head().size == size


def test_handles_are_shown_as_the_mapping_says(log, file):
    """However the file decorates a handle, the part that counts is shown; a bare word and a known name stay as they are."""
    mapping = example(EXAMPLE.replace("handle = '@?([a-z]+)'", "handle = '[“]?@?([a-z]+)@?[”]?'\nshow = '@{}'"))
    write(file, *lines(made(owners=["bob@", "“@cid”", "@cid", "dan", "Ann Arbor@", "ann@"])))

    run(file, mapping, log)

    spelled = {
        spelling: log.directory.name(log.directory.find(spelling)[0]) for spelling in ("bob@", "“@cid”", "dan", "ann@")
    }
    assert spelled == {"bob@": "@bob", "“@cid”": "@cid", "dan": "dan", "ann@": "Ann Arbor"}


def test_progress_is_told_from_nothing_to_all(log, file):
    """Lines done of lines there are, in order, ending with all of them."""
    told = []
    write(file, *lines(*[made() | {"issue": f"T-{n}"} for n in range(5)]))

    run(file, example(), log, progress=lambda *step: told.append(step), lines_at_once=2)

    assert told == [(0, 5), (2, 5), (4, 5), (5, 5), (5, 5)]


# What goes wrong


def test_lines_that_are_none_are_reported_and_the_rest_is_imported(log, file):
    """No line stops the others; each says what is wrong with it."""
    good = lines(*[{}] * 9, made(title="One"))[-1]
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

    told = [one.line for one in report.not_placed]
    assert told == [1, 2, 3, 4, "5", "6", "7", "8"]
    assert (report.lines, report.applied) == (9, 1)


def test_what_the_log_cannot_keep_is_refused_with_the_name_of_the_field(log, file):
    """A text longer than any may be is no reason to lose the other lines."""
    long = made(title="x" * 200_001)
    write(file, *lines(long, made(title="y") | {"issue": "T-2"}, made() | {"issue": "T-3", "when": "9999-01-01"}))

    report = run(file, example(), log)

    assert [one.line for one in report.refused] == ["1", "3"]
    assert report.refused[0].what.startswith("text:")
    assert report.refused[1].what.startswith("effective_at")
    assert cell(log, "decision:t-2", "title") == "y"


def test_control_characters_in_a_remark_do_not_lose_it(log, file):
    """A remark keeps its words; what no reader can show is replaced."""
    write(file, *lines(made(title="One") | {"comment": "ring\x07 the bell"}))

    run(file, example(), log)

    assert log.stream("decision:t-1")[0].metadata.note == "ring\N{REPLACEMENT CHARACTER} the bell"


def test_who_may_not_import_gets_nothing_in(log, file):
    """Without the right to import nothing is observed, and the report says why."""

    class Stranger(LogSink):
        async def execute_many(self, transactions):
            caller = Caller("person:eve", "token-2", "http")
            return await super().execute_many(
                [Transaction(transaction.commands, caller, transaction.key) for transaction in transactions]
            )

    write(file, *lines(made(title="One")))

    report = run(file, example(), log, sink=Stranger(log))

    assert report.applied == 0
    assert [one.line for one in report.refused] == ["1"]
    assert not log.state("decision:t-1").version


def test_the_report_can_be_read_by_people_and_by_programs(log, file):
    """What is counted in one form is said in the other."""
    write(file, *lines(made(odd=1, state="hm"), {"field": "state", "old": "x", "new": "open"}, {"issue": "T-7"}))

    report = run(file, example(), log)

    said = str(report)
    assert "3 lines: 2 applied, 0 already there, 0 refused, 1 not placed" in said
    assert "T-7 changes without ever having begun" in said
    assert "1 x odd" in said
    assert "1 x hm" in said
    assert report.to_dict()["contradictions"] == [{"line": "2", "what": "T-1 state: from x, but it was told to be hm"}]


@pytest.mark.parametrize(("name", "not_placed", "applied"), [("peps", [], 2688), ("keps", ["2105", "2196"], 3142)])
def test_of_the_two_corpora_only_what_was_never_proposed_is_not_placed(log, name, not_placed, applied):
    """Every line finds its place but those of KEP-2594, and every field its cell."""
    path = {"peps": naive.PEPS, "keps": naive.KEPS}[name]

    report = rehearse(path, shipped(name), log)

    assert [one.line for one in report.not_placed] == not_placed
    assert (report.applied, report.refused) == (applied, [])
    assert (report.unmapped_fields, report.unmapped_columns) == ({}, {})
