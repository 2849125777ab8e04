"""Repositories and environments that make git run a program, each with a git command that shows it does."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

RECORD = "# 1. One\n\n## Status\n\nAccepted\n"
PLAIN = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}
STATUS = ("status",)
FETCH = ("fetch", "-q", "origin")
COMMON = "PATH", "HOME"


@dataclass
class Trap:
    """A repository with one record in `docs`, and a program that leaves a trace when it is run."""

    above: Path
    environment: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    where: Path | None = None

    @property
    def top(self):
        return self.above / "project"

    @property
    def docs(self):
        return self.top / "docs"

    @property
    def git_dir(self):
        return self.top / ".git"

    @property
    def canary(self):
        return self.above / "canary"

    @property
    def program(self):
        return str(self.above / "trap")

    def git(self, *words, at=None, **options):
        return subprocess.run(
            ["git", *words],
            cwd=at or self.top,
            capture_output=True,
            timeout=30,
            check=options.pop("check", True),
            env={name: os.environ[name] for name in COMMON} | PLAIN | options.pop("env", {}),
            **options,
        )

    def config(self, *pairs, at=None):
        for name, value in pairs:
            self.git("config", "--add", name, value, at=at)

    def script(self, path):
        """The program under another name, as a hook or a command."""
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.program, path)
        return path

    def change(self, folder=None):
        """Makes git look into the record: it is as large as it was, and of another time."""
        path = (folder or self.docs) / "0001-one.md"
        path.write_text(RECORD.replace("Accepted", "Rejected"), encoding="utf-8")
        os.utime(path, (0, 0))

    def fires(self):
        """Whether the command of git springs the trap."""
        self.git(*self.command, at=self.where, env=self.environment, check=False, input=b"protocol=https\nhost=h\n\n")
        fired = self.canary.exists()
        self.canary.unlink(missing_ok=True)
        return fired


def make_trap(above):
    above.mkdir(exist_ok=True)
    trap = Trap(above)
    script = Path(trap.program)
    script.write_text(f"#!/bin/sh\necho ran >> '{trap.canary}'\n", encoding="utf-8")
    script.chmod(0o755)
    trap.docs.mkdir(parents=True)
    (trap.docs / "0001-one.md").write_text(RECORD, encoding="utf-8")
    trap.git("init", "-q", "-b", "main")
    trap.git("add", ".")
    trap.git("commit", "-qm", "one")
    return trap


# Each function sets a trap and names the command that springs it -----------------------------------------------------


def filtered(trap, kind, command=STATUS):
    (trap.git_dir / "info").mkdir(exist_ok=True)
    (trap.git_dir / "info" / "attributes").write_text("*.md filter=x\n", encoding="utf-8")
    trap.config((f"filter.x.{kind}", trap.program))
    trap.change()
    trap.command = command


def smudge(trap):
    filtered(trap, "smudge", ("checkout", "-f", "."))


def attributes_in_the_tree(trap):
    (trap.top / ".gitattributes").write_text("*.md filter=x\n", encoding="utf-8")
    trap.config(("filter.x.clean", trap.program))
    trap.change()
    trap.command = STATUS


def attributes_file(trap):
    file = trap.top / "attributes"
    file.write_text("*.md filter=x\n", encoding="utf-8")
    trap.config(("core.attributesFile", str(file)), ("filter.x.clean", trap.program))
    trap.change()
    trap.command = STATUS


def submodule(trap):
    """A repository in the repository, which git goes into."""
    inner = trap.docs / "inner"
    inner.mkdir()
    (inner / "0001-one.md").write_text(RECORD, encoding="utf-8")
    trap.git("init", "-q", at=inner)
    trap.git("add", ".", at=inner)
    trap.git("commit", "-qm", "inner", at=inner)
    trap.git("add", "docs/inner")
    trap.git("commit", "-qm", "with inner")
    trap.command = STATUS
    return inner


def submodule_filter(trap):
    inner = submodule(trap)
    (inner / ".git" / "info").mkdir(exist_ok=True)
    (inner / ".git" / "info" / "attributes").write_text("*.md filter=x\n", encoding="utf-8")
    trap.config(("filter.x.clean", trap.program), at=inner)
    trap.change(inner)


def submodule_monitor(trap):
    trap.config(("core.fsmonitor", trap.program), at=submodule(trap))


def submodule_update(trap):
    inner = submodule(trap)
    (trap.top / ".gitmodules").write_text(
        '[submodule "inner"]\n\tpath = docs/inner\n\turl = ./docs/inner\n', encoding="utf-8"
    )
    trap.config(("submodule.inner.update", f"!{trap.program}"), ("submodule.inner.url", str(inner)))
    trap.git("commit", "-q", "--allow-empty", "-m", "other", at=inner)
    trap.command = ("submodule", "update")


def embedded_bare(trap):
    """The folder of records is itself a bare repository with the trap in its configuration."""
    other = trap.above / "other"
    shutil.copytree(trap.docs, other)
    trap.git("init", "-q", at=other)
    trap.git("add", ".", at=other)
    trap.git("commit", "-qm", "other", at=other)
    shutil.copytree(other / ".git", trap.docs, dirs_exist_ok=True)
    (trap.docs / "info" / "attributes").write_text("*.md filter=x\n", encoding="utf-8")
    (trap.docs / "config").write_text(
        f'[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n[filter "x"]\n\tclean = {trap.program}\n',
        encoding="utf-8",
    )
    trap.change()
    trap.command, trap.where = ("status",), trap.docs


def monitor(trap):
    trap.config(("core.fsmonitor", trap.program))
    trap.command = STATUS


def hook(name, *command):
    def set_trap(trap):
        trap.script(trap.git_dir / "hooks" / name)
        trap.change()
        trap.command = command

    return set_trap


def hooks_path(trap):
    trap.script(trap.top / "tools" / "post-index-change")
    trap.config(("core.hooksPath", str(trap.top / "tools")))
    trap.change()
    trap.command = ("add", "docs")


def before_gc(trap):
    trap.script(trap.git_dir / "hooks" / "pre-auto-gc")
    # In the background it would pack the objects while the test reads them.
    trap.config(("gc.auto", "1"), ("gc.autoDetach", "false"))
    (trap.git_dir / "objects" / "17").mkdir(exist_ok=True)
    for n in range(3):
        (trap.git_dir / "objects" / "17" / f"{n:038}").write_text("", encoding="utf-8")
    trap.command = ("gc", "--auto")


def configured(name, *command, change=True):
    """A setting that names the program."""

    def set_trap(trap):
        trap.config((name, trap.program))
        if change:
            trap.change()
        trap.command = command

    return set_trap


def driver(kind, *command):
    def set_trap(trap):
        (trap.top / ".gitattributes").write_text("*.md diff=x merge=x\n", encoding="utf-8")
        trap.config((kind, trap.program))
        trap.change()
        trap.command = command

    return set_trap


def merge_driver(trap):
    (trap.top / ".gitattributes").write_text("*.md merge=x\n", encoding="utf-8")
    trap.config(("merge.x.driver", f"{trap.program} < /dev/null"))
    trap.git("add", ".")
    trap.git("commit", "-qm", "attributes")
    for branch, word in (("other", "Other"), ("main", "Main")):
        trap.git("checkout", "-q", *(("-b",) if branch == "other" else ()), branch)
        (trap.docs / "0001-one.md").write_text(RECORD + word, encoding="utf-8")
        trap.git("commit", "-qam", word)
    trap.command = ("merge", "-q", "other")


def alias(trap):
    for name in ("log", "ls-tree", "cat-file", "x"):
        trap.config((f"alias.{name}", f"!{trap.program}"))
    trap.command = ("x",)


def signed(trap):
    """The last commit has a signature, which `git log` is configured to check."""
    commit = trap.git("cat-file", "commit", "HEAD").stdout.decode()
    head, _, message = commit.partition("\n\n")
    body = f"{head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n aaaa\n -----END PGP SIGNATURE-----\n\n{message}"
    id_ = trap.git("hash-object", "-t", "commit", "-w", "--stdin", input=body.encode()).stdout.decode().strip()
    trap.git("update-ref", "refs/heads/main", id_)
    trap.config(("gpg.program", trap.program), ("log.showSignature", "true"))
    trap.command = ("log",)


def partial(trap, url, *more):
    """A partial clone that lacks the content of the record, and would ask its remote for it."""
    blob = trap.git("rev-parse", "HEAD:docs/0001-one.md").stdout.decode().strip()
    trap.config(
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", url),
        ("remote.origin.promisor", "true"),
        ("remote.origin.partialclonefilter", "blob:none"),
        *more,
    )
    (trap.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    trap.command = ("cat-file", "-p", blob)


def partial_ext(trap):
    partial(trap, f"ext::{trap.program}", ("protocol.ext.allow", "always"))


def partial_ssh(trap):
    partial(trap, "ssh://nobody@localhost/x", ("core.sshCommand", trap.program))


def partial_uploadpack(trap):
    partial(trap, str(trap.top), ("remote.origin.uploadpack", trap.program))


def partial_proxy(trap):
    partial(trap, "git://localhost:1/x", ("core.gitProxy", trap.program))


def packed_hook(trap):
    trap.config(("uploadpack.packObjectsHook", trap.program))


def included(section):
    def set_trap(trap):
        file = trap.top / "more"
        file.write_text(f"[core]\n\tfsmonitor = {trap.program}\n", encoding="utf-8")
        trap.config((section, str(file)))
        trap.command = STATUS

    return set_trap


def worktree_settings(trap):
    trap.config(("extensions.worktreeConfig", "true"))
    (trap.git_dir / "config.worktree").write_text(f"[core]\n\tfsmonitor = {trap.program}\n", encoding="utf-8")
    trap.command = STATUS


def other_work_tree(trap):
    elsewhere = trap.above / "elsewhere" / "docs"
    elsewhere.mkdir(parents=True)
    filtered(trap, "clean")
    trap.change(elsewhere)
    trap.config(("core.worktree", str(elsewhere.parent)))


def archived(trap):
    (trap.top / ".gitattributes").write_text("*.md export-subst\n", encoding="utf-8")
    trap.config(("tar.x.command", trap.program))
    trap.command = ("archive", "--format=x", "HEAD")


def _moved_git_dir(trap):
    monitor(trap)
    elsewhere = trap.above / "elsewhere"
    trap.git_dir.rename(elsewhere)
    return elsewhere


def git_file(trap):
    elsewhere = _moved_git_dir(trap)
    trap.git_dir.write_text(f"gitdir: {elsewhere}\n", encoding="utf-8")


def git_link(trap):
    trap.git_dir.symlink_to(_moved_git_dir(trap))


def common_dir(trap):
    elsewhere = _moved_git_dir(trap)
    trap.git_dir.mkdir()
    for name in ("HEAD", "index"):
        shutil.copy(elsewhere / name, trap.git_dir / name)
    (trap.git_dir / "commondir").write_text(f"{elsewhere}\n", encoding="utf-8")
    for name in ("objects", "refs"):
        (trap.git_dir / name).mkdir()


def linked_work_tree(trap):
    """A work tree that its repository knows; the settings are those of the repository."""
    monitor(trap)
    trap.git("worktree", "add", "-q", str(trap.above / "linked"))
    shutil.rmtree(trap.docs)
    trap.where = trap.above / "linked"


def environment(command, **variables):
    """An environment that names the program; `{trap}` is its path, `{canary}` that of its trace, `{above}` the folder."""

    def set_trap(trap):
        trap.change()
        names = {"trap": trap.program, "canary": trap.canary, "above": trap.above}
        trap.environment = {name: value.format(**names) for name, value in variables.items()}
        trap.command = command

    return set_trap


def remote_environment(url, **variables):
    def set_trap(trap):
        trap.config(("remote.origin.url", url.format(trap=trap.program)))
        environment(FETCH, **variables)(trap)

    return set_trap


def user_settings(path, **variables):
    def set_trap(trap):
        file = trap.above / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"[core]\n\tfsmonitor = {trap.program}\n", encoding="utf-8")
        environment(STATUS, **variables)(trap)

    return set_trap


def exec_path(trap):
    for name in ("git-x", "git-log", "git-ls-tree", "git-cat-file"):
        trap.script(trap.above / "commands" / name)
    environment(("x",), GIT_EXEC_PATH="{above}/commands")(trap)


def template(trap):
    trap.script(trap.above / "template" / "hooks" / "post-index-change")
    environment(
        ("-c", "alias.x=!git init -q new && git -C new add ../docs/../new; cd new && git read-tree --empty", "x"),
        GIT_TEMPLATE_DIR="{above}/template",
    )(trap)


def other_git_dir(trap):
    other = make_trap_elsewhere(trap)
    trap.environment = {"GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(other)}
    trap.command = STATUS


def make_trap_elsewhere(trap):
    other = trap.above / "other"
    shutil.copytree(trap.top, other)
    trap.config(("core.fsmonitor", trap.program), at=other)
    return other


def traced(**variables):
    return environment(STATUS, **variables)


def git_here(trap):
    trap.script(trap.top / "git")
    trap.environment = {"PATH": f".:{os.environ['PATH']}"}


def git_in_a_tool_folder(trap):
    trap.script(trap.top / "bin" / "git")
    trap.environment = {"PATH": f"{trap.top / 'bin'}:{os.environ['PATH']}"}


TRAPS = {
    "filter.clean": lambda trap: filtered(trap, "clean"),
    "filter.process": lambda trap: filtered(trap, "process"),
    "filter.smudge": smudge,
    "attributes in the tree": attributes_in_the_tree,
    "core.attributesFile": attributes_file,
    "filter of a submodule": submodule_filter,
    "fsmonitor of a submodule": submodule_monitor,
    "update of a submodule": submodule_update,
    "embedded bare repository": embedded_bare,
    "core.fsmonitor": monitor,
    "hook post-index-change": hook("post-index-change", "add", "docs"),
    "hook reference-transaction": hook("reference-transaction", "update-ref", "refs/heads/x", "HEAD"),
    "hook post-checkout": hook("post-checkout", "checkout", "-qf", "-b", "x"),
    "hook pre-auto-gc": before_gc,
    "core.hooksPath": hooks_path,
    "diff.external": configured("diff.external", "diff"),
    "diff driver": driver("diff.x.command", "diff"),
    "textconv": driver("diff.x.textconv", "log", "-p"),
    "merge driver": merge_driver,
    "alias": alias,
    "gpg.program": signed,
    "credential.helper": configured("credential.helper", "credential", "fill"),
    "core.askPass": configured("core.askPass", "credential", "fill"),
    "core.editor": configured("core.editor", "commit", "-q", "--amend"),
    "ext remote of a partial clone": partial_ext,
    "ssh remote of a partial clone": partial_ssh,
    "uploadpack of a partial clone": partial_uploadpack,
    "proxy of a partial clone": partial_proxy,
    "include.path": included("include.path"),
    "includeIf": included("includeIf.gitdir:**.path"),
    "config.worktree": worktree_settings,
    "core.worktree": other_work_tree,
    "tar.command": archived,
    "file .git to elsewhere": git_file,
    "link .git to elsewhere": git_link,
    "commondir to elsewhere": common_dir,
    "linked work tree": linked_work_tree,
    "GIT_EXTERNAL_DIFF": environment(("diff",), GIT_EXTERNAL_DIFF="{trap}"),
    "GIT_ASKPASS": environment(("credential", "fill"), GIT_ASKPASS="{trap}"),
    "GIT_EDITOR": environment(("commit", "-q", "--amend"), GIT_EDITOR="{trap}"),
    "GIT_SSH_COMMAND": remote_environment("ssh://nobody@localhost/x", GIT_SSH_COMMAND="{trap}"),
    "GIT_SSH": remote_environment("ssh://nobody@localhost/x", GIT_SSH="{trap}"),
    "GIT_PROXY_COMMAND": remote_environment("git://localhost:1/x", GIT_PROXY_COMMAND="{trap}"),
    "GIT_ALLOW_PROTOCOL": remote_environment("ext::{trap}", GIT_ALLOW_PROTOCOL="ext"),
    "GIT_CONFIG_COUNT": environment(
        STATUS, GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="core.fsmonitor", GIT_CONFIG_VALUE_0="{trap}"
    ),
    "GIT_CONFIG_PARAMETERS": environment(STATUS, GIT_CONFIG_PARAMETERS="'core.fsmonitor={trap}'"),
    "GIT_CONFIG_GLOBAL": user_settings("user", GIT_CONFIG_GLOBAL="{above}/user"),
    "GIT_CONFIG_SYSTEM": user_settings("system", GIT_CONFIG_SYSTEM="{above}/system", GIT_CONFIG_NOSYSTEM="0"),
    "HOME": user_settings("home/.gitconfig", HOME="{above}/home", GIT_CONFIG_GLOBAL="{above}/home/.gitconfig"),
    "GIT_EXEC_PATH": exec_path,
    "GIT_TEMPLATE_DIR": template,
    "GIT_DIR": other_git_dir,
    "GIT_TRACE": traced(GIT_TRACE="{canary}"),
    "GIT_TRACE_SETUP": traced(GIT_TRACE_SETUP="{canary}"),
    "GIT_TRACE2_EVENT": traced(GIT_TRACE2_EVENT="{canary}"),
}
"""Those that git springs, here or as a user would ask it to."""
UNSPRUNG = {
    "uploadpack.packObjectsHook": packed_hook,
    "core.pager": configured("core.pager"),
    "pager.log": configured("pager.log"),
    "core.alternateRefsCommand": configured("core.alternateRefsCommand"),
    "GIT_PAGER": environment((), GIT_PAGER="{trap}", PAGER="{trap}"),
    "git in the current folder": git_here,
    "git in a folder of the repository": git_in_a_tool_folder,
}
"""Those that need a terminal, a server or a shell to be sprung."""
