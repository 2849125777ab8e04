"""HTTP connections that no client can hold for ever: uvicorn's protocol with limits on size, time and number.

The parser behind uvicorn joins a header that never ends, a connection that never speaks is never closed, and pipelined
requests are queued without bound. Here bytes are counted before a head is complete, one timer a second looks at all
connections, and where there are too many the one that has waited longest makes room.
"""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.headers import as_bytes
from api.problems import MEDIA_TYPE, status_problem

HEAD_BYTES: Final = 64 * 1024
HEAD_FIELDS: Final = 100
TARGET_BYTES: Final = 32 * 1024
PIPELINED_REQUESTS: Final = 16
CONNECTIONS: Final = 1_000
RESERVED_DESCRIPTORS: Final = 128
"""Files, sockets to a database and the listener itself, which connections must not take."""

HEAD_TIMEOUT_S: Final = 10.0
BODY_TIMEOUT_S: Final = 10.0
"""Seconds for a body, besides those that its bytes earn it."""
BODY_BYTES_PER_S: Final = 16 * 1024
"""The slowest rate at which a body may come: at that, the longest takes four minutes."""
KEEP_ALIVE_S: Final = 20.0
STALLED_S: Final = 30.0
"""Seconds for which a client may read nothing of its answer."""
LINGER_S: Final = 2.0
"""Seconds in which a closing connection must have sent what it has to send."""
SWEEP_S: Final = 1.0


class Refusal(Exception):
    """A request that is not read any further."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def connection_limit() -> int:
    """Return how many connections may be open: as many as leave descriptors for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS
    return max(16, min(CONNECTIONS, soft - max(RESERVED_DESCRIPTORS, soft // 4)))


@dataclass
class Pool:
    """The open connections of one server, by the address of their client, in the order in which they came."""

    limit: int = field(default_factory=connection_limit)
    by_client: dict[str, dict[BoundedProtocol, None]] = field(default_factory=dict)
    count: int = 0
    sweeping: bool = False

    def add(self, connection: BoundedProtocol) -> bool:
        """Take a connection in and return True; False, if all others are being answered and none can make room."""
        if self.count >= self.limit and not self._make_room():
            return False
        self.by_client.setdefault(connection.address, {})[connection] = None
        self.count += 1
        if not self.sweeping:
            self.sweeping = True
            connection.loop.call_later(SWEEP_S, self._sweep, connection.loop)
        return True

    def remove(self, connection: BoundedProtocol) -> None:
        """Forget a connection."""
        of_client = self.by_client.get(connection.address, {})
        if connection in of_client:
            del of_client[connection]
            self.count -= 1
        if not of_client:
            self.by_client.pop(connection.address, None)

    def _make_room(self) -> bool:
        """Close the oldest connection that is not being answered, of the client that has most of them."""
        for client in sorted(self.by_client, key=lambda each: -len(self.by_client[each])):
            for connection in self.by_client[client]:
                if not connection.is_answering():
                    self.remove(connection)
                    connection.transport.abort()
                    return True
        return False

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what has waited too long, and look again while anything is open."""
        now = loop.time()
        for connection in [each for of_client in self.by_client.values() for each in of_client]:
            connection.check_deadlines(now)
        self.sweeping = self.count > 0
        if self.sweeping:
            loop.call_later(SWEEP_S, self._sweep, loop)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `pool` is set by a subclass that `protocol_of` makes for a server."""

    pool: Pool

    def __init__(self, config: Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self.address = ""
        self._in_head = True
        self._head_size = 0
        self._began = 0.0
        """When the head, the body or the wait for a request began."""
        self._body_size = 0
        self._unread = 0
        """Bytes since the last that belonged to the body: extensions of chunks, and trailers."""
        self._deaf = False
        self._refused_at = 0.0
        self._stalled = (0, 0.0)

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self._began = self.loop.time()
        if not self.pool.add(self):
            self._deaf = True
            transport.write(_answer(503, "too many connections are open; try again in a moment"))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.pool.remove(self)
        super().connection_lost(exc)

    def is_answering(self) -> bool:
        """Return whether a request that came whole has not been answered yet."""
        cycle = self.cycle
        return bool(self.pipeline) or (cycle is not None and not cycle.response_complete and not cycle.more_body)

    def check_deadlines(self, now: float) -> None:
        """Close the connection if its client has kept it waiting for too long."""
        if self._refused_at:
            if now - self._refused_at > LINGER_S:
                self.transport.abort()
        elif self.transport.is_closing() or self.is_answering() or self.flow.read_paused:
            self._check_reading(now)
        elif self._in_head:
            idle = self.cycle is not None and not self._head_size
            if now - self._began > (KEEP_ALIVE_S if idle else HEAD_TIMEOUT_S):
                self._close_late("the head of a request must come within 10 seconds", silently=not self._head_size)
        elif now - self._began > BODY_TIMEOUT_S + self._body_size / BODY_BYTES_PER_S:
            self._close_late("the body came too slowly", silently=self.cycle.response_started)

    def _check_reading(self, now: float) -> None:
        """Close the connection if the client reads nothing of its answer."""
        waiting = self.transport.get_write_buffer_size()
        if not waiting or waiting != self._stalled[0]:
            self._stalled = (waiting, now)
        elif now - self._stalled[1] > STALLED_S:
            self.transport.abort()

    def _close_late(self, detail: str, *, silently: bool) -> None:
        if silently:
            self._disconnect()
            self.transport.close()
        else:
            self._refuse(408, detail)

    # Reading

    def data_received(self, data: bytes) -> None:
        """Feed the parser no more of a head than it may have."""
        if self._deaf:
            return
        while len(data) > HEAD_BYTES:
            self._feed(data[:HEAD_BYTES])
            data = data[HEAD_BYTES:]
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        if self._deaf or self.transport.is_closing():
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
                self._stop(431, f"the head of a request can have {HEAD_BYTES} bytes")
            elif not self._in_head and self._unread > HEAD_BYTES:
                self._stop(431, f"what surrounds the chunks of a body can have {HEAD_BYTES} bytes")
        except httptools.HttpParserUpgrade:
            pass  # no other protocol is spoken here: the request is answered as it is
        except httptools.HttpParserError as error:
            refusal = error.__context__
            if isinstance(refusal, Refusal):
                self._stop(refusal.status, refusal.detail)
            else:
                self._stop(400, "this is not a valid HTTP/1.1 request")

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > TARGET_BYTES:
            raise Refusal(414, f"a request target can have {TARGET_BYTES} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer field, which nothing here reads
        super().on_header(name, value)
        if len(self.headers) > HEAD_FIELDS:
            raise Refusal(431, f"a request can have {HEAD_FIELDS} header fields")

    def on_headers_complete(self) -> None:
        """Begin to answer a request whose head is in order.

        Raises:
            Refusal: it is not, or too many requests wait for their turn.
        """
        self._check_version_and_host()
        if len(self.pipeline) >= PIPELINED_REQUESTS:
            raise Refusal(503, "too many requests were sent without waiting for an answer")
        self._in_head = False
        self._head_size = self._body_size = self._unread = 0
        super().on_headers_complete()

    def _check_version_and_host(self) -> None:
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise Refusal(400, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and version == "1.1"):
            raise Refusal(400, "an HTTP/1.1 request has exactly one Host")  # RFC 9112, section 3.2

    def on_body(self, body: bytes) -> None:
        if not self._body_size:
            self._began = self.loop.time()
        self._body_size += len(body)
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True
        self._began = self.loop.time()

    def on_response_complete(self) -> None:
        """Go on to the next request; one sweep closes what is idle, as a timer for each request would cost more."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self._began = self.loop.time()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    # Refusing

    def _stop(self, status: int, detail: str) -> None:
        """Read no more: refuse now, or once the requests before are answered."""
        if self.is_answering():
            self._deaf = True
            last = self.pipeline[0][0] if self.pipeline else self.cycle
            last.keep_alive = False
        else:
            self._refuse(status, detail)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer with a problem document in place of the application, and close."""
        self._deaf = True
        self._refused_at = self.loop.time()
        started = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        self._disconnect()
        if not started:
            self.transport.write(_answer(status, detail))
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()  # what the client still sends is read and dropped, or a reset would overtake
        else:
            self.transport.close()

    def _disconnect(self) -> None:
        """Tell the application that nobody waits for its answer."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.pipeline.clear()


def _answer(status: int, detail: str) -> bytes:
    body = status_problem(status, detail).model_dump_json(exclude_none=True).encode()
    head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n".encode()
    retry = b"retry-after: 1\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else b""
    return b"".join([STATUS_LINE[status], head, retry, as_bytes(), b"\r\n", body])


def protocol_of(pool: Pool) -> type[BoundedProtocol]:
    """Return the protocol of a server whose connections are in a pool."""
    return type("ServerProtocol", (BoundedProtocol,), {"pool": pool})
