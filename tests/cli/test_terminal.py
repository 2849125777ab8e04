"""The commands that ask and record, as somebody at a terminal uses them."""

from __future__ import annotations

import _thread
import contextlib
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from importlib.machinery import ModuleSpec
from types import ModuleType
from zoneinfo import ZoneInfo

import click
import pytest
from click.testing import CliRunner

from cli import sentences
from cli.answer_titles import Titles
from cli.commands.slips import build_causes_table
from cli.dates import Zone
from cli.display import REPLACEMENT
from cli.error_messages import describe_failure
from cli.errors import CommandFailed
from cli.main import SECTIONS, cli
from cli.options import TimeParam
from cli.paging import _render
from cli.settings import Settings
from cli.settings_loading import find_location
from cli.table import Table, format_lines, layout
from cli.terminal import InterruptibleInput
from cli.token_lookup import find_token
from decisionlog_client import ClientError, Refused, questions
from tests.support_fork_server import warm
from tests.support_log import LocalService
from tests.support_serving import COMMAND, forked_server, run, surroundings
from tests.support_terminal import NOW, around, run_command, table

NAMES = ("Ada Lovelace", "山田太郎", "עדה לאבלייס", "آدا لوفلايس", "👩‍👩‍👧 Zoë", "e\u0301mile")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A product with features owned by people with all kinds of names, and a decision behind one move."""
    with LocalService(tmp_path_factory.mktemp("service")) as opened:
        for name in NAMES[1:]:
            opened.person(name)
        opened.post("/products", {"key": "shop", "title": "The shop"})
        opened.post(
            "/decisions",
            {
                "key": "tea",
                "title": "Serve tea",
                "decision": "Tea.",
                "why": "Thirst.",
                "accountable": "Ada Lovelace",
                "products": ["shop"],
            },
        )
        for number, name in enumerate(NAMES):
            opened.post(
                "/features",
                {"key": f"f{number}", "title": f"Feature of {name}", "products": ["shop"], "accountable": name},
            )
        opened.post("/features/f1/prioritize", {"horizon": "now", "because": ["tea"]})
        opened.post("/features/f0/prioritize", {"horizon": "later", "note": "Nobody asked."})
        yield opened


# What is shown -------------------------------------------------------------------------------------------------------


def test_the_board(service):
    """The roadmap is printed column by column, each card with who is accountable for it."""
    rows = table(service, "roadmap", "shop")

    assert [(row["column"], row["subject"], row["accountable"]) for row in rows[:2]] == [
        ("now", "feature:f1", "山田太郎"),
        ("later", "feature:f0", "Ada Lovelace"),
    ]
    assert {row["column"] for row in rows[2:]} == {"unplanned"}


def test_who_changed_a_card_and_why(service):
    """Each step says who made it and because of what: the decision, else the note."""
    rows = table(service, "blame", "--field", "horizon", "--order", "newest")

    assert [(row["subject"], row["after"], row["who"], row["why"]) for row in rows] == [
        ("feature:f0", "later", "Ada Lovelace", "Nobody asked."),
        ("feature:f1", "now", "Ada Lovelace", "Serve tea"),
    ]
    blamed = table(service, "roadmap", "shop", "--blame", "--status", "proposed")
    assert (blamed[0]["who"], blamed[0]["why"]) == ("Ada Lovelace", "Serve tea")


def test_a_subject_and_a_number(service):
    """A decision is shown by its id, by its key, and by the number that people say aloud."""
    names = ("decision:tea", "tea", "shop/1", "SHOP-1", "Serve tea", "serve")
    by_id, *others = (run_command(service, "show", name).stdout for name in names)

    assert set(others) == {by_id}
    assert "SHOP-1  Serve tea\n● accepted" in by_id
    assert "Why\n  Thirst.\n" in by_id
    with pytest.raises(CommandFailed, match="No subject 'shop/7'"):
        run_command(service, "show", "shop/7")


@pytest.mark.parametrize(
    ("words", "column", "found"),
    [
        (("decisions", "--product", "shop"), "number", ["SHOP-1"]),
        (("who", "feature:f1"), "holders", ["山田太郎"]),
        (("who", "山田太郎"), "subject", ["feature:f1"]),
        (("who",), "count", ["2", "1", "1", "1", "1", "1"]),
        (("who", "--nobody"), "subject", ["product:shop"]),
        (("people", "ada lovelace"), "name", ["Ada Lovelace"]),
        (("search", "thirst"), "subject", ["decision:tea"]),
        (("audit", "--because", "tea"), "event", ["FeaturePrioritized"]),
        (("audit", "--unjustified", "--type", "FeaturePrioritized"), "subject", ["feature:f0"]),
        (("changes", "--since", "2024", "--field", "horizon"), "after", ["later", "now"]),
        (("slips", "--by", "target"), "subject", []),
        (("blame", "--field", "horizon", "--count-by", "principal"), "count", ["2"]),
        (("show", "--field", "horizon", "--value", "now"), "subject", ["feature:f1"]),
        (("roadmap", "--layout", "table", "--field", "horizon"), "subject", ["feature:f0", "feature:f1"]),
    ],
)
def test_every_question(service, words, column, found):
    """Each command answers its question as lines with tabs."""
    assert [row[column] for row in table(service, *words)] == found


def test_another_day(service):
    """As of a day before the first entry, nothing matches; the answer reports that, and the time it is for."""
    answer = run_command(service, "roadmap", "--as-of", "end of 2024", "--known-at", "yesterday 9:05")

    assert answer.stdout.count("\n") == 1
    assert answer.stderr.startswith(
        "No features on the roadmap at that time.\nAs of 2025-01-01 00:00 UTC, known at 2025-05-13 09:05 UTC; position"
    )


def test_where_the_reader_is(service):
    """Days begin, and times are shown, in the reader's zone."""
    berlin = Zone(ZoneInfo("Europe/Berlin"))

    answer = run_command(service, "blame", "feature:f1", "--field", "horizon", "--as-of", "2025-07-01", zone=berlin)

    assert "As of 2025-07-01 00:00 CEST" in answer.stderr
    assert re.search(r"^2025-01-01T01:00:00\+01:00\t", answer.stdout, re.MULTILINE)


def test_a_report_of_the_same_days_is_the_same_in_every_zone(service):
    """The days of a report begin at midnight UTC, wherever the reader is; a time of day is the reader's."""

    def get_report(since, zone):
        words = ("report", "shop", "--since", since, "--until", "2025-05-01", "--format", "json")
        return json.loads(run_command(service, *words, zone=Zone(ZoneInfo(zone))).stdout)

    zones = ("UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/Los_Angeles")
    assert {get_report("2025-01-01", zone)["since"] for zone in zones} == {"2025-01-01T00:00:00.000000Z"}
    assert len({get_report("q1 2025", zone)["sha256"] for zone in zones}) == 1
    assert get_report("2025-01-01 12:00", "Europe/Berlin")["since"] == "2025-01-01T11:00:00.000000Z"


def test_as_the_interface_has_it(service):
    """JSON and CSV are exactly those of the API, and nothing else is printed with them."""
    as_json, as_csv = (
        run_command(service, "decisions", form, "--as-of", "2030-01-01T00:00Z") for form in ("--json", "--csv")
    )

    for answer, form in ((as_json, "json"), (as_csv, "csv")):
        params = {"as_of": "2030-01-01", "format": form}
        assert answer.stdout.rstrip("\n") == service.client.get("/v1/decisions", params=params).text.replace(
            "\r\n", "\n"
        ).rstrip("\n")
        assert answer.stderr == ""
    assert json.loads(as_json.stdout)["rows"][0]["subject"] == "decision:tea"


def test_more_than_is_shown(service):
    """Where there is more, the answer says how to go on, and going on leaves nothing out."""
    first = run_command(service, "audit", "--limit", "3", "--order", "oldest")
    cursor = re.search(r"--cursor (\w+), or raise", first.stderr)[1]
    rest = table(service, "audit", "--limit", "10000", "--order", "oldest", "--cursor", cursor)

    positions = [line.rpartition("\t")[2] for line in first.stdout.splitlines()[1:]] + [row["position"] for row in rest]
    assert positions == [str(n) for n in range(1, service.log.head().size + 1)]


@pytest.mark.parametrize("command", ["show", "changes"])
def test_an_empty_answer_says_what_is_not_there(service, command):
    """For a misspelled value that no subject has, the correct spelling is suggested."""
    found = run_command(service, command, "--field", "horizon", "--value", "noww")

    assert "No subject has the value 'noww'. Did you mean now?" in found.stdout + found.stderr


@pytest.mark.parametrize(("typed", "meant"), [("horizo", "horizon"), ("accountble", "role.accountable")])
@pytest.mark.parametrize("command", ["show", "changes"])
def test_a_misspelled_field_is_refused(service, command, typed, meant):
    """A field that no subject has and no command sets is refused, with the name that was meant."""
    with pytest.raises(Refused, match=f"there is no field `{typed}`; did you mean `{meant}`?"):
        run_command(service, command, "--field", typed)


def test_what_is_suggested_was_there_at_the_time(service):
    """Before anything was recorded, no value can have been meant."""
    found = run_command(service, "show", "--field", "horizon", "--value", "noww", "--as-of", "1990-01-01")

    assert "Did you mean" not in found.stdout + found.stderr


def test_a_pattern_of_fields_that_finds_nothing_is_no_mistake(service):
    """A pattern that matches no field gets no suggestion."""
    found = run_command(service, "show", "--field", "role.none*")

    assert "Nothing matches --field 'role.none*'." in found.stderr


@pytest.mark.parametrize(
    "command", ["contributions", "flags", "debt", "outcomes", "slips", "who", "decisions", "roadmap"]
)
def test_a_condition_is_never_ignored(service, command):
    """A condition that nothing meets leaves no row, in every question."""
    found = run_command(service, command, "--where", "title=no such title")

    assert len(found.stdout.splitlines()) == 1


def test_filters_that_match_only_alone(service):
    """Where every filter matches something, but nothing matches all of them, the note names none of them."""
    found = run_command(service, "show", "--field", "status", "--value", "later")

    assert "Each filter matches something, but nothing matches all of them." in found.stderr


UNKNOWN = "zzz-unknown"
REQUIRED = {"decision": "tea", "product": "shop", "text": "tea", "who": "me"}
NEEDED = {"report": ("--since", "2020"), "changes": ("--since", "2020"), "show": ("--kind", "feature")}
NOT_LOOKED_UP = frozenset({("imports", "why"), ("report", "summary"), ("report", "owner")})
"""Options whose values are not looked up in the log: texts to record, and whose log it is."""


def list_free_options():
    """Each option and argument of the commands that ask whose value the command line cannot check."""
    for name in (*SECTIONS["Ask"], "role list", "account list", "succession"):
        command = find_command(name.split())
        required = [
            REQUIRED[each.name] for each in command.params if isinstance(each, click.Argument) and each.required
        ]
        for parameter in command.params:
            is_checked = isinstance(parameter.type, (click.Choice, click.IntRange, click.Tuple, click.Path, TimeParam))
            if (
                is_checked
                or getattr(parameter, "is_flag", False)
                or parameter.name == "select"
                or (name, parameter.name) in NOT_LOOKED_UP
            ):
                continue
            if isinstance(parameter, click.Argument):
                yield [*name.split(), UNKNOWN]
            else:
                yield [*name.split(), *required, parameter.opts[0], UNKNOWN]


def find_command(path):
    """The command at a path such as `role list`."""
    command = cli
    for part in path:
        command = command.get_command(click.Context(command), part)
    return command


@pytest.mark.parametrize("words", [*list_free_options()], ids=" ".join)
def test_what_is_unknown_is_never_a_silent_empty_answer(service, words):
    """An option or argument that names something unknown is refused, or the note below the answer names it."""
    words = [*words, *NEEDED.get(words[0], ())]
    try:
        found = run_command(service, *words)
    except (Refused, CommandFailed) as refused:
        said = describe_failure(refused)[1]
    except click.UsageError as wrong:
        said = wrong.format_message()
    else:
        said = found.stderr

    assert UNKNOWN in said or "must be" in said or "cannot be combined" in said, said


def test_status(service):
    """It says how far the log and its answers go, and who asks."""
    told = run_command(service, "status").stdout

    assert f"{service.log.head().size} entries" in told
    assert "You are Ada Lovelace, with the scopes admin, erase, import, read, write." in told
    assert "see `decisionlog who --nobody`" in told
    root = json.loads(run_command(service, "status", "--json").stdout)["root"]
    assert root == service.log.head().root
    assert f"Merkle root {root}\nin a checkpoint {b64encode(bytes.fromhex(root)).decode()}\n" in told


# How tables look -----------------------------------------------------------------------------------------------------


def draw(sheet: Table, width: int) -> list[str]:
    """The lines of a table on a terminal of this width."""
    return ["".join(text for text, _ in line) for line in layout(sheet, Zone(), NOW, width)]


def test_what_others_wrote_does_nothing_to_a_terminal():
    """Control characters and marks of direction in a text are shown as what they are: something that does not belong."""
    evil = "\x1b[2Jtea\x07\u202e\x9b31m\r\u2066"
    sheet = Table(("title",), [[evil]])

    for shown in ("".join(draw(sheet, 80)), "".join(format_lines(sheet, Zone()))):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)
        assert "\u2066" not in shown
        assert f"{REPLACEMENT}[2Jtea" in shown


def test_a_cell_is_one_line_in_a_pipe():
    """In a pipe a row is a line and a cell stays a cell, whatever is in it."""
    assert list(format_lines(Table(("a", "b"), [["x\ty\n\nz", None]]), Zone())) == ["a\tb", "x y z\t"]


def test_what_all_rows_have_in_common_is_said_once():
    """A column in which all rows are alike is printed once, above the table."""
    sheet = Table(("subject", "note", "why"), [["s:1", "x", "a"], ["s:1", "y", "b"]], shared=frozenset({"subject"}))

    found = draw(sheet, 80)

    assert (found[0], "subject" in found[1]) == ("s:1", False)


# What goes wrong -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("roadmap", "nowhere"),
            "No product 'nowhere'. There is The shop (product:shop).",
        ),
        (
            ("show", "decision:none"),
            "Refused: no decision 'none'. List them with `decisionlog show --kind decision`.",
        ),
        (
            ("who", "Nobody At All"),
            "No subject 'Nobody At All'. Search all text with `decisionlog search 'Nobody At All'`.",
        ),
        (("blame", "--kind", "tea"), "Refused: there is no kind `tea`; did you mean `team`?"),
        (("roadmap", "--columns", "ownr"), "No column 'ownr'. Did you mean owner?"),
        (("who", "Yamada"), "No subject 'Yamada'. Search all text with `decisionlog search Yamada`."),
        (("decisions", "--select", "titel"), "No field 'titel'. Did you mean title?"),
        (("audit", "--type", "Tea"), "Refused: there is no event type `Tea`; docs/reference/events.md lists them."),
        (("decision", "confirm", "nil"), "No decision 'nil'. There is Serve tea (decision:tea)."),
        (("decision", "reject", "tea"), "Missing --why. On a terminal, the command asks for it."),
        (("decision", "reopen", "tea", "--why", " "), "Invalid --why: must not be blank."),
        (
            ("decision", "reopen", "tea", "--why", "x", "--effective-at", "tomorrow"),
            (
                "Invalid --effective-at: a command cannot take effect in the future; if something starts or ends later, "
                "use its `from` or `until`."
            ),
        ),
        (("record", "Tea"), "Missing --decision and --why. On a terminal, the command asks for them."),
        (
            ("record", "Tea", "--decision", "x", "--why", "y", "--accountable", "Nobody"),
            "No person or team 'Nobody'. Search all text with `decisionlog search Nobody`.",
        ),
    ],
)
def test_a_sentence_that_says_what_to_do(service, words, sentence):
    """A refusal prints a sentence that says what to do, and nothing is recorded."""
    before = service.log.head().size

    with pytest.raises((Refused, CommandFailed)) as refused:
        run_command(service, *words)

    assert describe_failure(refused.value)[1] == sentence
    assert service.log.head().size == before


def test_a_reason_that_the_reader_may_not_read_is_said():
    """What is based only on decisions that the reader may not read is not shown as without a reason."""
    blame = {"type": "FeaturePrioritized.v1", "because": [], "because_hidden": True}
    blame |= {"actor": "person:ann", "principal": "person:ann"}
    move = {
        "cause": "dependency",
        "because": [],
        "reason": None,
        "subject": "feature:f",
        "title": "F",
        "field": "due_on",
    }
    move |= dict.fromkeys(("first", "before", "after", "days", "days_from_first", "quarter", "position"))
    (row,) = build_causes_table({"rows": [move | {"owners": [], "at": "2025-01-01T00:00:00Z"}]}, Titles({})).rows

    assert Titles({}).reason(blame) == "Based on a decision that you may not read."
    assert Titles({}).reason({**blame, "note": "Haste."}) == "Haste."
    assert sentences.tell(sentences.Happening(blame, "feature:f", "F"), Titles({}))[-1][0] == (
        ", based on a decision that you may not read"
    )
    assert "Caused by a dependency that you may not read." in row


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("roadmap", "--as-of", "soon"), "Can't read the time 'soon'. Try 2025-03-01"),
        (("roadmap", "--as-of", "2025-02-30"), "Can't read the time '2025-02-30'"),
        (("roadmap", "--json", "--csv"), "Choose one of --json and --csv."),
        (("slips", "--by", "target", "--until", "now"), "--until cannot be combined with --by target."),
        (("slips", "--min-count", "2"), "--min-count requires --by target."),
        (("blame", "--min-count", "2"), "--min-count requires --count-by."),
        (("blame", "--count-by", "field", "--order", "newest"), "--order cannot be combined with --count-by."),
        (("who", "--nobody", "--role", "approver"), "--role cannot be combined with --nobody."),
        (("who", "feature:f1", "--kind", "feature"), "--kind cannot be combined with a subject."),
        (("who", "--limit", "3"), "--limit cannot be combined with counts of all people and teams."),
        (("audit", "--limit", "0"), "0 is not in the range"),
        (("decision", "accept", "tea", "--until", "noon"), "No such option '--until'"),
        (("record", "Tea", "--review-on", "soon"), "Can't read the day 'soon'"),
    ],
)
def test_what_is_not_understood(service, words, sentence):
    """A command reports invalid arguments before it sends a request."""
    with pytest.raises(click.UsageError) as wrong:
        run_command(service, *words)

    assert sentence in wrong.value.format_message()


def test_no_right(service):
    """A caller without a scope learns which scope is missing, and who can give it."""
    weak = service.log.tokens.create(service.ada)[1]

    with around(service, token=weak).client() as log, pytest.raises(Refused) as refused:
        log.ask(questions.tokens())

    assert describe_failure(refused.value)[1] == (
        "Refused: your token does not have the scope `admin`. "
        "An administrator of the log can create a token that has it."
    )


def test_no_role(service, monkeypatch):
    """A caller without a role learns which one is needed and how to grant it; another token would not help."""
    monkeypatch.setattr(service.log, "default_role", None)

    with pytest.raises(Refused) as refused:
        run_command(service, "decisions")

    assert describe_failure(refused.value)[1] == (
        f"Refused: to read, you need the role `viewer` for a product; an administrator can grant it: "
        f"`decisionlog role grant {service.ada} viewer`."
    )


# Colors --------------------------------------------------------------------------------------------------------------


SHEET = Table(
    ("subject", "status", "title"),
    [["decision:tea", "accepted", "accepted"], ["decision:milk", "rejected", "a"], ["decision:jam", "proposed", "b"]],
)


def test_a_status_has_its_color_and_a_title_has_none():
    """What holds is green, what fell is red, and an id is cyan; a title is as it is."""
    styles = {text.strip(): style for line in layout(SHEET, Zone(), NOW, 160) for text, style in line if text.strip()}

    assert {name: styles[name] for name in ("rejected", "proposed", "decision:tea", "a")} == {
        "rejected": "red",
        "proposed": "",
        "decision:tea": "cyan",
        "a": "",
    }
    assert [style for line in layout(SHEET, Zone(), NOW, 160) for text, style in line if "accepted" in text] == [
        "green",
        "",
    ]


def test_no_color_is_heeded(monkeypatch):
    """With NO_COLOR (no-color.org) nothing is colored: the words are the same."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")

    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", _render(layout(SHEET, Zone(), NOW, 160)))


# Recording -----------------------------------------------------------------------------------------------------------


def recorded(service: LocalService, *words: str, **more: str) -> str:
    """What recording prints, for a caller who is the owner."""
    done = CliRunner(env={"DECISIONLOG_OWNER": "Ada Lovelace", **more}).invoke(
        cli, words, obj=around(service), standalone_mode=False, catch_exceptions=False
    )
    return done.stdout


def test_recording_in_a_line(service):
    """A decision is recorded with flags alone; by default, the caller is accountable for it."""
    told = recorded(
        service,
        "record",
        "Sell cups",
        "--decision",
        "Cups.",
        "--why",
        "Tea.",
        "--product",
        "shop",
        "--because",
        "tea",
        "--tag",
        "cups",
        "--key",
        "cups",
    )

    row = next(row for row in table(service, "decisions") if row["decision"] == "decision:cups")
    assert re.fullmatch(r"Decided SHOP-2 Sell cups\. \(decision:cups, position \d+\)\n", told)
    assert (row["status"], row["accountable"], row["tags"], row["number"]) == (
        "accepted",
        "Ada Lovelace",
        "cups",
        "SHOP-2",
    )


def test_recording_all_that_was_weighed(service):
    """The ways that were open, the one chosen, and what speaks for it go in as flags, and are shown in words."""
    recorded(
        service,
        "record",
        "Sell mugs",
        "--decision",
        "Mugs.",
        "--why",
        "Handles.",
        "--key",
        "mugs",
        "--considered",
        "Mugs",
        "--considered",
        "Bowls",
        "--option",
        "Mugs",
        "--evidence",
        "9 of 10 burn a finger",
        "--assumption",
        "Clay stays cheap",
        "--constraint",
        "One shelf",
        "--reference",
        "https://example.org/mugs",
    )

    shown = run_command(service, "show", "mugs").stdout
    for part in (
        "Options\n  ● Mugs (chosen)\n  ○ Bowls\n",
        "Evidence\n  • 9 of 10 burn a finger\n",
        "Assumptions\n  • Clay stays cheap\n",
        "Constraints\n  • One shelf\n",
    ):
        assert part in shown
    assert service.log.stream("decision:mugs")[0].metadata.references[0].id == "https://example.org/mugs"


def test_an_option_is_shown_with_what_speaks_for_it_and_against():
    """Of a way that was open everything is shown that was said of it, and nothing that was not."""
    names = Titles({})

    assert names.format({"title": "Mugs", "pros": ["warm", "cheap"], "cons": [], "cost": "10 EUR"}) == (
        "Mugs (pros: warm, cheap; cost: 10 EUR)"
    )
    assert names.format({"title": "Bowls", "pros": [], "cons": []}) == "Bowls"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--considered", " "), "--considered: must not be blank"),
        (("--reference", "x" * 501), "--reference"),
        (("--tag", "A B"), "--tag: "),
    ],
)
def test_what_is_wrong_with_a_flag_is_said_under_its_name(service, flags, expected):
    """An invalid value is refused with the name of its flag, and nothing is recorded."""
    before = service.log.head().size

    with pytest.raises(CommandFailed, match=expected):
        recorded(service, "record", "Sell mugs", "--decision", "Mugs.", "--why", "Handles.", *flags)

    assert service.log.head().size == before


def test_from_proposal_to_reversal(service):
    """A decision that was proposed is accepted, reversed and reopened, each in one command."""
    told = [
        recorded(service, "decision", "propose", "Sell jam", "--key", "jam"),
        recorded(service, "decision", "accept", "jam", "--decision", "Jam.", "--why", "Sweet."),
        recorded(service, "decision", "reverse", "decision:jam", "--why", "Ants.", "--by", "decision:tea"),
        recorded(service, "decision", "reopen", "jam", "--why", "Winter.", "--json"),
    ]

    assert [line.split()[0] for line in told[:3]] == ["Proposed", "Accepted", "Reversed"]
    assert json.loads(told[3])["subject"] == "decision:jam"
    assert [row["after"] for row in table(service, "blame", "decision:jam", "--field", "status")] == [
        "proposed",
        "accepted",
        "reversed",
        "proposed",
    ]


def test_a_decision_that_supersedes_another_is_named_first(service):
    """The receipt tells what was decided, then what that supersedes."""
    words = ("record", "Coffee", "--decision", "Coffee.", "--why", "Sleep.", "--product", "shop", "--supersedes", "tea")

    told = recorded(service, *words, "--dry-run")

    assert "nothing recorded: Decided Coffee, which supersedes Serve tea." in told


def editor(tmp_path, script: str) -> str:
    """An editor that does one thing to the file it is given."""
    path = tmp_path / "editor"
    path.write_text(f"#!/bin/sh\nsleep 0.01\n{script}\n")
    path.chmod(0o700)
    return str(path)


def test_in_an_editor(service, tmp_path):
    """With --edit, an editor opens with all four fields and the values given; what is saved is recorded."""
    write = editor(
        tmp_path,
        r"""sed -i 's/^# Decision$/&\n\nMany lines:\n\n# a heading of its own\n/; s/^# Why$/&\nBecause./' "$1"; touch -d '+5 seconds' "$1" """,
    )

    told = recorded(service, "record", "Edited", "--edit", "--key", "edited", VISUAL=write)

    shown = run_command(service, "show", "edited").stdout
    assert told.startswith("Decided Edited. (decision:edited")
    assert "Decision\n  Many lines:\n\n  # a heading of its own\n\nWhy\n  Because.\n" in shown


def test_an_editor_that_saves_nothing(service, tmp_path):
    """Where the editor saved nothing, or is not there, nothing is recorded, and that is said."""
    for visual, sentence in (
        (editor(tmp_path, "true"), "closed without saving"),
        ("/no/such", "Set EDITOR to an installed editor"),
    ):
        with pytest.raises(CommandFailed, match=sentence):
            recorded(service, "record", "Tea", "--edit", VISUAL=visual)


def at_a_terminal(
    data, *words: str, answers: tuple[str, ...] = (), interrupt: bool = False, **more: str
) -> tuple[str, int]:
    """What a command shows on a terminal of its own, and its exit code; each answer is typed once something is asked."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [COMMAND if interrupt else warm(), *words],
        stdin=side,
        stdout=side,
        stderr=side,
        env=surroundings(data, TERM="xterm", COLUMNS="80", **more),
        start_new_session=True,
    )
    os.close(side)
    shown, left, deadline, typed = b"", list(answers), time.monotonic() + 120, 0
    while time.monotonic() < deadline:
        if select.select([main], [], [], 0.1)[0]:
            try:
                shown += os.read(main, 65536)
            except OSError:  # the other side has ended
                break
            continue
        is_asking = shown.rstrip().endswith((b":", b"]")) and len(shown) > typed  # not the question before
        if is_asking and left:
            typed = len(shown)
            os.write(main, f"{left.pop(0)}\n".encode())
        elif is_asking and interrupt:
            process.send_signal(signal.SIGINT)
            interrupt = False
    with contextlib.suppress(OSError):
        os.close(main)
    return shown.decode(), process.wait(timeout=60)


def test_it_asks_for_what_is_missing(tmp_path):
    """Called bare on a terminal it asks, an empty answer opens the editor, and a new log is started when confirmed."""
    write = editor(tmp_path, """sed -i 's/^# Why$/&\\nA long story./' "$1"; touch -d '+5 seconds' "$1" """)

    shown, code = at_a_terminal(
        tmp_path / "data", "record", answers=("Tea", "We sell tea.", "", "y", "", "y"), VISUAL=write
    )
    listed = run(tmp_path / "data", "show", "--field", "why", "--field", "role.accountable").stdout

    assert code == 0, shown
    asked = [
        "Title:",
        "Decision (empty opens your editor):",
        "Why (empty opens your editor):",
        f"Start a new log in {tmp_path / 'data'}? [y/N]:",
        "Accountable [you]:",
        "Record it? [y/N]:",
    ]
    assert [each in shown for each in asked] == [True] * len(asked), shown
    assert "Decided Tea. (decision:" in shown
    assert "A long story." in listed
    assert "\tann\t" in listed


def test_nothing_typed_is_lost(tmp_path):
    """A misspelled name is asked for again; giving up prints the command line with all that was typed."""
    data = tmp_path / "data"
    for words in (("product", "add", "Shop", "--key", "shop", "--yes"), ("person", "add", "Priya Raman")):
        assert run(data, *words).returncode == 0

    answers = ("Tea", "We sell tea.", "Thirst.", "shpo", "1", "Prya", "1", "y")
    shown, code = at_a_terminal(data, "record", answers=answers)
    declined, _ = at_a_terminal(data, "record", answers=("Tea", "We sell tea.", "Thirst.", "shop", "", "n"))
    row = json.loads(run(data, "decisions", "--json").stdout)["rows"][0]

    assert code == 0, shown
    assert row["number"] == {"product:shop": 1}
    assert "Priya Raman (person:" in shown
    assert "decisionlog record Tea --decision 'We sell tea.' --why Thirst. --product product:shop" in declined


def test_interrupted_while_it_asks(tmp_path):
    """Ctrl-C at a question ends it with the code for that, and no log was begun."""
    shown, code = at_a_terminal(tmp_path / "data", "record", answers=("Tea",), interrupt=True)

    assert code == 130
    assert shown.rstrip().endswith("Interrupted.")
    assert not (tmp_path / "data").exists()


def test_what_was_typed_before_an_interrupt_is_not_lost(tmp_path):
    """Ctrl-C at a later question prints the command with the answers so far."""
    shown, code = at_a_terminal(tmp_path / "data", "record", answers=("Tea", "We sell tea."), interrupt=True)

    assert code == 130
    assert "decisionlog record Tea --decision 'We sell tea.'" in shown


def test_an_interrupt_during_a_read_is_never_delayed():
    """A signal that does not interrupt the system call, because it came just before, ends the read all the same."""
    main, side = pty.openpty()
    press, release = threading.Timer(0.05, _thread.interrupt_main), threading.Timer(30, os.write, (main, b"late\n"))
    with os.fdopen(side, "rb", buffering=0) as terminal, io.BufferedReader(InterruptibleInput(terminal)) as reader:
        press.start()
        release.start()
        with pytest.raises(KeyboardInterrupt):
            reader.readline()
        assert release.is_alive()  # the read ended without the line that it would otherwise have waited for
        release.cancel()
        os.write(main, b"tea\n")
        assert reader.readline() == b"tea\n"
    os.close(main)


# Where the log is ----------------------------------------------------------------------------------------------------


def test_beside_a_server_and_without(tmp_path):
    """The same commands say the same with a server on this machine, with one elsewhere, and over the files alone."""
    data, elsewhere = tmp_path / "data", {"DECISIONLOG_DATA": str(tmp_path / "none")}
    with forked_server(data) as server:
        far = {**elsewhere, "DECISIONLOG_URL": server.address, "DECISIONLOG_TOKEN": server.token}
        secret = secret_in(tmp_path, server.token)
        filed = {**elsewhere, "DECISIONLOG_URL": server.address, "DECISIONLOG_TOKEN_FILE": str(secret)}
        first = run(data, "record", "Tea", "--decision", "Tea.", "--why", "Thirst.", "--key", "tea")
        person = run(data, "person", "add", "Grace Hopper", **far)
        made = run(data, "token", "create", "Grace Hopper", **filed)
        listed = run(data, "token", "list", **far)
        near, distant = run(data, "show", "tea"), run(data, "show", "tea", **filed)
        wrong = run(data, "who", **{**far, "DECISIONLOG_TOKEN": "tea"})
    alone = run(data, "show", "tea")
    away = run(data, "who", **far)

    assert [done.returncode for done in (first, person, made, listed)] == [0] * 4, made.stderr
    assert near.stdout == distant.stdout == alone.stdout
    assert "● accepted" in near.stdout
    assert listed.stdout.count("\n") == 3
    assert not (tmp_path / "none").exists()
    assert (wrong.returncode, "Set DECISIONLOG_TOKEN to a valid token." in wrong.stderr) == (1, True)
    assert (away.returncode, "http://127.0.0.1:" in away.stderr) == (3, True)
    assert "Traceback" not in wrong.stderr + away.stderr


def secret_in(folder, token: str, mode: int = 0o600):
    """A file with a token in it."""
    path = folder / "token"
    path.write_text(f"{token}\n")
    path.chmod(mode)
    return path


def test_where_the_token_comes_from(tmp_path, monkeypatch):
    """The token that is set wins over that in a file, which must be its owner's alone; the keyring comes last."""
    path = secret_in(tmp_path, "filed")
    monkeypatch.setenv("DECISIONLOG_URL", "https://log.example")
    monkeypatch.setitem(sys.modules, "keyring", keyring := ModuleType("keyring"))
    keyring.__spec__ = ModuleSpec("keyring", None)
    keyring.get_password = lambda service, address: f"{service} of {address}"

    assert find_token(Settings(token="set", token_file=path).location) == "set"
    assert find_token(Settings(token_file=path).location) == "filed"
    assert find_token(Settings().location) == "decisionlog of https://log.example"
    assert find_token(Settings(url="").location) is None


@pytest.mark.parametrize(("token", "mode", "sentence"), [("filed", 0o640, "chmod 600"), (" ", 0o600, "is empty")])
def test_a_token_file_out_of_order(tmp_path, token, mode, sentence):
    """A file that others may read, or with nothing in it, is refused with what to do."""
    with pytest.raises(CommandFailed, match=sentence):
        find_token(Settings(token_file=secret_in(tmp_path, token, mode)).location)


def test_a_mistyped_directory_begins_no_log(tmp_path):
    """Recording where there is no log names the logs next to it, and begins a new one only with --yes."""
    assert run(tmp_path / "data", "person", "add", "ann", "--yes").returncode == 0

    done = run(tmp_path / "dat", "person", "add", "bob")

    assert (done.returncode, f"There is one in {tmp_path / 'data'}." in done.stderr) == (2, True), done.stderr
    assert "--yes" in done.stderr
    assert not (tmp_path / "dat").exists()


def test_a_question_begins_no_log(tmp_path):
    """A question where there is no log says that there is none, and leaves nothing behind."""
    done = run(tmp_path / "none", "roadmap")

    assert (done.returncode, "No log in" in done.stderr) == (1, True)
    assert not (tmp_path / "none").exists()


OWN_PACKAGES = ("api", "cli", "decisionlog_client", "domain", "eventlog", "identity", "interchange", "projections")
SERVER_SIDE = ("pydantic", "eventsourcing", "fastapi", "asyncio", "rich.table", "jinja2", "sqlite3", "api.app")


@pytest.mark.parametrize(("command", "modules"), [("roadmap", 55), ("show", 58), ("changes", 57), ("report", 50)])
def test_a_question_loads_no_more_than_it_needs(command, modules):
    """A question to a running server loads only the client: a bounded number of modules, none of them of the server."""
    code = (
        f"import sys, cli.commands.{command}, cli.main; names = sorted(sys.modules);"
        f"print(*[name for name in names if name in {SERVER_SIDE!r}], sep=',');"
        f"print(sum(name.split('.')[0] in {OWN_PACKAGES!r} for name in names))"
    )

    forbidden, own = run_python(code).splitlines()

    assert forbidden == ""
    assert int(own) <= modules


def run_python(code: str) -> str:
    return subprocess.run([COMMAND.with_name("python"), "-c", code], capture_output=True, text=True, check=True).stdout


def test_a_client_error_is_a_sentence():
    """Each error of a client is printed as a sentence."""
    assert describe_failure(ClientError("the disk is full"))[1] == "Server error: the disk is full."
    assert NOW.tzinfo is not None


def test_a_setting_of_the_wrong_form(monkeypatch):
    """A setting of the wrong form is explained by what is expected, not by a pattern."""
    monkeypatch.setenv("DECISIONLOG_URL", "htp:/nowhere")

    with pytest.raises(CommandFailed, match=r"DECISIONLOG_URL has the wrong form\. Expected: URL of a server"):
        find_location()


@pytest.mark.parametrize("words", [("--csv",), ("--select", "position")])
def test_a_format_without_a_cursor_names_the_next_one_on_standard_error(service, words):
    """A part of an answer is not taken for the whole; a complete one has no note."""
    part = run_command(service, "audit", "--limit", "3", *words)
    whole = run_command(service, "audit", *words)

    cursor = re.search(r"Incomplete: add --cursor (\w+) for the next rows", part.stderr)[1]
    rest = run_command(service, "audit", "--cursor", cursor, *words)
    assert "Incomplete" not in whole.stderr + rest.stderr + part.stdout


def test_an_answer_names_the_period_that_was_understood(service):
    """Of days, west of Greenwich: from midnight UTC, since what took effect on the whole day is in it."""
    zone = Zone(ZoneInfo("America/New_York"))
    words = ("--since", "2026-11-20", "--until", "2026-11-21", "--recorded-until", "2030-01-01T00:00Z")

    notes = run_command(service, "audit", *words, zone=zone).stderr

    assert "From 2026-11-19 19:00 EST until 2026-11-21 00:00 EST." in notes
    assert "Recorded until 2029-12-31 19:00 EST." in notes
