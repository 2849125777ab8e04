"""What real folders of records get wrong: people, dates, statuses, links, names, encodings and languages."""

import pytest

from domain.values import parse_timestamp, to_micros
from interchange.adr.keywords import WordsError, load_words
from tests.interchange.adr.support import DAY, LATER, a_log, bring_in, decisions, write_out


@pytest.fixture
def log(tmp_path):
    with a_log(tmp_path / "log") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "adr").mkdir()
    return tmp_path / "adr"


def put(folder, **texts):
    for name, text in texts.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.with_name(path.name + ".md") if not path.suffix else path).write_text(text, "utf-8")
    return folder


def one(folder, log, text, **options):
    """The record that a text becomes."""
    (folder / "0001-one.md").write_text(text, "utf-8")
    report = bring_in(folder, log, **options)
    (subject,) = decisions(log)
    return log.state(subject), report


def now(state, name):
    return state.value_at(name, LATER + DAY)


def names_in(log, state, name="deciders"):
    return [log.directory.name(who) or who for who in state.subjects_at(name, LATER + DAY)]


def day(text):
    return to_micros(parse_timestamp(text))


@pytest.mark.parametrize(
    "text",
    [
        "# T\n\n- Status: accepted <!-- optional -->\n- Deciders: Ann Arbor, Bob Branch <!-- optional -->\n",
        "---\nstatus: accepted\ndeciders: Ann Arbor; Bob Branch\n---\n# T\n",
        "---\nstatus: accepted\ndeciders: Ann Arbor and Bob Branch\n---\n# T\n",
        "---\nstatus: accepted\ndeciders: [Ann Arbor, Bob Branch]\n---\n# T\n",
        "# T\n\n* Status: accepted\n* Deciders:\n  * Ann Arbor\n  * Bob Branch\n* Date: 2024-01-01\n",
        "# T\n\n**Status:** Accepted\n**Deciders:** Ann Arbor & Bob Branch\n",
        "# T\n\n- Status: accepted\n- Deciders: [Ann Arbor](https://x.org/ann), [Bob Branch](mailto:bob@example.org)\n",
        "# T\n\n| Status | Accepted |\n|---|---|\n| Deciders | Ann Arbor, Bob Branch |\n",
        "# T\n\n## Status\n\naccepted\n\n## Deciders\n\n- Ann Arbor\n- Bob Branch\n",
        "# T\n\n- Status: accepted\n- Deciders: Ann Arbor <ann@example.org>, Bob Branch <bob@example.org>\n",
        "# T\n\n- Status: accepted\n- Deciders: Ann Arbor<br>Bob Branch\n",
        "# T\n\n- Status: accepted\n- Deciders: Ann Arbor + Bob Branch et al.\n",
        "# T\n\n- Status: accepted\n- Deciders: Ann Arbor | Bob Branch | and others\n",
        '+++\nstatus = "accepted"\ndeciders = ["Ann Arbor", "Bob Branch"]\n+++\n# T\n',
    ],
)
def test_two_people_are_two_people(folder, log, text):
    """Two deciders are two people, however a record names them."""
    state, report = one(folder, log, text)

    assert names_in(log, state) == ["Ann Arbor", "Bob Branch"]
    assert report.people_registered == 2


@pytest.mark.parametrize("text", ["[@ann, @bob]", "@ann @bob", "[@ann](https://x.org/a), [@bob](https://x.org/b)"])
def test_handles(folder, log, text):
    """Handles are people without brackets."""
    state, _ = one(folder, log, f"---\nstatus: accepted\ndeciders: {text}\n---\n# T\n")

    assert names_in(log, state) == ["@ann", "@bob"]


@pytest.mark.parametrize("text", ["[list everyone who decided]", "{who decides}", "<who>", "TBD", "[names]"])
def test_a_placeholder_is_nobody(folder, log, text):
    """A placeholder of a template registers nobody, and is reported unless it says that there is none."""
    state, report = one(folder, log, f"# T\n\n* Status: accepted\n* Deciders: {text}\n")

    assert names_in(log, state) == []
    assert report.people_registered == 0
    assert text == "TBD" or report.unknown_values["deciders"] == {text: 1}


def test_a_comma_in_a_name(folder, log, tmp_path):
    """A member of a YAML list is one person, comma or not; also in our own export."""
    text = '---\nstatus: accepted\ndecision-makers:\n  - Ann Arbor\n  - "Branch, Bob"\n---\n# T\n'
    state, _ = one(folder, log, text)
    write_out(log, tmp_path / "out")
    with a_log(tmp_path / "other") as other:
        bring_in(tmp_path / "out", other)
        (subject,) = decisions(other)

        assert names_in(log, state) == names_in(other, other.state(subject)) == ["Ann Arbor", "Branch, Bob"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2023-9-15", "2023-09-15"),
        ("2024-03-01 10:00", "2024-03-01"),
        ("2024-03-01T10:00:00", "2024-03-01"),
        ("2024-03-01 (updated 2024-05-01)", "2024-03-01"),
        ("1.3.2024", "2024-03-01"),
        ("01. 03. 2024", "2024-03-01"),
        ("13/03/2024", "2024-03-13"),
        ("03/13/2024", "2024-03-13"),
        ("2024-10-26 <!-- optional -->", "2024-10-26"),
        ("1 March 2024", "2024-03-01"),
        ("March 1, 2024", "2024-03-01"),
        ("2024/03/01", "2024-03-01"),
        ("2024年3月1日", "2024-03-01"),
        ("**2024-03-01**", "2024-03-01"),
        ("`2024-03-01`", "2024-03-01"),
        ("[2024-03-01]", "2024-03-01"),
        ("20240301", "2024-03-01"),
        ("1 de marzo de 2024", "2024-03-01"),
        ("Friday, March 1, 2024", "2024-03-01"),
    ],
)
def test_dates(folder, log, written, read):
    """A record takes effect on the day that its date gives."""
    state, _ = one(folder, log, f"# T\n\nDate: {written}\n\n## Status\n\nAccepted\n")

    assert state.started_at() == day(read)
    assert now(state, "x.date") == read


@pytest.mark.parametrize("written", ["2999-06-01", "{YYYY-MM-DD}", "soon", "01/03/2024"])
def test_a_date_that_cannot_be(folder, log, written):
    """A date in the future, or none, is kept as text; the record is imported."""
    state, report = one(folder, log, f"# T\n\nDate: {written}\n\n## Status\n\nAccepted\n")

    assert (report.imported, report.rejected, now(state, "status")) == (1, [], "accepted")
    assert state.started_at() > day("2026-01-01")
    row = state.row_at("x.date", LATER + DAY)
    assert written in (row.value, row.source_value)


STATUSES = [
    ("## Status\n\n- 2024-02-01 Proposed\n- 2024-03-01 Accepted", "accepted"),
    ("## Status\n\n- Accepted (2024-03-01)\n- Proposed (2024-02-01)", "accepted"),
    ("## Status\n\n2024-02-01: Proposed\n\n**2024-05-01**: Rejected", "rejected"),
    ("**Status:** Accepted", "accepted"),
    ("- **Status**: Rejected", "rejected"),
    ("__Status__: Draft", "proposed"),
    ("* Status: ✅ Accepted", "accepted"),
    ("| Status | Accepted |\n|---|---|", "accepted"),
    ("## Status: Accepted", "accepted"),
    ("| Status | Date |\n|---|---|\n| Accepted | 2024-03-01 |", "accepted"),
    ("## 1. Status\n\nAccepted", "accepted"),
    ("### Status\n\nAccepted", "accepted"),
    ("## ✅ Status\n\nAccepted", "accepted"),
    ("## Status\n\n**Accepted**", "accepted"),
    ("## Status\n\n- Accepted", "accepted"),
    ("## Status\n\n<!-- one of -->\nAccepted", "accepted"),
    ("## Status\n\nAccepted, pending review", "accepted"),
    ("## Status\n\nAccepted. Open questions remain.", "accepted"),
    ("## Status\n\nAccepted (2024-03-01), was Proposed", "accepted"),
    ("## Status\n\nActive. In force since 2024.", "accepted"),
    ("## Status\n\nIn progress", "proposed"),
    ("## Status\n\nObsolete", "reversed"),
    ("## Status\n\nAgreed", "accepted"),
    ("## Status\n\nAccepted. It may later be superseded by ADR-2.", "accepted"),
    ("Status: Implemented", "accepted"),
    ("## Status\n\nAccepted; points 1 and 2 superseded by ADR-2", "accepted"),
    ("## STATUS\n\nACCEPTED", "accepted"),
    ("## Status\n\nAccepted\n\nSuperseded by [2. Two](0002-two.md)", "superseded"),
    ("## Status\n\n:white_check_mark: Accepted", "accepted"),
    ("## Status\n\n_Accepted_ (2024-03-01)", "accepted"),
    ("## Status\n\n~~Proposed~~ **Accepted**", "accepted"),
    ("## Status\n\n[Accepted](https://example.org/process)", "accepted"),
    ("## Status\n\n![Accepted](https://img.shields.io/badge/status-accepted-green)", "accepted"),
    ("## Status\n\n<span style='color:green'>Accepted</span>", "accepted"),
    ("## Status\n\nStatus: Accepted", "accepted"),
    ("## Status\n\nProposed → In review → Accepted", "accepted"),
    ("## Status\n\nAccepted --> Deprecated", "reversed"),
    ("## Status\n\n- [ ] Proposed\n- [x] Accepted\n- [ ] Superseded", "accepted"),
    ("## ADR Status\n\nRejected", "rejected"),
    ("#### Status\n\nRejected", "rejected"),
    ("> Status: Rejected", "rejected"),
    ("<b>Status:</b> Rejected", "rejected"),
    ("  * Status: Rejected", "rejected"),
]


@pytest.mark.parametrize(("text", "status"), STATUSES)
def test_statuses(folder, log, text, status):
    """The first word of a status decides, wherever and however a record says it."""
    state, report = one(folder, log, f"# T\n\n{text}\n\n## Context\n\nC.\n")

    assert now(state, "status") == status
    assert (now(state, "title"), now(state, "context")) == ("T", "C.")
    assert not [remark for remark in report.warnings if "no status" in remark.message]


@pytest.mark.parametrize(
    "text",
    [
        "**Superseded** by [ADR-2](./0002-two.md)",
        "Superseded ([ADR-0002](0002-two.md))",
        "Superseded → ADR-0002",
        "Superseded: ADR-2",
        "Deprecated in favor of [ADR-0002](0002-two.md)",
        "Obsoleted by ADR-0002",
        "置き換え済み: ADR-0002",
    ],
)
def test_ways_to_say_superseded(folder, log, text):
    """A record is superseded by another, whatever words and marks its status has."""
    put(folder, **{"0002-two": "# Two\n\n## Status\n\nAccepted\n"})
    (folder / "0001-one.md").write_text(f"# One\n\n## Status\n\n{text}\n", "utf-8")

    bring_in(folder, log)

    (state,) = (log.state(one) for one in decisions(log) if now(log.state(one), "title") == "One")
    assert now(state, "status") == "superseded"
    assert [now(log.state(one), "title") for one in state.subjects_at("superseded_by", LATER + DAY)] == ["Two"]


@pytest.mark.parametrize("name", ["0002-two.rst", "0002-two.adoc", "ADR-3 three.docx", "4.x.txt"])
def test_a_record_in_another_format_is_listed(folder, log, name):
    """A document that is named like a record and is not Markdown is not read but listed in the report."""
    (folder / name).write_text("Two\n===\n", "utf-8")

    _, report = one(folder, log, "# T\n\n## Status\n\nAccepted\n")

    assert [str(remark).partition(";")[0] for remark in report.skipped] == [f"{name}: is not Markdown"]


@pytest.mark.parametrize(
    "text",
    [
        "[ADR-0002](0002-two.md) and [ADR-0003](0003-three.md)",
        "ADR-0002, ADR-0003",
        "ADR 2 and ADR 3",
        "#2, #3",
        "[[0002-two]] and [[0003-three|Three]]",
        "0002-two.md, 0003-three.md",
        "[2. Two][a], [3. Three][b]",
        "<a href='0002-two.md'>2</a> and <a href=\"./0003-three.md#x\">3</a>",
        "[Two](./0002-two.md?x=1); [Three](../adr/0003-three.md)",
        "**ADR-2** and **ADR-3**",
        "[ADR-0002](0002-two.md) and by [ADR-0003](0003-three.md)",
        "https://example.org/adr/0002-two.md, https://example.org/adr/0003-three.md",
        '<a href="0002-two.html">2</a>, <a href="0003-three.html">3</a>',
    ],
)
@pytest.mark.parametrize("verb", ["Superseded by", "Replaced by", "Ersetzt durch", "Remplacé par", "Reemplazado por"])
def test_two_successors(folder, log, text, verb):
    """All successors are linked, in any usual way to write a link."""
    put(folder, **{"0002-two": "# Two\n\nStatus: accepted\n", "0003-three": "# Three\n\nStatus: accepted\n"})
    (folder / "0001-one.md").write_text(f"# One\n\n## Status\n\n{verb} {text}\n", "utf-8")

    bring_in(folder, log)

    by_title = {now(log.state(subject), "title"): log.state(subject) for subject in decisions(log)}
    wanted = [by_title[title].subject for title in ("Two", "Three")]
    assert now(by_title["One"], "superseded_by") == wanted
    assert now(by_title["One"], "status") == "superseded"


def test_a_link_that_leads_nowhere_is_reported(folder, log):
    """A successor that is in no file is reported."""
    state, report = one(folder, log, "# One\n\n## Status\n\nSuperseded by ADR-77\n")

    assert now(state, "status") == "superseded"
    assert report.unknown_values == {"status": {"superseded by ADR-77": 1}}


@pytest.mark.parametrize(
    "new", ["## Status\n\nAccepted\n\nSupersedes [1. One](0001-one.md)", "* Status: accepted\n* Supersedes: ADR-0001"]
)
def test_a_relation_from_the_other_side(folder, log, new):
    """A record that says it supersedes another one is linked from there, and again changes nothing."""
    put(folder, **{"0001-one": "# One\n\nDate: 2024-01-01\n\n## Status\n\nAccepted\n"})
    put(folder, **{"0002-two": f"# Two\n\nDate: 2024-02-01\n\n{new}\n"})

    bring_in(folder, log)
    again = bring_in(folder, log)

    by_title = {now(log.state(subject), "title"): log.state(subject) for subject in decisions(log)}
    assert now(by_title["One"], "superseded_by") == [by_title["Two"].subject]
    assert (again.imported, again.unchanged) == (0, 2)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (
            '---\ntitle: "ADR013: Sell gift cards"\nstatus: accepted\n---\n\n# Scope\n\nB.\n',
            "ADR013: Sell gift cards",
        ),
        ("---\ntitle: Sell vouchers\nstatus: accepted\n---\n\n## Context\n\nC.\n", "Sell vouchers"),
        ("---\ntitle: Same\nstatus: accepted\n---\n\n# Same\n\n## Context\n\nC.\n", "Same"),
    ],
)
def test_a_title_in_front_matter(folder, log, text, title):
    """The title of the front matter is the title, and a heading below it is a section."""
    state, _ = one(folder, log, text)

    assert now(state, "title") == title
    assert "Background" not in text or "# Scope\n\nB." in now(state, "x.sections")


def test_names_of_files(folder, log):
    """Records have any ending of Markdown, a prefix, and may be in subfolders; the other files are listed."""
    text = "# T\n\nStatus: accepted\n"
    names = (
        "0001-plain.md",
        "0002-long.markdown",
        "0003-upper.MD",
        "0004-mdx.mdx",
        "sub/0005-nested.md",
        "ADR-0007.md",
        "DR-008-infra.md",
        "adr-0006-prefixed.md",
        "adr009-backstage.md",
        "20240101-log4brains.md",
    )
    others = ("README.md", "index.md", "template.md", "000-template.md", "sub/notes.md", "adr-template.md")
    put(folder, **{name.replace("/", "__"): text for name in (*names, *others)})
    put(folder, **{"0010-short.md": "# {short title}\n\n* Status: {proposed | accepted}\n"})

    report = bring_in(folder, log)

    assert report.imported == len(names)
    assert {str(remark.line) for remark in report.skipped} == {*others, "0010-short"}
    aliases = {now(log.state(subject), "aliases")[0] for subject in decisions(log)}
    assert {"sub/0005-nested", "ADR-0007", "0002-long", "20240101-log4brains"} <= aliases


@pytest.mark.parametrize(
    ("encoding", "is_read"), [("utf-8-sig", True), ("utf-16", True), ("utf-16-le", False), ("latin-1", False)]
)
def test_encodings(folder, log, encoding, is_read):
    """A record is read by the mark of its encoding, or refused; no character is ever replaced."""
    content = "# Größe\n\n* Status: accepted\n* Deciders: Zoë Müller\n"
    (folder / "0001-one.md").write_bytes(content.encode(encoding))

    report = bring_in(folder, log)

    assert report.imported == is_read
    assert len(report.skipped) == (not is_read)
    assert [now(log.state(subject), "title") for subject in decisions(log)] == (["Größe"] if is_read else [])


LANGUAGES = [
    ("# T\n\nDatum: 2024-03-01\n\n## Status\n\nAkzeptiert\n\n## Kontext\n\nC.\n\n## Entscheidung\n\nD.\n", "accepted"),
    ("# T\n\n- Statut : accepté\n- Date : 2024-03-01\n\n## Contexte\n\nC.\n\n## Décision\n\nD.\n", "accepted"),
    ("# T\n\n* Estado: Rechazado\n* Fecha: 2024-03-01\n\n## Contexto\n\nC.\n\n## Decisión\n\nD.\n", "rejected"),
    ("---\nstatus: 採用\ndate: 2024-03-01\n---\n\n# T\n\n## 背景\n\nC.\n\n## 決定\n\nD.\n", "accepted"),
    ("# T\n\n状态：已接受\n日期：2024-03-01\n\n## 背景\n\nC.\n\n## 决定\n\nD.\n", "accepted"),
    (
        "# T\n\n## ステータス\n\n廃止\n\n## 日付\n\n2024-03-01\n\n## コンテキスト\n\nC.\n\n## 決定事項\n\nD.\n",
        "reversed",
    ),
    ("# T\n\nStatus: vorgeschlagen\nDatum: 2024-03-01\n\n## Hintergrund\n\nC.\n\n## Beschluss\n\nD.\n", "proposed"),
    ("# T\n\n- Status: Aceito\n- Data: 2024-03-01\n\n## Contexto\n\nC.\n\n## Decisão\n\nD.\n", "accepted"),
    ("# T\n\nData: 1 marzo 2024.\n\n## Stato\n\nAccettata.\n\n## Contesto\n\nC.\n\n## Decisione\n\nD.\n", "accepted"),
    ("# T\n\nDatum: 1 maart 2024\n\n## Status\n\nAfgewezen\n\n## Context\n\nC.\n\n## Besluit\n\nD.\n", "rejected"),
    ("# T\n\nStatus: zaakceptowana\nData: 2024-03-01\n\n## Kontekst\n\nC.\n\n## Decyzja\n\nD.\n", "accepted"),
    ("# T\n\nДата: 2024-03-01\n\n## Статус\n\nПринято\n\n## Контекст\n\nC.\n\n## Решение\n\nD.\n", "accepted"),
    ("# T\n\n날짜: 2024년 3월 1일\n\n## 상태\n\n보류됨\n\n## 맥락\n\nC.\n\n## 결정\n\nD.\n", "deferred"),
    ("# T\n\nStatut : remplacee\nDate : 2024-03-01\n\n## Contexte\n\nC.\n\n## Decision\n\nD.\n", "superseded"),
]


@pytest.mark.parametrize(("text", "status"), LANGUAGES)
def test_languages(folder, log, text, status):
    """Statuses, keys and headings are understood in eleven more languages, and without accents."""
    state, _ = one(folder, log, text)

    assert now(state, "status") == status
    assert state.started_at() == day("2024-03-01")
    assert (now(state, "context"), now(state, "decision")) == ("C.", "D.")


def test_own_words(folder, log, tmp_path):
    """A table of one's own adds statuses, keys and headings."""
    words = tmp_path / "words.toml"
    words.write_text(
        '[status]\n"gilt so" = "accepted"\n[header]\nlage = "status"\n[headings]\n"Worum es geht" = "context"\n',
        "utf-8",
    )
    text = "# T\n\nLage: gilt so, bis auf weiteres\n\n## Worum es geht\n\nC.\n"

    state, _ = one(folder, log, text, words=load_words(words))

    assert (now(state, "status"), now(state, "context")) == ("accepted", "C.")
    words.write_text('[status]\nx = "great"\n', "utf-8")
    with pytest.raises(WordsError, match=r"status\.x: 'great' is not one of accepted"):
        load_words(words)


@pytest.mark.parametrize(
    "text", [text for text, _ in LANGUAGES] + [f"# T\n\n{text}\n\n## Context\n\nC.\n" for text, _ in STATUSES]
)
def test_export_and_import_again_change_nothing(folder, log, tmp_path, text):
    """A record that is exported and imported into another log has the same fields, and again changes nothing."""
    state, _ = one(folder, log, text)
    write_out(log, tmp_path / "out")
    with a_log(tmp_path / "other") as other:
        bring_in(tmp_path / "out", other)
        again = bring_in(tmp_path / "out", other)
        (subject,) = decisions(other)
        same = other.state(subject)

        for name in ("title", "status", "context", "decision", "x.date"):
            assert now(same, name) == now(state, name), name
        assert (again.imported, again.unchanged) == (0, 1)


@pytest.mark.parametrize(
    "status",
    [
        "Remplacée par l'ADR-0002",
        "Remplacé par la décision 2",
        "Reemplazada por la ADR-2",
        "Ersetzt durch die Entscheidung [2](0002-b.md)",
        "Superseded by the decision #2",
        "Superseded by record 0002",
    ],
)
def test_a_successor_with_an_article(folder, log, status):
    """An article or the word for a decision before the number of the successor does not hide it."""
    put(folder, **{"0001-a": f"# A\n\n## Status\n\n{status}\n", "0002-b": "# B\n\n## Status\n\nAccepted\n"})

    bring_in(folder, log)

    first, second = (log.state(one) for one in sorted(decisions(log), key=lambda one: now(log.state(one), "title")))
    assert now(first, "status") == "superseded"
    assert first.subjects_at("superseded_by", LATER + DAY) == (second.subject,)
