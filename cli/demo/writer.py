"""Write the demo: a log of its own, with a clock that goes through the year of the story, or into a log that is served.

In a log of its own each entry is recorded on the day it is about, so that `known_at` works. A log that is served has
its own clock: there the entries are backdated, each to its day. Commands take the same path as any others, with the
channel `demo`, so that they cannot be mistaken for real ones.
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
from domain.catalog import COMMAND
from domain.ids import LOG_SERVICE
from domain.roles import ADMIN
from domain.scopes import SCOPES
from domain.times import format_timestamp, from_micros, parse_micros, to_micros
from eventlog.entry import Caller, Receipt, Transaction
from projections.queries.report import ReportRequest, report

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
            asyncio.run(writer.register(person))
        for count, (step, now) in enumerate(calendar.times(story), start=1):
            clock.now = now
            asyncio.run(writer.send(step))
            report_progress(count, len(story.steps))
        _catch_up(runtime)
        return log.head().size


async def load_demo(runtime: Runtime, by: str) -> None:
    """Write the story into an open log, ending today and backdated to its days. `by` is who loads it, an administrator.

    The people of the story get the role that its commands need; no one can sign in as them.

    Raises:
        Refused: the log refused a command.
    """
    story = load()
    calendar = Calendar(from_micros(runtime.log.now()).date() - timedelta(days=DAYS))
    times = [*calendar.times(story)]
    writer = _StoryWriter(runtime, calendar, first=times[0][1] - REGISTERED_BEFORE_US)
    for person in story.people:
        await writer.register(person, by)
    for step, now in times:
        await writer.send(step, now)
    await asyncio.to_thread(_catch_up, runtime)


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
    """Sends the steps of a story to a log, each at its time: that of the clock, or backdated since a `first` time."""

    def __init__(self, runtime: Runtime, calendar: Calendar, first: int | None = None) -> None:
        self._runtime, self._calendar, self._first = runtime, calendar, first
        self._values: dict[str, str | int] = {}
        """The ids of people and the positions of steps, by their names in the story."""

    async def register(self, person: Mapping[str, Any], by: str = LOG_SERVICE) -> None:
        """Register a person, with a random id; in an open log, with a role."""
        known = {name: value for name, value in person.items() if name != "zone"}
        at = {} if self._first is None else {"effective_at": _format(self._first)}
        receipt = await self._execute(by, {"type": "RegisterPerson", **known, **at})
        subject = receipt.recorded[0].subject
        self._values[person["identifiers"][0]] = subject
        if self._first is not None:
            await self._execute(by, {"type": "GrantRole", "subject": subject, "role": ADMIN})

    async def send(self, step: Step, now: int | None = None) -> None:
        """Send the commands of a step; in an open log, backdated to a time."""
        commands = [await self._fill_in(command, step, now) for command in step.commands]
        receipt = await self._execute(str(self._values[step.who]), *commands)
        if step.name:
            self._values[step.name] = receipt.recorded[0].position

    async def _execute(self, actor: str, *commands: Mapping[str, Any]) -> Receipt:
        parsed = tuple(COMMAND.validate_python(command) for command in commands)
        caller = Caller(actor, CHANNEL, CHANNEL, frozenset(SCOPES))
        return await self._runtime.log.execute(Transaction(parsed, caller))

    async def _fill_in(self, command: Mapping[str, Any], step: Step, now: int | None) -> dict[str, Any]:
        filled = {name: self._resolve(value) for name, value in command.items()}
        if now is not None:
            filled["effective_at"] = _format(now)
        if step.effective is not None:
            filled["effective_at"] = format_timestamp(self._calendar.morning(step.effective))
        if filled["type"] != "IssueReport":
            return filled
        return filled | await asyncio.to_thread(self._make_report, filled)

    def _resolve(self, value: Any) -> Any:
        """Replace `@DAY` by a date and `@NAME` by an id or position."""
        if not isinstance(value, str) or not value.startswith("@"):
            return value
        name = value[1:]
        return self._calendar.date(int(name)).isoformat() if name.isdigit() else self._values[name]

    def _make_report(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Return the position and the hash of the report as of now."""
        _catch_up(self._runtime)
        since, until = (parse_micros(command[name]) for name in ("since", "until"))
        with self._runtime.model.read() as read:
            answer = report(read, ReportRequest(command["subject"], since, until))
        return {"position": answer.position, "sha256": answer.about["sha256"]}


def _format(micros: int) -> str:
    return format_timestamp(from_micros(micros))
