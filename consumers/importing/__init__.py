"""File imports: the history that other systems can export, and files of commands."""

from consumers.importing.changes import import_changes
from consumers.importing.commands import import_commands
from consumers.importing.mapping import Mapping, MappingError, load_mapping
from consumers.importing.report import Report
from consumers.importing.sink import DrySink, LogSink, Sink

__all__ = [
    "DrySink", "LogSink", "Mapping", "MappingError", "Report", "Sink", "import_changes", "import_commands", "load_mapping",
]  # fmt: skip
