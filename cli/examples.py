"""Examples of the commands that ask and operate, as their help shows them. Those of commands that record are derived."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import click

_ARGUMENT: Final = re.compile(r"""(?:'[^']*'|"[^"]*"|\S)+""")
_CONTINUED: Final = " \\"
EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "roadmap": ("roadmap", "roadmap tide --as-of 'last quarter'", "roadmap tide --columns owner", "roadmap tide --all"),
    "changes": ("changes", "changes --since 'last month' --product tide"),
    "blame": (
        "blame night-mode",
        "blame night-mode --field horizon --order newest",
        "blame --field status --count-by principal",
    ),
    "decisions": ("decisions --status accepted", "decisions --decider 'Priya Raman' --as-of 2026-07-01"),
    "slips": ("slips --since 'last quarter'", "slips --by cause", "slips --by target --min-count 2"),
    "calibration": ("calibration", "calibration me"),
    "succession": ("succession 'Priya Raman'", "succession 'Priya Raman' --to 'Wen Li'"),
    "debt": ("debt", "debt --owner me", "debt --months 6"),
    "outcomes": ("outcomes --state overdue", "outcomes --product tide"),
    "flags": ("flags", "flags --product tide --as-of 'last month'"),
    "arrivals": ("arrivals", "arrivals --product tide"),
    "options": ("options TIDE-11", "options TIDE-11 --as-of 'last quarter'"),
    "contributions": ("contributions --product tide", "contributions --gaps"),
    "minutes": ("minutes", "minutes steering"),
    "tasks": ("tasks --status open", "tasks --product tide --as-of 'last month'"),
    "show": (
        "show TIDE-11",
        "show night-mode --as-of 'last month'",
        "show 'Priya Raman'",
        "show --kind goal --field status",
    ),
    "search": ("search 'winter berths'", "search prices --kind decision"),
    "who": ("who night-mode", "who 'Priya Raman' --as-of 'last quarter'", "who --nobody"),
    "authority": ("authority TIDE-11",),
    "deciders": ("deciders tide --kind feature --cost 5000 EUR",),
    "people": ("people", "people 'Priya Raman'"),
    "imports": ("imports", "imports tracker.jsonl"),
    "audit": ("audit --since yesterday", "audit --backdated", "audit --by 'Priya Raman' --type DecisionAccepted"),
    "activity": ("activity --since yesterday", "activity --who 'Priya Raman' --source access"),
    "access-journal": ("access-journal --kind denied",),
    "report": ("report tide --since 'last quarter'", "report tide --since 2026-07-01 --format html --output tide.html"),
    "import changes": ("import changes tracker.csv --mapping tracker.toml --dry-run",),
    "import commands": ("import commands commands.jsonl --dry-run",),
    "import madr": ("import madr docs/decisions --product shop --dry-run",),
    "import nygard": ("import nygard doc/adr --product shop --dry-run",),
    **{
        f"import {tracker}": (f"import {tracker} export.json --product shop --dry-run",)
        for tracker in (
            "azure-devops",
            "github",
            "gitlab",
            "jira",
            "linear",
            "openproject",
            "redmine",
            "trello",
        )
    },
    "role list": ("role list --product tide",),
    "serve": ("serve", "serve --data demo --port 8800"),
    "project": ("project",),
    "publish": ("publish",),
    "consume": ("consume",),
    "replica": ("replica --into replica.sqlite3",),
    "demo": ("demo", "demo --open"),
    "status": ("status", "status --json"),
    "token create": ("token create 'Priya Raman' --scope read",),
    "token list": ("token list",),
    "token revoke": ("token revoke d05cpbm3uq38ldqr",),
    "account list": ("account list", "account list --person 'Priya Raman'"),
    "account connect": ("account connect 'Priya Raman' 248289761001 --issuer https://login.example.org",),
    "account disconnect": ("account disconnect 248289761001 --issuer https://login.example.org",),
    "login-link": ("login-link 'Priya Raman'",),
    "verify": ("verify", "verify --write-checkpoint checkpoint.txt"),
    "doctor": ("doctor",),
    "export": ("export --output log.jsonl", "export --people --output log.jsonl"),
    "export madr": ("export madr decisions --product tide",),
    "backup": ("backup log-backup.sqlite3",),
    "rebuild": ("rebuild",),
    "migrate": ("migrate --to @database.txt",),
}


def wrap_command(command: str, width: int) -> str:
    """Return a command in lines of a width, broken between arguments; it can be copied, as a backslash continues it."""
    lines = [""]
    for argument in _ARGUMENT.findall(command):
        if lines[-1] and len(f"{lines[-1]} {argument}{_CONTINUED}") > width:
            lines.append("     ")
        lines[-1] += f" {argument}" if lines[-1] else argument
    return f"{_CONTINUED}\n".join(lines)


def add_examples(path: str, command: click.Command) -> click.Command:
    """Return a command with its examples at the end of its help, and its subcommands with theirs."""
    if path in EXAMPLES:
        command.epilog = "\b\nExamples:\n" + "\n".join(f"  decisionlog {each}" for each in EXAMPLES[path])
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            add_examples(f"{path} {name}", each)
    return command
