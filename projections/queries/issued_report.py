"""Reports that were issued: the log gives each of them again, with the hash that was issued."""

from __future__ import annotations

import json

from domain.values import format_micros, parse_micros
from projections.answer_types.report import ReportIssue, ReportLine, ReportSummary, ReportVoid
from projections.queries.paging import Answer
from projections.queries.report import ReportNotFound, ReportRequest, report
from projections.read_model.model import Read


class ReportMismatch(Exception):
    """The report that the log gives now is not the one that was issued: the log was altered, or the report was issued by a
    version that computes reports in another way.
    """


def issued_report(read: Read, product: str, position: int) -> Answer[ReportLine, ReportSummary]:
    """Return the report that was issued at a position again, with who `issued` it, when, and with which summary, and
    who voided that since.

    Raises:
        ReportNotFound: no report was issued there.
        ReportMismatch: its hash differs from the one that was issued.
    """
    request, sha256_issued, issue = _find_issued(read, product, position)
    answer = report(read, request)
    if answer.about["sha256"] != sha256_issued:
        raise ReportMismatch(
            f"the report issued at position {position} had the SHA-256 {sha256_issued}, but the log up to position "
            f"{request.position} now gives {answer.about['sha256']}; run `decisionlog verify` and `decisionlog rebuild`; "
            "if both find no fault, another version issued it, which computed reports in another way"
        )
    answer.about["issued"] = issue
    return answer


def _find_issued(read: Read, product: str, position: int) -> tuple[ReportRequest, str, ReportIssue]:
    """Return the request of a report that was issued at a position, its hash, and who issued it with which summary."""
    sql = """select body, principal, recorded_at, voided_by from event
        where position = :position and type = 'ReportIssued.v1' and subject = :product"""
    found = read.one(sql, {"position": position, "product": product})
    if found is None:
        raise ReportNotFound(f"no report of {product} was issued at position {position}")
    body, principal, recorded_at, voided_by = found
    data = json.loads(body)
    since, until = (parse_micros(data[name]) for name in ("since", "until"))
    issue: ReportIssue = {
        "position": position,
        "by": principal,
        "at": format_micros(int(recorded_at)),
        "summary": data.get("summary"),
    }
    if voided_by is not None:
        issue["voided"] = _read_void(read, voided_by)
    return ReportRequest(product, since, until, data["position"]), data["sha256"], issue


def _read_void(read: Read, position: int) -> ReportVoid:
    sql = "select body, principal, recorded_at from event where position = :position"
    ((body, principal, recorded_at),) = read.rows(sql, {"position": position})
    why = json.loads(body)["why"]
    return {"position": position, "by": principal, "at": format_micros(int(recorded_at)), "why": why}
