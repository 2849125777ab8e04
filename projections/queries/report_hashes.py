"""The hashes of reports, computed by the log itself before it records that one was issued."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from domain.product import IssueReport
from domain.values import to_micros
from eventlog.long_reads import LongReadError
from projections.queries.report import ReportNotFound, ReportRequest, report
from projections.read_model.model import ReadModel
from projections.read_model.runner import Runner

MAX_HASHES: Final = 100
WAIT_S: Final = 5.0
"""How long to wait for the read model to reach the position of a report."""


class ReportHashes:
    """Computes the hash of the report that a command issues. For the same period and position it never changes."""

    def __init__(self, model: ReadModel, runner: Runner) -> None:
        self._model = model
        self._runner = runner
        self._known: OrderedDict[ReportRequest, str | None] = OrderedDict()

    def __call__(self, command: IssueReport, *, in_loop: bool) -> str | None:
        """Return the SHA-256 of the report; None if the read model has not reached its position.

        Raises:
            LongReadError: it is not known yet, and must not be computed `in_loop`.
        """
        request = ReportRequest(command.subject, to_micros(command.since), to_micros(command.until), command.position)
        if request not in self._known:
            if in_loop:
                raise LongReadError(lambda: self._compute(request))
            self._compute(request)
        return self._known.get(request) or self._known.pop(request, None)

    def _compute(self, request: ReportRequest) -> None:
        assert request.position is not None
        self._runner.wait_for(request.position, WAIT_S)
        try:
            with self._model.read() as read:
                self._known[request] = str(report(read, request).about["sha256"])
        except ReportNotFound:
            self._known[request] = None
        if len(self._known) > MAX_HASHES:
            self._known.popitem(last=False)
