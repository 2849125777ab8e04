"""Fault injection. `python -m tests.faults NAME` runs one kind at length; the test suite runs a short round of each."""
