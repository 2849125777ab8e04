"""A real Apache Kafka for the tests: the one that is given, or brokers of our own in a folder, gone with the tests.

The jars come from Maven Central once and stay in a cache. One broker serves a whole test run, however many processes it
has: a keeper starts it, and stops it when the last process that leans on it is gone, however that ended.
"""

from __future__ import annotations

import base64
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final, Self

GIVEN: Final = "DECISIONLOG_KAFKA_BOOTSTRAP_SERVERS"
POM: Final = Path(__file__).with_name("pom.xml")
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "decisionlog-tests" / "kafka-4.3.0"
JAVA: Final = (
    "java",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
PATIENCE: Final = 60.0
"""Seconds in which a broker is up, also on a busy machine."""
_PROPERTIES: Final = """
process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}
num.partitions=1
default.replication.factor={copies}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
replica.lag.time.max.ms=5000
"""
_names = count(1)


def missing(*, own: bool = False) -> str | None:
    """Why no broker can be had on this machine, or none of our `own` to kill; else None."""
    if os.environ.get(GIVEN) and not own:
        return None
    absent = [tool for tool in ("java", "mvn") if shutil.which(tool) is None and (tool == "java" or not CACHE.exists())]
    return f"Kafka needs {' and '.join(absent)}, or a broker in {GIVEN}" if absent else None


def jars() -> Path:
    """The folder of Kafka's jars; fetched the first time."""
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with (CACHE.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not CACHE.exists():
            with tempfile.TemporaryDirectory(dir=CACHE.parent) as folder:
                subprocess.run(
                    [
                        "mvn",
                        "-q",
                        "-B",
                        "-f",
                        POM,
                        "dependency:copy-dependencies",
                        "-DincludeScope=runtime",
                        f"-DoutputDirectory={folder}/lib",
                    ],
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
                Path(folder, "lib").rename(CACHE)
    return CACHE


def fresh_prefix() -> str:
    """A prefix for topics that no other test uses."""
    return f"test-{os.getpid()}-{time.time_ns()}-{next(_names)}"


def free_ports(many: int) -> list[int]:
    """Ports that no process listens on at the moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(many)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@dataclass
class Node:
    """One broker, which is its own controller, or one of several."""

    folder: Path
    id: int
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it; it takes part once `is_up`."""
        with (self.folder / "said").open("ab") as said:
            self.process = subprocess.Popen(
                [*JAVA, "-cp", f"{jars()}/*", "kafka.Kafka", self.folder / "server.properties"],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    def is_up(self) -> bool:
        """Whether it takes connections."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def wait(self) -> None:
        """Waits until it takes connections."""
        end = time.monotonic() + PATIENCE
        while not self.is_up():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the broker does not start: {(self.folder / 'said').read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """`kill -9`, whatever it is doing."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@dataclass
class Cluster:
    """Some brokers on ports of their own in a folder; killed at the end."""

    folder: Path
    size: int = 1
    nodes: list[Node] = field(default_factory=list)

    @property
    def bootstrap_servers(self) -> str:
        """As the setting says it."""
        return ",".join(node.address for node in self.nodes)

    def __enter__(self) -> Self:
        ports = free_ports(2 * self.size)
        controllers = ports[self.size :]
        voters = ",".join(f"{n}@127.0.0.1:{port}" for n, port in enumerate(controllers, 1))
        name = base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode().replace("-", "a")
        for n in range(1, self.size + 1):
            folder = self.folder / f"node{n}"
            folder.mkdir(parents=True)
            properties = _PROPERTIES.format(
                id=n,
                voters=voters,
                port=ports[n - 1],
                controller=controllers[n - 1],
                folder=folder / "data",
                copies=min(3, self.size),
                in_sync=min(2, self.size),
            )
            (folder / "server.properties").write_text(properties)
            subprocess.run(
                [
                    *JAVA,
                    "-cp",
                    f"{jars()}/*",
                    "kafka.tools.StorageTool",
                    "format",
                    "-t",
                    name,
                    "-c",
                    folder / "server.properties",
                ],
                check=True,
                capture_output=True,
            )
            self.nodes.append(Node(folder, n, ports[n - 1]))
        for node in self.nodes:
            node.start()
        try:
            for node in self.nodes:
                node.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.kill()


@contextmanager
def shared(folder: Path) -> Iterator[str]:
    """The broker of a test run, for as long as this process needs it: its bootstrap servers.

    `folder` is the same in every process of the run.
    """
    if given := os.environ.get(GIVEN):
        yield given
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users").open("w") as users, (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        address = folder / "address"
        if not address.exists():
            keeper = subprocess.Popen([sys.executable, __file__, folder], stdin=subprocess.DEVNULL)
            while not address.exists():
                if keeper.poll() is not None:
                    raise AssertionError("the broker does not start; what it says stands above")
                time.sleep(0.05)
            keeper.returncode = 0  # it may outlive this process, so no call waits for it
        fcntl.flock(lock, fcntl.LOCK_UN)
        yield address.read_text()


def keep(folder: Path) -> None:
    """Keeps a broker for as long as any process holds a share of the lock on `users`."""
    with tempfile.TemporaryDirectory(prefix="decisionlog-kafka-") as data, Cluster(Path(data)) as cluster:
        written = folder / "address.new"
        written.write_text(cluster.bootstrap_servers)
        written.rename(folder / "address")
        with (folder / "users").open("r") as users:
            while True:
                with suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    (folder / "address").unlink()
                    return
                time.sleep(0.2)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
