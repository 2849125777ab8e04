"""Print safely: text that other people wrote cannot control the reader's terminal.

`guard_streams` replaces standard output and standard error by streams that escape unsafe characters in everything:
messages, warnings, log lines and tracebacks. Exempt are only our own styling (`open_console`) and data for a program
that reads standard output through a pipe (`data_stream`).
"""

from __future__ import annotations

import codecs
import io
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from cli.display import DIRECTION_MARKS, MAX_TEXT_WIDTH
from domain.characters import escape_unsafe

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderResult


class EscapingBuffer(io.BufferedIOBase):
    r"""A binary stream that escapes unsafe characters of UTF-8 text on its way to another stream.

    A byte that is not UTF-8 is escaped as the lone surrogate `\udcXX`. Characters that the other stream's
    encoding lacks are escaped as well.
    """

    def __init__(self, under: BinaryIO, encoding: str = "utf-8") -> None:
        super().__init__()
        self._under = under
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._pending = ""
        """A carriage return at the end of a write, until the next character shows whether it ends a line."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write the bytes, escaped."""
        size = memoryview(data).nbytes
        text = self._pending + self._decoder.decode(bytes(data))
        self._pending = "\r" if text.endswith("\r") else ""
        self._put(text.removesuffix("\r") if self._pending else text)
        return size

    def flush(self) -> None:
        """Write what is pending, and flush the other stream, unless its owner has closed it."""
        pending, self._pending = self._pending, ""
        self._put(pending)
        if not self._under.closed:
            self._under.flush()

    def _put(self, text: str) -> None:
        if text:
            self._under.write(escape_unsafe(text).encode(self._encoding, "backslashreplace"))

    def close(self) -> None:
        """Flush. The other stream stays open: its owner closes it."""
        if not self.closed:
            super().close()

    def fileno(self) -> int:
        """Return the file descriptor of the other stream."""
        return self._under.fileno()

    def isatty(self) -> bool:
        """Whether the other stream is a terminal."""
        return self._under.isatty()

    def writable(self) -> bool:
        """Return true."""
        return True


class GuardedStream(io.TextIOWrapper):
    """A text stream that escapes unsafe characters; `trusted` is the stream behind it, which does not."""

    def __init__(self, trusted: TextIO) -> None:
        self.trusted = trusted
        buffer: Any = EscapingBuffer(trusted.buffer, trusted.encoding or "utf-8")
        line_buffering = bool(getattr(trusted, "line_buffering", False)) or trusted.isatty()
        super().__init__(buffer, "utf-8", "backslashreplace", line_buffering=line_buffering, write_through=True)


class InterruptibleInput(io.RawIOBase):
    """Standard input on a terminal, which Ctrl-C always interrupts.

    A signal just before a blocking read waits until the read returns, with the next line: of 1,500 interrupts at a
    question, 4 did. A signal also writes to a pipe, and a read begins only when there is a line and no signal.
    """

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._signals, self._wakeup = os.pipe()
        os.set_blocking(self._wakeup, False)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read a line; a signal's handler runs first."""
        previous = signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        try:
            while self._signals in select.select([self.fileno(), self._signals], [], [])[0]:
                os.read(self._signals, 1024)
            return os.readv(self.fileno(), [buffer])
        finally:
            signal.set_wakeup_fd(previous)

    def readable(self) -> bool:
        """Return true."""
        return True

    def fileno(self) -> int:
        """Return the file descriptor of the terminal."""
        return self._terminal.fileno()

    def isatty(self) -> bool:
        """Return true."""
        return True


def guard_streams() -> None:
    """Have everything that is printed from now on escaped, and questions on a terminal end with Ctrl-C."""
    sys.stdout = _guard(sys.stdout)
    sys.stderr = _guard(sys.stderr)
    if sys.stdin is not None and sys.stdin.isatty():
        sys.stdin = io.TextIOWrapper(io.BufferedReader(InterruptibleInput(sys.stdin)), sys.stdin.encoding)


def _guard(stream: TextIO) -> TextIO:
    """Return a guarded stream; the stream itself if it is guarded, missing, or has no underlying binary stream."""
    is_guarded = stream is None or isinstance(stream, GuardedStream)
    return stream if is_guarded or not hasattr(stream, "buffer") else GuardedStream(stream)


def data_stream() -> BinaryIO:
    """Return standard output for data in a format of its own: unchanged for a program, escaped on a terminal."""
    sys.stdout.flush()
    if isinstance(sys.stdout, GuardedStream) and not sys.stdout.isatty():
        return sys.stdout.trusted.buffer
    return sys.stdout.buffer


def print_data(text: str, format_: str) -> None:
    r"""Print an answer in a format of its own, ending in a line break; see `data_stream`.

    JSON is escaped in a pipe too: in it `\u009b` and the character are the same.
    """
    stream = sys.stdout.buffer if format_ == "json" else data_stream()
    sys.stdout.flush()
    stream.write((text if text.endswith("\n") else f"{text}\n").encode("utf-8", "surrogatepass"))
    stream.flush()


# Rich ----------------------------------------------------------------------------------------------------------------


class _Escaped:
    """What a console prints, with the unsafe characters of its text escaped; its styling stays."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the segments, escaped."""
        from rich.segment import Segment  # noqa: PLC0415  (a pipe needs none)

        for segment in console.render(self._inner, options):
            text = segment.text if segment.control else escape_styled(segment.text)
            yield Segment(text, segment.style, segment.control)


class _EscapingHook:
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Return what is printed, escaped."""
        return [_Escaped(each) for each in renderables]


def escape_styled(text: str) -> str:
    """Return the text escaped, but for the marks that are put around text from right to left."""
    return escape_unsafe(text, _isolate_or_escape)


def _isolate_or_escape(character: str) -> str:
    return character if character in DIRECTION_MARKS else escape_unsafe(character)


def open_console(*, stderr: bool = False, **options: Any) -> Console:
    """Return a console of Rich, the only way to styled output: its styling reaches the terminal, foreign controls do
    not.
    """
    from rich.console import Console  # noqa: PLC0415  (a pipe needs none)

    stream = sys.stderr if stderr else sys.stdout
    console = Console(file=stream.trusted if isinstance(stream, GuardedStream) else stream, **options)
    console.push_render_hook(_EscapingHook())  # type: ignore[arg-type]  # a subclass would import Rich for every command
    return console


def print_document(markdown: str) -> None:
    """Print Markdown as a page on a terminal: headings, lists and links as the terminal shows them."""
    from rich.markdown import Markdown  # noqa: PLC0415  (a pipe needs none)

    console = open_console()
    console.print(Markdown(markdown), width=min(console.width, MAX_TEXT_WIDTH))
