"""Write the demo log, with a clock that goes through the year of the story.

Each entry is recorded on the day it is about, so that `known_at` works. Commands take the same path as any others, with
the channel `demo`, so that they cannot be mistaken for real ones.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cli.bootstrap import Runtime, open_for_write, open_runtime
from cli.demo.story import DAYS, Step, Story, load
from cli.demo.workdays import Calendar
from cli.errors import CommandFailed, Exit
from cli.progress import progress
from cli.settings import Settings
from domain.access import LOG_SERVICE
from domain.catalog import COMMAND
from domain.roles import ADMIN
from domain.scopes import SCOPES
from domain.values import format_timestamp, parse_timestamp, to_micros
from eventlog.entry import Caller, Receipt, Transaction
from projections.report import ReportRequest, report

CHANNEL: Final = "demo"
REGISTERED_BEFORE_US: Final = 3 * 60 * 60 * 1_000_000
"""How long before the first step the people of the story were registered."""
CATCH_UP_TIMEOUT_S: Final = 60.0


def create_demo(settings: Settings, directory: Path, ends_on: date) -> int:
    """Write the demo log to a new directory; return its number of entries.

    Raises:
        CommandFailed: the directory exists, or the year ends in the future.
    """
    if directory.exists():
        raise CommandFailed(f"{directory} already exists. Choose another directory, or delete it.")
    if ends_on > datetime.now(UTC).date():
        raise CommandFailed(f"--ends-on {ends_on} is in the future. Use today or an earlier date.", Exit.USAGE_ERROR)
    # The directory gets its name once it is complete.
    partial = directory.with_name(directory.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    story = load()
    try:
        target = settings.model_copy(update={"data": partial, "store": "", "token": None})
        size = write_story(target, story, ends_on - timedelta(days=DAYS))
        partial.rename(directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return size


def write_story(settings: Settings, story: Story, first: date) -> int:
    """Write a story that begins on a day to the log in the settings; return its number of entries."""
    calendar = Calendar(first)
    clock = StoryClock(to_micros(calendar.morning(0)) - REGISTERED_BEFORE_US)
    with (
        open_for_write(settings, by=clock) as log,
        open_runtime(log, settings) as runtime,
        progress("Writing") as report_progress,
    ):
        log.default_role = ADMIN  # the story has happened; its actors need no roles
        writer = _StoryWriter(runtime, calendar)
        for person in story.people:
            writer.register(person)
        for count, (step, now) in enumerate(calendar.times(story), start=1):
            clock.now = now
            writer.send(step)
            report_progress(count, len(story.steps))
        _catch_up(runtime)
        return log.head().size


def _catch_up(runtime: Runtime) -> None:
    size = runtime.log.head().size
    if not runtime.runner.wait_for(size, CATCH_UP_TIMEOUT_S):
        raise CommandFailed(f"Timed out: the read model is at position {runtime.runner.position} of {size}. Try again.")


@dataclass
class StoryClock:
    """A clock that shows the time of the current step, in microseconds since 1970."""

    now: int

    def __call__(self) -> int:
        return self.now


class _StoryWriter:
    """Sends the steps of a story to a log, each at its time."""

    def __init__(self, runtime: Runtime, calendar: Calendar) -> None:
        self._runtime, self._calendar = runtime, calendar
        self._values: dict[str, str | int] = {}
        """The ids of people and the positions of steps, by their names in the story."""

    def register(self, person: Mapping[str, Any]) -> None:
        """Register a person, with a random id."""
        known = {name: value for name, value in person.items() if name != "zone"}
        receipt = self._execute(LOG_SERVICE, {"type": "RegisterPerson", **known})
        self._values[person["identifiers"][0]] = receipt.recorded[0].subject

    def send(self, step: Step) -> None:
        """Send the commands of a step."""
        commands = [self._fill_in(command, step) for command in step.commands]
        receipt = self._execute(str(self._values[step.who]), *commands)
        if step.name:
            self._values[step.name] = receipt.recorded[0].position

    def _execute(self, actor: str, *commands: Mapping[str, Any]) -> Receipt:
        parsed = tuple(COMMAND.validate_python(command) for command in commands)
        return asyncio.run(
            self._runtime.log.execute(Transaction(parsed, Caller(actor, CHANNEL, CHANNEL, frozenset(SCOPES))))
        )

    def _fill_in(self, command: Mapping[str, Any], step: Step) -> dict[str, Any]:
        filled = {name: self._resolve(value) for name, value in command.items()}
        if step.effective is not None:
            filled["effective_at"] = format_timestamp(self._calendar.morning(step.effective))
        return filled | self._make_report(filled) if filled["type"] == "IssueReport" else filled

    def _resolve(self, value: Any) -> Any:
        """Replace `@DAY` by a date and `@NAME` by an id or position."""
        if not isinstance(value, str) or not value.startswith("@"):
            return value
        name = value[1:]
        return self._calendar.date(int(name)).isoformat() if name.isdigit() else self._values[name]

    def _make_report(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Return the position and the hash of the report as of now."""
        _catch_up(self._runtime)
        since, until = (to_micros(parse_timestamp(command[name])) for name in ("since", "until"))
        with self._runtime.model.read() as read:
            answer = report(read, ReportRequest(command["subject"], since, until))
        return {"position": answer.position, "sha256": answer.about["sha256"]}
