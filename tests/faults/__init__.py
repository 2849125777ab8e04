"""What breaks the log, or tries to. `python -m tests.faults NAME` runs one at length; the suite runs each in short."""
