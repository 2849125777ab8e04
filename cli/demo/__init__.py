"""A year of an invented product's life, to look around in: four files that tell it, and what writes it to a log."""
