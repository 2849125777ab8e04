"""What was expected and what came of it, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cli.answer_titles import Titles
from cli.display import Line, Span, count, format_day, isolate, to_single_line, wrap
from cli.status_marks import SHAPES

_RESULTS = {"met": ("good", "met", "green"), "not-met": ("bad", "not met", "red")}


def describe_expectation(value: Mapping[str, Any]) -> str:
    """Return a forecast: "No-shows from 17% to under 5% by May 5, 2026, 75% likely"."""
    target = f" from {value['baseline']} to {value['target']}" if value.get("baseline") else f": {value['target']}"
    likely = f", {value['probability']}% likely" if value.get("probability") is not None else ""
    due = format_day(str(value["due_on"]))
    return isolate(to_single_line(f"{value['measure']}{target} by {due}{likely}"))


def describe_outcome(value: Mapping[str, Any], titles: Titles) -> list[Span]:
    """Return what came of a forecast, with its mark: "● met: 4%. 9 of 231 bookings."."""
    shape, word, style = _RESULTS.get(value["result"], ("ring", "unclear", ""))
    actual = f": {value['actual']}" if value.get("actual") else ""
    finding = f". {value['finding']}" if value.get("finding") else ""
    evidence = f" Evidence: {titles.format(value['evidence'])}." if value.get("evidence") else ""
    return [(f"{SHAPES[shape]} {word}", style), (isolate(to_single_line(f"{actual}{finding}{evidence}")), "")]


def draw_outcomes(answer: Mapping[str, Any], titles: Titles, width: int) -> Iterator[Line]:
    """Yield each forecast below what it is about: the state, what was expected, by whom, and what came of it."""
    about = ""
    for row in answer["rows"]:
        if row["subject"] != about:
            if about:
                yield []
            about = row["subject"]
            title = isolate(to_single_line(titles.format(row["title"] or about)))
            yield from wrap([(title, "bold"), (f"  {about}", "cyan")], width, 2)
        by = isolate(to_single_line(titles.format(row["by"])))
        yield from wrap([("  Expected: ", ""), (describe_expectation(row), ""), (f" ({by})", "dim")], width, 4)
        yield from wrap([("  Result: ", ""), *_describe_result(row, titles)], width, 4)


def _describe_result(row: Mapping[str, Any], titles: Titles) -> list[Span]:
    if row["result"]:
        judge = [(f" ({isolate(to_single_line(titles.format(row['judged_by'])))})", "dim")] if row["judged_by"] else []
        return [*describe_outcome(row, titles), *judge]
    if row["state"] == "overdue":
        return [(f"{SHAPES['warn']} overdue for {count(row['days_late'], 'day')}", "red")]
    return [(f"{SHAPES['ring']} open", "")]
