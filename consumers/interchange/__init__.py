"""Decision records in markdown, of the kinds of MADR and of Nygard: read with their history, and written as MADR 4."""

from consumers.interchange.exporting import Exported, exported
from consumers.interchange.history import default_system
from consumers.interchange.importing import import_records
from consumers.interchange.repository import HistoryError

__all__ = ["Exported", "HistoryError", "default_system", "exported", "import_records"]
