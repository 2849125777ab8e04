"""The minutes of a meeting: derived from the transaction that wrote it up, and equal to a naive reading of its entries."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.any_subject import EntryVoided
from domain.decision_messages import (
    AdviceGiven,
    DecisionAccepted,
    DecisionConfirmed,
    DecisionDeferred,
    DecisionProposed,
    DissentRecorded,
)
from domain.fields import EXISTS, code
from domain.judgment import Judgment, Verdict
from domain.meeting import MINUTES, MeetingHeld, MeetingPlanned, MeetingRecorded, MinutesAdded
from domain.messages import Event
from domain.ownership import OwnershipAcknowledged
from domain.task import TaskAssigned, TaskCompleted, TaskRescheduled
from domain.values import kind_of
from eventlog.entry import Entry
from projections.queries.debt import DebtFilter, debt
from projections.queries.minutes import meetings_of, minutes
from projections.queries.timepoint import NOW, TimePoint, resolve_time
from projections.read_model.factory import open_database
from projections.read_model.model import Read, ReadModel
from tests.projections.support import SECOND, START, Log, at, catch_up, count_steps

Reader = Callable[[], Read]
ROUND = "meeting:round"
TEA = "decision:tea"
ANN, BOB, CAS = "person:ann", "person:bob", "person:cas"


def claimed(*deciders: str) -> Judgment:
    return Judgment(verdicts=tuple(Verdict(decider=one, verdict="no_rule", basis="claimed") for one in deciders))


def accepted(*deciders: str) -> DecisionAccepted:
    return DecisionAccepted(deciders=deciders, decision="Tea.", why="Thirst.", authority=claimed(*deciders))


def add_transaction(log: Log, name: str, *events: tuple[str, Event], by: str = ANN) -> list[int]:
    """Add events as one transaction, and return their positions."""
    found = []
    for index, (subject, event) in enumerate(events, 1):
        position = log.add(subject, event)
        metadata = log.entries[position - 1].metadata
        log.replace(position, metadata=metadata._replace(actor=by, transaction=name, index=index))
        found.append(position)
    return found


def plan(log: Log, **more: Any) -> None:
    log.add(TEA, DecisionProposed(title="Serve tea"))
    log.add(ROUND, MeetingPlanned(title="Round", held_on="2023-11-14", agenda=(TEA,), **more))


def rows_of(read: Read, when: TimePoint = NOW) -> list[tuple[str, str, list[str], list[str]]]:
    return [(row["kind"], row["subject"], row["people"], row["unconfirmed"]) for row in minutes(read, ROUND, when).rows]


def test_minutes_are_what_was_recorded_with_the_meeting(log: Log, read: Reader) -> None:
    """The minutes have the advice, dissent, decision and task of the transaction with their people, and no earlier events."""
    plan(log)
    log.add(TEA, AdviceGiven(by=BOB, advice="Before the meeting."), by=BOB)
    add_transaction(
        log,
        "t-round",
        (ROUND, MeetingHeld(attendees=(ANN, BOB, CAS))),
        (TEA, AdviceGiven(by=BOB, advice="Ask the cook.")),
        (TEA, DissentRecorded(by=CAS, why="Coffee!", is_claim=True)),
        (TEA, accepted(BOB)),
        ("task:cups", TaskAssigned(title="Buy cups", accountable=CAS, due_on="2023-11-20")),
    )
    log.add(TEA, DissentRecorded(by=ANN, why="After the meeting."))

    answer = minutes(read(), ROUND)
    assert rows_of(read()) == [
        ("advice", TEA, [BOB], [BOB]),
        ("dissent", TEA, [CAS], [CAS]),
        ("decision", TEA, [BOB], [BOB]),
        ("task", "task:cups", [CAS], [CAS]),
    ]
    assert [row["said"] for row in answer.rows] == ["Ask the cook.", "Coffee!", "Tea.", "Buy cups"]
    assert answer.about["attendees"] == [ANN, BOB, CAS]
    assert answer.about["recorded_by"] == [ANN]
    assert answer.about["claims"] == 4
    assert meetings_of(read(), "task:cups", resolve_time(read(), NOW)) == [ROUND]
    assert meetings_of(read(), TEA, resolve_time(read(), NOW)) == [ROUND]


def test_a_claim_of_the_scribe_ends_when_the_person_confirms_it(log: Log, read: Reader) -> None:
    """A decider who confirms and an owner who acknowledges are no longer unconfirmed, except as of an earlier time."""
    plan(log)
    add_transaction(
        log,
        "t-round",
        (ROUND, MeetingHeld(attendees=(ANN, BOB))),
        (TEA, accepted(BOB)),
        ("task:cups", TaskAssigned(title="Buy cups", accountable=BOB)),
    )
    log.add(TEA, DecisionConfirmed(by=BOB), by=BOB)
    last = log.add("task:cups", OwnershipAcknowledged(role="accountable", by=BOB), by=BOB)

    snapshot = read()
    assert minutes(snapshot, ROUND).about["claims"] == 0
    assert minutes(snapshot, ROUND, TimePoint(at(last) - 1)).about["claims"] == 1
    assert minutes(snapshot, ROUND, TimePoint(at(last), known_at=at(last - 1) - 1)).about["claims"] == 2


def test_what_is_added_later_belongs_to_the_minutes(log: Log, read: Reader) -> None:
    """A second transaction adds advice; as of the time before it, the minutes do not have it."""
    plan(log)
    add_transaction(log, "t-round", (ROUND, MeetingHeld(attendees=(ANN,))), (TEA, DecisionDeferred(until="Monday.")))
    later = add_transaction(
        log, "t-late", (ROUND, MinutesAdded(notes="Bob was late.")), (TEA, AdviceGiven(by=ANN, advice="X"))
    )

    assert rows_of(read()) == [("decision", TEA, [ANN], []), ("advice", TEA, [ANN], [])]
    assert rows_of(read(), TimePoint(at(later[0]) - 1)) == [("decision", TEA, [ANN], [])]


def test_an_open_task_is_debt_from_the_day_after_it_was_due(log: Log, read: Reader) -> None:
    """An overdue task is debt of its owner until it is done or moved to a later day."""
    log.add("task:cups", TaskAssigned(title="Buy cups", accountable=ANN, due_on="2023-11-20"))
    due = TimePoint(at(7 * 86_400))

    def owed(when: TimePoint) -> list[tuple[str, list[str]]]:
        found = debt(read(), DebtFilter(codes=("task_overdue",)), when).rows
        return [(row["subject"], row["owners"]) for row in found]

    assert owed(TimePoint(at(5 * 86_400))) == []
    assert owed(due) == [("task:cups", [ANN])]
    log.add("task:cups", TaskRescheduled(due_on="2023-12-20", why="No cups."))
    assert owed(due) == []
    assert owed(TimePoint(at(40 * 86_400))) == [("task:cups", [ANN])]
    log.add("task:cups", TaskCompleted())
    assert owed(TimePoint(at(40 * 86_400))) == []


def test_a_planned_meeting_is_debt_after_its_day_until_it_is_written_up(log: Log, read: Reader) -> None:
    """A past meeting that was not written up is debt of the person who prepares it."""
    plan(log, accountable=BOB)
    after = TimePoint(at(3 * 86_400))

    def owed() -> list[list[str]]:
        return [row["owners"] for row in debt(read(), DebtFilter(codes=("minutes_missing",)), after).rows]

    assert owed() == [[BOB]]
    log.add(ROUND, MeetingHeld(attendees=(ANN,)))
    assert owed() == []


@pytest.mark.seeds(12)
def test_minutes_equal_a_naive_reading_of_the_entries(log: Log, read: Reader, seed: int) -> None:
    """On random histories of two meetings, at several times on both clocks, the minutes are those of a plain loop."""
    draw = random.Random(seed)
    people = (ANN, BOB, CAS)
    for number in range(3):
        log.add(f"decision:d{number}", DecisionProposed(title=f"D{number}"))
    for number in range(8):
        meeting = draw.choice((ROUND, "meeting:other"))
        is_new = not any(entry.subject == meeting for entry in log.entries)
        attendees = tuple(draw.sample(people, 2))
        first: Event = (
            MeetingRecorded(title="M", held_on="2023-11-14", attendees=attendees) if is_new else MinutesAdded(notes="N")
        )
        said = [_draw_statement(draw, people, number) for _ in range(draw.randrange(4))]
        if draw.random() < 0.3:
            log.add(*_draw_statement(draw, people, 90 + number))
        add_transaction(log, f"t{number}", (meeting, first), *said, by=draw.choice(people))
    snapshot = read()
    for _ in range(6):
        when = TimePoint(at(draw.uniform(0, len(log.entries) + 1)), known_at=at(draw.uniform(0, len(log.entries) + 1)))
        found = [(row["position"], row["people"], row["unconfirmed"]) for row in minutes(snapshot, ROUND, when).rows]
        assert found == naive_minutes(log, ROUND, when)


def _draw_statement(draw: random.Random, people: tuple[str, ...], number: int) -> tuple[str, Event]:
    person, decision = draw.choice(people), f"decision:d{draw.randrange(3)}"
    return draw.choice(
        [
            (decision, AdviceGiven(by=person, advice="A")),
            (decision, DissentRecorded(by=person, why="W")),
            (decision, accepted(person)),
            (decision, DecisionConfirmed(by=person)),
            (f"task:t{number}-{draw.randrange(10**6)}", TaskAssigned(title="T", accountable=person)),
        ]
    )


def naive_minutes(log: Log, meeting: str, when: TimePoint) -> list[tuple[int, list[str], list[str]]]:
    """Read the minutes from the entries: every entry of a transaction that has an entry about the meeting."""
    known = [
        entry
        for entry in log.entries
        if (when.as_of is None or entry.effective_at <= when.as_of)
        and (when.known_at is None or entry.recorded_at <= when.known_at)
    ]
    wanted = {entry.metadata.transaction for entry in known if entry.subject == meeting and entry.type in MINUTES}
    found = []
    for entry in known:
        if entry.metadata.transaction not in wanted or entry.subject == meeting:
            continue
        people, unconfirmed = [entry.metadata.actor], list[str]()
        match entry.event:
            case AdviceGiven(by=person) | DissentRecorded(by=person):
                people = [person]
                unconfirmed = [person] if person != entry.metadata.actor else []
            case DecisionAccepted(deciders=deciders):
                people = list(deciders)
                unconfirmed = [one for one in deciders if not _confirms(known, entry, DecisionConfirmed, one)]
            case TaskAssigned(accountable=person):
                people = [person]
                is_open = person != entry.metadata.actor and not _confirms(known, entry, OwnershipAcknowledged, person)
                unconfirmed = [person] if is_open else []
        found.append((entry.position, people, unconfirmed))
    return found


def _confirms(known: list[Entry], claim: Entry, kind: type[Any], person: str) -> bool:
    return any(
        isinstance(entry.event, kind)
        and entry.subject == claim.subject
        and entry.position > claim.position
        and entry.event.by == person
        for entry in known
    )


def test_a_meeting_exists_from_its_first_event(log: Log, read: Reader) -> None:
    """A meeting that was not planned exists, and is held, from when it was written up."""
    log.add(ROUND, MeetingRecorded(title="Round", held_on="2023-11-14", attendees=(ANN,)))

    assert code(EXISTS, True) in log.entries[0].event.field_changes()
    assert minutes(read(), ROUND).about["status"] == "held"
    assert kind_of(ROUND) == "meeting"


def test_minutes_that_were_voided_are_no_meeting_of_a_subject(log: Log, read: Reader) -> None:
    """A meeting whose record was voided is not listed for a decision, except as known before it was voided."""
    log.add(TEA, DecisionProposed(title="Serve tea"))
    log.add(ROUND, MeetingPlanned(title="Round", held_on="2023-11-14"))
    held, _ = add_transaction(
        log, "t-round", (ROUND, MeetingHeld(attendees=(ANN,))), (TEA, AdviceGiven(by=ANN, advice="X"))
    )
    voided = log.add(ROUND, EntryVoided(position=held, why="There was none."))

    snapshot = read()
    before = TimePoint(known_at=at(voided) - 1)
    assert meetings_of(snapshot, TEA, resolve_time(snapshot, NOW)) == []
    assert meetings_of(snapshot, TEA, resolve_time(snapshot, before)) == [ROUND]


def test_finding_the_meetings_of_a_subject_costs_what_they_are(tmp_path: Path, log: Log) -> None:
    """Other meetings and decisions barely increase the steps that SQLite takes."""
    plan(log)
    add_transaction(log, "t-round", (ROUND, MeetingHeld(attendees=(ANN,))), (TEA, AdviceGiven(by=ANN, advice="X")))
    database = open_database(tmp_path / "model.sqlite")
    model = ReadModel.open(database, log, lambda: START + 1_000 * SECOND)

    def count() -> int:
        catch_up(model, log)
        return count_steps(
            tmp_path / "model.sqlite", lambda read: meetings_of(read, TEA, resolve_time(read, NOW)) == [ROUND]
        )

    before = count()
    for n in range(200):
        other = MeetingRecorded(title="Other", held_on="2023-11-14", attendees=(ANN,))
        add_transaction(log, f"t-{n}", (f"meeting:{n}", other), (f"decision:{n}", DecisionProposed(title="Other")))
    assert count() < before * 1.5
    model.close()


@pytest.mark.parametrize("replacement", [ROUND, "meeting:moved"])
def test_a_corrected_meeting_keeps_its_minutes(log: Log, read: Reader, replacement: str) -> None:
    """A meeting that replaces a voided one, under the same or another key, has its minutes, however often it is corrected."""
    recorded = MeetingRecorded(title="Round", held_on="2023-11-14", attendees=(ANN,))
    log.add(TEA, DecisionProposed(title="Serve tea"))
    position, _ = add_transaction(log, "t-round", (ROUND, recorded), (TEA, AdviceGiven(by=ANN, advice="X")))
    meeting = ROUND
    for meeting in (ROUND, replacement):
        log.add(meeting, EntryVoided(position=position, why="It was a day later."))
        assert meetings_of(read(), TEA, resolve_time(read(), NOW)) == []
        position = log.add(meeting, recorded, corrects=position)

        found = [(row["subject"], row["said"]) for row in minutes(read(), meeting).rows]
        assert found == [(TEA, "X")]
        assert meetings_of(read(), TEA, resolve_time(read(), NOW)) == [meeting]


def test_the_minutes_cost_the_same_for_each_correction(tmp_path: Path, log: Log) -> None:
    """With eight times as many corrections of the meeting and of an item, they take at most nine times the steps."""
    plan(log)
    recorded, advice = (
        MeetingRecorded(title="Round", held_on="2023-11-14", attendees=(ANN,)),
        AdviceGiven(by=ANN, advice="X"),
    )
    latest: dict[str, int] = dict(
        zip((ROUND, TEA), add_transaction(log, "t", (ROUND, recorded), (TEA, advice)), strict=True)
    )
    model = ReadModel.open(open_database(tmp_path / "model.sqlite"), log, lambda: START + 100_000 * SECOND)

    def count(corrections: int) -> int:
        for subject, event in [(ROUND, recorded), (TEA, advice)] * corrections:
            voided = latest[subject]
            name = f"t-{len(log.entries)}"
            add_transaction(log, f"void-{name}", (subject, EntryVoided(position=voided, why="It was another day.")))
            (latest[subject],) = add_transaction(log, name, (subject, event))
            metadata = log.entries[-1].metadata._replace(corrects=voided)
            log.replace(latest[subject], metadata=metadata)
        catch_up(model, log, 500)
        return count_steps(
            tmp_path / "model.sqlite",
            lambda read: [row["position"] for row in minutes(read, ROUND).rows] == [latest[TEA]],
        )

    few = count(75)
    assert count(7 * 75) < 9 * few  # in addition to those
    model.close()


def test_what_replaces_a_voided_item_belongs_to_the_minutes(log: Log, read: Reader) -> None:
    """The correction of an item has its place in the minutes; an item that was only voided has none."""
    plan(log)
    _, advice, dissent, task = add_transaction(
        log,
        "t-round",
        (ROUND, MeetingHeld(attendees=(ANN, BOB))),
        (TEA, AdviceGiven(by=ANN, advice="Green.")),
        (TEA, DissentRecorded(by=ANN, why="Coffee!")),
        ("task:cups", TaskAssigned(title="Buy cups", accountable=ANN)),
    )
    for position, subject in ((advice, TEA), (dissent, TEA), (task, "task:cups")):
        log.add(subject, EntryVoided(position=position, why="It was another."))
    log.add("task:pots", TaskAssigned(title="Buy pots", accountable=ANN), corrects=task)
    corrected = log.add(TEA, AdviceGiven(by=ANN, advice="Black."), corrects=advice)

    assert [row["said"] for row in minutes(read(), ROUND).rows] == ["Black.", "Buy pots"]
    assert meetings_of(read(), "task:pots", resolve_time(read(), NOW)) == [ROUND]
    before = TimePoint(known_at=at(corrected) - 1)
    assert [row["said"] for row in minutes(read(), ROUND, before).rows] == ["Buy pots"]
