from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError
from pydantic import ValidationError

from domain.catalog import COMMANDS
from domain.errors import (
    AlreadyExists,
    Forbidden,
    KeyReused,
    Malformed,
    NotAllowed,
    Refused,
    Stale,
    Unknown,
)
from domain.examples import EXAMPLES, examples_for
from eventlog.entry import Caller, Receipt
from eventlog.errors import DamagedLogError, DatabaseUnavailableError, LogInUseError
from eventlog.records import Append, NewEvent
from identity.decision_log import DecisionLog
from tests.eventlog.support import ANN, START, Clock, do, do_many, open_log, tables, transaction

SHOP = {"type": "DefineProduct", "key": "shop", "title": "Shop"}
PEOPLE = ({"type": "RegisterPerson", "key": "ann", "name": "Ann Bee", "identifiers": ["@annb"]}, SHOP)


def retitle(title: str, **more: Any) -> dict[str, Any]:
    return {"type": "ChangeTitle", "subject": "product:shop", "title": title, **more}


def observe(subject: str, **more: Any) -> dict[str, Any]:
    steps = [{"field": "exists", "value": True}]
    return {"type": "ImportChanges", "subject": subject, "source": {"system": "archive"}, "changes": steps, **more}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(place: Path | str, clock: Clock) -> Iterator[DecisionLog]:
    with open_log(place, clock=clock) as opened:
        do(opened, *PEOPLE)
        yield opened


def sizes(log: DecisionLog) -> int:
    return log.head().size


# Every command -------------------------------------------------------------------------------------------------------


def test_every_command_is_recorded_end_to_end(place: Path | str) -> None:
    """Each command of the catalog has an example, and all of them are recorded in sequence."""
    assert set(EXAMPLES) == set(COMMANDS)
    with open_log(place) as log:
        for example in examples_for(log.id):
            receipt = do(log, example)
            written = log.read(receipt.recorded[0].position - 1, 100)
            assert [(e.position, e.subject, e.version, e.type, e.recorded_at) for e in written] == [
                (r.position, r.subject, r.version, r.type, r.recorded_at) for r in receipt.recorded
            ]
        assert log.verify() is None


def test_a_repeated_request_is_recorded_once(place: Path | str) -> None:
    """Each command, sent twice with a key, gets the same receipt, and nothing more is recorded."""
    with open_log(place) as log:
        for n, example in enumerate(examples_for(log.id)):
            first = do(log, example, key=f"key-{n}")
            size = sizes(log)
            again = do(log, example, key=f"key-{n}")
            assert (again.recorded, again.replayed) == (first.recorded, True)
            assert sizes(log) == size


def test_a_cached_state_equals_the_fold_of_its_stream(place: Path | str) -> None:
    """A cached state equals one folded from the file."""
    with open_log(place) as log:
        for example in examples_for(log.id):
            do(log, example)
        subjects = {entry.subject for entry in log.read(0, 1000)}
        cached = {subject: log.state(subject) for subject in subjects}
        log.application.on_erased(log.head().size)
        assert {s: state.version for s, state in cached.items()} == {s: log.state(s).version for s in subjects}
        assert {s: state.events for s, state in cached.items()} == {s: log.state(s).events for s in subjects}


# Units ---------------------------------------------------------------------------------------------------------------


def test_cached_entries_equal_stored_entries(place: Path | str) -> None:
    """Entries that were just written are cached as they were decided, and equal their rows."""
    with open_log(place) as log:
        examples = examples_for(log.id)[:-1]
        for example in examples:
            do(log, example)
        at_hand = log.application.recent(1, 1000)
        assert len(at_hand) == log.head().size - 1 >= len(examples)

        log.application.on_erased(log.head().size)

        assert log.read(1, 1000) == at_hand


def test_erased_entries_leave_the_cache(place: Path | str) -> None:
    """Erasing texts in the file drops their entries from memory."""
    with open_log(place) as log:
        do(log, *PEOPLE)
        (receipt,) = do_many(log, transaction(retitle("Laden")))
        assert isinstance(receipt, Receipt)

        do(log, {"type": "EraseTexts", "subject": log.id, "positions": [receipt.position]})

        assert log.application.recent(0, 1000) == []
        assert "Laden" not in str(log.read(0, 1000))


def test_the_first_entry_names_the_log(place: Path | str) -> None:
    """Position 1 is LogOpened, in the stream of the log's own id, and stays when the log is opened again."""
    with open_log(place) as log:
        first, name = log.entry(1), log.id
    assert first is not None
    assert (first.type, first.subject, first.version) == ("LogOpened.v1", name, 1)
    with open_log(place) as log:
        assert (log.head().size, log.id) == (1, name)


def test_a_transaction_is_applied_all_or_none(log: DecisionLog) -> None:
    """If the last of several commands is refused, none is recorded, and the field says which one it was."""
    size = sizes(log)
    with pytest.raises(Unknown) as refused:
        do(
            log,
            retitle("One"),
            {"type": "RegisterPerson", "name": "Cid"},
            {"type": "ChangeTitle", "subject": "goal:x", "title": "T"},
        )
    assert refused.value.field == "commands.2.subject"
    assert sizes(log) == size
    assert log.directory.find("Cid") == ()


def test_a_command_sees_the_commands_before_it_in_its_transaction(log: DecisionLog) -> None:
    """A transaction can refer to what its own earlier commands created, including names of people."""
    receipt = do(
        log,
        {"type": "RegisterPerson", "key": "cid", "name": "Cid Dee"},
        {"type": "ProposeFeature", "key": "gifts", "title": "Gifts", "products": ["shop"], "accountable": "CID DEE"},
        {"type": "StartFeature", "subject": "feature:gifts"},
    )
    assert [r.version for r in receipt.recorded] == [1, 1, 2]
    assert [e.metadata.index for e in log.read(receipt.recorded[0].position - 1, 10)] == [1, 2, 3]
    assert log.state("feature:gifts").subjects_at("role.accountable", START * 2) == ("person:cid",)


def test_an_empty_and_an_oversized_transaction_are_refused(log: DecisionLog) -> None:
    """A transaction has 1 to 1,000 commands."""
    with pytest.raises(Malformed):
        do(log)
    with pytest.raises(Malformed):
        do(log, *[retitle(str(n)) for n in range(1001)])


def test_each_of_many_transactions_has_its_own_outcome(log: DecisionLog) -> None:
    """A refused transaction among many affects neither those before nor those after it, and the order is kept."""
    propose = {"type": "ProposeFeature", "key": "gifts", "title": "Gifts", "products": ["shop"]}
    start = {"type": "StartFeature", "subject": "feature:gifts"}
    results = do_many(
        log,
        transaction(start),
        transaction(propose),
        transaction(propose),
        transaction(start),
        transaction(retitle("Late")),
    )
    assert [type(result) for result in results] == [Unknown, Receipt, AlreadyExists, Receipt, Receipt]
    positions = [result.position for result in results if isinstance(result, Receipt)]
    assert positions == sorted(positions)
    assert log.verify() is None


def test_the_key_of_a_product_is_made_from_its_title(log: DecisionLog) -> None:
    """It is random if another product has that key, or if the title has no letters for one."""
    titles = ("Café Zürich!", "cafe zurich", "海図", "x" * 90)

    commands = [{"type": "DefineProduct", "title": title} for title in titles]
    first, second, third, fourth = (do(log, each).recorded[0].subject for each in commands)

    assert first == "product:cafe-zurich"
    assert len({second, third} - {first}) == 2
    assert all(len(each.removeprefix("product:")) == 16 for each in (second, third))
    assert fourth == f"product:{'x' * 30}"


def test_a_missing_key_is_generated(log: DecisionLog) -> None:
    """A subject created without a key gets a random one of at least 12 letters and digits, delegations too."""
    receipt = do(log, {"type": "ProposeDecision", "title": "A telling title"})
    assert len(receipt.recorded[0].subject.removeprefix("decision:")) >= 12
    do(log, {"type": "AssignOwnership", "subject": "product:shop", "holders": ["@annb"]})
    do(log, {"type": "DelegateOwnership", "subject": "product:shop", "to": "@annb"})
    (name,) = log.state("product:shop").field_names("delegation.")
    assert len(name.removeprefix("delegation.")) >= 12


# Clocks --------------------------------------------------------------------------------------------------------------


def test_recorded_times_increase_even_if_the_clock_stops_or_goes_back(log: DecisionLog, clock: Clock) -> None:
    """recorded_at is the time of the clock, or a microsecond after the previous entry."""
    clock.step = -1_000_000
    do(log, retitle("One"), retitle("Two"))
    instants = [entry.recorded_at for entry in log.read(0, 100)]
    assert instants == sorted(set(instants))


def test_an_effective_time_more_than_a_minute_ahead_is_refused(log: DecisionLog, clock: Clock) -> None:
    """Up to a minute ahead, a command takes effect now; beyond that it is refused; an earlier time is kept."""
    clock.step = 0
    clock.now += 10_000_000
    with pytest.raises(Malformed) as refused:
        do(log, retitle("T", effective_at=iso(clock.now + 60_000_001)))
    assert refused.value.field == "effective_at"
    now = do(log, retitle("T", effective_at=iso(clock.now + 59_000_000)))
    earlier = do(log, retitle("U", effective_at=iso(clock.now - 5)))
    assert [log.entry(r.position).metadata.effective_at for r in (now, earlier)] == [None, clock.now - 5]  # type: ignore[union-attr]


def iso(microseconds: int) -> str:
    from domain.values import format_micros

    return format_micros(microseconds)


def test_an_effective_time_is_compared_with_the_committed_time_of_the_transaction_before(
    log: DecisionLog, clock: Clock
) -> None:
    """Of two transactions sent together, the second is decided by the recorded time that the first really got."""
    propose = transaction({"type": "ProposeFeature", "key": "gifts", "title": "Gifts", "products": ["shop"]})
    dated = {
        "type": "ChangeTitle",
        "subject": "feature:gifts",
        "title": "T",
        "effective_at": iso(clock.now + 2_500_000),
    }
    do_many(log, propose, transaction(dated))
    began, *rest = [entry.effective_at for entry in log.stream("feature:gifts")]
    assert all(began <= eff for eff in rest)


# People --------------------------------------------------------------------------------------------------------------


def test_an_unknown_name_is_refused_with_its_field(log: DecisionLog) -> None:
    """A name that the directory does not have is refused, with the field."""
    with pytest.raises(Unknown) as refused:
        do(
            log,
            {"type": "AssignOwnership", "subject": "product:shop", "role": "informed", "holders": ["@annb", "Nobody"]},
        )
    assert refused.value.field == "holders.1"


def test_a_name_that_two_people_share_is_refused_with_both_ids(log: DecisionLog) -> None:
    """An ambiguous name is refused with all ids it may mean."""
    do(log, {"type": "RegisterPerson", "key": "ann2", "name": "Ann Cee"})
    log.directory.add("person:ann2", "Ann", shared=True)
    log.directory.add("person:ann", "Ann", shared=True)
    with pytest.raises(Malformed, match=r"person:ann or person:ann2"):
        do(log, {"type": "AssignOwnership", "subject": "product:shop", "holders": ["ANN"]})


def test_entries_contain_no_names(log: DecisionLog) -> None:
    """None of the names of a registered person is in any entry."""
    published = b"".join(raw.entry for raw in log.raw(0, 100))
    assert b"Ann" not in published
    assert b"annb" not in published


# Versions ------------------------------------------------------------------------------------------------------------


def test_an_outdated_expected_version_is_refused(log: DecisionLog) -> None:
    """The error says which version is the latest."""
    do(log, retitle("Two"), product__shop=1)
    with pytest.raises(Stale) as refused:
        do(log, retitle("Three"), product__shop=1)
    assert (refused.value.version, refused.value.subject) == (2, "product:shop")


def racing(log: DecisionLog, times: int) -> list[int]:
    """Change the title of the shop just before each of the next appends is queued."""
    commit, left = log._store.commit, [times]

    async def slower(appends: Any) -> Any:
        if left[0]:
            left[0] -= 1
            version = log.state("product:shop").version + 1
            winner = NewEvent("product:shop", version, "TitleChanged.v1", winning, None)
            log._store.submit([Append((winner,))]).result()
        return await commit(appends)

    winning = log._store.rows(0, 1, types=["ProductDefined.v1"])[0].event
    winning = json.dumps(
        {**json.loads(winning), "data": {"title": "x"}}, sort_keys=True, separators=(",", ":")
    ).encode()
    log._store.commit = slower  # type: ignore[method-assign]
    return left


def test_a_transaction_with_a_conflict_is_decided_again(log: DecisionLog) -> None:
    """A transaction whose streams were changed is decided again, up to three times, and recorded after the others."""
    racing(log, 3)
    assert do(log, retitle("Mine")).recorded[0].version == 5


def test_a_transaction_with_four_conflicts_is_refused(log: DecisionLog) -> None:
    """After the fourth conflict the error names the position of the other change, and nothing is recorded."""
    racing(log, 4)
    with pytest.raises(Stale, match="position 7") as refused:
        do(log, retitle("Mine"))
    assert refused.value.version == 5
    assert sizes(log) == 7


def test_a_stream_that_was_only_read_can_conflict(log: DecisionLog) -> None:
    """A feature proposed for a product is decided again if the product was changed meanwhile."""
    left = racing(log, 1)
    do(log, {"type": "ProposeFeature", "title": "Gifts", "products": ["shop"]})
    assert left == [0]
    assert [entry.type for entry in log.read(3, 10)] == ["TitleChanged.v1", "FeatureProposed.v1"]


def test_a_failing_append_does_not_affect_its_group(log: DecisionLog) -> None:
    """If a group fails as a whole, each append is retried alone, and only the bad one fails."""
    good = [NewEvent(f"team:t{n}", 1, "T.v1", b"{}", None) for n in range(2)]
    poisoned = NewEvent("team:bad", 1, "T.v1", None, None)  # type: ignore[arg-type]
    outcomes = log._store.submit([Append((good[0],)), Append((poisoned,)), Append((good[1],))]).result()
    assert [isinstance(outcome, list) for outcome in outcomes] == [True, False, True]
    assert sizes(log) == 5


# Keys ----------------------------------------------------------------------------------------------------------------


def test_a_key_used_for_another_command_is_refused(log: DecisionLog) -> None:
    """The same key with another command is refused; with another caller it is another key."""
    do(log, retitle("One"), key="k")
    with pytest.raises(KeyReused):
        do(log, retitle("Two"), key="k")
    other = Caller("service:robot", "token-2", "http")
    assert not do(log, retitle("Two"), key="k", caller=other).replayed


def test_the_idempotency_key_of_an_import_belongs_to_its_system(log: DecisionLog) -> None:
    """Importing the same line of a system again changes nothing, even by another caller; for another system it is another key."""
    other = Caller("service:importer", "token-2", "import", ANN.scopes)
    do(log, observe("decision:a"), key="line-1")
    assert do(log, observe("decision:a"), key="line-1", caller=other).replayed
    assert not do(log, observe("decision:a", source={"system": "tracker"}), key="line-1").replayed


def test_a_refused_request_does_not_use_up_its_key(log: DecisionLog) -> None:
    """A refused command can be corrected and sent again with the same key."""
    with pytest.raises(Unknown):
        do(log, {"type": "ChangeTitle", "subject": "goal:x", "title": "T"}, key="k")
    assert not do(log, retitle("T"), key="k").replayed


def test_concurrent_requests_with_one_key_are_recorded_once(log: DecisionLog) -> None:
    """Of ten concurrent requests one is recorded; the others wait for it and get its receipt, also within one call."""

    async def ten() -> list[Receipt]:
        return await asyncio.gather(*(log.execute(transaction(retitle("T"), key="k")) for _ in range(10)))

    receipts = asyncio.run(ten())
    assert len({receipt.recorded for receipt in receipts}) == 1
    assert [receipt.replayed for receipt in receipts].count(False) == 1
    many = do_many(log, *[transaction({"type": "RegisterTeam", "key": "core", "title": "Core"}, key="k2")] * 3)
    assert [one.replayed for one in many if isinstance(one, Receipt)] == [False, True, True]


def test_a_cancelled_request_blocks_nothing(log: DecisionLog) -> None:
    """The transaction of a cancelled request is recorded or not, its key still works, and others proceed."""

    async def give_up_and_ask_again() -> Receipt:
        for _ in range(5):
            task = asyncio.create_task(log.execute(transaction(retitle("T"), key="k")))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return await log.execute(transaction(retitle("T"), key="k"))

    receipt = asyncio.run(give_up_and_ask_again())
    assert receipt.position == sizes(log) == 4
    assert do(log, retitle("U")).position == 5


def test_a_failing_listener_does_not_stop_the_writer(log: DecisionLog, caplog: pytest.LogCaptureFixture) -> None:
    """The writer logs the failure and continues."""
    called = threading.Event()

    def failing(size: int) -> None:
        called.set()
        raise ZeroDivisionError(size)

    stop = log.on_append(failing)
    do(log, retitle("T"))
    assert called.wait(10)
    stop()
    assert do(log, retitle("U")).position == 5
    assert "listener" in caplog.text


# Importing -----------------------------------------------------------------------------------------------------------


def test_importing_and_naming_a_source_need_the_import_right(log: DecisionLog) -> None:
    """Without the scope to import neither is allowed, and an import needs a source."""
    plain = Caller("person:ann", "token-3", "http")
    for command in (observe("decision:a"), retitle("T", source={"system": "jira"})):
        with pytest.raises(Forbidden):
            do(log, command, caller=plain)
    with pytest.raises(ValidationError, match="source"):
        do(log, observe("decision:a", source=None))


def test_an_imported_entry_names_its_source(log: DecisionLog) -> None:
    """The entry names the channel, the system, its reference, and the time in that system."""
    source = {"system": "jira", "reference": "7", "at": "2020-01-01"}
    entry = log.entry(do(log, observe("decision:a", source=source)).position)
    assert entry is not None
    origin = entry.metadata.source
    assert (origin.channel, origin.system, origin.reference, origin.at) == (
        "import",
        "jira",
        "7",
        1_577_836_800_000_000,
    )


def test_a_managed_subject_cannot_be_imported_any_more(log: DecisionLog) -> None:
    """After the first ordinary command on a subject the rules apply, and importing changes to it is refused."""
    do(log, observe("decision:a"))
    do(log, observe("decision:a"))
    do(log, {"type": "ChangeTitle", "subject": "decision:a", "title": "Ours"})
    with pytest.raises(NotAllowed, match="edited here"):
        do(log, observe("decision:a"))


# Pointing back -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (retitle("T", because=["decision:none"]), "because.0"),
        (observe("decision:a", because=["decision:none"]), "because.0"),
        (retitle("T", corrects=99), "corrects"),
        ({"type": "VoidEntry", "subject": "product:shop", "position": 4, "why": "r"}, "position"),
        ({"type": "EraseTexts", "subject": "LOG", "positions": [1, 4]}, "positions"),
    ],
)
def test_a_command_can_refer_only_to_committed_entries(log: DecisionLog, command: dict[str, Any], field: str) -> None:
    """A reason or a position that is not in the log is refused, even one that the command itself would get."""
    if command["subject"] == "LOG":
        command = {**command, "subject": log.id}
    with pytest.raises(Refused) as refused:
        do(log, command)
    assert refused.value.field == field
    assert sizes(log) == 3


# Forgetting ----------------------------------------------------------------------------------------------------------


def test_erased_texts_are_in_no_file_and_every_hash_stays(tmp_path: Path) -> None:
    """After erasing and vacuuming, the texts are in none of the files of the log, and all proofs still verify."""
    canaries = [f"canary-{n:03}-{n * 7919:x}" for n in range(50)]
    with open_log(tmp_path) as log:
        do(log, *PEOPLE)
        written = [
            do(log, retitle(canary, note=f"n-{canary}", references=[{"id": f"r-{canary}"}]), key=f"k{n}").position
            for n, canary in enumerate(canaries)
        ]
        leaves = [raw.leaf for raw in log.raw(0, 100)]
        do(log, {"type": "EraseTexts", "subject": log.id, "positions": written})
        log.checkpoint_and_vacuum()
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert [canary for canary in canaries if canary.encode() in held] == []
        assert [raw.leaf for raw in log.raw(0, len(leaves))] == leaves
        assert log.verify() is None
        assert {repr(row) for row in log.state("product:shop").rows["title"][1:]} == {
            repr(row) for row in log.state("product:shop").rows["title"][1:] if row.value == "[erased]"
        }
        assert do(log, retitle(canaries[0]), key="k0").replayed  # its salt is gone: the key alone decides


def test_only_the_chosen_texts_are_erased(log: DecisionLog) -> None:
    """Erasing removes the texts of the chosen positions, and of no other."""
    first, second = (do(log, retitle(title), key=title).position for title in ("one", "two"))
    do(log, {"type": "EraseTexts", "subject": log.id, "positions": [first]})
    titles = [log.entry(position).event.title for position in (first, second)]  # type: ignore[union-attr]
    assert titles == ["[erased]", "two"]
    with pytest.raises(KeyReused):
        do(log, retitle("three"), key="two")


# Files ---------------------------------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_with_the_address_of_the_first(tmp_path: Path) -> None:
    """Only one process writes; a second one gets the address of the first."""
    with open_log(tmp_path) as log:
        log.announce("http://127.0.0.1:8000")
        with pytest.raises(LogInUseError, match=r"127\.0\.0\.1:8000"):
            open_log(tmp_path)
    open_log(tmp_path).close()


def test_a_read_only_log_follows_the_writer(log: DecisionLog, place: Path | str) -> None:
    """Opened for reading, a log shows what is committed and refuses to write."""
    with open_log(place, read_only=True) as reader:
        do(log, retitle("Two"))
        assert reader.head() == log.head()
        with pytest.raises(OperationalError, match="reading only"):
            do(reader, retitle("Three"))


@pytest.mark.parametrize("damage", ["not a database", "foreign", "cut", "missing row"])
def test_a_damaged_file_is_refused_with_advice(tmp_path: Path, damage: str) -> None:
    """A file that is not a complete log is refused with what to do, and left unchanged."""
    import sqlite3

    path = tmp_path / "log.sqlite"
    if damage in ("cut", "missing row"):
        with open_log(tmp_path) as log:
            do(log, *PEOPLE)
    if damage == "not a database":
        path.write_bytes(b"hello, I am no database at all" * 100)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE t (x)" if damage == "foreign" else "DELETE FROM events WHERE position = 3")
        connection.close()
    before = path.read_bytes()
    with pytest.raises(DamagedLogError, match="backup"):
        open_log(tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [False, True])
def test_an_empty_file_does_not_become_a_new_log(tmp_path: Path, *, read_only: bool) -> None:
    """A file that a failed copy left empty is refused, and stays as it is."""
    path = tmp_path / "log.sqlite"
    path.touch()
    with pytest.raises(DamagedLogError, match="it is empty"):
        open_log(tmp_path, read_only=read_only)
    assert path.read_bytes() == b""


def test_a_file_that_is_refused_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection to a file that is not a database stays open."""
    opened, connect = [], sqlite3.connect

    def recorded(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", recorded)
    (tmp_path / "log.sqlite").write_bytes(b"hello, I am no database at all" * 100)
    with pytest.raises(DamagedLogError):
        open_log(tmp_path)

    assert opened
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.cursor()


def test_waiting_readers_are_woken_by_a_commit(log: DecisionLog) -> None:
    """A reader that waits for a position gets it once it is committed; after a timeout it gets the current size."""
    from concurrent.futures import ThreadPoolExecutor

    assert log.wait(3, timeout=0.01) == 3
    heard: list[int] = []
    stop = log.on_append(heard.append)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(log.wait, 3, 10)
        do(log, retitle("Two"))
        assert waiting.result() == 4
    stop()
    do(log, retitle("Three"))
    assert heard == [4]


@pytest.mark.parametrize(
    ("tamper", "position"),
    [
        ("UPDATE events SET texts = replace(texts, 'Shop', 'Chop') WHERE position = 3", 3),
        ("UPDATE events SET recorded_at = 5 WHERE position = 3", 3),
        ("UPDATE events SET version = 9 WHERE position = 2", 2),
        ("UPDATE events SET event = replace(event, '\"actor\"', ' \"actor\"') WHERE position = 2", 2),
        ("UPDATE events SET event = replace(event, 'token-1', 'token-2') WHERE position = 2", None),
        ("UPDATE head SET size = 7", 4),
    ],
)
def test_verify_finds_an_alteration(log: DecisionLog, place: Path | str, tamper: str, position: int | None) -> None:
    """Every alteration is found, and its position is named where it can be known."""
    assert log.verify() is None
    if isinstance(place, str):
        tamper = re.sub(
            r"replace\((\w+), (.*?)\) WHERE", r"convert_to(replace(convert_from(\1, 'UTF8'), \2), 'UTF8') WHERE", tamper
        )
    else:
        tamper = re.sub(r"replace\((\w+), (.*?)\) WHERE", r"CAST(replace(CAST(\1 AS TEXT), \2) AS BLOB) WHERE", tamper)
    with closing(tables(place)) as connection:
        connection.execute(tamper)
    finding = log.verify()
    assert finding is not None
    assert finding.position == position


def test_a_sqlite_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a SQLite that does not know such tables, the error names its version and the one it takes, and no log is made."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.36.0")

    with pytest.raises(DatabaseUnavailableError, match=r"SQLite 3\.36\.0; a decision log needs version 3\.37"):
        open_log(tmp_path)

    assert not (tmp_path / "log.sqlite").exists()
