"""The list of statuses is that of the events."""

from __future__ import annotations

from typing import get_args

from domain.catalog import EVENTS
from domain.fields import STATUS
from domain.ids import kind_of
from domain.product import GoalClosed
from domain.statuses import STATUSES_BY_KIND
from domain.values import STORED
from tests.eventlog.test_golden import NAMES, load


def test_every_status_that_an_event_sets_is_listed():
    """Each kind has the statuses that the events of its subjects set, and no others."""
    found = {kind: set() for kind in STATUSES_BY_KIND}
    for name in NAMES:
        given = load(name)["given"]
        event = EVENTS[given["type"]].model_validate(given["data"], context=STORED)
        statuses = {
            change.value for change in event.field_changes() if change.field == STATUS and not event.is_imported
        }
        if statuses:
            found[kind_of(given["subject"])] |= statuses
    found["goal"] |= set(get_args(GoalClosed.model_fields["outcome"].annotation))

    assert {kind: set(statuses) for kind, statuses in STATUSES_BY_KIND.items()} == found
