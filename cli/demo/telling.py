"""`decisionlog demo`: a log of its own, written by a clock that walks through the year of the story.

So each entry was recorded on the day it tells of, and what was known on a day can be asked. Every act goes the way of all
commands; its channel is `demo`, so that nobody takes it for anything that happened.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import click

from cli.demo.story import DAYS, Act, Story, load
from cli.errors import CannotGoOn, Exit
from cli.progress import progress
from cli.settings import Settings
from cli.wiring import House, house, writing
from domain.access import THE_LOG_ITSELF
from domain.catalog import COMMAND
from domain.values import format_timestamp, parse_timestamp, to_micros
from eventlog.entry import Caller, Receipt, Transaction
from eventlog.log import DecisionLog
from projections.report import Span, report

CHANNEL: Final = "demo"
MORNING: Final = time(8)
MINUTES: Final = 7
"""Between two acts of a day."""
WAIT: Final = 60.0


def demo(settings: Settings, directory: Path, ends_on: date) -> None:
    """Writes the demo's log to a directory that is not there yet, and says how to look at it.

    Raises:
        CannotGoOn: there is something already, or the year ends in the future.
    """
    if directory.exists():
        sentence = f"{directory} is there already. Choose another directory for the demo, or remove that one."
        raise CannotGoOn(sentence)
    if ends_on > datetime.now(UTC).date():
        raise CannotGoOn(f"The year cannot end on {ends_on}, which is still to come.", Exit.MISUNDERSTOOD)
    # Under another name until all of it is there.
    partial = directory.with_name(directory.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    story = load()
    try:
        written = settings.model_copy(update={"data": partial, "store": "", "token": None})
        size = tell(written, story, ends_on - timedelta(days=DAYS))
        partial.rename(directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _say(directory, ends_on, size)


def tell(settings: Settings, story: Story, first: date) -> int:
    """Writes a story that begins on a day to the log in the settings' directory; how many entries it came to."""
    clock = WalkingClock(first)
    with writing(settings, by=clock) as log, house(log, settings) as built, progress("Telling") as bar:
        teller = _Teller(built, clock)
        for somebody in story.people:
            teller.meet(somebody)
        for n, act in enumerate(story.acts, start=1):
            teller.act(act)
            bar(n, len(story.acts))
        _catch_up(built)
        return log.head().size


def _catch_up(built: House) -> None:
    size = built.log.head().size
    if not built.runner.wait_for(size, WAIT):
        raise CannotGoOn(f"The read model stands at position {built.runner.position} of {size}; run the demo again.")


@dataclass
class WalkingClock:
    """Stands in the morning of a day, and moves on by some minutes with each act of that day."""

    first: date
    now: int = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.at(0)

    def __call__(self) -> int:
        return self.now

    def at(self, day: int) -> int:
        """The morning of a day of the story, in microseconds since 1970."""
        return to_micros(datetime.combine(self.date(day), MORNING, tzinfo=UTC))

    def date(self, day: int) -> date:
        """The date of a day of the story."""
        return self.first + timedelta(days=day)

    def walk_to(self, day: int) -> None:
        """The next act of a day is about to happen."""
        self.now = max(self.at(day), self.now + MINUTES * 60 * 1_000_000)


class _Teller:
    """Puts acts to the log, each at its time."""

    def __init__(self, built: House, clock: WalkingClock) -> None:
        self._built, self._clock = built, clock
        self._log: DecisionLog = built.log
        self._named: dict[str, str | int] = {}
        """The ids of people and the positions of acts, by the names the story has for them."""

    def meet(self, somebody: Mapping[str, Any]) -> None:
        """Registers somebody, under an id without a meaning."""
        receipt = self._put(THE_LOG_ITSELF, {"type": "RegisterPerson", **somebody})
        self._named[somebody["identifiers"][0]] = receipt.recorded[0].subject

    def act(self, act: Act) -> None:
        """Puts an act to the log."""
        self._clock.walk_to(act.day)
        commands = [self._filled(command, act) for command in act.commands]
        receipt = self._put(str(self._named[act.who]), *commands)
        if act.name:
            self._named[act.name] = receipt.recorded[0].position

    def _put(self, actor: str, *commands: Mapping[str, Any]) -> Receipt:
        parsed = tuple(COMMAND.validate_python(command) for command in commands)
        return asyncio.run(self._log.execute(Transaction(parsed, Caller(actor, CHANNEL, CHANNEL))))

    def _filled(self, command: Mapping[str, Any], act: Act) -> dict[str, Any]:
        filled = {name: self._meant(said) for name, said in command.items()}
        if act.effective is not None:
            filled["effective_at"] = f"{self._clock.date(act.effective)}T{MORNING}Z"
        return filled | self._reported(filled) if filled["type"] == "IssueReport" else filled

    def _meant(self, said: Any) -> Any:
        """What stands in a command, with days and names filled in."""
        if not isinstance(said, str) or not said.startswith("@"):
            return said
        name = said[1:]
        return self._clock.date(int(name)).isoformat() if name.isdigit() else self._named[name]

    def _reported(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """What a report says at this moment: span, position and hash."""
        _catch_up(self._built)
        since, until = (to_micros(parse_timestamp(command[name])) for name in ("since", "until"))
        with self._built.model.read() as read:
            answer = report(read, Span(command["subject"], since, until))
        return {"position": answer.position, "sha256": answer.about["sha256"]}


def _say(directory: Path, ends_on: date, size: int) -> None:
    quarter = ends_on - timedelta(days=91)
    known = format_timestamp(datetime.combine(ends_on - timedelta(days=60), time(0), tzinfo=UTC))[:10]
    click.echo(
        f"A year of Tideline, which never was, until {ends_on}: {size} entries in {directory}.\n"
        "\n"
        "Its last quarter, as a page to print:\n"
        f"  decisionlog report tideline --since {quarter} --format html --output tideline.html --data {directory}\n"
        "\n"
        "Serve it, and ask:\n"
        f"  decisionlog serve --data {directory}\n"
        "  GET /v1/roadmap?product=tideline                      the board\n"
        f"  GET /v1/roadmap?product=tideline&as_of={known}     as it was that day\n"
        f"  GET /v1/subjects/feature:route-planner/history?known_at={known}\n"
        "                                                        what was known then of who owns it\n"
        "  GET /v1/slips?product=tideline                        promises that moved\n"
        "  GET /v1/audit?backdated=true                          what was told late"
    )
