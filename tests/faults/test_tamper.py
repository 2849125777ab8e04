"""Whatever is changed in a log's file is found."""

import json
from collections import Counter
from contextlib import contextmanager

import pytest

from eventlog import verifying
from eventlog.checkpoint import Checkpoint, NotACheckpointError
from eventlog.log import DecisionLog
from eventlog.verifying import verify
from tests.faults import tamper
from tests.faults.logs import START, do, write_log
from tests.faults.tamper import CHANGES, REWRITES, honest, try_to_cheat

ROUNDS = 400


@contextmanager
def undone(log):
    """What is changed within is as before afterwards."""
    log.connection.execute("BEGIN")
    try:
        yield
    finally:
        log.connection.execute("ROLLBACK")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """An honest log of 200 entries or a few more."""
    for _, copy in honest(tmp_path_factory.mktemp("honest"), [200]):
        yield copy


def test_every_change_is_found(log):
    """Any value changed, rows swapped, removed, inserted, re-dated: `verify` finds it, and each way was tried."""
    found = Counter()

    assert list(try_to_cheat(log, range(ROUNDS), found)) == []

    assert set(found) == {change.__name__ for change in (*CHANGES, *REWRITES)}


def test_every_round_is_dealt_out_once():
    """However the rounds are shared out among processes, each size has its seeds without a gap, and none is lost."""
    dealt = tamper.shares(1_000)

    assert sum(rounds for _, _, rounds in dealt) >= 1_000
    for size in tamper.SIZES:
        seeds = [seed for one, first, rounds in dealt if one == size for seed in range(first, first + rounds)]
        assert seeds == list(range(len(seeds)))


@pytest.mark.parametrize(
    ("check", "instead", "unseen"),
    [
        ("_misfit_of_texts", lambda *_: None, tamper.a_text),
        ("_compare_forgotten", lambda *_: None, tamper.texts_taken_away),
        ("_compare_head", lambda *_: None, tamper.the_head),
        ("_compare_checkpoints", lambda self: self._checkpoints.clear(), tamper.act_rewritten),
        ("parsed", json.loads, tamper.a_spelling),
    ],
)
def test_a_verifier_that_leaves_something_out_is_caught(log, monkeypatch, check, instead, unseen):
    """Without any one of its checks, some change goes unseen, and the test above would say so."""
    assert list(try_to_cheat(log, range(10), Counter(), [unseen])) == []

    monkeypatch.setattr(verifying if check == "parsed" else verifying._Verifier, check, instead)

    assert list(try_to_cheat(log, range(10), Counter(), [unseen]))


def test_a_checkpoint_is_read_as_it_was_written():
    """A checkpoint comes back as it was, also with signatures after it."""
    known = Checkpoint("log:the-log", 12, bytes(range(32)))

    assert Checkpoint.parse(str(known)) == Checkpoint.parse(f"{known}\n— somebody c2ln\n") == known


@pytest.mark.parametrize(
    "text", ["", "log:a\n1\n", "log:a\n01\n" + "A" * 43 + "=\n", "log:a\nx\nAA==\n", "\n1\nAA==\n"]
)
def test_what_is_no_checkpoint_is_refused(text):
    """Three lines, a plain number, 32 bytes: anything else is no checkpoint."""
    with pytest.raises(NotACheckpointError, match="three lines"):
        Checkpoint.parse(text)


def test_a_position_is_named(log):
    """What was done to one row is found at that row."""
    with undone(log):
        log.change("DELETE FROM events WHERE position = 77")
        removed = verify(log)
    with undone(log):
        log.put("type", 78, "DecisionMislaid.v1")
        unknown = verify(log)

    assert (removed.position, unknown.position) == (77, 78)


def test_entries_that_differ_are_narrowed_down(log):
    """An altered entry leaves its mark on one subtree of the head, whose entries are named."""
    with undone(log):
        log.put("event", 5, log.cell("event", 5).replace(b'"actor":"', b'"actor":"x'))
        finding = verify(log)

    assert str(finding).startswith("an entry from 1 to 128 is not what was written")


def test_a_log_is_verified_while_it_grows_and_forgets(tmp_path):
    """Appends and forgettings while it is verified are no misfit: what came later is judged by what came with it."""
    path = tmp_path / "log.sqlite3"
    write_log(path, 300, 1)
    with (
        DecisionLog.open(path, clock=lambda: START * 2) as log,
        DecisionLog.open(path, clock=lambda: 0, read_only=True) as beside,
    ):
        positions = iter([3, 299, 4])

        def meanwhile(*_):
            for position in positions:
                do(log, [[{"type": "ForgetTexts", "subject": log.id, "positions": [position]}]])

        found = beside.verified((), meanwhile)

        assert found == beside.verified()
        assert found.size == log.head().size
