"""A server of the oldest PostgreSQL that a log takes, from Maven Central; the other tests run on a current one."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from eventlog.postgresql_store import MIN_POSTGRES_VERSION

RELEASES: Final = {15: "15.19.0"}
FOLDER: Final = Path(sys.prefix) / "postgresql"
_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64v8"}
_MAVEN_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
SYSTEM_USER: Final = "nobody"
"""Who runs the server if root runs the tests: PostgreSQL refuses root."""


def _download() -> Path:
    """Return the archive of its programs, which is downloaded on first use (14 MB)."""
    release = RELEASES[MIN_POSTGRES_VERSION]
    name = f"embedded-postgres-binaries-linux-{_MACHINES[platform.machine()]}"
    archive = FOLDER / f"{name}-{release}.jar"
    if not archive.exists():
        artifact = f"io.zonky.test.postgres:{name}:{release}"
        command = ["mvn", "-q", "-B", _MAVEN_PLUGIN, f"-Dartifact={artifact}", f"-DoutputDirectory={FOLDER}"]
        subprocess.run(command, check=True)
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as jar:
        packed = next(each for each in jar.namelist() if each.endswith(".txz"))
        with jar.open(packed) as stream, tarfile.open(fileobj=stream, mode="r:xz") as programs:
            programs.extractall(folder, filter="data")


@contextmanager
def oldest_postgresql() -> Iterator[str]:
    """Yield the URL of a database on a running server, which is gone afterwards."""
    user = SYSTEM_USER if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="decisionlog-postgresql-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # its user reads the programs there
        _unpack(_download(), folder)
        data, log = folder / "data", folder / "log"
        for made in (data, log):
            made.mkdir()
            if user:
                shutil.chown(made, user)

        def call(program: str, *arguments: str | Path) -> None:
            command = [folder / "bin" / program, "-D", data, *arguments]
            subprocess.run(command, user=user, cwd="/", check=True, stdout=subprocess.DEVNULL)

        call("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        options = f"-h 127.0.0.1 -k '' -p {port} -c fsync=off -c max_connections=200"
        call("pg_ctl", "-w", "-t", "120", "-l", log / "log", "-o", options, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-m", "immediate", "stop")
