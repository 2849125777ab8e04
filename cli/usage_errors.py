"""What was probably meant by a command or an option that does not exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

import click

_CLOSE: Final = 0.7
OPTION_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "why": ("note", "because"),
    "reason": ("why", "note", "because"),
    "because": ("why", "note"),
    "comment": ("note", "notes"),
    "message": ("note",),
    "description": ("definition", "finding", "note"),
    "text": ("decision", "finding", "notes", "note"),
    "alias": ("identifier",),
    "email": ("identifier",),
    "handle": ("identifier",),
    "name": ("label", "title", "key"),
    "title": ("name", "label"),
    "id": ("key", "reference"),
    "ticket": ("reference",),
    "link": ("reference",),
    "owner": ("accountable", "who"),
    "assignee": ("accountable", "owner"),
    "assign": ("accountable",),
    "person": ("who", "by", "accountable", "owner"),
    "who": ("by", "decider", "accountable", "owner"),
    "author": ("by", "who"),
    "user": ("by", "who", "accountable"),
    "by": ("who", "decider"),
    "approver": ("decider",),
    "date": ("due-on", "held-on", "as-of", "since", "effective-at"),
    "due": ("due-on",),
    "deadline": ("due-on",),
    "day": ("due-on", "as-of", "effective-at"),
    "when": ("due-on", "effective-at", "as-of"),
    "at": ("as-of", "effective-at"),
    "on": ("as-of", "due-on", "effective-at"),
    "asof": ("as-of",),
    "from": ("since",),
    "after": ("since",),
    "start": ("since", "from"),
    "to": ("until",),
    "before": ("until",),
    "end": ("until", "ends-on"),
    "as": ("as-of", "on-behalf-of"),
    "for": ("product", "on-behalf-of"),
    "project": ("product",),
    "line": ("product",),
    "state": ("status",),
    "filter": ("where", "status"),
    "sort": ("order",),
    "group": ("columns", "count-by", "by"),
    "max": ("limit",),
    "top": ("limit",),
    "type": ("kind",),
    "output": ("csv", "json"),
    "format": ("json", "csv"),
    "force": ("yes",),
    "preview": ("dry-run",),
    "supports": ("support", "under"),
    "support": ("under",),
    "attendees": ("attendee", "invited"),
    "review": ("review-on", "revisit-on"),
}
"""Other names of options: for each, what it may mean; those that the command has are suggested."""
COMMAND_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "history": ("blame", "audit"),
    "diff": ("changes",),
    "compare": ("changes",),
    "find": ("search",),
    "get": ("show",),
    "view": ("show", "roadmap"),
    "open": ("show",),
    "list": ("decisions", "roadmap"),
    "ls": ("decisions", "roadmap"),
    "plan": ("roadmap",),
    "board": ("roadmap",),
    "timeline": ("roadmap",),
    "owners": ("who",),
    "delays": ("slips",),
    "risks": ("flags", "assumption"),
    "todo": ("tasks", "debt"),
    "decide": ("record",),
    "new": ("record",),
    "note": ("record",),
    "init": ("serve", "demo"),
    "start": ("serve", "feature start"),
    "run": ("serve",),
    "user": ("person",),
    "users": ("people",),
    "members": ("people",),
    "rights": ("deciders", "product rights"),
    "undo": ("subject void", "decision reverse"),
    "delete": ("subject remove",),
    "remove": ("subject remove",),
    "rename": ("subject rename",),
    "prioritize": ("feature move",),
    "move": ("feature move",),
    "schedule": ("release add", "feature target"),
    "delay": ("feature target", "release move"),
    "postpone": ("feature target", "release move"),
    "approve": ("decision approve",),
    "assign": ("owner assign",),
    "login": ("login-link",),
    "check": ("verify", "doctor"),
}
"""Other names of commands."""
VERB_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "create": ("add", "propose", "plan", "record", "expect"),
    "new": ("add", "propose", "plan", "record"),
    "add": ("propose", "plan", "assign", "record", "expect"),
    "prioritize": ("move",),
    "schedule": ("target", "add", "plan"),
    "plan": ("target", "move"),
    "delay": ("target", "move"),
    "postpone": ("target", "move", "defer"),
    "reschedule": ("move", "target"),
    "done": ("ship", "close"),
    "finish": ("ship", "done", "close"),
    "complete": ("done", "ship", "close"),
    "release": ("ship",),
    "cancel": ("drop", "withdraw"),
    "stop": ("pause", "drop"),
    "resume": ("start",),
    "edit": ("revise", "define", "rename"),
    "update": ("revise", "measure", "move"),
    "change": ("revise", "move"),
    "undo": ("reverse", "reopen"),
    "replace": ("supersede",),
    "object": ("dissent",),
    "transfer": ("hand-over",),
    "handover": ("hand-over",),
    "set": ("assign", "add"),
    "delete": ("drop",),
    "leave": ("left",),
}
"""Other names of the verbs of a noun."""
_FOR_ALL: Final[Mapping[str, str]] = {
    "rename": "subject rename",
    "delete": "subject remove",
    "remove": "subject remove",
    "restore": "subject restore",
    "edit": "subject rename",
    "assign": "owner assign",
    "own": "owner assign",
    "owner": "owner assign",
    "list": "show --kind",
    "show": "show",
}
"""What can be done with a subject of any kind, by another name."""


def suggest_options(typed: str, context: click.Context) -> str:
    """Return a sentence with the options, or the argument, that was probably meant by one that does not exist."""
    name = typed.lstrip("-").casefold()
    params = context.command.get_params(context)
    flags = [
        flag for param in params for flag in param.opts if isinstance(param, click.Option) and len(flag) > len("-x")
    ]
    for argument in params:
        if isinstance(argument, click.Argument) and _is_called(shown := _call(argument, context), name):
            words = " ".join([context.command_path, *context.command.collect_usage_pieces(context)])
            return f"{shown} is typed without an option: {words}"
    known = {flag.lstrip("-"): flag for flag in flags}
    meant = [each for each in OPTION_NAMES.get(name, ()) if each in known]
    return _ask_for([known[each] for each in meant[:2] or _find_close(name, known)])


def _call(argument: click.Argument, context: click.Context) -> str:
    """Return what an argument is called in the usage line, without the marks of what is optional or repeatable."""
    return argument.make_metavar(context).replace("...", "").strip("[]")


def _is_called(metavar: str, name: str) -> bool:
    called = metavar.casefold().replace("_", "-")
    return called == name or (len(name) > len("xx") and f"{name}s" == called)


def suggest_commands(typed: str, following: Sequence[str], group: click.Group, context: click.Context) -> str:
    """Return a sentence with the commands that were probably meant by one that does not exist."""
    name = typed.casefold()
    is_noun = context.parent is not None
    root = context.find_root()
    verbs = group.list_commands(context)
    if not is_noun:
        return _ask_for(
            f"`{root.command_path} {each}`" for each in _suggest_at_the_top(name, following, verbs, context)
        )
    meant = [each for each in VERB_NAMES.get(name, ()) if each in verbs][:2] or _find_close(name, verbs)
    found = [f"{context.info_name} {each}" for each in meant]
    if not found and name in _FOR_ALL:
        found = [f"show --kind {context.info_name}" if name == "list" else _FOR_ALL[name]]
    return _ask_for(f"`{root.command_path} {each}`" for each in found)


def _suggest_at_the_top(name: str, following: Sequence[str], known: Sequence[str], context: click.Context) -> list[str]:
    root = context.find_root().command
    noun = next((each for word in following[:1] for each in (word.removesuffix("s"), word) if each in known), None)
    if noun and isinstance(root, click.Group):
        group = root.get_command(context, noun)
        verbs = group.list_commands(context) if isinstance(group, click.Group) else []
        meant = [name, *VERB_NAMES.get(name, ())]
        if found := [f"{noun} {each}" for each in meant if each in verbs][:1]:
            return found
        if name in ("list", "ls", "show"):
            return [f"{noun}s" if f"{noun}s" in known else f"show --kind {noun}"]
    if name in COMMAND_NAMES:
        return list(COMMAND_NAMES[name])
    if name.removesuffix("s") in known:
        return [name.removesuffix("s"), f"show --kind {name.removesuffix('s')}"]
    return _find_close(name, known) or _find_nouns_with(name)


def _find_nouns_with(verb: str) -> list[str]:
    """Return the commands that end in a verb: `decision accept` for `accept`."""
    from cli.verb_list import read_verbs  # noqa: PLC0415  (only for an error)

    return [path for path in read_verbs()[1] if path.endswith(f" {verb}")][:3]


def _find_close(name: str, known: Iterable[str]) -> list[str]:
    return get_close_matches(name, list(known), 2, _CLOSE)


def _ask_for(found: Iterable[str]) -> str:
    listed = " or ".join(found)
    return f"Did you mean {listed}?" if listed else ""
