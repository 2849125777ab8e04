"""Folders of decision records in the forms that tools and people write, and what a person reads in them."""

FOLDERS = {
    "log4brains": (
        {
            "20200924-use-react.md": "# Use React\n"
            "\n"
            "- Status: superseded by [20201016-use-nextjs](20201016-use-nextjs.md)\n"
            "- Deciders: Thomas, Ann\n"
            "- Date: 2020-09-24\n"
            "- Tags: dev-tools, frontend\n"
            "\n"
            "Technical Story: see #12\n"
            "\n"
            "## Context and Problem Statement\n"
            "\n"
            "X.\n",
            "20201016-use-nextjs.md": "# Use Next.js\n"
            "\n"
            "- Status: accepted\n"
            "- Date: 2020-10-16\n"
            "\n"
            "## Links\n"
            "\n"
            "- Supersedes [20200924-use-react](20200924-use-react.md)\n",
            "README.md": "# ADR\n",
            "index.md": "# Architecture knowledge base\n",
            "template.md": "# [short title of solved problem and solution]\n\n- Status: [draft | proposed]\n",
        },
        {
            "20200924-use-react": {
                "title": "Use React",
                "status": "superseded",
                "superseded_by": ["20201016-use-nextjs"],
                "date": "2020-09-24",
                "deciders": ["Thomas", "Ann"],
            },
            "20201016-use-nextjs": {
                "title": "Use Next.js",
                "status": "accepted",
                "date": "2020-10-16",
                "supersedes": ["20200924-use-react"],
            },
        },
    ),
    "log4brains packages": (
        {
            "docs/adr/20200101-a.md": "# A\n"
            "\n"
            "- Status: superseded by "
            "[backend/20210101-b](../../packages/backend/docs/adr/20210101-b.md)\n",
            "packages/backend/docs/adr/20210101-b.md": "# B\n\n- Status: draft\n",
        },
        {
            "docs/adr/20200101-a": {
                "title": "A",
                "status": "superseded",
                "superseded_by": ["packages/backend/docs/adr/20210101-b"],
            },
            "packages/backend/docs/adr/20210101-b": {"status": "proposed"},
        },
    ),
    "log4brains same name in two packages": (
        {
            "core/20200101-use-ts.md": "# Core TS\n\n- Status: superseded by [core/20210101-use-js](20210101-use-js.md)\n",
            "core/20210101-use-js.md": "# Core JS\n\n- Status: accepted\n",
            "web/20200101-use-ts.md": "# Web TS\n\n- Status: accepted\n",
            "web/20210101-use-js.md": "# Web JS\n\n- Status: rejected\n",
        },
        {
            "core/20200101-use-ts": {
                "title": "Core TS",
                "status": "superseded",
                "superseded_by": ["core/20210101-use-js"],
            },
            "core/20210101-use-js": {"status": "accepted"},
            "web/20200101-use-ts": {"status": "accepted"},
            "web/20210101-use-js": {"status": "rejected"},
        },
    ),
    "backstage": (
        {
            "adr000-template.md": "---\nid: adrs-adr000\ntitle: 'ADR000: [TITLE]'\n---\n\n## Context\n",
            "adr001-add-adr-log.md": "---\n"
            "id: adrs-adr001\n"
            "title: 'ADR001: Architecture Decision Record (ADR) log'\n"
            "description: Architecture Decision Record (ADR) log\n"
            "---\n"
            "\n"
            "| Created    | Status |\n"
            "| ---------- | ------ |\n"
            "| 2020-04-26 | Open   |\n"
            "\n"
            "## Background\n"
            "\n"
            "X\n",
            "adr002-format.md": "---\n"
            "id: adrs-adr002\n"
            "title: 'ADR002: Default Software Catalog File Format'\n"
            "---\n"
            "\n"
            "| Created | Status |\n"
            "|---|---|\n"
            "| 2020-03-05 | Superseded by [ADR003](adr003-x.md) |\n"
            "\n"
            "## Context\n"
            "\n"
            "Y\n",
            "adr003-x.md": "---\n"
            "id: adrs-adr003\n"
            "title: 'ADR003: X'\n"
            "# prettier-ignore\n"
            "description: Architecture Decision Record (ADR) for X\n"
            "---\n"
            "\n"
            "## Context\n"
            "\n"
            "A\n"
            "\n"
            "## Decision\n"
            "\n"
            "B\n",
            "index.md": "---\nid: adrs-overview\ntitle: Architecture Decision Records\n---\n",
        },
        {
            "adr001-add-adr-log": {
                "title": "ADR001: Architecture Decision Record (ADR) log",
                "status": "proposed",
                "date": "2020-04-26",
            },
            "adr002-format": {"status": "superseded", "superseded_by": ["adr003-x"], "date": "2020-03-05"},
            "adr003-x": {"title": "ADR003: X", "status": None},
        },
    ),
    "backstage title bracketed in text": (
        {
            "adr004-a.md": "---\n"
            "id: adrs-adr004\n"
            "title: 'ADR004: Module Export Structure [packages]'\n"
            "---\n"
            "\n"
            "## Context\n"
            "\n"
            "A\n"
        },
        {"adr004-a": {"title": "ADR004: Module Export Structure [packages]", "status": None}},
    ),
    "adr-tools": (
        {
            "0001-a.md": "# 1. A\n\nDate: 2016-02-12\n\n## Status\n\nSuperceded by [2. B](0002-b.md)\n\n## Context\n\nX\n",
            "0002-b.md": "# 2. B\n"
            "\n"
            "Date: 2016-02-13\n"
            "\n"
            "## Status\n"
            "\n"
            "Accepted\n"
            "\n"
            "Supercedes [1. A](0001-a.md)\n"
            "\n"
            "Amended by [3. C](0003-c.md)\n"
            "\n"
            "## Context\n"
            "\n"
            "X\n",
            "0003-c.md": "# 3. C\n\nDate: 2016-02-14\n\n## Status\n\nAccepted\n\nAmends [2. B](0002-b.md)\n",
        },
        {
            "0001-a": {"title": "1. A", "status": "superseded", "superseded_by": ["0002-b"], "date": "2016-02-12"},
            "0002-b": {"status": "accepted", "supersedes": ["0001-a"], "amended_by": ["0003-c"]},
            "0003-c": {"status": "accepted", "amends": ["0002-b"]},
        },
    ),
    "adr-tools status with dates": (
        {
            "0001-a.md": "# 1. A\n\nDate: 2016-02-12\n\n## Status\n\n2016-02-12 proposed\n\n2016-02-20 accepted\n",
            "0002-b.md": "# 2. B\n\n## Status\n\nAccepted (2019-03-04)\n",
            "0003-c.md": "# 3. C\n\n## Status\n\nAccepted on 4 March 2019 by the team\n",
            "0004-d.md": "# 4. D\n\n## Status\n\n* Proposed: 2019-01-01\n* Accepted: 2019-02-01\n* Deprecated: 2020-02-01\n",
        },
        {
            "0001-a": {"status": "accepted"},
            "0002-b": {"status": "accepted"},
            "0003-c": {"status": "accepted"},
            "0004-d": {"status": "reversed"},
        },
    ),
    "bracketed titles": (
        {
            "0001-a.md": "# [Use A]\n\n## Status\n\nAccepted\n",
            "0002-b.md": "# [API] Use REST (for now)\n\nStatus: accepted\n",
            "0003-c.md": "# (Frontend) Use React (again)\n\nStatus: proposed\n",
            "0004-d.md": "# Use `/users/{id}` in paths\n\nStatus: accepted\n",
            "0005-e.md": "# <b>Use E</b>\n\nStatus: accepted\n",
            "0006-f.md": "# ADR-0000: Use F\n\nStatus: accepted\n",
            "0007-g.md": "# [Use G](https://example.org/g)\n\n## Status\n\nRejected\n",
            "0008-h.md": "# Paths such as /users/{id}\n\nStatus: accepted\n",
        },
        {
            "0001-a": {"title": "[Use A]", "status": "accepted"},
            "0002-b": {"status": "accepted"},
            "0003-c": {"status": "proposed"},
            "0004-d": {"status": "accepted"},
            "0005-e": {"status": "accepted"},
            "0006-f": {"status": "accepted"},
            "0007-g": {"status": "rejected"},
            "0008-h": {"status": "accepted"},
        },
    ),
    "templates": (
        {
            "0000-t.md": "# [short title of solved problem and solution]\n"
            "\n"
            "* Status: [proposed | rejected | accepted | deprecated | … | superseded by "
            "[ADR-0005](0005-example.md)] <!-- optional -->\n"
            "* Deciders: [list everyone involved in the decision] <!-- optional -->\n",
            "0001-t.md": "# {short title of solved problem and solution}\n\n## Context and Problem Statement\n",
            "0002-t.md": "# ADR {NUMBER}: {TITLE}\n\nStatus: {proposed|accepted}\n",
            "0003-t.md": "# <Title>\n"
            "\n"
            "## Status\n"
            "\n"
            "What is the status, such as proposed, accepted, rejected, deprecated, superseded, etc.?\n",
            "0004-t.md": "---\n"
            'status: "{proposed | rejected | accepted | deprecated | … | superseded by ADR-0123}"\n'
            "date: {YYYY-MM-DD when the decision was last updated}\n"
            "---\n"
            "# {short title, representative of solved problem and found solution}\n",
            "0005-t.md": "# ADR-NNNN: Title of the decision\n\nStatus: Proposed\n",
            "0006-t.md": "# [Titel der Entscheidung]\n\nStatus: Vorgeschlagen\n",
            "0007-t.md": "# [Title]\n\n## Status\n\nProposed\n",
            "0008-t.md": "# {{ title }}\n\nStatus: accepted\n",
            "0009-t.md": "# [ADR-XXX] [Title]\n\nStatus: [Draft | Accepted]\n",
        },
        {},
    ),
    "madr4 front matter quoted": (
        {
            "0001-a.md": "---\n"
            'status: "accepted"\n'
            "date: 2024-05-06\n"
            'decision-makers: ["Ann Arbor", "Bob"]\n'
            "consulted: \n"
            "informed:\n"
            "---\n"
            "# A\n"
            "\n"
            "## Context and Problem Statement\n",
            "0002-b.md": "---\nstatus: 'superseded by [ADR-0001](0001-a.md)'\ndate: \"2024-05-06\"\n---\n# B\n",
            "0003-c.md": "---\nstatus: superseded by ADR-0001\ndate: 2024-05-06T10:00:00Z\n---\n# C\n",
            "0004-d.md": "---\nstatus: {accepted}\ndate: 2024/05/06\n---\n# D\n",
        },
        {
            "0001-a": {"status": "accepted", "date": "2024-05-06", "deciders": ["Ann Arbor", "Bob"]},
            "0002-b": {"status": "superseded", "superseded_by": ["0001-a"], "date": "2024-05-06"},
            "0003-c": {"status": "superseded", "superseded_by": ["0001-a"], "date": "2024-05-06"},
            "0004-d": {"status": "accepted", "date": "2024-05-06"},
        },
    ),
    "madr front matter keys by hand": (
        {
            "0001-a.md": "---\n"
            "Status: Accepted\n"
            "Date: 6 May 2024\n"
            "Deciders:\n"
            "  - Ann Arbor\n"
            "  - Bob\n"
            "tags: [x, y]\n"
            "---\n"
            "# A\n",
            "0002-b.md": "---\nadr: 2\ntitle: B\nstatus: Deprecated\nsuperseded-by: 1\n---\n\nText.\n",
            "0003-c.md": "---\ntitle: C\nstatus: accepted\nsupersedes:\n  - 0001-a.md\n  - 0002-b.md\n---\n# C\n",
            "0004-d.md": "---\n"
            "number: 4\n"
            "title: D\n"
            "status: superseded\n"
            'superseded_by: "[C](./0003-c.md)"\n'
            "decided_on: 2024-01-02\n"
            "---\n",
        },
        {
            "0001-a": {"status": "accepted", "date": "2024-05-06", "deciders": ["Ann Arbor", "Bob"]},
            "0002-b": {"title": "B", "status": "reversed", "superseded_by": ["0001-a"]},
            "0003-c": {"status": "accepted", "supersedes": ["0001-a", "0002-b"]},
            "0004-d": {"title": "D", "status": "superseded", "superseded_by": ["0003-c"], "date": "2024-01-02"},
        },
    ),
    "adr front matter of json-like tools": (
        {
            "0001-a.md": "---\n"
            "type: adr\n"
            "id: ADR-0001\n"
            "status: {name: accepted}\n"
            "created: 2024-05-06\n"
            "author: Ann Arbor\n"
            "---\n"
            "# A\n",
            "0002-b.md": "---\n"
            "layout: adr\n"
            'title: "ADR-0002: B"\n'
            "status: Accepted\n"
            "date: 2024-05-06 12:30:00 +0200\n"
            "authors: Ann Arbor\n"
            "---\n"
            "# ADR-0002: B\n",
        },
        {"0001-a": {"status": None}, "0002-b": {"title": "ADR-0002: B", "status": "accepted", "date": "2024-05-06"}},
    ),
    "forms in a header line": (
        {
            "0001-a.md": "# A\n\n* Status: superseded by [ADR-0002](0002-b.md)\n* Date: 2024-01-01\n",
            "0002-b.md": "# B\n\n* Status: accepted; supersedes [ADR-0001](0001-a.md)\n",
            "0003-c.md": "# C\n\n**Status**: Superseded by [ADR-0002](0002-b.md)  \n**Date**: 2024-01-01\n",
            "0004-d.md": "# D\n\n> **Status:** Superseded by [ADR-0002](0002-b.md)\n",
        },
        {
            "0001-a": {"status": "superseded", "superseded_by": ["0002-b"]},
            "0002-b": {"status": "accepted", "supersedes": ["0001-a"]},
            "0003-c": {"status": "superseded", "superseded_by": ["0002-b"]},
            "0004-d": {"status": "superseded", "superseded_by": ["0002-b"]},
        },
    ),
    "links section": (
        {
            "0001-a.md": "# A\n\n* Status: accepted\n",
            "0002-b.md": "# B\n"
            "\n"
            "* Status: accepted\n"
            "\n"
            "## Links\n"
            "\n"
            "* Supersedes [ADR-0001](0001-a.md)\n"
            "* Refined by [ADR-0003](0003-c.md)\n",
            "0003-c.md": "# C\n\n* Status: accepted\n\n## Links\n\n* Superseded by [ADR-0004](0004-d.md)\n",
            "0004-d.md": "# D\n\n* Status: accepted\n",
        },
        {
            "0001-a": {"status": "accepted"},
            "0002-b": {"status": "accepted", "supersedes": ["0001-a"]},
            "0003-c": {"status": "accepted", "superseded_by": ["0004-d"]},
            "0004-d": {"status": "accepted"},
        },
    ),
    "y statement": (
        {
            "0001-a.md": "# Use A\n"
            "\n"
            "In the context of the shop, facing slow pages, we decided for a cache and neglected a CDN, to "
            "achieve speed, accepting stale pages, because it is cheap.\n",
            "0002-b.md": "# Use B\n\nStatus: accepted\n\nIn the context of X, facing Y, we decided for Z.\n",
        },
        {"0001-a": {"title": "Use A", "status": None}, "0002-b": {"status": "accepted"}},
    ),
    "nygard bold": (
        {
            "adr-001.md": "# ADR 001: A\n\n**Status**\n\nAccepted\n\n**Context**\n\nX\n\n**Decision**\n\nY\n",
            "adr-002.md": "ADR 2: B\n========\n\nStatus\n------\n\nAccepted\n\nContext\n-------\n\nX\n",
            "adr-003.md": "## ADR 3: C\n\n### Status\n\nRejected\n\n### Context\n\nX\n",
        },
        {
            "adr-001": {"title": "ADR 001: A", "status": "accepted"},
            "adr-002": {"title": "ADR 2: B", "status": "accepted"},
            "adr-003": {"title": "ADR 3: C", "status": "rejected"},
        },
    ),
    "nygard langs": (
        {
            "0001-a.md": "# 1. Nutze A\n"
            "\n"
            "Datum: 2024-05-06\n"
            "\n"
            "## Status\n"
            "\n"
            "Ersetzt durch [2](0002-b.md)\n"
            "\n"
            "## Kontext\n"
            "\n"
            "X\n"
            "\n"
            "## Entscheidung\n"
            "\n"
            "Y\n"
            "\n"
            "## Konsequenzen\n"
            "\n"
            "Z\n",
            "0002-b.md": "# 2. Utiliser B\n"
            "\n"
            "Date : 6 mai 2024\n"
            "\n"
            "## Statut\n"
            "\n"
            "Accepté\n"
            "\n"
            "## Contexte\n"
            "\n"
            "X\n"
            "\n"
            "## Décision\n"
            "\n"
            "Y\n"
            "\n"
            "## Conséquences\n"
            "\n"
            "Z\n",
            "0003-c.md": "# 3. Usar C\n\nFecha: 06/05/2024\n\n## Estado\n\nReemplazado por [4](0004-d.md)\n\n## Contexto\n",
            "0004-d.md": "# 4. Dを使う\n\n日付: 2024年5月6日\n\n## ステータス\n\n承認済み\n\n## コンテキスト\n\nX\n\n## 決定\n\nY\n",
            "0005-e.md": "# 5. 使用E\n\n日期：2024-05-06\n\n## 状态\n\n已被 [ADR-0004](0004-d.md) 取代\n\n## 背景\n",
            "0006-f.md": "# 6. F\n\nDatum: 6. Mai 2024\n\n## Status\n\nAbgelehnt am 7.5.2024\n",
        },
        {
            "0001-a": {"status": "superseded", "superseded_by": ["0002-b"], "date": "2024-05-06"},
            "0002-b": {"status": "accepted", "date": "2024-05-06"},
            "0003-c": {"status": "superseded", "superseded_by": ["0004-d"], "date": None},
            "0004-d": {"status": "accepted", "date": "2024-05-06"},
            "0005-e": {"status": "superseded", "superseded_by": ["0004-d"], "date": "2024-05-06"},
            "0006-f": {"status": "rejected", "date": "2024-05-06"},
        },
    ),
    "a language whose words are not known": (
        {"0001-a.md": "# 1. A\n\n## Status\n\nGodkänd\n"},
        {"0001-a": {"status": None}},
    ),
    "subfolders": (
        {
            "backend/0001-a.md": "# A\n\nStatus: superseded by [0002](0002-b.md)\n",
            "backend/0002-b.md": "# B\n\nStatus: accepted\n",
            "backend/README.md": "# x\n",
            "frontend/0001-a.md": "# A2\n\nStatus: accepted\n",
            "frontend/0002-c.md": "# C2\n\nStatus: superseded by [backend 2](../backend/0002-b.md)\n",
        },
        {
            "backend/0001-a": {"status": "superseded", "superseded_by": ["backend/0002-b"]},
            "backend/0002-b": {"status": "accepted"},
            "frontend/0001-a": {"status": "accepted"},
            "frontend/0002-c": {"status": "superseded", "superseded_by": ["backend/0002-b"]},
        },
    ),
    "subfolders, link by number": (
        {
            "a/0001-x.md": "# A\n\nStatus: superseded by ADR-0002\n",
            "a/0002-y.md": "# B\n\nStatus: accepted\n",
            "b/0001-x.md": "# C\n\nStatus: accepted\n",
            "b/0002-z.md": "# D\n\nStatus: accepted\n",
        },
        {
            "a/0001-x": {"status": "superseded", "superseded_by": ["a/0002-y"]},
            "a/0002-y": {"status": "accepted"},
            "b/0001-x": {"status": "accepted"},
            "b/0002-z": {"status": "accepted"},
        },
    ),
    "folder per record": (
        {"0001-a/README.md": "# A\n", "0002-b/0002-b.md": "# B\n\nStatus: accepted\n"},
        {"0002-b/0002-b": {"status": "accepted"}},
    ),
    "statuses with decoration": (
        {
            "0001-a.md": "# A\n\n## Status\n\n✅ Accepted\n",
            "0002-b.md": "# B\n\n## Status\n\n`Accepted`\n",
            "0003-c.md": "# C\n\n## Status\n\n![Accepted](https://img.shields.io/badge/status-accepted-green)\n",
            "0004-d.md": "# D\n\n## Status\n\n- [x] Accepted\n- [ ] Rejected\n",
            "0005-e.md": "# E\n\n## Status\n\nProposed → **Accepted**\n",
            "0006-f.md": "# F\n\n## Status\n\n**Accepted** | ~~Proposed~~\n",
            "0007-g.md": "# G\n\n## Status: Accepted ✅\n",
            "0008-h.md": "# H\n\n## Status\n\n> Accepted\n",
            "0009-i.md": "# I\n\n## Status\n\n🟢 ACCEPTED — 2024-01-01\n",
            "0010-j.md": '# J\n\n## Status\n\n<span style="color:green">Accepted</span>\n',
            "0011-k.md": "# K\n\n## Status\n\n:white_check_mark: accepted\n",
            "0012-l.md": "# L\n\n## Status\n\nThe status is accepted.\n",
            "0013-m.md": "# M\n\n## Status\n\nWe accepted this on 2024-01-01.\n",
        },
        {
            "0001-a": {"status": "accepted"},
            "0002-b": {"status": "accepted"},
            "0003-c": {"status": "accepted"},
            "0004-d": {"status": "accepted"},
            "0005-e": {"status": "accepted"},
            "0006-f": {"status": "accepted"},
            "0007-g": {"status": "accepted"},
            "0008-h": {"status": "accepted"},
            "0009-i": {"status": "accepted"},
            "0010-j": {"status": "accepted"},
            "0011-k": {"status": "accepted"},
            "0012-l": {"status": None},
            "0013-m": {"status": None},
        },
    ),
    "statuses of MS style": (
        {
            "0001-a.md": "# A\n"
            "\n"
            "## Status\n"
            "\n"
            "| Date | Status |\n"
            "|---|---|\n"
            "| 2024-01-01 | Proposed |\n"
            "| 2024-02-01 | Accepted |\n",
            "0002-b.md": "# B\n"
            "\n"
            "| | |\n"
            "|---|---|\n"
            "| **Status** | Accepted |\n"
            "| **Date** | 2024-05-06 |\n"
            "| **Deciders** | Ann Arbor |\n",
            "0003-c.md": "# C\n\n| Metadata | Value |\n|:--|:--|\n| Status | Rejected |\n| Date | 2024-05-06 |\n",
            "0004-d.md": "# D\n\n|Status|Date|Deciders|\n|--|--|--|\n|Accepted|2024-05-06|Ann Arbor, Bob|\n",
        },
        {
            "0001-a": {"status": "accepted"},
            "0002-b": {"status": "accepted", "date": "2024-05-06", "deciders": ["Ann Arbor"]},
            "0003-c": {"status": "rejected", "date": "2024-05-06"},
            "0004-d": {"status": "accepted", "date": "2024-05-06", "deciders": ["Ann Arbor", "Bob"]},
        },
    ),
    "partial": (
        {
            "0001-a.md": "# A\n\n## Status\n\nAccepted. Point 3 superseded by [ADR-0002](0002-b.md).\n",
            "0002-b.md": "# Two\n\n## Status\n\nAccepted\n",
            "0003-c.md": "# C\n\n## Status\n\nPartially superseded by [ADR-0002](0002-b.md)\n",
            "0004-d.md": "# D\n\n## Status\n\nAccepted; will be superseded by [ADR-0002](0002-b.md) once it ships\n",
            "0005-e.md": "# E\n\n## Status\n\nAccepted, partially superseded by [ADR-0002](0002-b.md)\n",
            "0006-f.md": "# F\n\n## Status\n\nAccepted (section 2 replaced by [ADR-0002](0002-b.md))\n",
            "0007-g.md": "# G\n\n## Status\n\nAccepted. Not superseded by ADR-0002.\n",
        },
        {
            "0001-a": {"status": "accepted", "superseded_by": [], "amended_by": ["0002-b"]},
            "0002-b": {"status": "accepted"},
            "0003-c": {"status": "accepted", "superseded_by": [], "amended_by": ["0002-b"]},
            "0004-d": {"status": "accepted", "superseded_by": []},
            "0005-e": {"status": "accepted", "superseded_by": [], "amended_by": ["0002-b"]},
            "0006-f": {"status": "accepted", "superseded_by": [], "amended_by": ["0002-b"]},
            "0007-g": {"status": "accepted", "superseded_by": []},
        },
    ),
    "names of files": (
        {
            "2024-05-06-d.md": "# D\n\nStatus: accepted\n",
            "3-c.md": "# C\n\nStatus: accepted\n",
            "ADR-001 Use A.md": "# A\n\nStatus: accepted\n",
            "ADR0005.md": "# E\n\nStatus: accepted\n",
            "DEC-006.md": "# F\n\nStatus: accepted\n",
            "RFC-007-g.md": "# G\n\nStatus: accepted\n",
            "adr_002_b.md": "# B\n\nStatus: accepted\n",
            "use-h.md": "# H\n\nStatus: accepted\n",
        },
        {
            "ADR-001 Use A": {"status": "accepted"},
            "adr_002_b": {"status": "accepted"},
            "3-c": {"status": "accepted"},
            "2024-05-06-d": {"status": "accepted"},
            "ADR0005": {"status": "accepted"},
            "DEC-006": {"status": "accepted"},
            "RFC-007-g": {"status": "accepted"},
        },
    ),
    "names with spaces linked": (
        {
            "ADR-001 Use A.md": "# A\n\n## Status\n\nSuperseded by [ADR-002](ADR-002%20Use%20B.md)\n",
            "ADR-002 Use B.md": "# B\n\n## Status\n\nAccepted\n",
            "ADR-003 C.md": "# C\n\n## Status\n\nSuperseded by [ADR-002](<ADR-002 Use B.md>)\n",
        },
        {
            "ADR-001 Use A": {"status": "superseded", "superseded_by": ["ADR-002 Use B"]},
            "ADR-002 Use B": {"status": "accepted"},
            "ADR-003 C": {"status": "superseded", "superseded_by": ["ADR-002 Use B"]},
        },
    ),
    "dates by name, linked by number": (
        {
            "20240101-a.md": "# A\n\nStatus: superseded by [20240202-b]\n",
            "20240202-b.md": "# B\n\nStatus: accepted\n",
            "20240303-c.md": "# C\n\nStatus: superseded by 20240202\n",
        },
        {
            "20240101-a": {"status": "superseded", "superseded_by": ["20240202-b"]},
            "20240202-b": {"status": "accepted"},
            "20240303-c": {"status": "superseded", "superseded_by": ["20240202-b"]},
        },
    ),
    "chain": (
        {
            "0001-a.md": "# A\n\n## Status\n\nSuperseded by [2](0002-b.md) and [3](0003-c.md)\n",
            "0002-b.md": "# B\n\n## Status\n\nSuperseded by [3](0003-c.md), [4](0004-d.md)\n",
            "0003-c.md": "# C\n\n## Status\n\nAccepted\nSupersedes ADR-0001, ADR-0002\n",
            "0004-d.md": "# D\n\n## Status\n\nAccepted - Supersedes [ADR-0002](0002-b.md) - Amends [ADR-0001](0001-a.md)\n",
        },
        {
            "0001-a": {"status": "superseded", "superseded_by": ["0002-b", "0003-c"]},
            "0002-b": {"status": "superseded", "superseded_by": ["0003-c", "0004-d"]},
            "0003-c": {"status": "accepted", "supersedes": ["0001-a", "0002-b"]},
            "0004-d": {"status": "accepted", "supersedes": ["0002-b"], "amends": ["0001-a"]},
        },
    ),
    "crlf bom": (
        {
            "0001-a.md": "\ufeff# A\r\n\r\n## Status\r\n\r\nAccepted\r\n",
            "0002-b.md": "\ufeff---\r\nstatus: rejected\r\ndate: 2024-05-06\r\n---\r\n# B\r\n",
        },
        {
            "0001-a": {"title": "A", "status": "accepted"},
            "0002-b": {"title": "B", "status": "rejected", "date": "2024-05-06"},
        },
    ),
    "comments and code": (
        {
            "0001-a.md": "<!-- markdownlint-disable -->\n"
            "# A\n"
            "\n"
            "## Status <!-- one of -->\n"
            "\n"
            "<!-- proposed | accepted -->\n"
            "Accepted\n",
            "0002-b.md": "# B\n\n```md\n## Status\nRejected\n```\n\n## Status\n\nAccepted\n",
            "0003-c.md": "[Back to index](README.md)\n\n# C\n\nStatus: accepted\n",
            "0004-d.md": '<a name="top"></a>\n'
            "\n"
            "# D\n"
            "\n"
            "## Table of contents\n"
            "\n"
            "- [Status](#status)\n"
            "\n"
            "## Status\n"
            "\n"
            "Accepted\n",
        },
        {
            "0001-a": {"title": "A", "status": "accepted"},
            "0002-b": {"title": "B", "status": "accepted"},
            "0003-c": {"title": "C", "status": "accepted"},
            "0004-d": {"title": "D", "status": "accepted"},
        },
    ),
    "tyree/akerman": (
        {"0001-a.md": "# A\n\n## Issue\n\nX\n\n## Decision\n\nY\n\n## Status\n\nDecided.\n\n## Group\n\nZ\n"},
        {"0001-a": {"status": "accepted"}},
    ),
    "edgex style": (
        {
            "0001-a.md": "# A\n\n## Status\n\n**Approved** By TSC Vote on 2/14/20\n",
            "0002-b.md": "# B\n\n- [Status](#status)\n\n## Status\n** Approved **\n",
            "0003-c.md": "## Status\n\nproposed\n\n# C\n",
        },
        {
            "0001-a": {"status": "accepted"},
            "0002-b": {"status": "accepted"},
            "0003-c": {"status": "proposed", "title": "C"},
        },
    ),
    "status field variants": (
        {
            "0001-a.md": "# A\n\nStatus: *Accepted*\n\nDate: _2024-05-06_\n",
            "0002-b.md": "# B\n\n*Status*: accepted\n",
            "0003-c.md": "# C\n\n__Status:__ accepted\n",
            "0004-d.md": "# D\n\n- **Status:** accepted\n- **Date:** 2024-05-06\n- **Deciders:** @ann, @bob\n",
            "0005-e.md": "# E\n\nstatus = accepted\n",
            "0006-f.md": "# F\n\n*Status: accepted*\n",
            "0007-g.md": "# G\n\n**Status: accepted**\n",
            "0008-h.md": "# H\n\nDate: 2024-05-06; Status: accepted\n",
            "0009-i.md": "# I\n\nStatus: accepted | Date: 2024-05-06\n",
            "0010-j.md": "# J\n\n###### Status\n\naccepted\n",
            "0011-k.md": "# K\n\n**Status:** accepted **Date:** 2024-05-06\n",
        },
        {
            "0001-a": {"status": "accepted", "date": "2024-05-06"},
            "0002-b": {"status": "accepted"},
            "0003-c": {"status": "accepted"},
            "0004-d": {"status": "accepted", "date": "2024-05-06", "deciders": ["@ann", "@bob"]},
            "0005-e": {"status": None},
            "0006-f": {"status": "accepted"},
            "0007-g": {"status": "accepted"},
            "0008-h": {"status": "accepted"},
            "0009-i": {"status": "accepted"},
            "0010-j": {"status": "accepted"},
            "0011-k": {"status": "accepted"},
        },
    ),
    "deciders variants": (
        {
            "0001-a.md": "# A\n\n- Status: accepted\n- Decision makers: Ann Arbor (CTO), Bob Branch (PM)\n",
            "0002-b.md": "# B\n\n- Status: accepted\n- Deciders: Architecture Team\n",
            "0003-c.md": "# C\n\n- Status: accepted\n- Deciders: Ann Arbor, and Bob Branch\n",
            "0004-d.md": "# D\n"
            "\n"
            "- Status: accepted\n"
            "- Deciders: [@ann](https://github.com/ann) [@bob](https://github.com/bob)\n",
            "0005-e.md": "# E\n\n## Status\n\naccepted\n\n## Deciders\n\n* Ann Arbor\n* Bob Branch\n",
            "0006-f.md": "# F\n\n- Status: accepted\n- Deciders: \n",
        },
        {
            "0001-a": {"status": "accepted", "deciders": ["Ann Arbor (CTO)", "Bob Branch (PM)"]},
            "0002-b": {"status": "accepted", "deciders": ["team:architecture-team"]},
            "0003-c": {"status": "accepted", "deciders": ["Ann Arbor", "Bob Branch"]},
            "0004-d": {"status": "accepted", "deciders": ["@ann", "@bob"]},
            "0005-e": {"status": "accepted", "deciders": ["Ann Arbor", "Bob Branch"]},
            "0006-f": {"status": "accepted", "deciders": []},
        },
    ),
    "no status, only date": (
        {"0001-a.md": "# A\n\n2024-05-06\n\n## Context\n\nX\n", "0002-b.md": "# B\n\nDecided on 2024-05-06.\n"},
        {"0001-a": {"status": None}, "0002-b": {"status": None}},
    ),
    "empty and odd": (
        {
            "0001-a.md": "",
            "0002-b.md": "\n\n\n",
            "0003-c.md": "---\n---\n",
            "0004-d.md": "# \n\n## Status\n\nAccepted\n",
        },
        {
            "0001-a": {"title": None, "status": None},
            "0002-b": {"title": None, "status": None},
            "0003-c": {"title": None, "status": None},
            "0004-d": {"status": "accepted"},
        },
    ),
    "hugo": (
        {"0001-a.md": '+++\ntitle = "A"\ndate = 2024-05-06\nstatus = "Accepted"\n+++\n\nText\n'},
        {"0001-a": {"title": "A", "status": "accepted", "date": "2024-05-06"}},
    ),
    "jekyll docs nav": (
        {
            "0001-a.md": "---\n"
            "layout: default\n"
            "title: A\n"
            "parent: Decisions\n"
            "nav_order: 1\n"
            "status: Accepted\n"
            "---\n"
            "<!-- x -->\n"
            "\n"
            "# A\n"
            "\n"
            "## Context\n"
        },
        {"0001-a": {"title": "A", "status": "accepted"}},
    ),
    "docusaurus": (
        {
            "0001-a.mdx": "---\n"
            "sidebar_position: 1\n"
            "sidebar_label: A\n"
            "---\n"
            "\n"
            "import X from './x';\n"
            "\n"
            "# ADR 1 - A\n"
            "\n"
            ":::info Status\n"
            "Accepted\n"
            ":::\n",
            "0002-b.md": "---\nslug: b\n---\n# B\n\n:::note\n\nStatus: accepted\n\n:::\n",
        },
        {"0001-a": {"title": "ADR 1 - A", "status": None}, "0002-b": {"status": "accepted"}},
    ),
    "obsidian": (
        {
            "0001-a.md": '---\ntags:\n  - adr\naliases: []\nstatus: accepted\ndecider: "[[Ann Arbor]]"\n---\n# A\n',
            "0002-b.md": '---\nstatus: superseded\nsuperseded by: "[[0001-a]]"\n---\n# B\n',
        },
        {
            "0001-a": {"status": "accepted", "deciders": ["Ann Arbor"]},
            "0002-b": {"status": "superseded", "superseded_by": ["0001-a"]},
        },
    ),
    "changelog in status": (
        {
            "0001-a.md": "# A\n\n## Status\n\nAccepted\n\n### History\n\n- 2024-01-01: Proposed\n- 2024-02-01: Accepted\n",
            "0002-b.md": "# B\n\n## Status\n\n- Proposed (2024-01-01)\n- Rejected (2024-02-01)\n",
            "0003-c.md": "# C\n\n## Status\n\nProposed 2024-01-01, accepted 2024-02-01\n",
        },
        {"0001-a": {"status": "accepted"}, "0002-b": {"status": "rejected"}, "0003-c": {"status": "accepted"}},
    ),
    "chosen instead": (
        {
            "0001-a.md": "# A\n\n## Status\n\nRejected in favor of ADR-0002\n",
            "0002-b.md": "# B\n\n## Status\n\nAccepted, replacing [ADR-0003](0003-c.md)\n",
            "0003-c.md": "# C\n\n## Status\n\nAccepted (superseding ADR-0004)\n\nDate: 2024-05-06\n\nDeciders: Ann, Bob\n",
            "0004-d.md": "# D\n\n## Status\n\n2024-05-06: Accepted by Ann\n",
        },
        {
            "0001-a": {"status": "rejected", "superseded_by": ["0002-b"]},
            "0002-b": {"status": "accepted", "supersedes": ["0003-c"]},
            "0003-c": {
                "status": "accepted",
                "supersedes": ["0004-d"],
                "date": "2024-05-06",
                "deciders": ["Ann", "Bob"],
            },
            "0004-d": {"status": "accepted"},
        },
    ),
    "status lines with dates in other forms": (
        {
            "0001-a.md": "# A\n\n## Status\n\nAccepted 2020/01/01\nDeprecated 2022/01/01\n",
            "0002-b.md": "# B\n\n## Status\n\nAccepted (1 Jan 2020)\n\nDeprecated (3 March 2022)\n",
            "0003-c.md": "# C\n\n## Status\n\nProposed 1 January 2020\n\nAccepted 3 February 2020\n",
            "0004-d.md": "# D\n\n## Status\n\nAccepted 01/02/2020\n\nSuperseded 03/04/2021 by [5. E](0005-e.md)\n",
            "0005-e.md": "# E\n\n## Status\n\nAccepted by the team.\n\nDeprecated in May 2022\n",
            "0006-f.md": "# F\n\n## Status\n\nVorgeschlagen am 1. März 2019\nAbgelehnt am 3.2.2020\n",
            "0007-g.md": "# G\n\n## Status\n\n2023年1月2日 承認\n2024年3月1日 廃止\n",
            "0008-h.md": "# H\n\n## Status\n\nProposed on 1 Jan 2020 and accepted on 3 Feb 2020\n",
            "0009-i.md": "# I\n\n## Status\n\nAccepted 05/01/2020\n\nRejected 02/03/2020\n",
            "0010-j.md": "# J\n\n## Status\n\nAccepted\n\nDeprecated\n",
            "0011-k.md": "# K\n\n## Status\n\nAccepted.\n\nOpen questions were settled on 2020-02-02.\n",
            "0012-l.md": "# L\n\n## Status\n\n|Status|Date|\n|--|--|\n|Accepted|3 Feb 2020|\n|Proposed|1 Jan 2020|\n",
        },
        {
            "0001-a": {"status": "reversed", "unknown": []},
            "0002-b": {"status": "reversed", "unknown": []},
            "0003-c": {"status": "accepted", "unknown": []},
            "0004-d": {"status": "superseded", "superseded_by": ["0005-e"], "unknown": []},
            "0005-e": {"status": "reversed"},
            "0006-f": {"status": "rejected"},
            "0007-g": {"status": "reversed"},
            "0008-h": {"status": "accepted"},
            "0009-i": {"status": None, "unknown": ["Accepted 05/01/2020\n\nRejected 02/03/2020"]},
            "0010-j": {"status": None, "unknown": ["Accepted\n\nDeprecated"]},
            "0011-k": {"status": "accepted"},
            "0012-l": {"status": "accepted"},
        },
    ),
    "successor after a date": (
        {
            "0001-a.md": "# A\n\n## Status\n\nAccepted on 2020-01-01 and superseded by ADR-2\n",
            "0002-b.md": "# B\n\n## Status\n\nAccepted 2020-01-01 superseded by ADR-3\n",
            "0003-c.md": "# C\n\n## Status\n\nAccepted<br>Superseded by [4](0004-d.md)\n",
            "0004-d.md": "# D\n\n## Status\n\nAccepted by Ann in March 2020 and superseded by ADR-5\n",
            "0005-e.md": "# E\n\n## Status\n\n:warning: The decision was superseded by ADR-6\n",
            "0006-f.md": "# F\n\n## Status\n\nAngenommen am 1.3.2020, ersetzt am 2. Mai 2021 durch ADR-7\n",
            "0007-g.md": "# G\n\n## Status\n\nAccepted on 2020-01-01; point 3 superseded on 2021-01-01 by ADR-8\n",
            "0008-h.md": "# H\n\n## Status\n\nAccepted, superseded in part by ADR-7\n",
            "0009-i.md": "# I\n\n## Status\n\nAccepted, partially supersedes ADR-8\n",
            "0010-j.md": "# J\n\n## Status\n\nSuperseded by [9](0009-i.md) (partially)\n",
        },
        {
            "0001-a": {"status": "superseded", "superseded_by": ["0002-b"], "amended_by": []},
            "0002-b": {"status": "superseded", "superseded_by": ["0003-c"]},
            "0003-c": {"status": "superseded", "superseded_by": ["0004-d"]},
            "0004-d": {"status": "superseded", "superseded_by": ["0005-e"]},
            "0005-e": {"status": "superseded", "superseded_by": ["0006-f"]},
            "0006-f": {"status": "superseded", "superseded_by": ["0007-g"]},
            "0007-g": {"status": "accepted", "superseded_by": [], "amended_by": ["0008-h"]},
            "0008-h": {"status": "accepted", "superseded_by": [], "amended_by": ["0007-g"]},
            "0009-i": {"status": "accepted", "supersedes": [], "amends": ["0008-h"]},
            "0010-j": {"status": "accepted", "superseded_by": [], "amended_by": ["0009-i"]},
        },
    ),
    "relations in sections and lists": (
        {
            "0001-a.md": "# A\n\n## Status\n\nAccepted\n\n## Superseded by\n\n[2. B](0002-b.md)\n",
            "0002-b.md": "# B\n\n## Status\n\nAccepted\n\n## Supersedes\n\n* [1. A](0001-a.md)\n* C (ADR-3)\n",
            "0003-c.md": "# C\n\n## Status\n\nSuperseded by\n\n* [1. A](0001-a.md)\n* [2. B](0002-b.md): again\n",
            "0004-d.md": "# D\n\n## Status\n\nSuperseded by:\n- ADR-1\n- ADR-2\n\n3 people were against it.\n",
            "0005-e.md": "# E\n\nStatus: accepted\n\nSupersedes:\n\n1. ADR-3\n2. ADR-4\n",
            "0006-f.md": "# F\n\nStatus: accepted\n\n## Supersedes\n\nThe one in [x](../other/0099-x.md)\n",
            "0007-g.md": "# G\n\nStatus: accepted\n\n## Supersedes\n\nNone\n",
            "0008-h.md": "# H\n\nStatus: accepted\n\n## Links\n\n### Supersedes\n\n- [6](0006-f.md)\n",
            "0009-i.md": "---\nstatus: accepted\nrelations:\n  supersedes: [ADR-7, ADR-8]\n---\n# I\n",
            "0010-j.md": "# J\n\nStatus: accepted\n\n## Links\n\n* [Supersedes] [ADR-0009](0009-i.md)\n",
            "0011-k.md": "---\nstatus: superseded\nsupersededBy: ADR-10\n---\n# K\n",
        },
        {
            "0001-a": {"status": "accepted", "superseded_by": ["0002-b"]},
            "0002-b": {"supersedes": ["0001-a", "0003-c"]},
            "0003-c": {"status": "superseded", "superseded_by": ["0001-a", "0002-b"]},
            "0004-d": {"status": "superseded", "superseded_by": ["0001-a", "0002-b"]},
            "0005-e": {"status": "accepted", "supersedes": ["0003-c", "0004-d"]},
            "0006-f": {"supersedes": [], "unknown": ["## Supersedes The one in [x](../other/0099-x.md)"]},
            "0007-g": {"supersedes": [], "unknown": []},
            "0008-h": {"supersedes": ["0006-f"]},
            "0009-i": {"supersedes": ["0007-g", "0008-h"]},
            "0010-j": {"supersedes": ["0009-i"]},
            "0011-k": {"superseded_by": ["0010-j"]},
        },
    ),
    "statuses without spaces": (
        {
            f"{n:04}-x.md": f"---\nstatus: {text}\n---\n# X\n"
            for n, text in enumerate(
                (
                    *("採用しない", "採用見送り", "承認待ち", "承認されなかった", "採用予定", "有効期限切れ", "批准中"),
                    *("接受审核中", "Gültigkeit abgelaufen", "廃止予定", "将被 ADR-1 取代", "ADR-1により置換予定"),
                    *(
                        "採用済み",
                        "承認されました",
                        "採用2024年5月1日",
                        "廃止された",
                        "已接受\n\n  已被 ADR-1 取代",
                        "部分被 ADR-1 取代",
                    ),
                )
            )
        },
        {
            **{f"{n:04}-x": {"status": None, "superseded_by": []} for n in range(12)},
            "0012-x": {"status": "accepted"},
            "0013-x": {"status": "accepted"},
            "0014-x": {"status": "accepted"},
            "0015-x": {"status": "reversed"},
            "0016-x": {"status": "superseded", "superseded_by": ["0001-x"]},
            "0017-x": {"status": "accepted", "superseded_by": [], "amended_by": ["0001-x"]},
        },
    ),
    "front matter below a comment": (
        {
            "0001-a.md": "<!--\nSPDX-License-Identifier: MIT\n-->\n\n---\nstatus: accepted\ndate: 2024-05-06\n---\n\n# A\n",
            "0002-b.md": "\n\n---\nstatus: rejected\n---\n# B\n",
            "0003-c.md": '<!-- C -->\n+++\nstatus = "accepted"\n+++\n## C\n\n### Context\n\nX\n',
            "0004-d.md": "<!-- D -->\n\n---\n\nA text between two rules.\n\n---\n\n# D\n\nStatus: accepted\n",
        },
        {
            "0001-a": {"title": "A", "status": "accepted", "date": "2024-05-06"},
            "0002-b": {"title": "B", "status": "rejected"},
            "0003-c": {"title": "C", "status": "accepted"},
            "0004-d": {"title": "D", "status": "accepted"},
        },
    ),
    "people in lists": (
        {
            "0001-a.md": "---\nstatus: accepted\ndecision-makers:\n  - name: Ann Lee\n  - name: Bob Ray\n---\n# A\n",
            "0002-b.md": "---\ndeciders: [{name: Ann Lee, role: CTO}, Bob Ray, {email: c@example.org}]\n---\n# B\n",
            "0003-c.md": '+++\n[[deciders]]\nname = "Ann Lee"\n[[deciders]]\nname = "Bob Ray"\n+++\n# C\n',
            "0004-d.md": "# D\n\nStatus: accepted\n\nDeciders:\n\n* Ann Lee\n* Bob Ray\n\nDate: 2020-01-01\n",
            "0005-e.md": "# E\n\n* Deciders:\n* Date: 2020-01-01\n* Status: accepted\n",
            "0006-f.md": "# F\n\nStatus:\nAccepted\n\nDeciders:\n1. Ann Lee\n2. Bob Ray\n\nDate:\n\n2020-01-01\n",
            "0007-g.md": "# G\n\n**Status**\n\nAccepted\n\n**Deciders**\n\n- Ann Lee\n\n## Context\n\nX\n",
            "0008-h.md": "# H\n\nStatus: accepted\n\nDeciders:\n\nThis record is about H.\n",
            "0010-j.md": "# J\n\nDeciders:\nTechnical Story: #12\nStatus:\nAccepted\nSuperseded by: ADR-1\n",
            "0009-i.md": "---\nstatus: accepted\ndeciders: {list everyone involved in the decision}\n---\n# I\n",
        },
        {
            "0001-a": {"deciders": ["Ann Lee", "Bob Ray"], "unknown": []},
            "0002-b": {"deciders": ["Ann Lee", "Bob Ray"], "unknown": ["{email: c@example.org}"]},
            "0003-c": {"deciders": ["Ann Lee", "Bob Ray"]},
            "0004-d": {"deciders": ["Ann Lee", "Bob Ray"], "date": "2020-01-01"},
            "0005-e": {"deciders": [], "date": "2020-01-01", "status": "accepted"},
            "0006-f": {"deciders": ["Ann Lee", "Bob Ray"], "date": "2020-01-01", "status": "accepted"},
            "0007-g": {"deciders": ["Ann Lee"], "status": "accepted"},
            "0008-h": {"deciders": [], "status": "accepted"},
            "0010-j": {"deciders": [], "status": "accepted", "superseded_by": ["0001-a"]},
            "0009-i": {"deciders": [], "unknown": ["list everyone involved in the decision"]},
        },
    ),
    "a status that changed in its text": (
        {
            "0001-a.md": "# A\n\n## Status\n\nAccepted\n\nThis decision was reversed on 2022-01-01.\n",
            "0002-b.md": "# B\n\n## Status\n\nAccepted\n\n**Superseded** by [1](0001-a.md)\n",
            "0003-c.md": "# C\n\n## Status\n\nAccepted, now deprecated\n",
            "0004-d.md": "# D\n\n## Status\n\nAccepted\n\n|Date|Change|\n|--|--|\n|2020-01-01|Proposed|\n|2021-01-01|Accepted|\n",
            "0005-e.md": "# E\n\n## Status\n\nAgreed to defer it\n",
            "0006-f.md": "# F\n\n## Status\n\nAccepted?\n",
            "0007-g.md": "# G\n\n* Status: superseded by:\n  * [1](0001-a.md)\n  * [2](0002-b.md)\n",
            "0008-h.md": "---\nstatus: accepted\nsupersedes:\n  - id: ADR-1\n    title: A\n---\n# H\n",
            "0009-i.md": "# I\n\n## Status\n\nWird ersetzt durch ADR-1\n",
        },
        {
            "0001-a": {"status": "reversed"},
            "0002-b": {"status": "superseded", "superseded_by": ["0001-a"]},
            "0003-c": {"status": "reversed"},
            "0004-d": {"status": "accepted"},
            "0005-e": {"status": None, "unknown": ["Agreed to defer it"]},
            "0006-f": {"status": None, "unknown": ["Accepted?"]},
            "0007-g": {"status": "superseded", "superseded_by": ["0001-a", "0002-b"]},
            "0008-h": {"status": "accepted", "supersedes": ["0001-a"]},
            "0009-i": {"status": None, "superseded_by": [], "amended_by": []},
        },
    ),
    "front matter below the title": (
        {
            "0001-a.md": "# A\n\n---\nstatus: accepted\ndate: 2024-01-01\ndeciders: Ann Lee\n---\n\n## Context\n\nX\n",
            "0002-b.md": "# B\n\n---\n\nStatus: accepted\n\nA text.\n\n---\n\n## Context\n\nX\n",
            "0003-c.md": "# C\n\n- Status: accepted\n- Deciders:\n  - [x] Ann Lee\n    - CTO\n  - [x] Bob Ray\n",
        },
        {
            "0001-a": {"title": "A", "status": "accepted", "date": "2024-01-01", "deciders": ["Ann Lee"]},
            "0002-b": {"title": "B", "status": "accepted"},
            "0003-c": {"deciders": ["Ann Lee (CTO)", "Bob Ray"]},
        },
    ),
    "relations to a part": (
        {
            "0001-a.md": "# A\n\n- Status: Accepted\n",
            "0002-b.md": "# B\n\n- Status: Accepted\n- **Supersedes:** ADR-0001, in part — only what it says of sessions\n",
            "0003-c.md": "# C\n\n- Status: Accepted\n- **Supersedes:** ADR-0001 (partially; its API is kept), ADR-0002 §4\n",
            "0004-d.md": "# D\n\n- Status: Accepted\n- **Supersedes:** ADR-0001's outbox and its\n  table\n",
            "0005-e.md": '---\nstatus: accepted\npartially_supersedes:\n  - "[ADR-0001](0001-a.md)\'s panel"\n---\n# E\n',
            "0006-f.md": "# F\n\n- Status: Accepted\n- **Partially supersedes** [ADR-0001](0001-a.md) — two scopes\n",
            "0007-g.md": "---\nstatus: accepted\nsuperseded_by: ADR-0001 (converter and filter only)\n---\n# G\n",
            "0008-h.md": "# H\n\n- Status: Accepted\n- Superseded in part by: ADR-0001\n",
            "0009-i.md": "# I\n\n- Status: Accepted\n- Supersedes: ADR-0001 (Unified studio)\n",
            "0011-k.md": "# K\n\n- Status: Accepted\n- Supersedes: ADR-0002 that's older\n",
            "0012-l.md": "# L\n\n- Status: Accepted\n- Supersedes: ADR-0001 and ADR-0002 (partially)\n",
            "0010-j.md": "# J\n\n- Status: Accepted\n\n## Links\n\n* Supersedes [ADR-0001](0001-a.md) (partially)\n",
        },
        {
            "0001-a": {"status": "accepted"},
            "0002-b": {"supersedes": [], "amends": ["0001-a"]},
            "0003-c": {"supersedes": [], "amends": ["0001-a", "0002-b"]},
            "0004-d": {"supersedes": [], "amends": ["0001-a"]},
            "0005-e": {"supersedes": [], "amends": ["0001-a"]},
            "0006-f": {"supersedes": [], "amends": ["0001-a"]},
            "0007-g": {"superseded_by": [], "amended_by": ["0001-a"]},
            "0008-h": {"superseded_by": [], "amended_by": ["0001-a"]},
            "0009-i": {"supersedes": ["0001-a"], "amends": []},
            "0010-j": {"supersedes": [], "amends": ["0001-a"]},
            "0011-k": {"supersedes": ["0002-b"], "amends": []},
            "0012-l": {"supersedes": ["0001-a"], "amends": ["0002-b"]},
        },
    ),
    "several records with remarks": (
        {
            "0001-a.md": "# A\n\n- Status: Accepted\n- Amended by: [ADR-0002](0002-b.md), until logins exist (one player);"
            " [ADR-0003](0003-c.md), which logs in\n",
            "0002-b.md": "# B\n\n- Status: Accepted\n- Amends: ADR-0001 (item 6, of 3), ADR-0003 (the rest)\n",
            "0003-c.md": "# C\n\n- Status: Accepted\n- Supersedes: ADR-0002, 3 of its rules, 12 March 2024\n",
            "0004-d.md": "# D\n\n## Status\n\nSuperseded — 2024-08-18; a proposal, never accepted\n",
        },
        {
            "0001-a": {"amended_by": ["0002-b", "0003-c"]},
            "0002-b": {"amends": ["0001-a", "0003-c"]},
            "0003-c": {"supersedes": ["0002-b"], "unknown": []},
            "0004-d": {"status": "superseded", "superseded_by": [], "unknown": []},
        },
    ),
    "RFCs by number": (
        {
            "rfc-001-a.md": "---\nstatus: superseded by RFC 2\n---\n# A\n",
            "rfc-002-b.md": "# B\n\n- Status: accepted\n- Supersedes: RFC-001, RFC-003\n",
            "rfc-003-c.md": "# C\n\nStatus: superseded by RFC 0002 / 0004\n",
            "rfc-004-d.md": "# D\n\nStatus: amended by ADR-2\n",
        },
        {
            "rfc-001-a": {"status": "superseded", "superseded_by": ["rfc-002-b"]},
            "rfc-002-b": {"status": "accepted", "supersedes": ["rfc-001-a", "rfc-003-c"]},
            "rfc-003-c": {"status": "superseded", "superseded_by": ["rfc-002-b", "rfc-004-d"]},
            "rfc-004-d": {"amended_by": [], "unknown": ["amended by ADR-2"]},
        },
    ),
    "the number of another series": (
        {
            "0001-a.md": "# ADR-0001: A\n\nStatus: superseded by RFC-2\n",
            "0002-b.md": "# ADR-0002: B\n\nStatus: accepted\n",
            "0003-c.md": "# RFC 3: C\n\nStatus: accepted\n\nSupersedes: RFC 4\n",
            "0004-d.md": "# RFC 4: D\n\nStatus: accepted\n",
        },
        {
            "0001-a": {"status": "superseded", "superseded_by": [], "unknown": ["superseded by RFC-2"]},
            "0002-b": {"status": "accepted"},
            "0003-c": {"supersedes": ["0004-d"]},
            "0004-d": {"status": "accepted"},
        },
    ),
    "a section of metadata": (
        {
            "0001-a.md": "# A\n\n## Metadata\n\n| Field | Value |\n|---|---|\n| **Status** | Accepted |\n| **Date** | 2024-02-06 |\n"
            "| **Superseded by** | ADR-002 |\n\n---\n\n## Context\n\nC.\n",
            "0002-b.md": "# B\n\n## Document Information\n\n- Status: Approved\n- Deciders: Ann, Bob\n- Supersedes: ADR-003\n\n## Context\n\nC.\n",
            "0003-c.md": "# C\n\n## Overview\n\nC.\n\n- Status: the state of a valve\n\n## Status\n\nRejected\n",
        },
        {
            "0001-a": {"status": "accepted", "date": "2024-02-06", "superseded_by": ["0002-b"]},
            "0002-b": {"status": "accepted", "deciders": ["Ann", "Bob"], "supersedes": ["0003-c"]},
            "0003-c": {"status": "rejected"},
        },
    ),
    "values on several lines": (
        {
            "0001-a.md": "# A\n\n- **Status:** Accepted, and partly\n  superseded by ADR-0002\n- **Deciders:** Ann Arbor, Bob Branch,\n"
            "  Carl Cole\n- Date: 2024-02-06\n",
            "0002-b.md": "# B\n\n**Status:** Accepted (all is green; see the\nresults)\n**Deciders:** Ann Arbor,\nBob Branch\n\nText.\n",
            "0003-c.md": "# C\n\n- Status: Accepted\n- Supersedes: ADR-0001,\n  ADR-0002\n",
            "0004-d.md": "# D\n\n- Deciders: Ann Arbor\n  Note: Bob abstained\n- Date: 2024-02-06\n  Reviewed in March\n- Status: Accepted\n",
        },
        {
            "0001-a": {
                "status": "accepted",
                "amended_by": ["0002-b"],
                "deciders": ["Ann Arbor", "Bob Branch", "Carl Cole"],
                "date": "2024-02-06",
            },
            "0002-b": {"status": "accepted", "deciders": ["Ann Arbor", "Bob Branch"]},
            "0003-c": {"supersedes": ["0001-a", "0002-b"]},
            "0004-d": {"status": "accepted", "date": "2024-02-06", "deciders": ["Ann Arbor"]},
        },
    ),
    "successors in more languages": (
        {
            "0001-a.md": "# A\n\n## Status\n\nSubstituído pela ADR-0002\n",
            "0002-b.md": "# B\n\n## Stato\n\nSostituita dalla [ADR-0003](0003-c.md)\n",
            "0003-c.md": "# C\n\n## Status\n\nVervangen door ADR-0004\n",
            "0004-d.md": "# D\n\n- Status: zastąpiony przez [0005](0005-e.md)\n- Data: 2024-02-06\n",
            "0005-e.md": "# E\n\n## Статус\n\nЗаменено на ADR-0006\n",
            "0006-f.md": "# F\n\n## 상태\n\nADR-0007로 대체됨\n",
            "0007-g.md": "# G\n\n## Statut\n\nRemplacee par ADR-0008 apres le test\n",
            "0008-h.md": "# H\n\n## Status\n\nAceito\n\nData: o banco de dados\n",
        },
        {
            "0001-a": {"status": "superseded", "superseded_by": ["0002-b"]},
            "0002-b": {"status": "superseded", "superseded_by": ["0003-c"]},
            "0003-c": {"status": "superseded", "superseded_by": ["0004-d"]},
            "0004-d": {"status": "superseded", "superseded_by": ["0005-e"], "date": "2024-02-06"},
            "0005-e": {"status": "superseded", "superseded_by": ["0006-f"]},
            "0006-f": {"status": "superseded", "superseded_by": ["0007-g"]},
            "0007-g": {"status": "superseded", "superseded_by": ["0008-h"]},
            "0008-h": {"status": "accepted", "date": None, "unknown": []},
        },
    ),
    "RFCs whose first heading is that of the summary": (
        {
            "0001-private-fields.md": "- Feature Name: `private_fields`\n- Start Date: 2014-03-11\n- RFC PR: #1\n\n# Summary\n\nX.\n\n# Motivation\n\nM.\n",
            "0002-b.md": "* Start Date: 2022-10-03\n* RFC Status: approved\n\n# Summary\n\nX.\n",
            "0003-c.md": "* Start Date: 2022-08-18\n* RFC Status: draft\n\n# Measure browsers\n\n# Summary\n\nX.\n",
            "0004-d.md": "- Feature Name: (fill me in)\n\n# Summary\n\nX.\n",
        },
        {
            "0001-private-fields": {"title": "`private_fields`", "status": None},
            "0002-b": {"title": None, "status": "accepted"},
            "0003-c": {"title": "Measure browsers", "status": "proposed"},
            "0004-d": {"title": None},
        },
    ),
    "records in folders of their own": (
        {
            "README.md": "# Index\n\n- Status: living\n",
            "features/README.md": "# Features\n\n- Status: living\n",
            "features/0000-template/README.md": "# 0000: Topic\n\n- Status: proposed\n",
            "features/0036-issue/README.md": "# RFC 0036: Issue\n\n- Status: [ACCEPTED](/README.md#accepted)\n",
            "features/0453-issue-v2/README.md": "# RFC 0453: Issue 2\n\n- Status: [PROPOSED](/README.md#proposed)\n"
            "- Supersedes: [RFC 0036](../0036-issue/README.md)\n",
            "features/0500-no-status/README.md": "# Assets of 500\n",
        },
        {
            "features/0036-issue/README": {"title": "RFC 0036: Issue", "status": "accepted"},
            "features/0453-issue-v2/README": {"status": "proposed", "supersedes": ["features/0036-issue/README"]},
        },
    ),
    "more forms of headers": (
        {
            "0001-a.md": "# A\n\nDate: 2024-10-04. Status: accepted.\n",
            "0002-b.md": "# B\n\n| | |\n|---|---|\n| Owners | @ann |\n| Approvers | @bob @carl |\n\n## Status\n\nEnforced\n",
            "0003-c.md": "# C\n\n- Status: Accepted\n- Revised by: ADR-0001 at its seams; ADR 0002 at its edges\n",
            "0004-d.md": "# D\n\n## Statut\n\nRemplace une version qui retenait A.\n",
        },
        {
            "0001-a": {"status": "accepted", "date": "2024-10-04"},
            "0002-b": {"status": "accepted", "deciders": ["@bob", "@carl"]},
            "0003-c": {"amended_by": ["0001-a", "0002-b"]},
            "0004-d": {"status": None},
        },
    ),
    "names with a project or a part": (
        {
            "ODH-ADR-0001-a.md": "# A\n\nStatus: accepted\nSuperseded-by: ODH-ADR-Operator-0002-b.md\n",
            "ODH-ADR-Operator-0002-b.md": "# B\n\nStatus: accepted\n\nReplaces: ADR-1\n",
            "ODH-ADR-0003-c.md": "# C\n\n## Status\n\nProposed → Accepted when the first phase works\n",
            "ODH-ADR-notes.md": "# N\n\nStatus: accepted\n",
            "2024-adr-5-e.md": "# E\n\nStatus: Proposed → Accepted on 2024-03-01\n",
        },
        {
            "ODH-ADR-0001-a": {"status": "accepted", "superseded_by": ["ODH-ADR-Operator-0002-b"]},
            "ODH-ADR-Operator-0002-b": {"status": "accepted", "supersedes": ["ODH-ADR-0001-a"]},
            "ODH-ADR-0003-c": {"status": "proposed"},
            "2024-adr-5-e": {"status": "accepted"},
        },
    ),
}
"""By what is particular: the files, and by record the fields that are compared."""

WAYS_TO_NAME_A_SUCCESSOR = [
    "superseded by [0002](0002-b.md)",
    "Superseded by [ADR-0002](0002-b.md)",
    "superseded by [ADR 2: Two](./0002-b.md)",
    "Superseded by [0002-b](/docs/adr/0002-b.md)",
    "Superseded by [Two](../adr/0002-b.md#status)",
    "Superseded by ADR-0002",
    "superseded by ADR 2",
    "Superseded by #2",
    "Superseded by 0002",
    "Superseded by [[0002-b]]",
    "Superseded by [[0002-b|Two]]",
    "Superseded by `0002-b.md`",
    "Superseded by [ADR-0002]",
    "Superseded by [0002][next]\n\n[next]: 0002-b.md",
    "Superseded by <0002-b.md>",
    "~~Accepted~~ Superseded by [ADR-0002](0002-b.md)",
    "Superseded by: [ADR-0002](0002-b.md)",
    "**Superseded** by [ADR-0002](0002-b.md)",
    "Superseded by **[ADR-0002](0002-b.md)**",
    "Superseded by _ADR-0002_",
    "Superseded by [ADR-0002](0002-b.md) on 2024-01-01",
    "Superseded (2024-01-01) by [ADR-0002](0002-b.md)",
    "Superseded on 2024-01-01 by [ADR-0002](0002-b.md)",
    "[Superseded by ADR-0002](0002-b.md)",
    "Superseded by the decision in [ADR-0002](0002-b.md)",
    "Superseded, see [ADR-0002](0002-b.md)",
    "Superseded. See [ADR-0002](0002-b.md).",
    "Superseded - [ADR-0002](0002-b.md)",
    "Superseded by ADR0002",
    "Superseded by adr-2",
    "Superseded by [Two](<0002-b.md>)",
    'Superseded by [Two](0002-b.md "Two")',
    "Superseded by [Two](https://github.com/o/r/blob/main/docs/adr/0002-b.md)",
    "Superseded by https://github.com/o/r/blob/main/docs/adr/0002-b.md",
    "Superseded by [ADR-0002: Two](0002-b)",
    "Superseded by [Two](0002-b.html)",
    "❌ Superseded by [ADR-0002](0002-b.md)",
    "Status: Superseded by ADR-0002",
    "Superseded in full by ADR-0002",
    "Superseded since 2024-01-01 by ADR-0002",
    "Has been superseded by ADR-0002",
    "This ADR has been superseded by [ADR-0002](0002-b.md).",
    "This decision is superseded by [ADR-0002](0002-b.md)",
    "Accepted, but superseded by [ADR-0002](0002-b.md)",
    "Accepted\n\nSuperseded by [ADR-0002](0002-b.md)",
    "Accepted (superseded by [ADR-0002](0002-b.md))",
    "SUPERSEDED BY ADR-0002",
    "Superseded-by: ADR-0002",
    "Superseded by [2. Two](0002-b.md)",
    "Superseded by No. 2",
    "Superseded by ADR no. 2",
    "Superseded by DR-0002",
    "Superseded by decision 2",
    "Superseded with [ADR-0002](0002-b.md)",
    "Superseded via [ADR-0002](0002-b.md)",
    "Replaced with [ADR-0002](0002-b.md)",
    "Replaced by [ADR-0002](0002-b.md)",
    "Obsoleted by [ADR-0002](0002-b.md)",
    "Obsolete, superseded by [ADR-0002](0002-b.md)",
    "Deprecated, superseded by [ADR-0002](0002-b.md)",
    "Deprecated in favor of [ADR-0002](0002-b.md)",
    "Superseded by [ADR-0002](0002-b.md), accepted 2023-01-01",
    "![superseded](https://img.shields.io/badge/status-superseded-red) by [ADR-0002](0002-b.md)",
    "Superseded by [ADR-0002](0002-b.md)<br>2024-01-01",
    "Superseded ([ADR-0002](0002-b.md))",
    "Superseded → [ADR-0002](0002-b.md)",
    "Superseded by [ADR‑0002](0002-b.md)",
    "Superseded by [ADR-0002\\: Two](0002-b.md)",
    "Deprecated by [ADR-0002](0002-b.md)",
    "Annulée et remplacée par ADR-0002",
    "Abgelöst von ADR-0002",
    "Sustituida en favor de ADR-0002",
]
