"""The read model follows the log without gaps, equals a rebuilt one, and is reset when it is unusable."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from operator import itemgetter
from pathlib import Path
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import OperationalError
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.any_subject import AliasesSet, LogOpened, TextsErased, TitleChanged
from domain.catalog import EVENTS
from domain.decision_messages import DecisionProposed, Option
from domain.messages import Reference
from domain.values import ERASED
from projections.queries.field_values import field_values
from projections.queries.filters import Filter
from projections.queries.search import search
from projections.read_model.database import Database
from projections.read_model.model import Read, ReadModel, content_hash
from projections.read_model.projector import Gap, Projector
from projections.read_model.rebuild import rebuild
from projections.read_model.runner import MANY_ENTRIES, Runner, Stopped
from projections.read_model.schema import SHADOW
from projections.read_model.sqlite import SqliteDatabase
from tests.projections.support import START, BuildModel, Log, catch_up
from tests.projections.test_field_values import EVENTS_ON_SUBJECTS, imported, log_of

GOLDEN = Path(__file__).parents[1] / "eventlog" / "golden"


@given(events=EVENTS_ON_SUBJECTS, batch=st.integers(1, 9))
@settings(max_examples=20)
def test_a_rebuilt_model_has_the_same_content(build_model: BuildModel, events: list[Any], batch: int) -> None:
    """A rebuild gives equal rows in every table, whatever the batches the log is read in and the rows are linked in."""
    log = log_of(events)
    model = build_model(log, batch)
    before = content_hash(model)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("projections.read_model.sqlite.ROWS_PER_MOVE", batch)
        patched.setattr("projections.read_model.rebuild.BATCH_ENTRIES", batch)
        assert rebuild(log, model) == len(log.entries)
    assert content_hash(model) == before


def test_a_rebuild_of_every_kind_of_event_has_the_same_content(build_model: BuildModel) -> None:
    """A rebuild gives equal rows for a log with every event type, in small batches and with the fields added later."""
    log = Log()
    given = (json.loads(path.read_text(encoding="utf-8"))["given"] for path in GOLDEN.glob("*.json"))
    for entry in sorted(given, key=itemgetter("position", "id")):
        log.add(entry["subject"], EVENTS[entry["type"]].model_validate(entry["data"]), because=tuple(entry["because"]))
    model = build_model(log, 3)
    before = content_hash(model)

    assert {entry.type for entry in log.entries} == set(EVENTS)
    assert rebuild(log, model) == len(log.entries)
    assert content_hash(model) == before


@given(events=EVENTS_ON_SUBJECTS)
@settings(max_examples=20)
def test_each_row_points_to_the_next_row(build_model: BuildModel, events: list[Any]) -> None:
    """Each row points to the next row that is not void, whatever the order of recording; a void row has an empty
    period.
    """
    log = log_of(events)
    model = build_model(log, 3)
    with model.read() as read:
        rows = list(
            read.rows(
                "select subject, field, valid_from, id, valid_to, next_id, voided_by from field_value order by 1, 2, 3, 4",
                {},
            )
        )
    for n, (*field_key, valid_from, id_, valid_to, next_id, voided_by) in enumerate(rows):
        later = (row[2:4] for row in rows[n + 1 :] if row[:2] == tuple(field_key) and row[6] is None)
        assert (valid_to, next_id) == ((valid_from, id_) if voided_by is not None else next(later, (None, None)))


def test_a_gap_is_refused(model: ReadModel, log: Log) -> None:
    """An entry that is not the next one stops the projector, and nothing of its batch is kept."""
    for _ in range(4):
        log.add("feature:a", imported("status", value="open"))
    del log.entries[2]

    with pytest.raises(Gap, match="is at position 2, but the next entry is at 4"):
        catch_up(model, log)

    assert model.position == 0


def test_the_content_differs_when_a_row_does(model: ReadModel, log: Log) -> None:
    """The content hash changes when a single value changes."""
    log.add("feature:a", imported("status", value="open"))
    catch_up(model, log)
    before = content_hash(model)

    change(model.database, "update field_value set source_value = 'x'")

    assert content_hash(model) != before


def change(database: Database, *statements: str) -> None:
    with closing(database.writer()) as writer, writer.transaction():
        for statement in statements:
            writer.rows(statement, {})


OTHER_VERSION = "update projection set version = version + 1"
AHEAD = "update projection set position = 99"
OTHER_LOG = "update event set recorded_at = recorded_at + 1"
MISSING = "drop table projection"


@pytest.mark.parametrize("fault", [OTHER_VERSION, AHEAD, OTHER_LOG, MISSING])
def test_an_unusable_model_is_reset(model: ReadModel, log: Log, fault: str) -> None:
    """A read model that is missing, of another version, ahead of the log or of another log is reset, and built
    correctly.
    """
    log.add("feature:a", imported("exists", value=True))
    catch_up(model, log)
    expected = content_hash(model)
    model.close()
    change(model.database, fault)

    again = ReadModel.open(model.database, log, lambda: START)

    assert again.position == 0
    catch_up(again, log)
    assert content_hash(again) == expected


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_CANTOPEN])
def test_a_disk_failure_does_not_delete_the_file(
    tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A full or failing disk is an error, and the file stays as it is."""
    log.add("feature:a", imported("exists", value=True))
    path = tmp_path / "m"
    model = ReadModel.open(SqliteDatabase(path), log, lambda: START)
    catch_up(model, log)
    expected = content_hash(model)
    model.close()
    failure = sqlite3.OperationalError("out of order")
    failure.sqlite_errorcode = code  # type: ignore[attr-defined]

    def failing(_: Path) -> sqlite3.Connection:
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr("projections.read_model.sqlite.connect", failing)
        with pytest.raises(OperationalError, match="out of order"):
            ReadModel.open(SqliteDatabase(path), log, lambda: START)

    with closing(ReadModel.open(SqliteDatabase(path), log, lambda: START)) as again:
        assert content_hash(again) == expected


def test_a_read_model_that_cannot_be_opened_keeps_no_connection(
    tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connections that compared it with the log are closed."""
    log.add("feature:a", imported("exists", value=True))
    path, opened, connect = tmp_path / "m", [], sqlite3.connect
    ReadModel.open(SqliteDatabase(path), log, lambda: START).close()

    def recorded(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **options))
        return opened[-1]

    def failing(*_: Any) -> None:
        raise OSError("out of order")

    monkeypatch.setattr(sqlite3, "connect", recorded)
    monkeypatch.setattr("projections.read_model.sqlite.SqliteWriter.drop_tables", failing)
    with pytest.raises(OSError, match="out of order"):
        ReadModel.open(SqliteDatabase(path), log, lambda: START)

    assert opened
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.cursor()


def tear(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:4000] = b"\xff" * 3900
    path.write_bytes(content)


@pytest.mark.parametrize("fault", [Path.unlink, tear, lambda path: path.write_text("?")])
def test_an_unreadable_file_is_reset(tmp_path: Path, log: Log, fault: Callable[[Path], Any]) -> None:
    """A file that is missing, damaged or of another kind is reset, and built correctly."""
    log.add("feature:a", imported("exists", value=True))
    path = tmp_path / "m"
    model = ReadModel.open(SqliteDatabase(path), log, lambda: START)
    catch_up(model, log)
    expected = content_hash(model)
    model.close()
    fault(path)

    again = ReadModel.open(SqliteDatabase(path), log, lambda: START)

    assert again.position == 0
    catch_up(again, log)
    assert content_hash(again) == expected
    again.close()


def test_a_usable_model_is_kept(model: ReadModel, log: Log) -> None:
    """A restart continues from the position of the read model."""
    log.add("feature:a", imported("exists", value=True))
    catch_up(model, log)
    model.close()

    again = ReadModel.open(model.database, log, lambda: START)

    assert again.position == 1


def test_a_runner_follows_and_can_be_waited_for(model: ReadModel, log: Log) -> None:
    """A caller that waits for a position reads its own writes."""
    runner = Runner(log, model, poll_s=30)
    runner.start()
    try:
        position = log.add("feature:a", imported("exists", value=True))
        assert runner.wait_for(0, 0)
        assert not runner.wait_for(position + 1, 0.01)
        runner.wake()

        assert runner.wait_for(position, 10)
        assert model.position == runner.position == position
    finally:
        runner.stop()
    with pytest.raises(Stopped):
        runner.wait_for(position + 1, 10)


def wait_until(condition: Callable[[], bool]) -> bool:
    """Whether a condition becomes true within ten seconds."""
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_many_entries_in_quick_succession_are_applied_together_unless_a_caller_waits(
    model: ReadModel, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a batch of many entries the runner waits for more, but at once applies what a caller waits for."""
    monkeypatch.setattr("projections.read_model.runner.BATCHING_DELAY_S", 60)
    for _ in range(MANY_ENTRIES):
        log.add("feature:a", imported("status", value="open"))
    runner = Runner(log, model, poll_s=0.01)
    runner.start()
    try:
        assert wait_until(lambda: model.position == MANY_ENTRIES)
        log.add("feature:a", imported("status", value="more"))
        runner.wake()
        time.sleep(0.1)
        assert model.position == MANY_ENTRIES

        assert runner.wait_for(MANY_ENTRIES + 1, 10)
    finally:
        runner.stop()


@pytest.mark.parametrize(("batch", "batches"), [(MANY_ENTRIES - 1, 1), (MANY_ENTRIES, 3)])
def test_neither_few_entries_nor_full_batches_are_followed_by_a_wait(
    model: ReadModel, log: Log, monkeypatch: pytest.MonkeyPatch, batch: int, batches: int
) -> None:
    """A log that is written seldom is followed at once, and a long one is read without a break."""
    monkeypatch.setattr("projections.read_model.runner.BATCHING_DELAY_S", 60)
    for _ in range(batch * batches):
        log.add("feature:a", imported("status", value="open"))
    runner = Runner(log, model, poll_s=0.01, batch=MANY_ENTRIES)
    runner.start()
    try:
        assert wait_until(lambda: model.position == batch * batches)
        log.add("feature:a", imported("status", value="more"))

        assert wait_until(lambda: model.position == batch * batches + 1)
    finally:
        runner.stop()


def test_a_gap_stops_the_runner(model: ReadModel, log: Log, caplog: pytest.LogCaptureFixture) -> None:
    """A gap stops the runner, and waiting callers get the error."""
    for _ in range(3):
        log.add("feature:a", imported("exists", value=True))
    del log.entries[1]
    runner = Runner(log, model, poll_s=30)
    runner.start()
    try:
        with pytest.raises(Stopped, match="next entry is at 3"):
            runner.wait_for(3, 10)
        assert isinstance(runner.error, Gap)
        assert "stopped at position 0" in caplog.text
    finally:
        runner.stop()


def test_a_rebuild_during_appends_loses_nothing(model: ReadModel, log: Log) -> None:
    """While the log grows and is followed, a rebuild loses no entry, and readers never see a lower position."""
    for n in range(300):
        log.add("feature:a", imported("status", value=f"s{n}"))
    runner = Runner(log, model, poll_s=0.01, batch=20)
    runner.start()
    try:
        runner.wait_for(300, 20)
        done = threading.Event()
        building = threading.Thread(target=lambda: (rebuild(log, model), done.set()))
        building.start()
        seen = 0
        while not done.is_set():
            log.add("feature:a", imported("status", value="more"))
            assert model.position >= seen
            seen = model.position
            time.sleep(0.001)
        building.join()
        assert runner.wait_for(len(log.entries), 20)
        assert runner.error is None
    finally:
        runner.stop()
    before = content_hash(model)
    rebuild(log, model)
    assert content_hash(model) == before


def test_a_rebuild_never_moves_the_position_back(model: ReadModel, log: Log) -> None:
    """A rebuild includes what the model in use has read meanwhile."""
    log.add("feature:a", imported("exists", value=True))

    def meanwhile(_done: int, _all: int) -> None:
        log.add("feature:a", imported("status", value="open"))
        catch_up(model, log)

    assert rebuild(log, model, meanwhile) == len(log.entries) > 1
    assert model.position == len(log.entries)


def test_an_interrupted_rebuild_leaves_no_trace(model: ReadModel, log: Log) -> None:
    """After an interrupted rebuild the model in use is unchanged, and the next rebuild starts clean."""
    log.add("feature:a", imported("exists", value=True))
    catch_up(model, log)
    expected = content_hash(model)
    with closing(model.database.writer()) as writer, writer.transaction():
        writer.create_tables(SHADOW)
        Projector(writer, SHADOW).apply(log.read(0, 1))

    rebuild(log, model)

    assert content_hash(model) == expected


def has_shadow(model: ReadModel) -> bool:
    try:
        with model.snapshot() as read:
            return read.one("select 1 from shadow_projection", {}) is not None
    except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
        return False


def test_a_rebuild_that_fails_leaves_nothing_behind(model: ReadModel, log: Log) -> None:
    """The tables of a failed rebuild, which erasure would miss, are dropped at once; those of a crash when a model is
    opened.
    """
    log.add("feature:a", imported("exists", value=True))
    catch_up(model, log)
    expected = content_hash(model)

    def interrupted(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(log, model, interrupted)

    assert not has_shadow(model)
    with closing(model.database.writer()) as writer, writer.transaction():
        writer.create_tables(SHADOW)
    assert has_shadow(model)
    again = ReadModel.open(model.database, log, lambda: START)
    assert not has_shadow(again)
    assert content_hash(again) == expected


def test_more_readers_than_pooled_connections_can_read(model: ReadModel, log: Log) -> None:
    """More simultaneous readers than pooled connections are all answered, and excess connections are closed."""
    log.add("feature:a", imported("exists", value=True))
    catch_up(model, log)

    with ExitStack() as readers:
        snapshots = [readers.enter_context(model.read()) for _ in range(40)]
        assert [snapshot.position for snapshot in snapshots] == [1] * 40


CANARY = "zanzibar{0}quokka"


def test_erased_texts_leave_no_byte(tmp_path: Path, log: Log) -> None:
    """After erasure no file of the read model holds a byte of the texts, and a rebuilt model is equal."""
    path = tmp_path / "model.sqlite"
    model = ReadModel.open(SqliteDatabase(path), log, lambda: START)
    texts = [CANARY.format(n) for n in range(8)]
    log.add("log:l", LogOpened())
    option = Option(title=texts[0], pros=(texts[1],))
    proposed = DecisionProposed(title=texts[2], kind="strategic", context=texts[3], options=(option,))
    log.add("decision:a", proposed, note=texts[4], references=(Reference(id=texts[5]),))
    log.add("decision:a", imported("x.said", text="kept", source_value=texts[6]))
    log.add("decision:a", imported("aliases", texts=(texts[7], "plain")))
    log.add("decision:a", TitleChanged(title="A title that stays"))
    runner = Runner(log, model, poll_s=0.01)
    runner.start()
    try:
        runner.wait_for(5, 10)
        assert all(in_files(path, text) for text in texts)

        gone = option.model_copy(update={"title": ERASED, "pros": (ERASED,)})
        forgotten = proposed.model_copy(update={"title": ERASED, "context": ERASED, "options": (gone,)})
        log.replace(2, event=forgotten, metadata=erased_metadata(log, 2))
        log.replace(3, event=imported("x.said", text=ERASED, source_value=ERASED))
        log.replace(4, event=imported("aliases", texts=(ERASED, ERASED)))
        log.add("log:l", TextsErased(positions=(2, 3, 4), reason_code="request"))
        runner.wait_for(6, 10)
    finally:
        runner.stop()

    assert not [text for text in texts if in_files(path, text)]
    assert in_files(path, "A title that stays")
    with model.read() as read:
        assert not search(read, texts[2]).rows
        assert not search(read, "forgotten").rows
        assert not field_values(read, Filter(values=["plain"])).rows
        assert field_values(read, Filter(fields=["aliases"])).rows[0]["value"] == [ERASED, ERASED]
    before = content_hash(model)
    rebuild(log, model)
    assert content_hash(model) == before
    model.close()


def test_what_is_erased_during_a_rebuild_is_found_nowhere(model: ReadModel, log: Log) -> None:
    """A rebuild that has read texts before they were erased keeps none, nor what their rows were found by."""
    log.add("log:l", LogOpened())
    log.add("feature:a", imported("exists", value=True))
    log.add("feature:a", imported("aliases", texts=("gone", "plain")))
    log.add("log:l", TextsErased(positions=(3,), reason_code="request"))
    catch_up(model, log)
    before = content_hash(model)

    rebuild(log, model)

    assert content_hash(model) == before
    with model.read() as read:
        assert not field_values(read, Filter(values=["plain"])).rows
        assert field_values(read, Filter(fields=["aliases"])).rows[0]["value"] == [ERASED, ERASED]


def erased_metadata(log: Log, position: int) -> Any:
    return log.entries[position - 1].metadata._replace(note=ERASED, references=(Reference(id=ERASED),))


def in_files(path: Path, text: str) -> bool:
    return any(text.encode() in file.read_bytes() for file in path.parent.glob(path.name + "*"))


def test_a_subject_is_found_by_any_alias(log: Log, read: Callable[[], Read]) -> None:
    """A subject is found by any item of its list of aliases."""
    log.add("feature:a", imported("exists", value=True))
    log.add("feature:a", AliasesSet(aliases=("KEP-1287", "old")))

    assert [row["subject"] for row in field_values(read(), Filter(fields=["aliases"], values=["KEP-1287"])).rows] == [
        "feature:a"
    ]


INDEXES = {
    "sqlite": "select tbl_name, sql from sqlite_master where type = 'index' and sql is not null",
    "postgresql": "select tablename, indexdef from pg_indexes where schemaname = current_schema()",
}


def find_indexes(database: Database) -> list[tuple[str, str]]:
    """Return what is indexed and how, without the names of the indexes."""
    sql = INDEXES["sqlite" if hasattr(database, "path") else "postgresql"]
    with closing(database.writer()) as writer:
        return sorted((table, statement[statement.index("(") :]) for table, statement in writer.rows(sql, {}))


def test_a_rebuilt_model_has_every_index(log: Log, model: ReadModel) -> None:
    """A rebuilt model has the indexes of a new one, also after a second rebuild."""
    log.add("log:l", LogOpened())
    expected = find_indexes(model.database)
    for _ in range(2):
        rebuild(log, model)

        assert find_indexes(model.database) == expected
    assert len(expected) > 10


@pytest.mark.parametrize("rows", [1, 300])
def test_a_failed_transaction_raises_and_changes_nothing(model: ReadModel, rows: int) -> None:
    """A transaction that fails raises and is rolled back, both for rows sent in the pipeline and for rows sent by COPY."""
    before, twice = content_hash(model), [("decision:d", n) for n in range(rows)]
    with closing(model.database.writer()) as writer:

        def fail() -> None:
            with writer.transaction():
                writer.rows("update projection set position = 7 where name = 'fields'", {})
                writer.insert("", "event_because", twice)
                writer.insert("", "event_because", twice)

        with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
            fail()
        assert content_hash(model) == before

        with writer.transaction():
            writer.insert("", "event_because", twice)
    assert content_hash(model) != before
