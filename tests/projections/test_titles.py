"""What the subjects in an answer are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from domain.any_subject import TitleChanged
from domain.feature import FeatureProposed, MilestoneTargeted
from domain.ownership import OwnershipAssigned
from domain.people import TeamRegistered
from domain.product import ReleaseScheduled
from projections.queries.audit import AuditFilter, audit
from projections.queries.roadmap import roadmap
from projections.queries.timepoint import TimePoint
from projections.queries.titles import titles_of_answer
from projections.read_model.model import Read
from tests.projections.support import Log, at

Reader = Callable[[], Read]


CARD = "feature:a"


class Directory:
    """A directory that counts its queries."""

    def __init__(self) -> None:
        self.queries: list[Sequence[str]] = []

    def display_names(self, people: Sequence[str]) -> dict[str, str]:
        """Return a name for each person but Eve, whose name was erased."""
        self.queries.append(people)
        return {person: person.removeprefix("person:").title() for person in people if person != "person:eve"}


def test_titles_name_every_kind_of_subject_in_three_queries(log: Log, read: Reader) -> None:
    """Two queries of the read model, one of them for merges, and one of the directory name people, teams, releases and features."""
    log.add("release:r", ReleaseScheduled(version="2.0", products=("product:p",)))
    log.add("team:t", TeamRegistered(title="The team"))
    log.add(CARD, FeatureProposed(title="Feature a", products=("product:p",)))
    log.add(CARD, MilestoneTargeted(milestone="beta", release="release:r"))
    log.add(CARD, OwnershipAssigned(role="accountable", holders=("person:bob", "person:eve", "team:t")))
    snapshot, directory, statements = read(), Directory(), []

    def run(sql: str, parameters: Any) -> Any:
        statements.append(sql)
        return snapshot.run(sql, parameters)

    answer = roadmap(snapshot, layout="table", blame=True)
    titles = titles_of_answer(replace(snapshot, run=run), answer, directory)

    expected = {"person:bob": "Bob", CARD: "Feature a", "release:r": "2.0", "team:t": "The team"}
    assert expected.items() <= titles.items()
    assert "person:eve" not in titles
    assert list(titles) == sorted(titles)
    assert (len(statements), len(directory.queries)) == (2, 1)


def test_titles_are_as_of_the_answer(log: Log, read: Reader) -> None:
    """An answer as of a past time has the title of that time, and so has one as known then."""
    log.add(CARD, FeatureProposed(title="Feature a", products=("product:p",)))
    renamed = log.add(CARD, TitleChanged(title="New name"))
    snapshot = read()

    def title(when: TimePoint) -> str:
        return titles_of_answer(snapshot, audit(snapshot, AuditFilter(), when), Directory())[CARD]

    assert title(TimePoint()) == "New name"
    assert title(TimePoint(as_of=at(renamed) - 1)) == title(TimePoint(known_at=at(renamed) - 1)) == "Feature a"
