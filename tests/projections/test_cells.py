"""Cells equal a fold that fits on one screen, at every instant and by every state of knowledge."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ownership import OwnershipAssigned, OwnershipReleased
from domain.record import EntryVoided, Observed, ObservedStep
from domain.values import format_micros, instant_of
from projections.cells import cells
from projections.model import ReadModel
from projections.reading import Filter, When
from tests.projections.naive import holds, on_record
from tests.projections.support import SECOND, START, Log, catch_up

SUBJECTS = ["feature:a", "feature:b", "decision:c"]
HOLDERS = ["person:p", "person:q", "team:r"]
SECONDS = st.integers(0, 12)


def term(role: str, holders: list[str], begin: int | None, length: int | None) -> OwnershipAssigned:
    from_ = None if begin is None else instant_of(START + begin * SECOND)
    until = None if length is None else instant_of(START + ((begin or 0) + length) * SECOND)
    return OwnershipAssigned.model_validate({"role": role, "holders": holders, "from": from_, "until": until})


def observed(name: str, **said: Any) -> Observed:
    return Observed(changes=(ObservedStep(field=name, **said),))


EVENTS = st.one_of(
    st.builds(lambda on: observed("exists", value=on), st.booleans()),
    st.builds(lambda v, w: observed("status", value=v, word=w), st.sampled_from(["open", "shut", None]), st.sampled_from(["O", None])),
    st.builds(lambda who: observed("role.author", holders=tuple(who)), st.lists(st.sampled_from(HOLDERS), max_size=3, unique=True)),
    st.builds(term, st.just("accountable"), st.lists(st.sampled_from(HOLDERS), min_size=1, max_size=2, unique=True),
              st.none() | SECONDS, st.none() | st.integers(1, 6)),
    st.just(OwnershipReleased(role="accountable")),
)  # fmt: skip
ACTS = st.lists(
    st.tuples(st.sampled_from(SUBJECTS), EVENTS, st.none() | SECONDS, st.integers(0, 9)), min_size=1, max_size=25
)


def log_of(acts: list[Any]) -> Log:
    """A log of these acts; one in ten is followed by its own voiding, or that of an earlier act of its subject."""
    log = Log()
    voided: set[int] = set()
    for subject, event, when, chance in acts:
        log.add(subject, event, at=when)
        mine = [e.position for e in log.entries if e.subject == subject and e.event.voids() is None]
        if chance > 7 and (still := [p for p in mine if p not in voided]):
            target = still[len(log.entries) % len(still)]
            voided.add(target)
            log.add(subject, EntryVoided(position=target, reason="wrong"))
    return log


@given(acts=ACTS, moments=st.lists(st.tuples(SECONDS, st.none() | st.integers(0, 30)), min_size=3, max_size=8))
@settings(max_examples=80, deadline=None)
def test_cells_equal_the_naive_fold(acts: list[Any], moments: list[tuple[int, int | None]]) -> None:
    """As of any instant, known at any other, every cell holds what the definition says, and nothing else is shown."""
    log = log_of(acts)
    with TemporaryDirectory() as where:
        model = ReadModel.open(Path(where) / "m", log, lambda: START + 100 * SECOND)
        catch_up(model, log)
        with model.read() as read:
            for t, k in moments:
                when = When(START + t * SECOND, None if k is None else START + k * SECOND)
                expected = holds(log.entries, when.as_of or 0, START + 99 * SECOND if k is None else when.known_at or 0)
                for absent in (True, False):
                    found = cells(read, Filter(absent=absent), when)
                    held = {(row["subject"], row["field"]): (row["value"], row["word"]) for row in found.rows}
                    assert held == (expected if absent else on_record(expected))
                    assert found.position == len(
                        [e for e in log.entries if k is None or e.recorded_at <= (when.known_at or 0)]
                    )
                    assert found.as_of == format_micros(when.as_of or 0)
        model.close()
