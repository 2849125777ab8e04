"""Exports of trackers in the shapes of their programs, and what is in them."""

EXPORTS = {
    "jira account only": (
        "jira",
        {
            "id": "10001",
            "key": "SHOP-1",
            "self": "https://x/rest",
            "fields": {
                "summary": "Gift cards",
                "created": "2024-05-01T10:00:00.000+0000",
                "updated": "2024-05-20T10:00:00.000+0000",
                "creator": {
                    "accountId": "557058:aa",
                    "displayName": "Ann Arbor",
                    "active": True,
                    "accountType": "atlassian",
                },
                "status": {"name": "In Progress"},
                "assignee": {
                    "accountId": "557058:bb",
                    "displayName": "Bob Branch",
                    "active": True,
                    "accountType": "atlassian",
                },
                "fixVersions": [],
                "labels": [],
                "components": [],
                "versions": [],
            },
            "changelog": {
                "startAt": 0,
                "maxResults": 3,
                "total": 3,
                "histories": [
                    {
                        "id": "102",
                        "author": {"accountId": "557058:bb"},
                        "created": "2024-05-02T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "status",
                                "fieldtype": "jira",
                                "from": "1",
                                "fromString": "To Do",
                                "to": "3",
                                "toString": "In Progress",
                                "fieldId": "status",
                            }
                        ],
                    },
                    {
                        "id": "103",
                        "author": None,
                        "created": "2024-05-03T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "assignee",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": None,
                                "to": "557058:cc",
                                "toString": None,
                                "fieldId": "assignee",
                            }
                        ],
                    },
                    {
                        "id": "104",
                        "author": {
                            "accountId": "557058:bb",
                            "displayName": "Bob Branch",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-04T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "assignee",
                                "fieldtype": "jira",
                                "from": "557058:cc",
                                "fromString": None,
                                "to": "557058:bb",
                                "toString": "Bob Branch",
                            }
                        ],
                    },
                ],
            },
        },
        {
            "SHOP-1": [
                "05-01 10:00 status = To Do by Ann Arbor",
                "05-01 10:00 title = Gift cards by Ann Arbor",
                "05-02 10:00 status = In Progress by not known",
                "05-03 10:00 role.accountable = 557058:cc (no name in the export) by not known",
                "05-04 10:00 role.accountable = ['Bob Branch'] by Bob Branch",
            ]
        },
        [],
    ),
    "jira components versions": (
        "jira",
        {
            "id": "10001",
            "key": "SHOP-1",
            "self": "https://x/rest",
            "fields": {
                "summary": "Gift cards",
                "created": "2024-05-01T10:00:00.000+0000",
                "updated": "2024-05-20T10:00:00.000+0000",
                "creator": {
                    "accountId": "557058:aa",
                    "displayName": "Ann Arbor",
                    "active": True,
                    "accountType": "atlassian",
                },
                "status": {"name": "To Do", "id": "10000"},
                "assignee": None,
                "fixVersions": [{"name": "2.1"}],
                "labels": [],
                "components": [{"name": "API"}],
                "versions": [{"name": "1.0"}],
            },
            "changelog": {
                "startAt": 0,
                "maxResults": 5,
                "total": 5,
                "histories": [
                    {
                        "id": "102",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-02T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Component",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": None,
                                "to": "1",
                                "toString": "UI",
                            }
                        ],
                    },
                    {
                        "id": "103",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-03T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Component",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": None,
                                "to": "2",
                                "toString": "API",
                            }
                        ],
                    },
                    {
                        "id": "104",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-04T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Component",
                                "fieldtype": "jira",
                                "from": "1",
                                "fromString": "UI",
                                "to": None,
                                "toString": None,
                            }
                        ],
                    },
                    {
                        "id": "105",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-05T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Fix Version",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": None,
                                "to": "9",
                                "toString": "2.1",
                                "fieldId": "fixVersions",
                            },
                            {
                                "field": "Fix Version",
                                "fieldtype": "jira",
                                "from": "8",
                                "fromString": "2.0",
                                "to": None,
                                "toString": "",
                                "fieldId": "fixVersions",
                            },
                        ],
                    },
                    {
                        "id": "106",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-06T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Version",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": None,
                                "to": "4",
                                "toString": "1.0",
                                "fieldId": "versions",
                            }
                        ],
                    },
                ],
            },
        },
        {
            "SHOP-1": [
                "05-01 10:00 status = To Do by Ann Arbor",
                "05-01 10:00 target.ship = 2.0 by Ann Arbor",
                "05-01 10:00 title = Gift cards by Ann Arbor",
                "05-02 10:00 x.components = ['UI'] by Bob",
                "05-03 10:00 x.components = ['UI', 'API'] by Bob",
                "05-04 10:00 x.components = ['API'] by Bob",
                "05-05 10:00 target.ship = 2.0, 2.1 by Bob",
                "05-05 10:00 target.ship = 2.1 by Bob",
                "05-06 10:00 x.versions = ['1.0'] by Bob",
            ]
        },
        [],
    ),
    "jira moved with sprint epic": (
        "jira",
        {
            "id": "10001",
            "key": "WEB-7",
            "self": "https://x/rest",
            "fields": {
                "summary": "Gift cards",
                "created": "2024-05-01T10:00:00.000+0000",
                "updated": "2024-05-20T10:00:00.000+0000",
                "creator": {
                    "accountId": "557058:aa",
                    "displayName": "Ann Arbor",
                    "active": True,
                    "accountType": "atlassian",
                },
                "status": {"name": "Done"},
                "assignee": None,
                "fixVersions": [],
                "labels": [],
                "components": [],
                "versions": [],
                "description": {
                    "type": "doc",
                    "version": 1,
                    "content": [{"type": "paragraph", "content": [{"type": "text", "text": "new text"}]}],
                },
                "customfield_10020": [
                    {"id": 12, "name": "Sprint 1", "state": "closed"},
                    {"id": 13, "name": "Sprint 2", "state": "active"},
                ],
            },
            "changelog": {
                "startAt": 0,
                "maxResults": 7,
                "total": 7,
                "histories": [
                    {
                        "id": "102",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-02T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Sprint",
                                "fieldtype": "custom",
                                "from": None,
                                "fromString": "",
                                "to": "12",
                                "toString": "Sprint 1",
                                "fieldId": "customfield_10020",
                            }
                        ],
                    },
                    {
                        "id": "103",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-03T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Sprint",
                                "fieldtype": "custom",
                                "from": "12",
                                "fromString": "Sprint 1",
                                "to": "12, 13",
                                "toString": "Sprint 1, Sprint 2",
                            }
                        ],
                    },
                    {
                        "id": "104",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-04T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Key",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": "SHOP-1",
                                "to": None,
                                "toString": "WEB-7",
                            },
                            {
                                "field": "project",
                                "fieldtype": "jira",
                                "from": "1",
                                "fromString": "Shop",
                                "to": "2",
                                "toString": "Web",
                            },
                            {
                                "field": "status",
                                "fieldtype": "jira",
                                "from": "1",
                                "fromString": "To Do",
                                "to": "2",
                                "toString": "Backlog",
                            },
                        ],
                    },
                    {
                        "id": "105",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Cy",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-05T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Epic Link",
                                "fieldtype": "custom",
                                "from": None,
                                "fromString": None,
                                "to": "10100",
                                "toString": "WEB-1",
                            }
                        ],
                    },
                    {
                        "id": "106",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Cy",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-06T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "summary",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": "Vouchers",
                                "to": None,
                                "toString": "Gift cards",
                            }
                        ],
                    },
                    {
                        "id": "107",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Cy",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-07T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "description",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": "old",
                                "to": None,
                                "toString": "new text",
                            }
                        ],
                    },
                    {
                        "id": "108",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Cy",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-08T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "resolution",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": None,
                                "to": "1",
                                "toString": "Done",
                            },
                            {
                                "field": "status",
                                "fieldtype": "jira",
                                "from": "2",
                                "fromString": "Backlog",
                                "to": "9",
                                "toString": "Done",
                            },
                        ],
                    },
                ],
            },
        },
        {
            "WEB-7": [
                "05-01 10:00 aliases = ['SHOP-1'] by Ann Arbor",
                "05-01 10:00 status = To Do by Ann Arbor",
                "05-01 10:00 title = Vouchers by Ann Arbor",
                "05-01 10:00 x.description = old by Ann Arbor",
                "05-01 10:00 x.project = Shop by Ann Arbor",
                "05-02 10:00 x.sprint = Sprint 1 by Bob",
                "05-03 10:00 x.sprint = Sprint 1, Sprint 2 by Bob",
                "05-04 10:00 aliases = ['WEB-7'] by Bob",
                "05-04 10:00 status = Backlog by Bob",
                "05-04 10:00 x.project = Web by Bob",
                "05-05 10:00 x.epic_link = WEB-1 by Cy",
                "05-06 10:00 title = Gift cards by Cy",
                "05-07 10:00 x.description = new text by Cy",
                "05-08 10:00 status = Done by Cy",
                "05-08 10:00 x.resolution = Done by Cy",
            ]
        },
        [],
    ),
    "jira server": (
        "jira",
        {
            "expand": "schema",
            "startAt": 0,
            "maxResults": 50,
            "total": 1,
            "issues": [
                {
                    "id": "10001",
                    "key": "SHOP-1",
                    "fields": {
                        "summary": "Gift cards",
                        "created": "2024-05-01T12:00:00.000+0200",
                        "reporter": {"name": "aarbor", "key": "aarbor", "displayName": "Ann Arbor"},
                        "status": {"name": "Erledigt"},
                        "customfield_10004": [
                            "com.atlassian.greenhopper.service.sprint.Sprint@1[id=1,state=CLOSED,name=Sprint 1]"
                        ],
                        "updated": "2024-05-09T12:00:00.000+0200",
                    },
                    "changelog": {
                        "histories": [
                            {
                                "id": "9",
                                "author": {"name": "bbranch", "key": "bbranch", "displayName": "Bob Branch"},
                                "created": "2024-05-08T12:00:00.000+0200",
                                "items": [
                                    {
                                        "field": "status",
                                        "fieldtype": "jira",
                                        "from": "1",
                                        "fromString": "Offen",
                                        "to": "5",
                                        "toString": "Erledigt",
                                    },
                                    {
                                        "field": "assignee",
                                        "fieldtype": "jira",
                                        "from": "aarbor",
                                        "fromString": "Ann Arbor",
                                        "to": "JIRAUSER10100",
                                        "toString": "Bob Branch [X]",
                                    },
                                ],
                            }
                        ]
                    },
                }
            ],
        },
        {
            "SHOP-1": [
                "05-01 10:00 role.accountable = ['Ann Arbor'] by Ann Arbor",
                "05-01 10:00 status = Offen by Ann Arbor",
                "05-01 10:00 title = Gift cards by Ann Arbor",
                "05-08 10:00 role.accountable = ['Bob Branch [X]'] by Bob Branch",
                "05-08 10:00 status = Erledigt by Bob Branch",
                "05-09 10:00 x.customfield_10004 = Sprint 1 by not known",
                "05-09 10:00 x.reporter = Ann Arbor by not known",
            ]
        },
        [],
    ),
    "jira csv repeated wide": (
        "jira",
        "Issue key,Issue id,Summary,Status,Assignee,Assignee Id,Reporter,Created,Updated,Resolved,Fix versions,Fix versions,Fix versions,Component/s,Component/s,Sprint,Sprint,Sprint,Custom field (Story Points),Custom field (Epic Link),Parent,Comment,Comment,Attachment\nSHOP-1,10001,Gift cards,In Progress,Bob Branch,557058:bb,Ann Arbor,2024-05-01T10:00:00.000+0000,2024-05-03T10:00:00.000+0000,,2.1,,2.2,UI,API,S1,S2,,3.0,SHOP-9,,01/May/24 10:00 AM;557058:aa;hi,,x.png\n",
        {
            "SHOP-1": [
                "05-01 10:00 title = Gift cards by Ann Arbor",
                "05-03 10:00 role.accountable = ['Bob Branch'] by not known",
                "05-03 10:00 status = In Progress by not known",
                "05-03 10:00 target.ship = 2.1, 2.2 by not known",
                "05-03 10:00 x.assignee_id = 557058:bb by not known",
                "05-03 10:00 x.attachment = x.png by not known",
                "05-03 10:00 x.comment = 01/May/24 10:00 AM;557058:aa;hi by not known",
                "05-03 10:00 x.component_s = ['UI', 'API'] by not known",
                "05-03 10:00 x.custom_field_epic_link = SHOP-9 by not known",
                "05-03 10:00 x.custom_field_story_points = 3.0 by not known",
                "05-03 10:00 x.sprint = ['S1', 'S2'] by not known",
            ]
        },
        [],
    ),
    "jira csv wide time": (
        "jira",
        "Issue key,Issue id,Summary,Status,Assignee,Reporter,Created,Updated\nSHOP-1,1,A,To Do,,Ann,2024/05/01 10:00 AM,2024/05/03 3:15 PM\nSHOP-2,2,B,Done,Bob,Ann,2024/05/02 11:30 PM,2024/05/04 12:00 AM\n",
        {
            "SHOP-1": ["05-01 10:00 title = A by Ann", "05-03 15:15 status = To Do by not known"],
            "SHOP-2": [
                "05-02 23:30 title = B by Ann",
                "05-04 00:00 role.accountable = ['Bob'] by not known",
                "05-04 00:00 status = Done by not known",
            ],
        },
        [],
    ),
    "github timeline": (
        "github",
        {
            "number": 12,
            "title": "Gift cards",
            "state": "closed",
            "user": {"login": "ann", "id": 1, "type": "User"},
            "created_at": "2024-05-01T10:00:00Z",
            "updated_at": "2024-05-20T10:00:00Z",
            "closed_at": "2024-05-09T10:00:00Z",
            "assignees": [{"login": "cy", "id": 1, "type": "User"}],
            "labels": [{"name": "p1"}],
            "milestone": None,
            "body": "Sell",
            "timeline": [
                {
                    "event": "assigned",
                    "id": 1,
                    "actor": {"login": "ann", "id": 1, "type": "User"},
                    "assignee": {"login": "bob", "id": 1, "type": "User"},
                    "created_at": "2024-05-02T10:00:00Z",
                },
                {
                    "event": "labeled",
                    "actor": {"login": "ann", "id": 1, "type": "User"},
                    "label": {"name": "p1", "color": "f"},
                    "created_at": "2024-05-02T11:00:00Z",
                },
                {
                    "event": "commented",
                    "actor": {"login": "bob", "id": 1, "type": "User"},
                    "user": {"login": "bob", "id": 1, "type": "User"},
                    "created_at": "2024-05-03T10:00:00Z",
                    "body": "x",
                },
                {
                    "event": "unassigned",
                    "actor": None,
                    "assignee": {"login": "bob", "id": 1, "type": "User"},
                    "created_at": "2024-05-04T10:00:00Z",
                },
                {
                    "event": "assigned",
                    "actor": {"login": "ann", "id": 1, "type": "User"},
                    "assignee": {"login": "cy", "id": 1, "type": "User"},
                    "created_at": "2024-05-05T10:00:00Z",
                },
                {
                    "event": "milestoned",
                    "actor": {"login": "ann", "id": 1, "type": "User"},
                    "milestone": {"title": "v2"},
                    "created_at": "2024-05-05T11:00:00Z",
                },
                {
                    "event": "demilestoned",
                    "actor": {"login": "ann", "id": 1, "type": "User"},
                    "milestone": {"title": "v2"},
                    "created_at": "2024-05-06T11:00:00Z",
                },
                {
                    "event": "cross-referenced",
                    "actor": {"login": "x", "id": 1, "type": "User"},
                    "created_at": "2024-05-06T12:00:00Z",
                    "source": {},
                },
                {
                    "event": "closed",
                    "actor": {"login": "dependabot[bot]", "id": 1, "type": "User"},
                    "created_at": "2024-05-07T10:00:00Z",
                    "state_reason": "completed",
                },
                {
                    "event": "reopened",
                    "actor": {"login": "ann", "id": 1, "type": "User"},
                    "created_at": "2024-05-08T10:00:00Z",
                },
                {
                    "event": "closed",
                    "actor": {"login": "bob", "id": 1, "type": "User"},
                    "created_at": "2024-05-09T10:00:00Z",
                    "state_reason": "not_planned",
                },
                {
                    "event": "locked",
                    "actor": {"login": "bob", "id": 1, "type": "User"},
                    "created_at": "2024-05-10T10:00:00Z",
                },
            ],
        },
        {
            "#12": [
                "05-01 10:00 status = open by ann",
                "05-01 10:00 title = Gift cards by ann",
                "05-02 10:00 role.accountable = ['bob'] by ann",
                "05-02 11:00 labels = ['p1'] by ann",
                "05-04 10:00 role.accountable = [] by not known",
                "05-05 10:00 role.accountable = ['cy'] by ann",
                "05-05 11:00 target.ship = v2 by ann",
                "05-06 11:00 target.ship = None by ann",
                "05-07 10:00 status = closed by service:dependabot",
                "05-08 10:00 status = reopened by ann",
                "05-09 10:00 status = not planned by bob",
                "05-20 10:00 x.description = Sell by not known",
            ]
        },
        ["1 x event `commented`", "1 x event `cross-referenced`", "1 x event `locked`"],
    ),
    "github graphql": (
        "github",
        {
            "data": {
                "repository": {
                    "issues": {
                        "nodes": [
                            {
                                "number": 12,
                                "title": "Gift cards",
                                "createdAt": "2024-05-01T10:00:00Z",
                                "updatedAt": "2024-05-20T10:00:00Z",
                                "closedAt": None,
                                "author": None,
                                "assignees": {"nodes": [{"login": "bob"}]},
                                "labels": {"nodes": []},
                                "timelineItems": {
                                    "nodes": [
                                        {
                                            "__typename": "AssignedEvent",
                                            "id": "A1",
                                            "createdAt": "2024-05-02T10:00:00Z",
                                            "actor": {"login": "ann"},
                                            "assignee": {"__typename": "User", "login": "bob"},
                                        },
                                        {
                                            "__typename": "RenamedTitleEvent",
                                            "createdAt": "2024-05-03T10:00:00Z",
                                            "actor": None,
                                            "previousTitle": "Vouchers",
                                            "currentTitle": "Gift cards",
                                        },
                                        {
                                            "__typename": "ProjectV2ItemStatusChangedEvent",
                                            "createdAt": "2024-05-04T10:00:00Z",
                                            "actor": {"login": "ann"},
                                            "previousStatus": "",
                                            "status": "Todo",
                                            "project": {"title": "Roadmap"},
                                        },
                                        {
                                            "__typename": "ProjectV2ItemStatusChangedEvent",
                                            "createdAt": "2024-05-05T10:00:00Z",
                                            "actor": {"login": "ann"},
                                            "previousStatus": "Todo",
                                            "status": "In Progress",
                                            "project": {"title": "Roadmap"},
                                        },
                                        {
                                            "__typename": "MovedColumnsInProjectEvent",
                                            "createdAt": "2024-05-06T10:00:00Z",
                                            "actor": {"login": "ann"},
                                            "previousProjectColumnName": "A",
                                            "projectColumnName": "B",
                                        },
                                    ]
                                },
                            }
                        ]
                    }
                }
            }
        },
        {
            "#12": [
                "05-01 10:00 status = open by not known",
                "05-01 10:00 title = Vouchers by not known",
                "05-01 10:00 x.project_column = A by not known",
                "05-02 10:00 role.accountable = ['bob'] by ann",
                "05-03 10:00 title = Gift cards by not known",
                "05-04 10:00 x.project_status = Todo by ann",
                "05-05 10:00 x.project_status = In Progress by ann",
                "05-06 10:00 x.project_column = B by ann",
            ]
        },
        [],
    ),
    "github project items": (
        "github",
        {
            "items": [
                {
                    "id": "PVTI_1",
                    "content": {
                        "type": "Issue",
                        "number": 12,
                        "repository": "acme/shop",
                        "title": "Gift cards",
                        "url": "https://github.com/acme/shop/issues/12",
                        "body": "b",
                    },
                    "title": "Gift cards",
                    "status": "In Progress",
                    "assignees": ["bob", "cy"],
                    "labels": ["p1"],
                    "milestone": {"title": "v2", "dueOn": None},
                    "priority": "P1",
                    "estimate": 3,
                    "iteration": {"title": "It 4", "startDate": "2024-05-01", "duration": 14},
                    "target date": "2024-06-01",
                },
                {
                    "id": "PVTI_2",
                    "content": {"type": "DraftIssue", "title": "Idea", "body": ""},
                    "title": "Idea",
                    "status": "Todo",
                },
            ],
            "totalCount": 2,
        },
        {
            "shop#12": [
                "01-15 08:00 labels = ['p1'] by not known",
                "01-15 08:00 role.accountable = ['bob', 'cy'] by not known",
                "01-15 08:00 status = In Progress by not known",
                "01-15 08:00 target.ship = v2 by not known",
                "01-15 08:00 title = Gift cards by not known",
                "01-15 08:00 x.description = b by not known",
                "01-15 08:00 x.estimate = 3 by not known",
                "01-15 08:00 x.iteration = It 4 by not known",
                "01-15 08:00 x.priority = P1 by not known",
                "01-15 08:00 x.target_date = 2024-06-01 by not known",
                "01-15 08:00 x.type = Issue by not known",
            ],
            "Idea": [
                "01-15 08:00 status = Todo by not known",
                "01-15 08:00 title = Idea by not known",
                "01-15 08:00 x.type = DraftIssue by not known",
            ],
        },
        [],
    ),
    "github pr merged": (
        "github",
        [
            {
                "event": "merged",
                "id": 1,
                "actor": {"login": "ann", "id": 1, "type": "User"},
                "created_at": "2024-05-02T10:00:00Z",
                "issue": {
                    "number": 3,
                    "title": "PR",
                    "user": {"login": "ann", "id": 1, "type": "User"},
                    "created_at": "2024-05-01T10:00:00Z",
                    "pull_request": {"url": "u"},
                },
            },
            {
                "event": "closed",
                "id": 2,
                "actor": {"login": "ann", "id": 1, "type": "User"},
                "created_at": "2024-05-02T10:00:00Z",
                "issue": {
                    "number": 3,
                    "title": "PR",
                    "user": {"login": "ann", "id": 1, "type": "User"},
                    "created_at": "2024-05-01T10:00:00Z",
                    "pull_request": {"url": "u"},
                },
            },
        ],
        {
            "#3": [
                "05-01 10:00 status = open by ann",
                "05-01 10:00 title = PR by ann",
                "05-01 10:00 x.type = pull request by ann",
                "05-02 10:00 status = closed by ann",
            ]
        },
        ["1 x event `merged`"],
    ),
    "gitlab events notes": (
        "gitlab",
        {
            "id": 501,
            "iid": 5,
            "title": "Gift cards",
            "description": "x",
            "state": "closed",
            "created_at": "2024-05-01T10:00:00.000Z",
            "updated_at": "2024-05-20T10:00:00.000Z",
            "closed_at": "2024-05-09T10:00:00.000Z",
            "author": {"id": 1, "username": "ann", "name": "Ann"},
            "assignees": [{"id": 1, "username": "cy", "name": "Cy"}],
            "labels": ["p1"],
            "milestone": {"title": "v2"},
            "due_date": None,
            "weight": None,
            "resource_state_events": [
                {
                    "id": 1,
                    "user": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-09T10:00:00.000Z",
                    "state": "closed",
                }
            ],
            "resource_label_events": [
                {
                    "id": 2,
                    "user": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-02T10:00:00.000Z",
                    "label": {"id": 1, "name": "p1"},
                    "action": "add",
                },
                {
                    "id": 3,
                    "user": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-02T10:00:00.000Z",
                    "label": None,
                    "action": "add",
                },
            ],
            "resource_milestone_events": [
                {
                    "id": 4,
                    "user": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-03T10:00:00.000Z",
                    "milestone": {"title": "v2"},
                    "action": "add",
                }
            ],
            "resource_weight_events": [
                {
                    "id": 5,
                    "user": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-03T10:00:00.000Z",
                    "weight": 3,
                },
                {
                    "id": 6,
                    "user": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-04T10:00:00.000Z",
                    "weight": None,
                },
            ],
            "resource_iteration_events": [
                {
                    "id": 7,
                    "user": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-03T10:00:00.000Z",
                    "iteration": {"title": "It 1"},
                    "action": "add",
                }
            ],
            "notes": [
                {
                    "id": 4,
                    "body": "assigned to @bob",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-04T10:00:00.000Z",
                },
                {
                    "id": 5,
                    "body": "assigned to @cy and unassigned @bob",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-05T10:00:00.000Z",
                },
                {
                    "id": 6,
                    "body": "changed due date to May 31, 2024",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-06T10:00:00.000Z",
                },
                {
                    "id": 7,
                    "body": "removed due date May 31, 2024",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-07T10:00:00.000Z",
                },
                {
                    "id": 8,
                    "body": "set weight to **3**",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-08T10:00:00.000Z",
                },
                {
                    "id": 8,
                    "body": "hello",
                    "system": False,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-08T10:00:00.000Z",
                },
                {
                    "id": 8,
                    "body": "changed the description",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-08T10:00:00.000Z",
                },
                {
                    "id": 8,
                    "body": "marked this issue as confidential",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-08T10:00:00.000Z",
                },
            ],
        },
        {
            "#5": [
                "05-01 10:00 status = opened by Ann",
                "05-01 10:00 title = Gift cards by Ann",
                "05-02 10:00 labels = ['p1'] by Bob",
                "05-03 10:00 target.ship = v2 by Bob",
                "05-03 10:00 x.iteration = ['It 1'] by Bob",
                "05-03 10:00 x.weight = 3 by Bob",
                "05-04 10:00 role.accountable = ['Bob'] by Bob",
                "05-04 10:00 x.weight = None by Bob",
                "05-05 10:00 role.accountable = ['@cy'] by Bob",
                "05-05 10:00 role.accountable = ['Bob', '@cy'] by Bob",
                "05-06 10:00 x.due = May 31, 2024 by Bob",
                "05-07 10:00 x.due = None by Bob",
                "05-09 10:00 status = closed by Bob",
                "05-20 10:00 role.accountable = ['@cy'] by not known",
                "05-20 10:00 x.description = x by not known",
            ]
        },
        [
            "1 x change of labels that names no value",
            "1 x comment",
            "1 x note `changed the …`",
            "1 x note `marked this …`",
            "1 x note `set weight …`",
        ],
    ),
    "gitlab old notes only": (
        "gitlab",
        {
            "id": 501,
            "iid": 5,
            "title": "Gift cards",
            "state": "opened",
            "created_at": "2018-05-01T10:00:00.000Z",
            "updated_at": "2018-05-20T10:00:00.000Z",
            "closed_at": None,
            "author": {"id": 1, "username": "ann", "name": "Ann"},
            "assignee": {"id": 1, "username": "bob", "name": "Bob"},
            "assignees": [{"id": 1, "username": "bob", "name": "Bob"}],
            "labels": ["p1"],
            "milestone": {"title": "v3"},
            "notes": [
                {
                    "id": 2,
                    "body": "added ~12 label",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2018-05-02T10:00:00Z",
                },
                {
                    "id": 3,
                    "body": "changed milestone to %v2",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2018-05-03T10:00:00Z",
                },
                {
                    "id": 4,
                    "body": "closed",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2018-05-04T10:00:00Z",
                },
                {
                    "id": 5,
                    "body": "reopened",
                    "system": True,
                    "author": {"id": 1, "username": "ann", "name": "Ann"},
                    "created_at": "2018-05-05T10:00:00Z",
                },
                {
                    "id": 6,
                    "body": "changed milestone to %v3",
                    "system": True,
                    "author": {"id": 1, "username": "ann", "name": "Ann"},
                    "created_at": "2018-05-06T10:00:00Z",
                },
                {
                    "id": 7,
                    "body": "removed assignee",
                    "system": True,
                    "author": {"id": 1, "username": "ann", "name": "Ann"},
                    "created_at": "2018-05-07T10:00:00Z",
                },
                {
                    "id": 8,
                    "body": "assigned to @bob",
                    "system": True,
                    "author": {"id": 1, "username": "ann", "name": "Ann"},
                    "created_at": "2018-05-08T10:00:00Z",
                },
                {
                    "id": 9,
                    "body": 'added ~"needs review" and removed ~p1 labels',
                    "system": True,
                    "author": {"id": 1, "username": "ann", "name": "Ann"},
                    "created_at": "2018-05-09T10:00:00Z",
                },
                {
                    "id": 10,
                    "body": "removed milestone",
                    "system": True,
                    "author": {"id": 1, "username": "ann", "name": "Ann"},
                    "created_at": "2018-05-10T10:00:00Z",
                },
            ],
        },
        {
            "#5": [
                "05-01 10:00 status = opened by Ann",
                "05-01 10:00 title = Gift cards by Ann",
                "05-03 10:00 target.ship = v2 by Bob",
                "05-04 10:00 status = closed by Bob",
                "05-05 10:00 status = reopened by Ann",
                "05-06 10:00 target.ship = v3 by Ann",
                "05-07 10:00 role.accountable = None by Ann",
                "05-08 10:00 role.accountable = ['Bob'] by Ann",
                "05-09 10:00 labels = ['needs review'] by Ann",
                "05-09 10:00 labels = ['needs review'] by Ann",
                "05-10 10:00 target.ship = None by Ann",
                "05-20 10:00 labels = ['p1'] by not known",
                "05-20 10:00 role.accountable = ['Bob'] by not known",
                "05-20 10:00 target.ship = v3 by not known",
            ]
        },
        ["1 x change of labels that names no value"],
    ),
    "gitlab workitem dates": (
        "gitlab",
        {
            "id": 501,
            "iid": 5,
            "title": "Gift cards",
            "state": "opened",
            "created_at": "2024-05-01T10:00:00Z",
            "updated_at": "2024-05-20T10:00:00Z",
            "author": {"id": 1, "username": "ann", "name": "Ann"},
            "assignees": [],
            "labels": [],
            "notes": [
                {
                    "id": 2,
                    "body": "changed start date to May 1, 2024 and changed due date to May 31, 2024",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-02T10:00:00.000Z",
                },
                {
                    "id": 3,
                    "body": "changed title from **Gift {-cards-}** to **Gift {+vouchers+}**",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-03T10:00:00.000Z",
                },
                {
                    "id": 4,
                    "body": "changed type from issue to incident",
                    "system": True,
                    "author": {"id": 1, "username": "bob", "name": "Bob"},
                    "created_at": "2024-05-04T10:00:00.000Z",
                },
            ],
        },
        {
            "#5": [
                "05-01 10:00 status = opened by Ann",
                "05-01 10:00 title = Gift cards by Ann",
                "05-02 10:00 x.due = May 31, 2024 by Bob",
                "05-03 10:00 title = Gift vouchers by Bob",
            ]
        },
        ["1 x note `changed type …`"],
    ),
    "linear csv": (
        "linear",
        'ID,Team,Title,Description,Status,Estimate,Priority,Project ID,Project,Creator,Assignee,Labels,Cycle Number,Cycle Name,Cycle Start,Cycle End,Created,Updated,Started,Triaged,Completed,Canceled,Archived,Due Date,Parent issue,Initiatives,Project Milestone ID,Project Milestone,SLA Status,Roadmaps\n"ENG-12","Engineering","Gift cards","d","In Progress","3","High","","Shop","ann@example.org","bob@example.org","p1, p2","","","","","Wed May 01 2024 10:00:00 GMT+0000 (GMT)","Thu May 09 2024 10:00:00 GMT+0000 (GMT)","Thu May 02 2024 10:00:00 GMT+0000 (GMT)","","","","","Fri May 31 2024 00:00:00 GMT+0000 (GMT)","","","","v2","",""\n',
        {
            "ENG-12": [
                "05-01 10:00 title = Gift cards by ann@example.org",
                "05-02 10:00 status = In Progress by not known",
                "05-09 10:00 labels = ['p1', 'p2'] by not known",
                "05-09 10:00 role.accountable = ['bob@example.org'] by not known",
                "05-09 10:00 target.ship = v2 by not known",
                "05-09 10:00 x.description = d by not known",
                "05-09 10:00 x.due = Fri May 31 2024 00:00:00 GMT+0000 (GMT) by not known",
                "05-09 10:00 x.estimate = 3 by not known",
                "05-09 10:00 x.priority = High by not known",
                "05-09 10:00 x.project = Shop by not known",
                "05-09 10:00 x.team = Engineering by not known",
            ]
        },
        [],
    ),
    "linear graphql history": (
        "linear",
        {
            "data": {
                "issues": {
                    "nodes": [
                        {
                            "id": "uuid-1",
                            "identifier": "ENG-12",
                            "title": "Gift cards",
                            "createdAt": "2024-05-01T10:00:00.000Z",
                            "updatedAt": "2024-05-20T10:00:00.000Z",
                            "creator": {"name": "Ann Arbor", "displayName": "ann"},
                            "assignee": {"name": "Bob", "displayName": "bob"},
                            "state": {"name": "Done", "type": "completed"},
                            "priority": 2,
                            "priorityLabel": "High",
                            "labels": {"nodes": [{"name": "p1"}]},
                            "history": {
                                "nodes": [
                                    {
                                        "id": "h1",
                                        "createdAt": "2024-05-02T10:00:00.000Z",
                                        "actor": {"displayName": "ann"},
                                        "fromState": {"name": "Backlog"},
                                        "toState": {"name": "In Progress"},
                                        "fromAssignee": None,
                                        "toAssignee": None,
                                    },
                                    {
                                        "id": "h2",
                                        "createdAt": "2024-05-03T10:00:00.000Z",
                                        "actor": {"displayName": "ann"},
                                        "fromState": None,
                                        "toState": None,
                                        "fromAssignee": None,
                                        "toAssignee": {"displayName": "bob"},
                                        "addedLabels": [{"name": "p1"}],
                                        "removedLabels": None,
                                    },
                                    {
                                        "id": "h3",
                                        "createdAt": "2024-05-04T10:00:00.000Z",
                                        "actor": None,
                                        "botActor": {"name": "GitHub"},
                                        "fromState": {"name": "In Progress"},
                                        "toState": {"name": "Done"},
                                        "fromTitle": "Vouchers",
                                        "toTitle": "Gift cards",
                                        "fromDueDate": None,
                                        "toDueDate": "2024-06-01",
                                    },
                                ]
                            },
                        }
                    ]
                }
            }
        },
        {
            "ENG-12": [
                "05-01 10:00 status = Backlog by ann",
                "05-01 10:00 title = Vouchers by ann",
                "05-02 10:00 status = In Progress by ann",
                "05-03 10:00 labels = ['p1'] by ann",
                "05-03 10:00 role.accountable = ['bob'] by ann",
                "05-04 10:00 status = Done by service:github",
                "05-04 10:00 title = Gift cards by service:github",
                "05-04 10:00 x.due = 2024-06-01 by service:github",
                "05-20 10:00 x.priority = High by not known",
            ]
        },
        [],
    ),
    "redmine journals": (
        "redmine",
        {
            "issue": {
                "id": 7,
                "project": {"id": 1, "name": "Shop"},
                "tracker": {"id": 2, "name": "Feature"},
                "status": {"id": 5, "name": "Closed"},
                "priority": {"id": 4, "name": "Normal"},
                "author": {"id": 3, "name": "Ann Arbor"},
                "assigned_to": {"id": 4, "name": "Bob"},
                "fixed_version": {"id": 9, "name": "2.1"},
                "subject": "Gift cards",
                "description": "d",
                "start_date": "2024-05-01",
                "due_date": None,
                "done_ratio": 100,
                "custom_fields": [
                    {"id": 1, "name": "Area", "value": "UI"},
                    {"id": 2, "name": "Tags", "multiple": True, "value": ["a", "c"]},
                ],
                "created_on": "2024-05-01T10:00:00Z",
                "updated_on": "2024-05-20T10:00:00Z",
                "journals": [
                    {
                        "id": 1,
                        "user": {"id": 3, "name": "Ann Arbor"},
                        "notes": "start",
                        "created_on": "2024-05-02T10:00:00Z",
                        "details": [
                            {"property": "attr", "name": "status_id", "old_value": "1", "new_value": "2"},
                            {"property": "attr", "name": "assigned_to_id", "old_value": None, "new_value": "8"},
                            {"property": "attr", "name": "done_ratio", "old_value": "0", "new_value": "50"},
                        ],
                    },
                    {
                        "id": 2,
                        "user": {"id": 4, "name": "Bob"},
                        "notes": "",
                        "created_on": "2024-05-03T10:00:00Z",
                        "details": [
                            {"property": "attr", "name": "assigned_to_id", "old_value": "8", "new_value": "4"},
                            {"property": "cf", "name": "2", "old_value": None, "new_value": "a"},
                            {"property": "cf", "name": "2", "old_value": None, "new_value": "b"},
                        ],
                    },
                    {
                        "id": 3,
                        "user": {"id": 4, "name": "Bob"},
                        "created_on": "2024-05-04T10:00:00Z",
                        "notes": None,
                        "details": [
                            {"property": "cf", "name": "2", "old_value": "b", "new_value": None},
                            {"property": "cf", "name": "2", "old_value": None, "new_value": "c"},
                            {"property": "relation", "name": "relates", "old_value": None, "new_value": "12"},
                            {"property": "attachment", "name": "3", "old_value": None, "new_value": "x.png"},
                            {"property": "attr", "name": "status_id", "old_value": "2", "new_value": "5"},
                            {"property": "attr", "name": "due_date", "old_value": "2024-06-01", "new_value": None},
                        ],
                    },
                ],
            }
        },
        {
            "#7": [
                "05-01 10:00 status = New by Ann Arbor",
                "05-01 10:00 target.ship = 2.1 by Ann Arbor",
                "05-01 10:00 title = Gift cards by Ann Arbor",
                "05-01 10:00 x.description = d by Ann Arbor",
                "05-01 10:00 x.done_ratio = 0 by Ann Arbor",
                "05-01 10:00 x.due = 2024-06-01 by Ann Arbor",
                "05-01 10:00 x.priority = Normal by Ann Arbor",
                "05-01 10:00 x.type = Feature by Ann Arbor",
                "05-02 10:00 role.accountable = #8 (no name in the export) by Ann Arbor",
                "05-02 10:00 status = In Progress by Ann Arbor",
                "05-02 10:00 x.done_ratio = 50 by Ann Arbor",
                "05-03 10:00 role.accountable = ['Bob'] by Bob",
                "05-03 10:00 x.tags = ['a', 'b'] by Bob",
                "05-03 10:00 x.tags = ['a'] by Bob",
                "05-04 10:00 status = Closed by Bob",
                "05-04 10:00 x.attachment = ['x.png'] by Bob",
                "05-04 10:00 x.due = None by Bob",
                "05-04 10:00 x.relation = ['12'] by Bob",
                "05-04 10:00 x.tags = ['a', 'c'] by Bob",
                "05-04 10:00 x.tags = ['a'] by Bob",
                "05-20 10:00 x.area = UI by not known",
            ]
        },
        [],
    ),
    "openproject activities": (
        "openproject",
        {
            "_type": "WorkPackage",
            "id": 7,
            "subject": "Gift cards",
            "description": {"raw": "d"},
            "createdAt": "2024-05-01T10:00:00Z",
            "updatedAt": "2024-05-20T10:00:00Z",
            "dueDate": "2024-06-10",
            "_links": {
                "author": {"title": "Ann"},
                "status": {"title": "Closed"},
                "assignee": {"title": "Cy"},
                "version": {"title": "2.1"},
                "type": {"title": "Feature"},
            },
            "activities": {
                "_type": "Collection",
                "_embedded": {
                    "elements": [
                        {
                            "_type": "Activity",
                            "id": 1,
                            "comment": {"format": "markdown", "raw": ""},
                            "details": [
                                {"format": "custom", "raw": "Type set to Feature", "html": ""},
                                {"format": "custom", "raw": "Subject set to Vouchers", "html": ""},
                                {"format": "custom", "raw": "Status set to New", "html": ""},
                            ],
                            "version": 1,
                            "createdAt": "2024-05-01T10:00:00Z",
                            "_links": {
                                "workPackage": {"href": "/api/v3/work_packages/7", "title": "Gift cards"},
                                "user": {"href": "/api/v3/users/3", "title": "Ann"},
                            },
                        },
                        {
                            "_type": "Activity",
                            "id": 2,
                            "comment": {"format": "markdown", "raw": ""},
                            "details": [
                                {"format": "custom", "raw": "Status changed from New to In progress", "html": ""},
                                {"format": "custom", "raw": "Assignee set to Bob", "html": ""},
                            ],
                            "version": 2,
                            "createdAt": "2024-05-02T10:00:00Z",
                            "_links": {
                                "workPackage": {"href": "/api/v3/work_packages/7", "title": "Gift cards"},
                                "user": {"href": "/api/v3/users/3", "title": "Bob"},
                            },
                        },
                        {
                            "_type": "Activity",
                            "id": 3,
                            "comment": {"format": "markdown", "raw": ""},
                            "details": [
                                {"format": "custom", "raw": "Assignee changed from Bob to Cy", "html": ""},
                                {"format": "custom", "raw": "Finish date set to 06/01/2024", "html": ""},
                                {"format": "custom", "raw": "Version set to 2.1", "html": ""},
                            ],
                            "version": 3,
                            "createdAt": "2024-05-03T10:00:00Z",
                            "_links": {
                                "workPackage": {"href": "/api/v3/work_packages/7", "title": "Gift cards"},
                                "user": {"href": "/api/v3/users/3", "title": "Bob"},
                            },
                        },
                        {
                            "_type": "Activity",
                            "id": 4,
                            "comment": {"format": "markdown", "raw": ""},
                            "details": [
                                {
                                    "format": "custom",
                                    "raw": "Finish date changed from 06/01/2024 to 06/10/2024",
                                    "html": "",
                                },
                                {"format": "custom", "raw": "Progress (%) changed from 0 to 50", "html": ""},
                            ],
                            "version": 4,
                            "createdAt": "2024-05-04T10:00:00Z",
                            "_links": {
                                "workPackage": {"href": "/api/v3/work_packages/7", "title": "Gift cards"},
                                "user": {"href": "/api/v3/users/3", "title": "Bob"},
                            },
                        },
                        {
                            "_type": "Activity",
                            "id": 5,
                            "comment": {"format": "markdown", "raw": ""},
                            "details": [
                                {"format": "custom", "raw": "Subject changed from Vouchers to Gift cards", "html": ""}
                            ],
                            "version": 5,
                            "createdAt": "2024-05-05T10:00:00Z",
                            "_links": {
                                "workPackage": {"href": "/api/v3/work_packages/7", "title": "Gift cards"},
                                "user": {"href": "/api/v3/users/3", "title": "Bob"},
                            },
                        },
                        {
                            "_type": "Activity",
                            "id": 6,
                            "comment": {"format": "markdown", "raw": ""},
                            "details": [
                                {"format": "custom", "raw": "Status changed from In progress to Closed", "html": ""},
                                {"format": "custom", "raw": "Parent deleted (Epic 1)", "html": ""},
                            ],
                            "version": 6,
                            "createdAt": "2024-05-06T10:00:00Z",
                            "_links": {
                                "workPackage": {"href": "/api/v3/work_packages/7", "title": "Gift cards"},
                                "user": {"href": "/api/v3/users/3", "title": "Bob"},
                            },
                        },
                        {
                            "_type": "Activity",
                            "id": 7,
                            "comment": {"format": "markdown", "raw": "well done"},
                            "details": [],
                            "version": 7,
                            "createdAt": "2024-05-07T10:00:00Z",
                            "_links": {
                                "workPackage": {"href": "/api/v3/work_packages/7", "title": "Gift cards"},
                                "user": {"href": "/api/v3/users/3", "title": "Ann"},
                            },
                        },
                        {
                            "_type": "Activity",
                            "id": 8,
                            "comment": {"format": "markdown", "raw": ""},
                            "details": [{"format": "custom", "raw": "Work deleted (5h)", "html": ""}],
                            "version": 8,
                            "createdAt": "2024-05-08T10:00:00Z",
                            "_links": {
                                "workPackage": {"href": "/api/v3/work_packages/7", "title": "Gift cards"},
                                "user": {"href": "/api/v3/users/3", "title": "Bob"},
                            },
                        },
                    ]
                },
            },
        },
        {
            "#7": [
                "05-01 10:00 status = New by Ann",
                "05-01 10:00 title = None by Ann",
                "05-01 10:00 title = Vouchers by Ann",
                "05-01 10:00 x.parent = Epic 1 by Ann",
                "05-01 10:00 x.progress = 0 by Ann",
                "05-01 10:00 x.type = Feature by Ann",
                "05-01 10:00 x.work = 5h by Ann",
                "05-02 10:00 role.accountable = ['Bob'] by Bob",
                "05-02 10:00 status = In progress by Bob",
                "05-03 10:00 role.accountable = ['Cy'] by Bob",
                "05-03 10:00 target.ship = 2.1 by Bob",
                "05-03 10:00 x.due = 06/01/2024 by Bob",
                "05-04 10:00 x.due = 06/10/2024 by Bob",
                "05-04 10:00 x.progress = 50 by Bob",
                "05-05 10:00 title = Gift cards by Bob",
                "05-06 10:00 status = Closed by Bob",
                "05-06 10:00 x.parent = None by Bob",
                "05-08 10:00 x.work = None by Bob",
                "05-20 10:00 x.description = d by not known",
                "05-20 10:00 x.due = 2024-06-10 by not known",
            ]
        },
        ["1 x comment"],
    ),
    "trello actions": (
        "trello",
        [
            {
                "id": "a9",
                "type": "updateCard",
                "date": "2024-05-09T10:00:00.000Z",
                "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                "data": {
                    "board": {"id": "b"},
                    "card": {
                        "id": "6631f0a00000000000000001",
                        "idShort": 4,
                        "shortLink": "abc",
                        "name": "Gift cards",
                        "closed": False,
                    },
                    "old": {"closed": True},
                },
            },
            {
                "id": "a8",
                "type": "updateCard",
                "date": "2024-05-08T10:00:00.000Z",
                "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                "data": {
                    "board": {"id": "b"},
                    "card": {
                        "id": "6631f0a00000000000000001",
                        "idShort": 4,
                        "shortLink": "abc",
                        "name": "Gift cards",
                        "closed": True,
                    },
                    "old": {"closed": False},
                },
            },
            {
                "id": "a7",
                "type": "updateCard",
                "date": "2024-05-07T10:00:00.000Z",
                "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                "data": {
                    "board": {"id": "b"},
                    "card": {
                        "id": "6631f0a00000000000000001",
                        "idShort": 4,
                        "shortLink": "abc",
                        "name": "Gift cards",
                        "due": None,
                    },
                    "old": {"due": "2024-06-01T10:00:00.000Z"},
                },
            },
            {
                "id": "a6",
                "type": "updateCard",
                "date": "2024-05-06T10:00:00.000Z",
                "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                "data": {
                    "board": {"id": "b"},
                    "card": {"id": "6631f0a00000000000000001", "idShort": 4, "shortLink": "abc", "name": "Gift cards"},
                    "old": {"idList": "l1"},
                    "listBefore": {"name": "Doing"},
                    "listAfter": {"name": "Done"},
                },
            },
            {
                "id": "a5",
                "type": "removeMemberFromCard",
                "date": "2024-05-05T10:00:00.000Z",
                "memberCreator": {"id": "bob", "fullName": "Bob", "username": "bob"},
                "data": {
                    "board": {"id": "b"},
                    "card": {"id": "6631f0a00000000000000001", "name": "Gift cards", "idShort": 4, "shortLink": "abc"},
                    "member": {"id": "bob", "name": "Bob"},
                    "idMember": "bob",
                },
            },
            {
                "id": "a5",
                "type": "updateCard",
                "date": "2024-05-05T10:00:00.000Z",
                "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                "data": {
                    "board": {"id": "b"},
                    "card": {"id": "6631f0a00000000000000001", "idShort": 4, "shortLink": "abc", "name": "Gift cards"},
                    "old": {"name": "Vouchers"},
                },
            },
            {
                "id": "a4",
                "type": "addMemberToCard",
                "date": "2024-05-04T10:00:00.000Z",
                "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                "data": {
                    "board": {"id": "b"},
                    "card": {"id": "6631f0a00000000000000001", "name": "Gift cards", "idShort": 4, "shortLink": "abc"},
                    "member": {"id": "bob", "name": "Bob"},
                    "idMember": "bob",
                },
            },
            {
                "id": "a3",
                "type": "updateCard",
                "date": "2024-05-03T10:00:00.000Z",
                "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                "data": {
                    "board": {"id": "b"},
                    "card": {
                        "id": "6631f0a00000000000000001",
                        "idShort": 4,
                        "shortLink": "abc",
                        "name": "Vouchers",
                        "due": "2024-06-01T10:00:00.000Z",
                    },
                    "old": {"due": None},
                },
            },
            {
                "id": "a2",
                "type": "updateCard",
                "date": "2024-05-02T10:00:00.000Z",
                "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                "data": {
                    "board": {"id": "b"},
                    "card": {
                        "id": "6631f0a00000000000000001",
                        "idShort": 4,
                        "shortLink": "abc",
                        "name": "Vouchers",
                        "dueComplete": True,
                    },
                    "old": {"dueComplete": False},
                },
            },
            {
                "id": "a2",
                "type": "addLabelToCard",
                "date": "2024-05-02T10:00:00.000Z",
                "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                "data": {
                    "board": {"id": "b"},
                    "card": {"id": "6631f0a00000000000000001", "name": "Gift cards", "idShort": 4, "shortLink": "abc"},
                    "label": {"id": "x", "name": "", "color": "red"},
                },
            },
            {
                "id": "a2",
                "type": "commentCard",
                "date": "2024-05-02T10:00:00.000Z",
                "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                "data": {
                    "board": {"id": "b"},
                    "card": {"id": "6631f0a00000000000000001", "name": "Gift cards", "idShort": 4, "shortLink": "abc"},
                    "text": "x",
                },
            },
            {
                "id": "a1",
                "type": "createCard",
                "date": "2024-05-01T10:00:00.000Z",
                "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                "data": {
                    "board": {"id": "b"},
                    "card": {"id": "6631f0a00000000000000001", "idShort": 4, "shortLink": "abc", "name": "Vouchers"},
                    "list": {"id": "l1", "name": "Doing"},
                },
            },
        ],
        {
            "#4": [
                "05-01 10:00 exists = True by Ann",
                "05-01 10:00 status = Doing by Ann",
                "05-01 10:00 title = Vouchers by Ann",
                "05-02 10:00 labels = ['red'] by Ann",
                "05-03 10:00 x.due = 2024-06-01 by Ann",
                "05-04 10:00 role.accountable = ['Bob'] by Ann",
                "05-05 10:00 role.accountable = [] by Bob",
                "05-05 10:00 title = Gift cards by Ann",
                "05-06 10:00 status = Done by Ann",
                "05-07 10:00 x.due = None by Ann",
                "05-08 10:00 exists = False by Ann",
                "05-09 10:00 exists = True by Ann",
            ]
        },
        ["1 x action `commentCard`", "1 x change of `dueComplete` of a card"],
    ),
    "trello card actions": (
        "trello",
        {
            "id": "6631f0a00000000000000001",
            "idShort": 4,
            "name": "Gift cards",
            "desc": "",
            "due": None,
            "closed": False,
            "dateLastActivity": "2024-05-20T10:00:00.000Z",
            "actions": [
                {
                    "id": "a6",
                    "type": "updateCard",
                    "date": "2024-05-06T10:00:00.000Z",
                    "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                    "data": {
                        "board": {"id": "b"},
                        "card": {
                            "id": "6631f0a00000000000000001",
                            "idShort": 4,
                            "shortLink": "abc",
                            "name": "Gift cards",
                        },
                        "old": {"idList": "l1"},
                        "listBefore": {"name": "Doing"},
                        "listAfter": {"name": "Done"},
                    },
                },
                {
                    "id": "a1",
                    "type": "createCard",
                    "date": "2024-05-01T10:00:00.000Z",
                    "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                    "data": {
                        "board": {"id": "b"},
                        "card": {
                            "id": "6631f0a00000000000000001",
                            "idShort": 4,
                            "shortLink": "abc",
                            "name": "Gift cards",
                        },
                        "list": {"name": "Doing"},
                    },
                },
            ],
        },
        {
            "#4": [
                "05-01 10:00 status = Doing by Ann",
                "05-01 10:00 title = Gift cards by Ann",
                "05-06 10:00 status = Done by Ann",
            ]
        },
        [],
    ),
    "azure updates": (
        "azure-devops",
        {
            "count": 5,
            "value": [
                {
                    "id": 1,
                    "workItemId": 7,
                    "rev": 1,
                    "revisedBy": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"},
                    "revisedDate": "2024-05-02T10:00:00Z",
                    "fields": {
                        "System.Rev": {"oldValue": 0, "newValue": 1},
                        "System.ChangedDate": {"newValue": "2024-05-01T10:00:00Z"},
                        "System.ChangedBy": {
                            "newValue": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"}
                        },
                        "System.Title": {"newValue": "Vouchers"},
                        "System.State": {"newValue": "New"},
                        "System.WorkItemType": {"newValue": "User Story"},
                        "System.IterationPath": {"newValue": "Shop"},
                    },
                },
                {
                    "id": 2,
                    "workItemId": 7,
                    "rev": 2,
                    "revisedBy": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"},
                    "revisedDate": "2024-05-03T10:00:00Z",
                    "fields": {
                        "System.Rev": {"oldValue": 1, "newValue": 2},
                        "System.ChangedDate": {"newValue": "2024-05-02T10:00:00Z"},
                        "System.ChangedBy": {
                            "newValue": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"}
                        },
                        "System.State": {"oldValue": "New", "newValue": "Active"},
                        "System.AssignedTo": {
                            "newValue": {"displayName": "Bob", "uniqueName": "bob@example.org", "id": "g"}
                        },
                        "System.Reason": {"oldValue": "New", "newValue": "Implementation started"},
                    },
                },
                {
                    "id": 3,
                    "workItemId": 7,
                    "rev": 3,
                    "revisedBy": {"displayName": "Bob", "uniqueName": "bob@example.org", "id": "g"},
                    "revisedDate": "2024-05-04T10:00:00Z",
                    "fields": {
                        "System.Rev": {"oldValue": 2, "newValue": 3},
                        "System.ChangedDate": {"newValue": "2024-05-03T10:00:00Z"},
                        "System.ChangedBy": {
                            "newValue": {"displayName": "Bob", "uniqueName": "bob@example.org", "id": "g"}
                        },
                        "System.Title": {"oldValue": "Vouchers", "newValue": "Gift cards"},
                        "System.Tags": {"newValue": "p1; ui"},
                        "Microsoft.VSTS.Scheduling.StoryPoints": {"newValue": 3.0},
                    },
                },
                {
                    "id": 4,
                    "workItemId": 7,
                    "rev": 4,
                    "revisedBy": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"},
                    "revisedDate": "2024-05-05T10:00:00Z",
                    "fields": {
                        "System.Rev": {"oldValue": 3, "newValue": 4},
                        "System.ChangedDate": {"newValue": "2024-05-04T10:00:00Z"},
                        "System.ChangedBy": {
                            "newValue": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"}
                        },
                        "System.AssignedTo": {
                            "oldValue": {"displayName": "Bob", "uniqueName": "bob@example.org", "id": "g"}
                        },
                        "System.IterationPath": {"oldValue": "Shop", "newValue": "Shop\\Sprint 2"},
                        "Custom.Area": {"newValue": "x"},
                    },
                },
                {
                    "id": 5,
                    "workItemId": 7,
                    "rev": 5,
                    "revisedBy": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"},
                    "revisedDate": "2024-05-06T10:00:00Z",
                    "fields": {
                        "System.Rev": {"oldValue": 4, "newValue": 5},
                        "System.ChangedDate": {"newValue": "2024-05-05T10:00:00Z"},
                        "System.ChangedBy": {
                            "newValue": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"}
                        },
                        "System.State": {"oldValue": "Active", "newValue": "Closed"},
                        "System.History": {"newValue": "done"},
                        "Microsoft.VSTS.Common.ClosedDate": {"newValue": "2024-05-05T10:00:00Z"},
                    },
                    "relations": {"added": [{"rel": "x"}]},
                },
            ],
        },
        {
            "#7": [
                "05-01 10:00 status = New by Ann",
                "05-01 10:00 target.ship = Shop by Ann",
                "05-01 10:00 title = Vouchers by Ann",
                "05-01 10:00 x.reason = New by Ann",
                "05-01 10:00 x.type = User Story by Ann",
                "05-02 10:00 role.accountable = ['Bob'] by Ann",
                "05-02 10:00 status = Active by Ann",
                "05-02 10:00 x.reason = Implementation started by Ann",
                "05-03 10:00 labels = ['p1', 'ui'] by Bob",
                "05-03 10:00 title = Gift cards by Bob",
                "05-03 10:00 x.microsoft.vsts.scheduling.storypoints = 3 by Bob",
                "05-04 10:00 role.accountable = None by Ann",
                "05-04 10:00 target.ship = Shop\\Sprint 2 by Ann",
                "05-04 10:00 x.custom.area = x by Ann",
                "05-05 10:00 status = Closed by Ann",
            ]
        },
        ["1 x change of the links of a work item"],
    ),
    "azure no changeddate": (
        "azure-devops",
        {
            "count": 2,
            "value": [
                {
                    "id": 1,
                    "workItemId": 7,
                    "rev": 1,
                    "revisedBy": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"},
                    "revisedDate": "2024-05-02T10:00:00Z",
                    "fields": {
                        "System.Rev": {"oldValue": 0, "newValue": 1},
                        "System.ChangedDate": {"newValue": "2024-05-01T10:00:00Z"},
                        "System.ChangedBy": {
                            "newValue": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"}
                        },
                        "System.Title": {"newValue": "A"},
                        "System.State": {"newValue": "New"},
                    },
                },
                {
                    "id": 2,
                    "workItemId": 7,
                    "rev": 2,
                    "revisedBy": {"displayName": "Bob", "uniqueName": "bob@example.org", "id": "g"},
                    "revisedDate": "9999-01-01T00:00:00Z",
                    "fields": {"System.State": {"oldValue": "New", "newValue": "Active"}},
                },
            ],
        },
        {"#7": ["05-01 10:00 status = New by Ann", "05-01 10:00 title = A by Ann"]},
        ["an update without `System.ChangedDate`, so its time is unknown"],
    ),
    "jira csv semicolon de time": (
        "jira",
        "Vorgangsschlüssel;Vorgangs-ID;Zusammenfassung;Status;Erstellt;Aktualisiert;Zugewiesene Person\nSHOP-1;1;A;Fertig;01.05.2024 10:00;13.05.2024 11:00;Bob\n",
        {
            "SHOP-1": [
                "05-01 10:00 title = A by not known",
                "05-13 11:00 role.accountable = ['Bob'] by not known",
                "05-13 11:00 status = Fertig by not known",
            ]
        },
        [],
    ),
    "jira history pages": (
        "jira",
        [
            {
                "issues": [
                    {
                        "id": "10001",
                        "key": "SHOP-1",
                        "self": "https://x/rest",
                        "fields": {
                            "summary": "Gift cards",
                            "created": "2024-05-01T10:00:00.000+0000",
                            "updated": "2024-05-20T10:00:00.000+0000",
                            "creator": {
                                "accountId": "557058:aa",
                                "displayName": "Ann Arbor",
                                "active": True,
                                "accountType": "atlassian",
                            },
                            "status": {"name": "In Progress"},
                            "assignee": None,
                            "fixVersions": [],
                            "labels": [],
                            "components": [],
                            "versions": [],
                        },
                        "changelog": {
                            "startAt": 0,
                            "maxResults": 1,
                            "total": 1,
                            "histories": [
                                {
                                    "id": "102",
                                    "author": {
                                        "accountId": "557058:aa",
                                        "displayName": "Bob",
                                        "active": True,
                                        "accountType": "atlassian",
                                    },
                                    "created": "2024-05-02T10:00:00.000+0000",
                                    "items": [
                                        {
                                            "field": "status",
                                            "fieldtype": "jira",
                                            "from": "1",
                                            "fromString": "To Do",
                                            "to": "2",
                                            "toString": "In Progress",
                                        }
                                    ],
                                }
                            ],
                        },
                    }
                ],
                "nextPageToken": "x",
                "isLast": False,
            },
            {
                "issues": [
                    {
                        "id": "10002",
                        "key": "SHOP-2",
                        "self": "https://x/rest",
                        "fields": {
                            "summary": "Other",
                            "created": "2024-05-01T10:00:00.000+0000",
                            "updated": "2024-05-20T10:00:00.000+0000",
                            "creator": {
                                "accountId": "557058:aa",
                                "displayName": "Ann Arbor",
                                "active": True,
                                "accountType": "atlassian",
                            },
                            "status": {"name": "Done"},
                            "assignee": None,
                            "fixVersions": [],
                            "labels": [],
                            "components": [],
                            "versions": [],
                        },
                        "changelog": {
                            "startAt": 0,
                            "maxResults": 1,
                            "total": 1,
                            "histories": [
                                {
                                    "id": "103",
                                    "author": {
                                        "accountId": "557058:aa",
                                        "displayName": "Bob",
                                        "active": True,
                                        "accountType": "atlassian",
                                    },
                                    "created": "2024-05-03T10:00:00.000+0000",
                                    "items": [
                                        {
                                            "field": "status",
                                            "fieldtype": "jira",
                                            "from": "1",
                                            "fromString": "To Do",
                                            "to": "2",
                                            "toString": "Done",
                                        }
                                    ],
                                }
                            ],
                        },
                    }
                ],
                "isLast": True,
            },
        ],
        {
            "SHOP-1": [
                "05-01 10:00 status = To Do by Ann Arbor",
                "05-01 10:00 title = Gift cards by Ann Arbor",
                "05-02 10:00 status = In Progress by Bob",
            ],
            "SHOP-2": [
                "05-01 10:00 status = To Do by Ann Arbor",
                "05-01 10:00 title = Other by Ann Arbor",
                "05-03 10:00 status = Done by Bob",
            ],
        },
        [],
    ),
    "jira multi user field": (
        "jira",
        {
            "id": "10001",
            "key": "SHOP-1",
            "self": "https://x/rest",
            "fields": {
                "summary": "Gift cards",
                "created": "2024-05-01T10:00:00.000+0000",
                "updated": "2024-05-20T10:00:00.000+0000",
                "creator": {
                    "accountId": "557058:aa",
                    "displayName": "Ann Arbor",
                    "active": True,
                    "accountType": "atlassian",
                },
                "status": {"name": "To Do", "id": "10000"},
                "assignee": None,
                "fixVersions": [],
                "labels": ["b"],
                "components": [],
                "versions": [],
            },
            "changelog": {
                "startAt": 0,
                "maxResults": 7,
                "total": 7,
                "histories": [
                    {
                        "id": "102",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-02T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Approvers",
                                "fieldtype": "custom",
                                "from": None,
                                "fromString": None,
                                "to": "[557058:aa, 557058:bb]",
                                "toString": "[Ann, Bob]",
                            }
                        ],
                    },
                    {
                        "id": "103",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-03T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "labels",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": "",
                                "to": None,
                                "toString": "a b",
                            }
                        ],
                    },
                    {
                        "id": "104",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-04T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "labels",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": "a b",
                                "to": None,
                                "toString": "b",
                            }
                        ],
                    },
                    {
                        "id": "105",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-05T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "duedate",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": None,
                                "to": "2024-06-01",
                                "toString": "2024-06-01 00:00:00.0",
                            }
                        ],
                    },
                    {
                        "id": "106",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-06T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "duedate",
                                "fieldtype": "jira",
                                "from": "2024-06-01",
                                "fromString": "2024-06-01 00:00:00.0",
                                "to": None,
                                "toString": None,
                            }
                        ],
                    },
                    {
                        "id": "107",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-07T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Parent",
                                "fieldtype": "jira",
                                "from": "10",
                                "fromString": "SHOP-9",
                                "to": "11",
                                "toString": "SHOP-10",
                            }
                        ],
                    },
                    {
                        "id": "108",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-08T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Link",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": None,
                                "to": "SHOP-3",
                                "toString": "This issue blocks SHOP-3",
                            }
                        ],
                    },
                ],
            },
        },
        {
            "SHOP-1": [
                "05-01 10:00 status = To Do by Ann Arbor",
                "05-01 10:00 title = Gift cards by Ann Arbor",
                "05-01 10:00 x.parent = SHOP-9 by Ann Arbor",
                "05-02 10:00 x.approvers = [Ann, Bob] by Bob",
                "05-03 10:00 labels = ['a', 'b'] by Bob",
                "05-04 10:00 labels = ['b'] by Bob",
                "05-05 10:00 x.due = 2024-06-01 by Bob",
                "05-06 10:00 x.due = None by Bob",
                "05-07 10:00 x.parent = SHOP-10 by Bob",
                "05-08 10:00 x.link = ['This issue blocks SHOP-3'] by Bob",
            ]
        },
        [],
    ),
    "github events repo list": (
        "github",
        [
            [
                {
                    "event": "labeled",
                    "id": 1,
                    "actor": {"login": "ann", "id": 1, "type": "User"},
                    "label": {"name": "x"},
                    "created_at": "2024-05-02T10:00:00Z",
                    "issue": {
                        "number": 3,
                        "title": "B",
                        "user": {"login": "ann", "id": 1, "type": "User"},
                        "created_at": "2024-05-01T10:00:00Z",
                    },
                }
            ],
            [
                {
                    "event": "transferred",
                    "id": 2,
                    "actor": {"login": "ann", "id": 1, "type": "User"},
                    "created_at": "2024-05-03T10:00:00Z",
                    "issue": {
                        "number": 3,
                        "title": "B",
                        "user": {"login": "ann", "id": 1, "type": "User"},
                        "created_at": "2024-05-01T10:00:00Z",
                    },
                }
            ],
        ],
        {
            "#3": [
                "05-01 10:00 status = open by ann",
                "05-01 10:00 title = B by ann",
                "05-02 10:00 labels = ['x'] by ann",
            ]
        },
        ["1 x event `transferred`"],
    ),
    "redmine csv": (
        "redmine",
        "#,Project,Tracker,Status,Subject,Author,Assignee,Updated,Target version,Due date,Created\n7,Shop,Feature,Closed,Gift cards,Ann Arbor,Bob,05/20/2024 10:00 AM,2.1,06/01/2024,05/01/2024 10:00 AM\n",
        {
            "#7": [
                "05-01 10:00 title = Gift cards by Ann Arbor",
                "05-01 10:00 x.type = Feature by Ann Arbor",
                "05-20 10:00 role.accountable = ['Bob'] by not known",
                "05-20 10:00 status = Closed by not known",
                "05-20 10:00 target.ship = 2.1 by not known",
                "05-20 10:00 x.due = 06/01/2024 by not known",
                "05-20 10:00 x.project = Shop by not known",
            ]
        },
        [],
    ),
    "jira project list paginated separate changelog": (
        "jira",
        {
            "id": "10001",
            "key": "SHOP-1",
            "fields": {
                "summary": "A",
                "created": "2024-05-01T10:00:00.000+0000",
                "creator": {"accountId": "557058:aa", "displayName": "Ann", "active": True, "accountType": "atlassian"},
                "status": {"name": "Done"},
                "updated": "2024-05-09T10:00:00.000+0000",
            },
            "changelog": {
                "startAt": 0,
                "maxResults": 1,
                "total": 3,
                "histories": [
                    {
                        "id": "102",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-02T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "status",
                                "fieldtype": "jira",
                                "from": "1",
                                "fromString": "To Do",
                                "to": "2",
                                "toString": "Done",
                            }
                        ],
                    }
                ],
            },
        },
        {
            "SHOP-1": [
                "05-01 10:00 status = To Do by Ann",
                "05-01 10:00 title = A by Ann",
                "05-02 10:00 status = Done by Bob",
            ]
        },
        ["2 x change that is missing from this page of the changelog; export the issue alone"],
    ),
    "jira status with same names changes": (
        "jira",
        {
            "id": "10001",
            "key": "SHOP-1",
            "self": "https://x/rest",
            "fields": {
                "summary": "Gift cards",
                "created": "2024-05-01T10:00:00.000+0000",
                "updated": "2024-05-20T10:00:00.000+0000",
                "creator": {
                    "accountId": "557058:aa",
                    "displayName": "Ann Arbor",
                    "active": True,
                    "accountType": "atlassian",
                },
                "status": {"name": "Done"},
                "assignee": None,
                "fixVersions": [],
                "labels": [],
                "components": [],
                "versions": [],
                "priority": {"name": "High"},
            },
            "changelog": {
                "startAt": 0,
                "maxResults": 2,
                "total": 2,
                "histories": [
                    {
                        "id": "102",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-02T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "status",
                                "fieldtype": "jira",
                                "from": "1",
                                "fromString": "To Do",
                                "to": "2",
                                "toString": "In Progress",
                            },
                            {
                                "field": "assignee",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": None,
                                "to": "557058:aa",
                                "toString": "Ann Arbor",
                            },
                            {
                                "field": "priority",
                                "fieldtype": "jira",
                                "from": "3",
                                "fromString": "Medium",
                                "to": "2",
                                "toString": "High",
                            },
                        ],
                    },
                    {
                        "id": "999",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "Bob",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-02T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "status",
                                "fieldtype": "jira",
                                "from": "2",
                                "fromString": "In Progress",
                                "to": "3",
                                "toString": "Done",
                            }
                        ],
                    },
                ],
            },
        },
        {
            "SHOP-1": [
                "05-01 10:00 status = To Do by Ann Arbor",
                "05-01 10:00 title = Gift cards by Ann Arbor",
                "05-01 10:00 x.priority = Medium by Ann Arbor",
                "05-02 10:00 role.accountable = ['Ann Arbor'] by Bob",
                "05-02 10:00 status = Done by Bob",
                "05-02 10:00 status = In Progress by Bob",
                "05-02 10:00 x.priority = High by Bob",
            ]
        },
        [],
    ),
    "jira key moved twice": (
        "jira",
        {
            "id": "10001",
            "key": "C-3",
            "self": "https://x/rest",
            "fields": {
                "summary": "Gift cards",
                "created": "2024-05-01T10:00:00.000+0000",
                "updated": "2024-05-20T10:00:00.000+0000",
                "creator": {
                    "accountId": "557058:aa",
                    "displayName": "Ann Arbor",
                    "active": True,
                    "accountType": "atlassian",
                },
                "status": {"name": "To Do", "id": "10000"},
                "assignee": None,
                "fixVersions": [],
                "labels": [],
                "components": [],
                "versions": [],
            },
            "changelog": {
                "startAt": 0,
                "maxResults": 4,
                "total": 4,
                "histories": [
                    {
                        "id": "102",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "B",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-02T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Key",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": "A-1",
                                "to": None,
                                "toString": "B-2",
                            }
                        ],
                    },
                    {
                        "id": "103",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "B",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-03T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "status",
                                "fieldtype": "jira",
                                "from": "1",
                                "fromString": "To Do",
                                "to": "2",
                                "toString": "Done",
                            }
                        ],
                    },
                    {
                        "id": "104",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "B",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-04T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "Key",
                                "fieldtype": "jira",
                                "from": None,
                                "fromString": "B-2",
                                "to": None,
                                "toString": "C-3",
                            }
                        ],
                    },
                    {
                        "id": "105",
                        "author": {
                            "accountId": "557058:aa",
                            "displayName": "B",
                            "active": True,
                            "accountType": "atlassian",
                        },
                        "created": "2024-05-05T10:00:00.000+0000",
                        "items": [
                            {
                                "field": "status",
                                "fieldtype": "jira",
                                "from": "2",
                                "fromString": "Done",
                                "to": "1",
                                "toString": "To Do",
                            }
                        ],
                    },
                ],
            },
        },
        {
            "C-3": [
                "05-01 10:00 aliases = ['A-1'] by Ann Arbor",
                "05-01 10:00 status = To Do by Ann Arbor",
                "05-01 10:00 title = Gift cards by Ann Arbor",
                "05-02 10:00 aliases = ['B-2'] by B",
                "05-03 10:00 status = Done by B",
                "05-04 10:00 aliases = ['C-3'] by B",
                "05-05 10:00 status = To Do by B",
            ]
        },
        [],
    ),
    "jira csv multiline": (
        "jira",
        'Issue key,Issue id,Summary,Description,Status,Created,Updated,Labels,Labels,Due date\r\nSHOP-1,1,"A, with ""quotes""","line 1\r\nline 2;x",In Review,01/May/24 10:00,02/Jun/24 23:59,a,b,30/Jun/24 00:00\r\n',
        {
            "SHOP-1": [
                '05-01 10:00 title = A, with "quotes" by not known',
                "06-02 23:59 labels = ['a', 'b'] by not known",
                "06-02 23:59 status = In Review by not known",
                "06-02 23:59 x.description = line 1\r\nline 2;x by not known",
                "06-02 23:59 x.due = 30/Jun/24 00:00 by not known",
            ]
        },
        [],
    ),
    "jira csv tabs utf16": (
        "jira",
        "Issue key\tIssue id\tSummary\tStatus\tCreated\tUpdated\nSHOP-1\t1\tÄ\tDone\t2024-05-01 10:00\t2024-05-02 10:00\n",
        {"SHOP-1": ["05-01 10:00 title = Ä by not known", "05-02 10:00 status = Done by not known"]},
        [],
    ),
    "github gh issue list json": (
        "github",
        [
            {
                "number": 5,
                "title": "A",
                "state": "CLOSED",
                "stateReason": "COMPLETED",
                "author": {"login": "ann", "name": ""},
                "assignees": [{"login": "bob"}],
                "labels": [{"name": "x"}],
                "milestone": {"title": "v1", "number": 1},
                "createdAt": "2024-05-01T10:00:00Z",
                "updatedAt": "2024-05-09T10:00:00Z",
                "closedAt": "2024-05-08T10:00:00Z",
                "body": "b",
                "projectItems": [{"status": {"name": "Done"}, "title": "Board"}],
            }
        ],
        {
            "#5": [
                "05-01 10:00 status = open by ann",
                "05-01 10:00 title = A by ann",
                "05-08 10:00 status = closed by not known",
                "05-09 10:00 labels = ['x'] by not known",
                "05-09 10:00 role.accountable = ['bob'] by not known",
                "05-09 10:00 target.ship = v1 by not known",
                "05-09 10:00 x.description = b by not known",
            ]
        },
        [],
    ),
    "github rest issue null user": (
        "github",
        [
            {
                "number": 5,
                "title": "A",
                "state": "open",
                "user": None,
                "assignee": None,
                "assignees": [],
                "labels": ["x", {"name": "y"}],
                "milestone": None,
                "created_at": "2024-05-01T10:00:00Z",
                "updated_at": "2024-05-09T10:00:00Z",
                "closed_at": None,
                "body": None,
            }
        ],
        {
            "#5": [
                "05-01 10:00 status = open by not known",
                "05-01 10:00 title = A by not known",
                "05-09 10:00 labels = ['x', 'y'] by not known",
            ]
        },
        [],
    ),
    "github timeline duplicate+transfer": (
        "github",
        {
            "number": 12,
            "title": "A",
            "user": {"login": "ann", "id": 1, "type": "User"},
            "created_at": "2024-05-01T10:00:00Z",
            "updated_at": "2024-05-09T10:00:00Z",
            "events": [
                {
                    "event": "marked_as_duplicate",
                    "id": 1,
                    "actor": {"login": "a", "id": 1, "type": "User"},
                    "created_at": "2024-05-02T10:00:00Z",
                },
                {
                    "event": "closed",
                    "id": 2,
                    "actor": {"login": "a", "id": 1, "type": "User"},
                    "created_at": "2024-05-03T10:00:00Z",
                    "state_reason": "duplicate",
                },
                {
                    "event": "labeled",
                    "id": 3,
                    "actor": {"login": "a", "id": 1, "type": "User"},
                    "created_at": "2024-05-03T11:00:00Z",
                    "label": None,
                },
                {
                    "event": "assigned",
                    "id": 4,
                    "actor": {"login": "a", "id": 1, "type": "User"},
                    "assignee": None,
                    "created_at": "2024-05-03T12:00:00Z",
                },
                {
                    "event": "converted_to_discussion",
                    "id": 5,
                    "actor": {"login": "a", "id": 1, "type": "User"},
                    "created_at": "2024-05-04T10:00:00Z",
                },
                {
                    "event": "deleted",
                    "id": 6,
                    "actor": {"login": "a", "id": 1, "type": "User"},
                    "created_at": "2024-05-05T10:00:00Z",
                },
            ],
        },
        {
            "#12": [
                "05-01 10:00 exists = True by ann",
                "05-01 10:00 status = open by ann",
                "05-01 10:00 title = A by ann",
                "05-03 10:00 status = not planned by a",
                "05-05 10:00 exists = False by a",
            ]
        },
        [
            "1 x change of assignee that names no value",
            "1 x change of labels that names no value",
            "1 x event `converted_to_discussion`",
            "1 x event `marked_as_duplicate`",
        ],
    ),
    "gitlab csv": (
        "gitlab",
        'Title,Description,Issue ID,URL,State,Author,Author Username,Assignee,Assignee Username,Confidential,Locked,Due Date,Created At (UTC),Updated At (UTC),Closed At (UTC),Milestone,Weight,Labels,Time Estimate,Time Spent\nA,d,5,https://x/5,Closed,Ann,ann,Bob,bob,No,No,2024-06-01,2024-05-01 10:00:00,2024-05-09 10:00:00,2024-05-08 10:00:00,v1,3,"a,b",0,0\n',
        {
            "#5": [
                "05-01 10:00 title = A by Ann",
                "05-08 10:00 status = Closed by not known",
                "05-09 10:00 labels = ['a', 'b'] by not known",
                "05-09 10:00 role.accountable = ['Bob'] by not known",
                "05-09 10:00 target.ship = v1 by not known",
                "05-09 10:00 x.assignee_username = bob by not known",
                "05-09 10:00 x.author_username = ann by not known",
                "05-09 10:00 x.confidential = No by not known",
                "05-09 10:00 x.description = d by not known",
                "05-09 10:00 x.due = 2024-06-01 by not known",
                "05-09 10:00 x.locked = No by not known",
                "05-09 10:00 x.time_estimate = 0 by not known",
                "05-09 10:00 x.time_spent = 0 by not known",
                "05-09 10:00 x.url = https://x/5 by not known",
                "05-09 10:00 x.weight = 3 by not known",
            ]
        },
        [],
    ),
    "gitlab ndjson project export": (
        "gitlab",
        '{"iid":5,"title":"A","author_id":1,"created_at":"2024-05-01T10:00:00.000Z","updated_at":"2024-05-09T10:00:00.000Z","state":"closed","closed_at":"2024-05-08T10:00:00Z","milestone":{"title":"v1"},"label_links":[{"label":{"title":"x"}}],"issue_assignees":[{"user_id":3}],"notes":[{"note":"closed","system":true,"author":{"name":"Bob"},"created_at":"2024-05-08T10:00:00Z"}],"resource_label_events":[{"action":"add","created_at":"2024-05-02T10:00:00Z","label":{"title":"x"},"user_id":1}]}\n',
        {
            "#5": [
                "05-01 10:00 status = opened by not known",
                "05-01 10:00 title = A by not known",
                "05-02 10:00 labels = ['x'] by not known",
                "05-08 10:00 status = closed by Bob",
                "05-09 10:00 target.ship = v1 by not known",
            ]
        },
        ["1 x assignee whose name the export does not give"],
    ),
    "linear rest-like list": (
        "linear",
        [
            {
                "id": "u1",
                "identifier": "ENG-1",
                "title": "A",
                "createdAt": "2024-05-01T10:00:00Z",
                "updatedAt": "2024-05-09T10:00:00Z",
                "state": {"name": "Todo"},
                "assignee": None,
                "labels": {"nodes": []},
                "history": {"nodes": []},
            },
            {
                "id": "u2",
                "identifier": "ENG-2",
                "title": "B",
                "createdAt": "2024-05-01T10:00:00Z",
                "state": {"name": "Done"},
                "team": {"key": "ENG", "name": "Eng"},
            },
        ],
        {
            "ENG-1": ["05-01 10:00 status = Todo by not known", "05-01 10:00 title = A by not known"],
            "ENG-2": [
                "01-15 08:00 status = Done by not known",
                "01-15 08:00 x.team = Eng by not known",
                "05-01 10:00 title = B by not known",
            ],
        },
        [],
    ),
    "redmine list no journals": (
        "redmine",
        {
            "issues": [
                {
                    "id": 7,
                    "tracker": {"id": 2, "name": "Bug"},
                    "status": {"id": 1, "name": "New"},
                    "author": {"id": 1, "name": "Ann"},
                    "subject": "A",
                    "created_on": "2024-05-01T10:00:00Z",
                    "updated_on": "2024-05-09T10:00:00Z",
                    "closed_on": None,
                    "assigned_to": {"id": 4, "name": "Bob"},
                }
            ],
            "total_count": 1,
            "offset": 0,
            "limit": 25,
        },
        {
            "#7": [
                "05-01 10:00 title = A by Ann",
                "05-01 10:00 x.type = Bug by Ann",
                "05-09 10:00 role.accountable = ['Bob'] by not known",
                "05-09 10:00 status = New by not known",
            ]
        },
        [],
    ),
    "redmine custom statuses": (
        "redmine",
        {
            "issue": {
                "id": 7,
                "tracker": {"id": 2, "name": "Bug"},
                "status": {"id": 12, "name": "Abgenommen"},
                "author": {"id": 1, "name": "Ann"},
                "subject": "A",
                "created_on": "2024-05-01T10:00:00Z",
                "updated_on": "2024-05-09T10:00:00Z",
                "journals": [
                    {
                        "id": 1,
                        "user": {"id": 1, "name": "Ann"},
                        "created_on": "2024-05-02T10:00:00Z",
                        "details": [{"property": "attr", "name": "status_id", "old_value": "1", "new_value": "11"}],
                    },
                    {
                        "id": 2,
                        "user": {"id": 1, "name": "Ann"},
                        "created_on": "2024-05-03T10:00:00Z",
                        "details": [
                            {"property": "attr", "name": "status_id", "old_value": "11", "new_value": "12"},
                            {"property": "attr", "name": "fixed_version_id", "old_value": "3", "new_value": "4"},
                        ],
                    },
                ],
            }
        },
        {
            "#7": [
                "05-01 10:00 status = #1 (no name in the export) by Ann",
                "05-01 10:00 target.ship = #3 (no name in the export) by Ann",
                "05-01 10:00 title = A by Ann",
                "05-01 10:00 x.type = Bug by Ann",
                "05-02 10:00 status = #11 (no name in the export) by Ann",
                "05-03 10:00 status = Abgenommen by Ann",
                "05-03 10:00 target.ship = #4 (no name in the export) by Ann",
            ]
        },
        [],
    ),
    "openproject csv": (
        "openproject",
        "ID,Subject,Type,Status,Assignee,Accountable,Version,Start date,Finish date,Created on,Updated on\n7,A,Task,New,Bob,Cy,2.1,2024-05-01,2024-06-01,2024-05-01 10:00:00 UTC,2024-05-09 10:00:00 UTC\n",
        {
            "#7": [
                "05-01 10:00 title = A by not known",
                "05-01 10:00 x.type = Task by not known",
                "05-09 10:00 role.accountable = ['Bob'] by not known",
                "05-09 10:00 status = New by not known",
                "05-09 10:00 target.ship = 2.1 by not known",
                "05-09 10:00 x.accountable = Cy by not known",
                "05-09 10:00 x.due = 2024-06-01 by not known",
                "05-09 10:00 x.start_date = 2024-05-01 by not known",
            ]
        },
        [],
    ),
    "trello board": (
        "trello",
        {
            "id": "b",
            "name": "B",
            "lists": [{"id": "l1", "name": "Doing"}, {"id": "l2", "name": "Done"}],
            "members": [{"id": "ann", "fullName": "Ann", "username": "ann"}],
            "labels": [],
            "cards": [
                {
                    "id": "6631f0a00000000000000001",
                    "idShort": 4,
                    "shortLink": "abc",
                    "name": "Gift cards",
                    "desc": "d",
                    "idList": "l2",
                    "idMembers": ["ann"],
                    "labels": [{"name": "x", "color": "red"}],
                    "due": None,
                    "closed": False,
                    "dateLastActivity": "2024-05-20T10:00:00.000Z",
                },
                {
                    "id": "6631f0a00000000000000002",
                    "idShort": 5,
                    "name": "Old",
                    "desc": "",
                    "idList": "l1",
                    "idMembers": [],
                    "labels": [],
                    "closed": True,
                    "dateLastActivity": "2024-05-19T10:00:00.000Z",
                },
            ],
            "actions": [
                {
                    "id": "a6",
                    "type": "updateCard",
                    "date": "2024-05-06T10:00:00.000Z",
                    "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                    "data": {
                        "board": {"id": "b"},
                        "card": {
                            "id": "6631f0a00000000000000001",
                            "idShort": 4,
                            "shortLink": "abc",
                            "name": "Gift cards",
                        },
                        "old": {"idList": "l1"},
                        "listBefore": {"name": "Doing"},
                        "listAfter": {"name": "Done"},
                    },
                },
                {
                    "id": "a5",
                    "type": "updateCustomFieldItem",
                    "date": "2024-05-05T10:00:00.000Z",
                    "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                    "data": {
                        "board": {"id": "b"},
                        "card": {
                            "id": "6631f0a00000000000000001",
                            "name": "Gift cards",
                            "idShort": 4,
                            "shortLink": "abc",
                        },
                        "customField": {"id": "f", "name": "Size"},
                        "customFieldItem": {"value": {"number": "3"}},
                    },
                },
                {
                    "id": "a5",
                    "type": "updateCheckItemStateOnCard",
                    "date": "2024-05-05T10:00:00.000Z",
                    "memberCreator": {"id": "ann", "fullName": "Ann", "username": "ann"},
                    "data": {
                        "board": {"id": "b"},
                        "card": {
                            "id": "6631f0a00000000000000001",
                            "name": "Gift cards",
                            "idShort": 4,
                            "shortLink": "abc",
                        },
                    },
                },
            ],
        },
        {
            "#5": [
                "05-01 07:34 exists = True by not known",
                "05-01 07:34 title = Old by not known",
                "05-19 10:00 exists = False by not known",
                "05-19 10:00 status = Doing by not known",
            ],
            "#4": [
                "05-01 07:34 status = Doing by not known",
                "05-01 07:34 title = Gift cards by not known",
                "05-05 10:00 x.size = 3 by Ann",
                "05-06 10:00 status = Done by Ann",
                "05-20 10:00 labels = ['x'] by not known",
                "05-20 10:00 role.accountable = ['Ann'] by not known",
                "05-20 10:00 x.description = d by not known",
            ],
        },
        ["1 x action `updateCheckItemStateOnCard`"],
    ),
    "azure revisions": (
        "azure-devops",
        {
            "count": 3,
            "value": [
                {
                    "id": 7,
                    "rev": 1,
                    "fields": {
                        "System.Id": 7,
                        "System.Rev": 1,
                        "System.Title": "A",
                        "System.State": "New",
                        "System.CreatedDate": "2024-05-01T10:00:00Z",
                        "System.CreatedBy": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"},
                        "System.ChangedDate": "2024-05-01T10:00:00Z",
                        "System.ChangedBy": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"},
                    },
                },
                {
                    "id": 7,
                    "rev": 2,
                    "fields": {
                        "System.Id": 7,
                        "System.Rev": 2,
                        "System.Title": "A",
                        "System.State": "Active",
                        "System.CreatedDate": "2024-05-01T10:00:00Z",
                        "System.CreatedBy": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"},
                        "System.ChangedDate": "2024-05-02T10:00:00Z",
                        "System.ChangedBy": {"displayName": "Bob", "uniqueName": "bob@example.org", "id": "g"},
                        "System.AssignedTo": {"displayName": "Bob", "uniqueName": "bob@example.org", "id": "g"},
                    },
                },
                {
                    "id": 7,
                    "rev": 3,
                    "fields": {
                        "System.Id": 7,
                        "System.Rev": 3,
                        "System.Title": "A",
                        "System.State": "Closed",
                        "System.CreatedDate": "2024-05-01T10:00:00Z",
                        "System.CreatedBy": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"},
                        "System.ChangedDate": "2024-05-03T10:00:00Z",
                        "System.ChangedBy": {"displayName": "Cy", "uniqueName": "cy@example.org", "id": "g"},
                    },
                },
            ],
        },
        {
            "#7": [
                "05-01 10:00 status = New by Ann",
                "05-01 10:00 title = A by Ann",
                "05-02 10:00 role.accountable = ['Bob'] by Bob",
                "05-02 10:00 status = Active by Bob",
                "05-03 10:00 status = Closed by Cy",
            ]
        },
        [],
    ),
    "azure csv": (
        "azure-devops",
        "ID,Work Item Type,Title,Assigned To,State,Tags,Created Date,Changed Date\n7,Bug,A,Bob <bob@example.org>,Active,a; b,5/13/2024 10:00:00 AM,5/14/2024 11:00:00 AM\n",
        {
            "#7": [
                "05-13 10:00 title = A by not known",
                "05-13 10:00 x.type = Bug by not known",
                "05-14 11:00 labels = ['a', 'b'] by not known",
                "05-14 11:00 role.accountable = ['Bob'] by not known",
                "05-14 11:00 status = Active by not known",
            ]
        },
        [],
    ),
    "azure old identity": (
        "azure-devops",
        {
            "value": [
                {
                    "id": 1,
                    "workItemId": 7,
                    "rev": 1,
                    "revisedBy": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"},
                    "revisedDate": "2024-05-02T10:00:00Z",
                    "fields": {
                        "System.Rev": {"oldValue": 0, "newValue": 1},
                        "System.ChangedDate": {"newValue": "2024-05-01T10:00:00Z"},
                        "System.ChangedBy": {
                            "newValue": {"displayName": "Ann", "uniqueName": "ann@example.org", "id": "g"}
                        },
                        "System.Title": {"newValue": "A"},
                        "System.State": {"newValue": "New"},
                        "System.AssignedTo": {"newValue": "Bob Branch <CORP\\bob>"},
                    },
                }
            ]
        },
        {
            "#7": [
                "05-01 10:00 role.accountable = ['Bob Branch'] by Ann",
                "05-01 10:00 status = New by Ann",
                "05-01 10:00 title = A by Ann",
            ]
        },
        [],
    ),
}
"""The system, the export, what is to be recorded of each record, and what is to be reported."""

REFUSED = {
    "jira bulk changelog": (
        "jira",
        {
            "issueChangeLogs": [
                {
                    "issueId": "10001",
                    "changeHistories": [
                        {
                            "id": "1",
                            "author": {
                                "accountId": "557058:aa",
                                "displayName": "Bob",
                                "active": True,
                                "accountType": "atlassian",
                            },
                            "created": 1714730400000,
                            "items": [
                                {
                                    "field": "status",
                                    "fieldtype": "jira",
                                    "from": "1",
                                    "fromString": "To Do",
                                    "to": "2",
                                    "toString": "Done",
                                }
                            ],
                        }
                    ],
                }
            ]
        },
    ),
    "openproject german": (
        "openproject",
        {
            "_type": "Collection",
            "_embedded": {
                "elements": [
                    {
                        "_type": "Activity",
                        "id": 1,
                        "comment": {"format": "markdown", "raw": ""},
                        "details": [
                            {"format": "custom", "raw": "Status von Neu zu In Bearbeitung geändert", "html": ""},
                            {"format": "custom", "raw": "Zugewiesen an auf Bob gesetzt", "html": ""},
                        ],
                        "version": 1,
                        "createdAt": "2024-05-01T10:00:00Z",
                        "_links": {
                            "workPackage": {"href": "/api/v3/work_packages/7", "title": "Gift cards"},
                            "user": {"href": "/api/v3/users/3", "title": "Bob"},
                        },
                    }
                ]
            },
        },
    ),
}
