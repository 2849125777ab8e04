"""What the exports of trackers look like in practice: pages, other languages, missing histories, and parts that are no change."""

import json

import pytest

from interchange.source_file import NotAHistoryError
from interchange.tracker.presets import PRESETS
from tests.interchange.tracker.support import AFTER, Clock, open_log, run
from tests.interchange.tracker.test_presets import by_title, owner

LONG_AFTER = 1_800_000_000_000_000
MAY = 1_714_600_000_000_000
"""The evening of 1 May 2024, when the records of these exports had just been created."""


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path, Clock(LONG_AFTER)) as opened:
        yield opened


def bring_in(log, path, name, text, **options):
    path.write_text(text if isinstance(text, str) else json.dumps(text), "utf-8")
    preset = PRESETS[name]
    return run(path, preset.mapping("shop", **options), log, expand=preset.expand)


def value(state, field, at=LONG_AFTER):
    return state.value_at(field, at)


# CSV in other languages

JIRA_HEADERS = {
    "de": "Zusammenfassung,Vorgangsschlüssel,Vorgangs-ID,Status,Zugewiesene Person,Ersteller,Erstellt,Aktualisiert,Lösungsversionen,Stichwörter",
    "fr": "Résumé,Clé de ticket,ID de ticket,État,Personne assignée,Créateur,Création,Mise à jour,Versions corrigées,Étiquettes",
    "es": "Resumen,Clave de incidencia,ID de la incidencia,Estado,Persona asignada,Creador,Creada,Actualizada,Versión correctora,Etiquetas",
    "ja": "要約,課題キー,課題 ID,ステータス,担当者,作成者,作成日,更新日,修正バージョン,ラベル",
    "with a colon": "Zusammenfassung,Vorgangsschlüssel:,Vorgangs-ID:,Status,Bearbeiter,Ersteller,Erstellt,Aktualisiert,Lösungsversion(en),Stichwörter",
}
DONE = {"de": "Fertig", "fr": "Terminé(e)", "es": "Finalizada", "ja": "完了", "with a colon": "Erledigt"}
TIMES = {
    "de": ("01.Mai.24 10:00 AM", "01.Jul.24 4:05 PM"),
    "fr": ("01/mai/24 10:00 AM", "01/juil./24 4:05 PM"),
    "es": ("01/may/24 10:00 AM", "01/jul/24 4:05 PM"),
    "ja": ("2024/05/01 10:00", "2024/07/01 16:05"),
    "with a colon": ("2024-05-01 10:00", "2024-07-01 16:05"),
}


@pytest.mark.parametrize("language", JIRA_HEADERS)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_csv_of_jira_is_read_in_other_languages(log, tmp_path, language, delimiter):
    """Headers, statuses and months of Jira in German, French, Spanish and Japanese mean the same."""
    cells = [
        "Gift cards",
        "SHOP-1",
        "10001",
        DONE[language],
        "Branch, Bob",
        "Ann Arbor",
        *TIMES[language],
        "2.2",
        "vip",
    ]
    rows = (JIRA_HEADERS[language].split(","), cells)
    text = "\ufeff" + "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)

    report = bring_in(log, tmp_path / "export", "jira", text)

    state = by_title(log)["Gift cards"]
    assert (report.skipped, report.unknown_values) == ([], {})
    assert (value(state, "status"), value(state, "target.ship")) == ("shipped", "release:shop-2.2")
    assert owner(log, state) == ["Branch, Bob"]


JIRA_CSV = """Summary,Issue key,Issue id,Status,Assignee,Creator,Created,Updated,Last Viewed,Resolved,Fix versions,Fix versions,Labels,Labels,Sprint,Sprint,Custom field (Story Points),Comment,Due date
Gift cards,SHOP-1,10001,Done,Bob Branch,Ann Arbor,01/May/24 10:00 AM,26/Jul/24 10:17 AM,26/Jul/24 2:09 AM,20/Jun/24 9:00 AM,2.1,2.2,vip,cards,Sprint 1,Sprint 2,4.0,a comment,31/Jul/24 12:00 AM
"""


def test_all_columns_of_a_csv_are_kept(log, tmp_path):
    """Repeated columns are lists, other columns become attributes, and the day on which an issue was resolved counts."""
    report = bring_in(log, tmp_path / "export", "jira", JIRA_CSV)

    state = by_title(log)["Gift cards"]
    assert value(state, "labels") == ["vip", "cards"]
    assert state.value_at("target.ship", AFTER) == ["release:shop-2.1", "release:shop-2.2"]
    assert (value(state, "x.sprint"), value(state, "x.due")) == (["Sprint 1", "Sprint 2"], "2024-07-31")
    assert value(state, "x.custom_field_story_points") == "4.0"
    assert "Last Viewed" not in report.unmapped_fields
    assert [row.valid_from for row in state.rows["status"]] == [1_718_874_000_000_000]


@pytest.mark.parametrize(
    ("name", "text", "format_"),
    [
        (
            "jira",
            "Summary,Issue key,Status,Created,Updated\nA,Q-1,Done,6/3/2024 16:14,6/4/2024 17:13\n",
            "M/D/YYYY H:mm",
        ),
        ("redmine", "#;Status;Thema;Angelegt\n7;Gelöst;A;03.06.2024 16:14\n", "DD.MM.YYYY HH:mm"),
        ("azure-devops", "ID,Title,State,Created Date\n7,A,Closed,6/3/2024 4:14:00 PM\n", "M/D/YYYY h:mm:ss a"),
        ("openproject", "ID,Subject,Status,Created on\n7,A,Closed,06/03/2024 04:14 PM\n", "MM/DD/YYYY hh:mm a"),
    ],
)
def test_the_format_of_dates_is_asked_for(log, tmp_path, name, text, format_):
    """Dates that may be day-month or month-day are not read without a format; the refusal proposes those that fit."""
    with pytest.raises(NotAHistoryError, match="--date-format"):
        bring_in(log, tmp_path / "export", name, text)

    bring_in(log, tmp_path / "export", name, text, formats=[format_])

    assert value(by_title(log)["A"], "status") == "shipped"
    assert by_title(log)["A"].started_at() == 1_717_431_240_000_000


# Pages of APIs


def jira_issue(number, **fields):
    return {
        "id": str(10_000 + number),
        "key": f"SHOP-{number}",
        "fields": {
            "summary": f"Issue {number}",
            "created": "2024-05-01T10:00:00.000+0000",
            "updated": "2024-07-01T10:00:00.000+0000",
            "status": {"name": "Done"},
            "description": {
                "type": "doc",
                "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Sell them"}]}],
            },
            "customfield_10016": 5,
            "parent": {"key": "SHOP-86"},
            "comment": {"comments": [{"body": "so"}]},
            **fields,
        },
        "changelog": {
            "total": 1,
            "histories": [
                {
                    "id": "9",
                    "created": "2024-06-01T10:00:00.000+0000",
                    "items": [{"field": "status", "fromString": "To Do", "toString": "Done"}],
                }
            ],
        },
    }


PAGES = [{"startAt": n, "total": 2, "issues": [jira_issue(n + 1)]} for n in range(2)]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(json.dumps(page) for page in PAGES),
        "".join(json.dumps(page, indent=2) for page in PAGES),
        json.dumps(PAGES),
        json.dumps([page["issues"] for page in PAGES]),
        "".join(json.dumps(page["issues"]) for page in PAGES),
        json.dumps({"issues": [issue for page in PAGES for issue in page["issues"]]}, indent=1),
    ],
)
def test_pages_of_an_api_are_one_export(log, tmp_path, text):
    """Pages may be lines, be appended one behind the other, or be joined to a list."""
    report = bring_in(log, tmp_path / "export", "jira", text)

    found = by_title(log)
    assert list(found) == ["Issue 1", "Issue 2"]
    assert all(value(state, "status", MAY) == "proposed" for state in found.values())
    assert value(found["Issue 1"], "x.description") == "Sell them"
    assert (value(found["Issue 1"], "x.parent"), value(found["Issue 1"], "x.customfield_10016")) == ("SHOP-86", "5")
    assert report.left_out == {"comment": 2}


GRAPHQL = {
    "data": {
        "repository": {
            "issues": {
                "pageInfo": {"hasNextPage": False},
                "nodes": [
                    {
                        "number": 7,
                        "title": "Gift cards",
                        "createdAt": "2024-05-01T10:00:00Z",
                        "updatedAt": "2024-06-02T10:00:00Z",
                        "closedAt": "2024-06-01T10:00:00Z",
                        "author": {"login": "ann"},
                        "milestone": {"title": "2.2"},
                        "assignees": {"nodes": [{"login": "bob"}]},
                        "timelineItems": {
                            "nodes": [
                                {
                                    "__typename": "RenamedTitleEvent",
                                    "createdAt": "2024-05-02T11:00:00Z",
                                    "previousTitle": "Vouchers",
                                    "currentTitle": "Gift cards",
                                },
                                {"__typename": "SubscribedEvent", "createdAt": "2024-05-02T11:00:00Z"},
                                {"__typename": "ClosedEvent", "createdAt": "2024-06-01T10:00:00Z"},
                            ]
                        },
                    }
                ],
            }
        }
    }
}


def test_an_answer_of_graphql_is_read(log, tmp_path):
    """The nodes of an answer of GraphQL are the rows, and its events mean the same as those of the REST API."""
    report = bring_in(log, tmp_path / "export", "github", GRAPHQL)

    state = by_title(log)["Gift cards"]
    assert (value(state, "title", MAY), value(state, "status", MAY)) == ("Vouchers", "proposed")
    assert (value(state, "status"), value(state, "target.ship")) == ("shipped", "release:shop-2.2")
    assert owner(log, state) == ["bob"]
    assert report.left_out == {"event `subscribed`": 1}


def github_event(number, kind, at, **more):
    issue = {"number": 7, "title": "Gift cards", "created_at": "2024-05-01T10:00:00Z", "user": {"login": "ann"}}
    return {"id": number, "event": kind, "created_at": at, "actor": {"login": "ann"}, "issue": issue, **more}


GITHUB_EVENTS = [
    github_event(3, "closed", "2024-06-03T10:00:00Z"),
    github_event(2, "renamed", "2024-05-03T10:00:00Z", rename={"from": "Vouchers", "to": "Gift cards"}),
    github_event(1, "mentioned", "2024-05-02T10:00:00Z"),
]


@pytest.mark.parametrize("events", [GITHUB_EVENTS, GITHUB_EVENTS[::-1], [GITHUB_EVENTS[:1], GITHUB_EVENTS[1:]]])
def test_events_of_a_repository_create_their_issue_once(log, tmp_path, events):
    """Each event has its issue as it is now; the issue begins once, with the title before its first renaming."""
    report = bring_in(log, tmp_path / "export", "github", events)

    state = by_title(log)["Gift cards"]
    assert (report.reused_names, report.contradictions) == ([], [])
    assert [row.value for row in state.rows["title"]] == ["Vouchers", "Gift cards"]
    assert report.left_out == {"event `mentioned`": 1}


# Records without a history


def without_changelog(issue):
    return {name: part for name, part in issue.items() if name != "changelog"}


REDMINE_ISSUE = {
    "id": 7,
    "subject": "Gift cards",
    "created_on": "2024-05-01T10:00:00Z",
    "updated_on": "2024-06-01T10:00:00Z",
    "status": {"id": 5, "name": "Closed"},
    "custom_fields": [{"id": 1, "name": "Customer", "value": "ACME"}],
}
AZURE_ITEM = {
    "id": 7,
    "rev": 3,
    "fields": {
        "System.Title": "Gift cards",
        "System.State": "Closed",
        "System.CreatedDate": "2024-05-01T10:00:00Z",
        "System.ChangedDate": "2024-06-01T10:00:00Z",
        "System.AssignedTo": {"displayName": "Bob Branch"},
        "System.Description": "<div>Sell &amp;<br>redeem</div>",
    },
}


@pytest.mark.parametrize(
    ("name", "export"),
    [
        ("jira", {"issues": [without_changelog(jira_issue(1, summary="Gift cards"))]}),
        ("redmine", {"issues": [REDMINE_ISSUE], "total_count": 1}),
        ("azure-devops", {"count": 1, "value": [AZURE_ITEM]}),
    ],
)
def test_what_a_record_is_now_is_not_what_it_was(log, tmp_path, name, export):
    """Without a history, the values of a record are known from its last update on, and not since it was created."""
    bring_in(log, tmp_path / "export", name, export)

    state = by_title(log)["Gift cards"]
    assert state.started_at() == 1_714_557_600_000_000
    assert (value(state, "status", MAY), value(state, "status")) == (None, "shipped")


def test_revisions_of_a_work_item_are_its_history(log, tmp_path):
    """Each revision of a work item in Azure DevOps says all of it; what differs from the one before is a change."""
    first = {**AZURE_ITEM, "rev": 1, "fields": AZURE_ITEM["fields"] | {"System.State": "New"}}
    first["fields"] |= {"System.ChangedDate": "2024-05-01T10:00:00Z"}

    bring_in(log, tmp_path / "export", "azure-devops", {"count": 2, "value": [first, AZURE_ITEM]})

    state = by_title(log)["Gift cards"]
    assert [row.value for row in state.rows["status"]] == ["proposed", "shipped"]
    assert value(state, "x.description") == "Sell &\nredeem"
    assert owner(log, state, MAY) == ["Bob Branch"]


CARD = "5ca4cd234b0b4e323f73dd55"
BOARD = {
    "name": "Shop",
    "lists": [{"id": "l1", "name": "Ideas"}, {"id": "l2", "name": "Doing"}, {"id": "l3", "name": "Done"}],
    "members": [{"id": "m1", "fullName": "Ann Arbor"}, {"id": "m2", "fullName": "Bob Branch"}],
    "cards": [
        {
            "id": CARD,
            "idShort": 1,
            "name": "Gift cards",
            "desc": "Sell them",
            "idList": "l3",
            "idMembers": ["m2"],
            "labels": [{"name": "vip"}],
            "due": "2024-09-01T10:00:00.000Z",
            "dateLastActivity": "2024-06-06T10:00:00.000Z",
        }
    ],
    "actions": [],
}
MOVED = {
    "id": "a5",
    "type": "updateCard",
    "date": "2024-05-05T10:00:00.000Z",
    "data": {
        "old": {"idList": "l2"},
        "listBefore": {"name": "Doing"},
        "listAfter": {"name": "Done"},
        "card": {"id": CARD, "idShort": 1, "name": "Gift cards"},
    },
}
COMMENT = {"id": "a6", "type": "commentCard", "date": "2024-05-06T10:00:00.000Z", "data": {"card": {"id": CARD}}}


@pytest.mark.parametrize(("actions", "then"), [([], None), ([COMMENT, MOVED], "started")])
def test_a_card_of_trello_is_not_lost_without_its_actions(log, tmp_path, actions, then):
    """A board has at most 1,000 actions; a card without them begins when its id was made, with what is known of it."""
    report = bring_in(log, tmp_path / "export", "trello", {**BOARD, "actions": actions})

    state = by_title(log)["Gift cards"]
    assert state.started_at() == 1_554_304_291_000_000  # 2019-04-03, as in the first digits of its id
    assert (value(state, "status", MAY), value(state, "status")) == (then, "shipped")
    assert (value(state, "labels"), value(state, "x.due")) == (["vip"], "2024-09-01")
    assert owner(log, state, LONG_AFTER) == ["Bob Branch"]
    assert report.left_out == ({"action `commentCard`": 1} if actions else {})


GITLAB_EXPORT = {
    "iid": 7,
    "title": "Gift cards",
    "created_at": "2024-05-01T10:00:00.000Z",
    "updated_at": "2024-06-02T10:00:00.000Z",
    "milestone": {"title": "2.2"},
    "label_links": [{"label": {"title": "vip"}}],
    "notes": [
        {"note": "changed title from **{-Vouchers-}** to **Gift {+cards+}**", "system": True},
        {"note": "assigned to @bob and @ann and unassigned @ann", "system": True},
        {"note": "a comment", "system": False},
    ],
    "resource_label_events": [],
    "resource_state_events": [{"created_at": "2024-06-01T10:00:00.000Z", "state": "closed"}],
}
for _n, _note in enumerate(GITLAB_EXPORT["notes"]):
    _note |= {"created_at": f"2024-05-0{_n + 3}T10:00:00.000Z", "author": {"name": "Ann Arbor"}}


def test_a_project_export_of_gitlab_is_read(log, tmp_path):
    """The lines of a project export have no names of assignees; the notes of the system do."""
    report = bring_in(log, tmp_path / "export", "gitlab", json.dumps(GITLAB_EXPORT) + "\n")

    state = by_title(log)["Gift cards"]
    assert [row.value for row in state.rows["title"]] == ["Vouchers", "Gift cards"]
    assert (value(state, "status"), value(state, "target.ship")) == ("shipped", "release:shop-2.2")
    assert (value(state, "labels"), owner(log, state)) == (["vip"], ["@bob"])
    assert report.left_out == {"comment": 1}


def openproject_activity(number, *details, comment=""):
    return {
        "_type": "Activity",
        "id": number,
        "createdAt": f"2024-05-0{number}T09:15:00Z",
        "comment": {"raw": comment},
        "details": list(details),
        "_links": {"workPackage": {"href": "/api/v3/work_packages/42"}, "user": {"href": "/api/v3/users/7"}},
    }


def test_activities_of_openproject_are_read_as_far_as_they_say(log, tmp_path):
    """HTML tells values apart that contain "to"; a sentence that says no value is kept as not placed."""
    marked = (
        "<strong>Subject</strong> changed from <i title='x'>Pay to win</i> <strong>to</strong> <i>Gift &amp; go</i>"
    )
    details = [
        {"raw": "Subject changed from Pay to win to Gift & go", "html": marked},
        {"raw": "File plan.pdf added"},
        {"raw": "Apollo was pinged"},
    ]
    activities = [
        openproject_activity(1, {"raw": "Subject set to Pay to win"}, {"raw": "Status set to New"}),
        openproject_activity(2, *details),
        openproject_activity(3, comment="only a comment"),
    ]

    report = bring_in(log, tmp_path / "export", "openproject", {"_embedded": {"elements": activities}})

    assert [row.value for row in by_title(log)["Gift & go"].rows["title"]] == ["Pay to win", "Gift & go"]
    assert [one.message for one in report.skipped] == ["the sentence 'Apollo was pinged' names no field and value"]
    assert report.left_out == {"attachment": 1, "comment": 1}


LINEAR_CSV = """"ID","Team","Title","Status","Creator","Assignee","Labels","Created","Updated","Started","Completed","Canceled","Due Date","Project Milestone","UUID"
"{id}","SHO","Gift cards","In Progress","Ann Arbor","Bob Branch","vip, seo","Wed May 01 2024 10:00:00 GMT+0000 (GMT+00:00)","{updated}","Thu May 02 2024 09:00:00 GMT+0000 (GMT+00:00)","","","Thu Jun 13 2024 23:00:00 GMT+0000 (GMT+00:00)","2.2","u-1"
"""


def test_an_issue_of_linear_stays_one_when_it_moves(log, tmp_path):
    """An issue that moves to another team gets another id; it is the same by its UUID, and both ids lead to it."""
    old = LINEAR_CSV.format(id="SHO-1", updated="2024-06-01T10:00:00.000Z")
    new = LINEAR_CSV.format(id="PAY-9", updated="2024-07-01T10:00:00.000Z")

    for text in (old, new):
        bring_in(log, tmp_path / "export", "linear", text, zone="Europe/London")

    (state,) = by_title(log).values()
    assert [row.value for row in state.rows["aliases"]][-1] == ["PAY-9"]
    assert ["SHO-1"] in [row.value for row in state.rows["aliases"]]
    assert (value(state, "x.due"), value(state, "labels")) == ("2024-06-14", ["vip", "seo"])


PROJECT_TSV = """Title\tURL\tAssignees\tStatus\tPriority
Gift cards\thttps://github.com/o/shop/issues/7\tbob, ann\tIn Progress\tP1
An idea\t\t\tTodo\t
"""


def test_a_table_of_a_github_project_is_read(log, tmp_path):
    """An item is called by its repository and number; without any time, it is known from the import on."""
    bring_in(log, tmp_path / "export", "github", PROJECT_TSV)

    states = [log.state(one) for one in log.subjects("feature:", 10) if one.startswith("feature:")]
    named = {value(state, "title"): state for state in states}
    assert value(named["Gift cards"], "aliases") == ["shop#7"]
    assert (value(named["An idea"], "status"), value(named["Gift cards"], "x.priority")) == ("proposed", "P1")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("jira", '{"values": [{"id": "1", "created": "2024-06-01", "items": []}]}'),
        ("github", '[{"event": "commented", "created_at": "2024-05-02T11:00:00Z"}]'),
        ("linear", "Datum;Betrag\n2024-05-01;7\n"),
        ("trello", '{"name": "x", "size": 3}'),
        ("azure-devops", "a,b,c\n1,2,3\n"),
    ],
)
def test_another_export_is_refused(log, tmp_path, name, text):
    """A file that a preset can't read ends with one sentence that says what it has and where to look."""
    size = log.head().size
    with pytest.raises(NotAHistoryError, match=r"this is not an export that this command can read: .*--help"):
        bring_in(log, tmp_path / "export", name, text)

    assert log.head().size == size


# Other forms of the same answers

CHANGE = {"id": "1", "author": {"displayName": "Ann"}, "created": "2024-05-10T10:00:00Z"} | {
    "items": [{"field": "summary", "fromString": "Gift card", "toString": "Gift cards"}]
}
ISSUE = {"key": "SHOP-1", "id": "10001"} | {
    "fields": {"summary": "Gift cards", "created": "2024-05-01T10:00:00Z", "status": {"name": "To Do"}}
}
TIMELINE = [
    {"__typename": "RenamedTitleEvent", "createdAt": "2024-05-10T10:00:00Z", "actor": {"login": "ann"}}
    | {"previousTitle": "Gift card", "currentTitle": "Gift cards"}
]
NODE = {"number": 1, "title": "Gift cards", "state": "OPEN", "createdAt": "2024-05-01T10:00:00Z"}
ACTIVITY = {"_type": "Activity", "id": 1, "createdAt": "2024-05-10T10:00:00Z", "_links": {"user": {"title": "Ann"}}} | {
    "details": [{"raw": "Subject changed from Gift card to Gift cards"}]
}
PACKAGE = {"_type": "WorkPackage", "id": 1, "subject": "Gift cards", "createdAt": "2024-05-01T10:00:00Z"} | {
    "updatedAt": "2024-05-10T10:00:00Z"
}
ELEMENTS = {"_embedded": {"elements": [ACTIVITY]}}
FORMS = {
    "a page of changes": ("jira", {"issues": [ISSUE | {"changelog": {"values": [CHANGE], "isLast": True}}]}),
    "a list of changes": ("jira", [ISSUE | {"changelog": [CHANGE]}]),
    "an empty last page": ("jira", [{"issues": [ISSUE | {"changelog": {"histories": [CHANGE]}}]}, {"issues": []}]),
    "edges": ("github", [NODE | {"timelineItems": {"edges": [{"node": one} for one in TIMELINE]}}]),
    "one issue": ("github", {"data": {"repository": {"issue": NODE | {"timelineItems": {"nodes": TIMELINE}}}}}),
    "embedded activities": ("openproject", PACKAGE | {"_embedded": {"activities": ELEMENTS}}),
    "activities": ("openproject", [PACKAGE | {"activities": [ACTIVITY]}]),
}


@pytest.mark.parametrize(("name", "export"), FORMS.values(), ids=FORMS)
def test_an_answer_is_read_in_each_of_its_forms(log, tmp_path, name, export):
    """The changes of a record are found wherever an answer of the system has them."""
    report = bring_in(log, tmp_path / "export.json", name, export)

    (state,) = by_title(log).values()
    assert (report.skipped, report.rejected) == ([], [])
    assert [value(state, "title", at) for at in (MAY, LONG_AFTER)] == ["Gift card", "Gift cards"]
