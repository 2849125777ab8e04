"""Decision records in markdown, of the kinds of MADR and of Nygard: read with their history, and written as MADR 4."""

from consumers.interchange.exporting import Exported, exported
from consumers.interchange.history import HistoryError, default_system
from consumers.interchange.importing import import_records

__all__ = ["Exported", "HistoryError", "default_system", "exported", "import_records"]
