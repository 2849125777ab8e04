"""Say of which kind a subject is that is not of the kind asked for, and what on the command line takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from cli.candidates import MAX_SIMILAR, Candidate
from cli.verb_list import PREFIX
from domain.ids import kind_of

_ABOUT_THE_COMMAND: Final = ("because", "on_behalf_of")
"""Options that say why and for whom something is recorded, which is not what a misplaced name is for."""
_ANY_VALUE: Final = ("value", "to_value")
"""Options that take a subject of any kind as the value of a field."""


def explain_other_kind(typed: str, found: Sequence[Candidate]) -> str:
    """Return a sentence such as "'3.9' is the release 3.9 (release:r1). Give it as --value."; empty if nothing is found."""
    if not found:
        return ""
    shown = " and ".join(f"the {kind_of(each.subject)} {each.label}" for each in found[:MAX_SIMILAR])
    kinds = {kind_of(each.subject) for each in found}
    parameter = _find_parameter(kinds.pop()) if len(kinds) == 1 else ""
    return f"{typed!r} is {shown}.{f' Give it as {parameter}.' if parameter else ''}"


def _find_parameter(kind: str) -> str:
    """Return the option or argument of the running command that takes a subject of a kind; empty if none does."""
    context = click.get_current_context(silent=True)
    by_name = {str(each.name).removeprefix(PREFIX): each for each in context.command.params} if context else {}
    for name, parameter in by_name.items():
        kinds = getattr(parameter.type, "kinds", None)
        if name not in _ABOUT_THE_COMMAND and kinds is not None and (kind in kinds or not kinds):
            return _name(name, parameter)
    return next((_name(name, by_name[name]) for name in _ANY_VALUE if name in by_name), "")


def _name(name: str, parameter: click.Parameter) -> str:
    """Return what a parameter is called on the command line."""
    if isinstance(parameter, click.Argument):
        return (parameter.metavar or name.upper()).strip("[].")
    return max(parameter.opts, key=len)
