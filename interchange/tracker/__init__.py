"""Import the change history that an issue tracker exports, as a TOML mapping describes it."""

from interchange.tracker.history_importer import import_changes
from interchange.tracker.mapping import Mapping, MappingError, load_mapping, parse_mapping
from interchange.tracker.suggestion import suggest_mapping

__all__ = ["Mapping", "MappingError", "import_changes", "load_mapping", "parse_mapping", "suggest_mapping"]
