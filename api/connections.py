"""uvicorn's HTTP protocol with limits on the size, time and number of connections.

By itself, uvicorn buffers a header that never ends, never closes a silent connection, and queues pipelined requests
without limit. Here bytes are counted before the head of a request is complete, a timer checks all connections once a
second, and if there are too many, the one that has been idle longest is closed.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
from dataclasses import dataclass, field
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, Final

import httptools
from starlette.types import Message
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.problems import MEDIA_TYPE, status_problem
from api.security_headers import as_bytes

HEAD_BYTES: Final = 64 * 1024
HEAD_FIELDS: Final = 100
TARGET_BYTES: Final = 32 * 1024
PIPELINED_REQUESTS: Final = 16
CONNECTIONS: Final = 1_000
RESERVED_DESCRIPTORS: Final = 128
"""File descriptors kept free for files, database sockets and the listener."""

HEAD_TIMEOUT_S: Final = 10.0
BODY_TIMEOUT_S: Final = 10.0
"""Seconds for a body, in addition to those for its bytes at the minimum rate."""
BODY_BYTES_PER_S: Final = 16 * 1024
"""The minimum rate of a body: the largest one takes four minutes at most."""
KEEP_ALIVE_S: Final = 20.0
STALLED_S: Final = 30.0
"""Seconds in which a client must have read its response, or as much of it as the minimum rate asks for."""
READ_BYTES_PER_S: Final = 4 * 1024
"""The minimum rate at which a client reads a response. Without one, a byte every half minute would hold a connection."""
LINGER_S: Final = 10.0
"""Seconds for which a closing connection reads and discards what its client still sends, so that it reads the response."""
LINGER_IDLE_S: Final = 2.0
"""Seconds without a byte after which a closing connection stops waiting."""
LINGER_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a request that are read and discarded after its response."""
LINGER_BUFFER_BYTES: Final = 64 * 1024
"""The system's receive buffer of a closing connection, which else can grow to megabytes."""
DISCARD_BYTES_PER_S: Final = 50 * 1024 * 1024
"""The rate at which all closing connections together are read, so that many of them do not block the event loop."""
WHOLE_BYTES: Final = 64 * 1024
"""A larger body is not joined with the head of its response, as that copies it for each client that reads slowly."""
SWEEP_INTERVAL_S: Final = 1.0
SINGLE: Final = (b"authorization", b"content-type", b"idempotency-key", b"origin", b"sec-fetch-site")
"""Headers that may occur only once: of several, this server would read the first, and a proxy might read the last."""
_INVALID_IN_HEAD: Final = bytes([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])


class Refusal(Exception):
    """The refusal of a request that is not read any further."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def connection_limit() -> int:
    """Return the maximum number of connections, which leaves file descriptors for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS
    return max(16, min(CONNECTIONS, soft - max(RESERVED_DESCRIPTORS, soft // 4)))


@dataclass
class Pool:
    """The open connections of one server by client address, oldest first."""

    limit: int = field(default_factory=connection_limit)
    by_client: dict[str, dict[BoundedProtocol, None]] = field(default_factory=dict)
    count: int = 0
    sweeping: bool = False
    next_discard: float = 0.0
    """When the next closing connection may read again, in the event loop's time."""

    def add(self, connection: BoundedProtocol) -> bool:
        """Add a connection. Return False if there are too many and none of them is idle."""
        if self.count >= self.limit and not self._make_room():
            return False
        self.by_client.setdefault(connection.address, {})[connection] = None
        self.count += 1
        if not self.sweeping:
            self.sweeping = True
            connection.loop.call_later(SWEEP_INTERVAL_S, self._sweep, connection.loop)
        return True

    def remove(self, connection: BoundedProtocol) -> None:
        """Remove a connection."""
        of_client = self.by_client.get(connection.address, {})
        if connection in of_client:
            del of_client[connection]
            self.count -= 1
        if not of_client:
            self.by_client.pop(connection.address, None)

    def take_discard_turn(self, now: float, size: int) -> float:
        """Return when a connection that has discarded some bytes may read again."""
        self.next_discard = max(now, self.next_discard) + size / DISCARD_BYTES_PER_S
        return self.next_discard

    def _make_room(self) -> bool:
        """Close the oldest idle connection of the client with the most connections. Return False if there is none."""
        for client in sorted(self.by_client, key=lambda each: -len(self.by_client[each])):
            for connection in self.by_client[client]:
                if not connection.is_answering():
                    self.remove(connection)
                    connection.transport.abort()
                    return True
        return False

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close connections that have been waiting too long, and schedule the next sweep while any are open."""
        now = loop.time()
        for connection in [each for of_client in self.by_client.values() for each in of_client]:
            connection.check_deadlines(now)
        self.sweeping = self.count > 0
        if self.sweeping:
            loop.call_later(SWEEP_INTERVAL_S, self._sweep, loop)


class Cycle(RequestResponseCycle):
    """One request and its response, which is sent in one piece if its body is.

    uvicorn sends the head of a response and its body in two system calls, which take a fifth of the time of a short
    request, and searches each header for invalid characters by itself.
    """

    _start: Message | None = None
    """The start of the response, until its body or a part of it is there."""

    async def send(self, message: Message) -> None:  # type: ignore[override]
        """Send a part of the response."""
        if message["type"] == "http.response.start" and not self.response_started:
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            if self._send_whole(start, message):
                return
            await super().send(start)  # type: ignore[arg-type]
        await super().send(message)  # type: ignore[arg-type]

    def _send_whole(self, start: Message, message: Message) -> bool:
        """Send a response that is complete; return False if it is not an ordinary one."""
        if message.get("more_body") or not self.keep_alive or self.disconnected or self.flow.write_paused:
            return False
        body: bytes = message.get("body", b"")
        if len(body) > WHOLE_BYTES:
            return False
        fields = [*self.default_headers, *start["headers"]]
        head = b"".join([STATUS_LINE[start["status"]], *[b"%b: %b\r\n" % field for field in fields], b"\r\n"])
        names = [name for name, _ in fields]
        if (
            self.scope["method"] == "HEAD"
            or (b"content-length", b"%d" % len(body)) not in fields
            or b"connection" in names
            or b"transfer-encoding" in names
            or not head.count(b"\r") == head.count(b"\n") == len(fields) + 2  # and none within a field
            or len(head.translate(None, _INVALID_IN_HEAD)) != len(head)
        ):
            return False
        self.waiting_for_100_continue = False
        self.response_started = self.response_complete = True
        self.transport.write(head + body)
        self.message_event.set()
        self.on_response()
        return True


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `protocol_of` creates a subclass with the `pool` of a server."""

    pool: Pool

    def __init__(self, config: Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self.address = ""
        self._in_head = True
        self._head_size = 0
        self._began = 0.0
        """When the head, the body or the wait for the next request began."""
        self._body_size = 0
        self._unread = 0
        """Bytes since the last byte of the body: chunk extensions and trailers."""
        self._ignores_input = False
        self._lingers_since = 0.0
        self._discarded = (0, 0.0)
        """How many bytes a closing connection has discarded, and when it may read more."""
        self._answered: RequestResponseCycle | None = None
        """The request that the application answers, or answered last."""
        self._written = 0
        """Bytes of responses that were passed to the transport."""
        self._read_goal: tuple[int, float] | None = None
        """How many of them the client must have read, and when; None while it has read all."""
        self._read_on_timer: asyncio.TimerHandle | None = None

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._cycle_transport = SimpleNamespace(
            write=self._write, is_closing=transport.is_closing, close=self._close_after_response
        )
        self.address = self.client[0] if self.client else ""
        self._began = self.loop.time()
        if not self.pool.add(self):
            self._ignores_input = True
            transport.write(_build_response(503, "too many connections are open; try again in a moment"))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.pool.remove(self)
        self._drop_body()
        self._disconnect()
        if self._read_on_timer is not None:
            self._read_on_timer.cancel()  # it would keep the connection in memory until then
        super().connection_lost(exc)

    def is_answering(self) -> bool:
        """Return whether a complete request is still being answered."""
        cycle = self.cycle
        return bool(self.pipeline) or (cycle is not None and not cycle.response_complete and not cycle.more_body)

    def check_deadlines(self, now: float) -> None:
        """Close the connection if its client is too slow."""
        if self._lingers_since:
            if now - self._lingers_since > LINGER_S or now - self._discarded[1] > LINGER_IDLE_S:
                self.transport.abort()
        elif self.transport.is_closing() or self.is_answering() or self.flow.read_paused:
            self._check_reading(now)
        elif self._in_head:
            idle = self.cycle is not None and not self._head_size
            if now - self._began > (KEEP_ALIVE_S if idle else HEAD_TIMEOUT_S):
                self._close_late("the head of a request must arrive within 10 seconds", silently=not self._head_size)
        elif now - self._began > BODY_TIMEOUT_S + self._body_size / BODY_BYTES_PER_S:
            self._close_late("the body arrived too slowly", silently=self.cycle.response_started)

    def _check_reading(self, now: float) -> None:
        """Close the connection if the client does not read its response."""
        waiting = self.transport.get_write_buffer_size()
        read = self._written - waiting
        goal = self._read_goal
        if not waiting:
            self._read_goal = None
        elif goal is None or (read >= goal[0] and now >= goal[1]):
            self._read_goal = (read + min(waiting, int(READ_BYTES_PER_S * STALLED_S)), now + STALLED_S)
        elif now > goal[1]:
            self.transport.abort()

    def _close_late(self, detail: str, *, silently: bool) -> None:
        if silently:
            self._disconnect()
            self.transport.close()
        else:
            self._refuse(408, detail)

    def _write(self, data: bytes) -> None:
        if not self.transport.is_closing():  # which raises an error: the client has gone, or was cut off
            self._written += len(data)
            self.transport.write(data)

    # Reading

    def data_received(self, data: bytes) -> None:
        """Pass data to the parser, in parts no larger than a head may be."""
        if self._ignores_input:
            self._discard(data)
            return
        if len(data) <= HEAD_BYTES:
            self._feed(data)
        else:
            view = memoryview(data)  # its slices are not copies
            for begin in range(0, len(view), HEAD_BYTES):
                self._feed(view[begin : begin + HEAD_BYTES])
        if not (self._in_head or self._ignores_input) and self.cycle.response_complete:
            self._rest(len(data))  # the rest of a body whose request was answered

    def _feed(self, data: bytes | memoryview) -> None:
        if self._ignores_input or self.transport.is_closing():
            return
        if self._in_head:
            if not self._head_size:
                self._began = self.loop.time()
            self._head_size += len(data)
        else:
            self._unread += len(data)
        try:
            self.parser.feed_data(data)
            if self._in_head and self._head_size > HEAD_BYTES:
                self._stop(431, f"the head of a request can have at most {HEAD_BYTES} bytes")
            elif not self._in_head and self._unread > HEAD_BYTES:
                self._stop(431, f"chunk extensions and trailers can have at most {HEAD_BYTES} bytes")
        except httptools.HttpParserUpgrade:
            pass  # no other protocol is supported: the upgrade is ignored
        except httptools.HttpParserError as error:
            refusal = error.__context__
            if isinstance(refusal, Refusal):
                self._stop(refusal.status, refusal.detail)
            else:
                self._stop(400, "this is not a valid HTTP/1.1 request")

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > TARGET_BYTES:
            raise Refusal(414, f"a request target can have at most {TARGET_BYTES} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer field, which is ignored
        super().on_header(name, value)
        if len(self.headers) > HEAD_FIELDS:
            raise Refusal(431, f"a request can have at most {HEAD_FIELDS} header fields")

    def on_headers_complete(self) -> None:
        """Start answering a request whose head is valid.

        Raises:
            Refusal: the head is invalid, or too many pipelined requests are waiting.
        """
        self._check_fields()
        if len(self.pipeline) >= PIPELINED_REQUESTS:
            raise Refusal(503, "too many requests were sent without waiting for a response")
        self._in_head = False
        self._head_size = self._body_size = self._unread = 0
        super().on_headers_complete()
        self.cycle.transport = self._cycle_transport  # type: ignore[assignment]  # what a cycle uses of a transport
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False  # the parser stops reading, as if the connection had been upgraded

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # The protocol makes cycles of its own class, which has the same members.
        cycle.__class__ = Cycle
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _check_fields(self) -> None:
        """Refuse a request head that this server and a proxy in front of it could interpret differently.

        Raises:
            Refusal: it has another HTTP version, no host or several, a repeated header, or a transfer coding.
        """
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise Refusal(400, "only HTTP/1.1 and HTTP/1.0 are supported")
        names = [name for name, _ in self.headers]
        hosts = names.count(b"host")
        if hosts > 1 or (not hosts and version == "1.1"):
            raise Refusal(400, "an HTTP/1.1 request must have exactly one Host")  # RFC 9112, section 3.2
        if len(set(names)) < len(names) and (again := next((each for each in SINGLE if names.count(each) > 1), None)):
            raise Refusal(400, f"a request can have only one `{again.decode()}` header")
        if b"transfer-encoding" in names:
            codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
            if codings != [b"chunked"] or version == "1.0":  # RFC 9112, section 6.1
                raise Refusal(400, "the only supported Transfer-Encoding is `chunked`, and only in HTTP/1.1")

    def on_body(self, body: bytes) -> None:
        if not self._body_size:
            self._began = self.loop.time()
        self._body_size += len(body)
        self._unread = 0
        super().on_body(body)
        if self.cycle.response_complete and self._body_size > LINGER_BYTES:
            self.transport.close()  # the response was sent, and the body of its request does not end

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True
        self._began = self.loop.time()

    def on_response_complete(self) -> None:
        """Continue with the next request. The sweep closes idle connections; a timer for each request would cost more."""
        self.server_state.total_requests += 1
        if self._lingers_since or self.transport.is_closing():
            return
        self.flow.resume_reading()
        self._began = self.loop.time()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    # Refusing

    def _stop(self, status: int, detail: str) -> None:
        """Stop reading, and refuse now or after the previous requests were answered."""
        if self.is_answering():
            self._ignores_input = True
            last = self.pipeline[0][0] if self.pipeline else self.cycle
            last.keep_alive = False
        else:
            self._refuse(status, detail)

    def _refuse(self, status: int, detail: str) -> None:
        """Respond with a problem document in place of the application, and close."""
        started = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        self._disconnect()
        if not started:
            self.transport.write(_build_response(status, detail))
        self._linger()

    # Closing

    def _close_after_response(self) -> None:
        """Close the connection when its last response was written, but not before the client has read it."""
        if self._in_head and not self._ignores_input:
            self.transport.close()  # the request was read to its end
        else:
            self._linger()

    def _linger(self) -> None:
        """Send what was written, and read on for a while (RFC 9112, section 9.6).

        If bytes were left unread, closing would reset the connection, and the client's own system would discard a
        response that the client has not read yet.
        """
        self._ignores_input = True
        self._lingers_since = self.loop.time()
        self._discarded = (0, self._lingers_since)
        self.pipeline.clear()
        self._drop_body()
        if self.transport.can_write_eof() and not self.transport.is_closing():
            if (connection := self.transport.get_extra_info("socket")) is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LINGER_BUFFER_BYTES)
            self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self.transport.close()

    def _discard(self, data: bytes) -> None:
        if not self._lingers_since:
            return  # earlier requests are still being answered
        size = self._discarded[0] + len(data)
        if size > LINGER_BYTES:
            self.transport.abort()
        elif not self.transport.is_closing():
            self._discarded = (size, self._rest(len(data)))

    def _rest(self, size: int) -> float:
        """Read nothing until it is this connection's turn to discard more, and return when that is."""
        turn = self.pool.take_discard_turn(self.loop.time(), size)
        self.flow.pause_reading()
        self._read_on_timer = self.loop.call_at(turn, self._read_on)
        return turn

    def _read_on(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def _drop_body(self) -> None:
        """Free what was received of a body that no one will read: there can be many such connections."""
        if self.cycle is not None:
            self.cycle.body = bytearray()

    def _disconnect(self) -> None:
        """Tell the application that the client has disconnected: of pipelined requests, the last read is `cycle`."""
        for cycle in (self.cycle, self._answered):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()


def _build_response(status: int, detail: str) -> bytes:
    body = json.dumps(status_problem(status, detail), ensure_ascii=False).encode()
    head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n".encode()
    retry = b"retry-after: 1\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else b""
    return b"".join([STATUS_LINE[status], head, retry, as_bytes(), b"\r\n", body])


def protocol_of(pool: Pool) -> type[BoundedProtocol]:
    """Return the protocol class of a server with a connection pool."""
    return type("ServerProtocol", (BoundedProtocol,), {"pool": pool})
