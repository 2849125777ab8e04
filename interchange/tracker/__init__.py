"""File imports: the history that other systems can export, and files of commands."""

from interchange.tracker.changes import import_changes
from interchange.tracker.commands import import_commands
from interchange.tracker.import_report import Report
from interchange.tracker.mapping import Mapping, MappingError, load_mapping
from interchange.tracker.sink import DrySink, LogSink, Sink

__all__ = [
    "DrySink", "LogSink", "Mapping", "MappingError", "Report", "Sink", "import_changes", "import_commands", "load_mapping",
]  # fmt: skip
