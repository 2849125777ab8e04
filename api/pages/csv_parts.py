"""Export as CSV from a page: one file if it has all rows, else parts, since an answer of the API is limited in size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from fastapi import Query, Response
from fastapi.responses import RedirectResponse

from api.pages.page import Page, build_address
from api.problems import unprocessable
from domain.values import MAX_INTEGER
from projections.queries.paging import Answer, BadCursor
from projections.read_model.model import Read

PART_ROWS: Final = 10_000
"""The most rows of a part. It has fewer if they are large."""

Export = Annotated[bool, Query()]
Skipped = Annotated[int, Query(ge=0, le=MAX_INTEGER)]
"""How many rows the parts before this one have."""


def export_csv(
    page: Page,
    address: str,
    ask: Callable[[Read, int], tuple[Answer[Any, Any], int | None]],
    cursor: str | None,
    skipped: int,
) -> Response:
    """Redirect to the CSV of the API if it has all rows, else show a page with one part and the way to the next.

    Args:
        page: the page whose rows are exported.
        address: the address of the API that returns them as CSV, without a limit.
        ask: returns the answer with at most a number of rows, and how many there are in all, if that is known.
        cursor: where this part begins.
        skipped: how many rows the parts before have.
    """
    page.services.check_read_model()
    with page.services.read(page.execution.bounds) as read:
        try:
            answer, total = ask(read, PART_ROWS)
        except BadCursor as error:
            raise unprocessable(str(error), field="cursor") from None
    if cursor is None and answer.next is None:
        return RedirectResponse(build_address(address, {"limit": PART_ROWS}), 303)
    count = len(answer.rows)
    parameters: Mapping[str, Any] = {"limit": max(1, count), "cursor": cursor}
    following = page.here(cursor=answer.next, skipped=skipped + count) if answer.next else None
    return page.render(
        "csv_part.html",
        lambda _: {
            "first": skipped + 1,
            "last": skipped + count,
            "total": total if answer.next else skipped + count,
            "download": build_address(address, parameters),
            "following": following,
            "back": page.here(export=None, cursor=None, skipped=None),
        },
    )
