"""Whatever is changed in a log's file is found."""

import json
from collections import Counter
from contextlib import contextmanager

import pytest

from eventlog import verification
from eventlog.checkpoint import Checkpoint, NotACheckpointError
from eventlog.codec import compose
from eventlog.log import DecisionLog
from eventlog.merkle import append_leaf, leaf_hash, root
from eventlog.verification import verify
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
        ("_compare_units", lambda *_: None, tamper.an_answer),
        ("_must_be_unsalted", lambda *_: None, tamper.a_salt_that_was_kept),
        ("broken_text", lambda *_: None, tamper.a_text),
        ("_compare_checkpoints", lambda self: self._checkpoints.clear(), tamper.act_rewritten),
        ("parse_canonical", json.loads, tamper.a_spelling),
    ],
)
def test_a_verifier_that_leaves_something_out_is_caught(log, monkeypatch, check, instead, unseen):
    """Without any one of its checks, some change goes unseen, and the test above would say so."""
    assert list(try_to_cheat(log, range(10), Counter(), [unseen])) == []

    monkeypatch.setattr(verification if hasattr(verification, check) else verification._Verifier, check, instead)

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
                do(log, [[{"type": "EraseTexts", "subject": log.id, "positions": [position]}]])

        found = beside.verify_each((), meanwhile)

        assert found == beside.verify_each()
        assert found.size == log.head().size


def test_an_answer_that_points_elsewhere_is_found_where_it_points(log):
    """An answer under a key is of one unit, whole: the position at which it begins is named, or the unit has two."""
    ((first, count),) = log.all("SELECT first, count FROM answers WHERE count > 1 LIMIT 1")
    with undone(log):
        log.change("UPDATE answers SET count = count - 1 WHERE first = ?", first)
        fewer = verify(log)
    with undone(log):
        log.change("INSERT INTO answers VALUES ('person:ann', 'more', x'00', x'00', ?, ?)", first, count)
        twice = verify(log)
    with undone(log):
        log.change("UPDATE answers SET first = first + 1000000 WHERE first = ?", first)
        nowhere = verify(log)

    assert str(fewer) == f"position {first}: an answer is of {count - 1} entries from here on, and these are no unit"
    assert str(twice) == f"position {first}: two answers under keys are of its unit"
    assert nowhere.position == first + 1_000_000


def test_two_answers_of_one_unit_are_found_across_pages(log, monkeypatch):
    """However many answers are read at once, a second one of the same unit cannot hide behind the end of a page."""
    firsts = [first for (first,) in log.all("SELECT first FROM answers ORDER BY first LIMIT 9")]
    for rows_at_once in (2, 3, 4):
        monkeypatch.setattr(verification, "ROWS_AT_ONCE", rows_at_once)
        assert isinstance(verify(log), Checkpoint)
        for first in firsts:
            with undone(log):
                log.change(
                    "INSERT INTO answers SELECT scope, 'more', salt, digest, first, count FROM answers WHERE first = ?",
                    first,
                )
                assert verify(log).position == first


@pytest.mark.parametrize("size", [1, 37, 200])
def test_a_checkpoint_is_compared_at_its_size_wherever_a_page_ends(log, monkeypatch, size):
    """A checkpoint of any size, also in the midst of what is read at once, is that of just so many entries."""
    rows = log.rows(verification.BEFORE_ALL, size)
    frontier = ()
    for row in rows:
        frontier = append_leaf(frontier, row.position - 1, leaf_hash(compose(row)))
    known = Checkpoint(rows[0].subject, size, root(frontier))
    other = Checkpoint(rows[0].subject, size, bytes(32))
    for rows_at_once in (1, 64, 1000):
        monkeypatch.setattr(verification, "ROWS_AT_ONCE", rows_at_once)
        assert isinstance(verify(log, [known, known]), Checkpoint)
        assert (
            str(verify(log, [known, other]))
            == f"the first {size} entries are not those of a checkpoint: the log was rewritten"
        )
