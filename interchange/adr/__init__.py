"""Decision records in markdown, of the kinds of MADR and of Nygard: read with their history, and written as MADR 4."""

from interchange.adr.exporter import Exported, exported
from interchange.adr.history import default_system
from interchange.adr.importer import import_records
from interchange.adr.repository import HistoryError

__all__ = ["Exported", "HistoryError", "default_system", "exported", "import_records"]
