"""The command line, as a user runs it."""

import json
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from hashlib import sha256

import httpx2
import pytest

from cli.bootstrap import open_read_only
from cli.caller import label_holder
from cli.commands.doctor import has_wal_reset_bug
from cli.settings import Settings
from eventlog.worker_status import VERIFIER, workers_at
from tests.support_serving import COMMAND, forked_server, run, serving, surroundings

DECISION = {
    "type": "RecordDecision",
    "key": "tea",
    "title": "Sell tea",
    "decision": "We sell tea.",
    "why": "Thirst.",
    "accountable": "ann",
}


def write_lines(path, *lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return str(path)


@pytest.fixture
def log_folder(tmp_path):
    """The directory of a log with one decision, without a server."""
    data = tmp_path / "data"
    done = run(data, "import", "commands", "--yes", write_lines(tmp_path / "commands.jsonl", DECISION))
    assert done.returncode == 0, done.stderr
    return data


def test_help_is_there_at_once():
    """Asking for help loads nothing heavy."""
    listed = "import sys, cli.main; print([name for name in ('fastapi', 'pydantic', 'rich', 'httpx2') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_commands_from_a_file(log_folder, tmp_path):
    """A file of commands begins a log where there is none; the same file again changes nothing."""
    again = run(log_folder, "import", "commands", "--yes", str(tmp_path / "commands.jsonl"), "--json")

    report = json.loads(again.stdout)
    assert (report["lines"], report["imported"], report["unchanged"]) == (1, 0, 1)


def test_a_refused_line_is_named(log_folder, tmp_path):
    """A refused line prints an error and sets the exit code, without a traceback."""
    done = run(
        log_folder,
        "import",
        "commands",
        "--yes",
        write_lines(tmp_path / "bad.jsonl", DECISION | {"title": "Sell milk"}),
    )

    assert done.returncode == 1
    assert "decision:tea already exists" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_dry_run_writes_nothing(tmp_path):
    """A dry run leaves not even a directory."""
    done = run(tmp_path / "data", "import", "commands", write_lines(tmp_path / "c.jsonl", DECISION), "--dry-run")

    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "data").exists()


def test_export(log_folder, tmp_path):
    """An export has every entry byte for byte, with the hash of just these bytes, and names only when asked."""
    plain = run(log_folder, "export").stdout.splitlines()
    with_people = run(log_folder, "export", "--people", "--output", str(tmp_path / "log.jsonl"))
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()

    for line in plain:
        entry = line.removeprefix('{"entry":').partition(',"leaf":')[0]
        assert sha256(b"\0" + entry.encode()).hexdigest() == json.loads(line)["leaf"]
    assert [json.loads(line)["entry"]["position"] for line in plain] == [1, 2, 3, 4]
    assert lines[1:] == plain
    assert json.loads(lines[0])["name"] == "ann"
    assert with_people.stderr == f"Exported 4 entries to {tmp_path / 'log.jsonl'}\n"


def test_rebuild(log_folder):
    """A rebuilt read model has the same content, from nothing and a second time."""
    first, second = run(log_folder, "rebuild"), run(log_folder, "rebuild")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    hashes = [re.search(r"SHA-256 of its content: (\w{64})", done.stdout)[1] for done in (first, second)]
    assert hashes[0] == hashes[1]
    assert "The content is unchanged." in second.stdout


def test_doctor(log_folder):
    """A log in order is said to be so, with its size and what is around it."""
    done = run(log_folder, "doctor")

    assert done.returncode == 0, done.stderr
    assert f"SQLite {sqlite3.sqlite_version}" in done.stdout
    assert re.search(r"log:\w{16}: 4 entries\nMerkle root [0-9a-f]{64}", done.stdout)
    assert "No server is running." in done.stdout
    said = done.stdout.splitlines()
    assert "OK: 4 entries verified; all hashes, texts and idempotency records match." in said[-2:]
    assert said[-1].startswith("Note: this version of SQLite") is has_wal_reset_bug(sqlite3.sqlite_version)


def test_doctor_only_looks(log_folder):
    """It writes to no file, and makes none but those that SQLite needs for reading."""
    run(log_folder, "rebuild")
    before = {path.name: path.stat().st_mtime_ns for path in log_folder.iterdir() if path.suffix != ".sqlite3-shm"}

    done = run(log_folder, "doctor")

    assert done.returncode == 0, done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in log_folder.iterdir() if path.name in before} == before
    beside = {f"{name}.sqlite3{more}" for name in ("log", "views") for more in ("-shm", "-wal")}
    assert {path.name for path in log_folder.iterdir()} - before.keys() <= beside


def test_a_log_is_read_where_nothing_can_be_written(log_folder, monkeypatch):
    """SQLite's files next to a log are not needed where they cannot be created."""
    monkeypatch.setattr("eventlog.sqlite_store.os.access", lambda *_: False)
    for path in log_folder.glob("*-*"):
        path.unlink()

    with open_read_only(Settings(data=log_folder)) as log:
        assert log.verify() is None

    assert not list(log_folder.glob("log.sqlite3-*"))


def test_doctor_finds_what_was_altered(log_folder):
    """An altered entry is found, named by its position, with what to do, and with an exit code of its own."""
    with sqlite3.connect(log_folder / "log.sqlite3") as connection:
        connection.execute(
            "UPDATE events SET event = CAST(replace(event, 'strategic', 'technical') AS BLOB) WHERE position = 4"
        )
    connection.close()

    done = run(log_folder, "doctor")

    assert done.returncode == 4
    assert "the head was altered" in done.stderr
    assert "back-up-and-restore.md" in done.stderr


def test_a_damaged_file(log_folder):
    """A file that is no log is refused in a sentence."""
    (log_folder / "log.sqlite3").write_bytes(b"tea" * 2000)

    done = run(log_folder, "doctor")

    assert done.returncode == 4
    assert "cannot be used as a decision log" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("export",), ("rebuild",), ("doctor",), ("token", "list")])
def test_where_there_is_no_log(tmp_path, command):
    """A command that needs a log says that there is none, and how to begin one."""
    done = run(tmp_path / "none", *command)

    assert done.returncode == 1
    assert "Create one with `decisionlog serve`" in done.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "command",
    [
        "backup OUT",
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in ("export --output OUT", "rebuild", "import commands MANY")
        ),
    ],
)
def test_where_there_is_no_room(log_folder, tmp_path, command):
    """On a full disk, a command prints a sentence about it; no partial write remains, and the log and its model are intact."""
    many = write_lines(tmp_path / "many", *({**DECISION, "key": f"k{n}", "why": "x" * 900} for n in range(300)))
    assert run(log_folder, "import", "commands", "--yes", many).returncode == 0
    before = run(log_folder, "export").stdout
    longer = write_lines(tmp_path / "longer", *({**DECISION, "key": f"l{n}", "why": "x" * 9000} for n in range(300)))

    words = command.replace("OUT", str(tmp_path / "out")).replace("MANY", longer)
    # In blocks of 1,024 bytes: the file's own are longer already, except those that will be next to it.
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 200; {COMMAND} {words}"],
        env=surroundings(log_folder),
        capture_output=True,
        text=True,
        check=False,
    )

    said = done.stderr.strip().splitlines()
    assert (done.returncode, done.stdout, len(said)) == (1, "", 1), done.stderr
    assert re.search("too large|disk", said[0])
    assert said[0].endswith(".")
    assert [path for path in tmp_path.iterdir() if path.name.startswith("out")] == []
    assert run(log_folder, "verify").returncode == 0
    if command == "rebuild":
        assert "Sell tea" in run(log_folder, "decisions", "--csv").stdout
    if "import" not in command:
        assert run(log_folder, "export").stdout == before


def test_a_directory_that_is_named_is_the_one_that_is_meant(log_folder, tmp_path):
    """What is asked with --data is asked there, though the environment has a database or a server for the usual log."""
    elsewhere = {"DECISIONLOG_STORE": "postgresql://127.0.0.1:1/none", "DECISIONLOG_URL": "http://127.0.0.1:1"}

    done = run(tmp_path / "another", "decisions", "--csv", "--data", str(log_folder), **elsewhere)
    checked = run(tmp_path / "another", "verify", "--data", str(log_folder), **elsewhere)

    assert "Sell tea" in done.stdout
    assert checked.returncode == 0, checked.stderr


def test_a_setting_out_of_order(tmp_path):
    """A setting that cannot be is named as it was set."""
    done = run(tmp_path, "doctor", DECISIONLOG_PORT="tea")

    assert done.returncode == 2
    assert "DECISIONLOG_PORT" in done.stderr


def test_a_wrong_token_is_not_ignored(log_folder):
    """A token that is set speaks without a server as well: an unknown one is refused, and one without the scope stops."""
    made = run(log_folder, "token", "create", "ann", "--role", "manager")
    secret = re.search(r"dlog_\S+", made.stdout)[0]

    unknown = run(log_folder, "person", "add", "Eve", DECISIONLOG_TOKEN="tea")
    weak = run(log_folder, "token", "create", "ann", DECISIONLOG_TOKEN=secret)
    good = run(log_folder, "person", "add", "Eve", DECISIONLOG_TOKEN=secret)

    assert (unknown.returncode, "unknown or revoked" in unknown.stderr) == (1, True)
    assert (weak.returncode, "scope `admin`" in weak.stderr) == (1, True)
    assert re.fullmatch(r"Registered Eve\. \(person:\w{16}, position \d+\)\n", good.stdout)


def test_a_host_that_is_none(tmp_path):
    """A host that this machine does not have is said to be the trouble, and nothing is left behind."""
    done = run(tmp_path / "data", "serve", DECISIONLOG_HOST="bogus.invalid")

    assert done.returncode == 1
    assert "DECISIONLOG_HOST" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_port_that_is_taken(tmp_path):
    """If the port is taken, the error names it and what to do; no log is created."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(tmp_path / "data", "serve", "--port", str(taken.getsockname()[1]))

    assert done.returncode == 1
    assert "Choose another port" in done.stderr
    assert not (tmp_path / "data").exists()


def test_tokens_without_a_server(log_folder):
    """A token can be created, listed and revoked without a server; its secret is shown once."""
    made = run(log_folder, "token", "create", "service:tracker", "--scope", "import", "--label", "nightly")
    token, secret = (
        re.search(r"Token (\w+) for service:tracker", made.stdout)[1],
        re.search(r"dlog_\S+", made.stdout)[0],
    )

    listed = run(log_folder, "token", "list").stdout
    (as_json,) = map(json.loads, run(log_folder, "token", "list", "--json").stdout.splitlines())
    assert [line.split("\t")[:3:2] for line in listed.splitlines()] == [["id", "label"], [token, "nightly"]]
    assert (as_json["id"], as_json["holder"], as_json["scopes"]) == (token, "service:tracker", ["import"])
    assert secret not in listed
    assert run(log_folder, "token", "revoke", token).returncode == 0
    assert secret.encode() not in b"".join(path.read_bytes() for path in log_folder.iterdir())


def test_a_person_is_named(log_folder):
    """Who a token or link is for is a name; with the id where two people have it, and no name for a service."""
    named = [run(log_folder, *words, "ann").stdout for words in (("token", "create"), ("login-link",))]

    assert named[0].split()[2:5] == ["for", "ann", "expires"]
    assert named[1].startswith("Sign-in link for ann. ")
    assert [label_holder("person:x", "Ann", ("person:x", *more)) for more in ((), ("person:y",))] == [
        "Ann",
        "Ann (person:x)",
    ]
    assert label_holder("service:x", None, ()) == "service:x"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("token", "create", "nobody"), "`decisionlog person add nobody`"),
        (("token", "create", "ann", "--scope", "fly"), "unknown scope: fly"),
        (("token", "revoke", "none"), "no token none"),
    ],
)
def test_tokens_refused(log_folder, arguments, said):
    """What cannot be done with tokens is said in a sentence."""
    done = run(log_folder, *arguments)

    assert done.returncode == 1
    assert said in done.stderr


def test_beside_a_server(tmp_path):
    """With a running server, every command does what it does without one, and the server sees it at once."""
    data = tmp_path / "data"
    with forked_server(data) as server:
        client = httpx2.Client(base_url=server.address, headers={"Authorization": f"Bearer {server.token}"})
        imported = run(data, "import", "commands", "--yes", write_lines(tmp_path / "c.jsonl", DECISION), "--json")
        refused = run(
            data, "import", "commands", "--yes", write_lines(tmp_path / "d.jsonl", DECISION | {"title": "Sell milk"})
        )
        made = run(data, "token", "create", "service:tracker", "--role", "viewer")
        secret = re.search(r"dlog_\S+", made.stdout)[0]
        known = httpx2.get(f"{server.address}/v1/log", headers={"Authorization": f"Bearer {secret}"}).json()
        revoked = run(data, "token", "revoke", re.search(r"Token (\w+) for", made.stdout)[1])
        unknown = httpx2.get(f"{server.address}/v1/log", headers={"Authorization": f"Bearer {secret}"})
        checked = run(data, "doctor")
        rebuilt = run(data, "rebuild")
        exported = run(data, "export")
        second = run(data, "serve")
        entry = client.get("/v1/log/entries/6").json()["entry"]
        client.close()
        named = [run(data, *words, "ann").stdout for words in (("token", "create"), ("login-link",))]

    assert json.loads(imported.stdout)["imported"] == 1, imported.stderr
    assert (refused.returncode, "already exists" in refused.stdout) == (1, True)
    assert known["size"] == 8
    assert (revoked.returncode, unknown.status_code) == (0, 401)
    assert (named[0].split()[2:4], named[1].startswith("Sign-in link for ann. ")) == (["for", "ann"], True)
    assert f"Server running at {server.address}." in checked.stdout
    assert "The content is unchanged." in rebuilt.stdout
    assert len(exported.stdout.splitlines()) == 9
    assert (second.returncode, server.address in second.stderr) == (3, True)
    assert (entry["event"]["credential"], entry["subject"]) == ("local", "decision:tea")


def test_starting_again(tmp_path):
    """The second start makes no second token, and what was recorded is there."""
    with forked_server(tmp_path) as first:
        token = first.token
    with forked_server(tmp_path) as second:
        answer = httpx2.get(f"{second.address}/v1/log", headers={"Authorization": f"Bearer {token}"})

    assert "dlog_" not in second.said
    assert answer.json()["size"] == 5


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_ending(tmp_path, end):
    """A server that is interrupted or told to end closes its log, gives the lock back, and has not failed."""
    start = serving if end == signal.SIGINT else forked_server
    with start(tmp_path, end=end) as server:
        pass

    assert server.process.returncode == 0
    assert (tmp_path / "log.sqlite3.lock").read_text(encoding="utf-8").strip() == ""
    assert not (tmp_path / "log.sqlite3-wal").exists()


def test_what_others_on_the_machine_may_read(tmp_path):
    """The directory and every file in it are their owner's alone, whatever was there before."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "log.sqlite3.lock").touch(mode=0o644)
    with forked_server(data):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()}

    assert len(modes) >= 3
    assert set(modes.values()) == {0o600}


def test_a_reader_that_leaves(log_folder):
    """A pipe that is closed early ends the export without a trace."""
    piped = f"{COMMAND} export | head -c 1"

    done = subprocess.run(
        ["bash", "-c", piped], env=surroundings(log_folder), capture_output=True, text=True, timeout=120, check=True
    )

    assert (done.stdout, done.stderr) == ("{", "")


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("3.6.23", False),
        ("3.7.0", True),
        ("3.40.1", True),
        ("3.44.5", True),
        ("3.44.6", False),
        ("3.45.0", True),
        ("3.50.6", True),
        ("3.50.7", False),
        ("3.51.2", True),
        ("3.51.3", False),
        ("3.52.0", False),
        ("3.53.1", False),
    ],
)
def test_versions_with_the_wal_reset_bug(version, affected):
    """The bug is in 3.7.0 to 3.51.2, but not in the two that were repaired."""
    assert has_wal_reset_bug(version) is affected


def test_a_verification_is_saved_and_is_no_worker(log_folder):
    """What was verified, and up to which position, is what pages show; `status` lists no worker for it."""
    assert run(log_folder, "verify").returncode == 0

    saved = workers_at(log_folder / "log.sqlite3").find(VERIFIER)

    assert saved is not None
    assert f"{saved.position} entries" in run(log_folder, "verify").stdout.replace(",", "")
    assert (saved.place, saved.error) == ("decisionlog verify", None)
    assert "decisionlog verify" not in run(log_folder, "status").stdout
