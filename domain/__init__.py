"""What can be recorded, and when it is refused. Pure: no I/O, no clock, no framework except pydantic."""
