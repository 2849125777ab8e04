"""`verify` finds every change of a log file."""

import json
import sqlite3
from collections import Counter
from contextlib import closing, contextmanager

import pytest

from eventlog import verification
from eventlog.checkpoint import Checkpoint, NotACheckpointError
from eventlog.codec import compose
from eventlog.merkle import append_leaf, leaf_hash, root
from eventlog.verification import verify
from identity.decision_log import DecisionLog
from tests.faults import tamper
from tests.faults.logs import ANN, START, do, write_log
from tests.faults.tamper import CHANGES, REWRITES, honest, try_to_cheat

ROUNDS = 400


@contextmanager
def undone(log):
    """Undo all changes afterwards."""
    log.connection.execute("BEGIN")
    try:
        yield
    finally:
        log.connection.execute("ROLLBACK")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """An unchanged log of about 200 entries."""
    for _, copy in honest(tmp_path_factory.mktemp("honest"), [200]):
        yield copy


def test_every_change_is_found(log):
    """Any changed value, and swapped, removed, inserted or re-dated rows are found, and each kind of change was tried."""
    found = Counter()

    assert list(try_to_cheat(log, range(ROUNDS), found)) == []

    assert set(found) == {change.__name__ for change in (*CHANGES, *REWRITES)}


def test_rounds_are_shared_out_completely():
    """However the rounds are shared among processes, each size has consecutive seeds, and none is missing."""
    dealt = tamper.shares(1_000)

    assert sum(rounds for _, _, rounds in dealt) >= 1_000
    for size in tamper.SIZES:
        seeds = [seed for one, first, rounds in dealt if one == size for seed in range(first, first + rounds)]
        assert seeds == list(range(len(seeds)))


@pytest.mark.parametrize(
    ("check", "instead", "unseen"),
    [
        ("_find_text_error", lambda *_: None, tamper.a_text),
        ("_check_erasures", lambda *_: None, tamper.texts_taken_away),
        ("_check_head", lambda *_: None, tamper.the_head),
        ("_check_spans", lambda *_: None, tamper.an_answer),
        ("_check_erased_salts", lambda *_: None, tamper.a_salt_that_was_kept),
        ("find_broken_text", lambda *_: None, tamper.a_text),
        ("_check_checkpoints", lambda self: self._checkpoints.clear(), tamper.act_rewritten),
        ("parse_canonical", json.loads, tamper.a_spelling),
    ],
)
def test_a_verifier_with_a_missing_check_is_detected(log, monkeypatch, check, instead, unseen):
    """Without any one of its checks, some change is not found, and the test above would fail."""
    assert list(try_to_cheat(log, range(10), Counter(), [unseen])) == []

    monkeypatch.setattr(verification if hasattr(verification, check) else verification._Verifier, check, instead)

    assert list(try_to_cheat(log, range(10), Counter(), [unseen]))


def test_a_checkpoint_is_parsed():
    """A checkpoint is parsed as it was written, also with signatures after it."""
    known = Checkpoint("log:the-log", 12, bytes(range(32)))

    assert Checkpoint.parse(str(known)) == Checkpoint.parse(f"{known}\n— somebody c2ln\n") == known


@pytest.mark.parametrize(
    "text", ["", "log:a\n1\n", "log:a\n01\n" + "A" * 43 + "=\n", "log:a\nx\nAA==\n", "\n1\nAA==\n"]
)
def test_an_invalid_checkpoint_is_refused(text):
    """A checkpoint has three lines, a plain number and 32 bytes."""
    with pytest.raises(NotACheckpointError, match="three lines"):
        Checkpoint.parse(text)


def test_a_finding_names_the_position(log):
    """A change of one row is found at that row."""
    with undone(log):
        log.change("DELETE FROM events WHERE position = 77")
        removed = verify(log)
    with undone(log):
        log.put("type", 78, "DecisionMislaid.v1")
        unknown = verify(log)

    assert (removed.position, unknown.position) == (77, 78)


def test_a_changed_entry_is_narrowed_down_to_a_subtree(log):
    """An altered entry changes one subtree of the head, whose entries are named."""
    with undone(log):
        log.put("event", 5, log.cell("event", 5).replace(b'"actor":"', b'"actor":"x'))
        finding = verify(log)

    assert str(finding).startswith("an entry from 1 to 128 is not what was written")


def test_a_log_is_verified_while_it_grows(tmp_path):
    """A pass ends with the entries that were committed when it began, however many are added meanwhile."""
    path = tmp_path / "log.sqlite3"
    write_log(path, 300, 1)
    with (
        DecisionLog.open(path, clock=lambda: START * 2) as log,
        DecisionLog.open(path, clock=lambda: 0, read_only=True) as reader,
    ):
        log.default_role = "admin"
        before = log.verify_against()

        def meanwhile(*_):
            if log.head().size < 2 * before.size:
                record_decisions(log, before.size)

        found = reader.verify_against((), meanwhile)

        assert log.head().size == 2 * before.size
        assert found == before


@pytest.fixture
def growing(tmp_path, monkeypatch):
    """A log of 300 entries of which 100 are verified at once, and another process that verifies it."""
    path = tmp_path / "log.sqlite3"
    write_log(path, 300, 1)
    monkeypatch.setattr(verification, "ROWS_PER_READ", 100)
    with (
        DecisionLog.open(path, clock=lambda: START * 2) as log,
        DecisionLog.open(path, clock=lambda: 0, read_only=True) as reader,
    ):
        log.default_role = "admin"
        yield log, reader


def erase(log, *positions):
    """Erase the texts at some positions."""
    do(log, [[{"type": "EraseTexts", "subject": log.id, "positions": [position]}] for position in positions])


def record_decisions(log, count):
    """Record some decisions."""
    command = {"type": "RecordDecision", "title": "x", "decision": "x", "why": "y", "accountable": ANN.actor}
    do(log, [[command]] * count)


def test_a_log_is_verified_while_texts_are_erased(growing):
    """Erasures that are recorded during a verification are not findings, also of what was recorded meanwhile."""
    log, reader = growing
    first, *_, last = [row.position for row in log._store.rows(0, 300) if row.texts is not None]
    seen = []

    def meanwhile(done, _of):
        seen.append(done)
        if done == 100:
            record_decisions(log, 150)
            erase(log, first, last)
        elif done == 400:
            erase(log, 440)

    found = reader.verify_against((), meanwhile)

    assert seen[:6] == [100, 200, 300, 400, 452, 453]
    assert found == log.verify_against()


def test_a_log_is_verified_while_people_are_registered(growing):
    """The names of new people that are recorded during a verification are not findings, and not verified either."""
    log, reader = growing
    before, names = log.verify_against(), iter(["Noor", "Mara"])

    def meanwhile(done, _of):
        for name in names:
            do(log, [[{"type": "RegisterPerson", "name": name}]])
            break

    assert reader.verify_against((), meanwhile) == before
    assert next(names, None) is None


def test_an_entry_far_beyond_the_end_is_found_while_the_log_grows(growing, tmp_path):
    """A row that appends would meet later cannot hide behind newer entries."""
    log, reader = growing
    with closing(sqlite3.connect(tmp_path / "log.sqlite3")) as connection, connection:
        connection.execute(
            "INSERT INTO events (position, subject, version, type, recorded_at, event, texts) "
            "SELECT 1000, 'decision:far', 1, type, recorded_at * 2, event, texts FROM events WHERE position = 300"
        )

    found = reader.verify_against((), lambda *_: record_decisions(log, 301 - log.head().size))

    assert log.head().size == 301
    assert str(found) == "position 302: it is missing: the next entry is at position 1000"


def test_a_head_that_counts_too_few_entries_is_named(log):
    """The finding is the first entry that the head leaves out."""
    size = log.head().size
    with undone(log):
        log.change("UPDATE head SET size = size - 1")

        assert str(verify(log)) == f"position {size}: the head of the log counts only {size - 1} entries"


def test_a_record_that_refers_to_no_entry_is_found_while_the_log_grows(tmp_path, monkeypatch):
    """An idempotency record beyond the end is found, although newer records come before it."""
    path = tmp_path / "log.sqlite3"
    write_log(path, 100, 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO idempotency_records VALUES ('person:ann', 'k', x'00', x'00', 1000000, 1)")
    monkeypatch.setattr(verification, "ROWS_PER_READ", 2)
    with (
        DecisionLog.open(path, clock=lambda: START * 2) as log,
        DecisionLog.open(path, clock=lambda: 0, read_only=True) as reader,
    ):
        log.default_role = "admin"

        def meanwhile(*_):
            if log.head().size < 200:
                do(log, [[{"type": "RegisterPerson", "name": f"Noor {log.head().size}"}]])

        found = reader.verify_against((), meanwhile)

        assert found.position == 1_000_000


def test_an_idempotency_record_must_refer_to_one_whole_transaction(log):
    """The finding names the position of the first entry that the record refers to."""
    ((first, count),) = log.all("SELECT first, count FROM idempotency_records WHERE count > 1 LIMIT 1")
    with undone(log):
        log.change("UPDATE idempotency_records SET count = count - 1 WHERE first = ?", first)
        fewer = verify(log)
    with undone(log):
        log.change("INSERT INTO idempotency_records VALUES ('person:ann', 'more', x'00', x'00', ?, ?)", first, count)
        twice = verify(log)
    with undone(log):
        log.change("UPDATE idempotency_records SET first = first + 1000000 WHERE first = ?", first)
        nowhere = verify(log)

    assert str(fewer) == (
        f"position {first}: an idempotency record refers to {count - 1} entries from here on, which are not a transaction"
    )
    assert str(twice) == f"position {first}: two idempotency records refer to its transaction"
    assert nowhere.position == first + 1_000_000


def test_two_idempotency_records_of_one_transaction_are_found_across_pages(log, monkeypatch):
    """However many records are read at once, a second one cannot hide behind the end of a page."""
    firsts = [first for (first,) in log.all("SELECT first FROM idempotency_records ORDER BY first LIMIT 9")]
    for rows_per_read in (2, 3, 4):
        monkeypatch.setattr(verification, "ROWS_PER_READ", rows_per_read)
        assert isinstance(verify(log), Checkpoint)
        for first in firsts:
            with undone(log):
                log.change(
                    "INSERT INTO idempotency_records SELECT scope, 'more', salt, digest, first, count FROM idempotency_records WHERE first = ?",
                    first,
                )
                assert verify(log).position == first


@pytest.mark.parametrize("size", [1, 37, 200])
def test_a_checkpoint_is_compared_at_its_size(log, monkeypatch, size):
    """A checkpoint of any size, also within a page, is compared with exactly that many entries."""
    rows = log.rows(verification.BEFORE_FIRST, size)
    frontier = ()
    for row in rows:
        frontier = append_leaf(frontier, row.position - 1, leaf_hash(compose(row)))
    known = Checkpoint(rows[0].subject, size, root(frontier))
    other = Checkpoint(rows[0].subject, size, bytes(32))
    for rows_per_read in (1, 64, 1000):
        monkeypatch.setattr(verification, "ROWS_PER_READ", rows_per_read)
        assert isinstance(verify(log, [known, known]), Checkpoint)
        assert (
            str(verify(log, [known, other]))
            == f"the first {size} entries do not match a checkpoint: the log was rewritten"
        )
