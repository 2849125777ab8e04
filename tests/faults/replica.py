"""A replica that is killed again and again while it reads: in the end it is equal to a read model that never was.

The log is published once, to a real broker. `decisionlog replica` is started, killed with SIGKILL at a random moment of
its work, and started again; when it has read everything it starts again in another place, until there were kills enough.
"""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from cli.bootstrap import clock
from consumers.kafka.broker import Broker
from consumers.kafka.topics import Topics
from identity.decision_log import DecisionLog
from projections.read_model.model import ReadModel, content_hash
from projections.read_model.rebuild import rebuild
from projections.read_model.sqlite import SqliteDatabase
from tests.benchmarks.replicating import publish
from tests.faults.logs import write_log
from tests.kafka.broker import Cluster, fresh_prefix
from tests.support_serving import COMMAND, surroundings

EVENTS: Final = 15_000
LONGEST: Final = 1.2
"""Seconds for which it goes on working before it is killed, at most."""
PATIENCE: Final = 120
SABOTAGED: Final = (sys.executable, "-m", "tests.faults.sabotaged_replica")
"""A replica that writes the rows first, and its position in a second transaction."""


@dataclass
class Published:
    """A log that is in a topic, and what the content of its read model is."""

    folder: Path
    servers: str
    prefix: str
    size: int
    content: str

    @classmethod
    def at(cls, folder: Path, servers: str, events: int) -> Published:
        """Writes a log and publishes it."""
        path, prefix = folder / "log", fresh_prefix()
        write_log(path, events, 17)
        with DecisionLog.open(path, clock=clock) as log:
            log.default_role = "admin"
            publish(log, path, Broker.from_addresses(servers), Topics(prefix))
            model = ReadModel.open(SqliteDatabase(folder / "peaceful"), log, clock)
            size = rebuild(log, model)
        return cls(folder, servers, prefix, size, content_hash(model))


def kill_until_read(
    published: Published, into: Path, chance: Random, command: Sequence[str | Path] = (COMMAND,), *, most: int
) -> tuple[int, str]:
    """Reads it all into a new replica, killed on the way at most so often; the kills, and what is wrong in the end."""
    for kills in itertools.count():
        process = _start(published, into, command)
        try:
            whole = kills >= most
            goal = published.size if whole else _position(into) + chance.choice((0, 1, 1))
            _let_it_work(process, into, goal, chance)
        finally:
            process.kill()
        said = process.communicate()[0]
        if process.returncode != -signal.SIGKILL:
            return kills, f"the replica ended by itself: {said[-300:]}"
        if _position(into) >= published.size:
            break
    wrong = (
        "" if content_hash(ReadModel(SqliteDatabase(into), clock)) == published.content else "its content is another"
    )
    return kills, wrong


def _let_it_work(process: subprocess.Popen[str], into: Path, goal: int, chance: Random) -> None:
    """Until it is somewhere, and then until any moment."""
    end = time.monotonic() + PATIENCE
    while _position(into) < goal and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(chance.uniform(0, LONGEST))


def _start(published: Published, into: Path, command: Sequence[str | Path]) -> subprocess.Popen[str]:
    """A replica from the moment when it begins to read."""
    settings = {
        "DECISIONLOG_KAFKA_BOOTSTRAP_SERVERS": published.servers,
        "DECISIONLOG_KAFKA_PREFIX": published.prefix,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    process = subprocess.Popen(
        [*command, "replica", "--into", into],
        env=surroundings(published.folder, **settings),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _position(into: Path) -> int:
    model = ReadModel(SqliteDatabase(into), clock)
    with suppress(*model.database.transient_errors):
        return model.position
    return 0


def run(times: int) -> Iterator[str]:
    """Kill a replica some times; then kill a sabotaged one until it is detected."""
    begun, kills = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder) / "kafka") as cluster:
        published = Published.at(Path(folder), cluster.bootstrap_servers, EVENTS)
        for number in itertools.count(1):
            into = Path(folder) / f"replica{number}"
            some, wrong = kill_until_read(published, into, Random(number), most=times - kills)
            kills += some
            yield f"replica {number}: {some} kills on its way through {published.size:,} entries{': ' + wrong if wrong else ''}"
            if wrong:
                raise SystemExit(1)
            if kills >= times:
                break
        yield f"{kills} kills: each replica equal to a clean run, {time.monotonic() - begun:.0f} s"
        for number in range(1, 11):
            into = Path(folder) / f"sabotaged{number}"
            some, wrong = kill_until_read(published, into, Random(number), SABOTAGED, most=10)
            if wrong:
                yield f"the sabotaged replica was detected after {some} kills: {wrong.splitlines()[-1]}"
                return
        yield "the sabotaged replica was not detected"
        raise SystemExit(1)
