"""Statements that are sent to PostgreSQL in one batch, and whose results are read together.

psycopg's own pipeline sends each statement when it is executed and converts arrays value by value. For a group of eight
appends that is twice the CPU time and four more round trips to the kernel. This module uses psycopg's wrapper around libpq
(`psycopg.pq`) instead, and the rules of libpq's pipeline mode: https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

from __future__ import annotations

import re
import select
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psycopg
from psycopg import pq

if TYPE_CHECKING:
    Connection = psycopg.Connection[tuple[Any, ...]]

MAX_PENDING_BYTES: Final = 1 << 20
"""Larger batches are sent in parts, so that a migration does not hold the whole log in memory."""
MAX_PREPARED: Final = 200
"""How many statements a connection prepares, at most; more are sent as they are."""
_BINARY: Final = 1
_COLUMN_TYPES: Final = {
    "events": ("bigint", "text", "bigint", "text", "bigint", "bytea", "bytea"),
    "idempotency_records": ("text", "text", "bytea", "bytea", "bigint", "bigint"),
    "names": ("text", "text", "text", "smallint"),
    "tokens": ("text", "bytea", "text", "text", "text", "bigint", "bigint", "bigint", "bigint"),
    "provider_accounts": ("text", "text", "text"),
    "owners": ("text", "text"),
    "access_journal": ("bigint", "bigint", "text", "text", "text", "text", "text", "bigint", "bytea"),
    "access_journal_head": ("integer", "bigint", "bytea", "bigint", "bytea"),
}
_PLACEHOLDER: Final = re.compile(r"\?(?:::(\w+)\[\])?")
_FIRST_OF_ARRAY: Final = struct.Struct("!iiiii")
_LENGTH: Final = struct.Struct("!i")
_NULL: Final = b"\xff\xff\xff\xff"


class _Type(NamedTuple):
    """How the values of a type are sent: the ids of the type and of its arrays, and the bytes of a value."""

    oid: int
    array_oid: int
    dump: Callable[[Any], bytes]


def _dump_bytes(value: bytes) -> bytes:
    if not isinstance(value, bytes):  # `bytes(3)` would be three zero bytes
        raise psycopg.DataError(f"a value of the type {type(value).__name__} cannot be sent as bytea")
    return value


_TYPES: Final[Mapping[str, _Type]] = {
    "bigint": _Type(20, 1016, struct.Struct("!q").pack),
    "integer": _Type(23, 1007, struct.Struct("!i").pack),
    "smallint": _Type(21, 1005, struct.Struct("!h").pack),
    "text": _Type(25, 1009, str.encode),
    "bytea": _Type(17, 1001, _dump_bytes),
}
_TYPES_OF_VALUES: Final = {int: _TYPES["bigint"], str: _TYPES["text"], bytes: _TYPES["bytea"]}


def _load_integer(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


_LOADERS: Final[Mapping[int, Callable[[bytes], Any]]] = {
    _TYPES["bigint"].oid: _load_integer,
    _TYPES["integer"].oid: _load_integer,
    _TYPES["smallint"].oid: _load_integer,
    _TYPES["text"].oid: bytes.decode,
    _TYPES["bytea"].oid: bytes,
    16: b"\x01".__eq__,  # boolean
    2278: lambda _void: None,
}


_Key = tuple[bytes, tuple[int, ...]]
"""A statement with the types of its parameters: what is prepared once."""


class _Command(NamedTuple):
    """A statement with its parameters as they are sent, and where its result goes."""

    statement: bytes
    values: list[bytes | None]
    oids: tuple[int, ...]
    result: PipelineResult


class PipelineResult:
    """The result of a statement. Using it sends what is pending, and waits."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._received: pq.abc.PGresult | psycopg.Error | None = None
        self._rows: list[Any] | None = None

    def receive(self, result: pq.abc.PGresult | psycopg.Error) -> None:
        """Accept what the server answered, or the error because of which it did not."""
        self._received = self._received or result

    @property
    def status(self) -> str:
        """What the server says that it has done, for example `COMMIT`."""
        return (self._wait().command_status or b"").decode()

    @property
    def rowcount(self) -> int:
        """The number of rows that were changed or found."""
        return self._wait().command_tuples or 0

    def fetchall(self) -> list[Any]:
        """Return all rows that were not fetched before."""
        rows, self._rows = self._remaining(), []
        return rows

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        rows = self._remaining()
        return rows.pop(0) if rows else None

    def _remaining(self) -> list[Any]:
        if self._rows is None:
            self._rows = _load_rows(self._wait())
        return self._rows

    def _wait(self) -> pq.abc.PGresult:
        if self._received is None:
            self._pipeline.run()
        if self._received is None or isinstance(self._received, psycopg.Error):
            raise self._received or psycopg.OperationalError("the statement was discarded")
        return self._received


class Pipeline:
    """A connection to the log, in autocommit mode, whose statements are sent together.

    It is an `eventlog.sql.Session`: `execute` and `insert` only collect. `run` sends what was collected and raises the
    first error; so does the first use of a result. Only one thread may use it. psycopg itself must not roll back on this
    connection, because it then deallocates all prepared statements.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._pending: list[_Command] = []
        self._pending_bytes = 0
        self._prepared: dict[_Key, bytes] = {}
        self._names = 0
        self._poll = select.poll()

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> PipelineResult:
        """Collect a statement. A parameter is `?`, or `?::text[]` (and so on) for a list of values of that type."""
        sql, kinds = _compile(statement)
        values: list[bytes | None] = []
        oids: list[int] = []
        for kind, parameter in zip(kinds, parameters, strict=True):
            if kind:
                oids.append(_TYPES[kind].array_oid)
                values.append(_dump_array(_TYPES[kind], parameter))
            elif parameter is None:
                oids.append(0)  # the server infers the type
                values.append(None)
            else:
                type_ = _type_of(parameter)
                oids.append(type_.oid)
                values.append(type_.dump(parameter))
        result = PipelineResult(self)
        self._pending.append(_Command(sql, values, tuple(oids), result))
        self._pending_bytes += sum(map(len, filter(None, values)))
        if self._pending_bytes > MAX_PENDING_BYTES:
            self.run()
        return result

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]], /) -> None:
        """Collect a statement once for each set of parameters."""
        for each in parameters:
            self.execute(statement, each)

    def insert(self, table: str, rows: Sequence[Sequence[Any]], on_conflict: str = "") -> None:
        """Collect one statement that inserts any number of rows. `on_conflict` is the clause for rows whose key exists."""
        if rows:
            self.execute(_insert_statement(table, on_conflict), list(zip(*rows, strict=True)))

    def run(self) -> None:
        """Send what was collected, and wait for the results.

        Raises:
            psycopg.Error: the first error of a statement; the server has skipped those after it.
            psycopg.OperationalError: the connection is lost.
        """
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        if not pending:
            return
        pgconn = self.connection.pgconn
        try:
            pgconn.enter_pipeline_mode()
            receivers = [receiver for command in pending for receiver in self._send(pgconn, command)]
            pgconn.pipeline_sync()
            self._flush(pgconn)
            error = self._receive(pgconn, receivers)
            pgconn.exit_pipeline_mode()
        except BaseException as failure:
            pgconn.finish()  # what is still to be received would be taken for the results of the next statements
            _fail(pending, failure)
            raise
        if error is not None:
            _fail(pending, error)
            raise error

    def discard(self) -> None:
        """Forget what was collected and not sent."""
        self._pending, self._pending_bytes = [], 0

    def is_lost(self) -> bool:
        """Whether the server has closed the connection while it was idle, as far as can be known without a round trip."""
        try:
            self.connection.pgconn.consume_input()  # reads the server's last message, if there is one
            self.connection.pgconn.consume_input()  # fails at the end of the stream
        except psycopg.OperationalError:
            return True
        return False

    def _send(self, pgconn: pq.abc.PGconn, command: _Command) -> list[PipelineResult | _Key]:
        """Send a statement; return where the results go that the server answers, in order: a key if it is prepared."""
        key = (command.statement, command.oids)
        formats = [_BINARY] * len(command.values)
        name = self._prepared.get(key)
        if name is not None:
            pgconn.send_query_prepared(name, command.values, formats, _BINARY)
            return [command.result]
        if len(self._prepared) >= MAX_PREPARED:
            pgconn.send_query_params(command.statement, command.values, command.oids, formats, _BINARY)
            return [command.result]
        self._names += 1
        name = self._prepared[key] = b"decisionlog_%d" % self._names
        pgconn.send_prepare(name, command.statement, command.oids)
        pgconn.send_query_prepared(name, command.values, formats, _BINARY)
        return [key, command.result]

    def _flush(self, pgconn: pq.abc.PGconn) -> None:
        while pgconn.flush():  # the server may have to get rid of results before it reads on
            self._wait(pgconn, select.POLLIN | select.POLLOUT)
            pgconn.consume_input()

    def _receive(self, pgconn: pq.abc.PGconn, receivers: Sequence[PipelineResult | _Key]) -> psycopg.Error | None:
        """Receive the results of all statements; return the first error among them."""
        error: psycopg.Error | None = None
        for receiver in receivers:
            is_done = False
            while (result := self._next_result(pgconn)) is not None:
                if result.status == pq.ExecStatus.FATAL_ERROR:
                    error = error or psycopg.errors.error_from_result(result)
                elif result.status != pq.ExecStatus.PIPELINE_ABORTED:
                    is_done = True
                    if isinstance(receiver, PipelineResult):
                        receiver.receive(result)
            if not is_done and not isinstance(receiver, PipelineResult):
                del self._prepared[receiver]  # it failed, or the server skipped it after an error
        end = self._next_result(pgconn)
        if end is not None and end.status == pq.ExecStatus.FATAL_ERROR:  # raised when the server ended a transaction
            error = error or psycopg.errors.error_from_result(end)
            end = self._next_result(pgconn) or self._next_result(pgconn)  # None ends the results of each statement
        if end is None or end.status != pq.ExecStatus.PIPELINE_SYNC:
            raise error or psycopg.OperationalError(pgconn.get_error_message() or "the connection is lost")
        return error

    def _next_result(self, pgconn: pq.abc.PGconn) -> pq.abc.PGresult | None:
        while pgconn.is_busy():
            self._wait(pgconn, select.POLLIN)
            pgconn.consume_input()
        return pgconn.get_result()

    def _wait(self, pgconn: pq.abc.PGconn, events: int) -> None:
        self._poll.register(pgconn.socket, events)
        self._poll.poll()


@lru_cache(256)
def _compile(statement: str) -> tuple[bytes, tuple[str | None, ...]]:
    """Return a statement with PostgreSQL's parameters, and for each the type of the values of a list, or None."""
    kinds: list[str | None] = []

    def number(found: re.Match[str]) -> str:
        kinds.append(found[1])
        return f"${len(kinds)}{found[0][1:]}"

    return _PLACEHOLDER.sub(number, statement).encode(), tuple(kinds)


def _type_of(value: Any) -> _Type:
    """Return the type as which a value is sent."""
    if type_ := _TYPES_OF_VALUES.get(type(value)):
        return type_
    for kind, type_ in _TYPES_OF_VALUES.items():  # for example, a member of an enumeration
        if isinstance(value, kind):
            return type_
    raise psycopg.DataError(f"a value of the type {type(value).__name__} cannot be sent")


def _fail(commands: Iterable[_Command], error: BaseException) -> None:
    """Make the results that were not received raise an error."""
    lost = error if isinstance(error, psycopg.Error) else psycopg.OperationalError(str(error))
    for command in commands:
        command.result.receive(lost)


@cache
def _insert_statement(table: str, on_conflict: str) -> str:
    arrays = ", ".join(f"?::{kind}[]" for kind in _COLUMN_TYPES[table])
    return f"INSERT INTO {table} SELECT * FROM unnest({arrays}) {on_conflict}"


def _dump_array(type_: _Type, values: Sequence[Any]) -> bytes:
    """Return values as PostgreSQL's binary array of one dimension."""
    parts: list[bytes] = []
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            dumped = type_.dump(value)
            parts += (_LENGTH.pack(len(dumped)), dumped)
    return _FIRST_OF_ARRAY.pack(1, None in values, type_.oid, len(values), 1) + b"".join(parts)


def _load_rows(result: pq.abc.PGresult) -> list[Any]:
    loaders = [_loader_of(result.ftype(column)) for column in range(result.nfields)]
    return [
        tuple(
            None if (value := result.get_value(row, column)) is None else load(value)
            for column, load in enumerate(loaders)
        )
        for row in range(result.ntuples)
    ]


def _loader_of(oid: int) -> Callable[[bytes], Any]:
    if load := _LOADERS.get(oid):
        return load
    raise psycopg.NotSupportedError(f"a column of the type {oid} cannot be read")
