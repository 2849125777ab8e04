"""What contributes to which goal: from a goal through decisions and features to releases, and back.

A decision contributes to the goals it names. A feature contributes to the goals it names, and to those of the decisions
it is linked to or whose value it cites. A release carries the features whose targets name it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Final, NamedTuple

from domain import decision_messages, feature
from domain.fields import STATUS
from domain.statuses import ENDED_DECISION
from domain.values import kind_of
from projections.answer_types.contributions import ContributionGap, ContributionGraph, ContributionRow, GapReason
from projections.answer_types.fields import FieldRow
from projections.answer_types.subjects import ContributionEdge, GraphNode
from projections.queries.decisions import because_edges, edges_in, edges_out
from projections.queries.field_values import all_field_values, as_ids, by_subject
from projections.queries.filters import Filter
from projections.queries.paging import Answer, build_answer, page_after
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import Read

KINDS: Final = ("goal", "decision", "feature", "release")
ENDED_FEATURES: Final = frozenset({"dropped"})
MAX_WANTED: Final = 100
"""Up to this many subjects, only what is linked to them is read."""


class Path(NamedTuple):
    """A way from a goal to a release; None where it skips a step, or ends before it."""

    goal: str
    decision: str | None
    feature: str | None
    release: str | None


@dataclass(frozen=True, slots=True)
class Links:
    """What the subjects of a log name at a time."""

    statuses: Mapping[str, str | None]
    """The status of each goal, decision, feature and release that exists."""
    goals: Mapping[str, Sequence[str]]
    """The goals of each decision and feature."""
    decisions: Mapping[str, Sequence[str]]
    """The decisions of each feature."""
    features: Mapping[str, Sequence[str]]
    """The features of each decision, in the order of their ids."""
    releases: Mapping[str, Sequence[str]]
    """The releases that each feature targets."""

    def paths(self) -> Iterator[Path]:
        """Yield every way from a goal to a release. A feature that reaches a goal through a decision is not listed
        under it directly.
        """
        for subject in sorted(self.goals):
            for goal in self._existing(self.goals[subject]):
                if subject.startswith("decision:"):
                    yield from self._paths_through(goal, subject)
                elif not self._reaches(subject, goal):
                    yield from self._paths_of(goal, None, subject)

    def contributing(self, subject: str) -> bool:
        """Return whether a decision or feature contributes to a goal, directly or through a decision."""
        through = chain.from_iterable(self.goals.get(each, ()) for each in self._live_decisions(subject))
        return any(self._existing(chain(self.goals.get(subject, ()), through)))

    def is_live(self, subject: str) -> bool:
        """Return whether a decision or feature exists and has not ended."""
        ended = ENDED_DECISION if subject.startswith("decision:") else ENDED_FEATURES
        return subject in self.statuses and self.statuses[subject] not in ended

    def _paths_through(self, goal: str, through: str) -> Iterator[Path]:
        if not self.is_live(through):
            return
        features = [each for each in self.features.get(through, ()) if self.is_live(each)]
        if not features:
            yield Path(goal, through, None, None)
        for each in features:
            yield from self._paths_of(goal, through, each)

    def _paths_of(self, goal: str, through: str | None, subject: str) -> Iterator[Path]:
        if self.is_live(subject):
            releases: Sequence[str | None] = self._existing(self.releases.get(subject, ())) or [None]
            for release in releases:
                yield Path(goal, through, subject, release)

    def _reaches(self, subject: str, goal: str) -> bool:
        return any(goal in self.goals.get(each, ()) for each in self._live_decisions(subject))

    def _live_decisions(self, subject: str) -> list[str]:
        return [each for each in self.decisions.get(subject, ()) if self.is_live(each)]

    def _existing(self, subjects: Iterable[str]) -> list[str]:
        return [each for each in dict.fromkeys(subjects) if each in self.statuses]


def contributions(
    read: Read,
    selection: Filter | None = None,
    when: TimePoint = NOW,
    *,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[ContributionRow, ContributionGraph]:
    """Return each way from a goal through a decision and a feature to a release, as a table and as a graph.

    With a `selection`, only the ways on which a subject that matches it lies: of a goal what contributes to it, of a
    release the goals it contributes to. Rows are `goal`, `decision`, `feature`, `release`, null where a way skips
    it; `nodes` are the subjects on these rows with title and status, and `edges` lead from each to the next.
    """
    resolved = resolve_time(read, when)
    wanted = _select(read, selection, resolved)
    links = _read_links(read, resolved) if wanted is None else _read_links_of(read, wanted, resolved)
    found = [path for path in dict.fromkeys(links.paths()) if wanted is None or not wanted.isdisjoint(path)]
    shown, next_cursor = page_after(sorted(found, key=_sort_key), _sort_key, (str, str, str, str), limit, cursor)
    subjects = sorted({subject for path in shown for subject in path if subject})
    titles = find_titles(read, subjects, resolved)
    nodes: list[GraphNode] = [
        {"subject": each, "title": titles.get(each), "status": links.statuses[each]} for each in subjects
    ]
    rows: list[ContributionRow] = [
        {"goal": path.goal, "decision": path.decision, "feature": path.feature, "release": path.release}
        for path in shown
    ]
    about: ContributionGraph = {"nodes": nodes, "edges": _build_edges(shown)}
    return build_answer(resolved, rows, next_cursor=next_cursor, about=about)


def contribution_gaps(
    read: Read,
    selection: Filter | None = None,
    when: TimePoint = NOW,
    *,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[ContributionGap]:
    """Return the open goals that nothing contributes to, and the accepted decisions and open features that contribute
    to no goal: the goals first, then by id. `reason` is `no_contribution` or `no_goal`.
    """
    resolved = resolve_time(read, when)
    links = _read_links(read, resolved)
    wanted = _select(read, selection, resolved)
    found = {subject: reason for subject, reason in _find_gaps(links) if wanted is None or subject in wanted}
    titles = find_titles(read, found, resolved)
    rows: list[ContributionGap] = [
        {"subject": subject, "title": titles.get(subject), "status": links.statuses[subject], "reason": reason}
        for subject, reason in found.items()
    ]
    shown, next_cursor = page_after(sorted(rows, key=_gap_key), _gap_key, (int, str), limit, cursor)
    return build_answer(resolved, shown, next_cursor=next_cursor)


def _gap_key(row: ContributionGap) -> tuple[int, str]:
    return int(row["reason"] == "no_goal"), row["subject"]


def _sort_key(path: Path) -> tuple[str, str, str, str]:
    return path.goal, path.decision or "", path.feature or "", path.release or ""


def _build_edges(paths: Iterable[Path]) -> list[ContributionEdge]:
    """Return the edges from each subject of a way to the next one."""
    steps = ([each for each in path if each] for path in paths)
    pairs = sorted({pair for step in steps for pair in pairwise(step)})
    return [{"from": start, "to": end} for start, end in pairs]


def _select(read: Read, selection: Filter | None, resolved: ResolvedTime) -> set[str] | None:
    """Return the subjects that are asked for; None for all."""
    if selection is None or selection.of_subjects() == Filter():
        return None
    asked = replace(selection.of_subjects(), fields=("exists",))
    return {row["subject"] for row in all_field_values(read, asked, resolved)}


def _read_links_of(read: Read, wanted: set[str], resolved: ResolvedTime) -> Links:
    """Return the links from which the ways with these subjects follow; of all, if these are many."""
    if len(wanted) > MAX_WANTED:
        return _read_links(read, resolved)
    work = _find_work(read, wanted, resolved)
    found = _read_fields(read, Filter(subjects=sorted(work)), resolved) if work else {}
    named = {
        end
        for fields in found.values()
        for end in (*(as_ids(fields["goals"]["value"]) if "goals" in fields else ()), *_find_releases(fields))
    }
    ends = _read_fields(read, Filter(subjects=sorted(named)), resolved) if named else {}
    return _build_links(read, {**ends, **found}, resolved)


def _find_work(read: Read, wanted: set[str], resolved: ResolvedTime) -> set[str]:
    """Return the decisions and features that decide on which ways these subjects lie.

    These are those that name a goal or a release that is wanted; all features under a decision that does, or that is
    wanted; and all decisions above these features, through which a feature may reach a goal.
    """
    ends = [each for each in wanted if kind_of(each) in ("goal", "release")]
    naming = Filter(kinds=("decision", "feature"), fields=("goals", "target.*"), holders=ends)
    rows = all_field_values(read, naming, resolved) if ends else []
    work = {each for each in wanted if kind_of(each) in ("decision", "feature")} | {row["subject"] for row in rows}
    aiming = Filter(subjects=sorted(_of_kind("decision", work)), fields=("goals",))
    decisions = [row["subject"] for row in all_field_values(read, aiming, resolved)] if aiming.subjects else []
    cited = because_edges(read, decisions, resolved, reverse=True)
    work |= {subject for _, subject in cited if kind_of(subject) == "feature"}
    work |= {subject for _, subject in edges_in(read, decisions, resolved, "decisions")}
    return work | {decision for _, decision in _find_decisions(read, _of_kind("feature", work), resolved)}


def _of_kind(kind: str, subjects: Iterable[str]) -> list[str]:
    return [each for each in subjects if kind_of(each) == kind]


def _read_links(read: Read, resolved: ResolvedTime) -> Links:
    return _build_links(read, _read_fields(read, Filter(), resolved), resolved)


def _read_fields(read: Read, selection: Filter, resolved: ResolvedTime) -> dict[str, dict[str, FieldRow]]:
    """Return what links the selected goals, decisions, features and releases."""
    asked = replace(selection, kinds=KINDS, fields=("exists", STATUS, "goals", "decisions", "target.*"))
    return by_subject(all_field_values(read, asked, resolved))


def _find_decisions(read: Read, features: Sequence[str], resolved: ResolvedTime) -> list[tuple[str, str]]:
    """Return the decisions that these features are linked to or cite, each with its feature."""
    cited = [pair for pair in because_edges(read, features, resolved) if pair[1].startswith("decision:")]
    return [*edges_out(read, features, resolved, "decisions"), *cited]


def _build_links(read: Read, fields: Mapping[str, Mapping[str, FieldRow]], resolved: ResolvedTime) -> Links:
    features = _of_kind("feature", fields)
    decided: dict[str, list[str]] = {}
    deciding: dict[str, list[str]] = {}
    for subject, cause in sorted({*_find_decisions(read, features, resolved)}):
        decided.setdefault(subject, []).append(cause)
        deciding.setdefault(cause, []).append(subject)
    return Links(
        {subject: str(each[STATUS]["value"]) if STATUS in each else None for subject, each in fields.items()},
        {subject: as_ids(each["goals"]["value"]) for subject, each in fields.items() if "goals" in each},
        decided,
        deciding,
        {subject: _find_releases(fields[subject]) for subject in features},
    )


def _find_releases(fields: Mapping[str, FieldRow]) -> list[str]:
    values = (row["value"] for name, row in fields.items() if name.startswith("target."))
    return sorted({str(value) for value in values if str(value).startswith("release:")})


def _find_gaps(links: Links) -> Iterator[tuple[str, GapReason]]:
    reached = {path.goal for path in links.paths()}
    for subject, status in links.statuses.items():
        if subject.startswith("goal:") and status in (None, "open") and subject not in reached:
            yield subject, "no_contribution"
        is_wanted = (subject.startswith("decision:") and status in decision_messages.IN_FORCE) or (
            subject.startswith("feature:") and (status is None or status in feature.OPEN)
        )
        if is_wanted and not links.contributing(subject):
            yield subject, "no_goal"
