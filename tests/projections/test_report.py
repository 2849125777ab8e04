"""The progress report: what it tells under which heading, that it stays the same for ever, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from api.report_page import HEADINGS, as_html, as_markdown, page_of
from domain.any_subject import (
    ChangesImported,
    EntryVoided,
    ImportedChange,
    ProductsAssigned,
    SubjectRemoved,
    TextsErased,
)
from domain.decision import DecisionAccepted, DecisionProposed, DecisionReversed
from domain.feature import (
    FeatureCommitted,
    FeatureDropped,
    FeatureLinked,
    FeaturePrioritized,
    FeatureProposed,
    FeatureReopened,
    FeatureShipped,
    MilestoneTargeted,
)
from domain.messages import replace_strings, string_paths
from domain.ownership import OwnershipAssigned, OwnershipDelegated, OwnershipHandedOver
from domain.people import PersonLeft, PersonMerged, PersonRegistered
from domain.product import GoalClosed, GoalSet, ProductDefined, ReleaseRescheduled, ReleaseScheduled, StrategySet
from domain.values import ERASED, StringKind, from_micros
from eventlog.entry import Origin
from projections.query import Answer
from projections.read_model import Read
from projections.report import SECTIONS, NoSuchReport, Span, hash_of, issued, report
from tests.projections.conftest import in_files
from tests.projections.support import Log, at

on_one_database = pytest.mark.parametrize("new_database", [in_files], indirect=True, ids=["sqlite"])
"""For what asks nothing of the database that the others do not."""

Reader = Callable[[], Read]
P = "product:p"
MARKUP = '<script>alert(1)</script> [x](javascript:x) *b* "quoted" & `code` \u202egnp'


def product(log: Log) -> None:
    """A product with an owner, before every span of these tests."""
    log.add("person:ann", PersonRegistered(), at=-100)
    log.add("person:bob", PersonRegistered(), at=-100)
    log.add(P, ProductDefined(title="Shop"), at=-100)
    log.add(P, OwnershipAssigned(role="accountable", holders=("person:ann",)), at=-100)


def feature(log: Log, key: str, *, start: float = -50, owner: str | None = "person:ann", title: str = "") -> str:
    subject = f"feature:{key}"
    log.add(subject, FeatureProposed(title=title or f"Feature {key}", products=(P,)), at=start)
    if owner:
        log.add(subject, OwnershipAssigned(role="accountable", holders=(owner,)), at=start)
    return subject


def decision(log: Log, key: str, **more: Any) -> str:
    subject = f"decision:{key}"
    log.add(subject, DecisionProposed(title=f"Decision {key}", products=(P,), **more), at=-50)
    log.add(subject, OwnershipAssigned(role="accountable", holders=("person:ann",)), at=-50)
    return subject


def asked(read: Read, since: float = 1000, until: float = 2000, position: int | None = None) -> Answer:
    return report(read, Span(P, at(since), at(until), position))


def told(answer: Answer) -> dict[str, list[str]]:
    """The keys under each heading that has any."""
    found: dict[str, list[str]] = {}
    for row in answer.rows:
        found.setdefault(row["section"], []).append(row["subject"].partition(":")[2])
    return found


def line(answer: Answer, section: str, key: str | None = None) -> dict[str, Any]:
    (row,) = (
        row for row in answer.rows if row["section"] == section and key in (None, row["subject"].partition(":")[2])
    )
    return row


def test_what_happened_stands_under_its_heading(log: Log, read: Reader) -> None:
    """Shipped, dropped, put off, brought forward: each once, and only what lies in the half-open span."""
    product(log)
    for key in ("shipped", "dropped", "slipped", "nearer", "before", "after"):
        feature(log, key)
    for key in ("slipped", "nearer"):
        log.add(f"feature:{key}", MilestoneTargeted(milestone="ship", day="2030-02-01"), at=10)
    log.add("feature:before", FeatureShipped(), at=999)
    log.add("feature:shipped", FeatureShipped(), at=1000, note="at last")
    log.add("feature:dropped", FeatureDropped(why="Nobody asked."), at=1200)
    log.add("feature:slipped", MilestoneTargeted(milestone="ship", day="2030-03-01"), at=1300)
    log.add("feature:nearer", MilestoneTargeted(milestone="ship", day="2030-01-01"), at=1400)
    log.add("feature:after", MilestoneTargeted(milestone="ship", day="2030-05-01"), at=20)
    log.add("feature:after", FeatureShipped(), at=2000)

    answer = asked(read())

    assert told(answer) == {
        "shipped": ["shipped"], "dropped": ["dropped"], "slipped": ["slipped"], "moved": ["nearer"],
        "next": ["nearer", "slipped", "after"], "undecided": ["after", "nearer", "slipped"],
    }  # fmt: skip
    assert line(answer, "shipped")["blame"]["note"] == "at last"
    assert line(answer, "dropped")["why"] == "Nobody asked."
    assert line(answer, "slipped")["changes"][0]["before"]["value"] == "2030-02-01"


@on_one_database
def test_a_promise_put_off_again_says_how_often_and_from_where(log: Log, read: Reader) -> None:
    """The count goes back to the first promise, also to what was before the span."""
    product(log)
    for when, day in ((10, "2030-01-01"), (20, "2030-02-01"), (1100, "2030-03-01")):
        log.add(feature(log, "f") if when == 10 else "feature:f", MilestoneTargeted(milestone="ship", day=day), at=when)

    slips = line(asked(read()), "slipped")["slips"]

    assert slips == {"later": 2, "first": {"value": "2030-01-01", "source_value": None}}


@on_one_database
def test_decisions_are_told_with_their_deciders(log: Log, read: Reader) -> None:
    """Who decided is named, not who wrote it down; what was undone afterwards is marked."""
    product(log)
    subject = decision(log, "d", why="Old reason.")
    log.add(subject, DecisionAccepted(deciders=("person:bob",), why="Cheaper."), at=1100)
    log.add(subject, DecisionReversed(why="It was not."), at=1200)
    decision(log, "open")

    answer = asked(read())

    taken, undone = (row for row in answer.rows if row["section"] == "decisions")
    assert (taken["by"], taken["why"], taken["holds"]) == (["person:bob"], "Cheaper.", False)
    assert (undone["changes"][0]["after"]["value"], undone["why"], undone["holds"]) == ("reversed", "It was not.", True)
    assert told(answer)["waiting"] == ["open"]


@on_one_database
def test_ownership_that_changed_hands_is_told(log: Log, read: Reader) -> None:
    """A handover and a delegation are, the first owner of something new is not."""
    product(log)
    feature(log, "old")
    feature(log, "new", start=1100)
    log.replace(len(log.entries), metadata=log.entries[-2].metadata)  # sent together: the same unit
    log.add("feature:old", OwnershipHandedOver(to="person:bob", by=("person:ann",)), at=1200)
    term = OwnershipDelegated(delegation="x", to="person:bob", by=("person:ann",), until=from_micros(at(1900)))
    log.add(P, term, at=1300)

    answer = asked(read())

    assert told(answer)["handed_over"] == ["old", "p", "p"], "the end of the term is told as well"
    assert {row["why"] for row in answer.rows} == {None}
    assert line(answer, "handed_over", "old")["changes"][0]["after"]["value"] == ["person:bob"]
    assert told(answer)["moved"] == ["new"]


def test_what_nobody_owns_and_what_no_decision_is_behind(log: Log, read: Reader) -> None:
    """What is over needs no owner; a feature whose owner left has none; because or a link is a decision behind it."""
    product(log)
    for key, owner in (("orphan", None), ("left", "person:bob"), ("linked", "person:ann"), ("because", "person:ann")):
        feature(log, key, owner=owner)
        rests = ("decision:d",) if key == "because" else ()
        log.add(f"feature:{key}", FeatureCommitted(), at=10, because=rests)
    log.add(feature(log, "gone", owner=None), FeatureDropped(why="x"), at=20)
    decision(log, "d")
    log.add("feature:linked", FeatureLinked(decisions=("decision:d",)), at=30)
    log.add("person:bob", PersonLeft(), at=1500)

    answer = asked(read())

    assert told(answer)["unowned"] == ["left", "orphan"]
    assert line(answer, "unowned", "left")["departed"] == ["person:bob"]
    assert told(answer)["undecided"] == ["left", "orphan"]


@on_one_database
def test_what_comes_next_is_in_the_order_of_the_board(log: Log, read: Reader) -> None:
    """By horizon, rank and target; what is merely proposed, or for later, does not come next."""
    product(log)
    for key, horizon, rank in (("c", "next", 1), ("b", "now", 2), ("a", "now", 1), ("z", "later", 1)):
        log.add(feature(log, key), FeaturePrioritized(horizon=horizon, rank=rank), at=10)
    feature(log, "idea")

    assert told(asked(read()))["next"] == ["a", "b", "c"]


@on_one_database
def test_what_is_overdue(log: Log, read: Reader) -> None:
    """Every promised day is over, by its own date or by its release's; one that is still to come keeps it in time."""
    product(log)
    log.add("release:r", ReleaseScheduled(products=(P,), version="1", on="2023-11-01"), at=-50)
    for key in ("day", "release", "beta"):
        feature(log, key)
    log.add("feature:day", MilestoneTargeted(milestone="ship", day="2023-11-13"), at=10)
    log.add("feature:release", MilestoneTargeted(milestone="ship", release="release:r"), at=10)
    log.add("feature:beta", MilestoneTargeted(milestone="beta", day="2023-11-13"), at=10)
    log.add("feature:beta", MilestoneTargeted(milestone="ship", day="2023-11-14"), at=20)
    log.add("goal:g", GoalSet(title="G", products=(P,), by="2023-11-01"), at=-50)

    answer = asked(read())  # which ends on 2023-11-14

    assert told(answer)["overdue"] == ["day", "release", "g"]
    log.add("release:r", ReleaseRescheduled(on="2024-01-01"), at=1500)
    later = asked(read())
    assert told(later)["overdue"] == ["day", "g"]
    assert told(later)["slipped"] == ["r"]


@on_one_database
def test_the_course_of_the_product(log: Log, read: Reader) -> None:
    """Strategy and goals are told with what was said."""
    product(log)
    log.add(P, StrategySet(strategy="Few things."), at=1100)
    log.add("goal:g", GoalSet(title="G", products=(P,)), at=1200)
    log.add("goal:g", GoalClosed(outcome="met", why="1,024"), at=1300)

    rows = [row for row in asked(read()).rows if row["section"] == "course"]

    assert [(row["subject"], row["why"]) for row in rows] == [(P, "Few things."), ("goal:g", None), ("goal:g", "1,024")]


@on_one_database
def test_what_left_the_product_is_dropped_from_it(log: Log, read: Reader) -> None:
    """Struck from the record or moved to another product: it is no longer here, and the report says so."""
    product(log)
    log.add("product:q", ProductDefined(title="Q"), at=-100)
    log.add(feature(log, "struck"), SubjectRemoved(why="A test."), at=1100)
    log.add(feature(log, "placed"), ProductsAssigned(products=("product:q",)), at=1200)
    log.add(feature(log, "never", owner=None), ProductsAssigned(products=("product:q",)), at=-20)

    assert told(asked(read())) == {"dropped": ["struck", "placed"]}


def test_what_was_learnt_late(log: Log, read: Reader) -> None:
    """An act dated back to before the span, and an entry voided in it, are told where they were recorded; what another
    system had kept is not late."""
    product(log)
    feature(log, "f")
    began = len(log.entries) + 0.5
    late = log.add("feature:f", FeatureCommitted(), at=2, note="Only heard of it now.")
    kept = (ImportedChange(field="exists", value=True), ImportedChange(field="products", subjects=(P,)))
    log.add("feature:imported", ChangesImported(changes=kept), at=1, source=Origin("import", "jira"))
    log.add("feature:f", FeatureShipped(), at=len(log.entries) + 1)
    log.add("feature:f", EntryVoided(position=len(log.entries), reason="Not yet."))

    answer = report(read(), Span(P, at(began), at(1000)))

    assert [
        (row["at"] < answer.about["since"], row.get("voids"), row["why"] or row["blame"].get("note"))
        for row in answer.rows if row["section"] == "late"
    ] == [(True, None, "Only heard of it now."), (False, late + 2, "Not yet.")]  # fmt: skip
    assert "shipped" not in told(answer)


def forget_all(log: Log) -> None:
    """Every text of every entry so far is forgotten."""
    for entry in log.entries:
        event = entry.event
        for path in string_paths(type(event), StringKind.TEXT):
            event = replace_strings(event, path, lambda _: ERASED)
        note = entry.metadata.note and ERASED
        log.replace(entry.position, event=event, metadata=replace(entry.metadata, note=note))
    log.add("log:l", TextsErased(positions=tuple(range(1, len(log.entries) + 1)), reason_code="request"))


def story(log: Log) -> None:
    """Something under nearly every heading."""
    product(log)
    for key in ("a", "b", "c"):
        log.add(feature(log, key), MilestoneTargeted(milestone="ship", day="2030-01-01"), at=10)
    log.add(decision(log, "d"), DecisionAccepted(deciders=("person:bob",), why="Cheaper."), at=1100, note="said aloud")
    log.add("feature:a", FeatureShipped(), at=1200, because=("decision:d",))
    log.add("feature:b", MilestoneTargeted(milestone="ship", day="2030-02-01"), at=1300, note="sick leave")
    log.add("feature:c", OwnershipHandedOver(to="person:bob", by=("person:ann",)), at=1400)
    log.add(P, StrategySet(strategy="Few things."), at=1500)


def test_the_same_question_has_the_same_hash_whatever_came_later(log: Log, read: Reader) -> None:
    """Acts dated back into the span, voided entries, joined people and forgotten texts leave the report up to a position
    as it was, but for the texts."""
    story(log)
    position = len(log.entries)
    before = asked(read(), position=position)
    shipped = next(entry.position for entry in log.entries if isinstance(entry.event, FeatureShipped))
    log.add("feature:c", FeatureShipped(), at=1250)
    log.add("feature:a", EntryVoided(position=shipped, reason="x"))
    log.add("feature:a", FeatureReopened(why="x"), at=1600)
    log.add("person:bob", PersonMerged(into="person:ann"))
    log.add("decision:d", DecisionReversed(why="x"), at=1700)

    after = asked(read(), position=position)

    assert after.to_dict() == before.to_dict()
    assert asked(read()).about["sha256"] != before.about["sha256"], "what is known by now is another report"
    forget_all(log)
    forgotten = asked(read(), position=position)
    assert forgotten.about["sha256"] == before.about["sha256"]
    assert {row["why"] for row in forgotten.rows} == {None, ERASED}
    assert {row["title"] for row in forgotten.rows} == {ERASED}


@on_one_database
def test_the_hash_is_that_of_what_was_said(log: Log, read: Reader) -> None:
    """It can be worked out from the answer, is another for another span or position, and changes with any code in it."""
    story(log)
    snapshot = read()
    answer = asked(snapshot).to_dict()

    assert hash_of(answer) == answer["sha256"] == hash_of(answer | {"names": {"person:ann": "Ann"}})
    assert asked(snapshot, until=2001).about["sha256"] != answer["sha256"]
    assert asked(snapshot, position=len(log.entries) - 1).about["sha256"] != answer["sha256"]
    answer["rows"][0]["by"] = ["person:eve"]
    assert hash_of(answer) != answer["sha256"]


def test_an_issued_report_is_found_again(log: Log, read: Reader) -> None:
    """Span, position and hash are those of the entry; where none was issued, it is said so."""
    from domain.product import ReportIssued

    story(log)
    answer = asked(read())
    event = ReportIssued(
        since=from_micros(at(1000)),
        until=from_micros(at(2000)),
        position=answer.position,
        sha256=answer.about["sha256"],
    )
    position = log.add(P, event)

    assert issued(read(), P, position).about == answer.about
    for subject, where in ((P, position - 1), ("product:other", position)):
        with pytest.raises(NoSuchReport, match="no report of"):
            issued(read(), subject, where)
    with pytest.raises(NoSuchReport, match=f"ends at position {position}"):
        asked(read(), position=position + 1)


# As it is read -------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would make of a page: its elements, what they link to, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read_as(answer: Answer, **options: Any) -> tuple[Page, str]:
    page = page_of(
        answer.to_dict(), {"person:ann": "Ann Bee", "person:bob": "Bob"}, base="https://log.example", **options
    )
    return Page(as_html(page)), as_markdown(page)


@on_one_database
def test_an_empty_report_reads_well(log: Log, read: Reader) -> None:
    """Where nothing happened and nothing is planned, it says so in two sentences, and shows no empty table."""
    product(log)

    html, markdown = read_as(asked(read()))

    assert "table" not in html.tags
    for text in ("".join(html.words), markdown):
        assert "Nothing happened from 2023-11-14 22:30 to 2023-11-14 22:46 (UTC) that the log knows of." in text
        assert "At the end nothing is planned, overdue, waiting for a decision or without an owner." in text
    assert "None" not in markdown


@on_one_database
def test_every_line_has_its_reason_and_its_link(log: Log, read: Reader) -> None:
    """Subject, entry, and the decisions it rests on are linked; where nobody gave a reason it says so."""
    story(log)
    answer = asked(read())

    html, markdown = read_as(answer)

    for row in answer.rows:
        assert f"https://log.example/v1/subjects/{row['subject']}" in html.links
        assert f"https://log.example/v1/log/entries/{row['blame']['position']}" in html.links
    (shipped,) = (each for each in markdown.splitlines() if "proposed → shipped" in each)
    assert shipped.endswith("Why: [Decision d](https://log.example/v1/subjects/decision:d)")
    assert "Bob" in next(each for each in markdown.splitlines() if "accepted" in each)
    assert "no reason given" in markdown
    assert [f"## {HEADINGS[section]}" in markdown for section in SECTIONS] == [
        answer.about["counts"][section] > 0 for section in SECTIONS
    ]


@on_one_database
def test_nothing_that_was_written_is_taken_for_markup(log: Log, read: Reader) -> None:
    """Titles and reasons that would be script, link or emphasis are shown as they were written, in either form."""
    product(log)
    feature(log, "f", title=MARKUP)
    log.add("feature:f", FeatureDropped(why=MARKUP), at=1100)

    html, markdown = read_as(asked(read()))
    plain = MARKUP.replace("\u202e", "")

    assert {"script", "img", "b"}.isdisjoint(html.tags)
    assert all(link.startswith("https://log.example/") for link in html.links)
    assert "".join(html.words).count(plain) == 2
    (dropped,) = (each for each in markdown.splitlines() if each.startswith("- **"))
    assert re.sub(r"\\(?=[^\w\s])", "", dropped).count(plain) == 2
    unescaped = re.sub(r"\\[^\w\s]", "", dropped)
    assert not re.search(r"[<`]|\]\(javascript", unescaped)
    assert re.findall(r"\]\(([^)]*)\)", unescaped) == [
        "https://log.example/v1/subjects/feature:f", f"https://log.example/v1/log/entries/{len(log.entries)}",
    ]  # fmt: skip


@on_one_database
def test_a_long_report_is_cut_evenly(log: Log, read: Reader) -> None:
    """Each section shows as many lines as the others where it has them, and says how many more there are."""
    product(log)
    for n in range(30):
        log.add(feature(log, f"f{n:02}"), FeatureShipped(), at=1100 + n)
    log.add(feature(log, "g"), FeatureDropped(why="x" * 5000), at=1200)

    html, markdown = read_as(asked(read()), lines=10)

    assert html.tags.count("tr") == 2 + 10
    assert "21 more" in markdown
    assert max(map(len, markdown.splitlines())) < 600
