"""Build tools; not part of the package."""
