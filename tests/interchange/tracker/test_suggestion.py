"""A mapping is proposed for files of many shapes, and its doubts are marked."""

import json

import pytest

from interchange.tracker import parse_mapping, suggest_mapping
from tests.interchange.tracker.support import AFTER, open_log, run

CHANGES = {
    "an audit trail": [
        {"ticket_id": "T-1", "changed_at": "2024-05-01T10:00:00Z", "changed_by": {"name": "Ann"}, "property": "state"}
        | {"old_value": "new", "new_value": "closed"}
    ],
    "epochs and short names": [
        {"key": "A-1", "ts": 1714557600000, "user": "ann", "attr": "status", "before": "open", "after": "done"}
    ],
    "changes in a list": [
        {"id": 1, "issue": {"key": "A-1"}, "createdAt": "2024-05-01T10:00:00Z", "actor": {"login": "ann"}}
        | {"changes": [{"field": "status", "from": "open", "to": "done"}]}
    ],
    "events with a payload": [
        {"entity_id": "f-1", "event_type": "feature.created", "occurred_at": "2024-05-01T10:00:00Z", "user_id": "u1"}
        | {"payload": {"name": "Gift cards", "status": "released"}}
    ],
    "added and removed apart": [
        {"number": 7, "date": "2024-05-01", "who": "ann", "field": "status", "from": "open", "to": "done"},
        {"number": 7, "date": "2024-05-02", "who": "ann", "field": "labels", "added": ["a"], "removed": []},
    ],
}
TABLES = {
    "English": "Issue Key,Date of change,Author,Field,From,To\nS-1,2024-05-01 10:00,Ann,status,Open,Done\n",
    "German": "Vorgang;Geändert am;Benutzer;Feld;Alter Wert;Neuer Wert\nS-1;13.05.2024 10:00;Ann;Status;Offen;Erledigt\n",
    "Japanese": "課題,変更日時,変更者,項目,変更前,変更後\nS-1,2024/05/01 10:00,安,ステータス,未着手,完了\n",
    "dates of the US": "Ticket,Timestamp,Who,Column,Old,New\nA-1,5/13/2024 4:05 PM,ann,Status,Open,Done\n",
    "a time without a known name": "Ticket,Who,Column,Old,New,Moment of truth\nA-1,ann,Status,Open,Done,2024-05-01\n",
    "a list": "Feature,Owner,Status,Target release,Created,Updated\nGift cards,Ann,Done,2.1,2024-05-01,2024-06-01\n",
    "a list without updates": "id,title,state,created_at,author\n1,Gift cards,closed,2024-05-01T10:00:00Z,ann\n",
}
TABLES |= {
    "Asana": "Task ID,Created At,Completed At,Last Modified,Name,Section/Column,Assignee,Due Date\n"
    "1001,2024-03-01,,2024-03-05,Plan launch,Done,Dana Ortiz,2024-04-01\n",
    "ClickUp": "Task ID,Task Name,Status,Date Created,Assignees\n86b1x,Gift cards,complete,1709287200000,[Ann Lee]\n",
    "Shortcut": 'id,name,owners,created_at,updated_at,state\n512,Gift cards,"Ann Lee, Bob Roy",2024-03-01,2024-03-02,Done\n',
    "Aha": "Feature reference #,Feature name,Feature status,Feature assigned to,Feature created date,Feature updated date,"
    "Release name\nDEMO-12,Gift cards,Shipped,Ann Arbor,2024-03-01,2024-05-01,Spring 1.0\n",
}
FILES = {name: "".join(json.dumps(row) + "\n" for row in rows) for name, rows in CHANGES.items()} | TABLES


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_suggested_mapping_reads_the_file(tmp_path, text):
    """The proposal is a valid mapping by which every row is placed and the status is understood."""
    path = tmp_path / "export.txt"
    path.write_text(text, "utf-8")

    suggested = suggest_mapping(path)
    with open_log(tmp_path) as log:
        report = run(path, parse_mapping(suggested), log)
        found = [log.state(one) for one in log.subjects("feature:", 10) if one.startswith("feature:")]

    assert (report.skipped, report.rejected, report.unknown_values) == ([], [], {})
    assert [state.value_at("status", AFTER) for state in found] == ["shipped"]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("01.05.2024", "02.05.2024", 'is "01.05.2024" day-month or month-day?'),
        ("01.05.2024", "13.05.2024", '"13.05.2024" shows the order'),
        ("13/05/2024", "05/13/2024", "list both formats"),
    ],
)
def test_the_order_of_day_and_month_is_a_question(tmp_path, first, second, said):
    """A format is proposed with the date that shows it, or with a question if no date does."""
    path = tmp_path / "changes.csv"
    path.write_text(f"Issue Key,Date,Field,From,To\nS-1,{first},status,Open,Done\nS-1,{second},status,Done,Open\n")

    (line,) = [line for line in suggest_mapping(path).splitlines() if line.startswith("formats")]

    assert "# ?" in line
    assert said in line


def test_a_list_has_two_times(tmp_path):
    """A row of a list is true since its last update, and its record exists since it was created."""
    path = tmp_path / "list.csv"
    path.write_text(TABLES["a list"], "utf-8")

    columns = parse_mapping(suggest_mapping(path)).columns

    assert (columns.when, columns.created) == ("Updated", "Created")


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("Ticket,Timestamp,Who,Column,Old,New\nA-1,5/3/2024,ann,Status,Open,Done\n", "formats = "),
        ("Ticket,Timestamp,Who,Column,Old,New\nA-1,2024-05-03,ann,Status,Open,Half baked\n", '"Half baked" = '),
        ("Ticket,Timestamp,Who,Column,Old,New\nA-1,2024-05-03 10:00,ann,Status,Open,Done\n", "zone = "),
        ("a,b\nx,y\n", "when = "),
    ],
)
def test_a_guess_is_marked(tmp_path, text, doubt):
    """A line that is not certain ends in a question mark, with what may be meant."""
    path = tmp_path / "export.csv"
    path.write_text(text, "utf-8")

    (line,) = (line for line in suggest_mapping(path).split("\n") if line.startswith(doubt))

    assert "  # ?" in line


@pytest.mark.parametrize(
    ("name", "columns", "fields"),
    [
        ("Asana", ("Last Modified", "Created At", "Task ID"), {"title", "status", "role.accountable", "x.due"}),
        ("ClickUp", ("Date Created", None, "Task ID"), {"title", "status"}),
        ("Shortcut", ("updated_at", "created_at", "id"), {"title", "status", "role.accountable"}),
        (
            "Aha",
            ("Feature updated date", "Feature created date", "Feature reference #"),
            {"title", "status", "role.accountable", "target.ship"},
        ),
    ],
)
def test_the_lists_of_known_systems(tmp_path, name, columns, fields):
    """What a row says is true from its last update on, also where every column begins with the same word."""
    path = tmp_path / "list.csv"
    path.write_text(TABLES[name], encoding="utf-8")

    text = suggest_mapping(path)

    found = parse_mapping(text)
    assert (found.columns.when, found.columns.created, found.columns.record) == columns
    assert {rule.field for rule in found.subject[0].fields.values()} == fields
    assert ("no column says when a row changed last" in text) == (columns[1] is None)
