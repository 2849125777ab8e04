"""Importing from the command line, on real history."""

import json
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.support_serving import COMMAND, forked_server, run, surroundings

ROOT = Path(__file__).parents[2]
CORPORA = ROOT.parent / "shared" / "corpora"
KEPS = (str(CORPORA / "keps_before_2023-01-01.jsonl"), "--mapping", str(ROOT / "examples" / "mappings" / "keps.toml"))


def test_a_dry_run_says_what_would_happen(tmp_path):
    """A dry run reports on every line, and leaves nothing behind."""
    done = run(tmp_path / "data", "import", "changes", *KEPS, "--dry-run", "--json")

    report = json.loads(done.stdout)
    assert (report["dry_run"], report["imported"], report["rejected"]) == (True, report["lines"] - 2, [])
    assert [remark["line"] for remark in report["skipped"]] == ["2105", "2196"]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("served", [False, True])
def test_interrupting(tmp_path, served):
    """An interrupted import ends after the batch under way, says how far it got, and is found by its keys next time."""
    data, file = tmp_path / "data", tmp_path / "teams.jsonl"
    file.write_text(
        "".join(f'{{"type": "RegisterTeam", "key": "t{n}", "title": "{n}"}}\n' for n in range(5000)), encoding="utf-8"
    )
    with forked_server(data) if served else nullcontext():
        command = subprocess.Popen(
            [COMMAND, "import", "commands", "--yes", str(file)],
            env=surroundings(data),
            stderr=subprocess.PIPE,
            text=True,
        )
        while command.poll() is None and size_of(data) < 100:
            time.sleep(0.01)
        command.send_signal(signal.SIGINT)
        said = command.communicate(timeout=120)[1]

    done = int(re.search(r"Interrupted after (\d+) of 5000 lines\. Run the same command to continue\.", said)[1])
    report = json.loads(run(data, "import", "commands", str(file), "--dry-run", "--json").stdout)
    assert command.returncode == 130
    assert done % 1000 == 0
    assert (report["unchanged"], report["imported"]) == (done, 5000 - done)


def size_of(data: Path) -> int:
    """How many entries a log has that another process is writing."""
    file = data / "log.sqlite3"
    if not file.exists():
        return 0
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            return connection.execute("SELECT size FROM head").fetchone()[0]
        except sqlite3.OperationalError:
            return 0  # it is only just being made


def test_importing_without_the_right(tmp_path):
    """A token that may not import gets one error, with a server and without one, and nothing is written."""
    with forked_server(tmp_path):
        secret = re.search(r"dlog_\S+", run(tmp_path, "token", "create", "ann").stdout)[0]
        size = size_of(tmp_path)
        beside = run(tmp_path, "import", "changes", "--yes", *KEPS, DECISIONLOG_TOKEN=secret)
    alone = run(tmp_path, "import", "changes", "--yes", *KEPS, DECISIONLOG_TOKEN=secret)
    dry = run(tmp_path, "import", "changes", *KEPS, "--dry-run", DECISIONLOG_TOKEN=secret)

    for done in (beside, alone, dry):
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
        assert "--scope import" in done.stderr
    assert size_of(tmp_path) == size


def reported(data: Path) -> dict[str, Any]:
    done = run(data, "import", "changes", "--yes", *KEPS, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_importing_through_a_server(tmp_path):
    """An import through a running server is complete when it ends; the same file without a server changes nothing."""
    with forked_server(tmp_path):
        first = reported(tmp_path)
        dry = json.loads(run(tmp_path, "import", "changes", *KEPS, "--dry-run", "--json").stdout)
    again = reported(tmp_path)

    assert (first["imported"], first["rejected"]) == (first["lines"] - 2, [])
    assert (again["imported"], again["unchanged"]) == (0, first["imported"])
    assert again["position"] == first["position"]
    assert dry == again | {"dry_run": True, "position": None}
    assert (dry["people_registered"], dry["contradictions"], dry["unknown_values"]) == (0, [], {})


@pytest.mark.slow
def test_importing_into_a_log_elsewhere(tmp_path):
    """By its address and a token, from a folder without a log, an import does the same, and again changes nothing."""
    with forked_server(tmp_path / "theirs") as server:
        there = {"DECISIONLOG_URL": server.address, "DECISIONLOG_TOKEN": server.token}
        mine = tmp_path / "mine"
        first = run(mine, "import", "changes", "--yes", *KEPS, "--json", **there)
        again = run(mine, "import", "changes", "--yes", *KEPS, "--json", **there)
        dry = run(mine, "import", "changes", *KEPS, "--dry-run", **there)
        unknown = run(mine, "import", "changes", "--yes", *KEPS, **there | {"DECISIONLOG_TOKEN": "tea"})
    gone = run(mine, "import", "changes", "--yes", *KEPS, **there)

    told, told_again = json.loads(first.stdout), json.loads(again.stdout)
    assert (told["imported"], told["rejected"]) == (told["lines"] - 2, [])
    assert (told_again["imported"], told_again["unchanged"]) == (0, told["imported"])
    for done, said in ((dry, "A dry run needs the log's files"), (unknown, "token"), (gone, server.address)):
        assert (done.returncode != 0, done.stdout, len(done.stderr.splitlines())) == (True, "", 1), done.stderr
        assert said in done.stderr
    assert not mine.exists()


@pytest.mark.parametrize(("mapping", "said"), [("tea = 1", "tea"), ("= tea", "mapping.toml"), ("", "mapping.toml")])
def test_a_mapping_out_of_order(tmp_path, mapping, said):
    """A mapping that cannot be read or understood is refused before anything is written, naming what is wrong."""
    (tmp_path / "mapping.toml").write_text(mapping, encoding="utf-8")

    done = run(tmp_path / "data", "import", "changes", "--yes", KEPS[0], "--mapping", str(tmp_path / "mapping.toml"))

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()
