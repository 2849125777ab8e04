"""Read the history of a folder of records: from `history.jsonl`, else from git, else only the current files."""

from __future__ import annotations

import re
from pathlib import Path

from interchange.adr.current_files import read_current_files
from interchange.adr.git_history import open_tracked_folder, read_git_history
from interchange.adr.git_objects import remote_address
from interchange.adr.git_repository import find_repository, require_inside
from interchange.adr.history_lines import has_history_lines, read_history_lines
from interchange.adr.keywords import DEFAULT_WORDS, Words
from interchange.adr.record_versions import RecordHistory
from interchange.value_parsers import field_name_part


def read_history(folder: Path, words: Words = DEFAULT_WORDS) -> RecordHistory:
    """Return all versions of the records of a folder.

    Raises:
        HistoryError: the folder is in a git repository, and its history cannot be read.
        OSError: a file cannot be read.
    """
    require_inside(folder)
    history = RecordHistory(words)
    if has_history_lines(folder, history):
        read_history_lines(folder, history)
        return history
    with open_tracked_folder(folder) as tracked:
        if tracked is not None:
            read_git_history(folder, tracked, history)
            return history
    history.versions += read_current_files(folder, history)
    return history


def default_system(folder: Path) -> str:
    """Return a name for the records of a folder: its repository by remote address or folder, else the folder.

    Raises:
        HistoryError: the repository cannot be read.
    """
    repository = find_repository(folder)
    if repository is None:
        return field_name_part(folder.resolve().name)
    address = remote_address(repository).decode(errors="replace").strip()
    name = re.split(r"[/:]", address.removesuffix("/").removesuffix(".git"))[-1]
    return field_name_part(name or repository.top.name)
