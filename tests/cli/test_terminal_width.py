"""Answers on a terminal: every line fits, no id and no word is broken, whatever script the names are in."""

import re
import shlex

import pytest
from rich.cells import cell_len

from cli import paging, receipts
from cli.answer_titles import Titles
from cli.commands import decisions, succession
from cli.dates import Zone
from cli.display import REPLACEMENT, format_when, isolate, make_safe, shorten, width_of, wrap
from cli.examples import wrap_command
from cli.main import SECTIONS
from cli.table import Table, layout, style_of, wrap_sentences
from tests.support_log import LocalService, quiet_token
from tests.support_terminal import NOW, run_command, table

NAMES = ("Ada Lovelace", "山田太郎", "עדה לאבלייס", "آدا لوفلايس", "👩‍👩‍👧 Zoë", "e\u0301mile")
LONG = "A title that goes on for longer than any column of a narrow terminal has room to show it whole"
WIDE = "港の夜間予約を船員のために改善する計画と冬の係留場所の料金表を見直す件について"
ASKING = [
    ("roadmap",),
    ("roadmap", "shop", "--all"),
    ("roadmap", "--columns", "owner"),
    ("roadmap", "--layout", "timeline"),
    ("roadmap", "--layout", "table", "--blame"),
    ("changes", "--since", "2024"),
    ("changes", "--since", "2024", "--table"),
    ("slips", "--by", "target"),
    ("blame",),
    ("decisions",),
    ("debt",),
    ("slips",),
    ("outcomes",),
    ("flags",),
    ("minutes",),
    ("minutes", "round"),
    ("tasks",),
    ("arrivals",),
    ("options", "SHOP-1"),
    ("contributions",),
    ("contributions", "--gaps"),
    ("show", "SHOP-1"),
    ("show", "f1"),
    ("show", "product:shop"),
    ("show", "山田太郎"),
    ("show", "--kind", "feature"),
    ("show", "--kind", "person"),
    ("search", "thirst"),
    ("who",),
    ("who", "feature:f1"),
    ("who", "--nobody"),
    ("authority", "decision:tea"),
    ("deciders", "shop"),
    ("people",),
    ("imports",),
    ("audit",),
    ("activity",),
    ("access-journal",),
    ("calibration",),
    ("succession", "山田太郎"),
    ("show", "r2"),
    ("show", "round"),
    ("role", "list"),
    ("account", "list"),
    ("status",),
]
OTHERWISE = frozenset({"report"})
"""Commands that read the log, whose output other tests in this file check."""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A product whose people, features and decisions have names in many scripts, some of them long."""
    with LocalService(tmp_path_factory.mktemp("service")) as opened:
        people = [opened.ada, *(opened.person(name) for name in NAMES[1:])]
        opened.post("/products", {"key": "shop", "title": WIDE})
        opened.post("/releases", {"key": "r1", "version": "1.0", "products": ["shop"], "due_on": "2025-02-01"})
        opened.post("/releases", {"key": "r2", "version": "2.0", "products": ["shop"], "due_on": "2025-08-01"})
        opened.post(
            "/decisions",
            {
                "key": "tea",
                "title": f"{NAMES[2]} {LONG}",
                "decision": f"{WIDE}\n\n{LONG}",
                "why": "Thirst.",
                "accountable": people[1],
                "products": ["shop"],
                "options": [{"title": WIDE, "pros": [LONG]}, {"title": NAMES[3]}],
            },
        )
        for number, (name, person) in enumerate(zip(NAMES, people, strict=True)):
            opened.post(
                "/features",
                {
                    "key": f"f{number}",
                    "title": f"{name} {WIDE if number % 2 else LONG}",
                    "products": ["shop"],
                    **({"accountable": person} if number else {}),
                },
            )
            opened.post(f"/features/f{number}/prioritize", {"horizon": "now", "because": ["tea"], "note": LONG})
            for release in ("r1", "r2"):
                opened.post(f"/features/f{number}/target", {"release": release, "note": WIDE})
        written_up = {"type": "RecordMeeting", "key": "round", "title": WIDE, "held_on": "2024-12-20"}
        opened.post(
            "/commands",
            {
                "commands": [
                    {**written_up, "attendees": people, "agenda": ["tea"]},
                    {"type": "DissentFromDecision", "subject": "decision:tea", "by": people[2], "why": LONG},
                    {
                        "type": "StateExpectedOutcome",
                        "subject": "decision:tea",
                        "measure": WIDE,
                        "target": NAMES[3],
                        "due_on": "2025-02-01",
                        "probability": 70,
                    },
                    {"type": "AssignTask", "title": LONG, "accountable": people[1], "due_on": "2025-03-01"},
                ]
            },
        )
        opened.post("/features/f5/ship", {"because": ["tea"]})
        opened.post("/features/f1/hand-over", {"to": people[2]})
        yield opened


def on_a_terminal(service, monkeypatch, width, *words):
    """The lines that a command prints on a terminal of this width."""
    shown = []
    asking = ("show", "changes", "roadmap")
    for module in (
        "cli.paging",
        "cli.table",
        "cli.query",
        receipts.__name__,
        *(f"cli.commands.{name}" for name in asking),
    ):
        monkeypatch.setattr(f"{module}.is_terminal", lambda: True, raising=False)
        monkeypatch.setattr(f"{module}.width_of_terminal", lambda: width, raising=False)
    monkeypatch.setattr(paging, "_show", lambda text, _lines: shown.append(text))
    run_command(service, *words)
    return re.sub(r"\x1b\[[0-9;]*m", "", "".join(shown)).splitlines()


def test_every_command_that_asks_is_looked_at():
    """No command that reads the log is missing from the list below."""
    assert set(SECTIONS["Ask"]) == {words[0] for words in ASKING} & set(SECTIONS["Ask"]) | OTHERWISE


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
@pytest.mark.parametrize("width", [80, 100, 160])
def test_every_answer_fits(service, monkeypatch, width, words):
    """No line is wider than the terminal, every id is whole, and no word of a sentence is broken."""
    lines = on_a_terminal(service, monkeypatch, width, *words)

    assert [line for line in lines if width_of(line) > width] == []
    known = {*all_subjects(service), "team:", "kind:key"}
    for line in lines:
        for found in re.findall(r"\b(?:decision|feature|product|person|release):[\w-]+", line):
            assert found in known, line
    whole = set(re.findall(r"\w+", " ".join([LONG, *NAMES, *known, "Serve feature"])))
    broken = [word for line in lines for word in re.findall(r"\b([A-Za-z]+)…", line) if word not in whole]
    assert broken == []
    text = " ".join(lines)
    assert not re.search(r"feature:$|decision:$|SHOP-$", text, re.MULTILINE)


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_report_fits(service, monkeypatch, width):
    """On a terminal the report is a page of at most 100 columns: no line is wider, and no text of any script is lost."""
    monkeypatch.setenv("COLUMNS", str(width))

    page = run_command(service, "report", "shop", "--since", "2024", "--format", "text").stdout

    lines = re.sub(r"\x1b\[[0-9;]*m|[\u2068\u2069\u200e]", "", page).splitlines()
    assert [line for line in lines if width_of(line) > min(width, 100)] == []
    text = "".join("".join(lines).split())
    for written in (WIDE, *NAMES[1:4], "Thirst."):
        assert "".join(written.split()) in text
    assert "**" not in page
    assert "](" not in page


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_person_is_only_an_id(service, monkeypatch, width):
    """Wherever an answer shows the id of a person, it shows their name, too."""
    names = {row["id"]: row["name"] for row in service.rows("/people")}
    for words in ASKING:
        if words[0] == "options":
            continue
        lines = on_a_terminal(service, monkeypatch, width, *words)
        for number, line in enumerate(lines):
            for found in re.findall(r"person:[\w-]+", line):
                text = re.sub("[\u2068\u2069\u200e]", "", " ".join(lines[max(number - 2, 0) : number + 1]))
                assert names[found][:6] in text, (words, line)


def test_a_person_who_was_read_about_is_named(service):
    """The access journal says about whom, by name; what a program reads has the id."""
    other = service.rows("/people")[1]
    service.client.get(f"/v1/calibration?who={other['id']}")
    service.log.journal.write()

    for command in ("access-journal", "activity"):
        assert f"about {other['name']}" in run_command(service, command).stdout
        assert other["id"] in run_command(service, command, "--csv").stdout


def test_the_change_of_a_field_names_the_field(service, monkeypatch):
    """At 80 columns the name of the field is shown, and what a list gained only where before and after do not show it."""
    for words in (("blame", "f1"), ("changes", "--since", "2024", "--table")):
        headings = " ".join(on_a_terminal(service, monkeypatch, 80, *words))
        assert " field " in headings, words
    assert "gained" not in "".join(on_a_terminal(service, monkeypatch, 80, "blame", "f1"))


def test_a_difference_tells_who_and_when_at_any_width(service, monkeypatch):
    """Who made the last change, and when, are below the row where they do not fit into it."""
    for width in (80, 100, 160):
        lines = on_a_terminal(service, monkeypatch, width, "changes", "--since", "2024", "--table")
        assert not re.search(r"hidden \([^)]*\b(?:when|who)\b", " ".join(lines)), width
        assert {"when", "who"} <= set(re.findall(r"\w+", " ".join(lines))), width


def test_a_kind_is_a_list_of_subjects(service, monkeypatch):
    """In a terminal, `show --kind` has a line for each subject; with a field, a line for each of these fields."""
    lines = on_a_terminal(service, monkeypatch, 160, "show", "--kind", "feature")
    subjects = [found for line in lines for found in re.findall(r"\bfeature:[\w-]+", line)]
    assert lines[0].split()[:2] == ["title", "status"]
    assert sorted(subjects) == sorted(each for each in all_subjects(service) if each.startswith("feature:"))
    assert on_a_terminal(service, monkeypatch, 160, "show", "--kind", "feature", "--field", "hor*")[0] == "horizon"


@pytest.mark.parametrize(("key", "shown"), [("pep-470", "decision:pep-470"), ("fee", "SHOP-7")])
def test_a_decision_has_the_number_that_people_know(key, shown):
    """Where not both fit, the key with a number of its own from elsewhere is shown, otherwise the number here."""
    cells = {"value": "accepted", "source_value": None, "since": "2020-01-01T00:00:00Z"}
    row = {"number": {"product:shop": 7}, "subject": f"decision:{key}", "title": LONG}
    table_ = decisions.build_table(
        {"rows": [{**row, "fields": {"status": cells, "tags": {**cells, "value": [LONG]}}}] * 2}, Titles({})
    )

    lines = ["".join(text for text, _ in line) for line in layout(table_, Zone(), NOW, 68)]

    assert lines[1].startswith(shown)


def test_short_texts_below_a_row_share_a_line():
    """Texts below a row are in one line, after the id, as far as they fit; an expectation is named as one."""
    rows = Table(
        ("subject", "title", "who", "when", "why"),
        [["feature:f1", "x" * 30, "Ada Lovelace" * 2, "Jan 5, 2026", LONG]] * 2,
        below=frozenset({"subject", "who", "when", "why"}),
    )

    lines = ["".join(text for text, _ in line) for line in layout(rows, Zone(), NOW, 60)]

    assert lines[2] == f"    feature:f1  who: {'Ada Lovelace' * 2}"
    assert lines[3] == "    when: Jan 5, 2026"
    assert lines[4].startswith("    why: ")
    held = succession.build_table({"rows": [OVERDUE]}, Titles({}))
    assert held.rows[0][4] == "expectation 1"


def test_a_command_is_broken_between_its_arguments():
    """A long example is in lines that fit, and a shell reads them as the same command."""
    command = "decisionlog record 'Serve coffee' --decision 'Coffee as well.' --why \"Bob's wish.\" --option Both --yes"

    wrapped = wrap_command(command, 40)

    assert len(wrapped.splitlines()) > 2
    assert all(len(line) <= 40 for line in wrapped.splitlines())
    assert shlex.split(wrapped.replace("\\\n", "")) == shlex.split(command)
    assert wrap_command(command, 200) == command


OVERDUE = {
    "relation": "owes",
    "code": "outcome_overdue",
    "subject": "decision:tea",
    "title": "Tea",
    "part": "1",
    "since": "2024-01-01T00:00:00Z",
}


def test_a_change_is_whole_at_any_width():
    """The values before and after are shown whole: next to each other, or below the row, with the reason."""
    states = ("shipped (implemented)", "committed (implementable)")
    rows = Table(
        ("when", "subject", "title", "field", "before", "after", "who", "why"),
        [["Mar 5, 2019", f"feature:kep-{number}", LONG, "status", *states, "Derek Carr", LONG] for number in (1, 2)],
        below=frozenset({"why", "subject"}),
    )

    for width in (60, 80, 100):
        text = " ".join("".join(text for text, _ in line) for line in layout(rows, Zone(), NOW, width)).split()
        assert " ".join(text).count(" → ".join(states)) == 2, width
    wide = ["".join(text for text, _ in line) for line in layout(rows, Zone(), NOW, 200)]
    assert wide[0].split() == ["when", "subject", "title", "field", "before", "after", "who"]


def test_a_list_is_shown_whole(service, monkeypatch):
    """Where the value of a field does not fit into its row, it is below it."""
    text = " ".join(on_a_terminal(service, monkeypatch, 80, "show", "tea", "--field", "decision"))

    assert LONG in " ".join(text.split())


def test_short_values_stay_in_their_row():
    """Only the change that does not fit is below its row, and each of its sides runs in its own direction."""
    rows = Table(
        ("when", "title", "field", "before", "after", "who"),
        [["Mar 5, 2019", LONG, "horizon", None, "now", "Derek"], ["today", LONG, "owner", NAMES[2], LONG, "Derek"]],
    )

    lines = ["".join(text for text, _ in line) for line in layout(rows, Zone(), NOW, 80)]

    assert len(lines) == 5
    assert re.search(r"horizon +now +Derek$", lines[1])
    assert lines[3].startswith(f"    change: \u200e\u2068\u200e\u2068{NAMES[2]}\u2069\u200e → ")
    assert all(width_of(line) <= 80 for line in lines)


def test_no_line_begins_with_a_comma():
    """Punctuation stays with the word before it, whatever its style."""
    spans = [("word " * 3, ""), ("title", "bold"), (", and more", ""), (" (today)", "dim"), (".", "")]

    for width in range(12, 40):
        lines = ["".join(text for text, _ in line) for line in wrap(spans, width, 2)]
        assert all(width_of(line) <= width for line in lines)
        assert not [line for line in lines if line.strip()[0] in ",.)"], lines
        assert " ".join(" ".join(lines).split()) == "word word word title, and more (today)."


def test_one_row_has_its_headings():
    """What several rows have in common is above them; a single row is a row."""
    rows = Table(("title", "status", "since"), [["Tea", "open", "today"]], shared=frozenset({"title", "status"}))

    lines = ["".join(text for text, _ in line) for line in layout(rows, Zone(), NOW, 80)]

    assert lines == ["title  status  since", "Tea    open    today"]


def test_only_a_state_has_its_color():
    """Text that contains the word of a state is no state."""
    assert style_of("value", "shipped (implemented)") == "green"
    assert style_of("status", "exceeds authority") == "red"
    assert style_of("value", "Harbors first, boats later") == ""
    assert style_of("after", "We shipped it") == ""


def test_columns_of_the_roadmap_are_in_line(service, monkeypatch):
    """Each column begins at one place in all groups, and the owner is shown before the key."""
    for width in (80, 100, 160):
        lines = on_a_terminal(service, monkeypatch, width, "roadmap", "--columns", "status", "--all")
        cards = [line for line in lines if line.startswith("  ")]
        starts = {width_of(line[: line.index("2.0")]) for line in cards if "2.0" in line}
        assert len(starts) == 1, lines
        assert "山田太郎" in "".join(cards)
        assert [line for line in cards if width_of(line) > width] == []


def test_a_command_in_a_message_stays_in_one_line():
    """A message is broken between words, but not within a command, which is copied."""
    message = f"{LONG}. An administrator can grant it: `decisionlog role grant person:l8zhyq337hp5txal viewer`."

    lines = list(wrap_sentences(message, 80))

    assert all(len(line) <= 80 for line in lines)
    assert sum("`decisionlog role grant person:l8zhyq337hp5txal viewer`" in line for line in lines) == 1
    assert " ".join(lines) == message
    assert Titles({"person:l8zhyq337hp5txal": "Ann"}).format_sentence(message) == message


def test_a_text_without_spaces_begins_where_there_is_room():
    """It fills the line that it begins in, and no line begins with the punctuation that ends a sentence."""
    text = "これは長い説明である。次の文もここに続いている。"

    lines = list(wrap_sentences(f"Refused: {text} (feature:f6) is dropped.", 29))

    assert lines[0] == "Refused: これは長い説明であ"
    assert lines[1].startswith("る。次の文も")
    assert "".join(lines).replace(" ", "") == f"Refused:{text}(feature:f6)isdropped."
    assert [line for line in lines if width_of(line) > 29 or line[0] in "。、"] == []


def test_a_change_below_its_row_takes_no_room_in_it():
    """Where no value before or after a change is short, its column is left out, and there is room for who made it."""
    people = "Derek Carr, Abdullah Gharaibeh, Wojciech, David"
    columns = ("when", "title", "field", "before", "after", "who")
    row = (NOW, "In-place Update of Pod Resources", "role.approver", people, f"{people}, Tim", "Vinay Kulkarni")

    lines = ["".join(part for part, _ in line) for line in layout(Table(columns, [row]), Zone(), NOW, 80)]

    assert lines[0].split() == ["when", "title", "field", "who"]
    assert "Vinay Kulkarni" in lines[1]
    assert f"change: {people} → {people}, Tim" in " ".join("".join(f"{line}\n" for line in lines[2:]).split())


def test_titles_are_shortened_rather_than_to_hide_who():
    """Who made a change is shown, even if the titles are cut for it; nothing else takes room from them so."""
    columns = ("when", "title", "field", "status", "who", "since")
    row = ("20 minutes ago", "x" * 40, "role.accountable", "y" * 16, "Vinay", "Feb 25, 2021")

    (heading, *_) = ("".join(part for part, _ in line) for line in layout(Table(columns, [row]), Zone(), NOW, 80))

    assert heading.split() == ["when", "title", "field", "status", "who"]


def test_what_follows_a_name_from_right_to_left_stays_behind_it():
    """The marks around a name also hold where tmux drops the first character of a line, and take no column."""
    name = NAMES[2]

    marked = isolate(name)

    assert marked == f"\u200e\u2068{name}\u2069\u200e"
    assert width_of(marked) == width_of(name)
    assert make_safe(marked) == f"{REPLACEMENT * 2}{name}{REPLACEMENT * 2}", "what others wrote has no such marks"


@pytest.mark.parametrize(
    ("word", "lines"),
    [
        (WIDE, 3),
        ("Donaudampfschifffahrtsgesellschaft" * 2, 3),
        ("person:" + "l8zhyq337hp5txal" * 4, 1),
        ("/var/lib/港/" + "decisionlog" * 5, 1),
        ("0003-let-the-harbor-master-open-the-gate-from-the-phone", 1),
        ("5b37362c315d" * 5, 1),
        ("`decisionlog feature target night-mode 2.0 --note Later`", 1),
    ],
    ids=["without spaces", "long", "id", "path", "key", "cursor", "command"],
)
def test_a_word_that_is_wider_than_a_line(word, lines):
    """It is broken where the line ends, unless it is copied; what is around it is wrapped either way."""
    found = list(wrap_sentences(f"What was asked for is not in the log: {word} What to do is in the handbook.", 40))

    with_word = [line for line in found if set(line.split()) & {word} or (len(line) > 8 and line.strip(" ") in word)]
    assert "".join("".join(found).split()).count("".join(word.split())) == 1
    assert (word in found) == (lines == 1)
    assert [line for line in found if width_of(line) > 40] == ([word] if lines == 1 else []), with_word


def test_an_overdue_task_is_marked(service):
    """A task whose day has passed is overdue; before that it is only open."""
    assert {row["status"] for row in table(service, "tasks")} == {"open"}
    assert {row["status"] for row in table(service, "tasks", "--as-of", "2025-04-01")} == {"open, overdue"}


def test_a_meeting_without_minutes_is_an_answer(service):
    """No line says that nothing was found below a meeting that was found."""
    service.post(
        "/commands",
        {"commands": [{"type": "PlanMeeting", "key": "next", "title": "Next round", "held_on": "2025-12-20"}]},
    )

    assert "No matching results" not in run_command(service, "minutes", "next").output


def test_a_receipt_says_what_was_done(service):
    """Not what followed from it: when a person left, their tokens are revoked. A text that ends in a period gets no other."""
    left = service.person("Cy")
    quiet_token(service.log, left, {"read"})

    assert "Recorded the departure of Cy. (person:" in run_command(service, "person", "left", left, "--yes").stdout
    assert "A berth. (" in run_command(service, "product", "vision", "shop", "A berth.").stdout


def test_names_in_a_receipt_run_in_their_own_direction(service, monkeypatch):
    """On a terminal each is isolated, so that two in a row keep their order; in a pipe they are as they are."""
    words = ("product", "vision", "shop", NAMES[3], "--dry-run")
    plain = run_command(service, *words).stdout

    isolated = " ".join(on_a_terminal(service, monkeypatch, 200, *words))

    assert f": {NAMES[3]}." in plain
    assert f": \u200e\u2068{NAMES[3]}\u2069\u200e." in isolated


def all_subjects(service):
    """Every subject of the log."""
    return {row["subject"] for row in service.rows("/fields", field="exists", limit=1000)}


def test_a_long_title_ends_in_an_ellipsis():
    """A title is shortened by the columns that it takes, and a combined character is not parted."""
    assert shorten(LONG, 20) == "A title that goes…"
    assert shorten("Incomprehensibilities of it", 20) == "Incomprehensibiliti…"
    assert cell_len(shorten(WIDE, 20)) <= 20
    assert shorten("e\u0301" * 10, 5) == "e\u0301" * 4 + "…"
    assert shorten("tea", 3) == "tea"


@pytest.mark.parametrize("width", [20, 33, 80])
def test_text_is_broken_between_words(width):
    """Every line fits, and the words of the lines are the words of the text."""
    text = f"{LONG} {NAMES[2]} {LONG}"

    lines = ["".join(part for part, _ in line) for line in wrap([("  • ", ""), (text, "")], width, 4)]

    assert all(width_of(line) <= width for line in lines)
    assert " ".join(lines).split() == ["•", *text.split()]
    assert "".join("".join(part for part, _ in line).strip() for line in wrap([(WIDE, "")], width)) == WIDE


def test_a_row_is_a_line(capsys):
    """A row takes one line, however long its cells; columns that do not fit are named."""
    rows = Table(
        ("subject", "title", "why", "who", "source"),
        [["feature:a-rather-long-key-of-a-feature", LONG, f"{LONG}\nand more", "Ada Lovelace", "jira"]] * 3,
        frozenset({"source"}),
    )

    lines = list(layout(rows, Zone(), NOW, 80))

    assert len(lines) == 4
    assert "hidden (subject, source)" in capsys.readouterr().err
    assert all(width_of("".join(text for text, _ in line)) <= 80 for line in lines)


def test_a_value_is_whole_before_a_title_is_long():
    """A value ends with its name in the source, so the title is shortened first."""
    states = ("committed (implementable)", "shipped (implemented)")
    rows = Table(("when", "title", "before", "after", "who"), [["Mar 5, 2019", LONG, *states, "Derek Carr"]])

    for width in (100, 160):
        text = "".join(text for line in layout(rows, Zone(), NOW, width) for text, _ in line)
        assert all(state in text for state in states)


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ("2025-05-14T16:29:40+00:00", "just now"),
        ("2025-05-14T15:30:00+00:00", "1 hour ago"),
        ("2025-05-14T00:00:00+00:00", "today"),
        ("2025-05-13T10:00:00+00:00", "yesterday"),
        ("2025-05-04T10:00:00+00:00", "10 days ago"),
        ("2025-04-20T10:00:00+00:00", "3 weeks ago"),
        ("2025-05-28T10:00:00+00:00", "in 2 weeks"),
        ("2024-12-01T10:00:00+00:00", "Dec 1, 2024"),
    ],
)
def test_times_are_told_as_people_tell_them(time, words):
    """A time near now is relative, one farther away is a date."""
    from datetime import UTC, datetime

    assert format_when(datetime.fromisoformat(time), NOW, Zone(UTC)) == words


def test_what_needs_attention_stands_out(service, monkeypatch):
    """Late, slipped and unowned features are marked with a shape and a word; what is shipped is counted."""
    lines = on_a_terminal(service, monkeypatch, 160, "roadmap", "shop")
    text = "\n".join(lines)

    assert "now  5 open, 1 shipped" in text
    assert "▲ slipped, no owner" in text
    assert sum(line.startswith("  ○ proposed") for line in lines) == 5
    assert len(on_a_terminal(service, monkeypatch, 160, "roadmap", "shop", "--all")) > len(lines)


def test_changes_are_sentences(service, monkeypatch):
    """Changes are grouped by what happened, with who, from what to what, and why."""
    text = " ".join(" ".join(on_a_terminal(service, monkeypatch, 160, "changes", "--since", "2024")).split())

    assert re.search(r"Slipped \(\d+\) • Ada Lovelace moved .* from 1.0 to 2.0", text)
    assert re.search(r"Decided \(1\) • Ada Lovelace decided ", text)
    assert "because of" in text


def test_a_decision_is_a_document(service, monkeypatch):
    """A decision is shown with its number, state, text, reason, options and history."""
    lines = on_a_terminal(service, monkeypatch, 80, "show", "SHOP-1")

    assert lines[0].startswith("SHOP-1  ")
    assert "● accepted" in lines[2]
    assert [line for line in lines if line in ("Decision", "Why", "Options", "Authority", "History")] == [
        "Decision",
        "Why",
        "Options",
        "Authority",
        "History",
    ]
