"""The demo: its story is whole, every view has something to show, and the report of it can be shown again."""

import asyncio
import json
import re
from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from click import ClickException
from click.testing import CliRunner

from api.report_html import as_html
from api.report_markdown import as_markdown
from api.report_text import build_page
from cli.bootstrap import open_read_only, open_runtime
from cli.demo.story import DAYS, InvalidStory, Step, _parse_features, load
from cli.demo.writer import create_demo
from cli.error_messages import describe_failure
from cli.errors import CommandFailed, Exit
from cli.main import cli
from cli.settings import Settings
from domain.product import IssueReport
from eventlog.entry import Caller, Transaction
from identity.decision_log import DecisionLog
from projections.queries import accountability, decisions, field_history, field_values, listings
from projections.queries.audit import AuditFilter, audit
from projections.queries.changes import changes
from projections.queries.filters import Filter
from projections.queries.issued_report import issued_report
from projections.queries.minutes import minutes
from projections.queries.report import ReportRequest, report
from projections.queries.report_lines import SECTIONS
from projections.queries.roadmap import roadmap
from projections.queries.search import search
from projections.queries.slips import slips
from projections.queries.timepoint import TimePoint
from projections.queries.titles import titles_of_answer
from tests.support_report import find_untrue_reasons, own_reason
from tests.support_serving import forked_server, run

ENDS = date(2025, 6, 30)
P = "product:tideline"


def day(number):
    """The morning of a day of the story, in microseconds."""
    first = ENDS - timedelta(days=DAYS)
    return ((first - date(1970, 1, 1)).days + number) * 86_400_000_000


@pytest.fixture(scope="module")
def demo_folder(run_of_demo):
    return run_of_demo[0]


@pytest.fixture(scope="module")
def run_of_demo(tmp_path_factory):
    """The directory of a demo, made once as a user makes it, and what was printed."""
    directory = tmp_path_factory.mktemp("demo") / "demo"
    done = run(directory.parent, "demo", str(directory), "--ends-on", str(ENDS))
    assert done.returncode == 0, done.stderr
    return directory, done.stdout


@pytest.fixture(scope="module")
def read(demo_folder):
    settings = Settings(data=demo_folder)
    with open_read_only(settings) as log, open_runtime(log, settings) as built:
        assert built.runner.wait_for(log.head().size, 30)
        assert log.verify() is None
        with built.model.read() as snapshot:
            yield snapshot


def test_the_story_has_what_it_promises():
    """Twelve people, sixty decisions, eighty features; slips, a handover, a reversal, two backdated acts, a correction."""
    story = load()
    types = Counter(command["type"] for act in story.steps for command in act.commands)

    assert len(story.people) == 12
    assert types["RecordDecision"] + types["ProposeDecision"] == 60
    assert types["ProposeFeature"] == 80
    assert sum(act.effective is not None for act in story.steps) == 2
    assert (types["ReverseDecision"], types["VoidEntry"]) == (1, 1)
    assert [command["corrects"] for act in story.steps for command in act.commands if "corrects" in command] == [
        "@wrong-drop"
    ]
    assert (types["RecordEvidence"], types["StateExpectedOutcome"], types["RecordOutcome"]) == (20, 8, 7)
    assert (types["PlanMeeting"], types["HoldMeeting"], types["AssignTask"], types["CompleteTask"]) == (1, 1, 1, 1)
    assert any(
        command == {"type": "HandOverOwnership", "subject": P, "to": "priya", "because": ["handover-tideline"]}
        for act in story.steps
        for command in act.commands
    )
    assert all(0 <= act.day < DAYS for act in story.steps)


@pytest.mark.parametrize("line", ["proposed", "12 begun", "12 for", "12 proposed because x"])
def test_a_line_that_is_not_understood_is_named(line):
    """An error in the story names the line that is wrong."""
    with pytest.raises((InvalidStory, IndexError)):
        list(_parse_features({"f": {"title": "F", "life": [line]}}))


def test_a_life_is_told_in_words():
    """A line becomes its command, by the owner of the feature or the manager of the product on that day."""
    life = ["300 beta", "203 for 1.0", "204 for 2.0, because d: Late.", "205 started", "206 dropped: No."]
    with pytest.raises(InvalidStory, match="'beta'"):
        list(_parse_features({"f": {"title": "F", "life": life[:1]}}))

    assert list(_parse_features({"f": {"title": "F", "owner": "wen", "because": "e", "life": life[1:]}})) == [
        Step(
            203,
            "tomas",
            ({"type": "TargetMilestone", "subject": "feature:f", "release": "tideline-1.0", "because": ["e"]},),
        ),
        Step(
            204,
            "tomas",
            (
                {
                    "type": "TargetMilestone",
                    "subject": "feature:f",
                    "release": "tideline-2.0",
                    "because": ["d"],
                    "note": "Late.",
                },
            ),
        ),
        Step(205, "wen", ({"type": "StartFeature", "subject": "feature:f"},)),
        Step(206, "priya", ({"type": "DropFeature", "subject": "feature:f", "why": "No."},)),
    ]


def test_every_view_has_something_to_show(read):
    """Board, timeline, changes, slips, decisions, graph, accountability, audit and search all answer with rows."""
    about = Filter(products=[P])
    shown = {
        "board": roadmap(read, about).rows,
        "timeline": roadmap(read, about, layout="timeline").rows,
        "owners": roadmap(read, about, columns="owner").rows,
        "changes": changes(read, TimePoint(day(274)), selection=about).rows,
        "slips": slips(read, about).rows,
        "fields": field_values.field_values(read, about).rows,
        "history": field_history.field_history(
            read, field_history.ChangeFilter(fields=about, directions=["later"])
        ).rows,
        "decisions": decisions.decisions(read).rows,
        "graph": decisions.graph(read, "decision:sailors-first").rows,
        "holders": accountability.count_holders(read).rows,
        "unowned": accountability.unowned(read, about).rows,
        "delegations": accountability.roles_of_subject(read, P, TimePoint(day(150))).rows,
        "releases": listings.releases(read, [P]).rows,
        "goals": listings.subjects(read, Filter(kinds=["goal"]), ("status",)).rows,
        "corrections": audit(read, AuditFilter(corrections=True)).rows,
        "backdated": audit(read, AuditFilter(backdated=True)).rows,
        "search": search(read, "deposit").rows,
    }

    assert {name: len(rows) for name, rows in shown.items() if len(rows) < 2} == {}
    assert {row["column"] for row in shown["board"]} == {"now", "next", "later", "unplanned"}
    statuses = {row["fields"]["status"]["value"] for row in shown["decisions"]}
    assert statuses == {"accepted", "superseded", "reversed", "proposed", "deferred"}


def test_what_was_known_on_a_day_can_be_asked(read):
    """The owner of the route planner in autumn was Lars by what is known now; by what was known then, no current person."""
    asked = Filter(subjects=["feature:route-planner"], fields=["role.accountable"])

    def owner(when):
        (row,) = field_values.field_values(read, asked, when, blame=True).rows
        return row["blame"]["type"]

    assert owner(TimePoint(day(300))) == "OwnershipHandedOver.v1"
    assert owner(TimePoint(day(300), known_at=day(300))) == "FeatureProposed.v1"


def test_people_record_on_workdays_during_the_day(demo_folder):
    """No entry is recorded on a weekend, or before 8:00 or after 19:00 where the person works."""
    zones = {person["name"]: ZoneInfo(person["zone"]) for person in load().people}
    with open_read_only(Settings(data=demo_folder)) as log:
        names = {each.id: each.name for each in log.directory.list_people()}
        acts = [(names.get(entry.metadata.actor), entry.recorded_at) for entry in log.read(0, 10_000)]

    times = [datetime.fromtimestamp(at / 1e6, zones[name]) for name, at in acts if name in zones]
    assert len(times) > 500
    assert [time for time in times if time.weekday() > 4 or not 8 <= time.hour < 19] == []


def test_the_minutes_of_the_meeting_name_who_objected(read, demo_folder):
    """The meeting of the demo has an agenda of two decisions, an objection by name, and a task that was done later."""
    answer = minutes(read, "meeting:messages")
    with open_read_only(Settings(data=demo_folder)) as log:
        names = titles_of_answer(read, answer, log.directory)
    said = [
        (row["kind"], row["subject"], [names[each] for each in row["people"]], row["status"]) for row in answer.rows
    ]

    assert answer.about["agenda"] == ["decision:ratings-again", "decision:chat-again"]
    assert said == [
        ("dissent", "decision:chat-again", ["Lars Holm"], "proposed"),
        ("task", "task:ask-harbors", ["Wen Li"], "done"),
    ]


def test_many_hands_record_and_most_acts_have_a_reason(demo_folder):
    """No two people record most events; three in four have a reason of their own or cite a decision; the others are
    mostly work that was started.
    """
    with open_read_only(Settings(data=demo_folder)) as log:
        entries = [entry for entry in log.read(0, 10_000) if entry.metadata.actor.startswith("person:")]
    by_person = Counter(entry.metadata.actor for entry in entries).most_common()
    gaps = [entry for entry in entries if not own_reason(entry) and not entry.metadata.because]

    assert len(by_person) == 12
    assert by_person[0][1] + by_person[1][1] < len(entries) / 2
    assert len(entries) * 0.15 < len(gaps) < len(entries) * 0.25
    assert Counter(entry.type for entry in gaps).most_common(1)[0][0] == "FeatureStarted.v1"


def test_the_demo_answers_its_four_questions(run_of_demo):
    """Each question is printed with its command and the command's answer."""
    _, printed = run_of_demo
    answers = re.split(r"^\d\. ", printed, flags=re.MULTILINE)[1:]

    assert len(answers) == 4
    for answer, words in zip(
        answers,
        (
            "Multi-night trips",
            "Change a trip under way",
            "Weather along the trip ships in 2.2",
            "The pilot contracts promise all harbors the same price",
        ),
        strict=True,
    ):
        assert "$ decisionlog " in answer
        assert words in answer
    assert "GET " not in printed
    assert "--open" in printed


def test_each_section_of_the_report_has_a_line(read, demo_folder):
    """Over half a year every heading is there, and the page says who is meant by each name."""
    answer = report(read, ReportRequest(P, day(180), day(DAYS)))
    with open_read_only(Settings(data=demo_folder)) as log:
        titles = titles_of_answer(read, answer, log.directory)
    text = as_markdown(build_page({**answer.to_dict(), "titles": titles}))

    assert [section for section in SECTIONS if not answer.about["counts"][section]] == []
    assert "Mara Lindqvist" in text
    assert "person:" not in re.sub(r"\]\([^)]*\)", "", text)


def test_every_reason_in_the_report_is_that_of_its_event(read, demo_folder):
    """A naive reading of every line: the reason shown is the event's own, is marked as inherited, or is absent."""
    with open_read_only(Settings(data=demo_folder)) as log:
        entries = list(log.read(0, 10_000))
    answer = report(read, ReportRequest(P, day(0), day(DAYS))).to_dict()
    html = as_html(build_page({**answer, "titles": {}}, lines=10_000))

    lines, wrong = find_untrue_reasons(html, entries)

    assert lines > 200
    assert wrong == []
    assert find_untrue_reasons(html.replace("no reason given", "A decision behind the feature"), entries)[1]


def test_the_reports_issued_in_it_are_what_the_log_says(read):
    """Three quarters were reported; each is worked out again to the hash it had."""
    rows = audit(read, AuditFilter(types=["ReportIssued"]), oldest_first=True).rows

    assert len(rows) == 3
    for row in rows:
        told = issued_report(read, P, row["position"])
        assert told.about["until"] < row["recorded_at"]


def test_a_demo_is_made_once(demo_folder):
    """Existing content is left alone, and a year that ends in the future is not written."""
    with pytest.raises(CommandFailed, match="already exists"):
        create_demo(Settings(), demo_folder, ENDS)
    with pytest.raises(CommandFailed, match="in the future") as refused:
        create_demo(Settings(), demo_folder.parent / "later", date(2999, 1, 1))

    assert refused.value.code == Exit.USAGE_ERROR
    assert sorted(path.name for path in demo_folder.parent.iterdir()) == ["demo"]


SPAN = ("--since", "2025-04-01", "--until", "2025-06-30")


def test_the_report_on_the_command_line(demo_folder, tmp_path):
    """Asking writes nothing; a report issued through the server can be shown again without a server."""
    page = tmp_path / "page.html"
    with forked_server(demo_folder):
        size = size_of(demo_folder)
        given = run(demo_folder, "report", "tideline", *SPAN, "--format", "html", "-o", str(page), "--issue")
    written = size_of(demo_folder)
    again = run(demo_folder, "report", "tideline", "--issued-at", str(written), "--format", "json")

    assert given.returncode == again.returncode == 0, (given.stderr, again.stderr)
    assert given.stderr == f"Issued at position {written}. Show it again with --issued-at {written}.\n"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert json.loads(again.stdout)["sha256"] in page.read_text(encoding="utf-8")
    assert written == size_of(demo_folder) == size + 1


def size_of(data):
    with open_read_only(Settings(data=data)) as log:
        return log.head().size


@pytest.mark.parametrize(
    ("words", "code", "saying"),
    [
        (["nope", *SPAN], Exit.FAILED, "No product 'nope'"),
        (["tideline"], Exit.USAGE_ERROR, "Missing --since"),
        (["tideline", "--since", "soon"], Exit.USAGE_ERROR, "Can't read the time 'soon'"),
        (["tideline", "--since", "2025-04-01", "--until", "2025-03-01"], Exit.FAILED, "later than"),
        (["tideline", *SPAN, "--position", "99999"], Exit.FAILED, "there is no position 99999"),
        (["tideline", "--issued-at", "1"], Exit.FAILED, "no report of product:tideline was issued at position 1"),
        (["tideline", "--issued-at", "1", "--issue"], Exit.USAGE_ERROR, "cannot be combined"),
    ],
)
def test_a_report_that_cannot_be_given_is_refused_in_a_sentence(demo_folder, words, code, saying):
    """It says what is wrong and what would be right, and ends with an exit code that tells the two apart."""
    refused, sentence = refuse_report(demo_folder, *words)

    assert saying in sentence
    assert refused == code


def test_a_report_that_is_no_longer_what_was_issued_is_not_shown_as_such(demo_folder, tmp_path):
    """Where somebody claimed another hash, the report is refused with what to do, and nothing is written."""
    with DecisionLog.open(demo_folder / "log.sqlite3", clock=lambda: day(DAYS)) as log:
        log.default_role = "admin"
        claim = IssueReport(subject=P, since="2025-01-01", until="2025-02-01", position=100, sha256="0" * 64)
        position = asyncio.run(log.execute(Transaction((claim,), Caller("service:liar", "x", "http")))).position

    refused, sentence = refuse_report(
        demo_folder, "tideline", "--issued-at", str(position), "-o", str(tmp_path / "report.md")
    )

    assert refused == Exit.FAILED
    assert "decisionlog verify" in sentence
    assert list(tmp_path.iterdir()) == []


def refuse_report(data, *words):
    """With which exit code and sentence a report is refused."""
    done = CliRunner().invoke(cli, ["report", *words, "--data", str(data)], standalone_mode=False)
    if isinstance(done.exception, ClickException):
        return done.exception.exit_code, done.exception.format_message()
    return describe_failure(done.exception)
