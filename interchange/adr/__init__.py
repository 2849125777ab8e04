"""Decision records in Markdown: import MADR and Nygard records with their history, and export MADR 4."""

from interchange.adr.exporter import ExportedRecord, export_records
from interchange.adr.git_repository import HistoryError
from interchange.adr.history import default_system
from interchange.adr.importer import import_records

__all__ = ["ExportedRecord", "HistoryError", "default_system", "export_records", "import_records"]
