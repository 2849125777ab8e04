"""Reads a log in a process of its own, so that one core computes rows while another writes them."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Final

from projections.read_model.projector import Source
from projections.read_model.row_batch import RowBatch, flatten

_log: Final = logging.getLogger("decisionlog.projections")

OpenSource = Callable[[], AbstractContextManager[Source]]
"""Opens the log for reading. It is called in the other process, so it must be picklable."""


@contextmanager
def start_reader(open_source: OpenSource, after: int, until: int, limit: int) -> Iterator[Iterator[RowBatch]]:
    """Start a process that reads the entries after a position and up to another; provide their rows, `limit` entries each.

    The process is one batch ahead. If it fails, or cannot be started, the batches end early: the caller, which then reads
    the next entries itself, gets the same error.
    """
    context = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, open_source, after, until, limit), daemon=True)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited: only this process is interrupted
    try:
        process.start()
    except OSError as error:
        _log.info("No process could be started to read ahead: %s", error)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        sender.close()
    try:
        yield _receive(receiver)
    finally:
        receiver.close()  # ends the process, at the latest when it sends its next batch
        if process.pid:
            process.join()


def _receive(receiver: Connection) -> Iterator[RowBatch]:
    """Yield the batches until the process ends, also in the middle of one, or says why it failed."""
    with suppress(EOFError, OSError):
        while isinstance(received := receiver.recv(), RowBatch):
            yield received
        _log.info("The process that reads ahead failed: %s", received)


def _send(sender: Connection, open_source: OpenSource, after: int, until: int, limit: int) -> None:
    gc.disable()  # entries and rows hold no reference cycles
    with suppress(OSError), sender:  # the caller has closed its end
        try:
            with open_source() as source:
                while after < until and (entries := source.read(after, min(limit, until - after))):
                    sender.send(flatten(entries))
                    after = entries[-1].position
        except Exception as error:  # noqa: BLE001  (the caller goes on alone)
            sender.send(repr(error))
