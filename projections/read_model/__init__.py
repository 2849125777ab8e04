"""The read model: its tables, the projector that fills them from the log, and what keeps both true."""
