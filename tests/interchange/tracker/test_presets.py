"""The exports of known trackers are read without a mapping."""

import json

import pytest

from interchange.tracker import parse_mapping, suggest_mapping
from interchange.tracker.presets import PRESETS
from tests.interchange.tracker import naive
from tests.interchange.tracker.support import AFTER, open_log, run


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path) as opened:
        yield opened


def bring_in(log, path, name, text):
    path.write_text(text if isinstance(text, str) else json.dumps(text), "utf-8")
    preset = PRESETS[name]
    return run(path, preset.mapping("shop"), log, expand=preset.expand)


def by_title(log):
    """The features by their title now."""
    found = (one for one in log.subjects("", 10_000) if one.startswith("feature:"))
    return {log.state(one).value_at("title", AFTER): log.state(one) for one in found}


def owner(log, state, at=AFTER):
    return [log.directory.name(who) for who in state.subjects_at("role.accountable", at)]


JIRA = {
    "issues": [
        {
            "id": "10001",
            "key": "SHOP-2",
            "fields": {
                "summary": "Gift cards",
                "created": "2024-05-01T10:00:00.000+0000",
                "creator": {"displayName": "Ann Arbor"},
                "status": {"name": "Done"},
                "assignee": {"displayName": "Bob Branch"},
                "fixVersions": [{"name": "2.2"}],
                "labels": ["a"],
                "issuetype": {"name": "Story"},
            },
            "changelog": {
                "histories": [
                    {
                        "id": "3",
                        "created": "2024-07-01T10:00:00.000+0000",
                        "author": {"displayName": "Bob Branch"},
                        "items": [
                            {"field": "Fix Version", "fromString": "2.1", "toString": None},
                            {"field": "Key", "fromString": "OLD-7", "toString": "SHOP-2"},
                        ],
                    },
                    {
                        "id": "2",
                        "created": "2024-06-01T10:00:00.000+0000",
                        "author": None,
                        "items": [
                            {"field": "status", "fromString": "To Do", "toString": "Done"},
                            {"field": "Fix Version", "fromString": None, "toString": "2.2"},
                        ],
                    },
                ]
            },
        }
    ]
}
JIRA_CSV = """Summary,Issue key,Issue id,Issue Type,Status,Assignee,Creator,Created,Updated,Fix Version/s,Fix Version/s,Labels
Gift cards,SHOP-2,10001,Story,Done,Bob Branch,Ann Arbor,01/May/24 10:00 AM,01/Jul/24 4:05 PM,2.2,,a
"""
GITHUB_EVENTS = [
    {
        "id": 1,
        "event": "labeled",
        "created_at": "2024-05-02T10:00:00Z",
        "actor": {"login": "ann"},
        "label": {"name": "a"},
        "issue": {"number": 7, "title": "Gift cards", "created_at": "2024-05-01T10:00:00Z", "user": {"login": "ann"}},
    },
    {
        "id": 2,
        "event": "closed",
        "created_at": "2024-06-01T10:00:00Z",
        "actor": {"login": "dependabot[bot]"},
        "issue": {"number": 7, "title": "Gift cards", "created_at": "2024-05-01T10:00:00Z", "user": {"login": "ann"}},
    },
]
GITHUB_TIMELINE = [
    {
        "number": 7,
        "title": "Gift cards",
        "created_at": "2024-05-01T10:00:00Z",
        "user": {"login": "ann"},
        "timeline": [
            {
                "id": 1,
                "event": "renamed",
                "created_at": "2024-05-02T10:00:00Z",
                "actor": {"login": "ann"},
                "rename": {"from": "Vouchers", "to": "Gift cards"},
            },
            {
                "id": 2,
                "event": "milestoned",
                "created_at": "2024-05-03T10:00:00Z",
                "actor": {"login": "ann"},
                "milestone": {"title": "2.2"},
            },
            {
                "id": 3,
                "event": "closed",
                "created_at": "2024-06-01T10:00:00Z",
                "actor": None,
                "state_reason": "completed",
            },
        ],
    }
]
GITHUB_PROJECT = {
    "items": [
        {
            "id": "PVTI_1",
            "title": "Gift cards",
            "status": "Done",
            "assignees": ["bob"],
            "labels": ["a"],
            "content": {"number": 7, "type": "Issue", "repository": "shop/site", "title": "Gift cards"},
        }
    ],
    "totalCount": 1,
}
GITLAB = [
    {
        "iid": 7,
        "id": 70,
        "title": "Gift cards",
        "created_at": "2024-05-01T10:00:00Z",
        "updated_at": "2024-06-01T10:00:00Z",
        "closed_at": "2024-06-01T10:00:00Z",
        "author": {"name": "Ann Arbor"},
        "assignees": [{"name": "Bob Branch"}],
        "labels": ["a"],
        "milestone": {"title": "2.2"},
        "state": "closed",
    }
]
GITLAB_CSV = """Title,Description,Issue ID,URL,State,Author,Assignee,Created At (UTC),Updated At (UTC),Closed At (UTC),Milestone,Labels
Gift cards,d,7,https://x/7,Closed,Ann Arbor,Bob Branch,2024-05-01 10:00:00,2024-06-01 10:00:00,2024-06-01 10:00:00,2.2,a
"""
LINEAR = """ID,Team,Title,Description,Status,Creator,Assignee,Labels,Created,Updated,Started,Completed,Canceled,Due Date
SHOP-7,Shop,Gift cards,d,Done,Ann Arbor,Bob Branch,a,Wed May 01 2024 10:00:00 GMT+0000 (GMT),2024-06-01T10:00:00.000Z,2024-05-20T10:00:00.000Z,2024-06-01T10:00:00.000Z,,
"""
OPENPROJECT = {
    "_embedded": {
        "elements": [
            {
                "_type": "Activity",
                "id": 1,
                "createdAt": "2024-05-01T10:00:00Z",
                "details": [{"raw": "Subject set to Gift cards"}, {"raw": "Status set to New"}],
                "_links": {"user": {"title": "Ann Arbor"}, "workPackage": {"href": "/api/v3/work_packages/7"}},
            },
            {
                "_type": "Activity::Comment",
                "id": 2,
                "createdAt": "2024-06-01T10:00:00Z",
                "comment": {"raw": "Yes."},
                "details": [{"raw": "Status changed from New to Closed"}, {"raw": "Assignee set to Bob Branch"}],
                "_links": {"user": {"title": "Bob Branch"}, "workPackage": {"href": "/api/v3/work_packages/7"}},
            },
        ]
    }
}
OPENPROJECT_CSV = """ID,Subject,Type,Status,Assignee,Author,Created on,Updated on,Version
7,Gift cards,Feature,Closed,Bob Branch,Ann Arbor,2024-05-01 10:00,2024-06-01 10:00,2.2
"""
REDMINE = {
    "issue": {
        "id": 7,
        "subject": "Gift cards",
        "created_on": "2024-05-01T10:00:00Z",
        "author": {"id": 1, "name": "Ann Arbor"},
        "status": {"id": 5, "name": "Closed"},
        "assigned_to": {"id": 2, "name": "Bob Branch"},
        "journals": [
            {
                "id": 9,
                "created_on": "2024-06-01T10:00:00Z",
                "user": {"id": 2, "name": "Bob Branch"},
                "notes": "Yes.",
                "details": [
                    {"property": "attr", "name": "status_id", "old_value": "1", "new_value": "5"},
                    {"property": "attr", "name": "assigned_to_id", "old_value": "1", "new_value": "2"},
                ],
            }
        ],
    }
}
REDMINE_CSV = """#,Project,Tracker,Status,Priority,Subject,Author,Assignee,Updated,Created,Target version
7,Shop,Feature,Closed,Normal,Gift cards,Ann Arbor,Bob Branch,2024-06-01 10:00,2024-05-01 10:00,2.2
"""
TRELLO = {
    "name": "Shop",
    "cards": [{"id": "c1"}],
    "lists": [{"id": "l1", "name": "Done"}],
    "actions": [
        {
            "id": "a3",
            "type": "addMemberToCard",
            "date": "2024-06-02T10:00:00.000Z",
            "memberCreator": {"fullName": "Ann Arbor"},
            "member": {"fullName": "Bob Branch"},
            "data": {"card": {"id": "c1", "idShort": 7, "name": "Gift cards"}},
        },
        {
            "id": "a2",
            "type": "updateCard",
            "date": "2024-06-01T10:00:00.000Z",
            "memberCreator": {"fullName": "Ann Arbor"},
            "data": {
                "card": {"id": "c1", "idShort": 7, "name": "Gift cards"},
                "listBefore": {"name": "To Do"},
                "listAfter": {"name": "Done"},
                "old": {"idList": "l0"},
            },
        },
        {
            "id": "a1",
            "type": "createCard",
            "date": "2024-05-01T10:00:00.000Z",
            "memberCreator": {"fullName": "Ann Arbor"},
            "data": {"card": {"id": "c1", "idShort": 7, "name": "Gift cards"}, "list": {"name": "To Do"}},
        },
    ],
}
AZURE = {
    "count": 2,
    "value": [
        {
            "id": 1,
            "workItemId": 7,
            "rev": 1,
            "revisedDate": "2024-06-01T10:00:00Z",
            "revisedBy": {"displayName": "Ann Arbor"},
            "fields": {
                "System.ChangedDate": {"newValue": "2024-05-01T10:00:00Z"},
                "System.Title": {"newValue": "Gift cards"},
                "System.State": {"newValue": "New"},
            },
        },
        {
            "id": 2,
            "workItemId": 7,
            "rev": 2,
            "revisedDate": "9999-01-01T00:00:00Z",
            "revisedBy": {"displayName": "Ann Arbor"},
            "fields": {
                "System.ChangedDate": {"oldValue": "2024-05-01T10:00:00Z", "newValue": "2024-06-01T10:00:00Z"},
                "System.State": {"oldValue": "New", "newValue": "Closed"},
                "System.AssignedTo": {"newValue": {"displayName": "Bob Branch"}},
            },
        },
    ],
}
AZURE_CSV = """ID,Work Item Type,Title,Assigned To,State,Created By,Created Date,Changed Date
7,Feature,Gift cards,Bob Branch <bob@example.org>,Closed,Ann Arbor,2024-05-01 10:00,2024-06-01 10:00
"""
SAMPLES = [
    ("jira", JIRA),
    ("jira", "\n".join(json.dumps(one) for one in JIRA["issues"])),
    ("jira", JIRA_CSV),
    ("github", GITHUB_TIMELINE),
    ("github", "\n".join(map(json.dumps, GITHUB_EVENTS))),
    ("gitlab", GITLAB),
    ("gitlab", GITLAB_CSV),
    ("linear", LINEAR),
    ("openproject", OPENPROJECT),
    ("openproject", OPENPROJECT_CSV),
    ("redmine", REDMINE),
    ("redmine", REDMINE_CSV),
    ("trello", TRELLO),
    ("azure-devops", AZURE),
    ("azure-devops", AZURE_CSV),
]


@pytest.mark.parametrize(("name", "text"), SAMPLES)
def test_an_export_is_a_history(log, tmp_path, name, text):
    """Each export becomes a feature that was created and later shipped, and importing it again changes nothing."""
    report, again = (bring_in(log, tmp_path / "export", name, text) for _ in range(2))

    state = by_title(log)["Gift cards"]
    assert (report.rejected, report.skipped, report.unknown_values) == ([], [], {})
    assert state.started_at() == naive.micros("2024-05-01T10:00:00Z")
    assert state.value_at("status", naive.micros("2024-05-05T00:00:00Z")) in ("proposed", None)
    assert state.value_at("status", AFTER) == "shipped"
    assert (again.imported, again.rejected) == (0, [])
    entries = log.stream(state.subject)
    assert not {entry.metadata.principal for entry in entries} & {"service:importer"}


@pytest.mark.parametrize(("name", "text"), [one for one in SAMPLES if one[0] != "github"])
def test_the_assignee_is_accountable(log, tmp_path, name, text):
    """The assignee of an issue is accountable for the feature."""
    bring_in(log, tmp_path / "export", name, text)

    assert owner(log, by_title(log)["Gift cards"]) == ["Bob Branch"]


def test_a_changelog_is_read_back_to_the_beginning(log, tmp_path):
    """An issue of Jira begins with the values before its first change, and every key it had leads to it."""
    bring_in(log, tmp_path / "export", "jira", JIRA)

    state = by_title(log)["Gift cards"]
    may, june, july = (naive.micros(f"2024-0{n}-02T00:00:00Z") for n in (5, 6, 7))
    assert [state.value_at("status", at) for at in (may, june)] == ["proposed", "shipped"]
    assert [state.value_at("target.ship", at) for at in (may, june, july)] == [
        "release:shop-2.1",
        ["release:shop-2.1", "release:shop-2.2"],
        "release:shop-2.2",
    ]
    assert [state.value_at("aliases", at) for at in (may, july)] == [["OLD-7"], ["SHOP-2"]]


def test_a_service_closes_an_issue(log, tmp_path):
    """A bot that closes an issue of GitHub is a service."""
    bring_in(log, tmp_path / "export", "github", "\n".join(map(json.dumps, GITHUB_EVENTS)))

    principals = [entry.metadata.principal for entry in log.stream(by_title(log)["Gift cards"].subject)]
    assert principals[-1] == "service:dependabot"


def test_the_items_of_a_project_have_no_times(log, tmp_path):
    """An item of a GitHub project is known from the import on; a second export adds what has changed."""
    first, again = (bring_in(log, tmp_path / "export", "github", GITHUB_PROJECT) for _ in range(2))

    state = by_title(log)["Gift cards"]
    assert (first.skipped, first.rejected, again.imported, again.rejected) == ([], [], 0, [])
    assert (state.value_at("status", AFTER), state.value_at("aliases", AFTER)) == ("shipped", ["site#7"])


def test_every_preset_names_its_export(tmp_path):
    """Each preset says how its system exports the history, and its mapping is valid."""
    assert len(PRESETS) == 8
    for preset in PRESETS.values():
        assert len(preset.command) > 20
        assert preset.mapping("shop", zone="Europe/Berlin").system == preset.name


HISTORY_LINES = (
    '{"issue":"S-1","action":"created","created":"2024-05-01","author":"ann","field":null,"from":null,"to":{"summary":"x","status":"Open"}}\n'
    '{"issue":"S-1","action":"","created":"2024-06-01","author":"ann","field":"status","from":"Open","to":"Odd"}\n'
)


@pytest.mark.parametrize(
    "text",
    [
        HISTORY_LINES,
        "key;date;user;field;old value;new value\nS-1;13.05.2024 10:00;ann;status;Open;Done\nS-1;01.06.2024 10:00;ann;summary;;x\n",
        "Issue key,Created,Summary,Status\nS-1,2024-05-01 10:00,Gift cards,Done\n",
    ],
)
def test_a_suggested_mapping_imports_its_file(log, tmp_path, text):
    """A suggested mapping is valid and imports the file; what it guesses is marked."""
    path = tmp_path / "my export.csv"
    path.write_text(text, "utf-8")

    suggested = suggest_mapping(path)
    report = run(path, parse_mapping(suggested), log)

    assert "# ?" in suggested
    assert (report.skipped, report.rejected) == ([], [])
    assert report.imported > 0
    assert "status" in by_title(log).popitem()[1].rows


def _jira_change(number, day, *items):
    return {
        "id": str(number),
        "created": f"2024-{day}T10:00:00.000+0000",
        "items": [{"field": field, "fromString": before, "toString": after} for field, before, after in items],
    }


JIRA_OUTCOMES = {
    "id": "7",
    "key": "SHOP-7",
    "fields": {"summary": "Wish lists", "created": "2024-01-01T10:00:00.000+0000", "status": {"name": "To Do"}},
    "changelog": {
        "histories": [
            _jira_change(1, "02-01", ("resolution", None, "Won't Do"), ("status", "To Do", "Done")),
            _jira_change(2, "03-01", ("resolution", "Won't Do", "Done")),
            _jira_change(3, "04-01", ("status", "Done", "To Do"), ("resolution", "Done", None)),
        ]
    },
}


def test_an_issue_that_is_done_without_being_done_is_dropped(log, tmp_path):
    """An issue of Jira that is done with the resolution Won't Do was dropped, as long as it has that resolution."""
    first, again = (bring_in(log, tmp_path / "export", "jira", JIRA_OUTCOMES) for _ in range(2))

    state = by_title(log)["Wish lists"]
    days = [naive.micros(f"2024-{month}-02T00:00:00Z") for month in ("01", "02", "03", "04")]
    assert [state.value_at("status", day) for day in days] == ["proposed", "dropped", "shipped", "proposed"]
    assert (first.rejected, list(first.contradictions), again.imported, again.rejected) == ([], [], 0, [])


@pytest.mark.parametrize(
    ("status", "resolution", "value"),
    [
        ("Done", "Won't Do", "dropped"),
        ("Done", "Won’t Do", "dropped"),
        ("Closed", "Duplicate", "dropped"),
        ("Done", "Fixed", "shipped"),
        ("In Progress", "Won't Do", "started"),
        ("Done", "", "shipped"),
    ],
)
def test_the_resolution_in_a_list_of_issues(log, tmp_path, status, resolution, value):
    """In a CSV of Jira, too, an issue that is done counts as dropped if its resolution says that."""
    rows = f"Summary,Issue key,Status,Resolution,Updated\nWish lists,SHOP-7,{status},{resolution},2024-05-01 10:00\n"

    bring_in(log, tmp_path / "export", "jira", rows)

    assert by_title(log)["Wish lists"].value_at("status", AFTER) == value


@pytest.mark.parametrize(
    ("status", "value"),
    [
        *(
            ("Abgewiesen", "dropped"),
            ("In lavorazione", "started"),
            ("Gereed", "shipped"),
            ("Do zrobienia", "proposed"),
        ),
        *(("В работе", "started"), ("완료", "shipped"), ("Geplant", "committed"), ("In attesa", "paused")),
    ],
)
def test_statuses_of_other_languages(log, tmp_path, status, value):
    """The statuses of usual workflows are understood in more languages."""
    rows = f"#,Status,Subject,Updated\n1,{status},Gift cards,2024-05-28 11:02\n"

    report = bring_in(log, tmp_path / "export", "redmine", rows)

    assert by_title(log)["Gift cards"].value_at("status", AFTER) == value
    assert report.unknown_values == {}
