"""More ways to make git run a program, each with a git command that shows that it does.

They do not disturb each other, so that one repository and one environment have all of them at once, each with a program
of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

from tests.interchange.adr.traps import RECORD, Trap

SIGNED = {
    "ssh": "-----BEGIN SSH SIGNATURE-----\n aaaa\n -----END SSH SIGNATURE-----",
    "x509": "-----BEGIN SIGNED MESSAGE-----\n aaaa\n -----END SIGNED MESSAGE-----",
}


@dataclass(frozen=True)
class Way:
    """Settings, a hook or variables that name the program `{program}`, and the command that runs it.

    `prepare` brings the repository into the state in which that command gets as far as the program.
    """

    command: tuple[str, ...]
    settings: tuple[tuple[str, str], ...] = ()
    hook: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Trap], None] = lambda _: None


def _change(trap: Trap) -> None:
    trap.change()


def _second_commit(trap: Trap) -> None:
    (trap.docs / "0002-two.md").write_text(RECORD.replace("One", "Two"), encoding="utf-8")
    trap.git("add", ".")
    trap.git("commit", "-qm", "two")


def _branch(trap: Trap) -> None:
    trap.git("branch", "other")
    _second_commit(trap)
    trap.git("checkout", "-q", "other")
    (trap.docs / "0003-three.md").write_text(RECORD, encoding="utf-8")
    trap.git("add", ".")
    trap.git("commit", "-qm", "three")


def _conflict(trap: Trap) -> None:
    trap.git("branch", "other")
    for branch in ("main", "other"):
        trap.git("checkout", "-q", branch)
        (trap.docs / "0001-one.md").write_text(f"{RECORD}{branch}\n", encoding="utf-8")
        trap.git("commit", "-qam", branch)
    trap.git("merge", "-q", "main", check=False)


def _sign(kind: str) -> Callable[[Trap], None]:
    def prepare(trap: Trap) -> None:
        head, _, message = trap.git("cat-file", "commit", "HEAD").stdout.decode().partition("\n\n")
        signed = f"{head}\ngpgsig {SIGNED[kind]}\n\n{message}".encode()
        id_ = trap.git("hash-object", "-t", "commit", "-w", "--stdin", input=signed).stdout.decode().strip()
        trap.git("update-ref", "refs/heads/main", id_)

    return prepare


def _remote(trap: Trap) -> None:
    trap.git("clone", "-q", "--bare", str(trap.top), str(trap.above / "remote.git"))
    trap.git("remote", "add", "there", str(trap.above / "remote.git"))
    _second_commit(trap)


def _patch(trap: Trap) -> None:
    _second_commit(trap)
    patch = trap.git("format-patch", "-1", "--stdout").stdout
    trap.git("reset", "-q", "--hard", "HEAD~")
    (trap.above / "patch").write_bytes(patch)


def _borrow(trap: Trap) -> None:
    trap.git("clone", "-q", "--bare", str(trap.top), str(trap.above / "lent.git"))
    alternates = trap.git_dir / "objects" / "info" / "alternates"
    alternates.write_text(f"{trap.above / 'lent.git' / 'objects'}\n", encoding="utf-8")


def _program_named(name: str) -> Callable[[Trap], None]:
    return lambda trap: trap.script(trap.above / "commands" / name) and None


def _settings(*pairs: str, **more: str) -> tuple[tuple[str, str], ...]:
    return (*((name, "{program}") for name in pairs), *((n.replace("__", "."), value) for n, value in more.items()))


def _hook(name: str, *command: str, prepare: Callable[[Trap], None] = _change) -> Way:
    return Way(command, hook=name, prepare=prepare)


EXT = "ext::{program}"
ALLOWED = ("protocol.ext.allow", "always")
WAYS: dict[str, Way] = {
    # Settings
    "sequence.editor": Way(("rebase", "-i", "--root"), _settings("sequence.editor")),
    "gpg.ssh.program": Way(
        ("log", "--show-signature"),
        (*_settings("gpg.ssh.program"), ("gpg.ssh.allowedSignersFile", os.devnull)),
        prepare=_sign("ssh"),
    ),
    "gpg.x509.program": Way(("log", "--show-signature"), _settings("gpg.x509.program"), prepare=_sign("x509")),
    "gpg.openpgp.program": Way(
        ("-c", "gpg.format=openpgp", "commit", "-q", "--allow-empty", "-S", "-m", "x"), _settings("gpg.openpgp.program")
    ),
    "gpg.ssh.defaultKeyCommand": Way(
        ("-c", "gpg.format=ssh", "commit", "-q", "--allow-empty", "-S", "-m", "x"),
        _settings("gpg.ssh.defaultKeyCommand"),
    ),
    "difftool": Way(("difftool", "-y", "-t", "w1"), _settings("difftool.w1.cmd"), prepare=_change),
    "mergetool": Way(("mergetool", "-y", "-t", "w2"), _settings("mergetool.w2.cmd"), prepare=_conflict),
    "path of a merge tool": Way(("mergetool", "-y", "-t", "meld"), _settings("mergetool.meld.path"), prepare=_conflict),
    "browser": Way(("web--browse", "-b", "w3", "x.html"), _settings("browser.w3.cmd")),
    "man": Way(("-c", "man.viewer=w4", "help", "-m", "log"), _settings("man.w4.cmd")),
    "trailer.command": Way(
        ("interpret-trailers", "--trailer", "w5=1"), (("trailer.w5.key", "W5"), *_settings("trailer.w5.command"))
    ),
    "trailer.cmd": Way(
        ("interpret-trailers", "--trailer", "w6=1"), (("trailer.w6.key", "W6"), *_settings("trailer.w6.cmd"))
    ),
    "core.alternateRefsCommand with alternates": Way(
        ("rev-list", "--alternate-refs"), _settings("core.alternateRefsCommand"), prepare=_borrow
    ),
    "remote.receivepack": Way(("push", "-q", "there", "main"), _settings("remote.there.receivepack"), prepare=_remote),
    "url.insteadOf": Way(("fetch", "-q", "w7:x"), ((f"url.{EXT}.insteadOf", "w7:x"), ALLOWED)),
    "url.pushInsteadOf": Way(("push", "-q", "w8:x", "main"), ((f"url.{EXT}.pushInsteadOf", "w8:x"), ALLOWED)),
    "remote.pushurl": Way(
        ("push", "-q", "w9", "main"), (("remote.w9.url", "/nowhere"), ("remote.w9.pushurl", EXT), ALLOWED)
    ),
    "remote in another file": Way(("ls-remote", "w10"), (("remote.w10.url", EXT), ALLOWED)),
    "credential for a URL": Way(("credential", "fill"), _settings("credential.https://h.helper")),
    "credential as a shell command": Way(("credential", "fill"), (("credential.helper", "!{program}"),)),
    "commit.gpgSign": Way(
        ("commit", "-q", "--allow-empty", "-m", "x"), (("commit.gpgSign", "true"), *_settings("gpg.program"))
    ),
    "tag.gpgSign": Way(("tag", "-m", "x", "x"), (("tag.gpgSign", "true"), *_settings("gpg.program"))),
    "filter in blame": Way(
        ("blame", "docs/0001-one.md"),
        _settings("filter.w11.clean", core__attributesFile="{above}/w11"),
        prepare=_change,
    ),
    "textconv in grep": Way(
        ("grep", "--textconv", "Status"), _settings("diff.w12.textconv", core__attributesFile="{above}/w12")
    ),
    "alias in an alias": Way(("w13",), (("alias.w13", "w14"), ("alias.w14", "!{program}"))),
    # Hooks
    "hook pre-commit": _hook("pre-commit", "commit", "-qam", "x"),
    "hook prepare-commit-msg": _hook("prepare-commit-msg", "commit", "-qam", "x"),
    "hook commit-msg": _hook("commit-msg", "commit", "-qam", "x"),
    "hook post-commit": _hook("post-commit", "commit", "-qam", "x"),
    "hook pre-rebase": _hook("pre-rebase", "rebase", "-q", "main", prepare=_branch),
    "hook post-rewrite": _hook("post-rewrite", "commit", "-q", "--amend", "-am", "x"),
    "hook pre-merge-commit": _hook("pre-merge-commit", "merge", "-q", "-m", "x", "main", prepare=_branch),
    "hook post-merge": _hook("post-merge", "merge", "-q", "-m", "x", "main", prepare=_branch),
    "hook pre-push": _hook("pre-push", "push", "-q", "there", "main", prepare=_remote),
    "hook applypatch-msg": _hook("applypatch-msg", "am", "-q", "../patch", prepare=_patch),
    "hook pre-applypatch": _hook("pre-applypatch", "am", "-q", "../patch", prepare=_patch),
    "hook post-applypatch": _hook("post-applypatch", "am", "-q", "../patch", prepare=_patch),
    # The environment
    "GIT_SEQUENCE_EDITOR": Way(("rebase", "-i", "--root"), environment={"GIT_SEQUENCE_EDITOR": "{program}"}),
    "VISUAL": Way(("commit", "-q", "--amend"), environment={"VISUAL": "{program}", "TERM": "xterm"}),
    "EDITOR": Way(("commit", "-q", "--amend"), environment={"EDITOR": "{program}"}),
    "SSH_ASKPASS": Way(("credential", "fill"), environment={"SSH_ASKPASS": "{program}"}),
    "GIT_TRACE_PACKET": Way(("ls-remote", "."), environment={"GIT_TRACE_PACKET": "{canary}"}),
    "GIT_TRACE_PERFORMANCE": Way(("status",), environment={"GIT_TRACE_PERFORMANCE": "{canary}"}),
    "GIT_TRACE_REFS": Way(("rev-parse", "HEAD"), environment={"GIT_TRACE_REFS": "{canary}"}),
    "GIT_TRACE2": Way(("status",), environment={"GIT_TRACE2": "{canary}"}),
    "GIT_TRACE2_PERF": Way(("status",), environment={"GIT_TRACE2_PERF": "{canary}"}),
    "remote helper in PATH": Way(
        ("ls-remote", "w15::x"),
        (("protocol.w15.allow", "always"),),
        environment={"PATH": "{above}/commands:" + os.environ["PATH"]},
        prepare=_program_named("git-remote-w15"),
    ),
    "command in PATH": Way(
        ("w16",), environment={"PATH": "{above}/commands:" + os.environ["PATH"]}, prepare=_program_named("git-w16")
    ),
}


def set_up(trap: Trap, way: Way) -> None:
    """Put one way into a repository, with the command that takes it."""
    way.prepare(trap)
    arm(trap, way, trap.program, trap.canary)
    trap.command = way.command


def arm(trap: Trap, way: Way, program: str, canary: Path) -> None:
    """Write the settings or the hook of a way, and set its variables, without running git."""

    def fill(text: str) -> str:
        named = {"{program}": program, "{above}": str(trap.above), "{canary}": str(canary)}
        return reduce(lambda filled, name: filled.replace(name, named[name]), named, text)

    with (trap.git_dir / "config").open("a", encoding="utf-8") as file:
        for name, value in way.settings:
            section, _, rest = fill(name).partition(".")
            middle, _, key = rest.rpartition(".")
            named = f'{section} "{middle}"' if middle else section
            file.write(f'[{named}]\n\t{key} = "{fill(value)}"\n')
    if way.hook:
        path = trap.git_dir / "hooks" / way.hook
        path.parent.mkdir(exist_ok=True)
        shutil.copy(program, path)
    for number, kind in (("w11", "filter"), ("w12", "diff")):
        (trap.above / number).write_text(f"*.md {kind}={number}\n", encoding="utf-8")
    trap.environment |= {name: fill(value) for name, value in way.environment.items()}
